/* symbol_locals.h - where the variables of a function lie in its frames.
 *
 * LV1  Only variables that are in memory at the address asked for: those of the function, and of what is inlined
 *      there, whose scope has the address. Values in registers, and variables that their addresses lead to, are not
 *      among them.
 * LV2  A slot says nothing before it is written: where the compiler does not say from where on a variable is there,
 *      code of its scope that lies before the address writes to it, or takes its address. Of one whose address is
 *      not taken, each word counts by itself.
 * LV3  Variables that overlap are left out, and so is a frame whose extent the unwind tables do not give.
 */
#ifndef TIDEMARK_SYMBOL_LOCALS_H
#define TIDEMARK_SYMBOL_LOCALS_H

#include <elfutils/libdw.h>
#include "symbol_module.h"

struct symbol_local {
	Dwarf_Die die;         /* of the variable, or parameter; has its type */
	const char *name;      /* "worker() queue" */
	bool of_stack_pointer; /* `at` counts from the stack pointer; else from the canonical frame address */
	int64_t at;
	uint64_t bytes;
	uint64_t written; /* of its first 64 words, a bit for each; all bits: everything may be written */
};

struct symbol_locals {
	struct symbol_local *list; /* those of the stack pointer last, by `at` */
	size_t count, of_frame;    /* of_frame: how many count from the canonical frame address */
	uint64_t frame_bytes;      /* from the stack pointer to the canonical frame address; 0: not known */
};

/* In the function at an ELF address; `returns`: it is what a call returns to. The list is to be freed. */
struct symbol_locals symbol_locals_find(struct symbol_module *m, uint64_t address, bool returns);

#endif
