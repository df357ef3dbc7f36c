/* symbol_module.h - one ELF file and its debug information, by ELF address.
 *
 * symbol.c asks for frames; the collector asks for the variables that roots
 * are named after. Nothing here needs a snapshot.
 *
 *   symbol_module.c    finding and opening the file; symbol tables
 *   symbol_dwarf.c     inline chains and lines: one pass over a unit at its first hit
 *   symbol_name.c      names of functions from DWARF
 *   symbol_unwind.c    extents of functions that have no name
 *   symbol_variable.c  globals, static locals, thread-local variables
 *   symbol_locals.c    variables of functions, in their frames; symbol_slots.c: what code writes there
 *
 * SM1  symbol_module_open never fails: a module whose file is missing or is
 *     another build answers "unknown" to everything.
 * SM2  A file is only used when its build id is the recorded one, or when none
 *     was recorded. Debug files are found by build id below /usr/lib/debug, by
 *     .gnu_debuglink, and by debuginfod after symbol_module_ask_servers. With a sysroot (symbol_sysroot.h) files of
 *     both kinds are looked for below it.
 * SM3  Strings live until symbol_module_close.
 * SM4  Tables are made at the first question that needs them. Not thread-safe.
 */
#ifndef TIDEMARK_SYMBOL_MODULE_H
#define TIDEMARK_SYMBOL_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol_module;

enum symbol_source {           /* what a module can answer from */
	SYMBOL_SOURCE_NONE,    /* no file, or another build */
	SYMBOL_SOURCE_DYNAMIC, /* .dynsym only: names of exported functions */
	SYMBOL_SOURCE_TABLE,   /* .symtab, here or in a debug file */
	SYMBOL_SOURCE_DWARF,
};

struct symbol_place {
	const char *function; /* demangled; NULL unknown */
	const char *file;     /* NULL unknown */
	unsigned line;        /* 0 unknown */
};

/* build_id: hex text, or NULL or "" when none was recorded. */
struct symbol_module *symbol_module_open(const char *path, const char *build_id);
void symbol_module_close(struct symbol_module *m);

/* Opens a module that will be asked for again and again, and reads its tables: from now on, also in
 * children of this process, symbol_module_open gives this one for the same path and build id, and closing
 * it does nothing. A file without a build id is not kept. */
void symbol_module_keep(const char *path);

/* From now on debuginfod servers (DEBUGINFOD_URLS) are asked for what is not on this machine. */
void symbol_module_ask_servers(void);

/* Why the file at the path is not used ("is another build ..."), or NULL. */
const char *symbol_module_warning(const struct symbol_module *m);
enum symbol_source symbol_module_source(struct symbol_module *m);

/* The inline chain at an ELF address, innermost first, into places[max]; the
 * count, 0 when nothing is known. A return address is looked up less 1. */
size_t symbol_module_places(
	struct symbol_module *m, uint64_t address, struct symbol_place *places, size_t max);

/* The function symbol that covers an ELF address, demangled, or NULL; its
 * extent where start and bytes are not NULL. */
const char *symbol_module_function(
	struct symbol_module *m, uint64_t address, uint64_t *start, uint64_t *bytes);

/* The ELF address at which the function around an address begins, by unwind
 * tables: for stripped programs. 0: unknown. */
uint64_t symbol_module_function_start(struct symbol_module *m, uint64_t address);

/* The variable that covers an ELF address, or NULL: "cache", "ns::table",
 * "main::counter" for a static local. May read all DWARF of the module. */
const char *symbol_module_variable(
	struct symbol_module *m, uint64_t address, uint64_t *start, uint64_t *bytes);
/* The same by the symbol table, if the module has one: a static local of C is "counter". */
const char *symbol_module_object(struct symbol_module *m, uint64_t address, uint64_t *start, uint64_t *bytes);

/* The thread-local variable at an offset of the module's TLS block, or NULL. */
const char *symbol_module_tls(struct symbol_module *m, uint64_t offset, uint64_t *start, uint64_t *bytes);

/* The ELF address of a defined symbol by its exact linker name. */
bool symbol_module_find(struct symbol_module *m, const char *name, uint64_t *address, uint64_t *bytes);

/* What the file has at an ELF address, before any relocation; false unless all of it is there. */
bool symbol_module_data(struct symbol_module *m, uint64_t address, void *to, size_t bytes);

/* One that is open already, or a new one; each is to be released as often as it was shared. */
struct symbol_module *symbol_module_share(const char *path, const char *build_id);
void symbol_module_release(struct symbol_module *m);

#endif
