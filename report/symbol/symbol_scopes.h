/* symbol_scopes.h - what a DIE lies in, which it does not know itself.
 *
 * The namespaces, types and functions of a unit are noted in one pass, when the first question about the unit
 * comes.
 */
#ifndef TIDEMARK_SYMBOL_SCOPES_H
#define TIDEMARK_SYMBOL_SCOPES_H

#include <elfutils/libdw.h>
#include <stdbool.h>

/* Of all units that were asked about; NULL: none yet. */
struct symbol_scopes;
void symbol_scopes_free(struct symbol_scopes *all);

/* The namespace, type or function around a DIE of one of these kinds; false: it lies in its unit, or in a
 * language without scopes (symbol_scopes_are_in). */
bool symbol_scopes_around(struct symbol_scopes **all, Dwarf_Die *die, Dwarf_Die *around);
bool symbol_scopes_are_in(Dwarf_Die *unit);

/* From a definition, or a copy of it, to the DIE of its declaration: what that lies in names it. */
void symbol_scopes_declaration(Dwarf_Die *die);

/* True when `die` lies behind the last DIE visited, which it then is. Damaged sibling references make
 * subtrees overlap; without this check the visits double at each level. */
static inline bool symbol_scopes_visit(Dwarf_Off *last, Dwarf_Die *die)
{
	Dwarf_Off at = dwarf_dieoffset(die);

	if (at == (Dwarf_Off)-1 || at <= *last)
		return false;
	*last = at;
	return true;
}

#endif
