/* name.c - see name.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "name.h"

/* True where the '<' or '>' at `at` belongs to an operator's name. */
static bool is_operator_sign(const char *name, size_t at)
{
	while (at && (name[at - 1] == '<' || name[at - 1] == '>' || name[at - 1] == '-'))
		at--;
	return at >= 8 && !strncmp(name + at - 8, "operator", 8);
}

/* Where the parameter list of the last part begins; the end of the name without one. */
static size_t find_parameters(const char *name)
{
	size_t end = strlen(name), at;
	int depth = 0;

	at = end;
	while (at && name[at - 1] != ')')
		at--;
	/* Only qualifiers may follow: " const", " &&", " [clone .cold]". */
	if (!at || (name[at] && name[at] != ' '))
		return end;
	while (at) {
		at--;
		if (name[at] == ')')
			depth++;
		else if (name[at] == '(' && !--depth)
			break;
	}
	if (depth || !at || name[at - 1] == ':' || name[at - 1] == ' ')
		return end;
	if (at >= 8 && !strncmp(name + at - 8, "operator", 8))
		return end; /* "operator()" itself */
	return at;
}

/* Where the name itself begins: behind the return type that template functions have. */
static size_t skip_return_type(const char *name, size_t end)
{
	size_t start = 0;
	int depth = 0;

	for (size_t i = 0; i < end; i++) {
		char c = name[i];

		if (c == '(' || c == '{' || c == '[' || (c == '<' && !is_operator_sign(name, i)))
			depth++;
		else if (c == ')' || c == '}' || c == ']' || (c == '>' && !is_operator_sign(name, i)))
			depth--;
		else if (c == ' ' && !depth) {
			if (i >= start + 8 && !strncmp(name + i - 8, "operator", 8))
				break;
			start = i + 1;
		}
	}
	return depth || start >= end ? 0 : start;
}

const char *name_behind_std(const char *name)
{
	static const char *const space[] = { "__1::", "__2::", "__ndk1::", "__Cr::" };

	if (strncmp(name, "std::", 5) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(space) / sizeof(space[0]); i++)
		if (!strncmp(name + 5, space[i], strlen(space[i])))
			return name + 5 + strlen(space[i]);
	return name + 5;
}

char *name_without_inline(const char *name)
{
	char *copy = alloc_string(name), *to = copy;

	while (*name) {
		const char *behind = *name == 's' ? name_behind_std(name) : NULL, *end;

		if (behind) {
			to = mempcpy(to, "std::", 5);
			name = behind;
		} else if (*name == '[' && !strncmp(name, "[abi:", 5) && (end = strchr(name, ']'))) {
			name = end + 1;
		} else {
			*to++ = *name++;
		}
	}
	*to = '\0';
	return copy;
}

static char *shorten(const char *function, bool without_templates)
{
	size_t end = find_parameters(function), start = 0;
	char *copy = alloc_bytes(strlen(function) + 4), *to = copy;
	int depth = 0;

	if (end < strlen(function))
		start = skip_return_type(function, end);
	for (size_t i = start; i < end; i++) {
		char c = function[i];

		if (without_templates && i > start && c == '<' && !is_operator_sign(function, i)) {
			if (!depth++)
				to = mempcpy(to, "<>", 2);
		} else if (depth && c == '>' && function[i - 1] != '-') {
			depth--;
		} else if (!depth) {
			*to++ = c;
		}
	}
	*to = '\0';
	if (!*copy)
		memcpy(copy, function, strlen(function) + 1);
	return copy;
}

char *name_function(const char *function, bool without_templates)
{
	char *shorter = shorten(function, without_templates), *plain;

	if (!without_templates)
		return shorter;
	plain = name_without_inline(shorter);
	free(shorter);
	return plain;
}

const char *name_shown(const struct symbol_line *line)
{
	return line->qualified ? line->qualified : line->function;
}

char *name_line(const struct symbol_line *line, bool without_templates)
{
	static const char locals[] = ".<locals>";
	char *name, *at;

	if (!line->python)
		return name_function(line->function, without_templates);
	name = alloc_string(name_shown(line));
	while (without_templates && (at = strstr(name, locals)))
		memmove(at, at + sizeof(locals) - 1, strlen(at + sizeof(locals) - 1) + 1);
	return name;
}
