#include <stdlib.h>

void *library_holder[2];
void library_fill(void);

__attribute__((noinline)) static void *library_make(size_t n)
{
	void *p = malloc(n);
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

void library_fill(void)
{
	library_holder[0] = library_make(123);
	library_holder[1] = library_make(123);
}
