#!/usr/bin/env bats
# The recipes of scripts/ci and scripts/services, run as they are: a program that loses
# memory makes each of them fail, and a clean one does not.
load ../lib/helper

setup() {
	# The gates build programs of their own and judge them with --self-test.
	! sanitized || skip "built with AddressSanitizer"
	/usr/bin/python3 -c 'import yaml' 2>/dev/null || skip "python3-yaml is not installed"
	PATH=$(dirname "$TIDEMARK"):$PATH
	cp "$ROOT/tests/programs/seed.c" .
}

# steps FILE PATH-TO-LIST KEY: the shell text of a workflow, without its installation.
steps() {
	/usr/bin/python3 -c '
import sys, yaml
d = yaml.safe_load(open(sys.argv[1]))
for step in eval(sys.argv[2], {"d": d}):
    text = step if isinstance(step, str) else step.get("run", "")
    if "Install" not in (step if isinstance(step, dict) else {}).get("name", ""):
        print(text)' "$@"
}

# A project as the workflows expect one: a Makefile and a gate file.
project() {
	printf 'all: ; $(CC) $(CFLAGS) -o unit seed.c\n' >Makefile
	printf '[scenario unit]\ncommand = ./unit %s 3\n' "$1" >tidemark.gate
}

@test "GitHub: the steps pass with a clean program, and fail and report with a leaking one" {
	steps "$ROOT/scripts/ci/github.yml" 'd["jobs"]["gate"]["steps"]' >steps.sh
	grep -q 'tidemark gate --junit' steps.sh
	project none
	GITHUB_ACTIONS=true run bash -e steps.sh
	[ "$status" = 0 ] || fail "$output"
	project lost
	GITHUB_ACTIONS=true run bash -e steps.sh
	[ "$status" = 1 ] || fail "$output"
	[[ $output == *"::error "*"lose_one"* ]] || fail "$output"
	# What the later steps upload is there.
	[ -s memory.sarif ] && [ -s memory.xml ] && [ -s memory.html ] && [ -d tidemark-gate ]
}

