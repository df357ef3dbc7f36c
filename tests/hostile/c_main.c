/* A C program that loads C++ libraries: the exception functions must come from
 * libgcc_s, and the program's own list of libraries must not grow by any.
 * libraries: lib_thrower.cc
 */
#include "hostile.h"
#include <dlfcn.h>
#include <link.h>

static int note(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size;
	const char *slash = strrchr(info->dlpi_name, '/');
	const char *name = slash ? slash + 1 : info->dlpi_name;
	if (!strstr(name, "tidemark")) {
		strcat(data, name);
		strcat(data, " ");
	}
	return 0;
}

static void throws(void)
{
	void *l = dlopen("./lib_thrower.so", RTLD_NOW);
	CHECK(l);
	int (*run)(int) = (int (*)(int))dlsym(l, "thrower_run");
	CHECK(run(300) == 300);
	Dl_info info;
	CHECK(dladdr(dlsym(RTLD_DEFAULT, "_Unwind_RaiseException") ? dlsym(RTLD_DEFAULT, "_Unwind_RaiseException") :
		dlsym(l, "_Unwind_RaiseException"), &info));
	printf("%s\n", strrchr(info.dli_fname, '/') + 1);
	exercise(300);
	CHECK(run(300) == 300);
}

static void libraries(void)
{
	static char text[4096];
	exercise(1000);
	dl_iterate_phdr(note, text);
	printf("%s\n", text);
	CHECK(!dlsym(RTLD_DEFAULT, "unw_step") && !dlsym(RTLD_DEFAULT, "_ULx86_64_step"));
	CHECK(!dlsym(RTLD_DEFAULT, "_Unwind_RaiseException"));
}

MAIN(CASE(throws), CASE(libraries))
