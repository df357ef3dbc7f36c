/* symbol_name.c - the name of a function's DIE.
 *
 * The linkage name says it all, where there is one. Compilers write none for
 * what cannot be linked to: static functions and lambdas of C++. Where such a
 * function has a symbol, that is its name; where it is inlined, the name is put
 * together from the namespaces, classes and functions around its DIE.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "base/alloc.h"
#include "symbol_private.h"
#include "symbol_scopes.h"

#define NAME_PARTS 16

const char *symbol_linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;

	if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute)
		&& !dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		return NULL;
	return dwarf_formstring(&attribute);
}

/* One part of a qualified name, in the words of the C++ demangler; `inside` is
 * what comes after it. */
static const char *name_part(Dwarf_Die *die, const char *inside, char *buffer, size_t bytes)
{
	const char *name = dwarf_diename(die);

	if (!name || !*name) {
		if (dwarf_tag(die) == DW_TAG_namespace)
			return "(anonymous namespace)";
		if (dwarf_tag(die) == DW_TAG_subprogram)
			return NULL;
		return strncmp(inside, "operator()", 10) == 0 ? "{lambda}" : "{unnamed}";
	}
	if (strncmp(name, "<lambda", 7) == 0) {
		size_t n = strlen(name);

		/* "<lambda(int)>" of gcc */
		if (n < bytes && name[n - 1] == '>') {
			memcpy(buffer, name, n + 1);
			buffer[0] = '{';
			buffer[n - 1] = '}';
			return buffer;
		}
	}
	return name;
}

static const char *make_qualified_name(struct symbol_module *m, Dwarf_Die *function)
{
	char *text = NULL, lambda[512];
	const char *name = dwarf_diename(function), *kept;
	Dwarf_Die die = *function, around;

	if (!name || !*name)
		return NULL;
	symbol_scopes_declaration(&die);
	for (int parts = 0; parts < NAME_PARTS && symbol_scopes_around(&m->scopes, &die, &around); parts++) {
		const char *part = name_part(&around, text ? text : name, lambda, sizeof(lambda));
		char *longer;

		die = around;
		if (!part)
			continue;
		longer = alloc_printf("%s::%s", part, text ? text : name);
		free(text);
		text = longer;
	}
	kept = text ? symbol_pool_copy(&m->pool, text) : name;
	free(text);
	return kept;
}

/* The symbol at a function's entry, where it says more than DWARF: a mangled
 * name, or the exported "strdup" of what is "__GI___strdup" inside libc. */
static const char *find_entry_symbol(struct symbol_module *m, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	struct symbol_entry *e;
	Dwarf_Addr entry, base, end;
	uint64_t address;

	if (dwarf_tag(die) != DW_TAG_subprogram)
		return NULL;
	/* A function in several parts has ranges only; the first is its entry. */
	if (dwarf_entrypc(die, &entry) != 0 && dwarf_ranges(die, 0, &base, &entry, &end) <= 0)
		return NULL;
	address = entry + m->dwarf_bias - m->bias;
	symbol_table_read(m);
	e = symbol_table_at(&m->functions, address);
	if (!e || e->start != address)
		return NULL;
	if (e->name[0] == '_')
		return e->name[1] == 'Z' || e->name[1] == 'R' ? e->name : NULL;
	return !name || name[0] == '_' ? e->name : NULL;
}

const char *symbol_die_name(struct symbol_module *m, Dwarf_Die *die)
{
	const char *raw = symbol_linkage_name(die), *kept;
	char *name;

	/* A linkage name that is not mangled is an alias's ("__GI___strdup"). */
	if (!raw || raw[0] != '_' || (raw[1] != 'Z' && raw[1] != 'R'))
		raw = find_entry_symbol(m, die);
	if (!raw)
		return make_qualified_name(m, die);
	name = demangle(raw);
	kept = symbol_pool_copy(&m->pool, name);
	free(name);
	return kept;
}
