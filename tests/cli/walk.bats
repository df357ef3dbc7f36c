#!/usr/bin/env bats
# `tidemark snap PID` of processes that were started without tidemark: their heap is walked.

load ../lib/helper
bats_require_minimum_version 1.5.0
load ../lib/processes

# Loses a list of 3, one block and a ring of 2; keeps the rest. Threads with caches wait.
loses() {
	compile loses "$@" <<-'C'
		#include <pthread.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		struct node { struct node *next; char text[40]; };
		struct node *volatile keep;
		static pthread_barrier_t all;
		static struct node *make(struct node *next) { struct node *n = calloc(1, sizeof *n); n->next = next; return n; }
		__attribute__((noinline)) static void lose(void) {
			struct node *volatile list = make(make(make(0))), *volatile one = calloc(1, 100), *volatile a = make(0), *volatile b = make(a);
			a->next = b; list = 0; one = 0; a = b = 0; (void)list; (void)one;
		}
		__attribute__((noinline)) static void clean(void) { volatile char stack[8192]; for (int i = 0; i < 8192; i++) stack[i] = 0; }
		static void *thread(void *p) {
			void *list[40];
			for (int i = 0; i < 40; i++) list[i] = calloc(1, 24 + 16 * (i % 9));
			for (int i = 0; i < 40; i++) free(list[i]);
			clean(); pthread_barrier_wait(&all); pause(); return p;
		}
		int main(void) {
			pthread_t t;
			setbuf(stdout, 0);
			for (int i = 0; i < 50; i++) keep = make(keep);
			lose(); clean();
			pthread_barrier_init(&all, 0, 4);
			for (int i = 0; i < 3; i++) pthread_create(&t, 0, thread, 0);
			pthread_barrier_wait(&all);
			for (;;) { puts("ready"); usleep(1000); free(calloc(1, 77)); if (getppid() == 1) return 0; }
		}
	C
}

@test "what is lost is found, and the process notices nothing" {
	loses
	start ./loses
	run "$TIDEMARK" snap -o s.tide "$PID"
	[ "$status" -eq 0 ] || fail "$output"
	kill -0 "$PID"
	[ ! -s err ]
	grep -q '^TracerPid:.0$' "/proc/$PID/status"
	[ -z "$(ps -o pid= --ppid "$PID")" ] || fail "a child is left: $(ps -o pid,stat --ppid "$PID")"
	json "$("$TIDEMARK" leaks --json s.tide)" 'd["snapshot"]["complete"]' 'd["totals"]["unreferenced"]["blocks"]' \
		'd["totals"]["cycle"]["blocks"]' 'd["totals"]["indirect"]["blocks"]' 'd["totals"]["possible"]["blocks"]' >got
	[ "$(tr '\n' ' ' <got)" = "True 2 2 2 0 " ] || fail "$(cat got)"
}

@test "info says where the blocks are from, and what the heap is" {
	loses
	start ./loses
	"$TIDEMARK" snap -q -o s.tide "$PID"
	json "$("$TIDEMARK" info --json s.tide)" 'd["blocks_from"]' 'd["heap"]["allocator"].startswith("glibc 2.")' \
		'd["heap"]["arenas"] >= 2' 'd["heap"]["cached"]["tcache"] > 20' 'd["heap"]["unsure"]' \
		'd["snapshot"]["pause_ns"] > 0' 'len(d["threads"])' >got
	[ "$(tr '\n' ' ' <got)" = "walk True True True 0 True 4 " ] || fail "$(cat got)"
}

@test "each verb works without call stacks, and says what bytes are" {
	loses
	start ./loses
	"$TIDEMARK" snap -q -o a.tide "$PID"
	"$TIDEMARK" snap -q -o b.tide "$PID"
	for verb in stat 'stat --by size' leaks retained tree info timeline; do
		run "$TIDEMARK" $verb a.tide
		[ "$status" -eq 0 ] || fail "$verb: $output"
		[[ $output == *"usable bytes, no call stacks"* ]] || fail "$verb: $output"
	done
	run "$TIDEMARK" leaks a.tide
	[[ $output == *"(blocks of 56 bytes)"* ]] || fail "$output"
	run "$TIDEMARK" diff a.tide b.tide
	[ "$status" -eq 0 ] || fail "$output"
	[[ $output != *"blocks of"* ]] || fail "$output"
	run "$TIDEMARK" stat --by age a.tide
	[ "$status" -eq 3 ]
	[[ $output == *"start the program with tidemark run"* ]]
	run "$TIDEMARK" gate --snapshots a.tide
	[ "$status" -eq 1 ] || fail "$output"
	[ ! -s "$B/web/report.js" ] || "$TIDEMARK" html -o a.html a.tide # unless it was built without the page
	for format in pprof perfetto speedscope folded json csv dot massif sqlite; do
		"$TIDEMARK" export --to "$format" -o "a.$format" a.tide
		[ -s "a.$format" ]
	done
}

