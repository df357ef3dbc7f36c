/* Allocation before anybody is ready: in preinit functions, in constructors of
 * the program and of its libraries, inside dlsym and dlerror.
 * libraries: lib_early.c
 * build: ./lib_early.so -Wl,-rpath,$ORIGIN -ldl
 */
#include "hostile.h"
#include <dlfcn.h>

static void *from_preinit, *from_first, *from_constructor;
extern void *lib_early_block;

static void preinit(int argc, char **argv, char **envp)
{
	(void)argc, (void)argv, (void)envp;
	from_preinit = malloc(100);
	memset(from_preinit, 1, 100);
}
__attribute__((section(".preinit_array"), used)) static void (*preinit_entry)(int, char **, char **) = preinit;

__attribute__((constructor(101))) static void first(void) { from_first = calloc(10, 10); }
__attribute__((constructor)) static void constructor(void)
{
	from_constructor = malloc(10);
	from_constructor = realloc(from_constructor, 5000);
	exercise(200);
}

static void blocks(void)
{
	CHECK(from_preinit && from_first && from_constructor && lib_early_block);
	CHECK(*(char *)from_preinit == 1);
	from_preinit = realloc(from_preinit, 10000);
	CHECK(*(char *)from_preinit == 1);
	free(from_preinit), free(from_first), free(from_constructor), free(lib_early_block);
	exercise(1000);
}

/* A message of dlerror stays what it was, whatever is allocated in between. */
static void dl_state(void)
{
	CHECK(!dlerror());
	void *s = dlsym(RTLD_DEFAULT, "there_is_no_such_symbol");
	CHECK(!s);
	exercise(500);
	char *message = dlerror();
	CHECK(message && strstr(message, "there_is_no_such_symbol"));
	CHECK(!dlerror());
	CHECK(!dlopen("./there_is_no_such_library.so", RTLD_NOW));
	exercise(500);
	message = dlerror();
	CHECK(message && strstr(message, "there_is_no_such_library"));
	for (int i = 0; i < 1000; i++) {
		CHECK(dlsym(RTLD_DEFAULT, "malloc"));
		CHECK(dlsym(RTLD_NEXT, "malloc"));
		CHECK(!dlerror());
	}
}

/* dlsym(RTLD_NEXT) from the program still means "after the program". */
static void next_malloc(void)
{
	void *(*m)(size_t) = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	void (*f)(void *) = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	void *(*deep)(size_t) = (void *(*)(size_t))dlsym(dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD), "malloc");
	void (*deep_free)(void *) = (void (*)(void *))dlsym(dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD), "free");
	CHECK(m && f && deep && deep_free);
	/* Blocks may cross: made by libc's own name, freed by ours, and the other way. */
	void *a = deep(100), *b = m(100), *c = malloc(100);
	free(a);
	deep_free(c);
	f(b);
	for (int i = 0; i < 1000; i++) {
		void *p = deep((size_t)i * 10), *q = malloc((size_t)i * 10);
		p = realloc(p, 50 + (size_t)i);
		free(p);
		deep_free(q);
	}
}

MAIN(CASE(blocks), CASE(dl_state), CASE(next_malloc))
