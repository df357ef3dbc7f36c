/* root_kinds.c - see root_kinds.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "format.h"
#include "root_kinds.h"

/* Steadiest first: a path to a block starts at a root of the first kind that holds it. */
static const struct kind {
	uint32_t kind;
	const char *name;
} kinds[] = {
	{ ROOT_GLOBAL, "global" },
	{ ROOT_TLS, "tls" },
	{ ROOT_PTHREAD_KEY, "pthread_key" },
	{ ROOT_STACK, "stack" },
	{ ROOT_REGISTER, "register" },
	{ ROOT_MAPPING, "mapping" },
	{ ROOT_KERNEL, "kernel" },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
_Static_assert(
	2 * (KINDS + 1) == ROOT_RANKS, "a rank for each kind and one for unknown kinds, strong and weak");

const char *root_kind_name(uint32_t kind)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "unknown";
}

unsigned root_kind_rank(const struct tide_root *root)
{
	unsigned rank = 0;

	while (rank < KINDS && kinds[rank].kind != root->kind)
		rank++;
	return rank + (root->flags & ROOT_FLAG_WEAK_EVIDENCE ? KINDS + 1 : 0);
}

/* "mappings", "pthread-key": as people write them. */
static uint32_t parse_kind(const char *word, size_t length)
{
	for (size_t k = 0; k < KINDS; k++) {
		const char *name = kinds[k].name;
		size_t i = 0;

		while (i < length && (name[i] == word[i] || (name[i] == '_' && word[i] == '-')))
			i++;
		if (!name[i] && (i == length || (i + 1 == length && word[i] == 's')))
			return kinds[k].kind;
	}
	return 0;
}

int root_kinds_parse(const char *list, uint32_t *skip, struct tide_error *e)
{
	uint32_t all = 0, without = 0, only = 0;

	for (size_t k = 0; k < KINDS; k++)
		all |= 1u << kinds[k].kind;
	for (const char *word = list; *word;) {
		size_t length = strcspn(word, ","), minus = *word == '-';
		uint32_t kind = parse_kind(word + minus, length - minus);

		if (!kind)
			return error_set(e, EXIT_USAGE,
				"'%.*s' is not a kind of root|the kinds are global, tls, "
				"pthread_key, stack, register, mapping, kernel|write for example --roots=-mapping,-register",
				(int)length, word);
		*(minus ? &without : &only) |= 1u << kind;
		word += length + (word[length] == ',');
	}
	if (without && only)
		return error_set(e, EXIT_USAGE,
			"--roots=%s: some have a minus and some have not|either all but "
			"these, or only these|",
			list);
	if (!without && !only)
		return error_set(e, EXIT_USAGE,
			"--roots: no kind of root is named||write for example "
			"--roots=-mapping,-register");
	*skip = only ? all & ~only : without;
	return 0;
}

const char *root_kinds_text(uint32_t skip, char *to, size_t bytes)
{
	size_t used = 0;

	*to = '\0';
	for (size_t k = 0; k < KINDS; k++)
		if (skip & 1u << kinds[k].kind && used < bytes)
			used += (size_t)snprintf(
				to + used, bytes - used, "%s%s", used ? ", " : "", kinds[k].name);
	return to;
}
