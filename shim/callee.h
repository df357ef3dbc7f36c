/* callee.h - which function of the allocator a piece of code has called.
 *
 * operator delete of libstdc++ jumps to free, and new[] to new: the return address that a
 * hook finds is then that of the program's own call, and only the instruction before it
 * shows which function was called. So that instruction is decoded: a direct call,
 * possibly through a stub of the linkage table, or a call through a table entry.
 *
 * CE1  An answer is either certain or CALLEE_UNKNOWN. Code that calls through a register, that
 *     jumps (a tail call), or that lies in an operator of the program's own is not understood.
 * CE2  Operators that dlopen loads later are not known.
 * CE3  Code is copied by the kernel, since a module may be unloaded at any moment. So a return address costs one
 *     system call (and getpid: a child of vfork shares this memory, but has another pid), and a stub two, once.
 *
 * Threads: all; answers are kept in tables of whole words. Signals: not from nested entries.
 */
#ifndef TIDEMARK_CALLEE_H
#define TIDEMARK_CALLEE_H

#include "ledger.h"
#include "walk.h"

/* Finds the operators of the program; sets state.operators if it has any. */
void callee_start(void);
/* The function called by the call that returns to `pc`. */
enum ledger_function callee_at(uintptr_t pc);
/* The function that allocated the blocks of a site. */
enum ledger_function callee_of_site(uint32_t site);

#endif
