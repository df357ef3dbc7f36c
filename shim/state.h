/* state.h - the shim's process-wide state and the state of a thread.
 *
 * A1  `struct state` is written at start-up and in a forked child; after that
 *     its hot fields are only read.
 * A2  A thread is inside the shim while thread->busy is neither IDLE nor 0. It
 *     then holds the stack pointer at which it entered, so that a longjmp out
 *     of a handler is noticed: a stack pointer above it means that it is stale.
 * A3  busy == 0 means "never registered" (thread_none) or "wiped": struct
 *     thread lives in memory that fork wipes, which is how a forked child
 *     finds out (also after a raw clone).
 * A4  Nothing in the shim calls the hooked functions or takes a lock that a
 *     signal handler of the same thread could want: nested events take none.
 *
 * Threads: a struct thread belongs to its thread. Signals: a handler finds
 * busy set and goes the nested way. Fork: A3.
 */
#ifndef TIDEMARK_STATE_H
#define TIDEMARK_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "blockmap.h"
#include "ledger.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define EXPORT __attribute__((visibility("default")))
#define COLD __attribute__((cold, noinline))
#define HOT_INLINE static inline __attribute__((always_inline))
#define compiler_barrier() __asm__ volatile("" ::: "memory")

#define THREAD_IDLE 1ul

enum phase {
	PHASE_UNBORN,		/* the constructor has not run */
	PHASE_RUNNING,
	PHASE_DORMANT,		/* this process is not profiled: pass everything through */
	PHASE_OVER,		/* the exit snapshot was taken */
};

/* A frame of the cached stack: see walk.h. */
struct walk_frame {
	uintptr_t slot;		/* address of the word that holds pc */
	uintptr_t pc;		/* return address (or interrupted pc + 1: WALK_EXACT) */
	uintptr_t rbp;		/* rbp while pc runs */
	uint64_t hash;		/* rolling hash of the frames from the outermost to this */
	uint32_t site;		/* site of the stack that ends here; 0 unknown */
	uint32_t node;		/* trie node of the frames to here (complete stacks); 0 unknown */
	uint16_t verify;	/* words to verify for the frames outside of this one */
	uint8_t needs_rbp;	/* an outer frame's place depends on rbp */
	uint8_t flags;		/* WALK_* */
};

struct walk_word { const uintptr_t *address; uintptr_t expected; };

#define WALK_FRAMES 2048u	/* cached frames; deeper stacks drop their outer half */
#define WALK_WORDS (3 * WALK_FRAMES)
#define WALK_DEPTH_MAX 1024u	/* greatest depth limit */
#define WALK_EXTRA 128u		/* frames walked beyond the depth limit, so that returns do not walk anew */

/* A frame on its way into the cache, with what its transition outward read. */
struct walk_step {
	uintptr_t slot, pc, rbp, sp;
	const uintptr_t *rbp_from;	/* where the caller's rbp was loaded; NULL: kept in rbp */
	const uintptr_t *extra;		/* realigned: word that held the CFA; signal: word that held rsp */
	uintptr_t extra_value;
	uint8_t uses_rbp;
	uint8_t flags;
};

/* A timed block that was made lately: exact birth, for short lifetimes. */
#define RECENT_BLOCKS 64u
struct recent { uintptr_t address; uint64_t tsc; };

struct thread {
	/* First cache line: touched by every event. */
	uintptr_t busy;			/* A2 */
	struct ledger_counter **pages;	/* [site / LEDGER_PAGE_COUNTERS] */
	int64_t credit;			/* bytes this thread may add before it must publish */
	int64_t credit_max;		/* publish when credit grows above */
	uintptr_t last;			/* block of this thread's latest allocation, or 0 */
	uint64_t slot_bits;		/* thread number, in place for a slot */
	uint64_t freed;			/* blocks freed, of whatever thread */
	uint32_t frames;		/* cached frames in use */
	uint8_t bottom;			/* WALK_BOTTOM_*: what is outside of frame[0] */
	uint8_t paused;			/* pass everything through: the shim itself calls libc */
	uint16_t ignoring;		/* __lsan_disable depth: blocks made now are no leaks */
	/* Second: walks. */
	uint64_t events;		/* allocations made */
	uintptr_t stack_lo, stack_hi;	/* the stack whose frames are cached */
	uint64_t random;
	int64_t sample_left;		/* bytes to the next sample */
	int64_t base;			/* credit at which nothing is held back (count.h) */
	uint32_t site;			/* of the latest walk that was not cached */
	struct ledger_thread *record;
	uint32_t number;		/* index of record */
	int32_t tid;
	struct thread *next;		/* all threads, newest first; never unlinked */
	uintptr_t control_block;	/* thread pointer of the owner */
	uintptr_t probed_lo, probed_hi;	/* other stack known to be readable */
	uint32_t probed_unmaps, generation;	/* state.unmaps, state.generation when last looked at */
	struct ledger_registers registers;
	struct walk_word word[WALK_WORDS];
	struct walk_frame frame[WALK_FRAMES];
	struct recent recent[RECENT_BLOCKS];
	struct walk_step step[WALK_DEPTH_MAX + WALK_EXTRA + 1];
};

struct state {
	struct ledger_header *ledger;
	uint64_t *fork_word;		/* wiped to 0 in a forked child */
	int phase;			/* enum phase */
	bool foreign;			/* the allocator below is not glibc's: B3 */
	bool threaded;			/* a second thread was seen */
	bool no_syscalls;		/* a seccomp filter is in place: S11 */
	bool verbose;
	bool stopped;			/* tide_stop */
	uint32_t ignoring;		/* threads inside __lsan_disable */
	bool special;			/* sampling, stopped, or a thread ignores: event_made_special */
	uint32_t depth;
	uint64_t depth_power;	/* WALK_BASE to the power of depth */
	uint64_t sample;
	const struct clock *clock;	/* birth.h */
	uint64_t tick_tsc;		/* next periodic work */
	struct thread *threads;
	uint32_t generation;		/* counts dlclose */
	uint32_t unmaps;		/* counts munmap: probed stacks may be gone */
	uintptr_t main_stack_hi;
	uintptr_t lo, hi;		/* where this library is mapped */
};

extern struct state state;
extern struct thread thread_none;
extern __thread struct thread *thread_current __attribute__((tls_model("initial-exec")));

static inline void missed_add(enum ledger_missed what, uint64_t n)
{
	if (state.ledger)
		__atomic_fetch_add(&state.ledger->missed[what], n, __ATOMIC_RELAXED);
}

/* The element array of a table of the ledger. */
static inline void *ledger_at(enum ledger_table_kind kind)
{
	return (char *)state.ledger + state.ledger->table[kind].offset;
}

#endif
