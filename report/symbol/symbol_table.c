/* symbol_table.c - the functions and objects that a module's symbol tables name.
 *
 * libdwfl joins .symtab, .dynsym and the compressed .gnu_debugdata. Its own lookup by
 * address goes through the whole table each time, so these tables are sorted copies.
 */
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/clock.h"
#include "base/search.h"
#include "demangle.h"
#include "symbol_files.h"
#include "symbol_private.h"

#define BACK_MAX 4096u /* entries looked at for one that covers an address: see `cover` */

void symbol_table_add(struct symbol_table *t, size_t *capacity, struct symbol_entry e)
{
	*ARRAY_ADD(t->entries, t->count, *capacity) = e;
}

static int compare_starts(const void *a, const void *b)
{
	const struct symbol_entry *x = a, *y = b;
	size_t n, k;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	n = strlen(x->name);
	k = strlen(y->name);
	return n != k ? (n < k ? -1 : 1) : strcmp(x->name, y->name);
}

void symbol_table_sort(struct symbol_table *t)
{
	uint64_t next = UINT64_MAX, cover = 0;

	if (!t->count)
		return;
	qsort(t->entries, t->count, sizeof(*t->entries), compare_starts);
	for (size_t i = t->count; i-- > 0;) {
		struct symbol_entry *e = &t->entries[i];

		if (i + 1 < t->count && e[1].start != e->start)
			next = e[1].start;
		if (!e->sized && e->end > next)
			e->end = next;
	}
	for (size_t i = 0; i < t->count; i++) {
		if (t->entries[i].end > cover)
			cover = t->entries[i].end;
		t->entries[i].cover = cover;
	}
}

struct symbol_entry *symbol_table_at(struct symbol_table *t, uint64_t address)
{
	size_t lo = SEARCH_UP_TO(t->entries, t->count, start, address), looked = 0;
	struct symbol_entry *best = NULL;

	/* Goes down to the nearest start with an entry that covers the address; of several with
	 * that start, the first has the best name. */
	while (lo-- > 0 && looked++ < BACK_MAX && t->entries[lo].cover > address) {
		struct symbol_entry *e = &t->entries[lo];

		if (best && best->start != e->start)
			break;
		if (e->end > address)
			best = e;
	}
	return best;
}

/* Where an address has several names, users know the plain, exported one: malloc, not
 * __libc_malloc or __GI___libc_malloc. */
static uint8_t rank_name(const GElf_Sym *sym, const char *name)
{
	unsigned underscores = 0, binding;

	while (underscores < 3 && name[underscores] == '_')
		underscores++;
	if (name[0] == '_' && (name[1] == 'Z' || name[1] == 'R'))
		underscores = 0;
	switch (GELF_ST_BIND(sym->st_info)) {
	case STB_GLOBAL:
	case STB_GNU_UNIQUE: binding = 0; break;
	case STB_WEAK: binding = 1; break;
	default: binding = 2;
	}
	return (uint8_t)((sym->st_size ? 0 : 64) + underscores * 4 + binding);
}

/* The end of the section that holds an unsized symbol; 0 when the section lacks a flag that is wanted. */
static uint64_t find_section_end(Elf *elf, GElf_Word index, uint64_t wanted_flags)
{
	GElf_Shdr header;
	Elf_Scn *section = index < SHN_LORESERVE ? elf_getscn(elf, index) : NULL;

	if (!section || !gelf_getshdr(section, &header) || (header.sh_flags & wanted_flags) != wanted_flags)
		return 0;
	return header.sh_addr + header.sh_size;
}

void symbol_table_read(struct symbol_module *m)
{
	size_t functions = 0, objects = 0, locals = 0;
	uint64_t since;
	GElf_Addr bias;
	Elf *file;
	int count;

	if (m->tables_read || !m->module)
		return;
	m->tables_read = true;
	file = dwfl_module_getelf(m->module, &bias);
	if (!symbol_files_unfold(file) || !symbol_files_unpack(file)) {
		if (!m->warning)
			m->warning = alloc_printf(
				"%s unpacks to more than it may: its names are not used", m->path);
		return;
	}
	since = clock_ns();
	count = dwfl_module_getsymtab(m->module);
	for (int i = 1; i < count; i++) {
		struct symbol_entry e = { .shown = NULL };
		GElf_Addr address, elf_bias;
		GElf_Word section;
		GElf_Sym sym;
		Elf *elf;
		unsigned type;

		e.name = dwfl_module_getsym_info(m->module, i, &sym, &address, &section, &elf, &elf_bias);
		if (!e.name || !*e.name || section == SHN_UNDEF)
			continue;
		type = GELF_ST_TYPE(sym.st_info);
		if (type == STT_FILE || GELF_ST_BIND(sym.st_info) == STB_LOCAL)
			m->full_table = true;
		e.start = type == STT_TLS ? sym.st_value : address - m->bias;
		e.sized = sym.st_size != 0;
		e.end = e.start + sym.st_size;
		if (e.end < e.start)
			continue;
		e.rank = rank_name(&sym, e.name);
		if (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE) {
			if (type == STT_NOTYPE && !find_section_end(elf, section, SHF_ALLOC | SHF_EXECINSTR))
				continue;
			if (!e.sized)
				e.end = find_section_end(elf, section, SHF_ALLOC | SHF_EXECINSTR);
			symbol_table_add(&m->functions, &functions, e);
		} else if (type == STT_OBJECT || type == STT_COMMON) {
			if (!e.sized)
				e.end = find_section_end(elf, section, SHF_ALLOC);
			symbol_table_add(&m->objects, &objects, e);
		} else if (type == STT_TLS) {
			if (!e.sized)
				e.end = e.start + 1;
			symbol_table_add(&m->thread_locals, &locals, e);
		}
	}
	symbol_server_judge(m, since, m->full_table);
	symbol_table_sort(&m->functions);
	symbol_table_sort(&m->objects);
	symbol_table_sort(&m->thread_locals);
}

const char *symbol_entry_shown(struct symbol_module *m, struct symbol_entry *e)
{
	if (!e->shown) {
		char *name = demangle(e->name);

		e->shown = symbol_pool_copy(&m->pool, name);
		free(name);
	}
	return e->shown;
}

struct symbol_entry *symbol_table_function(struct symbol_module *m, uint64_t address)
{
	symbol_table_read(m);
	return symbol_table_at(&m->functions, address);
}
