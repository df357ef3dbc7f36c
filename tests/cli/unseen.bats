#!/usr/bin/env bats
# Programs that the library cannot follow, started by one that it follows: no green verdict rests on them.
load ../lib/helper
bats_require_minimum_version 1.5.0

setup() {
	compile seen <<-'EOF'
		#include <stdlib.h>
		void *volatile p;
		int main(void) { for (int i = 0; i < 100; i++) { p = malloc(1000); free(p); } return 0; }
	EOF
	cp seen.c alone.c
	gcc -g -static -o alone alone.c
	compile starts <<-'EOF'
		#define _GNU_SOURCE
		#include <fcntl.h>
		#include <spawn.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/syscall.h>
		#include <sys/wait.h>
		#include <unistd.h>
		extern char **environ;
		int main(int argc, char **argv) {
			char *const none[] = { argv[2], NULL };
			char *const own[] = { "PATH=/usr/bin:/bin", NULL };
			int status = 0;
			pid_t pid = 0;
			char *volatile seen = malloc((size_t)argc * 1000);
			free(seen);
			if (!strcmp(argv[1], "spawn"))
				status = posix_spawn(&pid, argv[2], NULL, NULL, none, environ);
			else if (!strcmp(argv[1], "spawnp"))
				status = posix_spawnp(&pid, argv[2], NULL, NULL, none, environ);
			else if (!strcmp(argv[1], "spawn-own"))
				status = posix_spawn(&pid, argv[2], NULL, NULL, none, own);
			else if (!strcmp(argv[1], "system"))
				return system(argv[2]);
			else if (!(pid = strcmp(argv[1], "vfork") ? fork() : vfork())) {
				if (!strcmp(argv[1], "path"))
					execlp(argv[2], argv[2], (char *)NULL);
				if (!strcmp(argv[1], "descriptor"))
					fexecve(open(argv[2], O_RDONLY | O_CLOEXEC), none, environ);
				if (!strcmp(argv[1], "own"))
					execve(argv[2], none, own);
				if (!strcmp(argv[1], "syscall"))
					syscall(SYS_execve, argv[2], none, environ);
				if (!strcmp(argv[1], "syscall-own"))
					syscall(SYS_execve, argv[2], none, own);
				if (!strcmp(argv[1], "execveat"))
					syscall(SYS_execveat, open(argv[2], O_RDONLY | O_CLOEXEC), "", none, environ,
						AT_EMPTY_PATH);
				execv(argv[2], none);
				_exit(9);
			}
			return status || waitpid(pid, &status, 0) != pid || status;
		}
	EOF
}

# warned WORD PROGRAM...: the summary of a run says it; so does --leak-exit, which does not pass.
warned() {
	local word=$1
	shift
	run -0 --separate-stderr "$TIDEMARK" run -f -o 'a.%p.tide' -- "$@"
	[[ $stderr == *"nothing was seen of "*"($word)"* ]] || fail "$* : $stderr"
	run -125 --separate-stderr "$TIDEMARK" run -q -f -o 'a.%p.tide' --leak-exit 23 -- "$@"
	[[ $stderr == *"($word)"* ]]
}

@test "a static program, however it is started" {
	for way in fork vfork spawn descriptor syscall execveat; do
		warned "statically linked" ./starts $way ./alone
	done
	PATH=$PWD:$PATH warned "statically linked" ./starts path alone
	PATH=$PWD:$PATH warned "statically linked" ./starts spawnp alone
	warned "statically linked" ./starts system ./alone
	warned "statically linked" sh -c './alone; ./seen'
}

@test "a script is what interprets it" {
	printf '#!%s/alone\n' "$PWD" >script
	printf '#! %s/script\n' "$PWD" >second
	printf '#!/bin/sh\nexit 0\n' >harmless
	chmod +x script second harmless
	warned "statically linked" ./starts fork ./script
	warned "statically linked" ./starts fork ./second
	run -0 --separate-stderr "$TIDEMARK" run -f -o 'a.%p.tide' -- ./starts fork ./harmless
	[[ $stderr != *"nothing was seen"* ]]
}

