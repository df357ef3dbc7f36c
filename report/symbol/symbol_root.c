/* symbol_root.c - what roots are called; see symbol.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "demangle.h"
#include "symbol.h"
#include "symbol_module.h"

#define INLINE_MAX 64u /* functions at one address */
#define STACK "stack "

const char *symbols_variable(
	struct symbols *y, uint32_t module, uint64_t elf_address, uint64_t *start, uint64_t *bytes)
{
	struct symbol_module *m = symbols_module(y, module);

	return m ? symbol_module_variable(m, elf_address, start, bytes) : NULL;
}

static const char *name_global(struct symbols *y, const struct tide_root *r, const char *stored)
{
	const struct snapshot *s = symbols_snapshot(y);
	uint64_t address, start, bytes;
	const char *name;

	if (!r->module || r->module >= s->module_count)
		return stored;
	address = r->address - s->modules[r->module].bias;
	name = symbols_variable(y, r->module, address, &start, &bytes);
	/* Only a word without a symbol was not told its variable's start. */
	return name && address - start < bytes && (address == start || strstr(stored, "+0x")) ? name : stored;
}

/* "stack of thread 7 in app" is "main() of thread 7 in app": each frame is a root. */
static const char *name_stack(struct symbols *y, const struct tide_root *r, const char *stored)
{
	const struct snapshot *s = symbols_snapshot(y);
	const struct tide_frame *f = r->frame < s->frame_count ? &s->frames[r->frame] : NULL;
	struct symbol_place place[INLINE_MAX];
	struct symbol_module *m;
	char function[512], *text;
	const char *kept;
	uint64_t address;
	size_t count;

	if (!f || !r->frame || f->flags & FRAME_PYTHON || !f->module || f->module >= s->module_count
		|| strncmp(stored, STACK, strlen(STACK)) != 0 || !(m = symbols_module(y, f->module)))
		return stored;
	address = f->address - s->modules[f->module].bias - !(f->flags & FRAME_SIGNAL);
	count = symbol_module_places(m, address, place, INLINE_MAX);
	/* Others may be inlined into the last one. */
	if (!count || !place[count - 1].function)
		return stored;
	demangle_plain(place[count - 1].function, function, sizeof(function));
	text = alloc_printf("%s() %s", function, stored + strlen(STACK));
	kept = symbols_keep_text(y, text);
	free(text);
	return kept;
}

const char *symbols_root(struct symbols *y, uint32_t root)
{
	const struct snapshot *s = symbols_snapshot(y);
	const struct tide_root *r = &s->roots[root];
	const char *stored = snapshot_string(s, r->name);

	switch (r->kind) {
	case ROOT_GLOBAL: return name_global(y, r, stored);
	case ROOT_STACK: return name_stack(y, r, stored);
	default: return stored;
	}
}
