#!/usr/bin/env bats
# Together with others: debuggers and tracers around it and inside of it, a browser,
# the stress programs of others, a sanitizer, a limit on memory.

bats_require_minimum_version 1.5.0
load ../lib/helper

need() {
	for name; do
		command -v "$name" >/dev/null || skip "no $name"
	done
}

worker() {
	compile worker <<-'END'
		#include <pthread.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		static void *work(void *p) { for (int i = 0; i < 20000; i++) { char *volatile q = malloc(1 + (size_t)i % 500); memset(q, 1, 1); free(q); if (i % 500 == 0) usleep(2000); } return p; }
		int main(int n, char **a) { pthread_t t[3]; for (int i = 0; i < 3; i++) pthread_create(&t[i], 0, work, 0); for (int i = 0; i < 3; i++) pthread_join(t[i], 0); puts("worked"); fflush(stdout); if (n > 1) sleep((unsigned)atoi(a[1])); return 5; }
	END
}

@test "strace -f around run, a snapshot every 20 ms" {
	need strace
	worker
	for _ in 1 2 3; do
		run --separate-stderr timeout 60 strace -f -o /dev/null "$TIDEMARK" run -q -f --every 20ms -o s.%n.tide -- ./worker
		[ "$status" = 5 ] && [ "$output" = worked ] || fail "$status: $output $stderr"
	done
	ls s.*.tide >/dev/null
}

@test "strace -f inside of run, a snapshot every 20 ms: its waits see its own tracees only" {
	need strace
	worker
	for _ in 1 2 3; do
		run --separate-stderr timeout 60 "$TIDEMARK" run -q -f --every 20ms -o s.%e.%p.%n.tide -- \
			strace -f -qq -e trace=none -o out.strace ./worker
		[ "$status" = 5 ] && [ "$output" = worked ] || fail "$status: $output $stderr"
		[ -z "$(grep -v '^tidemark: ' <<<"$stderr")" ] || fail "$stderr"
	done
}

@test "strace attaches to a process that snapshots are taken of" {
	need strace
	worker
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT=$PWD/x.tide ./worker 1 >out 3>&- &
	pid=$!
	sleep 0.1
	timeout 30 strace -f -qq -o /dev/null -p $pid 3>&- &
	tracer=$!
	sleep 0.2
	run timeout 30 "$TIDEMARK" snap -o traced.tide $pid
	[ "$status" = 0 ] || [[ $output == *tidemark:* ]] || fail "snap: $status $output"
	wait $pid && status=0 || status=$?
	wait $tracer || true
	[ $status = 5 ] && [ "$(cat out)" = worked ] || fail "$status: $(cat out)"
}

@test "gdb inside of run, and gdb that stops a profiled process" {
	need gdb
	worker
	run timeout 60 "$TIDEMARK" run -q -f --every 50ms -o s.%e.%p.%n.tide -- gdb -q -batch -ex 'set debuginfod enabled off' \
		-ex 'break usleep' -ex run -ex 'info threads' -ex 'delete' -ex continue ./worker
	[ "$status" = 0 ] && [[ $output == *worked* && $output == *"exited with code 05"* ]] || fail "$status: $output"
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT=$PWD/x.tide ./worker 2 >out 3>&- &
	pid=$!
	sleep 0.2
	timeout 60 gdb -q -batch -ex 'set debuginfod enabled off' -p $pid -ex 'shell sleep 1' -ex detach >gdb.log 2>&1 3>&- &
	sleep 0.5
	run timeout 30 "$TIDEMARK" snap -o stopped.tide $pid
	[ "$status" = 0 ] || [[ $output == *tidemark:* ]] || fail "snap: $status $output"
	wait $pid && status=0 || status=$?
	[ $status = 5 ] && [ "$(cat out)" = worked ] || fail "$status: $(cat out)"
}

