/* waste_python.c - see waste_python.h. */
#include "waste_python.h"

#include <stdlib.h>
#include "base/array.h"
#include "base/index.h"
#include "base/search.h"

static struct waste_python_row *get_row(
	struct waste_python *p, struct index *index, uint32_t type, uint32_t site)
{
	uint64_t hash = index_hash((uint64_t)type << 32 | site);
	struct waste_python_row *row;

	INDEX_EACH(index, hash, probe)
	{
		row = &p->rows[probe.number];
		if (row->type == type && row->site == site)
			return row;
	}
	index_add(index, hash, (uint32_t)p->count);
	row = ARRAY_ADD(p->rows, p->count, p->room);
	*row = (struct waste_python_row){ .type = type, .site = site };
	return row;
}

static int compare_rows(const void *a, const void *b)
{
	const struct waste_python_row *x = a, *y = b;

	if (x->free != y->free)
		return x->free > y->free ? -1 : 1;
	if (x->blocks != y->blocks)
		return x->blocks > y->blocks ? -1 : 1;
	return x->type != y->type ? (x->type < y->type ? -1 : 1) : (x->site > y->site) - (x->site < y->site);
}

static void add_arena(struct waste_python *p, const struct snapshot *s, struct index *index, size_t arena,
	const uint32_t *type_of)
{
	const struct tide_python_arena *a = &s->python_arenas[arena];
	size_t k = SEARCH_UP_TO(s->blocks, s->block_count, address, a->address ? a->address - 1 : 0);

	for (; k < s->block_count && s->blocks[k].address - a->address < a->bytes; k++) {
		struct waste_python_row *row = get_row(p, index, type_of[k], s->blocks[k].site);

		row->blocks++;
		if (row->last != arena + 1) {
			row->arenas++;
			row->free += a->bytes - a->used_bytes;
		}
		row->last = arena + 1;
	}
}

void waste_python_find(struct waste_python *p, const struct snapshot *s, const uint32_t *type_of)
{
	struct index index = { 0 };

	*p = (struct waste_python){ 0 };
	for (size_t i = 0; i < s->python_arena_count; i++) {
		const struct tide_python_arena *a = &s->python_arenas[i];
		uint64_t used = a->used_bytes < a->bytes ? a->used_bytes : a->bytes;
		unsigned step =
			a->bytes ? (unsigned)((double)used / (double)a->bytes * WASTE_PYTHON_STEPS) : 0;

		if (step >= WASTE_PYTHON_STEPS)
			step = WASTE_PYTHON_STEPS - 1;
		p->step[step].arenas++;
		p->step[step].bytes += a->bytes;
		p->step[step].used += used;
		if (step < WASTE_PYTHON_STEPS / 2 && a->used_bytes <= a->bytes)
			add_arena(p, s, &index, i, type_of);
	}
	if (p->count)
		qsort(p->rows, p->count, sizeof(*p->rows), compare_rows);
	index_free(&index);
}

void waste_python_free(struct waste_python *p)
{
	free(p->rows);
	*p = (struct waste_python){ 0 };
}
