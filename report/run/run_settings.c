/* run_settings.c - where the snapshots of a run go, and when they are taken: see run.h. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/alloc.h"
#include "run.h"

/* The pattern as an absolute one: programs of the run may change their folder. */
static char *make_absolute(const char *pattern)
{
	char folder[PATH_MAX], escaped[2 * PATH_MAX], *to = escaped;

	if (!pattern || !*pattern)
		pattern = OUTPUT_DEFAULT;
	if (*pattern == '/' || !getcwd(folder, sizeof(folder)))
		return alloc_string(pattern);
	for (const char *from = folder; *from; from++) {
		if (*from == '%')
			*to++ = '%';
		*to++ = *from;
	}
	*to = '\0';
	return alloc_printf("%s/%s", escaped, pattern);
}

void run_settings(struct collect_settings *s, const struct run_options *o)
{
	const char *pattern = o->output ? o->output : getenv("TIDEMARK_OUTPUT");

	*s = (struct collect_settings){ .pattern = make_absolute(pattern),
		.folder = alloc_string(""),
		.overwrite = o->overwrite,
		.verbose = o->verbose };
	if (o->every_ns)
		s->every = alloc_printf("%llums", (unsigned long long)(o->every_ns / 1000000));
	for (size_t i = 0; i < o->when_count; i++) {
		char *longer = alloc_printf("%s%s%s", s->when ? s->when : "", s->when ? ";" : "", o->when[i]);

		free(s->when);
		s->when = longer;
	}
}
