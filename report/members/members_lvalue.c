/* members_lvalue.c - the type of what a line of source assigns to: "n", "list->items"; see members.h. */
#include <ctype.h>
#include <dwarf.h>
#include <string.h>
#include "members_private.h"
#include "symbol/symbol_scopes.h"
#include "symbol/symbol_units.h"

#define LEVELS 16u /* blocks inside blocks, members of members without a name */

/* The variables of a name in a function. */
struct search {
	struct members *m;
	const char *name;
	size_t length;
	uint32_t type;
	bool several; /* of different types */
	Dwarf_Off visited;
};

static bool has_name(Dwarf_Die *die, const char *name, size_t length)
{
	const char *have = dwarf_diename(die);

	return have && !strncmp(have, name, length) && !have[length];
}

static void find_variables(struct search *f, Dwarf_Die *around, unsigned depth)
{
	Dwarf_Die child;
	uint32_t type;

	if (depth > LEVELS || dwarf_child(around, &child) != 0)
		return;
	do {
		if (!symbol_scopes_visit(&f->visited, &child))
			return;
		switch (dwarf_tag(&child)) {
		case DW_TAG_variable:
		case DW_TAG_formal_parameter:
			if (!has_name(&child, f->name, f->length))
				break;
			type = members_of_attribute(f->m, &child);
			f->several |= !type || (f->type && f->type != type);
			f->type = type;
			break;
		case DW_TAG_lexical_block: find_variables(f, &child, depth + 1); break;
		default: break;
		}
	} while (dwarf_siblingof(&child, &child) == 0);
}

static uint32_t find_member(struct members *m, uint32_t type, const char *name, size_t length, unsigned depth)
{
	uint32_t found = 0;

	if (!type || depth > LEVELS || members_type_kind(m, type) < MEMBERS_STRUCT)
		return 0;
	members_read(m, type);
	for (uint32_t i = 0; i < m->type[type].member_count && !found; i++) {
		struct member *at = &m->type[type].member[i];
		Dwarf_Die die = at->die;

		if (!at->base && at->name && *at->name) {
			if (has_name(&die, name, length))
				found = members_member_type(m, type, i);
		} else {
			found = find_member(m, members_member_type(m, type, i), name, length, depth + 1);
		}
	}
	return found;
}

static size_t measure_word(const char *at)
{
	size_t length = 0;

	while (isalnum((unsigned char)at[length]) || at[length] == '_')
		length++;
	return length;
}

uint32_t members_lvalue(
	struct members *m, uint32_t module, uint64_t address, unsigned inlined, const char *text)
{
	struct members_module *of = members_index(m, module);
	struct search f = { .m = m, .name = text, .length = measure_word(text) };
	const char *at = text + f.length;
	uint32_t type;
	Dwarf_Die function;

	if (!of
		|| !symbol_unit_function(
			of->file, address - m->snapshot->modules[module].bias, inlined, &function))
		return 0;
	find_variables(&f, &function, 0);
	for (type = f.several ? 0 : f.type; type && *at; at += measure_word(at)) {
		if (at[0] == '-' && at[1] == '>') {
			if (members_type_kind(m, type) != MEMBERS_POINTER)
				return 0;
			type = members_type_of(m, type);
			at += 2;
		} else if (*at++ != '.') {
			return 0;
		}
		type = find_member(m, type, at, measure_word(at), 0);
	}
	if (!type || members_type_kind(m, type) != MEMBERS_POINTER)
		return 0;
	return members_type_of(m, type);
}
