/* members_locals.c - the variables of functions that words of stacks are in; see members.h. */
#include <stdlib.h>
#include "base/array.h"
#include "members_private.h"
#include "symbol/symbol_locals.h"

#define FRAMES_MOST (1u << 17) /* addresses of code that are looked at */

static struct members_frame *find_frame(struct members *m, const struct tide_frame *f)
{
	bool returns = !(f->flags & FRAME_SIGNAL);
	uint64_t hash = index_hash(f->address << 1 | returns);
	struct symbol_module *file = symbols_module(m->symbols, f->module);
	struct members_frame *new;

	INDEX_EACH(&m->frames, hash, probe)
	{
		const struct members_frame *have = &m->frame[probe.number];

		if (have->address == f->address && have->module == f->module && have->returns == returns)
			return &m->frame[probe.number];
	}
	index_add(&m->frames, hash, m->frame_count);
	new = ARRAY_ADD(m->frame, m->frame_count, m->frame_room);
	if (m->frame_count > FRAMES_MOST)
		file = NULL;
	*new = (struct members_frame){ .address = f->address, .module = f->module, .returns = returns };
	if (file && symbol_module_source(file) == SYMBOL_SOURCE_DWARF)
		new->locals =
			symbol_locals_find(file, f->address - m->snapshot->modules[f->module].bias, returns);
	return new;
}

/* The variable among `count` of a list that has the byte at an offset. */
static struct symbol_local *find_local(struct symbol_local *list, size_t count, int64_t at)
{
	size_t lo = 0, hi = count;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (list[middle].at <= at)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo && (uint64_t)at - (uint64_t)list[lo - 1].at < list[lo - 1].bytes ? &list[lo - 1] : NULL;
}

static bool is_written(const struct symbol_local *v, uint64_t offset)
{
	return v->written == UINT64_MAX || (offset / 8 < 64 && v->written >> offset / 8 & 1);
}

uint32_t members_frame_local(struct members *m, const struct tide_root_edge *e, struct members_local *local)
{
	const struct snapshot *s = m->snapshot;
	const struct tide_root *r = &s->roots[e->root];
	const struct tide_frame *f = r->frame < s->frame_count ? &s->frames[r->frame] : NULL;
	struct members_frame *frame;
	struct symbol_local *of_frame, *of_stack, *found;
	int64_t from_end, from_start;

	/* Frames end where those of their callers begin. */
	if (!f || !r->frame || !r->bytes || f->flags & FRAME_PYTHON || !f->module
		|| f->module >= s->module_count)
		return 0;
	frame = find_frame(m, f);
	if (frame->locals.frame_bytes && frame->locals.frame_bytes != r->bytes)
		return 0;
	from_start = (int64_t)(e->address - r->address);
	from_end = (int64_t)(e->address - (r->address + r->bytes));
	of_frame = find_local(frame->locals.list, frame->locals.of_frame, from_end);
	of_stack = find_local(frame->locals.list + frame->locals.of_frame,
		frame->locals.count - frame->locals.of_frame, from_start);
	found = of_frame ? of_frame : of_stack;
	if (!found || (of_frame && of_stack))
		return 0;
	*local = (struct members_local){ .name = found->name,
		.offset = (uint64_t)(of_frame ? from_end : from_start) - (uint64_t)found->at };
	local->written = is_written(found, local->offset);
	return members_of_attribute(m, &found->die);
}
