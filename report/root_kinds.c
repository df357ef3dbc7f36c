/* root_kinds.c - see root_kinds.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "format.h"
#include "refs.h"
#include "root_kinds.h"

/* "mappings", "pthread-key": as people write them. */
static uint32_t kind_of(const char *word, size_t length)
{
	for (uint32_t kind = ROOT_GLOBAL; kind <= ROOT_KERNEL; kind++) {
		const char *name = refs_root_kind(kind);
		size_t i = 0;

		while (i < length && (name[i] == word[i] || (name[i] == '_' && word[i] == '-')))
			i++;
		if (!name[i] && (i == length || (i + 1 == length && word[i] == 's')))
			return kind;
	}
	return 0;
}

int root_kinds_parse(const char *list, uint32_t *skip, struct tide_error *e)
{
	uint32_t all = 0, without = 0, only = 0;

	for (uint32_t kind = ROOT_GLOBAL; kind <= ROOT_KERNEL; kind++)
		all |= 1u << kind;
	for (const char *word = list; *word;) {
		size_t length = strcspn(word, ","), minus = *word == '-';
		uint32_t kind = kind_of(word + minus, length - minus);

		if (!kind)
			return error_set(e, EXIT_USAGE, "'%.*s' is no kind of root|the kinds are global, tls, "
				"pthread_key, stack, register, mapping, kernel|write for example --roots=-mapping,-register",
				(int)length, word);
		*(minus ? &without : &only) |= 1u << kind;
		word += length + (word[length] == ',');
	}
	if (without && only)
		return error_set(e, EXIT_USAGE, "--roots=%s: some have a minus and some have not|either all but "
			"these, or only these|", list);
	if (!without && !only)
		return error_set(e, EXIT_USAGE, "--roots: no kind of root is named||write for example "
			"--roots=-mapping,-register");
	*skip = only ? all & ~only : without;
	return 0;
}

const char *root_kinds_text(uint32_t skip, char *to, size_t bytes)
{
	size_t used = 0;

	*to = '\0';
	for (uint32_t kind = ROOT_GLOBAL; kind <= ROOT_KERNEL; kind++)
		if (skip & 1u << kind && used < bytes)
			used += (size_t)snprintf(to + used, bytes - used, "%s%s", used ? ", " : "", refs_root_kind(kind));
	return to;
}