@test "in the database blocks have no site, and sizes that malloc makes" {
	loses
	start ./loses
	"$TIDEMARK" snap -q -o s.tide "$PID"
	"$TIDEMARK" export --to sqlite -o s.db s.tide
	[ "$(sqlite3 s.db 'SELECT count(*) FROM block WHERE site > 0')" -eq 0 ]
	[ "$(sqlite3 s.db 'SELECT count(*) FROM block WHERE bytes % 16 <> 8')" -eq 0 ]
	[ "$(sqlite3 s.db 'SELECT count(*) FROM block WHERE bytes = 56')" -eq 55 ]
	address=$(sqlite3 s.db "SELECT printf('0x%x', address) FROM block WHERE bytes = 104")
	json "$("$TIDEMARK" refs --json s.tide "$address")" 'len(d["records"])' | grep -qx 1
}

@test "a stopped process stays stopped" {
	loses
	start ./loses
	kill -STOP "$PID"
	await "grep -q '^State:.T' \"/proc/$PID/status\""
	run "$TIDEMARK" snap -q -o s.tide "$PID"
	[ "$status" -eq 0 ] || fail "$output"
	grep -q '^State:.T' "/proc/$PID/status" || fail "$(grep State "/proc/$PID/status")"
	kill -CONT "$PID"
	json "$("$TIDEMARK" leaks --json s.tide)" 'd["totals"]["unreferenced"]["blocks"]' | grep -qx 2
}

@test "a program that is still being started is walked once it runs" {
	local snap try
	# The loader waits here for somebody to open the other end.
	mkfifo never.so
	LD_PRELOAD=$PWD/never.so sleep 1000 3>&- &
	PIDS+=("$!")
	for try in $(seq 600); do
		[[ $(readlink "/proc/$!/exe") == */sleep ]] && grep -q '^State:.S' "/proc/$!/status" && break
		sleep 0.05
	done
	"$TIDEMARK" snap -q -o s.tide "$!" 2>err &
	snap=$!
	sleep 0.1
	: >never.so
	wait "$snap" || fail "$(cat err)"
	[ "$(json "$("$TIDEMARK" info --json s.tide)" 'd["snapshot"]["complete"]')" = True ]
}

@test "a process that may not be traced: one line with the way out" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to be somebody else"
	loses
	start ./loses
	chmod 755 .
	run setpriv --reuid=65534 --regid=65534 --clear-groups "$TIDEMARK" snap -o /tmp/never.tide "$PID"
	[ "$status" -eq 3 ]
	[ "${#lines[@]}" -eq 1 ] || fail "$output"
	[[ $output == *"may not be traced"*"root"* ]] || fail "$output"
	run "$TIDEMARK" snap -o s.tide 99999999
	[ "$status" -eq 3 ]
	[ "${#lines[@]}" -eq 1 ]
}

@test "root snaps a process of another user" {
	[ "$(id -u)" -eq 0 ] || skip "needs root, to be somebody else"
	loses
	cp loses /tmp/tidemark-walk-$$
	start setpriv --reuid=65534 --regid=65534 --clear-groups /tmp/tidemark-walk-$$
	rm /tmp/tidemark-walk-$$
	run "$TIDEMARK" snap -q -o s.tide "$PID"
	[ "$status" -eq 0 ] || fail "$output"
	json "$("$TIDEMARK" leaks --json s.tide)" 'd["totals"]["unreferenced"]["blocks"]' | grep -qx 2
}

