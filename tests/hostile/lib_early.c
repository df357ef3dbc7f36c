#include <stdlib.h>
#include <string.h>

void *lib_early_block;
__attribute__((constructor(101))) static void start(void)
{
	lib_early_block = strdup("made before main");
	setenv("HOSTILE_EARLY", "1", 1);
}
__attribute__((destructor(101))) static void end(void)
{
	char *volatile event = strdup("made after main");
	free(event);
}
