/* A library with a large thread-local of its own, so that it is dynamic. */
__thread char pad[8192];
__thread void *library_local;

void set_in_library(void *p);
void set_in_library(void *p)
{
	pad[0] = 1;
	library_local = p;
}