# blocks FILE: address and bytes of each block.
blocks() {
	"$TIDEMARK" export --to sqlite -o "$1.db" "$1"
	sqlite3 -separator ' ' "$1.db" 'SELECT address, bytes FROM block ORDER BY address'
	rm "$1.db"
}

# Up to glibc 2.33 constructors of libraries may run before the library starts (README, limitations): the ledger misses
# what they allocate, and counts the calls. The walk finds these blocks, which are left out here, if they are no more.
leave_out_early() {
	local early
	early=$(json "$("$TIDEMARK" info --json l.tide)" 'd["missed"].get("early", 0)')
	[ "$early" -gt 0 ] && [ "$(getconf GNU_LIBC_VERSION | cut -d. -f2)" -lt 34 ] || return 0
	awk 'NR == FNR { had[$1]; next } !($1 in had)' l w >early
	[ "$(wc -l <early)" -le "$early" ] || return 0
	awk 'NR == FNR { had[$1]; next } $1 in had' l w >both && mv both w
}

# Walks a program that the library is in, too: both lists are equal, address by address, as soon as it is idle.
equal() {
	local name=$1 try
	# Something to read from that never comes, and no process that waits for it.
	[ -p never ] || mkfifo never
	exec 9<>never
	LD_PRELOAD=$SHIM TIDEMARK_CHILDREN=none TIDEMARK_PYTHON_OBJECTS=no TIDEMARK_OUTPUT='exit.%p.tide' "$@" >out 2>&1 <&9 9>&- 3>&- &
	PIDS+=("$!")
	for try in $(seq 60); do
		sleep 0.3
		"$TIDEMARK" snap -q -o l.tide "$!" 2>/dev/null && "$TIDEMARK" snap -q --walk -o w.tide "$!" 2>/dev/null || continue
		blocks l.tide >l
		blocks w.tide >w
		leave_out_early
		[ -s l ] && [ "$(cut -d' ' -f1 l)" = "$(cut -d' ' -f1 w)" ] || continue
		# Bytes: as asked for, and what malloc makes of them: chunks of 16 bytes, at least 32; what is left of a split
		# stays where it is too small for a chunk, and a mapped block ends with its page.
		join l w | awk '{ chunk = int(($2 + 23) / 16) * 16; if (chunk < 32) chunk = 32; more = $3 + 8 - chunk
			if ((more < 0 || more > 32) && ($2 < 32768 || more > 4200)) bad++ } END { exit bad > 0 }' || continue
		kill -9 "$!"
		wait "$!" 2>/dev/null || true
		return 0
	done
	diff l w | head -5
	fail "$name: the lists differ"
}

@test "walked blocks are the ledger's, address by address: real programs" {
	equal sleep 1000
	equal sort
	equal bash -c 'declare -A a; for i in {1..2000}; do a[$i]=$i; unset "a[$((i / 2))]"; done; read x'
	equal sqlite3 :memory:
	equal perl -e 'my @a = map { $_ x 10 } 1 .. 20000; splice @a, 500, 9000; sleep 1000'
	equal /usr/bin/python3 -c 'import json, asyncio, threading; threading.Thread(target=lambda: input()).start()'
	git init -q repository
	equal git -C repository cat-file --batch
	equal as -o /dev/null -
	equal tar cf /dev/null -T -
	[ ! -x "$(command -v node)" ] || equal node -e 'setTimeout(() => 0, 1e6)'
	[ ! -x "$(command -v gdb)" ] || equal gdb -nx -q
}

@test "a snapshot by a walk where the library is says so, and keeps its counters" {
	loses
	LD_PRELOAD=$SHIM start ./loses
	"$TIDEMARK" snap -q --walk -o s.tide "$PID"
	json "$("$TIDEMARK" info --json s.tide)" 'd["blocks_from"]' 'd["heap"]["unsure"]' 'd["snapshot"]["total_blocks"] > 100' >got
	[ "$(tr '\n' ' ' <got)" = "ledger+walk 0 True " ] || fail "$(cat got)"
	json "$("$TIDEMARK" leaks --json s.tide)" 'd["totals"]["unreferenced"]["blocks"]' 'd["totals"]["cycle"]["blocks"]' | xargs | grep -qx '2 2'
}

