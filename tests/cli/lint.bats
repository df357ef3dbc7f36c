#!/usr/bin/env bats
# Each rule of scripts/lint sees its violation, in a copy of the sources.
load ../lib/helper
bats_require_minimum_version 1.5.0

setup_file() {
	mkdir "$BATS_FILE_TMPDIR/tree"
	(cd "$BATS_TEST_DIRNAME/../.." && tar -c --exclude=node_modules --exclude='*.tide' Makefile README.md .clang-format .ci shim report scripts tests/lib tests/skips) |
		tar -x -C "$BATS_FILE_TMPDIR/tree"
}

setup() {
	cp -a "$BATS_FILE_TMPDIR/tree" tree
	cd tree
}

# finds PART TEXT: this part of lint fails, and one of its findings begins with TEXT.
finds() {
	run -1 env B="$PWD/build" scripts/lint "$1"
	grep -qF -- "$2" <<<"$output" || fail "not found: $2: $output"
	[[ ${lines[-1]} == "lint: "*" found" ]]
}

# object FILE: its object, as the build would leave it.
object() {
	mkdir -p "build/$(dirname "$1")"
	gcc -w -c -Ireport -o "build/${1%.c}.o" "$1"
}

@test "the sources themselves: nothing" {
	run -0 scripts/lint calls includes layouts references scripts sizes
	[ "$output" = "lint: nothing found" ]
}

@test "an include that points up" {
	echo '#include "verbs/verb.h"' >>report/base/units.c
	finds includes "report/base/units.c:$(wc -l <report/base/units.c): includes verbs/verb.h, which points up"
}

@test "a third hash table, and an array that grows on its own" {
	echo '#include <search.h>' >>report/symbol/name.c
	finds calls "report/symbol/name.c:$(wc -l <report/symbol/name.c): a third hash table or list, beside struct index and uthash"
	echo 'int *x(int *a, int n) { return alloc_resize(a, (n + 1) * sizeof(*a)); }' >>report/symbol/name.c
	finds calls "report/symbol/name.c:$(wc -l <report/symbol/name.c): an array that grows without ARRAY_ADD"
}

@test "a system call that headers of older releases do not know" {
	sed -i '/"system.h"/d' report/base/ordinary.c
	finds calls "report/base/ordinary.c:$(grep -n SYS_openat2 report/base/ordinary.c | cut -d: -f1): SYS_openat2 without report/base/system.h"
	echo 'long f(void) { return SYS_futex_waitv; }' >>shim/spawn.c
	finds calls "shim/spawn.c:$(wc -l <shim/spawn.c): SYS_futex_waitv without shim/raw.h"
}

@test "a prefetch that the compiler may leave out" {
	echo 'void f(void *p) { __builtin_prefetch(p); }' >>report/analysis/reach.c
	finds calls "report/analysis/reach.c:$(wc -l <report/analysis/reach.c): a prefetch that fetch.h does not make"
}

@test "an include of another room that does not name it, and one of the own room that does" {
	echo '#include "units.h"' >>report/gate/gate_value.c
	echo '#include "base/units.h"' >>report/base/ini.c
	finds includes "includes units.h, which is not in this room"
	finds includes "includes base/units.h, which is in this room"
}

@test "a private header from outside of its room" {
	echo '#include "analysis/leaks_private.h"' >>report/verbs/cmd_leaks.c
	finds includes "includes analysis/leaks_private.h, which is private to analysis/"
}

@test "a header that is not a face of its room, and a face that is not there" {
	echo '#include "analysis/components.h"' >>report/verbs/cmd_leaks.c
	sed -i 's/`leaks.h`/`leaks.h`, `gone.h`/' report/README.md
	finds includes "includes analysis/components.h, which is not a face of analysis/"
	finds includes "report/README.md: gone.h is not in analysis/"
}

@test "headers of the shim: only layouts, and only in the rooms that read them" {
	echo '#include "shim/walk.h"' >>report/process/stop.c
	echo '#include "shim/freeze.h"' >>report/html/html_page.c
	finds includes "report/process/stop.c:$(wc -l <report/process/stop.c): includes shim/walk.h, which of the shim, report/ includes"
	finds includes "includes shim/freeze.h, which layouts of the shim are for"
}

@test "a header of report/ in the shim" {
	echo '#include "report/base/error.h"' >>shim/walk.c
	finds includes "includes report/base/error.h, which is not a file of the shim"
}

@test "a folder that is not one of the rooms" {
	mkdir report/attic
	echo 'int attic;' >report/attic/attic.c
	finds includes "report/attic/attic.c: attic/ is not one of the rooms"
}

@test "two files that call each other" {
	echo 'int two(void); int one(void) { return two(); }' >report/base/one.c
	echo 'int one(void); int two(void) { return one(); }' >report/base/two.c
	object report/base/one.c
	object report/base/two.c
	finds circles "report: a circle of calls: report/base/one report/base/two"
}

@test "a name that does not lead to its file" {
	echo 'int helper(void) { return 1; }' >report/base/path_join.c
	object report/base/path_join.c
	finds names "report/base/path_join.c: helper: does not begin with the file's name"
}

@test "a name that begins with its file's name, or with its face's, is right" {
	echo 'int units_more_a(void) { return 1; } int units_b(void) { return 1; }' >report/base/units_more.c
	object report/base/units_more.c
	run -0 env B="$PWD/build" scripts/lint names
}

@test "a struct of a file's layout without an assertion of its size" {
	printf 'struct tide_extra {\n\tint a;\n};\n' >>report/model/format.h
	finds layouts "struct tide_extra: no _Static_assert"
	sed -i 's/| 4 | u32 | arena | that it takes/| 4 | u32 | heap | that it takes/' report/model/FORMAT.md
	finds layouts "section 44: not the members and the size of struct tide_thread_arena"
}

