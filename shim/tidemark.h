/* tidemark.h - what a program can tell the profiler, and ask it.
 *
 * Every call is a weak symbol, so a program that uses this header links and runs without
 * the library. The macros at the end test for it: without the library their arguments are
 * not evaluated, nothing happens, and the result is 0; calls for which 0 would mean success
 * return ENOSYS or -1. `if (tide_mark)` asks whether the library is there. Any number of
 * files may include the header, and nothing has to be linked.
 *
 * Threads: any thread may call, also at the same time as others, where nothing else is said.
 * Signals: a handler may call tide_mark; the other calls are not for handlers.
 * Errors: as described for each call; errno is left alone.
 * Cost: constant, without a system call, where nothing else is said.
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

/* Turn the recording of allocations on and off, for all threads (tracemalloc.start, stop,
 * is_tracing). Frees of recorded blocks are always recorded. */
TIDE_WEAK void tide_start(void);
TIDE_WEAK void tide_stop(void);
TIDE_WEAK int tide_is_tracing(void);
/* Forgets all live blocks (tracemalloc.clear_traces): their frees are not recorded either. No
 * other thread may allocate or free in the meantime. Cost: visits every live block. */
TIDE_WEAK void tide_clear(void);

/* Writes a snapshot to `path`, replacing a file of that name, and returns when it is complete:
 * 0, or an errno value. ".tide" is appended unless `path` ends with it. Cost: all threads are
 * stopped for milliseconds while the image is made; the call itself waits for the file, which
 * takes as long as reading the heap. */
TIDE_WEAK int tide_snapshot(const char *path);
/* Names this moment; reports can show what was born between two marks. `name` is copied. Cost:
 * one lock and one entry of a table; a mark that ends a round (`run --rounds`) also reads the
 * counters of every site. */
TIDE_WEAK void tide_mark(const char *name);
/* Makes what lives now the baseline (gc.freeze), by a mark of its own kind. Cost: as tide_mark. */
TIDE_WEAK void tide_freeze(void);

/* Stores the live bytes of the process and the greatest number so far; either pointer may be
 * NULL. Cost: reads one word per thread. */
TIDE_WEAK void tide_traced_memory(size_t *live, size_t *peak);
/* Starts the search for the peak again, from what lives now. Cost: as tide_traced_memory. */
TIDE_WEAK void tide_reset_peak(void);
/* Resident bytes of the profiler in this process: its tables and its library. Cost: reads
 * /proc/self/pagemap for all of them. */
TIDE_WEAK size_t tide_overhead(void);
/* The number of frames that are kept per stack. */
TIDE_WEAK int tide_depth(void);
/* Stores at most `capacity` return addresses of the stack that allocated a live block, innermost
 * first. Returns how many were stored; 0: not known. */
TIDE_WEAK int tide_stack_of(const void *block, void **frames, int capacity);
/* Requested bytes of a live block; 0 where no live block begins. */
TIDE_WEAK size_t tide_size_of(const void *block);

/* Charge memory of an allocator of the program's own to the calling stack, and end the charge
 * (PyTraceMalloc_Track). They return 0; -1 when nothing is recorded, or when the memory was not
 * tracked. Cost: tide_track walks the stack as an allocation does; tide_untrack searches the
 * tracked entries, the latest first. */
TIDE_WEAK int tide_track(unsigned domain, const void *p, size_t bytes);
TIDE_WEAK int tide_untrack(unsigned domain, const void *p);

/* Count or visit the live blocks of a generation (gc.get_count, gc.get_objects): 0 is younger
 * than the latest mark, 1 is younger than the mark before, 2 is all older blocks. Cost:
 * they visit every live block. tide_blocks calls `each` inside the profiler: what `each` allocates is
 * not recorded, it must not call tide_*, and it must return: no exception, no longjmp. A block
 * that another thread makes or frees in the meantime may be visited or not. */
TIDE_WEAK size_t tide_count(int generation);
TIDE_WEAK void tide_blocks(
	int generation, void (*each)(void *context, void *block, size_t bytes), void *context);

/* A scope of the calling thread: tide_scope_end returns the blocks that this thread made since
 * tide_scope_begin and that still live. `name` is copied; 64 scopes may be open at a time, in
 * all threads together, and a scope beyond that returns 0. Cost: tide_scope_begin as tide_mark;
 * tide_scope_end visits every live block. */
struct tide_left {
	size_t blocks, bytes;
};
TIDE_WEAK void tide_scope_begin(const char *name);
TIDE_WEAK struct tide_left tide_scope_end(const char *name);

/* References from this block do not keep others alive (weakref). These two calls add an entry
 * to a table that snapshots read; the entry ends with the block. */
TIDE_WEAK void tide_weak(const void *block);
/* Neither this block nor what it refers to is a leak. */
TIDE_WEAK void tide_ignore(const void *block);

/* Questions to the reference model about this moment. Each call stops all threads, makes a
 * frozen copy of the process, lets the threads go on, and waits for another process that
 * searches the copy. Cost: milliseconds and more, growing with the heap; not for hot code. One
 * call at a time: other threads that ask wait. */
struct tide_kind {
	size_t blocks, bytes;
};
struct tide_collected {
	struct tide_kind unreferenced, cycle, indirect, possible, reachable;
};
/* Finds what is lost and frees nothing (gc.collect). Returns 0, or an errno value. */
TIDE_WEAK int tide_collect(struct tide_collected *found);
/* The number of references to the block (sys.getrefcount); -1: it could not be determined. */
TIDE_WEAK long tide_refcount(const void *block);
/* Store the addresses of the words that refer to the block (NULL: a register), or the blocks
 * that it refers to, at most `capacity` of them. Return how many there are in all; -1: it could
 * not be determined. */
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

/* Within its own macro a name is the function. 38 is ENOSYS, without <errno.h>. */
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
