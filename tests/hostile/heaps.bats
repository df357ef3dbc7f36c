#!/usr/bin/env bats
# Processes that were not started with the library, and whose memory is made to cost those who take their
# snapshot: the walk of the heap ends, and takes no more memory than a small multiple of theirs.

bats_require_minimum_version 1.5.0
load ../lib/helper

program() {
	compile hostile -w <<-'END'
		/* A process whose heap of glibc is made to cost those who walk it. Prints "ready". */
		#define _GNU_SOURCE
		#include <malloc.h>
		#include <pthread.h>
		#include <stdint.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/mman.h>
		#include <unistd.h>

		#define BINS 127
		static uint64_t top_field, arena; /* of the main arena */

		static uint64_t *map(uint64_t bytes, int flags)
		{
			void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
			if (p == MAP_FAILED)
				_exit(9);
			return p;
		}

		/* The head of a bin is addressed as if it were a chunk: what the only free chunk points back to. */
		static void find_arena(void)
		{
			void *p = malloc(5000), *guard = malloc(100);
			free(p);
			top_field = *(uint64_t *)p;
			arena = top_field - 96; /* glibc 2.27 to 2.42 */
			*(volatile char *)guard = 1;
			free(malloc(6000)); /* sorts it into its bin */
		}

		/* An arena that is not contiguous has chunks anywhere. */
		static void pages(void)
		{
			uint64_t bytes = 96 << 20, *p = map(bytes, 0);
			for (uint64_t i = 0; i < bytes / 8; i += 4)
				p[i + 1] = 0x21;
			p[bytes / 8 - 3] = 0;
			*(uint32_t *)(arena + 4) |= 2;
		}

		/* Makes an arena at `a` with empty bins, as the main one. */
		static void empty(uint64_t a, uint64_t top)
		{
			for (unsigned k = 0; k < BINS; k++) {
				uint64_t *pair = (uint64_t *)(a + 112 + 16 * k);
				pair[0] = pair[1] = (uint64_t)pair - 16;
			}
			*(uint64_t *)(a + 96) = top;
		}

		static uint64_t next_offset(void)
		{
			/* Of a single arena the link leads to itself. */
			for (unsigned k = 0; k < 16; k++)
				if (*(uint64_t *)(arena + 112 + 16 * BINS + 8 * k) == arena)
					return 112 + 16 * BINS + 8 * k;
			_exit(77); /* another layout than this program knows */
		}

		/* 4000 arenas in a ring, each with a heap that holds all heaps behind it. */
		static void heaps(void)
		{
			uint64_t n = 4000, step = 1 << 20, link = next_offset(), base = (uint64_t)map((n + 70) << 20, MAP_NORESERVE), first;
			base = (base + (64 << 20) - 1) & ~((64ull << 20) - 1);
			first = base;
			for (uint64_t i = 0; i < n; i++) {
				uint64_t at = base + i * step, *h = (uint64_t *)at, a = at + 48;
				h[0] = a, h[1] = 0, h[2] = (n - i) * step - (i % 2) * 4096;
				empty(a, at + 8192);
				*(uint64_t *)(a + link) = i + 1 < n ? at + step + 48 : arena;
				/* Behind it chunks, up to the next heap, over which the walk goes as well. */
				uint64_t chunk = (a + link + 40 + 15) & ~15ull, *c;
				for (; chunk < at + 65536; chunk += 32)
					c = (uint64_t *)chunk, c[1] = 0x25;
				c[1] = (step - 65536 + 32 + (a + link + 40 + 15 & 15)) | 5;
			}
			*(uint64_t *)(arena + link) = first + 48;
		}

		/* Words that look like bins, in the variables of a library. */
		static void bins(void)
		{
			uint64_t bytes = 16 << 20;
			for (int k = 0; k < 2; k++) {
				int fd = memfd_create("lib", 0);
				if (ftruncate(fd, (off_t)bytes))
					_exit(9);
				uint64_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
				for (uint64_t i = 0; i < bytes / 8; i += 2)
					if (i / 2 % 20 < 15)
						p[i] = p[i + 1] = (uint64_t)&p[i] - 16;
					else
						p[i] = (uint64_t)&p[i], p[i + 1] = (uint64_t)&p[i] + 16; /* words to read */
			}
		}

		/* A ring of arenas that costs reading, and never comes back. */
		static void ring(void)
		{
			uint64_t n = 20000, each = 4096, link = next_offset(), base = (uint64_t)map(n * each, 0);
			for (uint64_t i = 0; i < n; i++) {
				uint64_t at = base + i * each;
				empty(at, 0);
				*(uint64_t *)(at + link) = i + 1 < n ? at + each : base;
			}
			*(uint64_t *)(arena + link) = base;
		}

		/* Blocks that pass for caches of threads, all with the same list of 3000 blocks. */
		static void caches(void)
		{
			enum { LIST = 3000 };
			void **list = NULL, **p;
			uint64_t head;
			struct { uint16_t count[64]; uint64_t entry[64]; } *c;
			for (int i = 0; i < LIST; i++) {
				p = malloc(24);
				__asm__ volatile("" : "+r"(p) : : "memory");
				*p = (void *)((uint64_t)list ^ (uint64_t)p >> 12);
				list = p;
			}
			head = (uint64_t)list;
			for (int i = 0; i < 60000; i++) {
				c = calloc(1, sizeof *c);
				__asm__ volatile("" : "+r"(c) : : "memory");
				c->count[0] = LIST;
				c->entry[0] = head;
				__asm__ volatile("" : : "r"(c) : "memory");
			}
		}

		static void *wait_here(void *p)
		{
			for (;;)
				pause();
			return p;
		}

		/* Threads, whose local variables are full of arenas and of what could be caches. */
		static __thread uint64_t filled[7000];
		static uint64_t cache_like;
		static void *fill(void *p)
		{
			for (int i = 0; i < 7000; i += 2)
				filled[i] = arena, filled[i + 1] = cache_like;
			return wait_here(p);
		}
		static void threads(void)
		{
			pthread_attr_t a;
			pthread_t t;
			caches();
			struct { uint16_t count[64]; uint64_t entry[64]; } *c = calloc(1, sizeof *c);
			void **list = NULL, **p;
			for (int i = 0; i < 4000; i++) {
				p = malloc(24);
				__asm__ volatile("" : "+r"(p) : : "memory");
				*p = (void *)((uint64_t)list ^ (uint64_t)p >> 12);
				list = p;
			}
			c->count[0] = 3990;
			c->entry[0] = (uint64_t)list;
			cache_like = (uint64_t)c;
			pthread_attr_init(&a);
			pthread_attr_setstacksize(&a, 128 << 10);
			for (int i = 0; i < 200; i++)
				pthread_create(&t, &a, fill, NULL);
			usleep(300000);
		}

		int main(int n, char **a)
		{
			(void)n;
			setvbuf(stdout, NULL, _IONBF, 0);
			find_arena();
			if (!strcmp(a[1], "pages")) pages();
			else if (!strcmp(a[1], "heaps")) heaps();
			else if (!strcmp(a[1], "bins")) bins();
			else if (!strcmp(a[1], "ring")) ring();
			else if (!strcmp(a[1], "caches")) caches();
			else if (!strcmp(a[1], "threads")) threads();
			return write(1, "ready\n", 6) != 6 || wait_here(NULL) != NULL;
		}
	END
}

