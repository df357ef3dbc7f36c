/* symbol_units.h - the units of a module's debug information, for those who read more of it than names.
 *
 * DU1  Split units are opened only where symbol_files.h allows it.
 * DU2  Units of types and of supplements (dwz) are among them.
 */
#ifndef TIDEMARK_SYMBOL_UNITS_H
#define TIDEMARK_SYMBOL_UNITS_H

#include <elfutils/libdw.h>
#include "symbol_module.h"

/* All zero: before the first. */
struct symbol_unit {
	Dwarf_Die die;      /* of the unit; of a split one, that of its other half */
	Dwarf_Die skeleton; /* of a split unit; else the same */
	Dwarf_CU *cu;
	bool supplement;
};

/* false: there are no more, or the module has no DWARF. */
bool symbol_unit_next(struct symbol_module *m, struct symbol_unit *u);
/* ELF address = address in DWARF + this. */
uint64_t symbol_unit_shift(struct symbol_module *m);
/* The function at an ELF address, or what is inlined there: `inlined` 0 is the innermost. false: not known. */
bool symbol_unit_function(struct symbol_module *m, uint64_t address, unsigned inlined, Dwarf_Die *die);
/* Bytes of .debug_info, so that readers know what a pass over all units costs. */
uint64_t symbol_unit_bytes(struct symbol_module *m);

#endif
