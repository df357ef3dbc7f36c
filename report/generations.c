/* generations.c - see generations.h. */
#include "generations.h"
#include "view.h"

uint32_t generation_of(const struct snapshot *s, uint32_t birth)
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

int generations_select(const struct snapshot *s, const struct options *o, uint32_t *since, uint32_t *until,
	struct tide_error *e)
{
	uint32_t intervals, end;

	*since = *until = 0;
	if (o->since) {
		if (view_mark(s, o->since, false, &intervals, e))
			return -1;
		*since = s->marks[intervals - 1].birth;
	}
	if (o->until) {
		if (view_mark(s, o->until, true, &intervals, e))
			return -1;
		*until = s->marks[intervals - 1].birth;
	}
	if (o->min_age > s->mark_count) {
		*since = UINT32_MAX;
	} else if (o->min_age) {
		end = s->marks[s->mark_count - o->min_age].birth;
		if (!*until || end < *until)
			*until = end;
	}
	/* Born before the first number there is: nothing. */
	if ((o->until || o->min_age) && !*until)
		*since = UINT32_MAX;
	return 0;
}