@test "a function of more than 80 lines, a file of more than 600" {
	{
		printf 'int long_one(int n)\n{\n'
		yes '	n++;' | head -n 90
		printf '	return n;\n}\n'
		yes '' | head -n 600
	} >report/base/long.c
	finds sizes "report/base/long.c:2: a function of more than 80 lines"
	finds sizes "report/base/long.c: more than 600 lines"
}

@test "calls without a bound, calls that the shim may not make, unfinished work, blanks" {
	printf 'void f(char *a) { strcpy(a, "b"); } \n/* %s: later */\n' TO''DO >report/base/bad.c
	echo 'void g(void) { printf("x"); }' >>shim/walk.c
	finds calls "report/base/bad.c:1: banned call: void f"
	finds calls "shim/walk.c:$(wc -l <shim/walk.c): not in the shim: void g"
	finds calls "report/base/bad.c:1: blank at the end of the line"
	finds calls "report/base/bad.c:2: unfinished"
	printf '%s HEAD\n' '<<<<<<<' >>README.md
	finds calls "README.md:$(wc -l <README.md): the mark of a merge"
}

@test "a word from the list, in a comment over two lines, a message and a manual page" {
	printf '/* It is read\n * an''ew. */\nchar *s = "wro''ng use";\n' >report/base/words.c
	echo 'Limits are to''ld.' >>report/man/tidemark.1
	finds english "report/base/words.c:2: 'an""ew': again"
	finds english "report/base/words.c:3: 'wro""ng use': usage error"
	finds english "report/man/tidemark.1:$(wc -l <report/man/tidemark.1): 'are to""ld'"
	# As the name of a variable the word is allowed.
	echo 'int an''ew;' >report/base/words.c
	! scripts/lint english | grep words.c
}

@test "a file that a comment or a page names and that is not there" {
	echo '/* See shim/nowhere.h and report/base/units.h. */' >>report/base/path.h
	echo '`analysis/nothing.c` and `verbs/cmd_NAME.c`' >>report/README.md
	finds paths "report/base/path.h:$(wc -l <report/base/path.h): names shim/nowhere.h, which is not there"
	finds paths "report/README.md:$(wc -l <report/README.md): names analysis/nothing.c, which is not there"
}

@test "a rule that is defined twice, and one that is cited and not defined" {
	printf '/* path.h\n *\n * IM2  The same label as in process/image.h.\n */\n' >report/base/again.h
	echo '/* See IM97 and (ST1), and not x.IM98, IM99x or XXH3. */' >>shim/walk.c
	echo 'Rule S77 says more, and DESI'"GN 4." >>report/README.md
	finds references "report/process/image.h:10: rule IM2 is defined in report/base/again.h, too"
	finds references "shim/walk.c:$(wc -l <shim/walk.c): cites rule IM97, which is not defined"
	finds references "report/README.md:$(wc -l <report/README.md): cites rule S77, which is not defined"
	finds references "report/README.md:$(wc -l <report/README.md): cites DESI""GN 4, which is not here"
	[[ $output != *ST1* && $output != *IM98* && $output != *IM99* && $output != *XXH3* ]]
}

@test "a source that is not formatted" {
	command -v clang-format-14 >/dev/null || skip "no clang-format-14"
	echo 'int  a ;' >>report/base/path.h
	finds format "report/base/path.h:$(wc -l <report/base/path.h): not formatted"
}

@test "a library that takes from libc what may lock, or needs another library, or shows a name" {
	mkdir build
	printf '#include <stdio.h>\n#include <math.h>\ndouble extra(double x) { puts("x"); return cos(x); }\n' >extra.c
	gcc -shared -fPIC -o build/libtidemark.so extra.c -lm
	finds library "takes from libc what is not on the list in scripts/lint.d/library: puts"
	finds library "needs libm.so.6"
	finds library "shows what shim/hooks.def does not list: extra"
	finds library "binds lazily"
}

@test "a library that needs a younger glibc than it promises" {
	mkdir build
	printf 'void extra(void);\n__asm__(".symver extra, extra@GLIBC_2.99"); void *taken(void) { return extra; }\n' >extra.c
	printf 'GLIBC_2.99 { extra; };\n' >extra.map
	printf 'void extra(void) {}\n' >young.c
	gcc -shared -fPIC -Wl,-soname,libc.so.6 -Wl,--version-script=extra.map -o young.so young.c
	gcc -shared -fPIC -o build/libtidemark.so extra.c ./young.so -nostdlib
	finds library "needs what glibc 2.28 does not have: GLIBC_2.99"
}

@test "a command without its guards" {
	mkdir build
	echo 'int main(void) { return 0; }' >main.c
	gcc -no-pie -Wl,-z,lazy -Wl,-z,norelro -o build/tidemark main.c
	finds command "is not position independent"
	finds command "binds lazily"
	finds command "has no RELRO"
	finds command "does not use __stack_chk_fail"
}

@test "a script that does not parse, a lock file that does not pin" {
	printf '#!/bin/bash\nif true\n' >scripts/bad
	printf '#!/usr/bin/python3\ndef f(:\n' >scripts/worse
	sed -i '0,/"integrity"/s//"was"/' report/html/web/package-lock.json
	finds scripts "scripts/bad: line"
	finds scripts "SyntaxError"
	finds scripts "report/html/web/package-lock.json: node_modules/"
}

@test "a part that fails is a finding; one that does not exist is a usage error" {
	printf '#!/bin/sh\nexit 3\n' >scripts/lint.d/broken
	chmod +x scripts/lint.d/broken
	finds broken "scripts/lint.d/broken: ended with status 3"
	run -2 scripts/lint nothing
	[[ $output == "lint: there is no part 'nothing'; there are: "* ]]
}
