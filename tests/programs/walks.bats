#!/usr/bin/env bats
# Every stack that the library takes is compared with a walk without its cache
# and with libunwind's (shim/oracle.c, in libtidemark-check.so): no difference.

load ../lib/helper

setup() {
	CHECK="$(dirname "$TIDEMARK")/libtidemark-check.so"
	[ -e "$CHECK" ] || fail "no $CHECK: make it"
	cd "$BATS_TEST_TMPDIR"
}

# walks LEAST COMMAND...: runs it; at least LEAST walks were compared, all equal.
walks() {
	local least=$1
	shift
	LD_PRELOAD=$CHECK TIDEMARK_ORACLE=$PWD/oracle TIDEMARK_COLLECTOR=/nonexistent \
		TIDEMARK_SESSION=$PWD/session "$@" >out 2>&1 </dev/null || fail "status $?: $(tail -n 5 out)"
	[ -e oracle ] || fail "nothing was compared"
	grep -q '^difference\|^own walks differ' oracle && fail "$(head -n 60 oracle)"
	awk '/^(own|libunwind) differences/ { bad += $NF } END { exit bad != 0 }' oracle || fail "$(tail -n 3 oracle)"
	awk -v least="$least" '/^compared/ { n += $2 } END { exit n < least }' oracle ||
		fail "only $(grep ^compared oracle)"
}

torture() {
	g++ -g -fno-builtin "$@" -o torture "$BATS_TEST_DIRNAME/torture.cc" -ldl
	walks 100000 ./torture
}

@test "frames of every shape: alloca, realigned, exceptions, longjmp, coroutines, signals, dlclose: -O0" { torture -O0; }
@test "the same: -O2" { torture -O2; }
@test "the same: -O2 -mavx2" { grep -q avx2 /proc/cpuinfo || skip "no AVX2"; torture -O2 -mavx2; }
@test "the same: -Os with frame pointers" { torture -Os -fno-omit-frame-pointer; }

# Stacks with frames of Python are python_site.c's.
@test "perl" {
	walks 20000 perl -e 'my %h; $h{$_} = [1, "x$_"] for 1 .. 20000; print scalar(keys %h), "\n"'
}

@test "the C compiler" {
	echo 'int f(int a) { return a * 3; } int g(int a) { return f(a) + f(a + 1); }' >x.c
	walks 5000 "$(gcc -print-prog-name=cc1)" -quiet -O2 x.c -o x.s
}

@test "a C++ program with maps and strings" {
	g++ -O2 -o maps "$BATS_TEST_DIRNAME/../bench/maps.cc"
	walks 100000 ./maps
}

@test "perl, sqlite3 and git" {
	walks 1000 perl -e 'my %h; $h{$_} = [$_] for 1..3000; print scalar keys %h'
	walks 100 sqlite3 :memory: 'create table t(a); insert into t values(1),(2); select sum(a) from t'
	walks 100 git --version
}

# Each stack that is found by what was remembered is hashed again, frame by frame.
@test "stacks of Python that are nearly alike, in every interpreter that is here" {
	local python
	for python in /usr/bin/python3 ~/.pyenv/versions/3.{8,9,10,11,12,13}.*/bin/python3; do
		[ -x "$python" ] || continue
		walks 100000 "$python" "$BATS_TEST_DIRNAME/python_leaves.py" 100
		rm oracle
	done
}
