/* rule.h - how to get from a frame to its caller: unwind rules, one word each.
 *
 * Rules come from .eh_frame (System V ABI, x86-64 supplement; DWARF 5 section
 * 6.4; LSB .eh_frame_hdr), found by glibc's lock-free _dl_find_object, and are
 * kept in one direct-mapped table that all threads share.
 *
 * R1  A key is a return address; the instruction looked up is key - 1. For an
 *     interrupted pc the key is pc + 1.
 * R2  An entry is one 8-byte word, a rule above 32 bits of tag; tag and index
 *     together are a bijection of the 47-bit key, so a hit is exact.
 * R3  rule_flush after every dlclose: no rule outlives its code.
 *
 * Threads: all. Signals: safe. Fork: nothing to do.
 */
#ifndef TIDEMARK_RULE_H
#define TIDEMARK_RULE_H

#include <stdint.h>

/* Rule, from the low bit: kind 3 | rbp 8 | offset 21 (signed, in words). */
enum rule_kind {
	RULE_NONE,		/* empty cache entry */
	RULE_SP,		/* CFA = rsp + offset */
	RULE_BP,		/* CFA = rbp + offset */
	RULE_DEREF,		/* CFA = *(rbp + offset): gcc's realigned frames */
	RULE_END,		/* outermost frame */
	RULE_SIGNAL,		/* rsp points at a struct ucontext */
	RULE_UNKNOWN,		/* no usable unwind data: try the frame pointer */
};
#define RULE_RBP_SAME 0u
#define RULE_RBP_AT_RBP 255u	/* saved at *rbp (realigned frames) */
/* else: saved at CFA - 8 * value */

static inline unsigned rule_kind(uint32_t r) { return r & 7u; }
static inline unsigned rule_rbp(uint32_t r) { return (r >> 3) & 255u; }
static inline intptr_t rule_offset(uint32_t r) { return (intptr_t)((int32_t)r >> 11) * 8; }
static inline uint32_t rule_make(unsigned kind, unsigned rbp, int32_t words)
{
	return kind | rbp << 3 | (uint32_t)words << 11;
}

#define RULE_SLOTS_BITS 16
extern uint64_t rule_table[1u << RULE_SLOTS_BITS];

/* Learns and caches the rule of a key. */
uint32_t rule_learn(uintptr_t key);
/* Computes it without the cache (tests). */
uint32_t rule_compute(uintptr_t key);
void rule_flush(void);

static inline uint32_t rule_find(uintptr_t key)
{
	/* Odd multiplier: a bijection modulo 2^47. */
	uint64_t h = key * 0x61C8864680B583EBull;
	uint64_t e = __atomic_load_n(&rule_table[(uint16_t)(h >> 31)], __ATOMIC_RELAXED);
	/* An entry that is not there yet has kind RULE_NONE. */
	if (__builtin_expect((uint32_t)e == (uint32_t)h && e >> 32, 1))
		return (uint32_t)(e >> 32);
	return rule_learn(key);
}

#endif
