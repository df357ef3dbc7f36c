/* rule.h - how to get from a frame to its caller: unwind rules, one word each.
 *
 * Rules come from .eh_frame (System V ABI, x86-64 supplement; DWARF 5 section
 * 6.4; LSB .eh_frame_hdr), found without a lock (object.h), and are kept in one direct-mapped table that all threads share.
 *
 * RU1  A key is a return address; the instruction looked up is key - 1. For an
 *     interrupted pc the key is pc + 1.
 * RU2  An entry is one 8-byte word, a rule above 32 bits of tag; tag and index
 *     together are a bijection of the 47-bit key (rule_hash), so a hit is exact.
 * RU3  rule_forget_closed after every dlclose: no rule outlives its code. When it
 *     returns, the rules of modules that other threads have closed are gone, too.
 *
 * Threads: all. Signals: rule_find is safe. Fork: rule_after_fork.
 */
#ifndef TIDEMARK_RULE_H
#define TIDEMARK_RULE_H

#include <stdint.h>
#include "mix.h"

/* Rule, from the low bit: kind 3 | rbp 8 | offset 21 (signed, in words). */
enum rule_kind {
	RULE_NONE,    /* empty cache entry */
	RULE_SP,      /* CFA = rsp + offset */
	RULE_BP,      /* CFA = rbp + offset */
	RULE_DEREF,   /* CFA = *(rbp + offset): gcc's realigned frames */
	RULE_END,     /* outermost frame */
	RULE_SIGNAL,  /* rsp points at a struct ucontext */
	RULE_UNKNOWN, /* no usable unwind data: try the frame pointer */
};
#define RULE_RBP_SAME 0u
#define RULE_RBP_AT_RBP 255u /* saved at *rbp (realigned frames) */
/* else: saved at CFA - 8 * value */

static inline unsigned rule_kind(uint32_t r) { return r & 7u; }
static inline unsigned rule_rbp(uint32_t r) { return (r >> 3) & 255u; }
static inline intptr_t rule_offset(uint32_t r) { return (intptr_t)((int32_t)r >> 11) * 8; }
static inline uint32_t rule_make(unsigned kind, unsigned rbp, int32_t words)
{
	return kind | rbp << 3 | (uint32_t)words << 11;
}

#define RULE_SLOTS_BITS 16
#define RULE_TAG_BITS 32
#define RULE_KEY_BITS 47 /* addresses of user space */
_Static_assert(RULE_SLOTS_BITS + RULE_TAG_BITS >= RULE_KEY_BITS, "RU2");
extern uint64_t rule_table[1u << RULE_SLOTS_BITS];

/* Reads and caches the rule of a key. */
uint32_t rule_learn(uintptr_t key);
/* After a dlclose: closes the modules that are gone and forgets the rules of their code. */
void rule_forget_closed(void);
void rule_after_fork(void);

/* The multiplier is odd, so this is a bijection modulo 2^RULE_KEY_BITS. The tag is its low
 * RULE_TAG_BITS, the index of the entry the RULE_SLOTS_BITS at the upper end. */
static inline uint64_t rule_hash(uintptr_t key) { return key * MIX_GOLDEN_NEGATIVE; }
static inline uint32_t rule_tag(uint64_t hash) { return (uint32_t)hash; }
static inline uint64_t *rule_place(uint64_t hash)
{
	return &rule_table[hash >> (RULE_KEY_BITS - RULE_SLOTS_BITS) & ((1u << RULE_SLOTS_BITS) - 1)];
}

static inline uint32_t rule_find(uintptr_t key)
{
	uint64_t h = rule_hash(key), e = __atomic_load_n(rule_place(h), __ATOMIC_RELAXED);
	/* An empty entry has kind RULE_NONE. */
	if (__builtin_expect((uint32_t)e == rule_tag(h) && e >> RULE_TAG_BITS, 1))
		return (uint32_t)(e >> RULE_TAG_BITS);
	return rule_learn(key);
}

#endif
