/* own_ledger.h - a program's own ledger, for tests in which it writes there what it likes.
 *
 * The library maps the ledger shared and writable; the mapping outlives a change of the user
 * or of the root folder, which is what makes it worth an attack.
 */
#ifndef TIDEMARK_TESTS_OWN_LEDGER_H
#define TIDEMARK_TESTS_OWN_LEDGER_H

#include <stdio.h>
#include <string.h>
#include "shim/ledger.h"

static inline struct ledger_header *own_ledger(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long long lo, offset;
	void *found = NULL;
	char line[4200];

	while (maps && !found && fgets(line, sizeof(line), maps))
		if (strstr(line, ".ledger") && sscanf(line, "%llx-%*x %*s %llx", &lo, &offset) == 2
			&& !offset)
			found = (void *)(unsigned long)lo;
	if (maps)
		fclose(maps);
	return found;
}

/* A new string in the ledger; its index. */
static inline uint32_t own_ledger_string(struct ledger_header *h, const char *text)
{
	struct ledger_table *t = &h->table[LEDGER_STRINGS];
	uint32_t at = (uint32_t)t->count;

	memcpy((char *)h + t->offset + at, text, strlen(text) + 1);
	t->count += strlen(text) + 1;
	return at;
}

/* Orders, in the library's words, that the next snapshot replace the file `path`. */
static inline void own_ledger_redirect(struct ledger_header *h, const char *path)
{
	h->output = own_ledger_string(h, path);
	h->options = own_ledger_string(h, "TIDEMARK_OVERWRITE=1\n");
	h->command = own_ledger_string(h, "\nATTACKER\n");
}

#endif
