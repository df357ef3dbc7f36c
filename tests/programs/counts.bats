#!/usr/bin/env bats
# Allocations of real programs, counted by tidemark and by Valgrind ("total heap
# usage"): equal to the block. Both add variables to the environment; a program
# that copies its environment makes as many blocks more as there are more of these.

load ../cli/helper

setup() {
	command -v valgrind >/dev/null || skip "no valgrind"
	cd "$BATS_TEST_TMPDIR"
}

ours() {
	"$TIDEMARK" run -q -f --no-references -o counts.tide -- "$@" >/dev/null 2>&1 </dev/null || true
	"$TIDEMARK" stat --json -n 1 counts.tide |
		/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["totals"]["total_blocks"])'
}

theirs() {
	env $PADDING valgrind --log-file=counts.log "$@" >/dev/null 2>&1 </dev/null || true
	sed -n 's/.*total heap usage: \([0-9,]*\) allocs.*/\1/p' counts.log | tr -d ,
}

equal() {
	local a b more i
	more=$(($("$TIDEMARK" run -q -f -o env.tide -- env 2>/dev/null | wc -l) - $(valgrind -q env 2>/dev/null | wc -l)))
	PADDING=
	for ((i = 0; i < more; i++)); do PADDING+=" PADDING_$i=x"; done
	a=$(ours "$@")
	b=$(theirs "$@")
	[ -n "$a" ] && [ "$a" = "$b" ] || fail "$*: tidemark '$a', Valgrind '$b'"
}

@test "sqlite3" {
	equal sqlite3 :memory: 'create table t(a); insert into t values(1),(2),(3); select sum(a) from t'
}

@test "git" { equal git --version; }

@test "python3" {
	equal /usr/bin/python3 -I -S -c 'print(sum(range(1000)))'
}
