/* roots_list.c - the list of roots, claims and doubts that the parts fill: roots_private.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/array.h"
#include "base/error.h"
#include "model/ledger.h"
#include "roots_private.h"

uint32_t roots_add(struct roots *r, const struct tide_root *root, const char *name)
{
	struct tide_root *added = ARRAY_ADD(r->roots, r->root_count, r->root_capacity);

	*added = *root;
	added->name = r->names->string(r->names->context, name);
	return (uint32_t)(r->root_count - 1);
}

void roots_claim(struct roots *r, uint64_t lo, uint64_t hi, uint32_t rank, uint32_t kind, uint32_t flags,
	uint32_t item)
{
	if (lo >= hi)
		return;
	*ARRAY_ADD(r->claims, r->claim_count, r->claim_capacity) =
		(struct claim){ lo, hi, rank, kind, flags, item };
}

void roots_doubt(struct roots *r, const char *format, ...)
{
	char reason[sizeof r->doubts];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	error_reason(r->doubts, sizeof r->doubts, reason);
}

const void *roots_table(const struct roots *r, enum ledger_table_kind kind, uint32_t element, uint64_t *count)
{
	*count = r->copy->header.table[kind].element == element ? r->copy->count[kind] : 0;
	return *count ? r->copy->table[kind] : NULL;
}

const char *roots_text(const struct roots *r, uint32_t offset)
{
	uint64_t count;
	const char *text = roots_table(r, LEDGER_STRINGS, 1, &count);

	return text && offset < count && memchr(text + offset, 0, count - offset) ? text + offset : "";
}

void roots_word(struct roots *r, uint32_t root, uint64_t address, uint64_t word)
{
	struct scan_hit hit;

	if (scan_word(r->scan, word, &hit))
		scan_root_edge(r->scan, root, address, &hit);
}
