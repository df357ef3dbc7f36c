# tidemark doctor: says before the run what would go wrong in it.
load ../lib/helper
bats_require_minimum_version 1.5.0

# LEVEL and text of the check NAME, of --json output
check() {
	/usr/bin/python3 -c '
import json, sys
for c in json.loads(sys.argv[1])["checks"]:
    if c["check"] == sys.argv[2]:
        print(c["level"] + ": " + c["message"])' "$1" "$2"
}

empty() {
	compile "$@" <<<'int main(void) { return 0; }'
}

@test "this machine: a profile works" {
	run -0 "$TIDEMARK" doctor
	[[ $output == *"a profile works here"* ]]
	run -0 "$TIDEMARK" doctor --json
	[ "$(json "$output" 'd["works"]')" = True ]
	[ "$(json "$output" 'd["library"]')" = "$SHIM" ]
	[[ $(check "$output" library) == "ok: "* ]]
	[[ $(check "$output" kernel) == "ok: Linux "* ]]
}

@test "a good program, and one without debug information" {
	empty good
	run -0 "$TIDEMARK" doctor --json ./good
	[[ $(check "$output" debug-info) == "ok: ./good has debug information"* ]]
	empty bare -s
	run -0 "$TIDEMARK" doctor --json ./bare
	[[ $(check "$output" debug-info) == "warning: ./bare has no debug information, and no symbol table"* ]]
	strip -g -o half good
	run -0 "$TIDEMARK" doctor --json ./half
	[[ $(check "$output" debug-info) == "warning: ./half has no debug information: functions, but"* ]]
}

@test "nothing of the program is executed, of its loader and its auditors neither" {
	write='#include <stdio.h>
static void leave(void) { FILE *f = fopen("executed", "w"); if (f) fclose(f); }'
	compile ld-linux-evil.so.2 -static <<<"$write int main(void) { leave(); return 0; }"
	compile libaudit.so -shared -fPIC <<<"$write unsigned la_version(unsigned v) { leave(); return v; }
	__attribute__((constructor)) void c(void) { leave(); }"
	compile libown.so -shared -fPIC <<<"$write __attribute__((constructor)) void c(void) { leave(); } int own(void) { return 0; }"
	app="$write __attribute__((constructor)) void c(void) { leave(); } int main(void) { return 0; }"
	compile app ./libown.so <<<"$app"
	compile evil -Wl,--dynamic-linker="$PWD/ld-linux-evil.so.2" <<<"$app"
	compile audited -Wl,--audit="$PWD/libaudit.so" -Wl,--depaudit="$PWD/libaudit.so" <<<"$app"
	for program in app evil audited; do
		"$TIDEMARK" doctor --json "./$program" >$program.json || true
		[ ! -e executed ] || fail "$program: something of it was executed"
	done
	[[ $(check "$(cat evil.json)" loader) == "warning: its loader is $PWD/ld-linux-evil.so.2"* ]]
	[[ $(check "$(cat audited.json)" audit) == "warning: it names $PWD/libaudit.so"* ]]
	[ -z "$(check "$(cat app.json)" loader)" ]
	# The test can fail: all three would have left the file.
	./app && [ -e executed ]
}

@test "libraries are found by RUNPATH with its variables, and by LD_LIBRARY_PATH" {
	mkdir -p lib/deep
	compile lib/deep/libtwo.so -shared -fPIC -Wl,-soname,libtwo.so <<<'int two(void) { return 2; }'
	compile lib/libone.so -shared -fPIC -Wl,-soname,libone.so -Llib/deep -ltwo -Wl,-rpath,'$ORIGIN/deep' <<<'int two(void); int one(void) { return two() - 1; }'
	compile app -Llib -lone -Wl,-rpath,'${ORIGIN}/lib' -Wl,-rpath-link,lib/deep -Wl,--enable-new-dtags <<<'int one(void); int main(void) { return one() - 1; }'
	run -0 "$TIDEMARK" doctor --json ./app
	[[ $(check "$output" program) == "ok: "* ]]
	rm lib/deep/libtwo.so
	run -1 "$TIDEMARK" doctor --json ./app
	[[ $(check "$output" program) == "problem: "*"libtwo.so, which $PWD/lib/libone.so needs, was not found"* ]]
	compile lib/libtwo.so -shared -fPIC -Wl,-soname,libtwo.so <<<'int two(void) { return 2; }'
	run -0 env LD_LIBRARY_PATH="$PWD/none:$PWD/lib" "$TIDEMARK" doctor --json ./app
}

