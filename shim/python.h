/* python.h - CPython in this process: found, proved, and its frames put into stacks.
 *
 * python_locate.c   where the interpreter is, and which version it is
 * python_prove.c    whether its offsets are those in our table
 * python_frame.c    the thread's frames: a hash at each event, a list when the stack is new
 * python_leaf.c     the sites of stacks that were met recently
 * python_code.c     code objects: names and lines, copied while they live
 * python_native.c   the native frames of a stack, one by one
 * python_site.c     native and Python frames of a stack, each in its place, as one site
 * python_hook.c     the allocators of CPython's small objects
 * python_tracked.c  memory that extensions report
 * python_end.c      the snapshot that is taken before the interpreter is finalized
 *
 * PY1  Nothing of the interpreter is written, and in a hook none of its functions is called
 *     but PyGILState_GetThisThreadState, which reads a thread-specific value.
 * PY2  Only the frames of the calling thread are read. It is inside an allocation, so they do not
 *     change until it returns, with or without the GIL.
 * PY3  No frame is read before the offsets are proved on this process (python_prove.c), while another
 *     thread finalizes the interpreter, or in a free: there a code object may be gone before the frame
 *     that names it.
 * PY4  If anything is not as expected, the stack keeps its native frames.
 *
 * Threads: see PY2. Signals: nested events take no Python frames. Fork: python_after_fork.
 * Source of the offsets: python_layout.h.
 */
#ifndef TIDEMARK_PYTHON_H
#define TIDEMARK_PYTHON_H

#include "mix.h"
#include "python_layout.h"
#include "state.h"

#define PYTHON_MAINS 4u

struct python_counted {
	struct ledger_counter *counter; /* of the calling thread and the site */
	uint32_t site;
};

/* What is known about the interpreter. Written at start-up, or when a library that contains one is loaded. */
struct python {
	const struct python_layout *layout; /* NULL: no known interpreter */
	uintptr_t runtime;                  /* _PyRuntime */
	const uintptr_t *finalizing; /* in the runtime: the thread state that finalizes the interpreter */
	uintptr_t code_type, string_type; /* PyCode_Type, PyUnicode_Type */
	uintptr_t eval_lo, eval_hi;       /* _PyEval_EvalFrameDefault; 0 unknown */
	struct {
		uintptr_t lo, hi;
	} main[PYTHON_MAINS]; /* functions that end the process after they finalize the interpreter */
	uintptr_t (*thread_state)(void); /* PyGILState_GetThisThreadState */
	/* The site of a stack that was met recently, with GIL; the counter is NULL if it is not known (python_leaf.h). */
	struct python_counted (*remembered)(struct thread *t, const uintptr_t *e);
	void (*get_allocator)(int domain, void *to);
	void (*set_allocator)(int domain, void *from);
	const char *(*allocator_name)(
		void);    /* _PyMem_GetCurrentAllocatorName: since 3.13, which has mimalloc */
	uint32_t version; /* PY_VERSION_HEX */
	bool proved;      /* the offsets of frames hold */
	bool refused;     /* they do not: no frames */
	bool ending;      /* the interpreter is being finalized, and python_end has seen that */
	bool kept;        /* the final snapshot has been taken: see python_end.c */
	/* Called until pre-initialisation, which may overwrite our allocators, is over: puts them back. Then NULL. */
	void (*settle)(void);
	void (*settle_again)(void); /* the same, for an interpreter that starts again */
};
extern struct python python;

/* A word of the interpreter's memory. */
static inline uintptr_t python_word(uintptr_t object, unsigned offset)
{
	return *(const uintptr_t *)(object + offset);
}

/* The code object that a frame runs. Since 3.14 references in frames have flags in their low bits. */
static inline uintptr_t python_code_of(const struct python_layout *l, uintptr_t frame)
{
	return python_word(frame, l->frame.code) & ~(uintptr_t)7;
}

/* Looks for an interpreter among the modules that were loaded with the program. */
void python_start(bool (*end_snapshot)(bool ends));
/* Looks for one in a module that has just been loaded; `address` is in it. Called under the lock of sites. */
void python_look(uintptr_t address);
/* May frames be read from this thread state? Proves the offsets at the first one. */
bool python_usable(uintptr_t thread_state);
void python_after_fork(void);

