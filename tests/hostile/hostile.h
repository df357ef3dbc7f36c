/* hostile.h - what the hostile programs share.
 *
 * A program is a list of cases, each of which checks itself: CHECK() says what
 * is wrong and ends the program with status 99. What a case prints must not
 * depend on time, addresses or process numbers: hostile/run compares output and
 * status of the bare program with those under the profiler, in each mode.
 *
 * The comment at the head of a program states, one statement per line (tests/lib/program.py):
 *
 *   cases: a b c            run once with each as argument; default: the names in the CASES table, by --list
 *   build: -static          more compiler arguments     compiler: musl-gcc
 *   libraries: lib_a.c      shared libraries, built beside the program (-DNAME flags after it are theirs)
 *   status[a]: 3            exit status (128+n on a signal); else 0
 *   needs: root             or a file, or a command
 *   snapshots[a]: none      no snapshot is owed (default: at least one, readable and complete or not)
 *   says[a]: REGEX          a line of `run` on stderr that must match
 *   modes: full every       only in these modes
 *   with: LD_PRELOAD=...    environment in both runs    limit: 60   seconds
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define HIDE(p) __asm__ volatile("" : "+r"(p) : : "memory")

#define CHECK(condition) do { \
	if (!(condition)) { \
		int errno_ = errno; \
		dprintf(1, "FAILED %s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno_); \
		_exit(99); \
	} \
} while (0)

struct hostile_case { const char *name; void (*run)(void); };
#define CASE(f) { #f, f }

/* malloc and free of every size, contents checked. */
static inline void exercise(int rounds)
{
	unsigned char *p[64] = { 0 };
	size_t n[64] = { 0 };
	uint32_t r = 12345;
	for (int i = 0; i < rounds; i++) {
		r = r * 1664525u + 1013904223u;
		unsigned k = r >> 26;
		for (size_t j = 0; j < n[k]; j += 61)
			CHECK(p[k][j] == (unsigned char)k);
		if (r & 0x100) {
			free(p[k]);
			p[k] = NULL;
		}
		n[k] = r >> 12 & 2047;
		p[k] = (unsigned char *)realloc(p[k], n[k] + 1);
		CHECK(p[k]);
		memset(p[k], (int)k, n[k]);
	}
	for (int k = 0; k < 64; k++)
		free(p[k]);
}

static inline int hostile_main(int argc, char **argv, const struct hostile_case *cases, int n)
{
	if (argc < 2 || !strcmp(argv[1], "--list")) {
		for (int i = 0; i < n; i++)
			puts(cases[i].name);
		return 0;
	}
	for (int i = 0; i < n; i++) {
		if (strcmp(argv[1], cases[i].name))
			continue;
		cases[i].run();
		printf("done %s\n", argv[1]);
		return 0;
	}
	fprintf(stderr, "no case %s\n", argv[1]);
	return 98;
}

#define MAIN(...) \
static const struct hostile_case hostile_cases[] = { __VA_ARGS__ }; \
int main(int argc, char **argv) \
{ return hostile_main(argc, argv, hostile_cases, (int)(sizeof(hostile_cases) / sizeof(*hostile_cases))); }

#endif
