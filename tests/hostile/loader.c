/* Libraries that come and go, and the loader's lock.
 * libraries: lib_plugin.c sub/lib_near.c sub/lib_far.c:-Wl,-rpath,$ORIGIN
 * build: -ldl
 * limit: 60
 */
#include "hostile.h"
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

static void storm(void)
{
	for (int i = 0; i < 300; i++) {
		void *l = dlopen("./lib_plugin.so", RTLD_NOW);
		CHECK(l);
		void *(*make)(size_t) = (void *(*)(size_t))dlsym(l, "plugin_make");
		CHECK(make);
		void *p = make(100 + (size_t)i);
		CHECK(!dlclose(l));
		/* Outlives the code that made it. */
		memset(p, 1, 100);
		free(p);
		exercise(20);
	}
}

static void *opener(void *unused)
{
	for (int i = 0; i < 100; i++) {
		void *l = dlopen("./lib_plugin.so", RTLD_NOW);
		CHECK(l);
		free(((void *(*)(size_t))dlsym(l, "plugin_make"))(50));
		dlclose(l);
	}
	return unused;
}
static void storm_of_threads(void)
{
	pthread_t t[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, opener, NULL);
	exercise(5000);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

/* Two libraries at the same address, one after the other. */
static void same_address(void)
{
	CHECK(!system("cp lib_plugin.so copy_a.so && cp lib_plugin.so copy_b.so"));
	void *kept[20];
	for (int i = 0; i < 20; i++) {
		void *l = dlopen(i & 1 ? "./copy_a.so" : "./copy_b.so", RTLD_NOW);
		CHECK(l);
		kept[i] = ((void *(*)(size_t))dlsym(l, "plugin_make"))(60);
		dlclose(l);
	}
	for (int i = 0; i < 20; i++)
		free(kept[i]);
}

static void *allocating(void *unused)
{
	exercise(300);
	return unused;
}
/* A callback runs under the loader's lock. It waits for a thread that allocates, on a stack not seen before. */
static int under_lock(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)info, (void)size;
	pthread_t t;
	CHECK(!pthread_create(&t, NULL, allocating, NULL));
	CHECK(!pthread_join(t, NULL));
	(*(int *)data)++;
	return 0;
}
static void iterate(void)
{
	int n = 0;
	for (int i = 0; i < 10; i++)
		dl_iterate_phdr(under_lock, &n);
	CHECK(n >= 20);
}

/* A constructor that starts and joins a thread that allocates, while dlopen holds its lock. */
static void constructor_with_thread(void)
{
	setenv("PLUGIN_THREAD", "1", 1);
	for (int i = 0; i < 20; i++) {
		void *l = dlopen("./lib_plugin.so", RTLD_NOW);
		CHECK(l);
		dlclose(l);
	}
}

/* The RUNPATH of the library that calls dlopen counts, not that of a library in between. */
static void runpath(void)
{
	CHECK(!dlopen("lib_near.so", RTLD_NOW));
	void *far = dlopen("./sub/lib_far.so", RTLD_NOW);
	if (!far)
		fprintf(stderr, "%s\n", dlerror());
	CHECK(far);
	int (*open_near)(void) = (int (*)(void))dlsym(far, "far_open_near");
	CHECK(open_near && open_near() == 1);
	dlclose(far);
}

static void deep_bind(void)
{
	void *l = dlopen("./lib_plugin.so", RTLD_NOW | RTLD_DEEPBIND);
	CHECK(l);
	void *(*make)(size_t) = (void *(*)(size_t))dlsym(l, "plugin_make");
	void (*drop)(void *) = (void (*)(void *))dlsym(l, "plugin_drop");
	for (int i = 0; i < 1000; i++) {
		void *p = make(100), *q = malloc(100);
		free(p);
		drop(q);
		drop(make(50));
	}
	dlclose(l);
}

/* Another namespace has a libc, and a heap, of its own. */
static void name_space(void)
{
	void *l = dlmopen(LM_ID_NEWLM, "./lib_plugin.so", RTLD_NOW);
	if (!l)
		printf("%s\n", dlerror());
	CHECK(l);
	void *(*make)(size_t) = (void *(*)(size_t))dlsym(l, "plugin_make");
	void (*drop)(void *) = (void (*)(void *))dlsym(l, "plugin_drop");
	for (int i = 0; i < 1000; i++) {
		void *p = make(100);
		memset(p, 1, 100);
		drop(p);
		exercise(5);
	}
	dlclose(l);
}

static void handles(void)
{
	void *a = dlopen("./lib_plugin.so", RTLD_LAZY), *b = dlopen("./lib_plugin.so", RTLD_NOW | RTLD_NOLOAD);
	CHECK(a && a == b);
	CHECK(!dlclose(a) && !dlclose(b));
	CHECK(!dlopen("./lib_plugin.so", RTLD_NOW | RTLD_NOLOAD));
	CHECK(dlopen(NULL, RTLD_NOW));
	errno = 0;
	CHECK(!dlopen("./lib_plugin.so", 0x77777700));
	printf("%s\n", dlerror());
	Dl_info info;
	CHECK(dladdr((void *)handles, &info) && strstr(info.dli_fname, "loader"));
	CHECK(!dlclose(dlopen("./lib_plugin.so", RTLD_NOW | RTLD_NODELETE)));
	CHECK(dlopen("./lib_plugin.so", RTLD_NOW | RTLD_NOLOAD));
}

MAIN(CASE(storm), CASE(storm_of_threads), CASE(same_address), CASE(iterate), CASE(constructor_with_thread), CASE(runpath),
	CASE(deep_bind), CASE(name_space), CASE(handles))
