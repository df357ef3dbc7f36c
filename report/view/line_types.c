/* line_types.c - see line_types.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "line_types.h"
#include "symbol/site_type.h"

/* Where the last part of a scope's name begins, its "::"; NULL: there is one part only, or it is not a plain name. */
static char *find_last_part(char *scope)
{
	int depth = 0;
	char *last = NULL;

	for (char *at = scope; *at; at++) {
		depth += *at == '<' || *at == '(' || *at == '{';
		depth -= (*at == '>' || *at == ')' || *at == '}') && depth;
		if (depth)
			continue;
		if (*at == ' ')
			return NULL;
		if (at[0] == ':' && at[1] == ':')
			last = at++;
	}
	return last;
}

static uint32_t find_new(
	struct members *m, const struct symbol_line *line, const char *name, struct members_size size)
{
	char *scope = alloc_string(line->plain ? line->plain : line->function), *last;
	uint32_t found = 0, type;
	bool several = false;

	while ((last = find_last_part(scope))) {
		char *whole;

		*last = 0;
		whole = alloc_printf("%s::%s", scope, name);
		type = members_defined(m, whole);
		free(whole);
		several |= found && type;
		found = type ? type : found;
	}
	type = strchr(scope, ' ') ? 0 : members_defined(m, name);
	several |= found && type;
	found = type ? type : found;
	free(scope);
	return found && !several && members_fits(m, found, size, false) ? found : 0;
}

static uint32_t find_target(struct members *m, const struct snapshot *s, struct symbols *y, uint32_t frame,
	const struct symbol_line *line, const char *target)
{
	const struct tide_frame *f = &s->frames[frame];
	const struct symbol_line *of_frame;
	size_t count;

	if (!frame || frame >= s->frame_count || f->flags & (FRAME_SIGNAL | FRAME_PYTHON))
		return 0;
	of_frame = symbols_frame(y, frame, &count);
	for (size_t i = 0; i < count; i++)
		if (of_frame[i].number == line->number)
			return members_lvalue(m, f->module, f->address - 1, (unsigned)i, target);
	return 0;
}

uint32_t line_types_find(struct members *m, const struct snapshot *s, struct symbols *y, uint32_t site,
	const char *text, struct members_size size)
{
	uint32_t frame, type = 0;
	size_t index;
	const struct symbol_line *line = symbols_beyond(y, site, NULL, NULL, &index, &frame);
	char *name = site_type_target_of_line(text);

	if (name)
		type = find_target(m, s, y, frame, line, name);
	else if ((name = site_type_new_of_line(text)))
		type = find_new(m, line, name, size);
	free(name);
	return type;
}
