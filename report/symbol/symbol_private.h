/* symbol_private.h - what the parts of symbol_module.h share. Private to them. */
#ifndef TIDEMARK_SYMBOL_PRIVATE_H
#define TIDEMARK_SYMBOL_PRIVATE_H

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include "symbol_module.h"

/* Strings that are freed together. */
struct symbol_pool {
	struct symbol_pool_part *first;
};
const char *symbol_pool_copy(struct symbol_pool *p, const char *s);
void symbol_pool_free(struct symbol_pool *p);

/* A symbol of the tables, by ELF address. `name` as in the file; `shown`
 * demangled at its first use. */
struct symbol_entry {
	uint64_t start, end;
	const char *name, *shown;
	uint64_t cover; /* the greatest end of this and all before */
	uint8_t rank;   /* lower is the better name for the same address */
	bool sized;
};
struct symbol_table {
	struct symbol_entry *entries;
	size_t count;
};

struct symbol_units;   /* symbol_dwarf.c */
struct symbol_parents; /* symbol_name.c */

struct symbol_module {
	char *path, *warning;
	Dwfl *dwfl;
	Dwfl_Module *module; /* NULL: no usable file */
	uint64_t bias;       /* libdwfl's address = ELF address + bias */
	bool tables_read, dwarf_tried, variables_read;
	struct symbol_table functions, objects, thread_locals;
	bool full_table; /* .symtab, not only .dynsym */
	Dwarf *dwarf;
	uint64_t dwarf_bias; /* libdwfl's address = DWARF address + dwarf_bias */
	struct symbol_units *units;
	struct symbol_scopes *scopes;
	struct symbol_table variables; /* from DWARF */
	struct symbol_pool pool;
};

/* symbol_server.c: hides DEBUGINFOD_URLS around a search when servers are not to be asked; what
 * it returns goes to symbol_server_restore. */
char *symbol_server_hide(void);
void symbol_server_restore(char *hidden);
/* After a search that began at clock_ns() `since_ns`: a server that cannot be reached costs its
 * time-out for every module, so after one such search servers are not asked again. */
void symbol_server_judge(struct symbol_module *m, uint64_t since_ns, bool found);

/* symbol_table.c */
void symbol_table_read(struct symbol_module *m);
void symbol_table_add(struct symbol_table *t, size_t *capacity, struct symbol_entry e);
void symbol_table_sort(struct symbol_table *t);
struct symbol_entry *symbol_table_at(struct symbol_table *t, uint64_t address);
struct symbol_entry *symbol_table_function(struct symbol_module *m, uint64_t address);
const char *symbol_entry_shown(struct symbol_module *m, struct symbol_entry *e);

Dwarf *symbol_dwarf(struct symbol_module *m); /* NULL without DWARF */
void symbol_units_free(struct symbol_units *u);

/* The readable name of a function's DIE, or NULL. */
const char *symbol_die_name(struct symbol_module *m, Dwarf_Die *die);

/* Bytes of a variable's type; 0 unknown. */
uint64_t symbol_die_bytes(Dwarf_Die *die);

/* The linkage name of a DIE or of its origin; NULL without one. */
const char *symbol_linkage_name(Dwarf_Die *die);

#endif
