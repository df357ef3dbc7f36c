#!/usr/bin/env bats
# `tidemark snap PID`, and what the process notices of it.

load ../lib/helper
load ../lib/processes

# profiled PROGRAM [ARG...]: starts it under the library.
profiled() {
	start env LD_PRELOAD="$SHIM" TIDEMARK_OUTPUT='exit.%p.tide' "$@"
}

# A program with threads in every kind of wait. Each failed wait is printed.
waits() {
	compile waits <<-'C'
		#define _GNU_SOURCE
		#include <errno.h>
		#include <poll.h>
		#include <pthread.h>
		#include <signal.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/epoll.h>
		#include <sys/wait.h>
		#include <time.h>
		#include <unistd.h>
		static void check(const char *what, long r) { if (r < 0) fprintf(stderr, "%s: %s\n", what, strerror(errno)); }
		static void *ep(void *p) { struct epoll_event e; int fd = epoll_create1(0); for (;;) check("epoll_wait", epoll_wait(fd, &e, 1, -1)); return p; }
		static void *po(void *p) { for (;;) check("poll", poll(0, 0, -1)); return p; }
		static void *sl(void *p) { struct timespec t = { 1000, 0 }; for (;;) check("nanosleep", nanosleep(&t, 0)); return p; }
		static void *rd(void *p) { int f[2]; char c; if (pipe(f)) abort(); for (;;) check("read", read(f[0], &c, 1)); return p; }
		static void *sw(void *p) { sigset_t s; siginfo_t i; sigfillset(&s); pthread_sigmask(SIG_BLOCK, &s, 0);
			for (;;) { int r = sigwaitinfo(&s, &i); check("sigwaitinfo", r); if (r > 0) fprintf(stderr, "signal %d\n", r); } return p; }
		static void *sp(void *p) { volatile long n = 0; for (;;) n++; return p; }
		static void forked(void) { fprintf(stderr, "atfork handler ran\n"); }
		static void child(int n) { (void)n; fprintf(stderr, "SIGCHLD\n"); }
		void *keep;
		__attribute__((noinline)) static void lose(void) { volatile char *p = malloc(77); p[0] = 1; }
		int main(int argc, char **argv) {
			void *(*f[])(void *) = { ep, po, sl, rd, sw, sp };
			pthread_t t;
			(void)argv;
			signal(SIGCHLD, child);
			pthread_atfork(forked, forked, forked);
			keep = malloc(55);
			lose();
			for (int i = 0; i < 6; i++) pthread_create(&t, 0, f[i], 0);
			puts("ready"); fflush(stdout);
			for (;;) {
				int st, fd = dup(0);
				if (waitpid(-1, &st, WNOHANG) >= 0) fprintf(stderr, "a child was seen\n");
				if (argc > 2 && fd != atoi(argv[2])) fprintf(stderr, "descriptor %d\n", fd);
				close(fd);
				if (argc > 1 && argv[1][0] == 'a') { char *volatile event = strdup("an event"); free(event); }
				usleep(5000);
			}
		}
	C
}

@test "a busy process: complete, and it notices nothing" {
	waits
	profiled ./waits allocates
	for i in 1 2 3; do
		run "$TIDEMARK" snap -o "s$i.tide" "$PID"
		[ "$status" -eq 0 ]
	done
	kill -0 "$PID"
	[ ! -s err ] || fail "$(cat err)"
	json "$("$TIDEMARK" info --json s3.tide)" 'd["snapshot"]["reason"]' 'd["snapshot"]["complete"]' | tee got
	[ "$(tr '\n' ' ' <got)" = "request True " ]
}

@test "a process without events: the image is made from outside, and waits go on" {
	waits
	profiled ./waits idle
	run "$TIDEMARK" snap -o s.tide "$PID"
	[ "$status" -eq 0 ]
	run "$TIDEMARK" snap -o s.tide "$PID"
	[ "$status" -eq 0 ]
	kill -0 "$PID"
	[ ! -s err ] || fail "$(cat err)"
	[ "$(json "$("$TIDEMARK" leaks --json s.tide)" 'd["totals"]["unreferenced"]["blocks"], d["totals"]["unreferenced"]["bytes"]')" = "(1, 77)" ]
}

@test "no process is left behind" {
	waits
	profiled ./waits allocates
	"$TIDEMARK" snap -q -o s.tide "$PID"
	await '! pgrep -P "$PID" >children'
}

@test "a process that waits is given no children by its snapshots" {
	compile parent <<-'C'
		#define _GNU_SOURCE
		#include <fcntl.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/wait.h>
		#include <unistd.h>
		int main(void)
		{
			void *volatile kept = malloc(100);
			pid_t child = fork();
			int status;
			if (!child)
				for (;;)
					pause();
			printf("ready %d\n", child);
			fflush(stdout);
			/* No event of the library comes from here on. */
			if (read(open("go", O_RDONLY), &status, 1) != 1)
				return 9;
			pid_t got = waitpid(-1, &status, __WALL);
			return kept && got == child && WIFSIGNALED(status) && waitpid(-1, &status, __WALL) < 0 ? 7 : 8;
		}
	C
	mkfifo go
	profiled ./parent
	child=$(awk '{ print $2 }' out)
	PIDS+=("$child")
	for i in $(seq 12); do
		"$TIDEMARK" snap -q -o "s$i.tide" "$PID"
	done
	[ "$(pgrep -c -P "$PID")" -le 2 ] || fail "$(ps -o pid,stat,comm --ppid "$PID")"
	kill -9 "$child"
	echo >go
	wait "$PID" && status=0 || status=$?
	[ "$status" -eq 7 ] || fail "$status"
}

