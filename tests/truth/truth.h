/* truth.h - what the programs with known truth share.
 *
 * A program states its truth in comments at its head, one statement per line (tests/lib/program.py):
 *
 *   cases: leak fixed         run once with each word as the argument; without this line: once, no argument
 *   truth[leak]: unreferenced blocks=3 bytes=300 site=make_three distinct=1
 *                             the lost blocks of that kind and site: exactly these. Kinds: unreferenced cycle
 *                             indirect possible. No [case]: in every case. What is not stated must not be there.
 *   truth@2[leak]: ...        of the second process (snapshots of one run are matched with 1, 2... in any order)
 *   root-cycles[leak]: 2      lost components of two blocks or more that nothing outside refers to
 *   held[fixed]: make_x root=global name=head blocks=1
 *                             every block of the site is reachable, and its path starts at such a root (name: glob)
 *   found[fixed]: make_x roots=1 blocks=2      the references found to each block of the site
 *   build: -ldl               more compiler arguments      libraries: libx.c   shared libraries beside it
 *   options: --unaligned      of `tidemark run`            status[leak]: 3     exit status that is right
 *   needs: /proc/self/timers  left out where this file is not there; and when the program exits with 77
 *
 * A line `truth: ...` on stdout counts like one in the head, without case.
 *
 * The site of a block is the first function of its stack that lies in the
 * program's own file. Functions that allocate are NOINLINE; tail calls are off.
 *
 * That the truth be true: scenario() runs below main, and when it has returned
 * the stack below main and the registers are wiped, so that no stale word
 * remains that a scan could honestly take for a reference.
 */
#ifndef TRUTH_H
#define TRUTH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __clang__
#define NOINLINE __attribute__((noinline, used))
#else
#define NOINLINE __attribute__((noinline, noclone, noipa, used))
#endif

/* The compiler forgets what it knew about the value. */
#define HIDE(p) __asm__ volatile("" : "+r"(p) : : "memory")

#define CLEAR_REGISTERS() do { \
	__asm__ volatile("xorl %%eax,%%eax\n\txorl %%ecx,%%ecx\n\txorl %%edx,%%edx\n\txorl %%esi,%%esi\n\t" \
		"xorl %%edi,%%edi\n\txorl %%r8d,%%r8d\n\txorl %%r9d,%%r9d\n\txorl %%r10d,%%r10d\n\txorl %%r11d,%%r11d\n\t" \
		"pxor %%xmm0,%%xmm0\n\tpxor %%xmm1,%%xmm1\n\tpxor %%xmm2,%%xmm2\n\tpxor %%xmm3,%%xmm3\n\t" \
		"pxor %%xmm4,%%xmm4\n\tpxor %%xmm5,%%xmm5\n\tpxor %%xmm6,%%xmm6\n\tpxor %%xmm7,%%xmm7\n\t" \
		"pxor %%xmm8,%%xmm8\n\tpxor %%xmm9,%%xmm9\n\tpxor %%xmm10,%%xmm10\n\tpxor %%xmm11,%%xmm11\n\t" \
		"pxor %%xmm12,%%xmm12\n\tpxor %%xmm13,%%xmm13\n\tpxor %%xmm14,%%xmm14\n\tpxor %%xmm15,%%xmm15" \
		: : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc", \
		"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
		"xmm11", "xmm12", "xmm13", "xmm14", "xmm15"); \
	if (__builtin_cpu_supports("avx512f")) \
		__asm__ volatile("vzeroall\n\t" \
			"vpxorq %%zmm16,%%zmm16,%%zmm16\n\tvpxorq %%zmm17,%%zmm17,%%zmm17\n\tvpxorq %%zmm18,%%zmm18,%%zmm18\n\t" \
			"vpxorq %%zmm19,%%zmm19,%%zmm19\n\tvpxorq %%zmm20,%%zmm20,%%zmm20\n\tvpxorq %%zmm21,%%zmm21,%%zmm21\n\t" \
			"vpxorq %%zmm22,%%zmm22,%%zmm22\n\tvpxorq %%zmm23,%%zmm23,%%zmm23\n\tvpxorq %%zmm24,%%zmm24,%%zmm24\n\t" \
			"vpxorq %%zmm25,%%zmm25,%%zmm25\n\tvpxorq %%zmm26,%%zmm26,%%zmm26\n\tvpxorq %%zmm27,%%zmm27,%%zmm27\n\t" \
			"vpxorq %%zmm28,%%zmm28,%%zmm28\n\tvpxorq %%zmm29,%%zmm29,%%zmm29\n\tvpxorq %%zmm30,%%zmm30,%%zmm30\n\t" \
			"vpxorq %%zmm31,%%zmm31,%%zmm31" : : : "memory"); \
} while (0)

/* Zero 64 KiB of dead stack, then the registers that a call may destroy. */
static NOINLINE void scrub(void)
{
	volatile unsigned char dead[65536];
	for (size_t i = 0; i < sizeof(dead); i++)
		dead[i] = 0;
	CLEAR_REGISTERS();
}

static const char *truth_case = "";
static int truth_status;

static inline int is_case(const char *name) { return !strcmp(truth_case, name); }

static NOINLINE void scenario(void);

#ifndef TRUTH_OWN_MAIN
int main(int argc, char **argv)
{
	if (argc > 1)
		truth_case = argv[1];
	scenario();
	scrub();
	return truth_status;
}
#endif

#endif
