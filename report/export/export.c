/* export.c - the sites of one or several snapshots, ready to be written (see export.h). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "export.h"
#include "symbol/site_key.h"

const char *export_command(const struct export *x)
{
	const struct snapshot *s = x->view[0].snapshot;
	const char *command = snapshot_string(s, s->process->command);

	return *command ? command : snapshot_string(s, s->process->exe);
}

size_t export_module(const struct view *v, const struct symbol_line *line)
{
	const struct snapshot *s = v->snapshot;

	for (size_t i = 1; line->module && i < s->module_count; i++)
		if (line->address >= s->modules[i].lo && line->address <= s->modules[i].hi
			&& !strcmp(snapshot_string(s, s->modules[i].path), line->module))
			return i;
	return 0;
}

static void add_site(struct export_site *to, const struct export_site *from)
{
	/* The largest lends its stack. */
	bool larger = from->of[LIVE_BYTES] > to->of[LIVE_BYTES];

	for (unsigned m = 0; m < MEASURES; m++)
		to->of[m] += from->of[m];
	if (larger) {
		to->view = from->view;
		to->site = from->site;
	}
}

static int compare_keys(const void *x, const void *y)
{
	const struct export_site *a = x, *b = y;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->view != b->view)
		return a->view < b->view ? -1 : 1;
	return a->site < b->site ? -1 : a->site > b->site;
}

static int compare_measures(const void *x, const void *y, void *arg)
{
	const struct export_site *a = x, *b = y;
	unsigned measure = *(const unsigned *)arg;
	static const unsigned next[] = { LIVE_BYTES, PEAK_BYTES, TOTAL_BYTES, TOTAL_BLOCKS };

	if (a->of[measure] != b->of[measure])
		return a->of[measure] < b->of[measure] ? 1 : -1;
	for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++)
		if (a->of[next[i]] != b->of[next[i]])
			return a->of[next[i]] < b->of[next[i]] ? 1 : -1;
	return compare_keys(a, b);
}

/* Sites that are the same in several snapshots become one. */
static size_t merge_sites(struct export_site *site, size_t count)
{
	size_t left = 0;

	if (count)
		qsort(site, count, sizeof(*site), compare_keys);
	for (size_t i = 0; i < count; i++) {
		if (left && site[left - 1].key == site[i].key) {
			/* Nothing has been added to site[i - 1] itself yet, or it was not moved. */
			site[left - 1].processes += site[i].view != site[i - 1].view;
			add_site(&site[left - 1], &site[i]);
		} else {
			site[left++] = site[i];
		}
	}
	return left;
}

void export_stack(struct export_stack *stack, const struct export_site *site)
{
	stack->lines = symbols_walk(site->view->symbols, site->site, &stack->line, &stack->room);
	stack->caller = symbols_allocated(site->view->symbols, site->site);
	if (stack->caller >= stack->lines)
		stack->caller = 0;
}

void export_stack_free(struct export_stack *stack)
{
	free(stack->line);
	memset(stack, 0, sizeof(*stack));
}

int export_make(
	struct export *x, struct view *views, size_t count, enum view_measure measure, struct tide_error *e)
{
	struct site_keys **keys = alloc_zeroed(count, sizeof(*keys));
	size_t room = 0;

	memset(x, 0, sizeof(*x));
	x->view = views;
	x->view_count = count;
	x->measure = measure;
	x->rows = SIZE_MAX;
	x->known = (1u << MEASURES) - 1;
	for (size_t i = 0; i < count; i++) {
		room += views[i].kept_count;
		x->known &= views[i].known;
		keys[i] = site_keys_new(views[i].snapshot, views[i].symbols);
	}
	x->site = alloc_zeroed(room + 1, sizeof(*x->site));
	if (count > 1)
		site_keys_exact(keys, count);
	for (size_t i = 0; i < count; i++)
		for (uint32_t s = 0; s < views[i].snapshot->site_count; s++) {
			struct export_site *site = &x->site[x->count];

			if (!views[i].kept[s])
				continue;
			memcpy(site->of, views[i].site[s].of, sizeof(views[i].site[s].of));
			/* One snapshot alone: its sites are as they are. */
			site->key = count > 1 ? site_key(keys[i], s) : s;
			site->view = &views[i];
			site->site = s;
			site->processes = 1;
			x->count++;
		}
	if (count > 1)
		x->count = merge_sites(x->site, x->count);
	for (size_t i = 0; i < count; i++)
		site_keys_free(keys[i]);
	free(keys);
	for (size_t i = 0; i < x->count; i++)
		for (unsigned m = 0; m < MEASURES; m++)
			x->total[m] += x->site[i].of[m];
	if (x->count)
		qsort_r(x->site, x->count, sizeof(*x->site), compare_measures, &measure);
	if (x->known & 1u << measure)
		return 0;
	export_free(x);
	return error_set(e, EXIT_UNMEASURED,
		"cannot export %s|it is not known for this selection or snapshot|"
		"choose another --measure, or other filters",
		view_measure_name(measure));
}

void export_free(struct export *x)
{
	free(x->site);
	memset(x, 0, sizeof(*x));
}