@test "another allocator is named in one line, and what is glibc's is walked" {
	library=$(ls /usr/lib/x86_64-linux-gnu/libjemalloc.so.2 /usr/lib/x86_64-linux-gnu/libmimalloc.so.2 2>/dev/null | head -1)
	[ -n "$library" ] || skip "no other allocator is installed"
	loses
	LD_PRELOAD=$library start ./loses
	run "$TIDEMARK" snap -o s.tide "$PID"
	[ "$status" -eq 3 ] || fail "$output"
	[ "$(grep -c 'malloc (lib' <<<"$output")" -eq 1 ] || fail "$output"
	run "$TIDEMARK" leaks s.tide
	[[ $output == *"nothing lost was found"*"those blocks are not seen"* ]]
	"$TIDEMARK" info --json s.tide | grep -q 'those blocks are not seen'
}

@test "a static program is walked" {
	loses -static
	start ./loses
	run "$TIDEMARK" snap -q -o s.tide "$PID"
	[ "$status" -eq 0 ] || [[ $output == *static* ]] || fail "$output"
	[[ $output != *"loader"* && $output != *"libc's"* ]] || fail "consequences of one reason are reasons: $output"
	[ "$("$TIDEMARK" export --to sqlite -o s.db s.tide; sqlite3 s.db 'SELECT count(*) FROM block WHERE bytes = 56')" -eq 55 ]
}

@test "run --sample: leaks are exact, screens say what has a stack, and leak exits and gates work" {
	compile many <<-'C'
		#include <stdlib.h>
		#include <string.h>
		#include <stdio.h>
		struct node { struct node *next; char text[40]; };
		struct node *volatile keep;
		__attribute__((noinline)) struct node *keeps(struct node *next) { struct node *n = calloc(1, sizeof *n); n->next = next; return n; }
		__attribute__((noinline)) struct node *loses(struct node *next) { struct node *n = calloc(1, 100); n->next = next; return n; }
		__attribute__((noinline)) static void clean(void) { volatile char stack[8192]; for (int i = 0; i < 8192; i++) stack[i] = 0; }
		__attribute__((noinline)) static void lose(void) { struct node *volatile lost = 0; for (int i = 0; i < 20000; i++) lost = loses(lost); lost = 0; (void)lost; }
		int main(int n, char **a) {
			(void)a;
			for (int i = 0; i < 20000; i++) keep = keeps(keep);
			if (n == 1) lose();
			clean();
			return 0;
		}
	C
	# One in forty times the first of the list is a sample, and the leak has its stack.
	local try
	for try in 1 2 3 4 5; do
		run "$TIDEMARK" run -f --sample 4K -o s.tide ./many
		[ "$status" -eq 0 ] || fail "$output"
		[[ $("$TIDEMARK" leaks s.tide) == *"(blocks of 104 bytes)"* ]] && break
	done
	[[ $output == *"1 root leak loses 20,000 blocks"* ]] || fail "$output"
	json "$("$TIDEMARK" leaks --json s.tide)" 'd["snapshot"]["complete"]' 'd["totals"]["unreferenced"]["blocks"]' \
		'd["totals"]["indirect"]["blocks"]' \
		'sum(r["blocks"] for r in d["records"] if "loses" in str(r["stack"])) > 100' \
		'{r["kind"] for r in d["records"] if "keeps" in str(r["stack"])} <= {"reachable"}' >got
	[ "$(tr '\n' ' ' <got)" = "True 1 19999 True True " ] || fail "$(cat got)"
	json "$("$TIDEMARK" info --json s.tide)" 'd["blocks_from"]' 'd["heap"]["allocator"].startswith("glibc 2.")' >got
	[ "$(tr '\n' ' ' <got)" = "ledger+walk True " ] || fail "$(cat got)"
	run "$TIDEMARK" leaks s.tide
	[[ $output == *"usable bytes; "*" samples have call stacks"* ]] || fail "$output"
	[[ $output == *"(blocks of 104 bytes)"* ]] || fail "$output"
	grep -Eq '([0-9,]+) of \1 lost samples of this size: loses many.c' <<<"$output" || fail "$output"
	run "$TIDEMARK" stat s.tide
	[[ $output == *"blocks and references are exact"* ]] || fail "$output"
	for verb in stat 'stat --by size' 'stat --by age' 'stat --by type' retained tree waste types timeline; do
		run "$TIDEMARK" $verb s.tide
		[ "$status" -eq 0 ] || fail "$verb: $output"
	done
	run "$TIDEMARK" refs s.tide loses
	[[ $output == *" indirect"* ]] || fail "$output"
	[ ! -s "$B/web/report.js" ] || "$TIDEMARK" html -o s.html s.tide # unless it was built without the page
	"$TIDEMARK" export --to sqlite -o s.db s.tide
	[ "$(sqlite3 s.db 'SELECT count(*) FROM block WHERE bytes = 104')" -eq 20000 ]
	[ "$(sqlite3 s.db 'SELECT count(site) BETWEEN 100 AND 2000 FROM block WHERE bytes = 104')" -eq 1 ]
	run "$TIDEMARK" run -q --sample 4K --leak-exit 9 -o e.tide ./many
	[ "$status" -eq 9 ] || fail "$output"
	run "$TIDEMARK" run -q --sample 4K --leak-exit 9 -o f.tide ./many no
	[ "$status" -eq 0 ] || fail "$output"
	run "$TIDEMARK" gate --snapshots s.tide
	[ "$status" -eq 1 ] || fail "$output"
	run "$TIDEMARK" gate --snapshots f.tide
	[ "$status" -eq 0 ] || fail "$output"
}

