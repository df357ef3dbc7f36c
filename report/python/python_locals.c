/* python_locals.c - Python's names for the words of a frame: python_private.h.
 *
 * Since 3.11 a running frame lies in its thread's Python stack; before, it is an object. The frame of a
 * generator lies in the generator, and one that a traceback keeps lies in its frame object.
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/alloc.h"
#include "python_private.h"
#include "shim/python_lines.h"

#define TABLE_MOST (1u << 20)
#define NAME_MOST 128u
#define WORDS_MOST 4096u /* of a frame */
#define FRAMES_MOST (1u << 20)
#define THREADS_MOST 65536u

static bool is_code(struct python *p, uint64_t code)
{
	uint32_t type = python_type_at(p, python_word(p, code + PYTHON_OBJECT_TYPE));

	return type && p->types[type].kind == KIND_CODE;
}

static uint64_t tuple_length(struct python *p, uint64_t tuple)
{
	uint32_t type = python_type_at(p, python_word(p, tuple + PYTHON_OBJECT_TYPE));
	uint64_t n = type && p->types[type].kind == KIND_TUPLE ? python_word(p, tuple + PYTHON_VAR_SIZE) : 0;

	return n < WORDS_MOST ? n : 0;
}

uint64_t python_locals_count(struct python *p, uint64_t code)
{
	const struct python_layout *l = p->layout;
	uint64_t n = tuple_length(p, python_word(p, code + l->code.local_names));

	if (l->code.cell_names != PYTHON_ABSENT)
		n += tuple_length(p, python_word(p, code + l->code.cell_names))
			+ tuple_length(p, python_word(p, code + l->code.free_names));
	return n;
}

void python_locals_name(struct python *p, uint64_t code, uint64_t number, char *to, uint64_t bytes)
{
	const struct python_layout *l = p->layout;
	const uint16_t at[] = { l->code.local_names, l->code.cell_names, l->code.free_names };

	*to = '\0';
	for (int i = 0; i < 3 && at[i] != PYTHON_ABSENT; i++) {
		uint64_t names = python_word(p, code + at[i]), n = tuple_length(p, names);

		if (number < n) {
			if (!python_string(p, python_word(p, names + l->tuple.items + number * 8), to, bytes))
				*to = '\0';
			return;
		}
		number -= n;
	}
}

/* The line that a frame is at; 0 unknown. */
static long line_of(struct python *p, uint64_t frame, uint64_t code)
{
	const struct python_layout *l = p->layout;
	uint64_t table = python_word(p, code + l->code.line_table),
		 bytes = python_word(p, table + PYTHON_VAR_SIZE);
	long first = (long)python_u32(p, code + l->code.first_line), at, line;
	uint8_t *copy;

	if (l->version >= 0x030b) {
		at = (long)(python_word(p, frame + l->frame.position) - (code + l->code.code));
	} else {
		at = (int32_t)python_u32(p, frame + l->frame.position);
		at = l->code.lines == PYTHON_LINES_RANGES ? at * 2 : at;
	}
	if (at < 0 || bytes > TABLE_MOST)
		return first;
	copy = alloc_bytes(bytes + 1);
	python_read(p, table + PYTHON_BYTES_DATA, copy, bytes);
	line = python_lines_find(l->code.lines, copy, bytes, first, at);
	free(copy);
	return line;
}

/* The words from `locals` to `end` are locals, then the value stack; the frame itself comes before them. */
static void name_words(
	struct python *p, struct python_places *l, const char *kind, uint64_t frame, uint64_t end)
{
	uint64_t code = python_frame_code(p, frame), count;
	uint64_t locals = frame + p->layout->frame.locals;
	char name[NAME_MOST], text[NAME_MOST * 2];
	long line;

	if (!is_code(p, code) || end < locals || end - frame > WORDS_MOST * 8ull)
		return;
	if (!python_string(p, python_word(p, code + p->layout->code.name), name, sizeof(name)))
		return;
	line = line_of(p, frame, code);
	if (line)
		snprintf(text, sizeof(text), "%s %s line %ld", kind, name, line);
	else
		snprintf(text, sizeof(text), "%s %s", kind, name);
	for (uint64_t at = frame; at < locals; at += 8)
		python_places_add(l, at, PLACE_WORD, 0, "%s", text);
	count = python_locals_count(p, code);
	for (uint64_t i = 0; locals + i * 8 < end; i++) {
		if (i < count)
			python_locals_name(p, code, i, name, sizeof(name));
		if (i < count && *name && *name != '.')
			python_places_add(l, locals + i * 8, PLACE_WORD, 0, "%s, local %s", text, name);
		else
			python_places_add(l, locals + i * 8, PLACE_WORD, 0, "%s, value in use", text);
	}
}

/* Up to 3.10 a thread has a chain of frame objects. */
static void name_running(struct python *p, struct python_places *l, uint64_t thread)
{
	uint64_t frame = python_word(p, thread + p->layout->thread.frame);
	char name[NAME_MOST];

	for (uint32_t n = 0; n < FRAMES_MOST && python_object_at(p, frame) != PYTHON_NONE; n++) {
		uint64_t code = python_frame_code(p, frame);

		if (is_code(p, code)
			&& python_string(p, python_word(p, code + p->layout->code.name), name, sizeof(name)))
			python_places_add(l, frame, PLACE_OBJECT, 0, "frame %s line %ld", name,
				line_of(p, frame, code));
		frame = python_word(p, frame + p->layout->frame.previous);
	}
}

void python_locals_running(struct python *p, struct python_places *l)
{
	const struct python_layout *y = p->layout;
	uint64_t interpreter = python_word(p, p->runtime + y->runtime.interpreters_main - 8);

	for (uint32_t i = 0; p->minor <= 10 && i < p->interpreters; i++) {
		uint64_t thread = python_word(p, interpreter + y->interpreter.threads);

		for (uint32_t n = 0; thread >= 4096 && thread < 1ull << 47 && n < THREADS_MOST; n++) {
			name_running(p, l, thread);
			thread = python_word(p, thread + y->thread.next);
		}
		interpreter = python_word(p, interpreter + y->interpreter.next);
	}
	for (uint64_t i = 0; i < p->frame_count; i++)
		name_words(p, l, "frame", p->frames[i].lo, p->frames[i].hi);
}

void python_locals_object(struct python *p, struct python_places *l, uint32_t block)
{
	const struct python_type copy = p->types[p->slot[block].type], *t = &copy;
	uint64_t object = python_object(p, block), frame,
		 end = p->blocks[block].address + p->blocks[block].bytes;

	if (p->minor <= 10) { /* a generator points to the object of its frame */
		if (t->kind == KIND_FRAME)
			name_words(p, l, "frame", object, end);
		return;
	}
	if (t->kind == KIND_GENERATOR) {
		name_words(p, l, t->name, object + p->layout->generator.frame, end);
		return;
	}
	frame = python_word(
		p, object + 24); /* f_frame, which is in the object once its function has returned */
	if (frame > object && frame < end)
		name_words(p, l, "frame", frame, end);
}
