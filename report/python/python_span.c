/* python_span.c - words of a block by their offsets: which of them count. python_private.h. */
#include "python_private.h"

void python_span_add(
	struct python_rule *r, uint64_t lo, uint64_t hi, uint32_t stride, uint32_t words, bool stale)
{
	if (hi > lo && r->spans < sizeof(r->span) / sizeof(r->span[0]))
		r->span[r->spans++] = (struct python_span){ lo, hi, stride, words, stale };
}

void python_span_never(struct python_rule *r, uint64_t offset)
{
	if (r->nevers < sizeof(r->never) / sizeof(r->never[0]))
		r->never[r->nevers++] = offset;
}

enum python_meaning python_span_meaning(const struct python_rule *r, uint64_t offset)
{
	for (unsigned i = 0; i < r->nevers; i++)
		if (r->never[i] == offset)
			return MEANS_NOTHING;
	for (unsigned i = 0; i < r->spans; i++) {
		const struct python_span *s = &r->span[i];

		if (offset >= s->lo && offset < s->hi && s->words >> (offset - s->lo) % s->stride / 8 & 1)
			return s->stale ? MEANS_MAYBE : MEANS_REFERENCE;
	}
	return MEANS_NOTHING;
}
