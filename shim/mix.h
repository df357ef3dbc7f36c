/* mix.h - the multipliers of our hash functions, each with its source. All are odd, so a
 * multiplication is a bijection; the high bits of a product depend on all bits of a key.
 */
#ifndef TIDEMARK_MIX_H
#define TIDEMARK_MIX_H

/* 2^64 divided by the golden ratio: Fibonacci hashing (Knuth, The Art of Computer
 * Programming, volume 3, section 6.4). */
#define MIX_GOLDEN 0x9E3779B97F4A7C15ull
/* Its negative: GOLDEN_RATIO_64 of Linux, include/linux/hash.h. */
#define MIX_GOLDEN_NEGATIVE 0x61C8864680B583EBull
/* The prime near 2^32 divided by the golden ratio: PRIME32_1 of xxHash (Collet). */
#define MIX_GOLDEN_32 0x9E3779B1u
/* PRIME64_2 of xxHash. */
#define MIX_PRIME 0xC2B2AE3D27D4EB4Full
/* First multiplier of SplitMix64's finalizer (Stafford's variant 13; Steele, Lea, Flood, 2014). */
#define MIX_SPLIT 0xBF58476D1CE4E5B9ull
/* Multiplier of xorshift64* (Vigna, 2014). */
#define MIX_STAR 0x2545F4914F6CDD1Dull
/* Multiplier of rrmxmx (Evensen, 2018). */
#define MIX_RRMXMX 0x9FB21C651E98DF25ull
/* Multiplier of a 64-bit finalizer by degski (2018). */
#define MIX_FINAL 0xD6E8FEB86659FD93ull
/* The 32-bit finalizer of MurmurHash3 (Appleby, 2011). */
#define MIX_MURMUR_1 0x85EBCA6Bu
#define MIX_MURMUR_2 0xC2B2AE35u
/* Two words of wyhash's secret (Wang, 2019). */
#define MIX_WY_1 0xA0761D6478BD642Full
#define MIX_WY_2 0xE7037ED1A0B428DBull
/* FNV-1a, 64 bits (Fowler, Noll, Vo, 1991). */
#define MIX_FNV 0x100000001B3ull
#define MIX_FNV_START 0xCBF29CE484222325ull

#endif