@test "--no-references: counters only" {
	waits
	profiled ./waits allocates
	run "$TIDEMARK" snap --no-references -o s.tide "$PID"
	[ "$status" -eq 0 ]
	run "$TIDEMARK" leaks --json s.tide
	[ "$status" -ne 0 ]
	"$TIDEMARK" stat --json s.tide >stat.json
}

@test "under another tracer: taken all the same, and what is unknown is said" {
	command -v strace >/dev/null || skip "no strace"
	waits
	strace -f -o /dev/null -E LD_PRELOAD="$SHIM" ./waits allocates >out 2>err 3>&- &
	PIDS+=("$!")
	await 'grep -q ready out'
	PID=$(pgrep -P "$!" -x waits)
	PIDS+=("$PID")
	run "$TIDEMARK" snap -o s.tide "$PID"
	[ "$status" -eq 3 ]
	[[ "$output" == *"registers unknown"* ]]
	[ -s s.tide ]
	kill -0 "$PID"
	! grep -q "Interrupted\|signal\|child" err || fail "$(cat err)"
}

@test "a process that is not profiled has a snapshot of its heap" {
	sleep 100 3>&- &
	PIDS+=("$!")
	# It is the program, and not the shell before its exec or the loader at work, once it sleeps.
	await 'grep -q nanosleep "/proc/$!/wchan"'
	run "$TIDEMARK" snap "$!"
	[ "$status" -eq 0 ] || fail "$output"
	[[ "$output" == *"tidemark.sleep.$!.1.tide"* ]]
	[ -s "tidemark.sleep.$!.1.tide" ]
}

@test "no such process; usage errors" {
	run "$TIDEMARK" snap 999999999
	[ "$status" -eq 3 ]
	run "$TIDEMARK" snap
	[ "$status" -eq 2 ]
	run "$TIDEMARK" snap twelve
	[ "$status" -eq 2 ]
	# Not process 1: the number does not wrap.
	run "$TIDEMARK" snap -o never.tide 4294967297
	[ "$status" -eq 2 ]
}

@test "an output that cannot be written leaves the process alone" {
	waits
	profiled ./waits allocates
	run "$TIDEMARK" snap -o /nowhere/at/all.tide "$PID"
	[ "$status" -eq 3 ]
	run "$TIDEMARK" snap -o s.tide "$PID"
	[ "$status" -eq 0 ]
	[ ! -s err ] || fail "$(cat err)"
}

# Why there are snapshots here.
reasons() {
	local f
	for f in *.tide; do
		json "$("$TIDEMARK" info --json "$f")" 'd["snapshot"]["reason"]'
	done 2>/dev/null | sort -u | xargs
}

@test "--every and --when take snapshots by themselves, and the watcher ends" {
	waits
	TIDEMARK_EVERY=150ms TIDEMARK_WHEN='allocs>50' profiled ./waits allocates
	await '[ "$(reasons)" = "condition timer" ] && [ "$(compgen -G "*.tide" | wc -l)" -ge 4 ]'
	kill "$PID"
	await '! pgrep -f "collect --watch --ledger .*/$PID\." >watchers'
}

@test "--no-command-line leaves the arguments out of the snapshot, for run as for snap" {
	compile waits <<-'EOF'
		#include <stdlib.h>
		#include <unistd.h>
		int main(void) { void *volatile p = malloc(10); char c; (void)p; return write(1, "x", 1) + read(0, &c, 1) < 0; }
	EOF
	"$TIDEMARK" run -q --no-command-line -o run.tide -- ./waits --password=hunter2 </dev/null >/dev/null
	grep -aq hunter2 run.tide && fail "run keeps the argument"
	mkfifo in out
	LD_PRELOAD="$SHIM" TIDEMARK_COLLECTOR="$TIDEMARK" TIDEMARK_OUTPUT="$PWD/end.tide" ./waits --password=hunter2 <in >out 3>&- &
	exec 5>in
	head -c 1 <out >/dev/null
	"$TIDEMARK" snap --no-command-line -o snap.tide $!
	exec 5>&-
	wait
	grep -aq hunter2 end.tide
	grep -aq hunter2 snap.tide && fail "snap keeps the argument"
	"$TIDEMARK" info snap.tide >/dev/null
}

@test "where memory runs out, the collector of a running process goes first" {
	compile idle <<<'#include <stdlib.h>
		#include <unistd.h>
		int main(void) { return !malloc(1) + (int)sleep(30); }'
	LD_PRELOAD=$SHIM ./idle 3>&- &
	pid=$!
	until grep -qs '\.ledger' /proc/$pid/maps; do sleep 0.05; done
	# No event comes, so snap waits for one before it stops the process.
	"$TIDEMARK" snap -q -o idle.tide $pid 3>&- &
	snap=$!
	seen=
	while kill -0 $snap 2>/dev/null && [ "$seen" != 1000 ]; do
		seen=$(cat /proc/$snap/oom_score_adj 2>/dev/null) || true
	done
	wait $snap
	kill $pid
	[ "$seen" = 1000 ]
}
