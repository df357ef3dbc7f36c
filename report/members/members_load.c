/* members_load.c - the types that a snapshot has stored; see members.h. snapshot_check.c has checked them. */
#include "base/alloc.h"
#include "base/array.h"
#include "members_private.h"

static void load_members(const struct snapshot *s, const struct tide_layout *l, struct members_type *to)
{
	if (!l->count)
		return;
	to->member = alloc_zeroed(l->count, sizeof(*to->member));
	to->member_count = l->count;
	for (uint32_t i = 0; i < l->count; i++) {
		const struct tide_member *from = &s->members[l->member + i];

		to->member[i] = (struct member){ .name = snapshot_string(s, from->name),
			.offset = from->offset,
			.type = from->layout,
			.read = true,
			.base = from->flags & MEMBER_BASE,
			.sure = from->flags & MEMBER_SURE,
			.sure_at = from->sure_at };
	}
}

void members_load(struct members *m)
{
	const struct snapshot *s = m->snapshot;

	for (size_t i = 1; s->native_type_count && i < s->layout_count; i++) {
		const struct tide_layout *l = &s->layouts[i];
		struct members_type t = { .name = snapshot_string(s, l->name),
			.bytes = l->bytes,
			.of = l->of,
			.kind = (uint8_t)l->kind,
			.named = true,
			.sized = l->bytes,
			.read = true,
			.of_read = true,
			.partial = l->flags & LAYOUT_PARTIAL,
			.language = l->language };

		load_members(s, l, &t);
		*ARRAY_ADD(m->type, m->type_count, m->type_room) = t;
	}
}
