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