# bounded_snap CASE: a snapshot of the program, within bounds: seconds of the processor, MiB beside 4 times what the
# process has.
bounded_snap() {
	exec 4< <(exec ./hostile "$1" 3>&-)
	PID=$!
	read -r -t 60 line <&4 || true
	[ "$line" = ready ] || { wait $PID && status=0 || status=$?; [ $status = 77 ] && skip "another layout of malloc's arenas"; fail "$1: $status"; }
	local resident
	resident=$(awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$PID/status")
	run bounded 40 $((128 + 4 * resident)) "$TIDEMARK" snap -o taken.tide "$PID"
	kill -9 $PID
	[ "$status" = 0 ] || fail "$1: $output"
	"$TIDEMARK" leaks taken.tide >/dev/null || [ $? -le 3 ]
}

teardown() {
	[ -z "${PID:-}" ] || kill -9 "$PID" 2>/dev/null || :
}

@test "memory full of chunks that never close is walked once, not from each page" {
	program
	bounded_snap pages
}

@test "heaps of arenas that overlap" {
	program
	bounded_snap heaps
}

@test "variables of libraries that look like bins" {
	program
	bounded_snap bins
}

@test "a ring of arenas that does not come back" {
	program
	bounded_snap ring
}

@test "thousands of blocks that pass for caches of threads, all with the same list" {
	program
	bounded_snap caches
}

@test "threads whose variables are full of pointers to what may be a cache" {
	program
	bounded_snap threads
}