@test "a 32-bit program" {
	gcc -m32 -o narrow alone.c 2>/dev/null && ./narrow || skip "no 32-bit libc (package gcc-multilib)"
	warned "a 32-bit program" ./starts fork ./narrow
}

@test "a program with more privileges than its caller has" {
	cp seen raised
	chown 1 raised 2>/dev/null || skip "not root"
	chmod 4755 raised
	warned "started with more privileges than its caller has" ./starts fork ./raised
	chmod 755 raised
	run -0 --separate-stderr "$TIDEMARK" run -f -o 'a.%p.tide' -- ./starts fork ./raised
	[[ $stderr != *"nothing was seen"* ]]
}

@test "a program whose environment leaves the library out" {
	for way in own spawn-own syscall-own; do
		warned "started with an environment that leaves the library out" ./starts $way ./seen
	done
	warned "started with an environment that leaves the library out" env -i ./seen
	# What is seen is not warned of.
	for way in spawn syscall execveat; do
		run -0 --separate-stderr "$TIDEMARK" run -f -o 'a.%p.tide' -- ./starts $way ./seen
		[[ $stderr != *"nothing was seen of"* ]] || fail "$way: $stderr"
	done
}

@test "a program with capabilities of its file, started by another user than root" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	chmod 777 . && chmod 755 .. ../.. 2>/dev/null
	local nobody="setpriv --reuid 65534 --clear-groups"
	$nobody test -x "$TIDEMARK" -a -r "$SHIM" -a -x "$PWD/starts" || skip "not to be reached by another user"
	printf '#!/bin/sh\nexec %s "%s" "$@"\n' "$nobody" "$TIDEMARK" >other && chmod 755 other
	cp seen privileged
	# struct vfs_cap_data of linux/capability.h, revision 2: cap_net_raw, effective.
	python3 -c 'import os, struct; os.setxattr("privileged", "security.capability",
		struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))' || skip "no capabilities on this file system"
	TIDEMARK=$PWD/other warned "started with more privileges than its caller has" ./starts fork ./privileged
}

@test "what need not be seen does not matter" {
	run -0 --separate-stderr "$TIDEMARK" run -f -o 'a.%p.tide' --leak-exit 23 --allow-blind -- ./starts fork ./alone
	run -0 --separate-stderr "$TIDEMARK" run -f -o 'a.%p.tide' --leak-exit 23 --children seen -- ./starts fork ./alone
	[[ $stderr != *"nothing was seen"* ]]
	run -0 --separate-stderr "$TIDEMARK" run -f -o 'a.%p.tide' --leak-exit 23 -- ./starts fork ./seen
	[[ $stderr != *"nothing was seen"* ]]
	# Neither is a file that exec refuses.
	cp alone refused
	chmod -x refused
	run --separate-stderr "$TIDEMARK" run -f -o 'a.%p.tide' -- ./starts fork ./refused
	[[ $stderr != *"nothing was seen"* ]]
}

@test "the gate could not measure, unless its file accepts that" {
	run -3 --separate-stderr "$TIDEMARK" gate -- ./starts fork ./alone
	[[ $output$stderr == *"alone (statically linked)"* ]]
	printf '[scenario one]\ncommand = ./starts fork ./alone\n[limits]\nleaked = 0\nblind = allow\n' >a.gate
	run -0 --separate-stderr "$TIDEMARK" gate --config a.gate
	[[ $output$stderr == *"alone (statically linked); accepted"* ]] || fail "$output$stderr"
	# Where one program counts, others do not.
	printf '[scenario one]\ncommand = ./starts fork ./alone\nexe = starts\n[limits]\nleaked = 0\n' >b.gate
	run -0 --separate-stderr "$TIDEMARK" gate --config b.gate
}
