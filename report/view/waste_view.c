/* waste_view.c - the rows of `waste`: waste_view.h. */
#include <stdlib.h>
#include "base/alloc.h"
#include "waste_view.h"

/* A group pins where much of what would be given back is memory that is free now; otherwise it is the
 * group's own. */
#define PINS_LEAST 4096u
#define PINS_SHARE 10u

static uint64_t pinned_of(const struct waste_group *g)
{
	uint64_t bytes = g->pinned_free + g->pinned_top;

	return bytes >= PINS_LEAST && bytes >= g->pinned / PINS_SHARE ? g->pinned + g->pinned_top : 0;
}

static uint64_t slack_of(const struct waste_group *g) { return g->slack; }
static uint64_t untouched_of(const struct waste_group *g) { return g->untouched; }

struct order {
	uint64_t bytes;
	uint32_t group;
};

static int compare_order(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return (x->group > y->group) - (x->group < y->group);
}

static uint32_t *sort_groups(
	const struct waste *w, uint64_t (*bytes_of)(const struct waste_group *), size_t *count)
{
	struct order *o = alloc_bytes((w->group_count + 1) * sizeof(*o));
	uint32_t *list;

	*count = 0;
	for (size_t i = 0; i < w->group_count; i++)
		if (bytes_of(&w->groups[i]))
			o[(*count)++] = (struct order){ bytes_of(&w->groups[i]), (uint32_t)i };
	qsort(o, *count, sizeof(*o), compare_order);
	list = alloc_bytes((*count + 1) * sizeof(*list));
	for (size_t i = 0; i < *count; i++)
		list[i] = o[i].group;
	free(o);
	return list;
}

/* The type of each group's blocks, where they have one. */
static void find_types(struct waste_view *v)
{
	const struct waste *w = &v->waste;
	bool *seen = alloc_zeroed(w->group_count + 1, sizeof(*seen));

	v->type_of = alloc_zeroed(w->group_count + 1, sizeof(*v->type_of));
	for (size_t i = 0; i < v->s->block_count; i++) {
		uint32_t group = v->by_type ? v->types.of[i] : v->s->blocks[i].site, type = v->types.of[i];

		if (group >= w->group_count)
			group = 0;
		if (seen[group] && v->type_of[group] != type)
			type = 0;
		v->type_of[group] = type;
		seen[group] = true;
	}
	free(seen);
}

int waste_view_find(struct waste_view *v, const struct snapshot *s, struct symbols *symbols, bool by_type,
	struct tide_error *e)
{
	int failed;

	*v = (struct waste_view){ .s = s, .symbols = symbols, .by_type = by_type };
	block_types_find(&v->types, s, symbols);
	failed = by_type ? waste_find_groups(&v->waste, s, v->types.of, v->types.names.count + 1, e)
			 : waste_find(&v->waste, s, e);
	if (failed)
		return -1;
	find_types(v);
	waste_python_find(&v->python, s, v->types.of);
	waste_spare_find(&v->spare, s, symbols);
	waste_copies_find(&v->copies, s);
	v->pins = sort_groups(&v->waste, pinned_of, &v->pin_count);
	v->slack = sort_groups(&v->waste, slack_of, &v->slack_count);
	v->untouched = sort_groups(&v->waste, untouched_of, &v->untouched_count);
	if (v->waste.walked)
		v->slack_count = 0;
	return 0;
}

void waste_view_free(struct waste_view *v)
{
	waste_free(&v->waste);
	waste_copies_free(&v->copies);
	waste_python_free(&v->python);
	waste_spare_free(&v->spare);
	block_types_free(&v->types);
	free(v->type_of);
	free(v->pins);
	free(v->slack);
	free(v->untouched);
	*v = (struct waste_view){ 0 };
}
