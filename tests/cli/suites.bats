#!/usr/bin/env bats
# tests/run and tests/only themselves: what they count, name, pick and fail for.
load ../lib/helper
bats_require_minimum_version 1.5.0

# suite LINE...: $PWD/run, which prints these lines of TAP.
suite() {
	{
		echo '#!/bin/sh'
		printf "echo '%s'\n" "$@"
	} >run
	chmod +x run
}

tests_run() {
	env -u TAP_DIR "$ROOT/tests/run" "$@"
}

@test "a skipped test is counted apart, and named with its reason" {
	suite '1..2' "ok 1 passes" "ok 2 wants a tool # skip no such tool"
	run -0 --separate-stderr tests_run "$PWD/run"
	[[ $output == *"skipped: $PWD/run: wants a tool: no such tool"* ]]
	[ "${lines[-1]}" = "1 passed, 0 failed, 1 skipped" ]
}

@test "--no-skips fails for a skipped test" {
	suite '1..2' "ok 1 passes" "ok 2 wants a tool # skip no such tool"
	run -1 --separate-stderr tests_run --no-skips "$PWD/run"
	[[ $stderr == *"1 skipped, and none may be"* ]]
	[ "${lines[-1]}" = "1 passed, 0 failed, 1 skipped" ]
}

@test "a suite that skips all of itself counts as one" {
	suite "1..0 # SKIP no browser"
	run -1 --separate-stderr tests_run --no-skips "$PWD/run"
	[[ $output == *"skipped: $PWD/run: no browser"* ]]
	[ "${lines[-1]}" = "0 passed, 0 failed, 1 skipped" ]
}

@test "a reason that lies in the machine is named, and does not fail" {
	suite '1..1' "ok 1 rings # skip no io_uring here"
	run -0 --separate-stderr tests_run --no-skips "$PWD/run"
	[[ $output == *"skipped by design: $PWD/run: rings: no io_uring here"* ]]
	[ "${lines[-1]}" = "0 passed, 0 failed, 1 skipped" ]
}

@test "a skipped test beside a failing one hides nothing" {
	suite '1..2' "not ok 1 fails" "ok 2 wants a tool # skip no such tool"
	run -1 --separate-stderr tests_run "$PWD/run"
	[[ $output == *"not ok 1 fails"* ]]
	[ "${lines[-1]}" = "0 passed, 1 failed, 1 skipped" ]
}

@test "each reason of tests/skips is one that some test gives" {
	while IFS= read -r line; do
		reason=${line%% -- *}
		grep -rqF --include='*.bats' --include='*.c' "${reason#not here: }" "$ROOT/tests" || fail "$reason: no test skips for it"
	done < <(grep -v '^#' "$ROOT/tests/skips")
}

@test "make check installs what browsers and viewers need; the build server lets nothing be skipped" {
	run -0 make -C "$ROOT" -n check NO_SKIPS=1
	[[ $output == *"scripts/setup build test"* && $output == *"scripts/setup web viewers"* ]]
	[[ $output == *"tests/run --no-skips"* ]]
	grep -q 'make check NO_SKIPS=1' "$ROOT/.ci/run"
	for group in "web:chromium" "viewers:golang-go"; do
		[[ " $("$ROOT/scripts/setup" --list "${group%:*}") " == *" ${group#*:} "* ]]
	done
}

@test "nothing that fits the name of a case is a failure" {
	suite '1..0'
	run -1 --separate-stderr env TEST_CASE=none "$ROOT/tests/run" "$PWD/run"
	[[ $stderr == *"nothing was run: no test is called 'none'"* ]]
}

@test "one case of a unit test: CMOCKA_TEST_FILTER" {
	cat >pick.c <<-'END'
		#include <setjmp.h>
		#include <stdarg.h>
		#include <stddef.h>
		#include <stdint.h>
		#include <cmocka.h>
		static void first(void **s) { (void)s; }
		static void second(void **s) { (void)s; fail(); }
		int main(void)
		{
			const struct CMUnitTest tests[] = { cmocka_unit_test(first), cmocka_unit_test(second) };
			return cmocka_run_group_tests(tests, NULL, NULL);
		}
	END
	gcc -w -o pick pick.c "$ROOT/tests/lib/filter.c" -lcmocka
	run -1 ./pick
	CMOCKA_TEST_FILTER='*irs*' run -0 ./pick
	[[ $output == *"1 test(s) run"* ]]
}

@test "make t=NAME: what it calls, and what it refuses" {
	run -0 make -C "$ROOT" -n t=scan c=close gdb=1
	[[ $output == *"tests/only 'scan' 'close' gdb"* ]]
	run -2 "$ROOT/tests/only"
	[[ $output == *"which test?"* ]]
	run -2 "$ROOT/tests/only" no_such_test
	[[ $output == *"no test is called 'no_such_test'"* ]]
	run -2 "$ROOT/tests/only" cli/stat "" gdb
	[[ $output == *"stat.bats is neither"* ]]
}

