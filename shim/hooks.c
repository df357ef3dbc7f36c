/* hooks.c - the malloc family, with glibc's contract.
 *
 * An exported function only decides whether there is anything to do, and jumps
 * to the real function or to a twin with the same stack frame: _fast for the
 * common case, _full for all others. Every hook: real call, then enter; or
 * enter, take, real call (BM2, S4). The frame address gives the caller's return
 * address, stack pointer and rbp. errno is the real function's: nothing here
 * changes it.
 */
#include <errno.h>
#include "error.h"
#include "event.h"
#include "real.h"
#include "wipe.h"

#define FRAME() (__builtin_frame_address(0))
#define FULL static __attribute__((noinline))

/* The block p of `size` bytes has just been made for the caller of `frame`. */
FULL void *made(void *p, size_t size, void *frame)
{
	struct thread *t = thread_enter(ENTER_SP(frame));
	if (unlikely((uintptr_t)t <= (uintptr_t)THREAD_NESTED)) {
		if (t && p)
			event_made_nested((uintptr_t)p, size);
		return p;
	}
	if (likely(p)) {
		if (unlikely(__atomic_load_n(&state.ledger->request, __ATOMIC_RELAXED)))
			event_request(t);
		if (unlikely(state.wipe))
			wipe_block(p, 0, size);
		event_made(t, p, size, walk_entry(frame));
	}
	thread_leave(t);
	return p;
}

HOT_INLINE void *made_slow(void *p, size_t size, void *frame)
{
	p = made(p, size, frame);
	compiler_barrier(); /* not a jump: `made` reads the frame of its caller */
	return p;
}

/* As made, but takes the fast path where it can. */
HOT_INLINE void *made_fast(void *p, size_t size, void *frame)
{
	struct thread *t = thread_current;
	if (likely(t->busy == THREAD_IDLE && p)) {
		t->busy = ENTER_SP(frame);
		compiler_barrier();
		enum event_rest rest = event_made_fast(t, (uintptr_t)p, size, walk_entry(frame));
		if (unlikely(rest == EVENT_REST))
			return event_made_rest(t, p);
		if (unlikely(rest == EVENT_WALK)) {
			p = event_made_walk(t, p, size, walk_entry(frame));
			compiler_barrier(); /* as in made_slow */
			return p;
		}
		thread_leave(t);
		if (likely(rest == EVENT_DONE))
			return p;
	}
	return made_slow(p, size, frame);
}

HOT_INLINE void *made_here(void *p, size_t size, void *frame)
{
	event_pass(size);
	return made_slow(p, size, frame);
}

/* p is about to be freed. The result is passed to error_survived after the free. */
HOT_INLINE struct ledger_error *gone(void *p, void *frame)
{
	struct thread *t = thread_enter(ENTER_SP(frame));
	if (unlikely((uintptr_t)t <= (uintptr_t)THREAD_NESTED)) {
		if (t)
			event_freed_nested((uintptr_t)p);
		return NULL;
	}
	struct ledger_error *error = event_freed(t, p, walk_entry(frame));
	thread_leave(t);
	return error;
}

FULL void *malloc_full(size_t size) { return made_slow(real.malloc(size), size, FRAME()); }

FULL void *malloc_fast(size_t size) { return made_fast(real.malloc(size), size, FRAME()); }

void *malloc(size_t size)
{
	if (unlikely(state.general))
		return event_pass(size) ? real.malloc(size) : malloc_full(size);
	return malloc_fast(size);
}

FULL void *calloc_full(size_t n, size_t each) { return made_slow(real.calloc(n, each), n * each, FRAME()); }

FULL void *calloc_fast(size_t n, size_t each) { return made_fast(real.calloc(n, each), n * each, FRAME()); }

void *calloc(size_t n, size_t each)
{
	if (unlikely(state.general))
		return event_pass(n * each) ? real.calloc(n, each) : calloc_full(n, each);
	return calloc_fast(n, each);
}

FULL void free_full(void *p)
{
	if (unlikely(!p))
		return;
	struct ledger_error *error = gone(p, FRAME());
	real.free(p);
	if (unlikely(error))
		error_survived(error);
}

FULL void free_fast(void *p)
{
	struct thread *t = thread_current;
	if (likely(t->busy == THREAD_IDLE)) {
		t->busy = (uintptr_t)FRAME();
		compiler_barrier();
		bool done = event_freed_fast(t, (uintptr_t)p);
		thread_leave(t);
		if (likely(done))
			return real.free(p);
	}
	free_full(p);
}

