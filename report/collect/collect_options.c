/* collect_options.c - see collect_options.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "collect_options.h"
#include "model/root_kinds.h"

bool collect_option_set(const struct ledger_copy *c, const char *name)
{
	char *value = ledger_option(c, name);
	bool set = value && *value && strcmp(value, "0");

	free(value);
	return set;
}

bool collect_options_references(const struct ledger_copy *c)
{
	char *value = ledger_option(c, "REFERENCES");
	bool wanted = !value || strcmp(value, "0");

	free(value);
	return wanted;
}

/* What the run left out; `run` has refused words that name no kind. */
static void read_roots(const struct ledger_copy *c, struct image_options *o)
{
	char *list = ledger_option(c, "ROOTS");
	struct tide_error ignored = { 0 };
	uint32_t skip = 0;

	if (list && *list && !root_kinds_parse(list, &skip, &ignored))
		o->skip_roots |= skip;
	free(list);
}

void collect_options_image(const struct ledger_copy *c, struct image_options *o)
{
	char *mask = ledger_option(c, "POINTER_MASK");

	o->unaligned |= collect_option_set(c, "UNALIGNED");
	if (mask && !o->pointer_mask)
		o->pointer_mask = strtoull(mask, NULL, 0);
	free(mask);
	read_roots(c, o);
}

char *collect_options_skipped(uint32_t roots)
{
	char kinds[128];

	return alloc_printf(
		"roots of some kinds were left out: %s", root_kinds_text(roots, kinds, sizeof(kinds)));
}

void collect_options_hide_command(struct ledger_copy *c)
{
	char *strings = c->table[LEDGER_STRINGS];
	uint64_t at = c->header.command, count = c->count[LEDGER_STRINGS];

	if (c->header.command != c->header.exe)
		for (; at < count && strings[at]; at++)
			strings[at] = '\0';
	c->header.command = c->header.exe;
}