@test "run --sample: what the program says to ignore is ignored, sample or not" {
	compile ignores <<-'C'
		#include <stdlib.h>
		void __lsan_disable(void) __attribute__((weak));
		void __lsan_enable(void) __attribute__((weak));
		__attribute__((noinline)) static void lose(void) { for (volatile int i = 0; i < 1000; i++) { void *volatile p = malloc(100); p = 0; (void)p; } }
		__attribute__((noinline)) static void clean(void) { volatile char stack[8192]; for (int i = 0; i < 8192; i++) stack[i] = 0; }
		int main(void) { __lsan_disable(); lose(); __lsan_enable(); clean(); return 0; }
	C
	"$TIDEMARK" run -q --sample 1K -o s.tide ./ignores
	json "$("$TIDEMARK" leaks --json s.tide)" 'd["totals"]["unreferenced"]["blocks"]' | grep -qx 0
	json "$("$TIDEMARK" info --json s.tide)" '50000 < d["snapshot"]["total_bytes"] < 200000' | grep -qx True
}

@test "run --sample: the first block of a thread is no more likely to be a sample than others" {
	compile threads -pthread <<-'C'
		#include <pthread.h>
		#include <stdlib.h>
		static void *volatile kept;
		static void *thread(void *p) { kept = malloc(100); kept = malloc(100); return p; }
		int main(void) { for (int i = 0; i < 500; i++) { pthread_t t; pthread_create(&t, 0, thread, 0); pthread_join(t, 0); } return 0; }
	C
	"$TIDEMARK" run -q --sample 512K -o s.tide ./threads
	json "$("$TIDEMARK" info --json s.tide)" 'd["snapshot"]["total_bytes"] < 8 << 20' | grep -qx True
}

@test "a chunk on its way out of a bin is no doubt while its arena is locked, and one otherwise" {
	[ "$(ldd --version | awk 'NR == 1 { split($NF, v, "."); print v[2] < 43 }')" -eq 1 ] || skip "the head of an arena is another one"
	compile changing <<-'C'
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>
		int main(int n, char **a) {
			static char text[100]; /* no buffer of stdio */
			void **volatile p = malloc(5000);
			void *volatile keep = malloc(100);
			setvbuf(stdout, text, _IOFBF, sizeof text);
			free(p);
			char *top = p[0]; /* the first bin is addressed as if it were a chunk: it begins at `top` */
			((void *volatile *)top)[2] = top, ((void *volatile *)top)[3] = top;
			if (n > 1) *(volatile int *)(top - 96) = 1;
			(void)a; (void)keep;
			puts("ready"); fflush(stdout);
			pause();
		}
	C
	start ./changing
	run "$TIDEMARK" snap -q -o a.tide "$PID"
	[ "$status" -eq 3 ] || fail "$output"
	json "$("$TIDEMARK" info --json a.tide)" 'd["snapshot"]["complete"]' 'd["heap"]["unsure"]' '"1 chunks are free, and 0 lie in bins" in d["snapshot"]["incomplete_why"]' | xargs | grep -qx 'False 1 True'
	start ./changing locked
	"$TIDEMARK" snap -q -o b.tide "$PID"
	json "$("$TIDEMARK" info --json b.tide)" 'd["snapshot"]["complete"]' 'd["heap"]["unsure"]' | xargs | grep -qx 'True 0'
}

