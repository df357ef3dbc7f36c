/* types_view.c - Python objects by type: types_view.h. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/alloc.h"
#include "base/array.h"
#include "symbol/symbol_row.h"
#include "types_private.h"

#define ADVICE_OBJECTS 100u /* advice is not worth giving for fewer instances */
#define OBJECT_HEAD 32u     /* PyGC_Head, count and type */

static uint32_t find_row(struct types_view *v, const char *type, const char *module)
{
	uint64_t hash = XXH3_64bits(type, strlen(type)) ^ index_hash(XXH3_64bits(module, strlen(module)));

	INDEX_EACH(&v->rows, hash, probe)
	{
		const struct types_row *r = &v->row[probe.number];

		if (!strcmp(r->type, type) && !strcmp(r->module, module))
			return probe.number;
	}
	*ARRAY_ADD(v->row, v->row_count, v->row_room) = (struct types_row){ .type = type, .module = module };
	index_add(&v->rows, hash, v->row_count - 1);
	return v->row_count - 1;
}

static void make_rows(struct types_view *v)
{
	const struct snapshot *s = v->snapshot;

	v->row_of = alloc_bytes((s->type_count + 1) * sizeof(*v->row_of));
	for (size_t i = 0; i < s->type_count; i++) {
		const struct tide_type *t = &s->types[i];

		v->row_of[i] = find_row(v, snapshot_string(s, t->name), snapshot_string(s, t->module));
		v->row[v->row_of[i]].flags |= t->flags;
	}
}

static void add_object(struct types_view *v, size_t object)
{
	const struct python_object_state *o = &v->heap.object[object];
	struct types_row *r = &v->row[types_row_of(v, object)];

	r->live++;
	r->bytes += o->bytes;
	r->reachable += o->reachable;
	r->unreachable += !o->reachable;
	if (o->excess && v->once[object]) {
		r->static_objects++;
		r->static_references += o->excess;
	} else if (o->excess) {
		r->excess_objects++;
		r->excess_references += o->excess;
	}
	r->left_objects += o->left != 0;
	r->left_references += o->left;
	if (!o->reachable && !o->pinned) {
		r->awaiting++;
		v->garbage.objects++;
		v->garbage.bytes += o->bytes;
	} else if (!o->reachable && !o->excess) {
		r->pinned++;
	}
	r->unsure_objects += o->unsure;
	r->cyclic += o->component != PYTHON_HEAP_NONE;
	r->self_cycle += !o->reachable && o->self;
	if (r->excess_objects)
		r->verdict = VERDICT_REFLEAK;
	else if (r->awaiting)
		r->verdict = VERDICT_AWAITING_GC;
}

static const struct types_view *sorted; /* for qsort: the verbs have one thread */

static int compare_rows(const void *a, const void *b)
{
	const struct types_row *x = &sorted->row[*(const uint32_t *)a],
			       *y = &sorted->row[*(const uint32_t *)b];

	if (x->verdict != y->verdict)
		return x->verdict > y->verdict ? -1 : 1;
	if (x->excess_references != y->excess_references)
		return x->excess_references > y->excess_references ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return strcmp(x->type, y->type);
}

static void sum_rows(struct types_view *v)
{
	v->order = alloc_bytes(((uint64_t)v->row_count + 1) * sizeof(*v->order));
	for (uint32_t i = 0; i < v->row_count; i++) {
		const struct types_row *r = &v->row[i];

		v->order[i] = i;
		v->static_objects += r->static_objects;
		v->static_references += r->static_references;
		v->left_objects += r->left_objects;
		v->left_references += r->left_references;
		if (r->verdict != VERDICT_REFLEAK)
			continue;
		v->refleak_types++;
		v->refleak_objects += r->excess_objects;
		v->refleak_references += r->excess_references;
	}
	for (uint32_t i = 0; i < v->heap.components; i++) {
		const struct python_component *c = &v->heap.component[i];
		struct types_cycles *to = c->pinned ? &v->pinned : &v->awaiting;

		to->components++;
		to->objects += c->objects;
		to->bytes += c->bytes;
		to->excess += c->excess;
	}
	sorted = v;
	qsort(v->order, v->row_count, sizeof(*v->order), compare_rows);
}

