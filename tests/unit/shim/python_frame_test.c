/* Frames of CPython builds without the GIL, in structures made by hand: where threads run copies of a function's
 * instructions, which are the ones of a frame, and what is refused because it is not certain. The interpreter's own
 * offsets, as its runtime lists them, are adopted or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "shim/python_frame.c"
#include "shim/python_locate.c"

/* --- what the rest of the library does ----------------------------------------- */

struct python python;
struct state state;
uint32_t python_code_ends[1u << PYTHON_CODE_ENDS_BITS];
bool (*python_end_snapshot)(bool ends);
void (*site_module_is_new)(uintptr_t address);
static long asked; /* the instruction whose line was asked for last */

uint32_t python_code_number(uintptr_t code, uint32_t interpreter)
{
	(void)code, (void)interpreter;
	return 7;
}
uint32_t python_code_line(uintptr_t code, uint32_t number, long instruction)
{
	(void)code, (void)number;
	asked = instruction;
	return 40 + (uint32_t)instruction / 2;
}
bool memory_copy(void *to, uintptr_t from, size_t bytes)
{
	if (from < 4096)
		return false;
	memcpy(to, (const void *)from, bytes);
	return true;
}
void *lookup_in(const struct link_map *module, const char *name)
{
	(void)module, (void)name;
	return NULL;
}
void *lookup_extent(const struct link_map *module, const char *name, uint64_t *bytes)
{
	(void)module, (void)name, (void)bytes;
	return NULL;
}
bool object_find(uintptr_t address, struct object *o)
{
	(void)address, (void)o;
	return false;
}
const struct link_map *object_link(const struct object *o)
{
	(void)o;
	return NULL;
}
void event_recalculate_special(void) {}
void python_tracked(const struct link_map *module) { (void)module; }
void python_hook_install(void) {}
void python_hook_settle(void) {}
uint32_t python_site(struct thread *t, const uintptr_t *e, uint64_t domain)
{
	(void)t, (void)e, (void)domain;
	return 0;
}

/* --- a thread with one frame --------------------------------------------------- */

#define WORDS 96
#define UNITS 20u /* instructions of the code */
static uint64_t thread_state[WORDS], interpreter[1024], frame[WORDS], code[WORDS];
static uint16_t copy[2][UNITS];
static uint64_t copies[4]; /* their number, and their addresses */

static void set(uint64_t *object, unsigned offset, uint64_t value)
{
	memcpy((char *)object + offset, &value, sizeof(value));
}

static void set_u32(uint64_t *object, unsigned offset, uint32_t value)
{
	memcpy((char *)object + offset, &value, sizeof(value));
}

/* `at`: the address of its instruction, of the copy with that number. */
static void make_frame(uint32_t version, uint32_t number, const void *at)
{
	const struct python_layout *l = python.layout = python_layout_of(version, true);

	assert_non_null(l);
	memset(frame, 0, sizeof(frame));
	memset(code, 0, sizeof(code));
	set(thread_state, l->thread.frame, (uintptr_t)frame);
	set(thread_state, l->thread.interpreter, (uintptr_t)interpreter);
	set(frame, l->frame.code, (uintptr_t)code | 1); /* a deferred reference */
	set(frame, l->frame.position, (uintptr_t)at);
	set(code, python_size_offset(l), UNITS);
	if (l->frame.copy) {
		set_u32(frame, l->frame.copy, number);
		copies[0] = 3;
		copies[1] = (uintptr_t)code + l->code.code;
		copies[2] = (uintptr_t)copy[0];
		copies[3] = 0;
		set(code, l->code.copies, (uintptr_t)copies);
	}
}

static bool list(void)
{
	struct python_frame to[4];
	unsigned count = 0;
	bool more;

	asked = -1;
	return python_frame_list((uintptr_t)thread_state, NULL, to, 4, &count, &more) && count == 1 && !more;
}

static void *own_instruction(unsigned unit) { return (char *)code + python.layout->code.code + unit * 2; }

static void own_code(void **unused)
{
	static const uint32_t versions[] = { 0x030d05f0, 0x030e00f0 };

	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		python.layout = python_layout_of(versions[i], true);
		make_frame(versions[i], 0, own_instruction(3));
		assert_true(list());
		assert_int_equal(asked, 6);
		make_frame(versions[i], 0, own_instruction(UNITS));
		assert_false(list());
		make_frame(versions[i], 0, (char *)own_instruction(3) + 1);
		assert_false(list());
		make_frame(versions[i], 0, code);
		assert_false(list());
	}
}

static void copied_code(void **unused)
{
	(void)unused;
	make_frame(0x030e00f0, 1, &copy[0][5]);
	assert_true(list());
	assert_int_equal(asked, 10);
	/* Another copy than the frame names, one that was not made, one beyond the list, and a list that is gone. */
	make_frame(0x030e00f0, 1, &copy[1][5]);
	assert_false(list());
	make_frame(0x030e00f0, 1, own_instruction(5));
	assert_false(list());
	make_frame(0x030e00f0, 2, &copy[0][5]);
	assert_false(list());
	make_frame(0x030e00f0, 3, &copy[0][5]);
	assert_false(list());
	make_frame(0x030e00f0, (uint32_t)-1, &copy[0][5]);
	assert_false(list());
	make_frame(0x030e00f0, 1, &copy[0][5]);
	set(code, python.layout->code.copies, 8);
	assert_false(list());
}

