/* typed_known.c - see typed_known.h. */
#include <stdlib.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/index.h"
#include "typed_known.h"

/* The type of a name, for blocks of a size. */
struct named {
	uint32_t name;
	uint64_t bytes;
	uint32_t type;
};

struct search {
	struct block_types *t;
	const struct snapshot *s;
	struct members *m;
	bool usable;
	struct named *named;
	uint32_t named_count, named_room;
	struct index names;
};

static struct members_size size_of(const struct search *f, uint32_t block)
{
	return (struct members_size){ f->s->blocks[block].bytes, f->usable };
}

static uint32_t find_named(struct search *f, uint32_t name, uint64_t bytes)
{
	uint64_t hash = index_hash((uint64_t)name << 40 ^ bytes);
	struct named *n;

	INDEX_EACH(&f->names, hash, probe)
	if (f->named[probe.number].name == name && f->named[probe.number].bytes == bytes)
		return f->named[probe.number].type;
	index_add(&f->names, hash, f->named_count);
	n = ARRAY_ADD(f->named, f->named_count, f->named_room);
	*n = (struct named){ name, bytes,
		members_named(f->m, f->t->names.text[name], (struct members_size){ bytes, f->usable }) };
	return n->type;
}

/* A block that is smaller than the class, or of a size that no array of it has, holds what is left of an object, or
 * begins with one. Where the size is known to have been asked of `new`, and no type explains it, there may be more
 * behind the object. */
static bool is_left_over(struct search *f, uint32_t block)
{
	struct members_size size = size_of(f, block);
	uint32_t type = members_defined(f->m, f->t->names.text[f->t->of[block] - 1]);
	uint64_t bytes = type ? members_type_bytes(f->m, type) : 0;

	return bytes && (f->usable || size.bytes < bytes || members_is_ambiguous(f->m, type, size));
}

void typed_known_find(struct block_types *t, const struct snapshot *s)
{
	struct search f = { .t = t, .s = s, .m = t->members, .usable = s->process->flags & PROCESS_WALKED };

	for (uint32_t i = 0; i < s->block_count; i++) {
		if (!t->of[i] || t->evidence[i] == EVIDENCE_HEADER)
			continue;
		t->inside[i] = find_named(&f, t->of[i] - 1, s->blocks[i].bytes);
		if (t->evidence[i] != EVIDENCE_VTABLE)
			continue;
		/* A vtable at the start proves one object; pointers prove arrays. */
		if (!(t->inside[i] && members_fits(f.m, t->inside[i], size_of(&f, i), false))
			&& is_left_over(&f, i)) {
			t->of[i] = t->inside[i] = 0;
			t->evidence[i] = EVIDENCE_NONE;
		}
	}
	free(f.named);
	index_free(&f.names);
}