static void add_native(struct types_view *v)
{
	const struct snapshot *s = v->snapshot;

	for (size_t i = 0; i < s->owner_count; i++) {
		uint32_t object = v->heap.object_of[s->owners[i].owner];

		if (s->owners[i].role != OWNER_OTHER || object == PYTHON_HEAP_NONE
			|| v->heap.object_of[s->owners[i].block] != object)
			continue;
		v->row[types_row_of(v, object)].native_bytes += s->blocks[s->owners[i].block].bytes;
		v->row[types_row_of(v, object)].native_blocks++;
	}
}

/* References from what an instance owns for its attributes: values, or the table of its dict. */
static void add_attributes(struct types_view *v)
{
	const struct snapshot *s = v->snapshot;

	for (size_t i = 0; i < s->owner_count; i++) {
		const struct tide_owner *w = &s->owners[i];
		uint32_t object = v->heap.object_of[w->owner];
		struct types_row *r;

		if (w->role != OWNER_VALUES || object == PYTHON_HEAP_NONE || !s->edge_start_count)
			continue;
		r = &v->row[types_row_of(v, object)];
		if (r->flags & TYPE_FLAG_DICTIONARY)
			continue;
		r->attribute_bytes += s->blocks[w->block].bytes;
		r->attributes += s->edge_starts[w->block + 1] - s->edge_starts[w->block];
	}
}

/* Since 3.13 an instance has its values in its own block, behind what its type says: their sizes, then one word
 * for each. */
static void add_inline_attributes(struct types_view *v)
{
	const struct snapshot *s = v->snapshot;

	for (size_t i = 0; i < s->python_object_count && s->block_type_count && s->edge_start_count; i++) {
		uint32_t block = s->python_objects[i].block;
		struct types_row *r = &v->row[types_row_of(v, i)];
		const struct tide_type *t = &s->types[s->block_types[block].type];
		uint64_t values = s->block_types[block].head + (uint64_t)t->basic_bytes;

		if (!(t->flags & TYPE_FLAG_DICT) || !(t->flags & TYPE_FLAG_HEAP) || t->item_bytes
			|| s->blocks[block].bytes < values + 2 * 8)
			continue;
		r->attribute_bytes += s->blocks[block].bytes - values;
		for (uint64_t e = s->edge_starts[block]; e < s->edge_starts[block + 1]; e++)
			r->attributes += s->edges[e].offset > values;
	}
}

/* The file of the innermost function of Python that a block was made in; "" unknown. A class is made where its
 * statement is. */
static const char *find_file(const struct snapshot *s, uint64_t block)
{
	uint32_t site = block == SNAPSHOT_NONE ? 0 : s->blocks[block].site;
	uint32_t frame = site < s->site_count ? s->sites[site].frame : 0;

	for (uint32_t before = UINT32_MAX; frame && frame < s->frame_count && frame < before;
		before = frame, frame = s->frames[frame].parent) {
		const struct tide_frame *f = &s->frames[frame];
		uint32_t code = f->flags & FRAME_PYTHON ? frame_code(f->address) : 0;

		if (code && code < s->code_count)
			return snapshot_string(s, s->codes[code].file);
	}
	return "";
}

static void find_libraries(struct types_view *v)
{
	const struct snapshot *s = v->snapshot;

	for (uint32_t i = 1; i < s->type_count; i++)
		if (s->types[i].language == LANGUAGE_PYTHON)
			v->row[v->row_of[i]].library |= symbol_row_is_library(find_file(
				s, snapshot_block_at(s->blocks, s->block_count, s->types[i].address)));
}

