/* learned.c - see learned.h. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/index.h"
#include "learned.h"

#define CALLERS_HASHED 3u

struct learned {
	uint64_t *function; /* hashes of module and name */
	size_t count, room;
};

/* The innermost line of a site that is not passed over yet, and the line that called it. */
struct use {
	uint64_t module, function, caller;
};

static uint64_t hash_module(const struct symbol_line *line)
{
	return line->module ? XXH3_64bits(line->module, strlen(line->module)) : 0;
}

static uint64_t hash_function(const struct symbol_line *line)
{
	return XXH3_64bits_withSeed(line->function, strlen(line->function), hash_module(line));
}

static bool has_function(const struct learned *l, uint64_t hash)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->function[i] == hash)
			return true;
	return false;
}

bool learned_has(const struct learned *l, const struct symbol_line *line)
{
	return l->count && has_function(l, hash_function(line));
}

static bool is_learned(const void *context, const struct symbol_line *line)
{
	return learned_has(context, line);
}

/* The caller of a line inlined into another line of its frame is the frame itself. */
static uint64_t hash_callers(const struct snapshot *s, uint32_t frame, bool inlined)
{
	uint64_t hash = inlined && frame < s->frame_count ? s->frames[frame].address : 0;

	for (unsigned n = 0; n < CALLERS_HASHED && frame && frame < s->frame_count; n++) {
		frame = s->frames[frame].parent;
		if (frame < s->frame_count)
			hash = index_hash(hash + s->frames[frame].address);
	}
	return hash;
}

static struct use find_use(
	const struct learned *l, struct symbols *y, const struct snapshot *s, uint32_t site)
{
	uint32_t frame;
	size_t index;
	const struct symbol_line *line = symbols_beyond(y, site, is_learned, l, &index, &frame);

	return (struct use){ hash_module(line), hash_function(line), hash_callers(s, frame, line->inlined) };
}

static int compare_numbers(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

static int compare_uses(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int order = compare_numbers(x->module, y->module);

	if (!order)
		order = compare_numbers(x->function, y->function);
	return order ? order : compare_numbers(x->caller, y->caller);
}

/* The uses of one module, sorted: learns the function that nearly all of them share. */
static bool learn_module(struct learned *l, const struct use *use, size_t count)
{
	for (size_t i = 0, end; i < count; i = end) {
		size_t callers = 1;

		for (end = i + 1; end < count && use[end].function == use[i].function; end++)
			callers += use[end].caller != use[end - 1].caller;
		if ((end - i) * 10 < count * 9 || callers < LEARNED_CALLERS)
			continue;
		*ARRAY_ADD(l->function, l->count, l->room) = use[i].function;
		return true;
	}
	return false;
}

struct learned *learned_new(struct symbols *y, const struct snapshot *s)
{
	struct learned *l = alloc_zeroed(1, sizeof(*l));
	size_t look = s->site_count < LEARNED_LOOK ? s->site_count : LEARNED_LOOK;
	struct use *use = alloc_bytes((look + 1) * sizeof(*use));
	bool more = look >= LEARNED_SITES;

	for (unsigned round = 0; more && round < LEARNED_ROUNDS; round++) {
		more = false;
		for (size_t i = 0; i < look; i++)
			use[i] = find_use(l, y, s, (uint32_t)(i * s->site_count / look));
		qsort(use, look, sizeof(*use), compare_uses);
		for (size_t i = 0, end; i < look; i = end) {
			for (end = i + 1; end < look && use[end].module == use[i].module; end++)
				;
			if (end - i >= LEARNED_SITES)
				more |= learn_module(l, use + i, end - i);
		}
	}
	free(use);
	return l;
}

static void add_functions(struct learned *to, const struct learned *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (!has_function(to, from->function[i]))
			*ARRAY_ADD(to->function, to->count, to->room) = from->function[i];
}

void learned_unite(struct learned *const *learned, size_t count)
{
	for (size_t i = 1; i < count; i++)
		add_functions(learned[0], learned[i]);
	for (size_t i = 1; i < count; i++)
		add_functions(learned[i], learned[0]);
}

void learned_free(struct learned *l)
{
	if (l)
		free(l->function);
	free(l);
}
