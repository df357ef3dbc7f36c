/* oom_score.c - /proc/self/oom_score_adj: oom_score.h. */
#include <limits.h>
#include <stdio.h>
#include "oom_score.h"

int oom_score_raise(void)
{
	FILE *f = fopen("/proc/self/oom_score_adj", "r+e");
	int before = INT_MIN;

	if (f && fscanf(f, "%d", &before) == 1) {
		rewind(f);
		fputs("1000", f);
	}
	if (f)
		fclose(f);
	return before;
}

void oom_score_restore(int before)
{
	FILE *f = before == INT_MIN ? NULL : fopen("/proc/self/oom_score_adj", "we");

	if (!f)
		return;
	fprintf(f, "%d", before);
	fclose(f);
}