void free(void *p)
{
	if (!p)
		return;
	if (likely(!state.general))
		free_fast(p);
	else if (event_pass_free(p))
		real.free(p);
	else
		free_full(p);
}

void cfree(void *p) { free_full(p); }

static COLD void *realloc_plain(void *p, size_t size, bool nested)
{
	if (!nested)
		return real.realloc(p, size);
	uint64_t old_size = 0, ignored;
	uint64_t slot = block_take((uintptr_t)p, &old_size);
	void *q = real.realloc(p, size);
	if (q || !size)
		event_gone_nested(slot, old_size);
	if (q)
		event_made_nested((uintptr_t)q, size);
	else if (slot && size)
		block_put((uintptr_t)p, old_size, slot_keep(slot), &ignored);
	return q;
}

HOT_INLINE void *resize(void *p, size_t size, void *frame)
{
	if (!p)
		return unlikely(state.general) ? made_here(real.malloc(size), size, frame)
					       : made_fast(real.malloc(size), size, frame);
	struct thread *t = thread_enter(ENTER_SP(frame));
	if (unlikely((uintptr_t)t <= (uintptr_t)THREAD_NESTED))
		return realloc_plain(p, size, t != NULL);

	/* The block leaves the map before the real call, because another thread
	 * may get the old address at once. It is put back if the call fails. */
	uint64_t old_size = 0, ignored;
	uint64_t slot = block_take((uintptr_t)p, &old_size);
	struct ledger_error *error = NULL;
	if (unlikely(!slot))
		error = error_unknown(t, (uintptr_t)p, walk_entry(frame), ERROR_REALLOC);
	else if (unlikely(slot_timed(slot)))
		error_timed(t, (uintptr_t)p, old_size, slot, walk_entry(frame), ERROR_REALLOC);
	/* realloc copies all usable bytes, not only the requested ones. */
	size_t had = state.wipe && !state.foreign ? block_usable((uintptr_t)p) : size;
	void *q = real.realloc(p, size);
	if (unlikely(error))
		error_survived(error);
	if (unlikely(had < size))
		wipe_block(q, had, size);
	if (unlikely(!q && size)) {
		if (slot)
			block_put((uintptr_t)p, old_size, slot_keep(slot), &ignored);
		thread_leave(t);
		return NULL;
	}
	event_gone(t, p, slot, &old_size);
	if (likely(q)) {
		const uintptr_t *e = walk_entry(frame);
		if (unlikely(state.special)) {
			t->sample_left -= (int64_t)size;
			event_made(t, q, size, e);
			event_reallocated(t, (uintptr_t)q);
		} else {
			uint32_t site = walk_site(t, e);
			count_of(t, site)->reallocations++;
			event_made_at(t, (uintptr_t)q, size, site);
		}
	}
	thread_leave(t);
	return q;
}

void *realloc(void *p, size_t size) { return resize(p, size, FRAME()); }

void *reallocarray(void *p, size_t n, size_t each)
{
	size_t size;
	if (__builtin_mul_overflow(n, each, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	return resize(p, size, FRAME());
}

void *memalign(size_t alignment, size_t size)
{
	if (unlikely(!real.memalign))
		real_resolve();
	return made_here(real.memalign(alignment, size), size, FRAME());
}

void *aligned_alloc(size_t alignment, size_t size)
{
	if (unlikely(!real.aligned_alloc))
		real_resolve();
	return made_here(real.aligned_alloc(alignment, size), size, FRAME());
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
	if (unlikely(!real.posix_memalign))
		real_resolve();
	int r = real.posix_memalign(p, alignment, size);
	if (r == 0)
		made_here(*p, size, FRAME());
	return r;
}

void *valloc(size_t size)
{
	if (unlikely(!real.valloc))
		real_resolve();
	return made_here(real.valloc(size), size, FRAME());
}

void *pvalloc(size_t size)
{
	if (unlikely(!real.pvalloc))
		real_resolve();
	return made_here(real.pvalloc(size), size, FRAME());
}

void free_sized(void *p, size_t size)
{
	if (unlikely(!p))
		return;
	struct ledger_error *error = gone(p, FRAME());
	if (real.free_sized)
		real.free_sized(p, size);
	else
		real.free(p);
	if (unlikely(error))
		error_survived(error);
}

void free_aligned_sized(void *p, size_t alignment, size_t size)
{
	if (unlikely(!p))
		return;
	struct ledger_error *error = gone(p, FRAME());
	if (real.free_aligned_sized)
		real.free_aligned_sized(p, alignment, size);
	else
		real.free(p);
	if (unlikely(error))
		error_survived(error);
}
