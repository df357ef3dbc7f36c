/* freed.c - see freed.h. */
#include "block.h"
#include "freed.h"
#include "lock.h"
#include "site.h"
#include "walk.h"

#define SETS 128u
#define WAYS 4u
#define FRAMES 32u /* innermost ones of a stack that are kept */

static struct freed {
	uint32_t slot; /* the part that stays in the block map */
	uintptr_t address;
	uint64_t identity;    /* of the stack, in the thread that it was of: WK5 */
	uintptr_t pc[FRAMES]; /* outermost first */
	uint32_t exact;       /* a bit for each frame: WALK_EXACT */
	uint16_t count, flags;
} freed[SETS][WAYS];

/* Apart from the entries, of which a forked child then reads none. */
static struct lock locks[SETS][WAYS];

static uint8_t next[SETS]; /* which of the set is the oldest */

static uint32_t set_of(uintptr_t p) { return (uint32_t)((p >> 4) * MIX_STAR >> 32) & (SETS - 1); }

static void keep_stack(struct freed *f, struct thread *t, const uintptr_t *e)
{
	unsigned flags = 0;
	uint32_t count = walk_frames(t, e, FRAMES, &flags), low = t->frames - count;
	if (count && f->identity == t->frame[t->frames - 1].identity)
		return;
	f->exact = 0;
	f->identity = count ? t->frame[t->frames - 1].identity : 0;
	if (!count) { /* not on the thread's own stack */
		f->pc[0] = WALK_PC(e);
		count = 1;
		flags = LEDGER_SITE_DEPTH_CUT;
	} else {
		for (uint32_t i = 0; i < count; i++) {
			f->pc[i] = t->place[low + i].pc;
			f->exact |= (uint32_t)(t->frame[low + i].flags & WALK_EXACT) << i;
		}
	}
	f->count = (uint16_t)count;
	f->flags = (uint16_t)flags;
}

void freed_note(struct thread *t, uintptr_t p, uint64_t slot, const uintptr_t *e)
{
	uint32_t set = set_of(p), way = 0;
	while (way < WAYS && freed[set][way].address != p)
		way++;
	if (way == WAYS)
		way = __atomic_fetch_add(&next[set], 1, __ATOMIC_RELAXED) % WAYS;
	struct freed *f = &freed[set][way];
	if (!lock_try(&locks[set][way]))
		return;
	f->address = p;
	f->slot = (uint32_t)slot;
	keep_stack(f, t, e);
	lock_release(&locks[set][way]);
}

static uint32_t add_site(const struct freed *f)
{
	struct walk_place place[FRAMES];
	struct walk_frame frame[FRAMES];
	uint64_t hash = f->flags;
	for (uint32_t i = 0; i < f->count; i++) {
		place[i] = (struct walk_place){ 0, f->pc[i] };
		frame[i] = (struct walk_frame){ .flags = f->exact >> i & 1 ? WALK_EXACT : 0 };
		hash = (hash ^ f->pc[i]) * MIX_STAR;
	}
	hash = site_mix(hash + SITE_DOMAIN_ERROR);
	uint32_t site = site_find(hash);
	return site ? site : site_add(hash, place, frame, f->count, LEDGER_SITE_ERROR | f->flags, false);
}

uint32_t freed_site(uintptr_t p)
{
	uint64_t slot = block_slot_before(p);
	uint32_t set = set_of(p), site = 0;
	for (uint32_t way = 0; way < WAYS && slot_timed(slot) && !site; way++) {
		struct freed *f = &freed[set][way];
		if (__atomic_load_n(&f->address, __ATOMIC_RELAXED) != p || !lock_try(&locks[set][way]))
			continue;
		if (f->address == p && f->slot == (uint32_t)slot)
			site = add_site(f);
		lock_release(&locks[set][way]);
	}
	return site;
}

/* Another thread of the parent may have held one. */
void freed_after_fork(void)
{
	for (uint32_t set = 0; set < SETS; set++)
		for (uint32_t way = 0; way < WAYS; way++)
			if (locks[set][way].word)
				locks[set][way].word = 0;
}
