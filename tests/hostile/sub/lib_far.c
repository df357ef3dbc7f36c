#include <dlfcn.h>
#include <stddef.h>

int far_open_near(void);
int far_open_near(void)
{
	void *l = dlopen("lib_near.so", RTLD_NOW);
	if (!l)
		return 0;
	int (*near)(void) = (int (*)(void))dlsym(l, "near");
	return near ? near() : 0;
}
