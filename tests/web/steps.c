/* steps.c - three kinds of blocks that come and go while snapshots are taken; most are live at the end. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS 40

static char *grows[STEPS], *burst;

__attribute__((noinline)) static char *make_row(void) { return memset(malloc(20000), 1, 20000); }
__attribute__((noinline)) static char *make_burst(void) { return memset(malloc(300000), 1, 300000); }
__attribute__((noinline)) static char *make_short(void) { return memset(malloc(4000), 1, 4000); }

int main(void)
{
	for (int i = 0; i < STEPS; i++) {
		char *passing = make_short();

		grows[i] = make_row();
		if (i == 2)
			burst = make_burst();
		if (i == 8)
			free(burst);
		usleep(20000);
		free(passing);
	}
	return 0;
}
