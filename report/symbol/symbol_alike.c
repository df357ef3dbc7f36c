/* symbol_alike.c - see symbol_alike.h.
 *
 * Stacks are paths in a trie of frames, so each frame is hashed once upon its caller. They are compared by 64 bits
 * alone: with a million sites the chance of one false match is below 10^-7.
 */
#include <stdlib.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/index.h"
#include "symbol_alike.h"

/* Of a frame as it is seen in stacks that have Python frames; others are never asked for. */
struct trie {
	struct symbols *symbols;
	const struct snapshot *s;
	uint64_t *hash; /* [frames] of this frame and its callers; 0: not yet known */
	uint32_t *path; /* scratch */
	size_t room;
};

/* Of Python the instruction does not count: nothing shows it. */
static uint64_t place_of(const struct tide_frame *f)
{
	uint64_t place = f->address;

	if (f->flags & FRAME_PYTHON)
		place = (uint64_t)frame_code(place) << 32 | frame_line(place);
	return index_hash(place ^ index_hash(f->module));
}

static uint64_t hash_frame(struct trie *t, uint32_t frame)
{
	const struct snapshot *s = t->s;
	uint64_t hash = 1;
	size_t depth = 0;

	/* The parent of a frame is an earlier frame: SN4. */
	for (uint32_t at = frame; at && at < s->frame_count;) {
		uint32_t parent = s->frames[at].parent;

		if (t->hash[at]) {
			hash = t->hash[at];
			break;
		}
		*ARRAY_ADD(t->path, depth, t->room) = at;
		at = parent < at ? parent : 0;
	}
	while (depth) {
		uint32_t at = t->path[--depth];

		if (!symbols_is_plumbing(t->symbols, at, true))
			hash = index_hash(hash ^ place_of(&s->frames[at])) | 1;
		t->hash[at] = hash;
	}
	return hash;
}

static uint32_t *find_alike(struct symbols *y)
{
	const struct snapshot *s = symbols_snapshot(y);
	struct trie t = { .symbols = y, .s = s, .hash = alloc_zeroed(s->frame_count + 1, sizeof(*t.hash)) };
	uint64_t *of = alloc_zeroed(s->site_count + 1, sizeof(*of));
	uint32_t *alike = alloc_bytes((s->site_count + 1) * sizeof(*alike));
	struct index index = { 0 };

	for (uint32_t i = 0; i < s->site_count; i++) {
		uint32_t kind = s->sites[i].flags & (SITE_MAPPING | SITE_TRACKED);

		alike[i] = i;
		if (i < SITE_FIRST || !symbols_has_python(y, i))
			continue;
		of[i] = index_hash(hash_frame(&t, s->sites[i].frame) ^ kind);
		INDEX_EACH(&index, of[i], probe)
		if (of[probe.number] == of[i]) {
			alike[i] = probe.number;
			break;
		}
		if (alike[i] == i)
			index_add(&index, of[i], i);
	}
	index_free(&index);
	free(t.hash);
	free(t.path);
	free(of);
	return alike;
}

const uint32_t *symbol_alike(struct symbols *y)
{
	uint32_t **kept = symbols_alike_kept(y);

	if (kept && !*kept)
		*kept = find_alike(y);
	return kept ? *kept : NULL;
}
