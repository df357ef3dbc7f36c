/* python_frame.c - the Python frames of the running thread; see python.h.
 *
 * A frame has the code object that it runs, and the current instruction. Both go into the hash,
 * with the number of times that a code object was freed at this place (python_code_end). Frames
 * that C entered are marked in the chain: by is_entry in 3.11, by frames that belong to the C
 * stack from 3.12 on. These marks are hashed as well, since they show where native frames are
 * in between.
 *
 * Without the GIL, since 3.14, each thread runs a copy of a function's instructions, in which it
 * specializes them (co_tlbc). The instruction of a frame is then counted from the start of the copy.
 */
#include <limits.h>
#include "memory.h"
#include "python_frame.h"

HOT_INLINE uint64_t position_hash(uint64_t x)
{
	x *= MIX_SPLIT;
	return x ^ x >> 29;
}

uint64_t python_frame_hash(
	uintptr_t ts, unsigned depth, struct python_place *step, unsigned room, unsigned *count)
{
	const struct python_layout *l = python.layout;
	uintptr_t f = python_frame_innermost(l, ts);
	uint64_t h = 0;
	unsigned n = 0;
	for (; f && n < depth; n++) {
		uint64_t word = python_frame_word(l, f);
		if (likely(n < room))
			step[n] = (struct python_place){ f, word };
		uint64_t x = word + *python_code_end(python_word(f, l->frame.code)) * MIX_PRIME;
		h = h * MIX_GOLDEN + position_hash(x) + 1;
		f = python_word(f, l->frame.previous);
	}
	*count = f ? 0 : n;
	return h;
}

/* Where the instructions begin that the frame runs: in its code object, or in the copy of a thread. Another thread may
 * replace the list of copies, and a thread that is detached does not keep the old one alive. 0: unknown. */
static uintptr_t instructions_of(const struct python_layout *l, uintptr_t f, uintptr_t code)
{
	if (!l->frame.copy)
		return code + l->code.code;
	uintptr_t list = python_word(code, l->code.copies), start = 0;
	uint64_t number = *(const uint32_t *)(f + l->frame.copy), count;
	if (!number)
		return code + l->code.code;
	if (!memory_copy(&count, list, sizeof count) || number >= count
		|| !memory_copy(&start, list + (1 + number) * sizeof start, sizeof start))
		return 0;
	return start;
}

#define INSTRUCTION_NONE LONG_MIN

/* The instruction, in bytes from the first one; INSTRUCTION_NONE: this is not certain. */
static long instruction_of(const struct python_layout *l, uintptr_t f, uintptr_t code)
{
	if (l->version >= 0x030b) {
		long at = (long)(python_word(f, l->frame.position) - instructions_of(l, f, code));
		if (l->wider
			&& (at < 0 || at & 1 || at / 2 >= (long)python_word(code, python_size_offset(l))))
			return INSTRUCTION_NONE;
		return at;
	}
	int last = *(const int *)(f + l->frame.position);
	return l->code.lines == PYTHON_LINES_RANGES ? (long)last * 2 : last;
}

static uint64_t place_of(const struct python_layout *l, uintptr_t f, uint32_t interpreter)
{
	uintptr_t code = python_code_of(l, f);
	uint32_t number = python_code_number(code, interpreter);
	if (!number)
		return 0;
	long instruction = instruction_of(l, f, code);
	if (instruction == INSTRUCTION_NONE)
		return 0;
	return python_place(number, instruction < 0 ? 0 : (uint64_t)instruction / 2,
		python_code_line(code, number, instruction));
}

/* A frame that the interpreter put between a class and its __init__, once that call is a specialized instruction (from
 * 3.12 on): its code has no instruction that counts as traceable, and sys._getframe skips it. */
static bool is_hidden(const struct python_layout *l, uintptr_t f)
{
	uintptr_t code = python_code_of(l, f);
	return *(const int *)(code + l->code.first_traceable)
		>= (long)python_word(code, python_size_offset(l));
}

bool python_frame_list(
	uintptr_t ts, uint64_t *known, struct python_frame *to, unsigned room, unsigned *count, bool *more)
{
	const struct python_layout *l = python.layout;
	uintptr_t f = python_frame_innermost(l, ts), interpreter = python_word(ts, l->thread.interpreter);
	/* Up to 3.9 each frame has an eval loop of its own, which leaves no record of its address. */
	uintptr_t record = l->thread.cframe == PYTHON_ABSENT ? 0 : python_word(ts, l->thread.cframe);
	uint32_t number = (uint32_t)python_word(interpreter, l->interpreter.id);
	unsigned n = 0, met = 0;
	uint64_t own;
	for (; f && met < room; met++, f = python_word(f, l->frame.previous)) {
		uint64_t *place = known ? --known : &own;
		if (l->version >= 0x030c && *(const uint8_t *)(f + l->frame.owner) == PYTHON_OWNER_STACK) {
			/* Since 3.14 the outermost one is not on the C stack, but in the thread's state. */
			if (n && !to[n - 1].entered)
				to[n - 1].entered = f;
			continue;
		}
		if (!known || !*place) {
			if (l->version >= 0x030c && is_hidden(l, f))
				continue;
			*place = place_of(l, f, number);
			if (!*place)
				return false;
		}
		to[n].place = *place;
		to[n].entered = 0;
		if (l->version <= 0x030a
			|| (l->version == 0x030b && *(const uint8_t *)(f + l->frame.is_entry))) {
			to[n].entered = record ? record : 1;
			if (record)
				record = python_word(record, l->cframe.previous);
		}
		n++;
	}
	*count = n;
	*more = f != 0;
	return true;
}
