/* unwind_table.h - the unwind table of the code at an address, in memory.
 *
 * For memory without a process that shows which files it comes from: a core. What is found
 * is the search table that each program and library has loaded (.eh_frame_hdr: Linux
 * Standard Base 5.0, 10.6.2).
 */
#ifndef TIDEMARK_UNWIND_TABLE_H
#define TIDEMARK_UNWIND_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include "remote.h"

struct unwind_table {
	uint64_t lo, hi;  /* of the code that it covers */
	uint64_t base;    /* entries are relative to it */
	uint64_t entries; /* their address: two 32-bit numbers each */
	uint64_t count;
};

/* False: the module has no such table, or none of the form that linkers write. */
bool unwind_table_find(struct remote *m, uint64_t address, struct unwind_table *t);

#endif
