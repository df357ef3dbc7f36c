/* types_tops.c - commonest sites and values of the objects of a type: types_view.h. */
#include <stdlib.h>
#include "base/alloc.h"
#include "base/array.h"
#include "symbol/symbol_alike.h"
#include "types_private.h"

/* Objects by row and what they have in common. */
struct counted {
	uint64_t objects;
	uint64_t key;
	uint32_t row, object;
};

struct counts {
	struct counted *one;
	uint64_t count, room;
	struct index index;
};

static void count_key(struct counts *c, uint32_t row, uint64_t key, uint32_t object)
{
	uint64_t hash = index_hash(key ^ index_hash(row));

	INDEX_EACH(&c->index, hash, probe)
	{
		struct counted *k = &c->one[probe.number];

		if (k->row == row && k->key == key) {
			k->objects++;
			return;
		}
	}
	*ARRAY_ADD(c->one, c->count, c->room) = (struct counted){ 1, key, row, object };
	index_add(&c->index, hash, (uint32_t)c->count - 1);
}

static int compare_counted(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	if (x->objects != y->objects)
		return x->objects > y->objects ? -1 : 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

#define HAS_VALUE (PYTHON_VALUE_INT | PYTHON_VALUE_FLOAT | PYTHON_VALUE_TEXT)

void types_tops(struct types_view *v, struct symbols *symbols)
{
	const struct snapshot *s = v->snapshot;
	const uint32_t *alike = symbols ? symbol_alike(symbols) : NULL;
	struct counts sites = { 0 }, values = { 0 };

	for (uint32_t i = 0; i < s->python_object_count; i++) {
		const struct tide_python_object *o = &s->python_objects[i];
		uint32_t row = types_row_of(v, i), site = s->blocks[o->block].site;
		bool excess = v->heap.object[i].excess && !v->once[i];

		if (site >= SITE_FIRST && (excess || !v->row[row].excess_objects))
			count_key(&sites, row, alike && site < s->site_count ? alike[site] : site, i);
		if (excess && o->flags & HAS_VALUE)
			count_key(&values, row, index_hash(o->flags & HAS_VALUE) ^ o->value, i);
	}
	if (sites.count)
		qsort(sites.one, sites.count, sizeof(*sites.one), compare_counted);
	for (uint64_t i = 0, n = 0; i < sites.count; i++) {
		n = i && sites.one[i - 1].row == sites.one[i].row ? n + 1 : 0;
		if (n < TYPES_VIEW_TOP)
			v->row[sites.one[i].row].site[n] =
				(struct types_site){ sites.one[i].objects, (uint32_t)sites.one[i].key };
	}
	if (values.count)
		qsort(values.one, values.count, sizeof(*values.one), compare_counted);
	for (uint64_t i = 0, n = 0; i < values.count; i++) {
		n = i && values.one[i - 1].row == values.one[i].row ? n + 1 : 0;
		if (n < TYPES_VIEW_TOP)
			v->row[values.one[i].row].value[n] =
				(struct types_value){ values.one[i].objects, values.one[i].object };
	}
	free(sites.one);
	free(values.one);
	index_free(&sites.index);
	index_free(&values.index);
}
