/* unwinder.h - the frames of a thread of another process.
 *
 * libunwind's remote unwinder, over our own reader: the thread may be that of
 * an image (a copy), of which only memory and registers are known.
 *
 * U1  Frames are innermost first, stack addresses ascend strictly; a signal
 *     frame may lead to another stack.
 * U2  A register that is not known ends the walk where it is needed.
 */
#ifndef TIDEMARK_UNWINDER_H
#define TIDEMARK_UNWINDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>
#include "remote.h"

struct unwind_frame {
	uint64_t pc;
	uint64_t sp;       /* of this frame: its words are [sp, next frame's sp) */
	uint64_t function; /* start of the function; 0 unknown, or registers not asked for */
	bool signal;       /* interrupted: pc is exact */
};

/* Callee-saved registers as they were in one frame. */
struct unwind_registers {
	uint64_t rbx, rbp, r12, r13, r14, r15;
};

struct unwinder;
struct unwinder *unwinder_new(struct remote *m);
void unwinder_free(struct unwinder *u);

/* The frames of a thread; `general` says that all registers are known, else
 * only rsp and rip. registers[i], where not NULL, are those of frame i.
 * Returns the number of frames. */
size_t unwinder_walk(struct unwinder *u, const struct user_regs_struct *start, bool general,
	struct unwind_frame *frames, struct unwind_registers *registers, size_t max);

#endif
