#!/usr/bin/env bats
# Where a snapshot cannot be written: full, read-only and missing folders, links
# laid out as traps, other users. The program runs as it would, with its own
# status, and one line says what is missing.

bats_require_minimum_version 1.5.0
load ../lib/helper

program() {
	cat >program.c <<-'END'
		#include <stdio.h>
		#include <stdlib.h>
		int main(void) { for (int i = 0; i < 20000; i++) { void *p = malloc(100); if (i % 2) free(p); } puts("ran"); return 5; }
	END
	gcc -O1 -o program program.c
}

as_nobody() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR/../.." 2>/dev/null || true
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

# ran as it would: status 5, its own output, and a line of ours
ran_and_said() {
	[ "$status" = 5 ] || fail "status $status: $output"
	[[ $output == *ran* ]] || fail "$output"
	[[ $output == *tidemark:* ]] || fail "nothing was said: $output"
}

@test "a folder that is not there" {
	program
	run timeout 60 "$TIDEMARK" run -o /dev/null/folder/x.tide -- ./program
	ran_and_said
}

@test "a folder that may not be written" {
	program
	mkdir closed && chmod 555 closed
	if [ "$(id -u)" = 0 ]; then
		run as_nobody timeout 60 "$TIDEMARK" run -o closed/x.tide -- ./program
	else
		run timeout 60 "$TIDEMARK" run -o closed/x.tide -- ./program
	fi
	ran_and_said
	[ -z "$(ls -A closed)" ]
}

@test "a full disk" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	program
	mkdir small
	mount -t tmpfs -o size=16k none small || skip "may not mount"
	dd if=/dev/zero of=small/fill bs=1k count=16 2>/dev/null || true
	run timeout 60 "$TIDEMARK" run -o small/x.tide -- ./program
	left=$(ls small)
	umount small
	ran_and_said
	[ "$left" = fill ] || fail "left behind: $left"
}

@test "a full /dev/shm" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	program
	run timeout 60 unshare -m sh -c 'mount -t tmpfs -o size=64k none /dev/shm && dd if=/dev/zero of=/dev/shm/fill bs=1k 2>/dev/null;
		exec "$0" run -o x.tide -- ./program' "$TIDEMARK"
	[ "$status" = 5 ] || fail "status $status: $output"
	[[ $output == *ran* ]]
}

@test "no /dev/shm and no /tmp to write to" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	program
	run timeout 60 unshare -m sh -c 'mount -t tmpfs -o ro none /dev/shm && mount -t tmpfs -o ro none /var/tmp && exec "$0" run -o x.tide -- ./program' "$TIDEMARK"
	[ "$status" = 5 ] || fail "status $status: $output"
	[[ $output == *ran* ]]
}

@test "snapshots are private, and whole or absent" {
	program
	"$TIDEMARK" run -q -o x.tide -- ./program || [ $? = 5 ]
	[ "$(stat -c %a x.tide)" = 600 ]
	[ "$(ls -A | grep -c tide)" = 1 ] || fail "left behind: $(ls -A)"
}

@test "a link laid out where the snapshot goes is not followed" {
	program
	echo precious >target
	ln -s target x.tide
	"$TIDEMARK" run -q -o x.tide -- ./program || [ $? = 5 ]
	[ "$(cat target)" = precious ]
}

@test "a setuid program runs, and one line says why nothing is seen" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	program
	cp program setuid_program && chown root setuid_program && chmod 4755 setuid_program
	mkdir open && chmod 777 open
	run as_nobody timeout 60 "$TIDEMARK" run -o open/x.tide -- ./setuid_program
	ran_and_said
	[[ $output == *setuid* ]] || fail "$output"
	[ -z "$(ls -A open)" ]
}

@test "a program without the right to execute, and one that is not there" {
	program
	chmod 644 program
	run "$TIDEMARK" run -- ./program
	[ "$status" = 126 ] || fail "$status"
	run -127 "$TIDEMARK" run -- ./there_is_no_such_program
	[ "$status" = 127 ] || fail "$status"
	run -127 "$TIDEMARK" run -- there_is_no_such_program_on_the_path
	[ "$status" = 127 ] || fail "$status"
}

@test "an unprivileged user" {
	program
	mkdir open && chmod 777 open
	run as_nobody timeout 60 "$TIDEMARK" run -o open/x.tide -- ./program
	[ "$status" = 5 ] || fail "status $status: $output"
	[ -e open/x.tide ] || fail "$output"
}

@test "another user's process cannot be taken" {
	program
	sleep 30 &
	sleeper=$!
	run as_nobody timeout 30 "$TIDEMARK" snap -o /tmp/never.tide $sleeper
	kill $sleeper
	[ "$status" != 0 ] || fail "$output"
	[ ! -e /tmp/never.tide ]
}
