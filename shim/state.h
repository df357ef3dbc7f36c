/* state.h - the shim's process-wide state and the state of a thread.
 *
 * ST1  `struct state` is written at start-up and in a forked child; after that
 *     its hot fields are only read.
 * ST2  A thread is inside the shim while thread->busy is neither IDLE nor 0. It
 *     then holds the stack pointer at which it entered, so that a longjmp out
 *     of a handler is noticed: a stack pointer above it means that the value is
 *     stale.
 * ST3  busy == 0 means "never registered" (thread_none) or "wiped": struct
 *     thread lives in memory that fork wipes, which is how a forked child
 *     finds out (also after a raw clone).
 * ST4  Nothing in the shim calls the hooked functions or takes a lock that a
 *     signal handler of the same thread could want: nested events take none.
 *
 * Threads: a struct thread belongs to its thread. Signals: a handler finds busy
 * set and takes the nested path. Fork: ST3.
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
/* Keeps a value in a register: gcc computes addresses of elements again at each use. */
#define in_register(x) __asm__("" : "+r"(x))

#define THREAD_IDLE 1ul

enum phase {
	PHASE_UNBORN, /* the constructor has not run */
	PHASE_RUNNING,
	PHASE_DORMANT, /* this process is not profiled: pass everything through */
	PHASE_OVER,    /* the exit snapshot was taken */
};

/* A frame of the cached stack (walk.h): where its return address is stored, and its
 * value; for an interrupted frame (WALK_EXACT), its pc. */
struct walk_place {
	uintptr_t slot, pc;
};

struct walk_frame {
	uint64_t hash;     /* rolling hash of the pcs from the outermost frame to this */
	uint64_t identity; /* rolling hash of slots, pcs and (where it matters) rbp: WK5 */
	uintptr_t rbp;     /* while pc runs */
	uint32_t node;     /* trie node of the frames to here (complete stacks); 0 unknown */
	uint16_t extras;   /* words, besides return addresses, that outer frames' places depend on */
	uint8_t needs_rbp; /* an outer frame's place depends on rbp */
	uint8_t flags;     /* WALK_* */
};

struct walk_word {
	const uintptr_t *address;
	uintptr_t expected;
};

#define WALK_FRAMES 2048u /* cached frames; deeper stacks drop their outer part */
#define WALK_EXTRAS (2 * WALK_FRAMES)
#define WALK_DEPTH_MAX 1024u /* greatest depth limit */
#define WALK_EXTRA 128u /* frames walked beyond the depth limit, so that returns do not need a new walk */

/* A stack that was walked recently, as its innermost frames on top of a cached
 * one, the trunk: WK4. Two cache lines. */
#define WALK_LEAF_WORDS 6u
struct walk_leaf {
	uintptr_t slot; /* 0: nothing remembered */
	uintptr_t pc, rbp;
	uint64_t identity;              /* of the trunk */
	struct ledger_counter *counter; /* of this thread and the site */
	uint32_t site;
	uint16_t kept; /* the trunk is frame[kept - 1] */
	uint16_t low;  /* frames of the trunk to verify: down to this index */
	uint8_t words; /* the number of its own words */
	uint8_t needs_rbp;
	uint8_t extras;                   /* whether frames of the trunk have extras */
	uint32_t offset[WALK_LEAF_WORDS]; /* of its own words, from slot */
	uintptr_t expected[WALK_LEAF_WORDS];
} __attribute__((aligned(64)));
#define WALK_TRIAL 1024 /* walks between two checks of how often leaves are hit */
#define WALK_LEAVES_BITS 10u
#define WALK_LEAVES (1u << WALK_LEAVES_BITS)

/* A Python frame: its address, and where it is in its code (python_frame.h). */
struct python_place {
	uintptr_t frame;
	uint64_t word;
};
/* Stacks of Python that were met recently: python_leaf.h. Two cache lines. */
#define PYTHON_LEAF_PLACES 6u
struct python_leaf {
	uint64_t identity;              /* of the trunk */
	struct ledger_counter *counter; /* of this thread and the site */
	uint32_t native;                /* the site of the native frames; 0: nothing remembered */
	uint32_t site;
	uint32_t kept;                                 /* the trunk has this many frames */
	uint32_t own;                                  /* frames that are not of the trunk, at least one */
	struct python_place place[PYTHON_LEAF_PLACES]; /* innermost first */
} __attribute__((aligned(64)));
#define PYTHON_LEAVES_BITS 10u
#define PYTHON_LEAVES (1u << PYTHON_LEAVES_BITS)
#define PYTHON_TRUNK 256u /* longest stack that is remembered */
struct python_stack {
	uint32_t frames; /* in the trunk */
	uint32_t ends;   /* python_code_ends_all when last looked at */
	int32_t turn; /* stacks that were not remembered, until adjust_leaves of python_leaf.c looks again */
	bool off;     /* leaves are not remembered */
	uint64_t events;                         /* of the thread, when it last looked */
	struct python_place step[PYTHON_TRUNK];  /* the stack that was just listed, innermost first */
	struct python_place trunk[PYTHON_TRUNK]; /* outermost first */
	uint64_t known[PYTHON_TRUNK];        /* the place of trunk[i], as in a site; 0: not looked up yet */
	uint64_t identity[PYTHON_TRUNK + 1]; /* of trunk[0] to trunk[i - 1] */
	struct python_leaf leaf[PYTHON_LEAVES];
};

/* A frame on its way into the cache, with what its transition outward read. */
struct walk_step {
	uintptr_t slot, pc, rbp;
	const uintptr_t *rbp_from; /* where the caller's rbp was loaded; NULL: kept in rbp */
	const uintptr_t *extra;    /* realigned: word that held the CFA; signal: word that held rsp */
	uintptr_t extra_value;
	uint8_t uses_rbp;
	uint8_t flags;
};

