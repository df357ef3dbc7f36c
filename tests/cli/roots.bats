#!/usr/bin/env bats
# Which roots count: --roots of run, snap and leaks.
bats_require_minimum_version 1.5.0
load ../lib/helper

held() {
	compile held <<-'EOF2'
		#include <stdlib.h>
		#include <string.h>
		#include <sys/mman.h>
		#include <unistd.h>
		void **mapping; char *global; __thread char *tls;
		static __attribute__((noinline, noipa)) char *block(int n) { return malloc(n); }
		int main(int argc, char **argv)
		{
			mapping = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			mapping[3] = block(11);
			global = block(22);
			tls = block(33);
			for (; argc > 1; usleep(1000))
				free(malloc(1));
			return 0;
		}
	EOF2
}

# lost FILE [OPTION]...: bytes of each lost record
lost() {
	json "$("$TIDEMARK" leaks --json "$@")" 'sorted(r["bytes"] for r in d["records"] if r["kind"] != "possible")'
}

@test "--roots of run leaves kinds out, or takes only these, and the snapshot tells" {
	held
	local expected=('[]' '[11]' '[11, 22]' '[11, 33]' '[11]') i=0
	for option in --children=all --roots=-mapping --roots=-mappings,-global --roots=global --roots=global,tls; do
		"$TIDEMARK" run -f -o h.tide $option ./held 2>err
		[ "$(lost h.tide)" = "${expected[$i]}" ] || fail "$option: $(lost h.tide), not ${expected[$i]}"
		i=$((i + 1))
	done
	"$TIDEMARK" info h.tide | grep -q 'roots of some kinds were left out: pthread_key, stack, register, mapping, kernel'
}

@test "--roots of leaks does the same with a whole snapshot" {
	held
	"$TIDEMARK" run -f -o h.tide ./held 2>err
	[ "$(lost h.tide)" = '[]' ]
	[ "$(lost h.tide --roots=-mapping)" = '[11]' ]
	[ "$(lost h.tide --roots=-mapping,-tls)" = '[11, 33]' ]
	[ "$(lost h.tide --roots=mapping)" = '[22, 33]' ]
}

@test "--roots of snap" {
	held
	LD_PRELOAD=$SHIM ./held on 3>&- &
	pid=$!
	await "grep -q '^230 ' /proc/$pid/syscall" # clock_nanosleep
	"$TIDEMARK" snap -q --roots=-tls -o h.tide $pid
	kill $pid
	json "$("$TIDEMARK" leaks --json h.tide)" '[r["bytes"] for r in d["records"] if r["kind"] == "unreferenced"]' |
		grep -qx '\[33\]'
}

@test "--roots: an unknown kind is refused before the program starts" {
	run -2 "$TIDEMARK" run --roots=-heap touch started
	[[ $output == *"is not a kind of root"* ]]
	[ ! -e started ]
	run -2 "$TIDEMARK" leaks --roots=-global,stack nothing.tide
	[[ $output == *"some have a minus"* ]]
	run -2 "$TIDEMARK" leaks --roots= nothing.tide
}

@test "requests that io_uring is at work on, and whose slots were used again: not complete, and it says why" {
	gcc -g -O1 -w -I "$BATS_TEST_DIRNAME/../truth" -o rings "$BATS_TEST_DIRNAME/../truth/rings.c"
	./rings pending || skip "no io_uring here"
	"$TIDEMARK" run -f -o r.tide ./rings pending 2>err
	json "$("$TIDEMARK" leaks --json r.tide)" 'd["snapshot"]["complete"]' | grep -qx True
	"$TIDEMARK" run -f -o r.tide ./rings reused 2>err
	run -3 "$TIDEMARK" leaks r.tide
	[[ $output == *"io_uring is at work on 12 requests"* ]]
}

@test "memory that the program takes with sbrk is a root, before, between and after that of malloc" {
	compile break <<-'EOF2'
		#include <stdlib.h>
		#include <unistd.h>
		static __attribute__((noinline, noipa)) void *block(int n) { return malloc(n); }
		static void fill(int n) { for (int i = 0; i < n; i++) block(5000); } /* lost */
		int main(int argc, char **argv)
		{
			void **first, **middle, **last;
			char wipe[4096];
			first = sbrk(8192);
			first[3] = block(101);
			fill(40);
			middle = sbrk(20000);
			middle[17] = block(102);
			fill(60);
			last = sbrk(8192);
			last[1] = block(103);
			if (argc > 1)
				first[3] = middle[17] = last[1] = 0;
			first = middle = last = 0;
			__builtin_memset(wipe, 0, sizeof wipe);
			__asm__ volatile("" : : "r"(wipe) : "memory");
			return 0;
		}
	EOF2
	for wanted in '[]' '[101, 102, 103]'; do
		"$TIDEMARK" run -q -f -o b.tide ./break $([ "$wanted" = '[]' ] || echo none)
		found=$(json "$("$TIDEMARK" leaks --json b.tide)" 'sorted(r["bytes"] for r in d["records"] if r["bytes"] < 1000)')
		[ "$found" = "$wanted" ] || fail "$wanted: $found"
	done
}

