/* symbol.h - from frames to function, file and line.
 *
 * Lookups are lazy and cached by frame index; modules are opened (libdw) at
 * their first lookup, by build id: the path recorded, separate debug files,
 * debuginfod where it was asked for. Stored symbols (SECTION_SYMBOLS) win.
 *
 * SY1  A frame always has at least one line: with no better name the function
 *     is "module+0xOFFSET" (where its function begins, if unwind tables say so)
 *     or "0xADDRESS".
 * SY2  The lines of a frame are innermost first; all but the last are inlined.
 * SY3  Strings live as long as the struct symbols.
 */
#ifndef TIDEMARK_SYMBOL_H
#define TIDEMARK_SYMBOL_H

#include <stdbool.h>
#include "model/snapshot.h"

struct symbol_line {
	const char *function; /* demangled */
	const char *file;     /* NULL when unknown; --source-root is applied by the printer */
	unsigned line;        /* 0 unknown */
	uint32_t number;      /* among the lines of a struct symbols, from 1 on: for tables beside them */
	const char *module;   /* path of the module; NULL for JIT code */
	uint64_t address;     /* of the frame, in the process */
	bool inlined;
	bool has_symbol;      /* false: the name is made from the address */
	bool wrapper;         /* an allocator's wrapper (wrappers.h) */
	const char *language; /* "native" | "python" */
	bool python;          /* the latter: no module, no address */
	uint32_t interpreter; /* of Python code: 0 is the main one */
	const char
		*qualified; /* of Python code since 3.11: the name with its class or function; NULL unknown */
};

/* In stacks with Python frames, frames of the interpreter that only pass a call on are left out unless this is
 * set (--all-frames). For the whole process, before the first struct symbols is made. */
void symbols_show_plumbing(bool show);

struct symbols;
struct symbols *symbols_new(const struct snapshot *s);
void symbols_free(struct symbols *);

/* The lines of one frame, innermost first; *count >= 1. */
const struct symbol_line *symbols_frame(struct symbols *, uint32_t frame, size_t *count);

/* The whole stack of a site, innermost first, inline lines included. Cached. */
const struct symbol_line *symbols_stack(struct symbols *, uint32_t site, size_t *count);

/* As symbols_stack, but as pointers and without the cache: for one pass over all sites of a large
 * snapshot. *line is memory of the caller with room for *room, made larger when needed. */
size_t symbols_walk(struct symbols *, uint32_t site, const struct symbol_line ***line, size_t *room);

/* Index in symbols_stack of the first line that is not an allocator's wrapper
 * (operator new, g_malloc, strdup ...): what one-line views show. */
size_t symbols_caller(struct symbols *, uint32_t site);

/* That line itself, without the cost of the whole stack: `stat --by function` needs it of
 * every site. Never NULL. */
const struct symbol_line *symbols_top(struct symbols *, uint32_t site);

/* As symbols_top, but lines for which `passed` is true count as wrappers, too. *frame is the one that the
 * line is of, 0 for none. */
typedef bool symbols_passed(const void *context, const struct symbol_line *line);
const struct symbol_line *symbols_beyond(struct symbols *, uint32_t site, symbols_passed *passed,
	const void *context, size_t *index, uint32_t *frame);

/* What the verb should say once on stderr after its output ("/x/y is another
 * build than the one that ran: ..."): NULL for the end of the list. */
const char *symbols_warning(const struct symbols *, size_t index);

/* Share of looked-up native frames without file and line, 0..1; and the path of the module that has most
 * of them, "" when none has any. */
double symbols_without_source(const struct symbols *);
const char *symbols_without_source_most(const struct symbols *);

/* The global variable at an ELF address of a module: name or NULL; *start and
 * *bytes are its extent as ELF addresses. */
const char *symbols_variable(
	struct symbols *, uint32_t module, uint64_t elf_address, uint64_t *start, uint64_t *bytes);

/* What a root of the snapshot is called: as the snapshot says, or better where the
 * collector had no time to read DWARF ("counter" is "main::counter"). */
const char *symbols_root(struct symbols *, uint32_t root);

#endif