@test "GitLab: the script passes with a clean program, and fails and reports with a leaking one" {
	steps "$ROOT/scripts/ci/gitlab.yml" 'd["memory"]["script"]' >steps.sh
	grep -q 'tidemark gate --junit' steps.sh
	project none
	run bash -e steps.sh
	[ "$status" = 0 ] || fail "$output"
	project lost
	run bash -e steps.sh
	[ "$status" = 1 ] || fail "$output"
	for report in $(/usr/bin/python3 -c '
import sys, yaml
a = yaml.safe_load(open(sys.argv[1]))["memory"]["artifacts"]
print(*a["paths"], *a["reports"].values())' "$ROOT/scripts/ci/gitlab.yml"); do
		[ -e "$report" ] || fail "no $report"
	done
}

@test "CTest: the line of the recipe is a test that fails for a leak" {
	for mode in none lost; do
		sed "s/none/$mode/" >CMakeLists.txt <<-END
			cmake_minimum_required(VERSION 3.18)
			project(example C)
			enable_testing()
			add_executable(unit main.c)
			include($ROOT/scripts/ci/CMakeLists.txt)
		END
		printf '#define main seed\n#include "seed.c"\n#undef main\nint main(void) { char *v[] = { "unit", "%s", "3", 0 }; return seed(3, v); }\n' $mode >main.c
		cmake -S . -B "build.$mode" >cmake.log && cmake --build "build.$mode" >>cmake.log
		status=0
		ctest --test-dir "build.$mode" --output-on-failure >"$mode.log" || status=$?
		[ $mode = lost ] || [ $status = 0 ] || fail "$(cat none.log)"
	done
	[ $status != 0 ] && grep -q '3 blocks, 300 bytes lost' lost.log
}

@test "CTest: with the emulator every test runs under a gate of its own, side by side" {
	cat >CMakeLists.txt <<-END
		cmake_minimum_required(VERSION 3.18)
		project(example C)
		enable_testing()
		add_executable(unit seed.c)
		foreach(n RANGE 1 4)
		  add_test(NAME clean\${n} COMMAND unit none 3)
		endforeach()
		add_test(NAME leaky COMMAND unit lost 3)
	END
	emulator=$(sed -n 's/.*-DCMAKE_CROSSCOMPILING_EMULATOR="\([^"]*\)".*/\1/p' "$ROOT/scripts/ci/CMakeLists.txt")
	cmake -S . -B build -DCMAKE_CROSSCOMPILING_EMULATOR="$emulator" >cmake.log && cmake --build build >>cmake.log
	run ctest --test-dir build -j 4
	[ "$status" != 0 ]
	[[ $output == *"80% tests passed, 1 tests failed out of 5"* && $output == *"leaky (Failed)"* ]] || fail "$output"
}

@test "Meson: the recipe, and all tests through the wrapper" {
	# Meson takes a compiler from the environment; the test wants plain gcc.
	unset CC CFLAGS
	{
		echo "project('example', 'c')"
		echo "unit = executable('unit', 'main.c')"
		cat "$ROOT/scripts/ci/meson.build"
		echo "test('plain', unit)"
	} >meson.build
	printf '#define main seed\n#include "seed.c"\n#undef main\nint main(void) { char *v[] = { "unit", "lost", "3", 0 }; return seed(3, v); }\n' >main.c
	meson setup build >meson.log && ninja -C build >>meson.log
	run meson test -C build
	[ "$status" = 1 ] || fail "$output"
	[[ $output == *"memory"*"FAIL"* && $output == *"plain"*"OK"* ]] || fail "$output"
	wrapper=$(sed -n "s/.*--wrap '\([^']*\)'.*/\1/p" "$ROOT/scripts/ci/meson.build")
	run meson test -C build --wrap "$wrapper" plain
	[ "$status" = 1 ] || fail "$output"
}

@test "cargo: test programs run under the gate" {
	mkdir -p src .cargo
	cp "$ROOT/scripts/ci/cargo.toml" .cargo/config.toml
	printf '[package]\nname = "example"\nversion = "0.1.0"\nedition = "2021"\n' >Cargo.toml
	printf '#[test]\nfn works() { assert_eq!(vec![1, 2].len(), 2); }\n' >src/lib.rs
	run env CARGO_NET_OFFLINE=true cargo test --lib
	[ "$status" = 0 ] || fail "$output"
	[[ $output == *"gate: pass"* ]] || fail "$output"
	printf '#[test]\nfn forgets() { std::mem::forget(Box::new([7u8; 4096])); }\n' >src/lib.rs
	run env CARGO_NET_OFFLINE=true cargo test --lib
	[ "$status" != 0 ]
	[[ $output == *"gate: fail"* && $output == *forgets* ]] || fail "$output"
}

@test "pytest: the gate as a test" {
	project lost
	make CFLAGS=-g >/dev/null
	cp "$ROOT/scripts/ci/test_memory.py" .
	run /usr/bin/python3 -c 'import pathlib, test_memory; test_memory.test_memory(pathlib.Path("gate"))'
	[ "$status" = 1 ]
	[[ $output == *"3 blocks, 300 bytes lost"* ]] || fail "$output"
	project none
	/usr/bin/python3 -c 'import pathlib, test_memory; test_memory.test_memory(pathlib.Path("gate"))'
}

# service VARIABLE...: a daemon with this environment allocates 4711 bytes, and ends on SIGTERM.
service() {
	compile service <<-'END'
		#include <signal.h>
		#include <stdlib.h>
		#include <unistd.h>
		static volatile sig_atomic_t is_over;
		static void *kept;
		static void end(int s) { (void)s; is_over = 1; }
		int main(void)
		{
			signal(SIGTERM, end);
			kept = malloc(4711);
			if (write(1, "ready\n", 6) != 6)
				return 1;
			while (!is_over)
				pause();
			return 0;
		}
	END
	mkfifo ready
	env -i "$@" ./service >ready 3>&- &
	service=$!
	read -r _ <ready
	# The signal may come between the look at the flag and pause.
	while kill -0 $service 2>/dev/null; do
		kill -TERM $service 2>/dev/null || true
		sleep 0.1
	done
	wait $service
}

@test "systemd: the variables of the drop-in give a snapshot at the stop" {
	if command -v systemd-analyze >/dev/null; then
		{ printf '[Unit]\nDescription=an example\n'; sed 's|^\[Service\]|&\nExecStart=/bin/true|' "$ROOT/scripts/services/systemd.conf"; } >example.service
		run systemd-analyze verify --man=no "$PWD/example.service"
		[[ $output != *example.service* ]] || fail "$output"
	fi
	mkdir logs
	mapfile -t variables < <(sed -n 's/^Environment=//p' "$ROOT/scripts/services/systemd.conf" | sed "s/%%/%/g;
		s|/usr/lib/tidemark/libtidemark.so|$SHIM|; s|/var/log/tidemark|$PWD/logs|")
	[ ${#variables[@]} -ge 4 ]
	service "${variables[@]}" TIDEMARK_COLLECTOR="$TIDEMARK"
	snapshots=(logs/service.*.tide)
	[ ${#snapshots[@]} = 1 ]
	"$TIDEMARK" stat "${snapshots[0]}" | grep -q '4.60 KiB'
}

@test "container: the variables of the recipe give a snapshot at the stop" {
	mkdir -m 777 profiles
	/usr/bin/python3 -c '
import sys, yaml
app = yaml.safe_load(open(sys.argv[1]))["services"]["app"]
print(*(f"{k}={v}" for k, v in app["environment"].items()), sep="\n")' "$ROOT/scripts/services/compose.yaml" >lines
	mapfile -t variables < <(sed "s|/usr/lib/tidemark/libtidemark.so|$SHIM|; s|=/profiles|=$PWD/profiles|" lines)
	service "${variables[@]}" TIDEMARK_COLLECTOR="$TIDEMARK"
	snapshots=(profiles/service.*.tide)
	[ ${#snapshots[@]} = 1 ]
	"$TIDEMARK" stat "${snapshots[0]}" | grep -q '4.60 KiB'
}
