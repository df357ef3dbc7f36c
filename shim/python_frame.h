/* python_frame.h - the words of the interpreter's frames that say where a stack is.
 *
 * PF1  A frame's word changes when the frame runs other code or another instruction, and when it is no longer
 *     entered from C, or is now. Code objects are freed, and others made in their place: python_code_ends_all counts
 *     those that were known.
 */
#ifndef TIDEMARK_PYTHON_FRAME_H
#define TIDEMARK_PYTHON_FRAME_H

#include "python.h"
#include "thread.h"

/* The position is a pointer to an instruction since 3.11, whose lowest bit is free. Where threads have copies of the
 * instructions, the memory of a copy may be used again for another function while both functions live. */
HOT_INLINE uint64_t python_frame_word(const struct python_layout *l, uintptr_t f)
{
	if (l->version < 0x030b)
		return python_word(f, l->frame.code) * MIX_PRIME + *(const uint32_t *)(f + l->frame.position);
	uint64_t word = python_word(f, l->frame.position);
	if (l->frame.copy)
		return word + python_code_of(l, f) * MIX_PRIME;
	return l->frame.is_entry == PYTHON_ABSENT ? word : word | *(const uint8_t *)(f + l->frame.is_entry);
}

HOT_INLINE uintptr_t python_frame_innermost(const struct python_layout *l, uintptr_t ts)
{
	if (l->thread.frame != PYTHON_ABSENT)
		return python_word(ts, l->thread.frame);
	return python_word(python_word(ts, l->thread.cframe), l->cframe.frame);
}

/* The state of the running thread, which holds the GIL, as it must to create objects; 0 if in doubt. Up to 3.11 the
 * runtime has it. Without the GIL that may be another thread's state, which may be freed at any moment. */
HOT_INLINE uintptr_t python_holding_state(const struct python_layout *l)
{
	if (l->runtime.tstate_current == PYTHON_ABSENT)
		return python.thread_state();
	uintptr_t ts = python_word(python.runtime, l->runtime.tstate_current);
	return likely(ts && python_word(ts, l->thread.thread_id) == thread_control_block()) ? ts : 0;
}

#endif
