/* callee.h - which function of the allocator a piece of code has called.
 *
 * operator delete of libstdc++ jumps to free, and new[] to new: the return address that a
 * hook finds is then that of the program's own call, and only the instruction in front of it
 * says which function was called. So that instruction is decoded: a direct call, through the
 * stubs of the linkage table where there are any, or a call through a table entry.
 *
 * CE1  An answer is certain, or CALLEE_UNKNOWN: code that calls through a register, that jumps
 *     (a tail call), or that lies in an operator of its own is not understood.
 * CE2  Operators that are loaded later, with dlopen, are not known.
 *
 * Threads: all; answers are kept in tables of whole words. Signals: not from nested entries.
 */
#ifndef TIDEMARK_CALLEE_H
#define TIDEMARK_CALLEE_H

#include "ledger.h"
#include "walk.h"

/* Finds the operators of the program. state.operators is set when there are any. */
void callee_start(void);
/* What the code whose call returns to `pc` has called. */
enum ledger_function callee_at(uintptr_t pc);
/* Which function has allocated the blocks of a site. */
enum ledger_function callee_of_site(uint32_t site);

#endif