@test "a private mapping of a file holds blocks, though the library did not see it made" {
	compile file -D_GNU_SOURCE <<-'EOF2'
		#include <fcntl.h>
		#include <stdlib.h>
		#include <sys/mman.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		static __attribute__((noinline, noipa)) void *block(int n) { return malloc(n); }
		static __attribute__((noinline, noipa)) void fill(void)
		{
			int fd = open("data", O_RDONLY);
			void *volatile *p = (void *)syscall(SYS_mmap, NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
			p[700] = block(101);
			block(203); /* lost */
			if (write(1, "ready\n", 6) != 6)
				_exit(9);
		}
		static __attribute__((noinline, noipa)) void wipe(void)
		{
			char stack[8192];
			__builtin_memset(stack, 0, sizeof stack);
			__asm__ volatile("" : : "r"(stack) : "memory");
		}
		int main(void)
		{
			fill();
			wipe();
			/* Registers that calls may change keep what they had. */
			__asm__ volatile("xor %%r8d, %%r8d; xor %%r9d, %%r9d; xor %%r10d, %%r10d" : : : "r8", "r9", "r10");
			pause();
			return 0;
		}
	EOF2
	head -c 16384 /dev/zero >data
	local pid
	for way in "" LD_PRELOAD="$SHIM"; do
		rm -f said f.tide
		env TIDEMARK_OUTPUT=exit.tide $way ./file >said 3>&- &
		pid=$!
		await 'grep -qs ready said'
		"$TIDEMARK" snap -q -o f.tide "$pid" || true
		kill -KILL "$pid"
		wait "$pid" || true
		json "$("$TIDEMARK" leaks --json f.tide)" 'sum(r["blocks"] for r in d["records"] if r["bytes"] > 90)' \
			'[r["bytes"] for r in d["records"] if 90 < r["bytes"] < 120]' | paste -sd ' ' | grep -qx '1 \[\]' \
			|| fail "$("$TIDEMARK" leaks f.tide)"
	done
}

@test "shared memory that another process has written holds blocks" {
	compile shared -D_GNU_SOURCE <<-'EOF2'
		#include <stdlib.h>
		#include <sys/mman.h>
		#include <sys/wait.h>
		#include <unistd.h>
		static __attribute__((noinline, noipa)) void *block(int n) { return malloc(n); }
		static void *volatile own;
		int main(int argc, char **argv)
		{
			int fd = memfd_create("alias", 0);
			void *held = block(201), **shared;
			shared = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
			if (argc == 1)
				shared[1] = held;
			held = block(202);
			if (ftruncate(fd, 8192) || pwrite(fd, &held, argc == 1 ? sizeof held : 0, 4096) < 0
				|| mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
				return 2;
			held = NULL;
			if (!fork()) {
				own = block(10); /* a child without blocks of its own needs no list of them */
				exit(0);
			}
			wait(NULL);
			return 0;
		}
	EOF2
	for wanted in '[]' '[201, 202]'; do
		rm -f ./*.tide
		"$TIDEMARK" run -q -o '%n.%p.tide' ./shared $([ "$wanted" = '[]' ] || echo none)
		[ "$(ls ./*.tide | wc -l)" = 2 ]
		for file in ./*.tide; do
			[ "$(lost $file)" = "$wanted" ] || fail "$wanted: $(lost $file)"
		done
	done
}

@test "a registered root region holds blocks whatever --roots says of mappings" {
	compile region <<-'EOF2'
		#include <stdlib.h>
		#include <sys/mman.h>
		extern void __lsan_register_root_region(const void *, size_t) __attribute__((weak));
		static __attribute__((noinline, noipa)) void *block(int n) { return malloc(n); }
		int main(void)
		{
			void **p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			p[1] = block(301);
			p[600] = block(302);
			__lsan_register_root_region(p, 64);
			p = NULL;
			return 0;
		}
	EOF2
	"$TIDEMARK" run -q -f -o r.tide ./region
	[ "$(lost r.tide)" = '[]' ]
	"$TIDEMARK" run -q -f --roots=-mapping -o r.tide ./region
	[ "$(lost r.tide)" = '[302]' ] || fail "$(lost r.tide)"
}
