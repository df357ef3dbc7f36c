/* The loader's audit interface in use.
 * libraries: lib_audit.c
 * with: LD_AUDIT=FOLDER/lib_audit.so
 */
#include "hostile.h"
#include <dlfcn.h>
static void runs(void)
{
	exercise(1000);
	void *l = dlopen("libm.so.6", RTLD_NOW);
	CHECK(l);
	dlclose(l);
}
MAIN(CASE(runs))