uint64_t types_view_slots_save(const struct types_row *r)
{
	uint64_t needed = r->live * OBJECT_HEAD + r->attributes * 8;

	if (r->library || r->live < ADVICE_OBJECTS || !(r->flags & TYPE_FLAG_DICT)
		|| !(r->flags & TYPE_FLAG_HEAP) || r->flags & (TYPE_FLAG_TYPE | TYPE_FLAG_DICTIONARY)
		|| !r->attribute_bytes || r->bytes <= needed)
		return 0;
	return r->bytes - needed;
}

const char *types_view_attributes(const struct types_row *r)
{
	bool dict = r->flags & TYPE_FLAG_DICT, slots = r->flags & TYPE_FLAG_SLOTS;

	return dict && slots ? "both" : dict ? "dict" : slots ? "slots" : "none";
}

const char *types_view_verdict(const struct types_row *r)
{
	static const char *const names[] = { "none", "awaiting-gc", "refleak" };

	return names[r->verdict];
}

void types_view_find(
	struct types_view *v, const struct snapshot *s, struct symbols *symbols, const char *prefix)
{
	*v = (struct types_view){ .snapshot = s };
	python_heap_find(&v->heap, s);
	make_rows(v);
	types_once(v);
	for (size_t i = 0; i < s->python_object_count; i++)
		add_object(v, i);
	add_native(v);
	add_attributes(v);
	add_inline_attributes(v);
	find_libraries(v);
	sum_rows(v);
	types_tops(v, symbols);
	types_parts_strings(v, prefix);
	types_parts_arenas(v);
	types_parts_shared(v);
}

/* How much a type has grown: as many objects of its average size. */
static double grown_bytes(const struct types_row *r)
{
	return r->live ? (double)r->bytes / (double)r->live * (double)r->live_diff : -1;
}

/* Types with more lost references than before come first, then those that have grown most. */
static int compare_growth(const void *a, const void *b)
{
	const struct types_row *x = &sorted->row[*(const uint32_t *)a],
			       *y = &sorted->row[*(const uint32_t *)b];
	double grown_x = grown_bytes(x), grown_y = grown_bytes(y);

	if (x->excess_references_diff != y->excess_references_diff)
		return x->excess_references_diff > y->excess_references_diff ? -1 : 1;
	if (grown_x != grown_y)
		return grown_x > grown_y ? -1 : 1;
	return compare_rows(a, b);
}

void types_view_compare(struct types_view *v, const struct types_view *old)
{
	/* Types that are gone have a row, too. */
	for (uint32_t i = 0; i < old->row_count; i++)
		if (old->row[i].live)
			find_row(v, old->row[i].type, old->row[i].module);
	v->order = alloc_resize_array(v->order, (uint64_t)v->row_count + 1, sizeof(*v->order));
	for (uint32_t i = 0; i < v->row_count; i++) {
		struct types_row *r = &v->row[i];

		v->order[i] = i;
		r->live_diff = (int64_t)r->live;
		r->bytes_diff = (int64_t)r->bytes;
		r->excess_objects_diff = (int64_t)r->excess_objects;
		r->excess_references_diff = (int64_t)r->excess_references;
	}
	for (uint32_t i = 0; i < old->row_count; i++) {
		const struct types_row *o = &old->row[i];
		struct types_row *r;

		if (!o->live)
			continue;
		r = &v->row[find_row(v, o->type, o->module)];
		r->live_diff -= (int64_t)o->live;
		r->bytes_diff -= (int64_t)o->bytes;
		r->excess_objects_diff -= (int64_t)o->excess_objects;
		r->excess_references_diff -= (int64_t)o->excess_references;
	}
	sorted = v;
	qsort(v->order, v->row_count, sizeof(*v->order), compare_growth);
}

void types_view_free(struct types_view *v)
{
	python_heap_free(&v->heap);
	index_free(&v->rows);
	free(v->row);
	free(v->row_of);
	free(v->once);
	free(v->order);
	free(v->duplicate);
	free(v->holder);
	*v = (struct types_view){ 0 };
}
