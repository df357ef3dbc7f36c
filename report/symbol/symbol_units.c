/* symbol_units.c - see symbol_units.h. */
#include <dwarf.h>
#include <string.h>
#include "symbol_files.h"
#include "symbol_private.h"
#include "symbol_units.h"

static Dwarf *dwarf_of(struct symbol_module *m, const struct symbol_unit *u)
{
	Dwarf *dwarf = symbol_dwarf(m);

	return dwarf && u->supplement ? dwarf_getalt(dwarf) : dwarf;
}

bool symbol_unit_next(struct symbol_module *m, struct symbol_unit *u)
{
	for (;;) {
		Dwarf *dwarf = dwarf_of(m, u);
		Dwarf_Die die, sub;
		uint8_t type;

		if (!dwarf || dwarf_get_units(dwarf, u->cu, &u->cu, NULL, &type, &die, NULL) != 0) {
			if (!dwarf || u->supplement)
				return false;
			*u = (struct symbol_unit){ .supplement = true };
			continue;
		}
		u->die = u->skeleton = die;
		if (type == DW_UT_skeleton && symbol_files_split(m->path, &die)
			&& !dwarf_cu_info(u->cu, NULL, NULL, NULL, &sub, NULL, NULL, NULL) && sub.addr)
			u->die = sub;
		return true;
	}
}

uint64_t symbol_unit_shift(struct symbol_module *m) { return m->dwarf_bias - m->bias; }

uint64_t symbol_unit_bytes(struct symbol_module *m)
{
	Dwarf *dwarf = symbol_dwarf(m);
	Elf *elf = dwarf ? dwarf_getelf(dwarf) : NULL;
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names) != 0)
		return 0;
	while ((section = elf_nextscn(elf, section)) != NULL) {
		const char *name =
			gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

		if (name && strcmp(name, ".debug_info") == 0)
			return header.sh_size;
	}
	return 0;
}
