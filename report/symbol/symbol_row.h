/* symbol_row.h - one line for a site, such that rows of a table can be distinguished.
 *
 * RW1 A row shows the nearest function with a name, beyond the allocator's wrappers and the learned
 *     ones (symbols_top). Code without names is shown by its offset only where nothing but start code
 *     (main's caller, a thread's start) has a name; else its module is added.
 * RW2 Rows that would read the same get the nearest caller by which most of them differ.
 * RW3 What a C++ or Rust container did for the function that is shown is its outermost skipped line.
 * RW4 A row of Python's library, of an installed package or of native code below Python also gets the nearest
 *     Python line of the program's own: that is what its author can change.
 */
#ifndef TIDEMARK_SYMBOL_ROW_H
#define TIDEMARK_SYMBOL_ROW_H

#include "symbol.h"

struct symbol_row {
	const struct symbol_line *line;   /* never NULL */
	const struct symbol_line *caller; /* RW2; NULL: none is needed, or none helps */
	bool far;                         /* there are named lines between the two */
	const struct symbol_line
		*own; /* RW4; NULL for none. In one stack with `caller`: the lesser is nearer */
	bool own_far; /* as `far` */
	const struct symbol_line *library; /* RW3; NULL for none */
	const char *module; /* path of the module without names that was passed over; NULL for none */
};

/* The site that a row shows, from one of several snapshots. */
struct symbol_site {
	struct symbols *symbols;
	uint32_t site;
};

/* A row for each of them, to be freed; the lines live as long as their symbols. Rows beyond the first 4096
 * get no caller. */
struct symbol_row *symbol_rows(const struct symbol_site *site, size_t count);

/* Is this file of Python code part of Python itself, or of an installed package? */
bool symbol_row_is_library(const char *file);

#endif
