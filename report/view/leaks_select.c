/* leaks_select.c - a selection as the options of leaks_classify. */
#include <stdlib.h>
#include "base/alloc.h"
#include "leaks_view.h"
#include "match.h"

int leaks_select(struct leaks_options *o, const struct snapshot *s, struct symbols *symbols,
	const struct selection *selection, struct tide_error *e)
{
	struct selection_span span;
	struct match *m;
	bool *left_out;

	if (selection_span(selection, s, &span, e))
		return -1;
	o->since = span.until ? span.after : UINT32_MAX;
	o->until = span.until < UINT32_MAX ? span.until : 0;
	if (!selection->filter.count && !selection->exclude.count)
		return 0;
	m = match_new(s, symbols, selection, e);
	if (!m)
		return -1;
	left_out = alloc_zeroed(s->site_count + 1, sizeof(*left_out));
	for (uint32_t i = 0; i < s->site_count; i++)
		left_out[i] = !match_site(m, i);
	o->site_left_out = left_out;
	if (match_threads(m)) {
		left_out = alloc_zeroed(s->thread_count + 1, sizeof(*left_out));
		for (uint32_t i = 0; i < s->thread_count; i++)
			left_out[i] = !match_thread(m, i);
		o->thread_left_out = left_out;
	}
	match_free(m);
	return 0;
}

void leaks_select_free(struct leaks_options *o)
{
	free((void *)o->site_left_out);
	free((void *)o->thread_left_out);
	o->site_left_out = o->thread_left_out = NULL;
}
