/* step.h - from a frame to its caller, whatever the rule.
 *
 * SE1  Reads only [lo, hi), the rest of a stack that is known to be mapped. hi 0:
 *     any stack, with the stack pointer lo; each page is probed before it is read
 *     (once, as long as nothing is unmapped).
 * SE2  Terminates: frames always move up a stack, or the step is broken.
 *
 * Threads: each remembers its own pages. Signals: as for the shim. Errors:
 * STEP_BROKEN.
 */
#ifndef TIDEMARK_STEP_H
#define TIDEMARK_STEP_H

#include "state.h"

struct step_place {
	uintptr_t slot, pc, rbp, sp;
	uint8_t flags;
};
enum step_result { STEP_ON, STEP_END, STEP_BROKEN };

/* Fills the outer place and what was read on the way. */
enum step_result step_outward(struct thread *t, uintptr_t lo, uintptr_t hi, const struct step_place *in,
	struct step_place *out, struct walk_step *record);

#endif
