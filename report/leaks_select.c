/* leaks_select.c - --since, --until, --min-age, --filter and --exclude, as leaks_options. */
#include <stdlib.h>
#include "generations.h"
#include "leaks_view.h"
#include "view_match.h"

int leaks_select(struct leaks_options *o, const struct snapshot *s, struct symbols *symbols,
	const struct options *options, struct tide_error *e)
{
	struct match *m;
	bool *left_out;

	if (generations_select(s, options, &o->since, &o->until, e))
		return -1;
	if (!options->filter.count && !options->exclude.count)
		return 0;
	m = match_new(s, symbols, options, e);
	if (!m)
		return -1;
	left_out = memory_get_zeroed(s->site_count + 1, sizeof(*left_out));
	for (uint32_t i = 0; i < s->site_count; i++)
		left_out[i] = !match_site(m, i);
	o->site_left_out = left_out;
	if (match_threads(m)) {
		left_out = memory_get_zeroed(s->thread_count + 1, sizeof(*left_out));
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
