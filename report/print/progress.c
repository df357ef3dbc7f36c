/* progress.c - see progress.h. */
#include <unistd.h>
#include <stdio.h>
#include "base/clock.h"
#include "progress.h"

#define LOOK_EVERY 4096        /* steps between two looks at the clock */
#define PATIENCE_NS 500000000u /* silence before the first line */
#define REPAINT_NS 100000000u

void progress_start(struct progress *p, const struct options *o, const char *what, uint64_t total)
{
	*p = (struct progress){ .what = what, .total = total };
	p->on = !o->quiet && isatty(STDERR_FILENO);
	if (p->on)
		p->started_ns = clock_ns();
}

void progress_step(struct progress *p, uint64_t steps)
{
	uint64_t t;

	p->done += steps;
	if (!p->on || p->done < p->next_look)
		return;
	p->next_look = p->done + (p->total && p->total < 100 * LOOK_EVERY ? p->total / 100 : LOOK_EVERY);
	t = clock_ns();
	if (t - p->started_ns < PATIENCE_NS || t - p->shown_ns < REPAINT_NS)
		return;
	p->shown_ns = t;
	p->shown = true;
	if (p->total)
		fprintf(stderr, "\r%s: %u%% \033[K", p->what, (unsigned)(p->done * 100 / p->total));
	else
		fprintf(stderr, "\r%s ... \033[K", p->what);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->on = p->shown = false;
}
