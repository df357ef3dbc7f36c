/* symbol_scopes.c - see symbol_scopes.h. */
#include <dwarf.h>
#include <stdlib.h>
#include <uthash.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/search.h"
#include "symbol_scopes.h"

#define NONE UINT32_MAX
#define NESTING_MAX 200u
#define LINKS_MAX 8u

struct scope {
	uint64_t offset;
	Dwarf_Die die;
	uint32_t parent;
};

struct symbol_scopes { /* of one unit */
	void *unit;
	struct scope *scope; /* by offset */
	uint32_t count, room;
	Dwarf_Off visited;
	UT_hash_handle hh;
};

/* DW_LANG_C17 and DW_LANG_C23, which older headers do not have (dwarfstd.org, language names). */
#define LANG_C17 0x2c
#define LANG_C23 0x3e

bool symbol_scopes_are_in(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C89:
	case DW_LANG_C:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case LANG_C17:
	case LANG_C23:
	case DW_LANG_Mips_Assembler:
	case DW_LANG_D:
	case DW_LANG_Go:
	case DW_LANG_Fortran77:
	case DW_LANG_Fortran90:
	case DW_LANG_Fortran95: return false;
	default: return true;
	}
}

static void read_scopes(struct symbol_scopes *s, Dwarf_Die *die, uint32_t parent, unsigned depth)
{
	Dwarf_Die child;

	if (depth > NESTING_MAX || dwarf_child(die, &child) != 0)
		return;
	do {
		uint32_t around = parent;

		if (!symbol_scopes_visit(&s->visited, &child))
			return;
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
		case DW_TAG_typedef:
		case DW_TAG_namespace:
		case DW_TAG_module:
			around = s->count;
			*ARRAY_ADD(s->scope, s->count, s->room) =
				(struct scope){ dwarf_dieoffset(&child), child, parent };
			break;
		case DW_TAG_lexical_block: break;
		default: continue;
		}
		read_scopes(s, &child, around, depth + 1);
	} while (dwarf_siblingof(&child, &child) == 0);
}

static struct symbol_scopes *find_unit(struct symbol_scopes **all, Dwarf_Die *die)
{
	struct symbol_scopes *s, *head = *all;
	Dwarf_Die unit;
	void *key;

	if (!dwarf_diecu(die, &unit, NULL, NULL))
		return NULL;
	key = unit.addr;
	HASH_FIND_PTR(head, &key, s);
	if (s)
		return s;
	s = alloc_zeroed(1, sizeof(*s));
	s->unit = key;
	if (symbol_scopes_are_in(&unit))
		read_scopes(s, &unit, NONE, 0);
	HASH_ADD_PTR(head, unit, s);
	*all = head;
	return s;
}

bool symbol_scopes_around(struct symbol_scopes **all, Dwarf_Die *die, Dwarf_Die *around)
{
	const struct symbol_scopes *s = find_unit(all, die);
	uint64_t offset = dwarf_dieoffset(die);
	size_t at = s ? SEARCH_UP_TO(s->scope, s->count, offset, offset) : 0;

	if (!at || s->scope[at - 1].offset != offset || s->scope[at - 1].parent == NONE)
		return false;
	*around = s->scope[s->scope[at - 1].parent].die;
	return true;
}

void symbol_scopes_declaration(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	Dwarf_Die to;

	for (unsigned n = 0; n < LINKS_MAX; n++) {
		if ((!dwarf_attr(die, DW_AT_abstract_origin, &attribute)
			    || !dwarf_formref_die(&attribute, &to))
			&& (!dwarf_attr(die, DW_AT_specification, &attribute)
				|| !dwarf_formref_die(&attribute, &to)))
			return;
		*die = to;
	}
}

void symbol_scopes_free(struct symbol_scopes *all)
{
	struct symbol_scopes *s, *next;

	HASH_ITER(hh, all, s, next)
	{
		HASH_DEL(all, s);
		free(s->scope);
		free(s);
	}
}
