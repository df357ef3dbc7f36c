#!/usr/bin/env bats
# Who may be asked for a snapshot, who answers, and whose processes and files are touched on the way.
bats_require_minimum_version 1.5.0
load ../lib/helper

# A program that allocates until it is ended; it says when it has begun.
busy() {
	compile busy <<-'EOF'
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>
		int main(void)
		{
			for (unsigned long n = 0;; n++) {
				void *volatile p = malloc(100);
				if (n % 2)
					free(p);
				if (n == 1000)
					puts("begun"), fflush(stdout);
				usleep(1000);
			}
		}
	EOF
}

# start COMMAND...: in the background, until it says that it has begun; $PID is its number.
start() {
	"$@" >said 2>/dev/null &
	PID=$!
	until grep -q begun said; do
		kill -0 "$PID" || fail "it has ended"
		sleep 0.02
	done
}

teardown() {
	[ -z "${PID:-}" ] || kill -9 "$PID" 2>/dev/null || :
}

@test "a process whose ledger is gone lets nobody trace it" {
	command -v strace >/dev/null || skip "no strace"
	compile gone <<-'EOF'
		#include <glob.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>
		int main(void)
		{
			char path[200];
			glob_t found;
			snprintf(path, sizeof path, "/dev/shm/tidemark-%d/%d.*", (int)geteuid(), (int)getpid());
			if (glob(path, 0, NULL, &found))
				return 9;
			for (size_t i = 0; i < found.gl_pathc; i++)
				unlink(found.gl_pathv[i]);
			return 0;
		}
	EOF
	run -0 strace -f -o trace -e trace=prctl,unlink,unlinkat env LD_PRELOAD="$SHIM" TIDEMARK_COLLECTOR="$TIDEMARK" ./gone
	grep -q 'unlink.*ledger' trace
	! grep 'PR_SET_PTRACER_ANY\|PR_SET_PTRACER, \(-1\|0xffff\|18446744073709551615\)' trace
}

@test "a process that has no collector of its own answers one that asks" {
	busy
	start env LD_PRELOAD="$SHIM" TIDEMARK_COLLECTOR=/nowhere/tidemark ./busy
	serial() { "$TIDEMARK" info "$1" | sed -n 's/^  number *\([0-9]*\) of this process/\1/p'; }
	run -0 "$TIDEMARK" snap -o first.tide "$PID"
	run -0 "$TIDEMARK" snap -o second.tide "$PID"
	[[ "$("$TIDEMARK" info first.tide)" == *"complete    yes"* ]] || fail "$("$TIDEMARK" info first.tide)"
	[[ "$("$TIDEMARK" info second.tide)" == *"complete    yes"* ]]
	[ "$(serial second.tide)" -gt "$(serial first.tide)" ]
}

