/* symbol_slots.h - which slots of a frame the code of a function writes to, or takes the address of.
 *
 *   48 89 45 e8      mov %rax,-0x18(%rbp)           writes to -0x18 from rbp
 *   48 89 44 d5 d0   mov %rax,-0x30(%rbp,%rdx,8)    to an array that begins there, or any of its elements
 *   48 8d 7c 24 10   lea 0x10(%rsp),%rdi            0x10 from rsp: what is called may write to it
 *
 * SW1  Code is not disassembled: each byte may be an opcode. So now and then something looks written that is not; that
 *      what is written looks as if it were not needs a byte before it that reads like a prefix.
 */
#ifndef TIDEMARK_SYMBOL_SLOTS_H
#define TIDEMARK_SYMBOL_SLOTS_H

#include "symbol_module.h"

struct symbol_slots;
struct symbol_slots *symbol_slots_new(void);
void symbol_slots_free(struct symbol_slots *s);
/* Adds the code from one ELF address to another. */
void symbol_slots_read(struct symbol_slots *s, struct symbol_module *m, uint64_t lo, uint64_t hi);
#define SYMBOL_SLOTS_ALL UINT64_MAX
/* A variable has `bytes` from an offset from rbp, or from rsp. The first 64 of its words that code from `lo` to `hi`
 * writes to, or may write to since it takes the address of what begins there or before; a bit for each. All bits: the
 * address of the variable. */
uint64_t symbol_slots_written(
	struct symbol_slots *s, bool of_rsp, int64_t at, uint64_t bytes, uint64_t lo, uint64_t hi);

#endif
