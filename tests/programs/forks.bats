#!/usr/bin/env bats
# What a forked child shares with its parent, and what it does not.

load ../lib/helper

@test "a child whose parent's tables have grown since the fork" {
	compile grow -fno-builtin <<-'END'
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/wait.h>
		#include <unistd.h>
		__attribute__((noinline)) void many(int depth)
		{
			free(malloc(10));
			if (depth) {
				many(depth - 1);
				many(depth - 1);
			}
			__asm__ volatile("");
		}
		int main(void)
		{
			int ready[2], status;
			char c;
			many(2);
			if (pipe(ready))
				return 1;
			pid_t pid = fork();
			if (!pid) {		/* its first event comes when the parent has made 30,000 stacks more */
				if (read(ready[0], &c, 1) != 1)
					_exit(2);
				many(3);
				_exit(7);
			}
			many(14);
			if (write(ready[1], "x", 1) != 1)
				return 1;
			waitpid(pid, &status, 0);
			printf("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
			return 0;
		}
	END
	"$TIDEMARK" run -q -o '%p.tide' -- ./grow >out
	[ "$(cat out)" = 7 ] || fail "the child ended with $(cat out)"
	[ "$(ls ./*.tide | wc -l)" = 2 ] || fail "not two snapshots: $(ls)"
}

# A fork server: children that end soon, each with a block that is lost and one that is held.
fork_server() {
	compile server <<-'END'
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/prctl.h>
		#include <sys/wait.h>
		#include <unistd.h>
		void *volatile held;
		__attribute__((noinline)) static void leak_in_child(void) { held = malloc(777); }
		int main(int argc, char **argv)
		{
			int children = atoi(argv[1]), seen = 0, strange = 0, status;
			pid_t made[500];
			if (argc > 2 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
				return 1;
			for (int i = 0; i < children; i++) {
				pid_t pid = made[i] = fork(), got;
				if (!pid) {
					leak_in_child();
					held = malloc(33);
					exit(0);
				}
				got = waitpid(argc > 2 ? -1 : pid, &status, 0);
				if (got == pid && status == 0)
					seen++;
				else
					strange++;
			}
			printf("%d %d\n", seen, strange);
			return 0;
		}
	END
}

# $1 children leave the loss of one block each, and no map of their memory.
count_brief() {
	brief=0
	for f in ./*.tide; do
		"$TIDEMARK" info "$f" >info.txt
		grep -q '^  complete *yes' info.txt || fail "$f: $(cat info.txt)"
		grep -q 'without a map: a child that ended soon' info.txt || continue
		brief=$((brief + 1))
		"$TIDEMARK" leaks "$f" >leaks.txt || [ $? = 1 ]
		grep -q '777 B' leaks.txt || fail "the lost block is missing: $(cat leaks.txt)"
		grep -q leak_in_child leaks.txt || fail "the stack of the lost block is missing: $(cat leaks.txt)"
	done
	[ $brief = "$1" ] || fail "$brief of $1 children had no map"
}

@test "children that end soon do not wait for a map of their memory, and nothing else is missing" {
	fork_server
	"$TIDEMARK" run -q -o '%p.tide' -- ./server 60 >out
	[ "$(cat out)" = '60 0' ] || fail "the program saw $(cat out)"
	[ "$(ls ./*.tide | wc -l)" = 61 ] || fail "$(ls ./*.tide | wc -l) snapshots of 61 processes"
	count_brief 60
	run "$TIDEMARK" waste "$f"
	if [ $status != 0 ]; then
		[[ $output == *"does not wait for one"* ]] || fail "$output"
	fi
	run "$TIDEMARK" run -q --leak-exit 23 -o 'again.%p.tide' -- ./server 2
	[ $status = 23 ] || fail "leaks of the children were not seen: $status"
}

@test "a child has ended before its snapshot is there, and nothing of it is missing" {
	compile early -O0 <<-'END'
		#define _GNU_SOURCE
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/epoll.h>
		#include <sys/mman.h>
		#include <sys/wait.h>
		#include <unistd.h>
		static void *volatile global;
		static __thread void *volatile own;
		__attribute__((noinline)) static void lose(void) { global = malloc(777); global = NULL; }
		static void hold(void)
		{
			struct epoll_event e = { .events = EPOLLIN };
			int ends[2], poll = epoll_create1(0);
			void **memory = mmap(NULL, 65536, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (pipe(ends))
				exit(2);
			e.data.ptr = malloc(101);
			epoll_ctl(poll, EPOLL_CTL_ADD, ends[0], &e);
			global = malloc(102);
			own = malloc(103);
			memory[5000] = malloc(104);
			mprotect(memory, 65536, PROT_NONE);
		}
		int main(void)
		{
			int early = 0, status;
			for (int i = 0; i < 60; i++) {
				char name[64];
				pid_t pid = fork();
				if (!pid) {
					lose();
					hold();
					void *volatile local = malloc(105);
					exit(local == NULL);
				}
				waitpid(pid, &status, 0);
				snprintf(name, sizeof name, "%d.tide", (int)pid);
				early += access(name, F_OK) != 0;
				if (status)
					return 1;
			}
			printf("%d\n", early);
			return 0;
		}
	END
	"$TIDEMARK" run -q -o '%p.tide' -- ./early >out
	[ "$(cat out)" -gt 0 ] || fail "each of the children has waited for its snapshot"
	[ "$(ls ./*.tide | wc -l)" = 61 ] || fail "$(ls ./*.tide | wc -l) snapshots of 61 processes"
	lost=0
	for f in ./*.tide; do
		"$TIDEMARK" leaks --json "$f" >leaks.json || [ $? = 1 ]
		grep -q '"complete":true' leaks.json || fail "$f: $(cat leaks.json)"
		case $(json "$(cat leaks.json)" '(d["totals"]["lost"]["blocks"], d["totals"]["lost"]["bytes"])') in
		"(1, 777)") lost=$((lost + 1)) ;;
		"(0, 0)") ;;
		*) fail "$f: $(cat leaks.json)" ;;
		esac
	done
	[ $lost = 60 ] || fail "$lost of 60 children have lost a block"
}

@test "without run, too, children that end soon have no map of their memory" {
	fork_server
	env LD_PRELOAD="$SHIM" TIDEMARK_OUTPUT='%p.tide' ./server 10 >out
	[ "$(cat out)" = '10 0' ] || fail "the program saw $(cat out)"
	[ "$(ls ./*.tide | wc -l)" = 11 ] || fail "$(ls ./*.tide | wc -l) snapshots of 11 processes"
	count_brief 10
}

@test "a program that takes in orphans sees its own children only" {
	fork_server
	"$TIDEMARK" run -q -o '%p.tide' -- ./server 60 reaper >out
	[ "$(cat out)" = '60 0' ] || fail "the program saw $(cat out)"
	[ "$(ls ./*.tide | wc -l)" = 61 ] || fail "$(ls ./*.tide | wc -l) snapshots of 61 processes"
}

# Children of each kind in turn: 0 does nothing, 1 frees whatever it makes, 2 frees a block of the parent, too,
# 3 loses a block. A child that ends with nothing of its own needs no image.
settling() {
	compile settling -O0 <<-'END'
		#include <stdlib.h>
		#include <sys/wait.h>
		#include <unistd.h>
		void *volatile old[400];
		__attribute__((noinline)) static void lose(void) { old[0] = malloc(555); old[0] = NULL; }
		int main(int argc, char **argv)
		{
			int children = atoi(argv[1]), kinds = atoi(argv[2]), strange = 0, status;
			for (int i = 0; i < 400; i++)
				old[i] = malloc(40);
			for (int i = 0; i < children; i++) {
				pid_t pid = fork();
				if (!pid) {
					if (i % kinds == 1)
						for (int k = 0; k < 50; k++)
							free(realloc(malloc(k), 3 * k + 1));
					if (i % kinds == 2)
						free(old[i]);
					if (i % kinds == 3)
						lose();
					exit(i % kinds);
				}
				waitpid(pid, &status, 0);
				strange += !WIFEXITED(status) || WEXITSTATUS(status) != i % kinds;
			}
			return strange;
		}
	END
}

# Of the 40 children of four kinds.
count_settled() {
	[ "$(ls ./*.tide | wc -l)" = 41 ] || fail "$(ls ./*.tide | wc -l) snapshots of 41 processes"
	settled=0 leaky=0
	for f in ./*.tide; do
		"$TIDEMARK" info "$f" >info.txt
		grep -q '^  complete *yes' info.txt || fail "$f: $(cat info.txt)"
		code=0
		"$TIDEMARK" leaks --fail "$f" >leaks.txt 2>&1 || code=$?
		if grep -q 'freed all its own blocks' info.txt; then
			settled=$((settled + 1))
			[ $code = 0 ] && grep -q 'nothing is lost' leaks.txt || fail "$f: $code, $(cat leaks.txt)"
			grep -q 'status [012] ' info.txt || fail "$f: $(cat info.txt)"
		elif grep -q 'status 3 ' info.txt; then
			leaky=$((leaky + 1))
			[ $code = 1 ] && grep -q '555 B' leaks.txt || fail "$f: $code, $(cat leaks.txt)"
		fi
	done
	[ "$settled $leaky" = "30 10" ] || fail "$settled children of 30 needed no image, $leaky of 10 leak"
}

@test "children with nothing of their own left have snapshots, and the others lose nothing" {
	settling
	"$TIDEMARK" run -o '%p.tide' -- ./settling 40 4 2>err || fail "the program saw $?: $(cat err)"
	count_settled
	run "$TIDEMARK" run -q --leak-exit 23 -o 'again.%p.tide' -- ./settling 3 3
	[ "$status" = 0 ] || fail "clean children: $status, $output"
	run "$TIDEMARK" run -q --leak-exit 23 -o 'again.%p.tide' -- ./settling 4 4
	[ "$status" = 23 ] || fail "the leak of a child was not seen: $status, $output"
}

@test "without run, too, children with nothing of their own left have snapshots" {
	settling
	env LD_PRELOAD="$SHIM" TIDEMARK_OUTPUT='%p.tide' ./settling 40 4 || fail "the program saw $?"
	count_settled
}

@test "a child that ends after its run has a snapshot, though nobody waits for settled ledgers any more" {
	compile late -O0 <<-'END'
		#include <stdlib.h>
		#include <unistd.h>
		int main(void)
		{
			if (!fork()) {
				free(malloc(10));
				while (access("go", F_OK))
					usleep(10000);
				free(malloc(20));
				exit(0);
			}
			return 0;
		}
	END
	"$TIDEMARK" run -q -o '%p.tide' -- ./late
	[ "$(ls ./*.tide | wc -l)" = 1 ] || fail "$(ls)"
	touch go
	for ((i = 0; i < 600; i++)); do
		[ "$(ls ./*.tide | wc -l)" = 1 ] || break
		sleep 0.1
	done
	[ "$(ls ./*.tide | wc -l)" = 2 ] || fail "$(ls)"
}
