/* python_frames.c - frames of running Python functions, since 3.11: python_private.h.
 *
 * Each thread keeps them on a stack of its own, in chunks of memory. Everything above the innermost frame is
 * dead, and words left there are not references. The depth of a frame's value stack is only known while it
 * calls another Python function; in the running frame, the words after its locals may be old
 * (pycore_frame.h).
 */
#include <stdlib.h>
#include "base/array.h"
#include "base/search.h"
#include "python_private.h"

#define THREADS_MOST 65536u
#define CHUNKS_MOST 65536u /* of all threads */
#define FRAME_LEAST 64u    /* bytes: the fields that each frame has */
#define OWNER_THREAD 0u

/* How many words of locals and value stack are in use; -1: not known, the frame is running. */
static int64_t read_stack_top(struct python *p, uint64_t frame)
{
	const struct python_layout *l = p->layout;
	uint64_t first = frame + l->frame.locals, top;

	if (p->minor <= 13)
		return (int32_t)python_u32(p, frame + l->frame.stack_top);
	top = python_word(p, frame + l->frame.stack_top);
	return top >= first ? (int64_t)((top - first) / 8) : -1;
}

void python_frames_rule(struct python *p, uint64_t frame, uint64_t at, uint64_t end, struct python_rule *r)
{
	const struct python_layout *l = p->layout;
	uint64_t code = python_frame_code(p, frame), locals = at + l->frame.locals;
	uint32_t code_type = python_type_at(p, python_word(p, code + PYTHON_OBJECT_TYPE));
	int64_t top = read_stack_top(p, frame);
	uint64_t count = 0, most = end > locals ? (end - locals) / 8 : 0;

	if (code_type && p->types[code_type].kind == KIND_CODE)
		count = python_u32(p, code + l->code.local_count);
	count = count < most ? count : most;
	python_span_add(r, at + l->frame.code, at + l->frame.code + 8, 8, 1, false);
	python_span_add(r, at + l->frame.function, at + l->frame.function + 8, 8, 1, false);
	/* f_locals comes after globals and builtins, which are borrowed. */
	python_span_add(r, at + l->frame.globals + 16, at + l->frame.globals + 24, 8, 1, false);
	python_span_add(r, at + l->frame.frame_object, at + l->frame.frame_object + 8, 8, 1, false);
	if (top >= 0 && (uint64_t)top <= most) {
		python_span_add(r, locals, locals + (uint64_t)top * 8, 8, 1, false);
		return;
	}
	python_span_add(r, locals, locals + count * 8, 8, 1, false);
	python_span_add(r, locals + count * 8, end, 8, 1, true);
}

/* A list that leads into itself is cut off: there are no more frames than the chunks have memory for. */
static void walk_frames(struct python *p, uint64_t frame)
{
	const struct python_layout *l = p->layout;

	while (frame >= 4096 && frame < 1ull << 47 && !(frame & 7) && p->frames_most) {
		p->frames_most--;
		if (python_byte(p, frame + l->frame.owner) == OWNER_THREAD)
			*ARRAY_ADD(p->frames, p->frame_count, p->frame_room) =
				(struct python_frame){ .lo = frame };
		frame = python_word(p, frame + l->frame.previous);
	}
}

/* A chunk begins with a pointer to its predecessor and its length. */
static void walk_chunks(struct python *p, uint64_t thread)
{
	uint64_t chunk = python_word(p, thread + p->layout->thread.datastack_chunk);

	while (chunk >= 4096 && chunk < 1ull << 47 && !(chunk & 7) && p->chunk_count < CHUNKS_MOST) {
		uint64_t bytes = python_word(p, chunk + 8);

		if (bytes > 1ull << 40)
			return;
		*ARRAY_ADD(p->chunks, p->chunk_count, p->chunk_room) =
			(struct python_range){ chunk, chunk + bytes };
		chunk = python_word(p, chunk);
	}
}