@test "a unit test that is not built says what to type" {
	run -1 env B="$PWD" TIDEMARK="$TIDEMARK" "$ROOT/tests/run" tests/unit/roots/scan_test.c
	[[ $output == *"is not built; type: make unit-programs, or: make t=scan"* ]]
}

@test "make help lists each target that is meant to be typed, in groups" {
	run -0 make -C "$ROOT" help
	for word in Build Test Source Install "  check-quick " "  compile_commands.json " "  one " "  demo "; do
		[[ $output == *$word* ]] || fail "$word: $output"
	done
}

@test "compile_commands.json names each source with its flags" {
	make --no-print-directory -C "$ROOT" -n compile_commands.json >commands
	sed -i "s|>compile_commands.json|>$PWD/out.json|" commands
	(cd "$ROOT" && bash "$BATS_TEST_TMPDIR/commands")
	/usr/bin/python3 - "$ROOT" <<-'EOF'
		import glob, json, os, sys
		entries = {e["file"]: e for e in json.load(open("out.json"))}
		os.chdir(sys.argv[1])
		for source in glob.glob("shim/*.c") + glob.glob("report/[a-l]*/*.c"):
		    assert entries[source]["directory"] == sys.argv[1], source
		assert "-ftls-model=initial-exec" in entries["shim/hooks.c"]["command"]
		assert "-Ireport" in entries["report/base/units.c"]["command"]
	EOF
}

# What the verbs print is fuzzed as far as verbs_forms.h goes.
@test "the fuzzer of verbs tries every verb that reads snapshots, with all its options, formats and keys" {
	/usr/bin/python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import craft; craft.small().save("s.tide")' "$ROOT/tests/lib"
	mkdir out
	printf '[scenario s]\ncommand = true\nbaseline = fuzz.base\n' >out/fuzz.gate
	: >out/fuzz.supp
	run /usr/bin/python3 - "$ROOT/tests/fuzz/verbs_forms.h" "$TIDEMARK" <<-'END'
		import os, re, subprocess, sys
		page = os.path.join(os.path.dirname(sys.argv[2]), "web/report.js")
		has_page = os.path.exists(page) and os.path.getsize(page) > 0
		forms = re.findall(r'^\t"(.*)",$', open(sys.argv[1]).read(), re.M)
		call = lambda *words: subprocess.run([sys.argv[2], *words], capture_output=True, text=True, errors="replace", timeout=60)
		# They start programs, or want a process.
		no_reader = {"run", "snap", "doctor"}
		# They change what a terminal or its user sees, or start programs.
		plain = {"help", "usage", "version", "color", "no-pager", "quiet", "interval", "self-test"}
		wrong = []
		for verb in re.findall(r"^  ([a-z]+)  +\S", call("--help").stdout, re.M):
		    if verb in no_reader:
		        continue
		    mine = [f.split() for f in forms if f.split()[0] == verb]
		    words = {w for f in mine for w in f} | {"-v" for f in mine if "-vv" in f}
		    text = call(verb, "--help").stdout
		    for short, name in re.findall(r"^ +(?:(-\w), )?--([a-z-]+)", text, re.M):
		        if name not in plain and not words & {short, "--" + name}:
		            wrong.append(f"no form has {verb} --{name}")
		    # Keys that a list of the help names: --by, --to, --show, --sort.
		    for name, keys in re.findall(r"--(by|to|show)=[A-Z]+ ((?:[^\n]|\n {10,})*)", text):
		        keys = re.sub(r"\(default: .*|of Python:|list only|group by|compare by|also \w+|\(default\)", "", " ".join(keys.split()))
		        keys = re.sub(r"\b(or)\b", ",", keys).replace("`", "")
		        given = {k for f in mine for a, b in zip(f, f[1:]) if a == "--" + name for k in b.split(",")}
		        for key in re.findall(r"(?:^|,)\s*([a-z]+)\s*(?=,|$)", keys):
		            if key not in given and key not in ("site", "live"):
		                wrong.append(f"no form has {verb} --{name} {key}")
		for form in forms:
		    verb, *words = form.split()
		    if verb == "html" and not has_page:
		        continue
		    words = ["s.tide" if w in ("F", "O") else re.sub("^D(?=/|$)", "out", w) for w in words]
		    r = call(verb, *words)
		    if r.returncode not in (0, 1, 3) and not (verb in ("refs", "tree") and "no " in r.stderr):
		        wrong.append(f"{form}: status {r.returncode}: {r.stderr[-200:]}")
		print("\n".join(wrong))
		sys.exit(bool(wrong))
	END
	[ "$status" = 0 ] || fail "$output"
}
