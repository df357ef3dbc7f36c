/* selection.c - see selection.h. */
#include <stdlib.h>
#include <string.h>
#include "base/search.h"
#include "selection.h"

int selection_mark(
	const struct snapshot *s, const char *text, bool last, uint32_t *intervals, struct tide_error *e)
{
	const char *hash = strrchr(text, '#');
	size_t name_bytes = hash ? (size_t)(hash - text) : strlen(text);
	unsigned long nth = 0, seen = 0;
	bool found = false;
	char *end;

	if (hash) {
		nth = strtoul(hash + 1, &end, 10);
		if (!nth || *end || hash[1] < '0' || hash[1] > '9') {
			nth = 0;
			name_bytes = strlen(text);
		}
	}
	for (size_t i = 0; i < s->mark_count; i++) {
		const char *name = snapshot_string(s, s->marks[i].name);

		if (nth && !name_bytes ? false
				       : strlen(name) != name_bytes || strncmp(name, text, name_bytes))
			continue;
		seen++;
		if (nth ? seen == nth : last || !found) {
			*intervals = (uint32_t)i + 1;
			found = true;
		}
	}
	if (found)
		return 0;
	if (!s->mark_count)
		return error_set(e, EXIT_USAGE,
			"no mark '%s'|the snapshot has no marks at all|call "
			"tide_mark(\"name\") in the program, or take snapshots with --every",
			text);
	return error_set(e, EXIT_USAGE,
		"no mark '%s'|none of the %zu marks has that name|"
		"`tidemark info` lists them",
		text, s->mark_count);
}

/* Interval i ends at mark i, so it has survived the marks from i on. */
static void apply_age(struct selection_span *span, size_t marks, unsigned min_age)
{
	if (min_age > marks)
		span->first = UINT32_MAX;
	else if (span->last > marks - min_age)
		span->last = (uint32_t)(marks - min_age);
}

int selection_span(const struct selection *o, const struct snapshot *s, struct selection_span *span,
	struct tide_error *e)
{
	uint32_t n;

	*span = (struct selection_span){
		.given = o->since || o->until || o->min_age, .last = UINT32_MAX, .until = UINT32_MAX
	};
	if (o->since && selection_mark(s, o->since, false, &span->first, e))
		return -1;
	if (o->until) {
		if (selection_mark(s, o->until, true, &n, e))
			return -1;
		span->last = n - 1;
	}
	if (o->min_age)
		apply_age(span, s->mark_count, o->min_age);
	if (span->first > s->mark_count)
		span->after = UINT32_MAX;
	else if (span->first)
		span->after = s->marks[span->first - 1].birth;
	if (span->last < s->mark_count)
		span->until = s->marks[span->last].birth;
	return 0;
}

uint32_t selection_age(const struct snapshot *s, uint32_t birth)
{
	size_t low = 0, high = s->mark_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->marks[middle].birth < birth)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint32_t)(s->mark_count - low);
}
