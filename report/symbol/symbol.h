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
	const char *
		plain; /* what filters and rules compare with, too: demangle_plain; NULL: the function itself */
	const char *file;   /* NULL when unknown; --source-root is applied by the printer */
	unsigned line;      /* 0 unknown */
	uint32_t number;    /* among the lines of a struct symbols, from 1 on: for tables beside them */
	const char *module; /* path of the module; NULL for JIT code */
	uint64_t address;   /* of the frame, in the process */
	bool inlined;
	bool has_symbol;       /* false: the name is made from the address */
	bool wrapper;          /* an allocator's wrapper (wrappers.h) */
	const char *language;  /* "native" | "python" */
	bool python;           /* the latter: no module, no address */
	uint32_t interpreter;  /* of Python code: 0 is the main one */
	const char *qualified; /* of Python code: the name with its class or function; NULL unknown */
};

/* In stacks with Python frames, frames of the interpreter that only pass a call on are left out unless this is
 * set (--all-frames). For the whole process, before the first struct symbols is made. */
void symbols_show_plumbing(bool show);

struct symbol_module;
struct symbols;
struct symbols *symbols_new(const struct snapshot *s);
void symbols_free(struct symbols *);
const struct snapshot *symbols_snapshot(const struct symbols *);

/* The lines of one frame, innermost first; *count >= 1. */
const struct symbol_line *symbols_frame(struct symbols *, uint32_t frame, size_t *count);

/* Is this frame one of those that are left out, whether or not they are left out now? `python`: the stack that it
 * is looked at in has Python frames. */
bool symbols_is_plumbing(struct symbols *, uint32_t frame, bool python);
bool symbols_has_python(const struct symbols *, uint32_t site);

/* Where symbol_alike.h keeps its answer, which is freed with the symbols; NULL: nothing is left out. */
uint32_t **symbols_alike_kept(struct symbols *);

/* The whole stack of a site, innermost first, inline lines included. Cached. */
const struct symbol_line *symbols_stack(struct symbols *, uint32_t site, size_t *count);

/* As symbols_stack, but as pointers and without the cache: for one pass over all sites of a large
 * snapshot. *line is memory of the caller with room for *room, made larger when needed. */
size_t symbols_walk(struct symbols *, uint32_t site, const struct symbol_line ***line, size_t *room);

/* The line of a site that one-line views show, without the cost of the whole stack (symbol_top.c): the nearest
 * function with a name beyond the allocator's wrappers (operator new, g_malloc, strdup ...) and those that
 * were learned (learned.h). Never NULL. */
const struct symbol_line *symbols_top(struct symbols *, uint32_t site);

/* Its index in symbols_stack. */
size_t symbols_caller(struct symbols *, uint32_t site);

/* Several snapshots are shown beside each other: what is a wrapper in one is passed over in all. */
void symbols_learn_together(struct symbols *const *symbols, size_t count);

/* Index in symbols_stack of the first line that is not an allocator's wrapper, whatever the other sites are:
 * for what must be the same in each run. */
size_t symbols_allocated(struct symbols *, uint32_t site);

/* The first line that is not an allocator's wrapper, and for which `passed` (NULL: any) is false; *frame is
 * the one that it is of, 0 where all lines are passed: then it is the outermost. */
typedef bool symbols_passed(const void *context, const struct symbol_line *line);
const struct symbol_line *symbols_beyond(struct symbols *, uint32_t site, symbols_passed *passed,
	const void *context, size_t *index, uint32_t *frame);

/* Is it one of the callers of main, or of a thread's function, in every program? */
bool symbols_is_start(const struct symbol_line *line);

/* What symbol_top.c has made from the symbols; symbols_free calls `release` with it, unless it is NULL. */
struct symbols_made {
	void *it;
	void (*release)(void *it);
};
struct symbols_made *symbols_made(struct symbols *);
/* The same for members/, which is read once however often blocks are looked at. */
struct symbols_made *symbols_members(struct symbols *);

/* What the verb should say once on stderr after its output ("/x/y is another
 * build than the one that ran: ..."): NULL for the end of the list. */
const char *symbols_warning(const struct symbols *, size_t index);

/* Shares of the native frames that were looked up, 0..1: of those without file and line; and of those in each
 * module that has some, the largest first. Returns how many of `capacity` were filled. */
struct symbols_share {
	const char *module; /* path */
	double share;
};
double symbols_without_source(const struct symbols *);
size_t symbols_without_source_in(const struct symbols *, struct symbols_share *modules, size_t capacity);

/* The global variable at an ELF address of a module: name or NULL; *start and
 * *bytes are its extent as ELF addresses. */
const char *symbols_variable(
	struct symbols *, uint32_t module, uint64_t elf_address, uint64_t *start, uint64_t *bytes);

/* The file of a module of the snapshot, opened; NULL: there is none. It lives as long as the struct symbols. */
struct symbol_module *symbols_module(struct symbols *, uint32_t module);

/* What a root of the snapshot is called: as the snapshot says, or better where the
 * collector had no time to read DWARF ("counter" is "main::counter", and a stack is that of
 * the function whose frame it is: "main() of thread 7 in app"). */
const char *symbols_root(struct symbols *, uint32_t root);
/* A copy that lives as long as the struct symbols. */
const char *symbols_keep_text(struct symbols *, const char *text);

#endif
