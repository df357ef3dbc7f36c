/* A library's global holds; when the library is closed, what it held is lost,
 * and its functions can still be named.
 *
 * cases: open closed
 * truth[closed]: unreferenced blocks=2 bytes=246 site=library_make
 * held[open]: library_make root=global name=library_holder* blocks=2
 * libraries: lib_holder.c
 * build: -ldl
 */
#define _GNU_SOURCE
#include "truth.h"
#include <dlfcn.h>

static void scenario(void)
{
	void *library = dlopen("./lib_holder.so", RTLD_NOW);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	void (*fill)(void) = (void (*)(void))dlsym(library, "library_fill");
	fill();
	if (is_case("closed"))
		dlclose(library);
}