/* Is the running thread finalizing the interpreter, and is the snapshot still to be taken? */
bool python_end_is_due(void);
/* Set by life.c: takes that snapshot; `ends`: the process ends with the interpreter. */
extern bool (*python_end_snapshot)(bool ends);
/* Takes the snapshot. The innermost frame is e. */
void python_end(struct thread *t, const uintptr_t *e);

/* The site of the stack whose innermost frame is e, with Python frames. `domain` as in walk.h. */
uint32_t python_site(struct thread *t, const uintptr_t *e, uint64_t domain);
/* As python_site, for a block of the interpreter's allocators, whose callers hold the GIL; and the site's counter. Called
 * where python.remembered does not know the stack. */
struct python_counted python_site_small(struct thread *t, const uintptr_t *e);

#ifdef TIDEMARK_CHECK
/* As python_site_small, but from the frames themselves, with nothing remembered (oracle.c). */
uint32_t python_site_hashed(struct thread *t, const uintptr_t *e);
#endif

/* Wraps the allocators of small objects with ours, unless that is done already; see python_hook.c. */
void python_hook_install(void);
/* Does so again, once, after pre-initialisation, which may have overwritten them. */
void python_hook_settle(void);

struct link_map;
/* This module contains the interpreter: what extensions report goes on to it. */
void python_tracked(const struct link_map *module);

/* --- frames ----------------------------------------------------------------------- */

/* Hash of the thread's Python frames, as far as the limit of depth; 0 if there are none. The innermost of them, at most
 * `room`, are put into `step`. *count: how many frames the stack has; 0 if more than the limit. */
uint64_t python_frame_hash(
	uintptr_t thread_state, unsigned depth, struct python_place *step, unsigned room, unsigned *count);

struct python_frame {
	uint64_t place;    /* code, instruction and line: PYTHON_PLACE of ledger.h */
	uintptr_t entered; /* not 0: this frame was entered from C, and this is an address in the stack
			      frame of the eval loop that runs it, or 1 where that is not known */
};
/* `known`: NULL, or the end of an array with a place for each frame, outermost first, which is used where it is not 0 and
 * else filled in. Lists the frames, innermost first, at most `room`. *more: there are others further out. False if a
 * frame is not understood. */
bool python_frame_list(uintptr_t thread_state, uint64_t *known, struct python_frame *to, unsigned room,
	unsigned *count, bool *more);

/* --- code objects ------------------------------------------------------------------ */

/* How often a code object was freed at an address that shares this number. It is part of the
 * hashes of frames, so that a new code object at the same address changes them. */
#define PYTHON_CODE_ENDS_BITS 12
extern uint32_t python_code_ends[1u << PYTHON_CODE_ENDS_BITS];
extern uint32_t python_code_ends_all; /* how often any was freed */
static inline uint32_t *python_code_end(uintptr_t code)
{
	return &python_code_ends[(code >> 4) * MIX_GOLDEN >> (64 - PYTHON_CODE_ENDS_BITS)];
}

#define PYTHON_CODE_LEAST 128u /* bytes of the smallest code object of any version */

/* One byte per group of addresses: how many known code objects are in the group. */
#define PYTHON_CODE_FILTER_BITS 16
extern uint8_t python_code_filter[1u << PYTHON_CODE_FILTER_BITS];
static inline uint8_t *python_code_known(uintptr_t code)
{
	return &python_code_filter[(code >> 4) * MIX_PRIME >> (64 - PYTHON_CODE_FILTER_BITS)];
}

/* Number of a code object in LEDGER_CODES; 0 if it is not a code object, or there is no room. */
uint32_t python_code_number(uintptr_t code, uint32_t interpreter);
/* The line of an instruction of code `number`, given as bytes from the first one; 0 if it does not have one. */
uint32_t python_code_line(uintptr_t code, uint32_t number, long instruction);
/* The memory at this address is about to be freed. Call only if the filter contains it. */
void python_code_freed(uintptr_t code);

#endif