@test "a process in a PID namespace and a user namespace of its own" {
	unshare -U -r -p -f --mount-proc true 2>/dev/null || skip "no namespaces here"
	loses
	start unshare -U -r -p -f --mount-proc --kill-child ./loses
	inner=$(pgrep -P "$PID" | head -1)
	[ -n "$inner" ]
	run "$TIDEMARK" snap -q -o s.tide "$inner"
	[ "$status" -eq 0 ] || fail "$output"
	json "$("$TIDEMARK" leaks --json s.tide)" 'd["snapshot"]["complete"]' 'd["totals"]["unreferenced"]["blocks"]' | xargs | grep -qx 'True 2'
}

@test "many arenas, ended threads, memory of the program at the break, and mapped chunks of all sizes" {
	compile shapes -pthread <<-'C'
		#include <malloc.h>
		#include <pthread.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>
		void **volatile keep;
		static void hold(size_t bytes) { void **p = malloc(bytes); *p = keep; keep = p; }
		static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
		static pthread_barrier_t all;
		static void *thread(void *p) {
			void *list[40];
			for (int i = 0; i < 40; i++) list[i] = malloc(24 + 160 * i);
			pthread_barrier_wait(&all); /* each has an arena of its own */
			for (int i = 0; i < 40; i++) free(list[i]);
			pthread_mutex_lock(&one); for (int i = 0; i < 20; i++) hold(5000); pthread_mutex_unlock(&one);
			return p;
		}
		int main(void) {
			pthread_t t[20]; void *v[300];
			pthread_barrier_init(&all, 0, 20);
			for (int i = 0; i < 20; i++) pthread_create(&t[i], 0, thread, 0);
			for (int i = 0; i < 20; i++) pthread_join(t[i], 0);
			sbrk(3 * 4096 + 16); /* the main arena goes on behind it */
			for (int i = 0; i < 200; i++) hold(2000);
			for (int i = 0; i < 300; i++) v[i] = malloc(1000 * (size_t)i);
			for (int i = 0; i < 300; i++) free(v[i]); /* moves M_MMAP_THRESHOLD */
			for (int i = 0; i < 10; i++) hold(200000);
			mallopt(M_MMAP_THRESHOLD, 80000);
			for (int i = 0; i < 10; i++) hold(100000);
			malloc_trim(0);
			puts("ready"); fflush(stdout);
			for (;;) pause();
		}
	C
	for arenas in 1 4 100; do
		MALLOC_ARENA_MAX=$arenas start ./shapes
		run "$TIDEMARK" snap -q -o s.tide "$PID"
		[ "$status" -eq 0 ] || fail "$output"
		json "$("$TIDEMARK" leaks --json s.tide)" 'd["snapshot"]["complete"]' 'd["totals"]["lost"]["blocks"]' | xargs | grep -qx 'True 0'
		"$TIDEMARK" export --to sqlite -o s.db s.tide
		[ "$(sqlite3 s.db 'SELECT count(*) FROM block WHERE bytes BETWEEN 5000 AND 5030')" -eq 400 ]
		[ "$(sqlite3 s.db 'SELECT count(*) FROM block WHERE bytes BETWEEN 2000 AND 2030')" -eq 200 ]
		[ "$(sqlite3 s.db 'SELECT count(*) FROM block WHERE bytes BETWEEN 200000 AND 204200')" -eq 10 ]
		[ "$(sqlite3 s.db 'SELECT count(*) FROM block WHERE bytes BETWEEN 100000 AND 104200')" -eq 10 ]
		rm -f s.tide s.db
	done
}