static void walk_thread(struct python *p, uint64_t thread)
{
	const struct python_layout *l = p->layout;

	if (l->thread.cframe != PYTHON_ABSENT)
		walk_frames(p, python_word(p, python_word(p, thread + l->thread.cframe) + l->cframe.frame));
	else
		walk_frames(p, python_word(p, thread + l->thread.frame));
}

static int compare_frames(const void *a, const void *b)
{
	const struct python_frame *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static int compare_chunks(const void *a, const void *b)
{
	const struct python_range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static const struct python_range *find_chunk(const struct python *p, uint64_t address)
{
	size_t i = SEARCH_UP_TO(p->chunks, p->chunk_count, lo, address);

	return i && address < p->chunks[i - 1].hi ? &p->chunks[i - 1] : NULL;
}

/* A frame ends where the next one begins, and no later than the locals and value stack that its code
 * needs. */
static void bound_frames(struct python *p)
{
	const struct python_layout *l = p->layout;

	qsort(p->frames, p->frame_count, sizeof(*p->frames), compare_frames);
	for (uint64_t i = 0; i < p->frame_count; i++) {
		struct python_frame *f = &p->frames[i];
		const struct python_range *c = find_chunk(p, f->lo);
		uint64_t code = python_frame_code(p, f->lo), hi = c ? c->hi : f->lo;
		uint64_t words = python_u32(p, code + l->code.local_count)
			+ (uint64_t)python_u32(p, code + l->code.first_line - 4); /* co_stacksize */

		if (i + 1 < p->frame_count && p->frames[i + 1].lo < hi)
			hi = p->frames[i + 1].lo;
		if (words < (hi - f->lo) / 8 && f->lo + l->frame.locals + words * 8 < hi)
			hi = f->lo + l->frame.locals + words * 8;
		f->hi = hi;
		python_frames_rule(p, f->lo, 0, f->hi - f->lo, &f->rule);
	}
}

static void bound_chunks(struct python *p)
{
	uint64_t behind = 0, bytes = 0;

	if (p->chunk_count)
		qsort(p->chunks, p->chunk_count, sizeof(*p->chunks), compare_chunks);
	for (uint64_t i = 0; i < p->chunk_count; i++) {
		uint64_t from = p->chunks[i].lo > behind ? p->chunks[i].lo : behind, end;

		for (; remote_run(p->memory, &from, &end, p->chunks[i].hi); from = end)
			bytes += end - from;
		behind = p->chunks[i].hi > behind ? p->chunks[i].hi : behind;
	}
	p->frames_most = bytes / FRAME_LEAST;
}

static void each_thread(struct python *p, void (*visit)(struct python *p, uint64_t thread))
{
	const struct python_layout *l = p->layout;
	uint64_t interpreter = python_word(p, p->runtime + l->runtime.interpreters_main - 8);

	for (uint32_t i = 0; i < p->interpreters; i++) {
		uint64_t thread = python_word(p, interpreter + l->interpreter.threads);

		for (uint32_t n = 0; thread >= 4096 && thread < 1ull << 47 && n < THREADS_MOST; n++) {
			visit(p, thread);
			thread = python_word(p, thread + l->thread.next);
		}
		interpreter = python_word(p, interpreter + l->interpreter.next);
	}
}

void python_frames(struct python *p)
{
	if (p->layout->thread.datastack_chunk == PYTHON_ABSENT)
		return;
	each_thread(p, walk_chunks);
	bound_chunks(p);
	each_thread(p, walk_thread);
	bound_frames(p);
}

bool python_frames_word(const struct python *p, uint64_t address, enum python_meaning *m)
{
	size_t i;

	if (!find_chunk(p, address))
		return false;
	i = SEARCH_UP_TO(p->frames, p->frame_count, lo, address);
	*m = MEANS_NOTHING;
	if (i && address < p->frames[i - 1].hi)
		*m = python_span_meaning(&p->frames[i - 1].rule, address - p->frames[i - 1].lo);
	return true;
}
