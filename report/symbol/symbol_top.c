/* symbol_top.c - the line of a site that one-line views show; see symbol.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "learned.h"
#include "symbol.h"

bool symbols_is_start(const struct symbol_line *line)
{
	static const char *const name[] = { "_start", "__libc_start", "start_thread", "clone", "_dl_",
		"call_init" };

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (!strncmp(line->function, name[i], strlen(name[i])))
			return true;
	return false;
}

static bool is_learned(const void *learned, const struct symbol_line *line)
{
	return learned_has(learned, line);
}

static bool has_no_name(const void *learned, const struct symbol_line *line)
{
	return (!line->has_symbol && !line->python) || learned_has(learned, line);
}

static void release(void *learned) { learned_free(learned); }

static struct learned *find_learned(struct symbols *y)
{
	struct symbols_made *made = symbols_made(y);

	if (!made->it)
		*made = (struct symbols_made){ learned_new(y, symbols_snapshot(y)), release };
	return made->it;
}

static const struct symbol_line *find_top(struct symbols *y, uint32_t site, size_t *index)
{
	const struct learned *learned = find_learned(y);
	uint32_t frame;
	size_t further;
	const struct symbol_line *top = symbols_beyond(y, site, is_learned, learned, index, &frame), *named;

	if (top->has_symbol || top->python)
		return top;
	named = symbols_beyond(y, site, has_no_name, learned, &further, &frame);
	if (!frame || symbols_is_start(named))
		return top;
	*index = further;
	return named;
}

const struct symbol_line *symbols_top(struct symbols *y, uint32_t site)
{
	size_t index;

	return find_top(y, site, &index);
}

size_t symbols_caller(struct symbols *y, uint32_t site)
{
	size_t index;

	find_top(y, site, &index);
	return index;
}

size_t symbols_allocated(struct symbols *y, uint32_t site)
{
	uint32_t frame;
	size_t index;

	symbols_beyond(y, site, NULL, NULL, &index, &frame);
	return index;
}

void symbols_learn_together(struct symbols *const *symbols, size_t count)
{
	struct learned **learned = alloc_bytes((count + 1) * sizeof(struct learned *));

	for (size_t i = 0; i < count; i++)
		learned[i] = find_learned(symbols[i]);
	learned_unite(learned, count);
	free(learned);
}