/* A timed block that was made recently, with its exact birth, for short lifetimes. */
#define RECENT_BLOCKS 64u
struct recent {
	uintptr_t address;
	uint64_t tsc;
};

/* Probed pages of another stack: step.c. */
struct probed {
	uintptr_t page;
	uint32_t pages, unmaps;
};
#define PROBED_BITS 12u

struct thread {
	/* First cache line: used by each event. */
	uintptr_t busy;                /* ST2 */
	struct ledger_counter **pages; /* [site / LEDGER_PAGE_COUNTERS] */
	int64_t credit;                /* bytes this thread may add before it must publish */
	int64_t credit_max;            /* publish when credit grows above */
	uintptr_t last;                /* block of this thread's latest allocation, or 0 */
	uint64_t slot_bits;            /* thread number, in place for a slot */
	uint64_t freed;                /* blocks freed, no matter which thread made them */
	int32_t timed_left;            /* blocks before the next one whose lifetime is measured */
	uint32_t frames;               /* cached frames in use */
	/* Second: used by each allocation and by walks. */
	uint64_t events;              /* allocations made */
	uintptr_t stack_lo, stack_hi; /* the stack whose frames are cached */
	uint64_t random;              /* state of sample_random's generator */
	int64_t sample_left;          /* bytes to the next sample */
	int64_t base;                 /* credit at which nothing is held back (count.h) */
	uint32_t generation;          /* state.generation when last looked at */
	uint32_t site;                /* of the latest walk that was not cached */
	int32_t leaf_turn;            /* walks until adjust_leaves looks again */
	bool leaf_off;                /* leaves are not remembered */
	uint8_t bottom;               /* WALK_BOTTOM_*: what is outside frame[0] */
	uint8_t paused;               /* pass everything through: the shim itself calls libc */
	bool timed_each;              /* every block is timed, since the thread makes few */
	/* The rest: used occasionally. */
	uint32_t timed_first; /* not 0: the next block is its site's first; timed_left was one less */
	uint32_t timed_gap;   /* blocks from the latest one that was timed in turn to the next */
	uint64_t timed_tsc;   /* the time of that block */
	uint64_t leaf_events; /* events when adjust_leaves last looked */
	uint64_t seed;        /* of frame identities: changed whenever the cache is reused (WK5) */
	struct ledger_thread *record;
	uint32_t number; /* index of record */
	int32_t tid;
	struct thread *next;     /* all threads, newest first; never unlinked */
	uintptr_t control_block; /* thread pointer of the owner */
	struct probed probed_other;
	uint32_t ignoring; /* __lsan_disable depth: blocks made now are not leaks */
	/* Keeps the offset of `leaf` from being a multiple of the element's size: gcc would
	 * add it to the index, which costs one more instruction. */
	char apart[64] __attribute__((aligned(64)));
	struct walk_leaf leaf[WALK_LEAVES];
	struct walk_place floor; /* place[-1], where a search ends: above any stack */
	struct walk_place place[WALK_FRAMES];
	struct walk_frame frame[WALK_FRAMES];
	struct walk_word extra[WALK_EXTRAS];
	struct recent recent[RECENT_BLOCKS];
	struct walk_step step[WALK_DEPTH_MAX + WALK_EXTRA + 1];
	struct probed probed[1u << PROBED_BITS];
	struct python_stack python;
};

_Static_assert(offsetof(struct thread, events) == 64, "the first cache line");
_Static_assert(offsetof(struct thread, timed_first) == 128, "the second cache line");
_Static_assert(sizeof(struct walk_leaf) == 128, "two cache lines");
_Static_assert(sizeof(struct python_leaf) == 128, "two cache lines");
_Static_assert(offsetof(struct thread, leaf) % sizeof(struct walk_leaf) == 64, "see apart");

struct state {
	struct ledger_header *ledger;
	uint64_t *fork_word; /* wiped to 0 in a forked child */
	int phase;           /* enum phase */
	bool foreign;        /* the allocator below is not glibc's: BM3 */
	bool threaded;       /* a second thread was seen */
	bool no_syscalls;    /* a seccomp filter is in place: S11 */
	bool verbose;
	bool stopped;         /* tide_stop */
	bool python_mimalloc; /* mimalloc serves the small objects of Python: PH4 */
	bool python_general;  /* that, sampling or stopped: none of them takes the fast path */
	uint32_t ignoring;    /* threads inside __lsan_disable */
	uint64_t ptracer;     /* the program's argument to PR_SET_PTRACER */
	bool no_tsc;          /* the time stamp counter may not be read: birth.h */
	bool general;         /* special, foreign or wipe: no event takes the fast path */
	bool wipe;            /* wipe.h */
	bool operators;       /* the program has C++'s new and delete: callee.h */
	bool special; /* sampling, stopped, a thread in __lsan_disable, or python: event_made_special */
	uint32_t depth;
	uint64_t depth_power; /* WALK_BASE to the power of depth */
	uint64_t sites_most;  /* from this number of sites on, stacks are folded; 0: never */
	uint64_t sample;
	const struct clock *clock; /* birth.h */
	uint64_t tick_tsc;         /* when periodic work is due */
	struct thread *threads;
	uint32_t generation; /* counts dlclose */
	uint32_t unmaps;     /* counts munmap: probed stacks may be gone */
	uintptr_t lo, hi;    /* where this library is mapped */
	uint32_t ending;     /* a thread has begun to end the process */
	/* Finds the sites of stacks with CPython frames (python_site.c); NULL if there are none. */
	uint32_t (*python_site)(struct thread *t, const uintptr_t *e, uint64_t domain);
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