@test "memory of the program that looks like a mapped chunk does not count: libc counts its own" {
	compile alike <<-'C'
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/mman.h>
		#include <unistd.h>
		void *volatile keep[4];
		int main(void) {
			size_t *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			p[0] = 1;
			p[8192] = 0, p[8193] = 196608 | 2; /* at a page of its own: no size before it, 48 pages, "mapped" */
			for (int i = 0; i < 3; i++) keep[i] = malloc(200000 + 50000 * (size_t)i);
			puts("ready"); fflush(stdout);
			pause();
			return (int)(size_t)p;
		}
	C
	start ./alike
	run "$TIDEMARK" snap -q -o s.tide "$PID"
	[ "$status" -eq 0 ] || fail "$output"
	json "$("$TIDEMARK" info --json s.tide)" 'd["heap"]["mapped_chunks"]' 'd["heap"]["unsure"]' 'd["snapshot"]["complete"]' | xargs | grep -qx '3 0 True'
}

@test "several snapshots of one process at the same time are all whole" {
	loses
	start ./loses
	jobs=()
	for i in 1 2 3 4; do
		"$TIDEMARK" snap -q -o "at$i.tide" "$PID" &
		jobs+=($!)
	done
	# On a busy machine the registers of a thread may stay unknown, which the status says.
	for i in "${jobs[@]}"; do wait "$i" || [ $? = 3 ]; done
	for i in 1 2 3 4; do
		run "$TIDEMARK" leaks --json "at$i.tide"
		[ "$(json "$output" 'sum(d["totals"][k]["blocks"] for k in ("unreferenced", "cycle", "indirect"))')" = 6 ]
	done
	[ -z "$(ps -o pid= --ppid "$PID")" ]
}

@test "a sandboxed process survives, and root sees its heap" {
	compile boxed <<-'C'
		#include <linux/filter.h>
		#include <linux/seccomp.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/prctl.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		__attribute__((noinline)) static void lose(void)
		{
			for (int i = 0; i < 20; i++) {
				void *volatile p = memset(malloc(1000), 1, 1000);
				p = NULL;
				(void)p;
			}
		}
		__attribute__((noinline)) static void clean(void) { volatile char stack[8192]; for (int i = 0; i < 8192; i++) stack[i] = 0; }
		int main(int argc, char **argv)
		{
			struct sock_filter filter[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
				BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 2, 0),
				BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
				BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_restart_syscall, 0, 1),
				BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
				BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS) };
			struct sock_fprog program = { 6, filter };
			int end[2];
			char c;
			setbuf(stdout, 0);
			if (pipe(end))
				return 1;
			lose();
			clean();
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			if (prctl(PR_SET_SECCOMP, argc > 1 ? SECCOMP_MODE_STRICT : SECCOMP_MODE_FILTER, &program))
				return 2;
			puts("ready");
			return (int)read(end[0], &c, 1);
		}
	C
	for strict in "" strict; do
		start ./boxed $strict
		rm -f boxed.tide
		for round in 1 2; do
			run "$TIDEMARK" snap -o boxed.tide "$PID"
			kill -0 "$PID"
			[ "$(sed -n 's/^State:.\(.\).*/\1/p' "/proc/$PID/status")" != Z ]
			if [ "$status" = 0 ]; then
				run "$TIDEMARK" leaks --json boxed.tide
				[ "$(json "$output" 'd["totals"]["unreferenced"]["blocks"]')" = 20 ]
				rm boxed.tide
			else # without CAP_SYS_ADMIN
				[ "$status" = 3 ]
				[[ $output == *"sandbox (seccomp)"* ]] || fail "$output"
			fi
		done
		kill -9 "$PID"
	done
}

@test "what has no heap of 64 bits, or cannot be stopped, is refused with its reason" {
	compile narrow -m32 <<-'C'
		#include <stdio.h>
		#include <unistd.h>
		int main(void) { puts("ready"); fflush(stdout); for (;;) pause(); }
	C
	start ./narrow
	run "$TIDEMARK" snap -o none.tide "$PID"
	[ "$status" = 3 ]
	[[ $output == *"32-bit program"* ]]
	kill -0 "$PID"
	compile waits <<-'C'
		#include <unistd.h>
		int main(void) { if (!vfork()) { write(1, "ready\n", 6); for (;;) pause(); } }
	C
	start ./waits
	child=$(pgrep -P "$PID")
	PIDS+=("$child")
	run "$TIDEMARK" snap -o none.tide "$PID"
	[ "$status" = 3 ]
	[[ $output == *"wait in the kernel (for the child of a vfork"* ]]
	kill -9 "$child"
	if [ "$(cat /proc/2/comm)" = kthreadd ]; then
		run "$TIDEMARK" snap -o none.tide 2
		[ "$status" = 3 ]
		[[ $output == *"a thread of the kernel"* ]]
	fi
}

