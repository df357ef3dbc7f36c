/* python_tracked.c - memory that extensions of Python report; see python.h.
 *
 * PyTraceMalloc_Track(domain, address, bytes) is for memory that is not malloc's: mappings, huge pages, the memory of a
 * device. Where libpython is a library of its own, our functions come before it: they record, and pass the call on, whether
 * tracemalloc is tracing or not. An executable that contains the interpreter comes before us, and its calls are not seen.
 *
 * PT1  What starts where a block does is that block, and is not charged once more (NumPy reports all its data).
 * PT2  The interpreter's own function is called first, with nothing of ours held, and its result is returned.
 */
#include "block.h"
#include "enter.h"
#include "hooks.h"
#include "lookup.h"
#include "python.h"
#include "tracked.h"

static int (*real_track)(unsigned domain, uintptr_t p, size_t bytes);
static int (*real_untrack)(unsigned domain, uintptr_t p);
#define TRACEMALLOC_OFF (-2) /* what they return when tracemalloc is not tracing */

void python_tracked(const struct link_map *module)
{
	int (*untrack)(unsigned, uintptr_t) =
		(int (*)(unsigned, uintptr_t))lookup_in(module, "PyTraceMalloc_Untrack");
	int (*track)(unsigned, uintptr_t, size_t) =
		(int (*)(unsigned, uintptr_t, size_t))lookup_in(module, "PyTraceMalloc_Track");
	if (!track || !untrack)
		return;
	__atomic_store_n(&real_untrack, untrack, __ATOMIC_RELEASE);
	__atomic_store_n(&real_track, track, __ATOMIC_RELEASE);
}

/* PT1 */
static bool is_block(uintptr_t p)
{
	struct block_leaf *leaf = block_leaf_of(p);
	if (!leaf)
		return false;
	uint64_t s = __atomic_load_n(&leaf->slot[BLOCK_GRANULE(p)], __ATOMIC_RELAXED);
	return slot_live(s) && slot_half(s) == ((p >> 4) & 1) && !(p & 15);
}

int PyTraceMalloc_Track(unsigned domain, uintptr_t p, size_t bytes)
{
	int (*real)(unsigned, uintptr_t, size_t) = __atomic_load_n(&real_track, __ATOMIC_ACQUIRE);
	int result = real ? real(domain, p, bytes) : TRACEMALLOC_OFF;
	const uintptr_t *e = walk_entry(__builtin_frame_address(0));
	if (!bytes || domain >= TRACKED_ROOT_REGION || is_block(p))
		return result;
	struct thread *t = ENTER();
	if (!t)
		return result;
	/* Memory that is reported again has another size now. */
	tracked_take(t, domain, p);
	if (!state.stopped)
		tracked_put(t, e, domain, p, bytes);
	thread_leave(t);
	return result;
}

int PyTraceMalloc_Untrack(unsigned domain, uintptr_t p)
{
	int (*real)(unsigned, uintptr_t) = __atomic_load_n(&real_untrack, __ATOMIC_ACQUIRE);
	int result = real ? real(domain, p) : TRACEMALLOC_OFF;
	if (domain >= TRACKED_ROOT_REGION || is_block(p))
		return result;
	struct thread *t = ENTER();
	if (!t)
		return result;
	tracked_take(t, domain, p);
	thread_leave(t);
	return result;
}
