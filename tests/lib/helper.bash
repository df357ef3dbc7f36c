# helper.bash - what every .bats file loads: `load ../lib/helper`.
#
# $TIDEMARK and $SHIM are the command and the library under test; $PROGRAMS holds
# the built test programs (tests/programs, tests/bench). Each test runs in a
# folder of its own, $BATS_TEST_TMPDIR.

B=${B:-$BATS_TEST_DIRNAME/../../build}
B=$(cd "$B" && pwd)
TIDEMARK=${TIDEMARK:-$B/tidemark}
SHIM=${SHIM:-$B/libtidemark.so}
PROGRAMS=$B/tests/programs
BENCH=$B/tests/bench
ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
export TIDEMARK SHIM

# While bats counts the tests there is no folder yet.
cd "${BATS_TEST_TMPDIR:-.}" || exit 1

# compile NAME [FLAGS...] <<< SOURCE: a program (or with -shared a library) in
# the folder of the test. The source comes from stdin; .cc when CXX is wanted.
compile() {
	local name=$1
	shift
	cat >"$name.c"
	${CC:-gcc} -g -O1 -o "$name" "$name.c" -pthread -ldl "$@"
}

# json FILE-OR-STRING FILTER...: python's view of a JSON text. FILTER is an
# expression in `d`; it is printed.
json() {
	/usr/bin/python3 -c '
import json, sys
d = json.loads(sys.argv[1])
for e in sys.argv[2:]:
    print(eval(e))' "$@"
}

# fits WIDTH FILE: no line of a screen takes more columns (one a character).
fits() {
	/usr/bin/python3 -c '
import sys
wide = [l for l in open(sys.argv[2], encoding="utf-8").read().split("\n") if len(l) > int(sys.argv[1])]
for l in wide:
    print(len(l), l, file=sys.stderr)
sys.exit(bool(wide))' "$@"
}

# bounded SECONDS MEBIBYTES COMMAND...: runs it within these bounds, and says what was passed.
bounded() {
	/usr/bin/python3 "$ROOT/tests/lib/bounded.py" "$@"
}

# sanitized: the command is built with AddressSanitizer (make ASAN=1).
sanitized() {
	nm -D "$TIDEMARK" 2>/dev/null | grep -q ' __asan_init'
}

# await COMMANDS: runs them again and again until they succeed, for a minute at most. A busy machine may need that.
await() {
	local end=$((SECONDS + 60))
	until eval "$1"; do
		[ $SECONDS -lt $end ] || fail "a minute was not enough for: $1" || return 1
		sleep 0.05
	done
}

# libcxx: $LIBCXX is a C++ compiler with libc++; where its headers are not there, the test is skipped.
libcxx() {
	local why
	LIBCXX=$ROOT/tests/lib/clang++-libc++
	why=$("$ROOT/scripts/libcxx") || skip "$why"
}

# is_python 3.N: /usr/bin/python3 is of this release or a newer one.
is_python() {
	/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info[:2] < tuple(map(int, sys.argv[1].split("."))))' "$1"
}

# The kernel fills the holes of huge pages at any time, and the resident set grows by that. undisturbed COMMAND... runs
# it again, up to eight times, while it leaves $collapses other than collapses prints then.
collapses() { grep -s '^thp_collapse_alloc ' /proc/vmstat || echo none; }
undisturbed() {
	local tries
	for tries in 1 2 3 4 5 6 7 8; do
		"$@"
		[ "$collapses" != "$(collapses)" ] || break
	done
}

# One line of explanation when a test fails.
fail() {
	echo "$*" >&2
	return 1
}
