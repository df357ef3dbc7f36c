/* python_prove.c - checks that the offsets in our table are those of this interpreter;
 * see python.h.
 *
 * What they lead to must fit together: the runtime's main interpreter lists this thread state, which has
 * the identity of this thread, and the innermost frame runs an object of type PyCode_Type.
 */
#include "python.h"
#include "thread.h"

struct python python;

static bool is_aligned(uintptr_t p) { return p >= LEDGER_PAGE && !(p & 7) && !(p >> 47); }

/* Is this thread state's interpreter in the list of interpreters, and the thread state in the interpreter's list? */
static bool is_listed(uintptr_t ts)
{
	const struct python_layout *l = python.layout;
	uintptr_t interpreter = python_word(python.runtime, l->runtime.interpreters_main);
	uintptr_t own = python_word(ts, l->thread.interpreter);
	if (!is_aligned(interpreter) || !is_aligned(own))
		return false;
	if (own != interpreter)
		return false; /* checked again when a thread of the main interpreter comes */
	uintptr_t thread = python_word(own, l->interpreter.threads);
	for (unsigned n = 0; is_aligned(thread) && n < 100000; n++) {
		if (thread == ts)
			return true;
		if (python_word(thread, l->thread.interpreter) != own)
			return false;
		thread = python_word(thread, l->thread.next);
	}
	return false;
}

static uintptr_t top_frame(uintptr_t ts)
{
	const struct python_layout *l = python.layout;
	if (l->thread.frame != PYTHON_ABSENT)
		return python_word(ts, l->thread.frame);
	uintptr_t record = python_word(ts, l->thread.cframe);
	return is_aligned(record) ? python_word(record, l->cframe.frame) : 1;
}

/* The first frame with a function in it decides. */
enum proof { PROOF_LATER, PROOF_GOOD, PROOF_BAD };
static enum proof prove(uintptr_t ts)
{
	const struct python_layout *l = python.layout;
	if (!is_aligned(ts))
		return PROOF_BAD;
	if (python_word(ts, l->thread.thread_id) != thread_control_block() || !is_listed(ts))
		return PROOF_LATER;
	uintptr_t frame = top_frame(ts);
	if (!frame)
		return PROOF_LATER;
	for (unsigned n = 0; frame && n < 16; n++) {
		if (!is_aligned(frame))
			return PROOF_BAD;
		uintptr_t code = python_code_of(l, frame);
		bool entry = l->version >= 0x030c
			&& *(const uint8_t *)(frame + l->frame.owner) == PYTHON_OWNER_STACK;
		if (!is_aligned(code))
			return PROOF_BAD;
		if (!entry && python_word(code, python_type_offset(l)) != python.code_type)
			return PROOF_BAD;
		if (!entry)
			return PROOF_GOOD;
		frame = python_word(frame, l->frame.previous);
	}
	return PROOF_LATER;
}

bool python_usable(uintptr_t ts)
{
	const struct python_layout *l = python.layout;
	if (python.refused)
		return false;
	/* Another thread may be finalizing the interpreter: it frees the states of all others. */
	uintptr_t ending = *python.finalizing;
	if (unlikely(ending && ending != ts))
		return false;
	if (likely(python.proved))
		return true;
	enum proof proof = prove(ts);
	if (proof == PROOF_GOOD) {
		python.proved = true;
		state.ledger->python_flags |= LEDGER_PYTHON_FRAMES;
	}
	/* The proof must succeed at the first frame of an initialised interpreter, if not earlier. */
	if (proof == PROOF_BAD && *(const int *)(python.runtime + l->runtime.initialized)) {
		python.refused = true;
		state.ledger->python_flags |= LEDGER_PYTHON_REFUSED;
	}
	return python.proved;
}
