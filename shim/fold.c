/* fold.c - see fold.h. The folded stack is what is called a loop-erased walk: G. F. Lawler,
 * "A self-avoiding random walk", Duke Math. J. 47 (1980). */
#include "fold.h"
#include "mix.h"
#include "walk.h"

#define SEEN 2048u /* at least twice as many as frames */

/* Where each frame is in the folded stack, plus 1. Entries of frames that were left out are not removed. */
static uint16_t seen[SEEN];
_Static_assert(SEEN >= 2 * WALK_DEPTH_MAX, "the table is sparse");

uint32_t fold_limit(uint64_t sites, uint64_t most)
{
	static const uint32_t limit[] = { WALK_DEPTH_MAX, 32, 16, 8, 4 };
	if (!most || sites < most)
		return 0;
	uint64_t step = (sites - most) / (most / 4 + 1);
	return step < sizeof limit / sizeof limit[0] ? limit[step] : 1;
}

static bool is_frame(const struct fold *f, uint32_t i, uintptr_t pc, uint8_t flags, uintptr_t python)
{
	return i < f->count && f->place[i].pc == pc && f->frame[i].flags == flags && f->python[i] == python;
}

/* The entry of this frame: seen[at] is 0 where it is not in the folded stack. Each frame of the stack adds one
 * entry at most, so there are free ones. */
static uint32_t find_entry(const struct fold *f, uintptr_t pc, uint8_t flags, uintptr_t python)
{
	uint32_t at = (uint32_t)(((pc ^ python * MIX_STAR) * MIX_GOLDEN) >> 40) % SEEN;
	while (seen[at] && !is_frame(f, seen[at] - 1u, pc, flags, python))
		at = (at + 1) % SEEN;
	return at;
}

bool fold_stack(struct fold *f, const struct walk_place *places, const struct walk_frame *frames,
	uint32_t count, uint32_t limit)
{
	uintptr_t python = 0;
	f->count = 0;
	f->cut = false;
	__builtin_memset(seen, 0, sizeof seen);
	for (uint32_t i = 0; i < count; i++) {
		bool native = !(frames[i].flags & WALK_PYTHON);
		uint32_t at = find_entry(f, places[i].pc, frames[i].flags, native ? python : 0);
		python = native ? python : places[i].pc;
		if (seen[at]) {
			f->count = seen[at];
			continue;
		}
		seen[at] = (uint16_t)(f->count + 1);
		f->python[f->count] = native ? python : 0;
		f->place[f->count] = places[i];
		f->frame[f->count++] = frames[i];
	}
	if (f->count > limit) {
		uint32_t out = f->count - limit;
		__builtin_memmove(f->place, f->place + out, limit * sizeof f->place[0]);
		__builtin_memmove(f->frame, f->frame + out, limit * sizeof f->frame[0]);
		f->count = limit;
		f->cut = true;
	}
	return f->count < count;
}