@test "static, setuid, own malloc, missing: problems, and what to do" {
	empty static -static
	run -1 "$TIDEMARK" doctor ./static
	[[ $output == *"problem  cannot profile ./static: it is statically linked"*"link it dynamically"* ]]
	compile own -fno-builtin <<<'static char h[9]; void *malloc(unsigned long n) { (void)n; return h; } int main(void) { return 0; }'
	run -1 "$TIDEMARK" doctor ./own
	[[ $output == *"malloc of its own"* ]]
	run -1 "$TIDEMARK" doctor ./no-such-program
	[[ $output == *"there is no such program"* ]]
	echo text >file
	run -1 "$TIDEMARK" doctor ./file
	[[ $output == *"cannot be executed"* ]]
	empty setuid
	if [ "$(id -u)" = 0 ]; then
		chown 12345 setuid && chmod 4755 setuid
		run -1 "$TIDEMARK" doctor ./setuid
		[[ $output == *setuid* ]]
	fi
}

@test "scripts are followed to what runs" {
	printf '#!/bin/sh\n' >script && chmod +x script
	run -0 "$TIDEMARK" doctor --json ./script
	[[ $(check "$output" script) == "ok: ./script is a script: what runs is /bin/sh"* ]]
}

@test "a library of the program that is not there" {
	compile libgone.so -shared -fPIC <<<'int gone(void) { return 0; }'
	compile app ./libgone.so <<<'int gone(void); int main(void) { return gone(); }'
	rm libgone.so
	run -1 "$TIDEMARK" doctor --json ./app
	[[ $(check "$output" program) == "problem: "*libgone.so* ]]
}

@test "an allocator that is linked" {
	compile libjemalloc.so.2 -shared -fPIC <<<'int f(void) { return 0; }'
	compile app ./libjemalloc.so.2 -Wl,-rpath,. <<<'int f(void); int main(void) { return f(); }'
	run -0 "$TIDEMARK" doctor --json ./app
	[[ $(check "$output" allocator) == "warning: "*"libjemalloc.so.2"* ]]
}

@test "an allocator inside, under other names: a problem, as gate says" {
	compile app <<<'void *_rjem_malloc(unsigned long n) { (void)n; return 0; } int main(void) { return 0; }'
	run -1 "$TIDEMARK" doctor --json ./app
	[[ $(check "$output" allocator) == "problem: jemalloc is linked inside"* ]]
}

@test "an environment in which nothing would be seen" {
	! sanitized || skip "built with AddressSanitizer"
	compile libown.so -shared -fPIC -fno-builtin <<<'#include <stddef.h>
void *__libc_malloc(size_t); void *malloc(size_t n) { return __libc_malloc(n); }'
	run -1 env LD_PRELOAD="$PWD/libown.so:$SHIM" TIDEMARK_COLLECTOR=/bin/true TIDEMARK_OUTPUT=/nowhere/x.tide "$TIDEMARK" doctor --json
	[[ $(check "$output" environment) == *"problem: $PWD/libown.so comes before libtidemark.so"* ]] || fail "$output"
	[[ $(check "$output" environment) == *"warning: TIDEMARK_OUTPUT is /nowhere/x.tide"* ]]
	run -0 env TIDEMARK_CHILDREN=none "$TIDEMARK" doctor --json
	[[ $(check "$output" environment) == "warning: TIDEMARK_CHILDREN=none is set"* ]]
}

@test "limits are reported" {
	! sanitized || skip "built with AddressSanitizer"
	run -0 bash -c 'ulimit -v 1000000; "$TIDEMARK" doctor --json'
	[[ $(check "$output" limits) == "warning: the limit of address space is "* ]]
	run -0 bash -c 'ulimit -f 1000; "$TIDEMARK" doctor --json'
	[[ $(check "$output" limits) == "warning: the limit of file size is "* ]]
}

