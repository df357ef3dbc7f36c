/* alike.c - see alike.h. */
#include <stdlib.h>
#include "alike.h"
#include "base/alloc.h"
#include "leaks_private.h"

static bool count(const struct leaks *l, const struct snapshot *s, uint64_t bytes, struct alike *to)
{
	uint64_t *samples = alloc_zeroed(s->site_count + 1, sizeof(*samples));

	for (uint32_t i = 0; i < l->graph.blocks; i++) {
		const struct tide_block *b = &s->blocks[i];

		if (b->bytes != bytes || b->site >= s->site_count || !s->sites[b->site].frame
			|| (to->lost && !LEAK_IS_LOST(leaks_kind(l, i))))
			continue;
		to->of++;
		if (++samples[b->site] > to->samples) {
			to->samples = samples[b->site];
			to->site = b->site;
		}
	}
	free(samples);
	return to->of;
}

bool alike_find(const struct leaks *l, const struct snapshot *s, uint32_t site, struct alike *to)
{
	uint64_t bytes;

	if (site >= s->site_count || !(s->sites[site].flags & SITE_OF_SIZE) || !s->process->sample_bytes)
		return false;
	bytes = 8ull * s->sites[site].depth;
	*to = (struct alike){ .lost = true };
	if (count(l, s, bytes, to))
		return true;
	*to = (struct alike){ .lost = false };
	return count(l, s, bytes, to);
}