@test "a process of a container with a libc of its own: complete, and named from its files" {
	unshare -U -r -m -p -f --mount-proc true 2>/dev/null || skip "no namespaces here"
	mkdir -p root/{usr,lib,lib64,proc,srv,opt,old}
	cp "$(ldd /bin/true | awk '$1 == "libc.so.6" { print $3 }')" root/opt/
	compile root/srv/app -g -Wl,-rpath,/opt <<-'EOF'
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>
		struct entry { struct entry *next; char text[40]; };
		struct entry *entries;
		int main(void)
		{
			for (int i = 0; i < 100; i++) {
				struct entry *e = calloc(1, sizeof(*e));
				e->next = entries;
				entries = e;
			}
			puts("ready");
			fflush(stdout);
			sleep(300);
		}
	EOF
	cat >inner <<-'EOF'
		mount --bind root root && cd root && mount -t proc proc proc || exit
		for i in usr lib lib64; do mount --rbind "/$i" "$i" || exit; done
		pivot_root . old && umount -l old && exec /srv/app
	EOF
	start unshare -U -r -m -p -f --propagation private --kill-child sh inner
	local app
	app=$(pgrep -P "$PID" -x app)
	grep -q ' /opt/libc.so.6$' "/proc/$app/maps" || fail "$(cat "/proc/$app/maps")"
	run -0 "$TIDEMARK" snap -o c.tide "$app"
	[[ $output == *"--sysroot=/proc/$app/root c.tide"* ]]
	run -0 "$TIDEMARK" leaks c.tide
	[[ $output == *"nothing is lost"* && $output != *incomplete* ]] || fail "$output"
	run -0 "$TIDEMARK" types c.tide
	[[ $output != *entry* ]]
	"$TIDEMARK" symbolize -q --sysroot="/proc/$app/root" c.tide
	run -0 "$TIDEMARK" types c.tide
	[[ $output =~ "100 "[^$'\n']*" entry" ]] || fail "$output"
	# A program whose file was replaced, and one that sees the files of this machine.
	rm root/srv/app
	run -0 "$TIDEMARK" snap -o d.tide "$app"
	[[ $output == *"--sysroot=/proc/$app/root d.tide"* ]]
	run -0 "$TIDEMARK" snap -o e.tide "$PID"
	[[ $output != *sysroot* ]]
}

@test "a process in a chroot of a mount namespace: its allocator is seen" {
	unshare -U -r -m -p -f true 2>/dev/null || skip "no namespaces here"
	mkdir -p root/{usr,lib,lib64,srv}
	compile root/srv/other.so -shared -fPIC <<-'EOF'
		#include <string.h>
		static char memory[1 << 20];
		static size_t used;
		void *malloc(size_t n) { char *p = memory + used + 16; *(size_t *)(p - 16) = n; used += (n + 31) & -16ul; return p; }
		void free(void *p) { (void)p; }
		void *calloc(size_t n, size_t m) { return malloc(n * m); }
		void *realloc(void *p, size_t n) { return p ? memcpy(malloc(n), p, ((size_t *)p)[-2] < n ? ((size_t *)p)[-2] : n) : malloc(n); }
	EOF
	compile root/srv/app <<-'EOF'
		#include <stdio.h>
		#include <unistd.h>
		int main(void) { puts("ready"); fflush(stdout); sleep(300); }
	EOF
	cat >inner <<-'EOF'
		for i in usr lib lib64; do mount --rbind "/$i" "root/$i" || exit; done
		exec chroot root /usr/bin/env LD_PRELOAD=/srv/other.so /srv/app
	EOF
	start unshare -U -r -m -p -f --propagation private --kill-child sh inner
	run -3 "$TIDEMARK" snap -o c.tide "$(pgrep -P "$PID" -x app)"
	[[ $output == *"allocates with another malloc (other.so)"* ]] || fail "$output"
}
