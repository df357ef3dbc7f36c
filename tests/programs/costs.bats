#!/usr/bin/env bats
# What the profiler says of its own memory (own_bytes, tide_overhead) against what the kernel says: a
# preloaded run compared with a bare one. The kernel is asked by smaps_rollup, which walks the page tables:
# the sums of /proc/PID/status are off by up to 64 pages a processor since Linux 6.2. Anonymous and shared pages that are more than in the bare run are
# ours; so are the library's, which are pages of a file. Pages of libc that we make the program touch are
# in its resident memory too, but shared with every process: they are why RSS grows by a little more.

load ../lib/helper

setup() {
	compile program -fno-optimize-sibling-calls <<-'SOURCE'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <fcntl.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		static char text[65536];
		static long resident(const char *key)
		{
			int fd = open("/proc/self/smaps_rollup", O_RDONLY);
			ssize_t n = read(fd, text, sizeof text - 1);
			close(fd);
			text[n > 0 ? n : 0] = 0;
			char *at = strstr(text, key);
			return at ? atol(at + strlen(key)) : 0;
		}
		static void **kept;
		static void grow_a(int depth);
		static void grow_b(int depth);
		#define GROW(name) static __attribute__((noinline)) void name(int depth) { \
			if (!depth) { *kept++ = malloc(16); return; } \
			grow_a(depth - 1); __asm__ volatile(""); grow_b(depth - 1); __asm__ volatile(""); }
		GROW(grow_a)
		GROW(grow_b)
		int main(int argc, char **argv)
		{
			size_t (*overhead)(void) = (size_t (*)(void))dlsym(RTLD_DEFAULT, "tide_overhead");
			long n = atol(argv[2]);
			kept = malloc(((size_t)1 << 24) * sizeof *kept);
			if (!strcmp(argv[1], "sites"))
				grow_a((int)n);			/* 2^n stacks */
			else
				for (long i = 0; i < n; i++)
					*kept++ = malloc(24);
			long anonymous = resident("Anonymous:") + resident("Pss_Shmem:"), all = resident("\nRss:");
			printf("%ld %ld %zu\n", anonymous, all, overhead ? overhead() / 1024 : 0);
			return argc < 2;
		}
	SOURCE
}

@test "own memory is what is resident: small, 131,072 sites, 10 million blocks" {
	local of anonymous all said bare_anonymous bare_all none own
	for of in "blocks 10" "sites 17" "blocks 10000000"; do
		read -r bare_anonymous bare_all none <<<"$(./program $of)"
		read -r anonymous all said <<<"$("$TIDEMARK" run -q -f --no-references -o app.tide -- ./program $of 2>/dev/null)"
		own=$(json "$("$TIDEMARK" info --json app.tide)" 'd["snapshot"]["own_bytes"] // 1024')
		echo "$of: $own KiB, at the end of main $said; anonymous $bare_anonymous -> $anonymous, all $bare_all -> $all"
		# Both at the end of main. The library is 200 KiB at most; a page here and there goes to libc's own data.
		[ $said -ge $((anonymous - bare_anonymous - 32)) ] && [ $said -le $((anonymous - bare_anonymous + 232)) ]
		# A fault maps the pages of a file around it, too, as many as the cache has at the moment.
		[ $said -le $((all - bare_all + 256)) ]
		# What the exit touches comes on top.
		[ $own -ge $((said - 32)) ] && [ $own -le $((said + 128)) ]
	done
	"$TIDEMARK" info app.tide | grep -q '^  profiler .* resident (its library and tables)'
}

# A forked child's program may map what was the parent's ledger: a root like any mapping.
@test "a forked child touches few pages for its own ledger" {
	compile faults -fno-builtin <<-'END'
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/resource.h>
		#include <sys/wait.h>
		#include <unistd.h>
		static long faults(void)
		{
			struct rusage u;
			getrusage(RUSAGE_SELF, &u);
			return u.ru_minflt;
		}
		int main(void)
		{
			for (int i = 0; i < 100; i++)
				malloc(50);
			if (!fork()) {
				long before = faults();
				malloc(30);
				printf("%ld\n", faults() - before);
				fflush(stdout);
				_exit(0);
			}
			return wait(NULL) < 0;
		}
	END
	LD_PRELOAD=$SHIM TIDEMARK_COLLECTOR=/nowhere ./faults >out
	# One for each table, for each part of the library that begins again, and for what these copy; by old kernels, and
	# where the page of a file is not in memory yet, some more.
	[ "$(cat out)" -gt 20 ] && [ "$(cat out)" -lt 105 ] || fail "$(cat out) page faults"
}

@test "addresses that were given back are the program's again" {
	compile forked <<-'SOURCE'
		#define _GNU_SOURCE
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/mman.h>
		#include <sys/wait.h>
		#include <unistd.h>
		static unsigned long ledger_lo, ledger_hi;
		static void look(void)
		{
			char line[512], path[64];
			snprintf(path, sizeof path, "/proc/%d/maps", (int)getpid());
			FILE *f = fopen(path, "r");
			while (fgets(line, sizeof line, f)) {
				unsigned long lo, hi;
				if (strstr(line, ".ledger") && sscanf(line, "%lx-%lx", &lo, &hi) == 2) {
					ledger_lo = ledger_lo ? ledger_lo : lo;
					ledger_hi = hi;
				}
			}
			fclose(f);
		}
		int main(void)
		{
			look();
			if (!fork()) {
				void *volatile event = malloc(10);	/* the child makes a ledger of its own */
				free(event);
				for (unsigned long at = ledger_lo; at + 4096 <= ledger_hi; at += 4096) {
					void **page = mmap((void *)at, 4096, PROT_READ | PROT_WRITE,
						MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
					if (page == MAP_FAILED)
						continue;
					*page = malloc(777);
					printf("kept\n");
					break;
				}
				exit(0);
			}
			wait(NULL);
			return 0;
		}
	SOURCE
	"$TIDEMARK" run -q -f --children all -o 'app.%n.%p.tide' -- ./forked >out 2>/dev/null
	grep -q kept out
	for f in app.*.tide; do
		"$TIDEMARK" leaks --json "$f" >leaks.json
		json "$(cat leaks.json)" 'sum(d["totals"][k]["blocks"] for k in ("unreferenced", "cycle", "indirect"))' | grep -qx 0
	done
}