@test "an image is held and killed by a descriptor, never by its number alone" {
	command -v strace >/dev/null || skip "no strace"
	busy
	start env LD_PRELOAD="$SHIM" TIDEMARK_COLLECTOR="$TIDEMARK" ./busy
	run -0 strace -o trace -e trace=pidfd_open,pidfd_send_signal,kill,ptrace "$TIDEMARK" snap -o s.tide "$PID"
	[[ "$("$TIDEMARK" info s.tide)" == *"complete    yes"* ]]
	# The image is neither the process nor one of its threads.
	image=$(sed -n 's/^pidfd_open(\([0-9]*\),.*/\1/p' trace | grep -vx "$PID" | tail -n 1)
	[ -n "$image" ] || fail "no descriptor of an image: $(cat trace)"
	grep -q '^pidfd_send_signal([0-9]*, SIGKILL' trace
	! grep "^kill($image, SIG" trace
	# The descriptor is there before anything is asked of the number.
	[ "$(grep -n "^pidfd_open($image," trace | cut -d: -f1 | head -n 1)" -lt "$(grep -n "PTRACE_SEIZE, $image," trace | cut -d: -f1)" ]
}

@test "an image that another process traces is not read, and nobody is killed for it" {
	busy
	# It traces what is called an image as soon as it is there: a collector that comes later is refused by the kernel.
	compile tracer <<-'EOF'
		#include <dirent.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/ptrace.h>
		#include <unistd.h>
		int main(int argc, char **argv)
		{
			char path[300], name[32];
			(void)argc;
			for (;;) {
				snprintf(path, sizeof path, "/proc/%s/task/%s/children", argv[1], argv[1]);
				FILE *f = fopen(path, "r");
				int pid = 0;
				while (f && fscanf(f, "%d", &pid) == 1) {
					snprintf(path, sizeof path, "/proc/%d/comm", pid);
					FILE *c = fopen(path, "r");
					if (c && fgets(name, sizeof name, c) && !strncmp(name, "tidemark-image", 14)
						&& !ptrace(PTRACE_SEIZE, pid, 0, 0)) {
						puts("traced");
						fflush(stdout);
						for (;;)
							pause();
					}
					if (c)
						fclose(c);
				}
				if (f)
					fclose(f);
			}
		}
	EOF
	start env LD_PRELOAD="$SHIM" TIDEMARK_COLLECTOR="$TIDEMARK" ./busy
	./tracer "$PID" >tracer.out &
	tracer=$!
	# Who comes first is chance: with the tracer in front, the snapshot says that there is no image.
	for i in 1 2 3; do
		run "$TIDEMARK" snap -f -o s.tide "$PID"
		kill -0 "$PID"
		kill -0 "$tracer"
		[ ! -s tracer.out ] || break
	done
	if [ -s tracer.out ]; then
		[[ "$("$TIDEMARK" info s.tide)" == *"complete    no"* ]] || fail "$("$TIDEMARK" info s.tide)"
	fi
	kill -9 "$tracer"
}

@test "the folder of a run that has become a link: nothing behind it is removed" {
	mkdir victim
	echo precious >victim/file
	cat >moves.sh <<-'EOF'
		mv "$TIDEMARK_SESSION" "$1/aside" && ln -s "$1/victim" "$TIDEMARK_SESSION"
	EOF
	run "$TIDEMARK" run -q -f -o x.tide -- sh moves.sh "$PWD"
	[ -d aside ] || fail "the folder could not be moved: $output"
	[ "$(ls victim)" = file ]
	[ "$(cat victim/file)" = precious ]
	# The same for one that an earlier run would have left.
	mkdir parent
	ln -s ../victim parent/tidemark-run-abcdef
	touch -h -d '1 hour ago' parent/tidemark-run-abcdef
	touch -d '1 hour ago' victim
	run env XDG_RUNTIME_DIR="$PWD/parent" TMPDIR="$PWD/parent" "$TIDEMARK" run -q -f -o x.tide -- true
	[ "$(cat victim/file)" = precious ]
	rm -f /dev/shm/tidemark-run-*/nothing
	find /dev/shm -maxdepth 1 -type l -name 'tidemark-run-*' -lname "$PWD/victim" -delete
}

@test "the last word of a collector that lives on is lost: the program goes on" {
	compile loses -I"$ROOT" <<-'EOF'
		#define _GNU_SOURCE
		#include <fcntl.h>
		#include <stdlib.h>
		#include <sys/mman.h>
		#include <unistd.h>
		#include "tests/lib/own_ledger.h"
		int main(void)
		{
			void *volatile kept = malloc(100);
			struct ledger_header *l = own_ledger(), *shared = mremap(l, 0, 4096, MREMAP_MAYMOVE);

			if (shared == MAP_FAILED)
				return 9;
			/* As a collector does that has asked from outside, at the same time: in a process that the
			 * snapshot does not stop. */
			if (!fork()) {
				unsigned tries = 0;

				for (uint32_t over = FREEZE_OVER; !__atomic_compare_exchange_n(&shared->freeze, &over,
						FREEZE_DONE, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE); over = FREEZE_OVER)
					if (!(++tries % 4096) && getppid() != shared->pid)
						_exit(0);
				_exit(close(open("lost", O_CREAT | O_WRONLY, 0600)));
			}
			usleep(20000);
			exit(kept ? 7 : 8);
		}
	EOF
	# The program may look first, so several times.
	for _ in $(seq 20); do
		run timeout -s KILL 30 "$TIDEMARK" run -q -f -o 'lost.%p.tide' -- ./loses
		[ "$status" -eq 7 ] || fail "$status: $output"
		! [ -e lost ] || break
	done
}

@test "a process at its end waits for its own collector, whatever another one has finished" {
	compile waits <<-'EOF'
		#include <stdlib.h>
		#include <unistd.h>
		int main(void)
		{
			static void *volatile kept[1000000];

			for (int i = 0; i < 1000000; i++)
				kept[i] = malloc(16);
			while (access("go", F_OK))
				usleep(10000);
			return 7;
		}
	EOF
	"$TIDEMARK" run -q -o own.tide -- ./waits &
	run=$!
	await 'pid=$(pgrep -x -P "$run" waits)'
	await '[ "$(awk "/VmRSS/ { print \$2 }" "/proc/$pid/status")" -gt 30000 ]'
	server=$(pgrep -x -P "$run" tidemark)
	pgrep -P "$server" >before || :
	# The other one has its image, and is held up.
	"$TIDEMARK" snap -q -o other.tide "$pid" &
	other=$!
	await 'pgrep -P "$pid" >image'
	kill -STOP "$other"
	touch go
	await 'own=$(pgrep -P "$server" | grep -v -x -F -f before)'
	kill -STOP "$own"
	kill -CONT "$other"
	wait "$other" || :
	# Long enough for a process that does not wait.
	sleep 4
	kill -0 "$pid" || fail 'the process has ended before its snapshot'
	kill -CONT "$own"
	wait "$run" && status=0 || status=$?
	[ "$status" -eq 7 ] || fail "$status"
	[ "$(json "$("$TIDEMARK" info --json own.tide)" 'd["snapshot"]["complete"]')" = True ] || fail "$("$TIDEMARK" info own.tide)"
}

@test "an image that waits for its parent makes no call under a filter that was set in between" {
	compile filtered <<-'EOF'
		#include <linux/filter.h>
		#include <linux/seccomp.h>
		#include <stddef.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/prctl.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		#define ALLOW(n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (n), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
		int main(void)
		{
			struct sock_filter code[] = {
				BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
				ALLOW(SYS_write), ALLOW(SYS_exit_group), ALLOW(SYS_brk), ALLOW(SYS_mmap), ALLOW(SYS_munmap),
				ALLOW(SYS_mremap), ALLOW(SYS_futex),
				BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
			};
			struct sock_fprog program = { sizeof(code) / sizeof(*code), code };
			free(malloc(100));
			puts("begun");
			fflush(stdout);
			while (access("go", F_OK))
				usleep(1000);
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
				|| prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0))
				return 9;
			for (int i = 0; i < 100000; i++) {
				void *volatile p = malloc(100 + i % 50);
				if (i % 3)
					free(p);
			}
			_exit(write(1, "still here\n", 11) == 11 ? 0 : 8);
		}
	EOF
	start env TIDEMARK_OUTPUT=end.tide LD_PRELOAD="$SHIM" ./filtered
	"$TIDEMARK" snap -q -o asleep.tide "$PID"
	"$TIDEMARK" snap -q -o again.tide "$PID"
	touch go
	wait "$PID" || fail "status $?"
	PID=
	grep -q 'still here' said
	"$TIDEMARK" info --json asleep.tide | jq -e '.snapshot.references' >/dev/null
}
