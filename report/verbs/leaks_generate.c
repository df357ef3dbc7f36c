/* leaks_generate.c - `leaks --generate-suppressions`: one suppression per root leak. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/alloc.h"
#include "leaks_command.h"

/* True when these frames were printed before. A suppression has functions only, so that several lines of
 * one function have the same. */
static bool is_generated(uint64_t *seen, size_t count, const char *frames)
{
	seen[count] = XXH3_64bits(frames, strlen(frames));
	for (size_t i = 0; i < count; i++)
		if (seen[i] == seen[count])
			return true;
	return false;
}

/* One suppression per root leak: it covers everything under it. */
void leaks_generate(struct leaks_command *c)
{
	const struct leaks_view *v = &c->view;
	const struct leaks *l = &v->leaks;
	size_t rows = options_rows(&c->common, SIZE_MAX), done = 0;
	uint64_t *seen = alloc_bytes((l->group_count + 1) * sizeof(*seen));

	for (size_t i = leaks_view_next_group(v, 0); i < l->group_count && rows;
		i = leaks_view_next_group(v, i + 1), rows--) {
		size_t count;
		const struct symbol_line *line = symbols_stack(v->symbols, l->groups[i].site, &count);
		char *name, *text;

		if (l->groups[i].suppression >= 0)
			continue;
		name = alloc_printf("%s of %s, %llu blocks",
			l->groups[i].kind == LEAK_CYCLE ? "root cycle" : "root leak",
			symbols_top(v->symbols, l->groups[i].site)->function,
			(unsigned long long)l->groups[i].retained_blocks);
		text = suppress_text(line, count, name);
		if (!is_generated(seen, done, strstr(text, "Memcheck:Leak")))
			done += fputs(text, stdout) >= 0;
		free(name);
		free(text);
	}
	free(seen);
}
