/* types_parts.c - strings, and arenas of pymalloc: types_view.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/search.h"
#include "types_private.h"

#define SPARSE 4u /* an arena is sparse when less than one part in so many is in use */

static int compare_duplicates(const void *a, const void *b)
{
	const struct types_string *x = a, *y = b;

	if (x->wasted != y->wasted)
		return x->wasted > y->wasted ? -1 : 1;
	return strcmp(x->text, y->text);
}

void types_parts_strings(struct types_view *v, const char *prefix)
{
	const struct snapshot *s = v->snapshot;
	struct types_string *text = alloc_zeroed(s->python_text_count + 1, sizeof(*text));

	for (size_t i = 0; i < s->python_object_count; i++) {
		const struct tide_python_object *o = &s->python_objects[i];
		bool interned = o->flags & PYTHON_INTERNED, matches;
		uint64_t bytes = v->heap.object[i].bytes;
		struct types_string *t;

		if (!(v->row[types_row_of(v, i)].flags & TYPE_FLAG_STR))
			continue;
		v->strings++;
		v->string_bytes += bytes;
		v->interned += interned;
		if (!(o->flags & PYTHON_VALUE_TEXT) || o->value >= s->python_text_count)
			continue;
		t = &text[o->value];
		t->text = snapshot_string(s, s->python_texts[o->value].text);
		t->length = s->python_texts[o->value].length;
		matches = prefix && !strncmp(t->text, prefix, strlen(prefix));
		if (matches) {
			v->match.objects++;
			v->match.distinct += !t->copies;
			v->match.interned += interned;
			v->match.bytes += bytes;
		}
		t->copies++;
		t->bytes += bytes;
	}
	for (size_t i = 0; i < s->python_text_count; i++) {
		if (text[i].copies < 2)
			continue;
		text[i].wasted = text[i].bytes - text[i].bytes / text[i].copies;
		text[v->duplicate_count++] = text[i];
	}
	qsort(text, v->duplicate_count, sizeof(*text), compare_duplicates);
	v->duplicate = text;
}

/* --- arenas ------------------------------------------------------------------------ */

struct holders {
	struct types_view *view;
	struct index index;
	uint64_t *last; /* the arena that was counted last for each holder, + 1 */
	uint64_t last_room;
};

static void add_holder(struct holders *h, uint32_t row, uint32_t site, uint64_t arena)
{
	struct types_view *v = h->view;
	uint64_t hash = index_hash((uint64_t)row << 32 | site), found = UINT64_MAX;

	INDEX_EACH(&h->index, hash, probe)
	if (v->holder[probe.number].row == row && v->holder[probe.number].site == site) {
		found = probe.number;
		break;
	}
	if (found == UINT64_MAX) {
		*ARRAY_ADD(v->holder, v->holder_count, v->holder_room) =
			(struct types_holder){ .row = row, .site = site };
		found = v->holder_count - 1;
		index_add(&h->index, hash, (uint32_t)found);
		ARRAY_RESERVE(h->last, h->last_room, v->holder_count);
		h->last[found] = 0;
	}
	v->holder[found].blocks++;
	if (h->last[found] != arena + 1)
		v->holder[found].arena_bytes += v->snapshot->python_arenas[arena].bytes;
	h->last[found] = arena + 1;
}

static int compare_holders(const void *a, const void *b)
{
	const struct types_holder *x = a, *y = b;

	if (x->arena_bytes != y->arena_bytes)
		return x->arena_bytes > y->arena_bytes ? -1 : 1;
	if (x->blocks != y->blocks)
		return x->blocks > y->blocks ? -1 : 1;
	return x->row != y->row ? (x->row < y->row ? -1 : 1) : (x->site > y->site) - (x->site < y->site);
}

void types_parts_arenas(struct types_view *v)
{
	const struct snapshot *s = v->snapshot;
	struct holders h = { .view = v };

	v->used_bytes = snapshot_python(s, "pymalloc.used_bytes");
	for (size_t i = 0; i < s->python_arena_count; i++) {
		const struct tide_python_arena *a = &s->python_arenas[i];
		uint64_t k =
			a->address ? SEARCH_UP_TO(s->blocks, s->block_count, address, a->address - 1) : 0;

		v->arena_bytes += a->bytes;
		if (a->used_bytes >= a->bytes / SPARSE)
			continue;
		v->sparse_arenas++;
		for (; k < s->block_count && s->blocks[k].address - a->address < a->bytes; k++) {
			uint32_t object = v->heap.object_of[k];

			add_holder(&h, object == PYTHON_HEAP_NONE ? object : types_row_of(v, object),
				s->blocks[k].site, i);
		}
	}
	if (v->holder_count)
		qsort(v->holder, v->holder_count, sizeof(*v->holder), compare_holders);
	free(h.last);
	index_free(&h.index);
}

/* A page that is shared counts half or less in the proportional size. */
void types_parts_shared(struct types_view *v)
{
	const struct snapshot *s = v->snapshot;

	for (size_t i = 0, k = 0; i < s->mapping_count; i++) {
		const struct tide_mapping *m = &s->mappings[i];

		while (k < s->python_arena_count && s->python_arenas[k].address < m->lo)
			k++;
		if (k == s->python_arena_count || s->python_arenas[k].address >= m->hi)
			continue;
		v->arena_resident += m->rss_bytes;
		if (m->pss_bytes > m->rss_bytes / 2)
			v->arena_own +=
				m->pss_bytes < m->rss_bytes ? 2 * m->pss_bytes - m->rss_bytes : m->rss_bytes;
	}
}
