/* python.h - CPython in this process: found, proved, and its frames put into stacks.
 *
 * python_locate.c   where the interpreter is, and of which version
 * python_prove.c    whether its offsets are those of our table
 * python_frame.c    the thread's frames: a hash at each event, a list when the stack is new
 * python_code.c     code objects: names and lines, copied while they live
 * python_native.c   the native frames of a stack, one by one
 * python_site.c     native and Python frames of a stack, each in its place, as one site
 * python_hook.c     the allocators of CPython's small objects
 * python_end.c      the snapshot that is taken before the interpreter is torn down
 *
 * PY1  Nothing of the interpreter is written, and in a hook none of its functions is called
 *     but PyGILState_GetThisThreadState, which reads a thread-specific value.
 * PY2  Only the frames of the calling thread are read. It is inside of an allocation, so they stay as
 *     they are until it returns, with the GIL or without.
 * PY3  No frame is read before the offsets are proved on this process (python_prove.c), none while the
 *     interpreter is torn down by another thread, and none in a free: there a code object may be gone
 *     before the frame that names it.
 * PY4  Where anything is not as expected, the native frames stay as they are.
 *
 * Threads: as said. Signals: nested events take no Python frames. Fork: python_after_fork.
 * Source of the offsets: python_layout.h.
 */
#ifndef TIDEMARK_PYTHON_H
#define TIDEMARK_PYTHON_H

#include "mix.h"
#include "python_layout.h"
#include "state.h"

#define PYTHON_MAINS 4u

/* What is known of the interpreter. Written at start-up, or when a library with one is loaded. */
struct python {
	const struct python_layout *layout; /* NULL: there is no interpreter that we know */
	uintptr_t runtime;                  /* _PyRuntime */
	const uintptr_t *finalizing;        /* in it: the thread state that tears the interpreter down */
	uintptr_t code_type, string_type;   /* PyCode_Type, PyUnicode_Type */
	uintptr_t eval_lo, eval_hi;         /* _PyEval_EvalFrameDefault; 0 unknown */
	struct {
		uintptr_t lo, hi;
	} main[PYTHON_MAINS]; /* functions that end the process when they have ended the interpreter */
	uintptr_t (*thread_state)(void); /* PyGILState_GetThisThreadState */
	void (*get_allocator)(int domain, void *to);
	void (*set_allocator)(int domain, void *from);
	uint32_t version; /* PY_VERSION_HEX */
	bool proved;      /* the offsets of frames hold */
	bool refused;     /* they do not: no frames */
	bool ending;      /* the interpreter is being torn down, and python_end has seen that */
	bool kept;        /* the snapshot of the process's end has been taken: see python_end.c */
	/* Until pre-initialisation is over, which may overwrite our allocators: sees to that. Then NULL. */
	void (*settle)(void);
	void (*settle_again)(void); /* the same, for an interpreter that starts once more */
};
extern struct python python;

/* A word of the interpreter's memory. */
static inline uintptr_t python_word(uintptr_t object, unsigned offset)
{
	return *(const uintptr_t *)(object + offset);
}

/* Looks for an interpreter among the modules that were loaded with the program. */
void python_start(bool (*end_snapshot)(bool ends));
/* The same in one that has just been loaded; `address` is in it. Called under the lock of sites. */
void python_look(uintptr_t address);
/* Are frames to be read from this thread state? Proves the offsets at the first one. */
bool python_usable(uintptr_t thread_state);
void python_after_fork(void);

/* Does the running thread tear the interpreter down, and has nobody taken the snapshot yet? */
bool python_end_is_due(void);
/* How it is taken, by life.c; `ends`: the process ends with the interpreter. */
extern bool (*python_end_snapshot)(bool ends);
/* Takes it. The innermost frame is e. */
void python_end(struct thread *t, const uintptr_t *e);

/* The site of the stack whose innermost frame is e, with Python frames. `domain` as in walk.h. */
uint32_t python_site(struct thread *t, const uintptr_t *e, uint64_t domain);
/* The same for a block of the interpreter's allocators, whose callers have the GIL. */
uint32_t python_site_small(struct thread *t, const uintptr_t *e);

/* Puts ours around the allocators of small objects, where they are not; see python_hook.c. */
void python_hook_install(void);
/* Once after pre-initialisation, which may have overwritten them. */
void python_hook_settle(void);

/* --- frames ----------------------------------------------------------------------- */

/* Hash of the thread's Python frames; 0: it has none. */
uint64_t python_frame_hash(uintptr_t thread_state, unsigned depth);

struct python_frame {
	uint64_t place;    /* code, instruction and line: PYTHON_PLACE of ledger.h */
	uintptr_t entered; /* not 0: this frame was entered from C, and this is an address in the stack
			      frame of the eval loop that runs it, or 1 where that is not known */
};
/* The frames, innermost first; at most `room`. *more: there are others further out. False: one of them
 * is not understood. */
bool python_frame_list(
	uintptr_t thread_state, struct python_frame *to, unsigned room, unsigned *count, bool *more);

/* --- code objects ------------------------------------------------------------------ */

/* How often a code object was freed at an address that shares this number. It goes into hashes of
 * frames, so that a new code object in its place makes new ones. */
#define PYTHON_CODE_ENDS_BITS 12
extern uint32_t python_code_ends[1u << PYTHON_CODE_ENDS_BITS];
static inline uint32_t *python_code_end(uintptr_t code)
{
	return &python_code_ends[(code >> 4) * MIX_GOLDEN >> (64 - PYTHON_CODE_ENDS_BITS)];
}

#define PYTHON_CODE_LEAST 128u /* bytes: no version has a smaller code object */

/* One byte for many addresses: how many known code objects are at one of them. */
#define PYTHON_CODE_FILTER_BITS 16
extern uint8_t python_code_filter[1u << PYTHON_CODE_FILTER_BITS];
static inline uint8_t *python_code_known(uintptr_t code)
{
	return &python_code_filter[(code >> 4) * MIX_PRIME >> (64 - PYTHON_CODE_FILTER_BITS)];
}

/* Number of a code object in LEDGER_CODES; 0: it is not one, or there is no room. */
uint32_t python_code_number(uintptr_t code, uint32_t interpreter);
/* The line of an instruction of code `number`, given as bytes from the first one; 0: it has none. */
uint32_t python_code_line(uintptr_t code, uint32_t number, long instruction);
/* The memory at this address is about to be freed. Call only if the filter has it. */
void python_code_freed(uintptr_t code);

#endif
