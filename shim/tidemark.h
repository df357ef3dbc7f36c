/* tidemark.h - what a program can say to the profiler, and ask of it.
 *
 * Every call is a weak symbol: a program that uses this header links and runs
 * without the library, and the calls do nothing then: the macros at the end test
 * for that, and arguments are not evaluated. What returns a number returns 0, or
 * ENOSYS or -1 where 0 would say that something was done. `if (tide_mark)` asks
 * whether the library is there. Include it from one or many files; nothing to link.
 *
 * Threads: all calls from any thread. Signals: not from handlers, but for
 * tide_mark. Errors: as said; errno is left alone.
 */
#ifndef TIDEMARK_H
#define TIDEMARK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef TIDEMARK_IMPLEMENTATION_
#define TIDE_WEAK __attribute__((visibility("default")))
#else
#define TIDE_WEAK __attribute__((weak))
#endif

/* Recording. Frees of recorded blocks are always seen. tracemalloc: start, stop, is_tracing. */
TIDE_WEAK void tide_start(void);
TIDE_WEAK void tide_stop(void);
TIDE_WEAK int tide_is_tracing(void);
/* Forgets all blocks that live now (clear_traces). Call while other threads are quiet. */
TIDE_WEAK void tide_clear(void);

/* Writes a snapshot to `path` (".tide" is added when it does not end so) before it
 * returns: 0, or an errno value. Overwrites. */
TIDE_WEAK int tide_snapshot(const char *path);
/* A named moment: reports can show what was born between two of them. */
TIDE_WEAK void tide_mark(const char *name);
/* What lives now is the baseline (gc.freeze): a mark of its own kind. */
TIDE_WEAK void tide_freeze(void);

/* Live and greatest live bytes of the process; either pointer may be NULL. */
TIDE_WEAK void tide_traced_memory(size_t *live, size_t *peak);
TIDE_WEAK void tide_reset_peak(void);
/* Resident bytes of the profiler in this process: its tables and its library. */
TIDE_WEAK size_t tide_overhead(void);
/* Frames kept per stack. */
TIDE_WEAK int tide_depth(void);
/* Return addresses of the stack that made the block, innermost first; their number, 0: unknown. */
TIDE_WEAK int tide_stack_of(const void *block, void **frames, int capacity);
/* Requested bytes of a live block; 0 when it is not one. */
TIDE_WEAK size_t tide_size_of(const void *block);

/* Memory of an allocator of the program's own, charged to the caller (PyTraceMalloc_Track). */
TIDE_WEAK int tide_track(unsigned domain, const void *p, size_t bytes);
TIDE_WEAK int tide_untrack(unsigned domain, const void *p);

/* Blocks that have survived: generation 0 is younger than the latest mark, 1 than the one
 * before, 2 is all older ones (gc.get_count, gc.get_objects). */
TIDE_WEAK size_t tide_count(int generation);
TIDE_WEAK void tide_blocks(
	int generation, void (*each)(void *context, void *block, size_t bytes), void *context);

/* A scope: what this thread made in it and left behind. */
struct tide_left {
	size_t blocks, bytes;
};
TIDE_WEAK void tide_scope_begin(const char *name);
TIDE_WEAK struct tide_left tide_scope_end(const char *name);

/* References from this block do not keep others alive (weakref). */
TIDE_WEAK void tide_weak(const void *block);
/* Neither this block nor what it refers to is a leak. */
TIDE_WEAK void tide_ignore(const void *block);

/* The reference model, asked about this moment. Each call makes a frozen copy of the
 * process and looks through it in another process: milliseconds and more, not for hot code. */
struct tide_kind {
	size_t blocks, bytes;
};
struct tide_collected {
	struct tide_kind unreferenced, cycle, indirect, possible, reachable;
};
/* Finds what is lost, frees nothing (gc.collect): 0, or an errno value. */
TIDE_WEAK int tide_collect(struct tide_collected *found);
/* References found to the block (sys.getrefcount); -1: could not be determined. */
TIDE_WEAK long tide_refcount(const void *block);
/* Places that refer to the block; blocks that it refers to. At most `capacity` are
 * stored; the number there are is returned, -1: could not be determined. */
TIDE_WEAK long tide_referrers(const void *block, void **words, long capacity);
TIDE_WEAK long tide_referents(const void *block, void **blocks, long capacity);

#ifdef __cplusplus
}
#endif

#ifndef TIDEMARK_IMPLEMENTATION_
static inline struct tide_left tidemark_nothing_left(void)
{
	struct tide_left none = { 0, 0 };
	return none;
}

/* A name within its own macro is the function. 38: ENOSYS, without <errno.h>. */
#define tide_start() (tide_start ? tide_start() : (void)0)
#define tide_stop() (tide_stop ? tide_stop() : (void)0)
#define tide_is_tracing() (tide_is_tracing ? tide_is_tracing() : 0)
#define tide_clear() (tide_clear ? tide_clear() : (void)0)
#define tide_snapshot(path) (tide_snapshot ? tide_snapshot(path) : 38)
#define tide_mark(name) (tide_mark ? tide_mark(name) : (void)0)
#define tide_freeze() (tide_freeze ? tide_freeze() : (void)0)
#define tide_traced_memory(live, peak) (tide_traced_memory ? tide_traced_memory(live, peak) : (void)0)
#define tide_reset_peak() (tide_reset_peak ? tide_reset_peak() : (void)0)
#define tide_overhead() (tide_overhead ? tide_overhead() : 0)
#define tide_depth() (tide_depth ? tide_depth() : 0)
#define tide_stack_of(block, frames, capacity) (tide_stack_of ? tide_stack_of(block, frames, capacity) : 0)
#define tide_size_of(block) (tide_size_of ? tide_size_of(block) : 0)
#define tide_track(domain, p, bytes) (tide_track ? tide_track(domain, p, bytes) : 38)
#define tide_untrack(domain, p) (tide_untrack ? tide_untrack(domain, p) : 38)
#define tide_count(generation) (tide_count ? tide_count(generation) : 0)
#define tide_blocks(generation, each, context)                                                               \
	(tide_blocks ? tide_blocks(generation, each, context) : (void)0)
#define tide_scope_begin(name) (tide_scope_begin ? tide_scope_begin(name) : (void)0)
#define tide_scope_end(name) (tide_scope_end ? tide_scope_end(name) : tidemark_nothing_left())
#define tide_weak(block) (tide_weak ? tide_weak(block) : (void)0)
#define tide_ignore(block) (tide_ignore ? tide_ignore(block) : (void)0)
#define tide_collect(found) (tide_collect ? tide_collect(found) : 38)
#define tide_refcount(block) (tide_refcount ? tide_refcount(block) : -1)
#define tide_referrers(block, words, capacity) (tide_referrers ? tide_referrers(block, words, capacity) : -1)
#define tide_referents(block, blocks, capacity)                                                              \
	(tide_referents ? tide_referents(block, blocks, capacity) : -1)
#endif

#endif
