/* symbol_name.c - the name of a function's DIE.
 *
 * The linkage name says it all, where there is one. Compilers write none for
 * what cannot be linked to: static functions and lambdas of C++. Where such a
 * function has a symbol, that is its name; where it is inlined, the name is put
 * together from the namespaces, classes and functions around its DIE. DIEs do
 * not know their parents, so those of a unit are noted in one pass at its first
 * such name.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "demangle.h"
#include "base/alloc.h"
#include "base/array.h"
#include "symbol_private.h"

#define NONE UINT32_MAX
#define NESTING_MAX 200
#define NAME_PARTS 16

struct named_die {
	Dwarf_Die die;
	Dwarf_Off offset;
	uint32_t parent;
}; /* by offset */

struct symbol_parents { /* of one unit */
	void *cu;
	struct named_die *dies;
	uint32_t count, capacity;
	bool qualified; /* a language with scopes */
	Dwarf_Off visited;
	UT_hash_handle hh;
};

const char *symbol_linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;

	if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute)
		&& !dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		return NULL;
	return dwarf_formstring(&attribute);
}

static void read_parents(struct symbol_parents *p, Dwarf_Die *die, uint32_t parent, int depth)
{
	Dwarf_Die child;

	if (depth > NESTING_MAX || dwarf_child(die, &child) != 0)
		return;
	do {
		uint32_t around = parent;

		if (!symbol_visit(&p->visited, &child))
			return;
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_namespace:
		case DW_TAG_module:
			ARRAY_RESERVE(p->dies, p->capacity, (uint64_t)p->count + 1);
			around = p->count++;
			p->dies[around] = (struct named_die){ child, dwarf_dieoffset(&child), parent };
			break;
		case DW_TAG_lexical_block: break;
		default: continue;
		}
		read_parents(p, &child, around, depth + 1);
	} while (dwarf_siblingof(&child, &child) == 0);
}

static struct symbol_parents *get_parents(struct symbol_module *m, Dwarf_Die *die)
{
	struct symbol_parents *p;
	Dwarf_Die cu;
	void *key;

	if (!dwarf_diecu(die, &cu, NULL, NULL))
		return NULL;
	key = cu.addr;
	HASH_FIND_PTR(m->parents, &key, p);
	if (p)
		return p;
	p = alloc_zeroed(1, sizeof(*p));
	p->cu = key;
	switch (dwarf_srclang(&cu)) {
	case DW_LANG_C89:
	case DW_LANG_C:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_Mips_Assembler:
	case DW_LANG_D:
	case DW_LANG_Go:
	case DW_LANG_Fortran77:
	case DW_LANG_Fortran90:
	case DW_LANG_Fortran95: break;
	default: p->qualified = true; read_parents(p, &cu, NONE, 0);
	}
	HASH_ADD_PTR(m->parents, cu, p);
	return p;
}

void symbol_parents_free(struct symbol_parents *all)
{
	struct symbol_parents *p, *next;

	HASH_ITER(hh, all, p, next)
	{
		HASH_DEL(all, p);
		free(p->dies);
		free(p);
	}
}

/* From a definition to the DIE of its declaration, whose parents name it. */
static void follow_declaration(Dwarf_Die *die)
{
	static const unsigned links[] = { DW_AT_abstract_origin, DW_AT_specification };
	Dwarf_Attribute attribute;

	for (int n = 0; n < 8; n++) {
		Dwarf_Die to;
		size_t i;

		for (i = 0; i < 2; i++)
			if (dwarf_attr(die, links[i], &attribute) && dwarf_formref_die(&attribute, &to))
				break;
		if (i == 2)
			return;
		*die = to;
	}
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
	struct symbol_parents *p;
	Dwarf_Die die = *function;
	uint32_t lo = 0, hi, at;
	Dwarf_Off offset;

	if (!name || !*name)
		return NULL;
	follow_declaration(&die);
	p = get_parents(m, &die);
	if (!p || !p->qualified)
		return name;
	offset = dwarf_dieoffset(&die);
	for (hi = p->count; lo < hi;) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (p->dies[mid].offset < offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == p->count || p->dies[lo].offset != offset || p->dies[lo].parent == NONE)
		return name;
	at = p->dies[lo].parent;
	for (int parts = 0; at != NONE && parts < NAME_PARTS; parts++, at = p->dies[at].parent) {
		const char *part;
		char *longer;

		part = name_part(&p->dies[at].die, text ? text : name, lambda, sizeof(lambda));
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