static uint64_t hash_now(void)
{
	struct python_place step[1];
	unsigned count;
	return python_frame_hash((uintptr_t)thread_state, 64, step, 1, &count);
}

/* The memory of a copy is used again for a copy of other code, while both codes live. */
static void reused_copy(void **unused)
{
	static uint64_t other[WORDS];
	uint64_t hash;

	(void)unused;
	make_frame(0x030e00f0, 1, &copy[0][5]);
	hash = hash_now();
	assert_int_equal(hash_now(), hash);
	memcpy(other, code, sizeof(other));
	set(frame, python.layout->frame.code, (uintptr_t)other | 1);
	assert_int_not_equal(hash_now(), hash);
}

/* --- the interpreter's own offsets ---------------------------------------------- */

/* struct _Py_DebugOffsets, from its start to pyobject.ob_type: the words of 3.13 and of 3.14. */
static unsigned write_offsets(uint64_t *w, uint32_t version, bool without_gil)
{
	const struct python_layout *l = python_layout_of(version, without_gil);
	const bool since_314 = version >= 0x030e0000;
	uint64_t *start = w;

	memset(w, 0, 128 * sizeof(*w));
	*w++ = PYTHON_COOKIE, *w++ = version, *w++ = without_gil;
	w[0] = l->runtime_bytes, w[1] = l->runtime.finalizing, w[2] = l->runtime.interpreters_main - 8;
	w += 3;
	w[0] = 100000, w[1] = l->interpreter.id, w[2] = l->interpreter.next, w[3] = l->interpreter.threads;
	w += since_314 ? 16 : 13;
	w[2] = l->thread.next, w[3] = l->thread.interpreter, w[4] = l->thread.frame,
	w[5] = l->thread.thread_id;
	w += 9;
	w[1] = l->frame.previous, w[2] = l->frame.code, w[3] = l->frame.position, w[5] = l->frame.owner;
	w[7] = since_314 ? l->frame.copy : 0;
	w += since_314 ? 8 : 6;
	w[1] = l->code.filename, w[2] = l->code.name, w[3] = l->code.qualname, w[4] = l->code.line_table;
	w[5] = l->code.first_line, w[9] = l->code.code;
	w[10] = since_314 ? l->code.copies : 0;
	w += since_314 ? 11 : 10;
	w[0] = without_gil ? 32 : 16, w[1] = w[0] - 8;
	return (unsigned)(w + 1 - start);
}

static bool adopts(uint64_t *words, uint32_t version)
{
	struct python p = { .version = version, .runtime = (uintptr_t)words };
	const struct python_layout *row = python_layout_of(version, python_is_without_gil(version, words));

	p.layout = row;
	if (!adopt_offsets(&p))
		return false;
	assert_memory_equal(p.layout, row, sizeof(*row));
	return true;
}

static void offsets(void **unused)
{
	static const uint32_t versions[] = { 0x030d05f0, 0x030e0af0 };
	uint64_t words[128];

	(void)unused;
	for (unsigned i = 0; i < 2; i++)
		for (int without = 0; without < 2; without++) {
			unsigned type_at = write_offsets(words, versions[i], without);

			assert_true(adopts(words, versions[i]));
			/* A header that is not as long as the row says. */
			words[type_at] ^= 16 | 8;
			assert_false(adopts(words, versions[i]));
			write_offsets(words, versions[i], without);
			words[PYTHON_WORD_COOKIE]++;
			assert_false(adopts(words, versions[i]));
			write_offsets(words, versions[i], without);
			words[PYTHON_WORD_WITHOUT_GIL] = 2;
			assert_false(adopts(words, versions[i]));
			write_offsets(words, versions[i], without);
			words[PYTHON_WORDS + 5] = 70000;
			assert_false(adopts(words, versions[i]));
		}
	/* Copies of instructions that the frames do not name. */
	write_offsets(words, versions[1], true);
	words[PYTHON_WORDS + 3 + 16 + 9 + 7] = 0;
	assert_false(adopts(words, versions[1]));
}

/* --- objects --------------------------------------------------------------------- */

static void counts(void **unused)
{
	const struct python_layout *l = python_layout_of(0x030d0000, true),
				   *gil = python_layout_of(0x030d0000, false);
	uint64_t object[4] = { 0 };

	(void)unused;
	assert_false(python_is_held(l, (uintptr_t)object));
	assert_false(python_is_held(gil, (uintptr_t)object));
	object[2] = 3; /* flags: merged */
	assert_false(python_is_held(l, (uintptr_t)object));
	object[2] = 1 << 2 | 3;
	assert_true(python_is_held(l, (uintptr_t)object));
	object[2] = 0, object[1] = 1ull << 32;
	assert_true(python_is_held(l, (uintptr_t)object));
	object[0] = 0xc0000000u;
	assert_true(python_is_held(gil, (uintptr_t)object));
	/* kind 2, compact, ASCII */
	assert_int_equal(
		python_string_bits(python_layout_of(0x030e0000, true), 0x1a02), 2 << 2 | 0x20 | 0x40);
	assert_int_equal(python_string_bits(l, 2 << 2 | 0x20 | 0x40), 2 << 2 | 0x20 | 0x40);
	assert_int_equal(python_string_bits(gil, 2 << 2 | 0x20 | 0x40), 2 << 2 | 0x20 | 0x40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_code),
		cmocka_unit_test(copied_code),
		cmocka_unit_test(reused_copy),
		cmocka_unit_test(offsets),
		cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