@test "the environment is reported" {
	! sanitized || skip "built with AddressSanitizer"
	run -0 env LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libdl.so.2 "$TIDEMARK" doctor --json
	[[ $(check "$output" environment) == "warning: LD_PRELOAD is set"* ]]
}

@test "a ledger that was left behind is named, and can be read" {
	folder=/dev/shm/tidemark-$(id -u)
	[ -w /dev/shm ] || skip "/dev/shm cannot be written"
	compile killed <<<'#include <stdlib.h>
#include <signal.h>
void *held; __attribute__((noinline)) void keep(void) { held = malloc(4321); } int main(void) { keep(); raise(SIGKILL); }'
	# as when the collector went with it: nobody learns of the death
	LD_PRELOAD=$SHIM TIDEMARK_COLLECTOR=/bin/true TIDEMARK_OUTPUT=x.tide ./killed &
	pid=$!
	wait $pid || true
	left=$(ls "$folder/$pid".*.ledger 2>/dev/null) || fail "no ledger was left behind"
	run -0 "$TIDEMARK" doctor
	"$TIDEMARK" doctor --json >doctor.json
	rm -f "$left.keep" && cp "$left" ./copy.ledger && rm -f "$left"
	[[ $(check "$(cat doctor.json)" ledgers) == "warning: "*"ledger"* ]]
	run -0 "$TIDEMARK" stat --json ./copy.ledger
	[[ $output == *4321* ]]
}

@test "ledgers of a run that was killed; not those of one that goes on" {
	export TMPDIR=$PWD
	sleep 0.01 & dead=$!
	wait $dead
	before=$(check "$("$TIDEMARK" doctor --json)" ledgers)
	mkdir -m 700 tidemark-run-abc && echo $dead >tidemark-run-abc/run && echo x >tidemark-run-abc/$dead.1.ledger
	run -0 "$TIDEMARK" doctor --json
	# One is named; where others were left before, it may be one of them.
	after=$(check "$output" ledgers)
	[[ $after == *"$PWD/tidemark-run-abc/$dead.1.ledger"* || ($before == *tidemark-run-* && $after != "$before") ]]
	echo $$ >tidemark-run-abc/run
	run -0 "$TIDEMARK" doctor --json
	[[ $(check "$output" ledgers) != *tidemark-run-abc* ]]
}

@test "a folder of another user, with a FIFO in the place of its file, does not stop it" {
	[ "$(id -u)" = 0 ] || skip "only root can give a folder away"
	export TMPDIR=$PWD
	mkdir -m 755 tidemark-run-fifo && mkfifo tidemark-run-fifo/run && chown -R 65534 tidemark-run-fifo
	run -0 timeout 20 "$TIDEMARK" doctor
}

@test "without the library: a problem" {
	cp "$TIDEMARK" ./tidemark
	run -1 ./tidemark doctor
	[[ $output == *"libtidemark.so was not found"* ]]
	echo junk >libtidemark.so
	run -1 ./tidemark doctor
	[[ $output == *"the loader does not take"* ]]
	mkdir 'a b' && cp "$TIDEMARK" "$SHIM" 'a b/'
	run -1 'a b/tidemark' doctor
	[[ $output == *"cannot preload a path with a blank"* ]]
}

@test "csv, quiet, usage errors" {
	run -0 "$TIDEMARK" doctor --csv
	[ "${lines[0]}" = "check,level,message,hint" ]
	run -2 "$TIDEMARK" doctor a b
}

@test "a CPython without the GIL, and what is missing there" {
	for gil in 0 1; do
		compile "python$gil" <<<"
			__attribute__((section(\".PyRuntime\"))) unsigned long runtime[64] = { 0x7970677562656478, 0x030d05f0, $gil };
			int main(void) { return (int)runtime[0]; }"
	done
	run -0 "$TIDEMARK" doctor --json ./python1
	[[ $(check "$output" python) == "ok: its CPython runs without the GIL"* ]]
	run -0 "$TIDEMARK" doctor --json ./python0
	[ -z "$(check "$output" python)" ]
}