@test "Chromium, headless, with its own allocator" {
	chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "no chromium"
	echo '<p id=a></p><script>document.getElementById("a").textContent=[...Array(999).keys()].map(x=>x*7).join()</script>' >page.html
	timeout 100 "$chromium" --headless --no-sandbox --disable-gpu --user-data-dir="$PWD/one" --dump-dom "file://$PWD/page.html" >bare 2>/dev/null </dev/null 3>&- ||
		skip "chromium does not run here"
	timeout 200 "$TIDEMARK" run -q -o "s.%e.%p.%n.tide" "$chromium" --headless --no-sandbox --disable-gpu \
		--user-data-dir="$PWD/two" --dump-dom "file://$PWD/page.html" >profiled 2>log </dev/null 3>&- && status=0 || status=$?
	[ $status = 0 ] || fail "$status: $(tail -n 5 log)"
	cmp bare profiled || fail "$(diff bare profiled | head -n 5)"
	ls s.chrom*.tide >/dev/null || fail "no snapshot: $(ls)"
}

@test "stress-ng: malloc, stacks, processes and signals, with --verify" {
	need stress-ng
	while read -r line; do
		timeout 60 stress-ng -q --verify $line </dev/null >bare 2>&1 3>&- && bare=0 || bare=$?
		for options in "" "--every 50ms" "--sample 64K"; do
			timeout 120 "$TIDEMARK" run -q -f --no-references $options -o "s.%p.%n.tide" stress-ng -q --verify $line </dev/null >profiled 2>&1 3>&- &&
				status=0 || status=$?
			grep -v '^tidemark: ' profiled >own || true
			[ $status = $bare ] || fail "$options, $line: $status, bare $bare: $(tail -n 3 profiled)"
			[ -s bare ] || [ ! -s own ] || fail "$options, $line: $(head -n 3 own)"
			rm -f s.*.tide
		done
	done <<-'END'
		--malloc 2 --malloc-ops 20000
		--malloc 1 --malloc-pthreads 3 --malloc-ops 20000
		--bigheap 1 --bigheap-ops 200
		--brk 1 --brk-ops 2000
		--heapsort 1 --heapsort-ops 1
		--pthread 1 --pthread-ops 2000
		--dynlib 1 --dynlib-ops 300
		--vfork 1 --vfork-ops 100
		--daemon 1 --daemon-ops 50
		--exec 1 --exec-ops 60
		--sigsegv 1 --sigsegv-ops 2000
		--sigchld 1 --sigchld-ops 300
		--ptrace 1 --ptrace-ops 300
		--rlimit 1 --rlimit-ops 10
	END
}

@test "a program built with AddressSanitizer and the library preloaded: it runs, at its own pace" {
	compile sanitized -fsanitize=address <<-'END'
		#include <stdio.h>
		#include <stdlib.h>
		int main(void) { for (int i = 0; i < 1000; i++) free(malloc(100)); puts("ran"); return 4; }
	END
	SECONDS=0
	run --separate-stderr env ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$SHIM" TIDEMARK_OUTPUT="$PWD/a.tide" timeout 60 ./sanitized
	[ "$status" = 4 ] && [ "$output" = ran ] && [ -z "$stderr" ] || fail "$status $output $stderr"
	[ $SECONDS -lt 10 ] || fail "$SECONDS seconds"
}

@test "a memory limit: who is killed for it leaves a snapshot" {
	# Version 1 of the controller, then version 2.
	group=/sys/fs/cgroup/memory/tidemark-test.$$ limit=memory.limit_in_bytes
	if ! mkdir $group 2>/dev/null; then
		group=/sys/fs/cgroup/tidemark-test.$$ limit=memory.max
		grep -qsw memory /sys/fs/cgroup/cgroup.subtree_control && mkdir $group 2>/dev/null || skip "no memory cgroup of ours"
	fi
	echo 64M 2>/dev/null >$group/$limit || { rmdir $group; skip "no memory cgroup of ours"; }
	compile eater <<-'END'
		#include <stdlib.h>
		#include <string.h>
		int main(void) { for (int i = 0; i < 400; i++) { void *p = malloc(1 << 20); if (!p) return 3; memset(p, i, 1 << 20); } return 0; }
	END
	run timeout 60 "$TIDEMARK" run -f -o killed.tide -- sh -c "echo \$\$ >$group/cgroup.procs; exec ./eater"
	await 'rmdir $group 2>/dev/null'
	[ "$status" = 137 ] || fail "$status: $output"
	run "$TIDEMARK" stat killed.tide
	[[ $output == *eater* || $output == *main* ]] || fail "$output"
}
