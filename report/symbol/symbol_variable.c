/* symbol_variable.c - names of variables by address: what a root is called.
 *
 * The symbol table answers for globals and C++ statics. What it calls
 * "counter.3" is a static local of C, whose function only DWARF knows; DWARF
 * also answers where the symbol table was stripped. Its variables are read in
 * one pass over all units, when such a question first comes: 0.15 s for libc's.
 * So the collector, for which a program waits, asks the symbol table.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "base/alloc.h"
#include "symbol_private.h"
#include "symbol_scopes.h"
#include "symbol_units.h"

#define NESTING_MAX 200
#define DWARF_MAX ((uint64_t)96 << 20) /* bytes of .debug_info; about 1.5 s */

struct reader {
	struct symbol_module *m;
	size_t capacity;
	Dwarf_Off visited; /* in this unit */
};

/* The constant address of a variable, or false. */
static bool find_static_address(Dwarf_Die *die, uint64_t *address)
{
	Dwarf_Attribute attribute, result;
	Dwarf_Op *op;
	size_t n;

	if (!dwarf_attr_integrate(die, DW_AT_location, &attribute)
		|| dwarf_getlocation(&attribute, &op, &n) != 0 || n == 0)
		return false;
	if (op[0].atom == DW_OP_addr) {
		*address = op[0].number;
		return n == 1;
	}
	if (op[0].atom != DW_OP_addrx && op[0].atom != DW_OP_GNU_addr_index)
		return false;
	return n == 1 && dwarf_getlocation_attr(&attribute, &op[0], &result) == 0
		&& dwarf_formaddr(&result, address) == 0;
}

uint64_t symbol_die_bytes(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	Dwarf_Die type, peeled;
	Dwarf_Word bytes;

	if (!dwarf_attr_integrate(die, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &type)
		|| dwarf_peel_type(&type, &peeled) != 0 || dwarf_aggregate_size(&peeled, &bytes) != 0)
		return 0;
	return bytes;
}

static void add_variable(struct reader *r, Dwarf_Die *die, const char *function)
{
	const char *linkage, *name;
	struct symbol_entry e = { .sized = true };
	char *text;
	uint64_t at;

	if (!find_static_address(die, &at) || at == 0)
		return;
	name = dwarf_diename(die);
	linkage = symbol_linkage_name(die);
	if (linkage)
		text = demangle(linkage);
	else if (name && function)
		text = alloc_printf("%s::%s", function, name);
	else if (name)
		text = alloc_string(name);
	else
		return;
	/* "list[abi:cxx11]": a tag of the library's version, no part of the name. */
	for (char *tag; (tag = strstr(text, "[abi:")) && strchr(tag, ']');)
		memmove(tag, strchr(tag, ']') + 1, strlen(strchr(tag, ']') + 1) + 1);
	e.start = at + r->m->dwarf_bias - r->m->bias;
	e.end = e.start + symbol_die_bytes(die);
	e.sized = e.end > e.start;
	if (!e.sized)
		e.end = e.start + 1;
	e.name = e.shown = symbol_pool_copy(&r->m->pool, text);
	free(text);
	symbol_table_add(&r->m->variables, &r->capacity, e);
}

static const char *name_function_of(struct symbol_module *m, Dwarf_Die *die)
{
	const char *linkage = symbol_linkage_name(die), *kept;
	char *name, plain[512];

	if (!linkage)
		return dwarf_diename(die);
	name = demangle(linkage);
	demangle_plain(name, plain, sizeof(plain));
	free(name);
	kept = symbol_pool_copy(&m->pool, plain);
	return kept;
}

static void read_variables(struct reader *r, Dwarf_Die *die, const char *function, int depth)
{
	Dwarf_Die child;

	if (depth > NESTING_MAX || dwarf_child(die, &child) != 0)
		return;
	do {
		const char *around = function;

		if (!symbol_scopes_visit(&r->visited, &child))
			return;
		switch (dwarf_tag(&child)) {
		case DW_TAG_variable: add_variable(r, &child, function); continue;
		case DW_TAG_subprogram:
		case DW_TAG_inlined_subroutine: around = name_function_of(r->m, &child); break;
		case DW_TAG_lexical_block:
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type: break;
		default: continue;
		}
		read_variables(r, &child, around, depth + 1);
	} while (dwarf_siblingof(&child, &child) == 0);
}

static void find_dwarf_variables(struct symbol_module *m)
{
	struct reader r = { .m = m };
	struct symbol_unit u = { 0 };

	if (m->variables_read || !symbol_dwarf(m))
		return;
	m->variables_read = true;
	/* A pass over the DWARF of a browser would take minutes: no name is better. */
	if (symbol_unit_bytes(m) > DWARF_MAX)
		return;
	while (symbol_unit_next(m, &u)) {
		r.visited = 0; /* a .dwo file has offsets of its own */
		read_variables(&r, &u.die, NULL, 0);
	}
	symbol_table_sort(&m->variables);
}

/* "counter.3", "buf.lto_priv.0": a local name that the compiler numbered. */
static bool is_numbered(const char *name)
{
	return name[0] != '_' && demangle_stem(name) != strlen(name) && !strchr(name, '@');
}

/* "list[abi:cxx11]" is what people call "list": the tag of libstdc++'s two ABIs
 * tells linkers apart, not variables. The name is cut in place, in our pool. */
static const char *strip_abi_tag(const char *name)
{
	char *tag = name ? strstr((char *)name, "[abi:") : NULL;
	char *end = tag ? strchr(tag, ']') : NULL;

	if (end)
		memmove(tag, end + 1, strlen(end + 1) + 1);
	return name;
}

static const char *find_variable(
	struct symbol_module *m, uint64_t address, uint64_t *start, uint64_t *bytes, bool dwarf)
{
	struct symbol_entry *e, *v = NULL;

	symbol_table_read(m);
	e = symbol_table_at(&m->objects, address);
	if ((!e || is_numbered(e->name)) && (dwarf || !m->objects.count)) {
		find_dwarf_variables(m);
		v = symbol_table_at(&m->variables, address);
	}
	if (!e && !v)
		return NULL;
	if (!e)
		e = v;
	if (start)
		*start = e->start;
	if (bytes)
		*bytes = e->end - e->start;
	return strip_abi_tag(v ? v->shown : symbol_entry_shown(m, e));
}

const char *symbol_module_variable(
	struct symbol_module *m, uint64_t address, uint64_t *start, uint64_t *bytes)
{
	return find_variable(m, address, start, bytes, true);
}

const char *symbol_module_object(struct symbol_module *m, uint64_t address, uint64_t *start, uint64_t *bytes)
{
	return find_variable(m, address, start, bytes, false);
}

const char *symbol_module_tls(struct symbol_module *m, uint64_t offset, uint64_t *start, uint64_t *bytes)
{
	struct symbol_entry *e;

	symbol_table_read(m);
	e = symbol_table_at(&m->thread_locals, offset);
	if (!e)
		return NULL;
	if (start)
		*start = e->start;
	if (bytes)
		*bytes = e->end - e->start;
	return strip_abi_tag(symbol_entry_shown(m, e));
}
