#!/usr/bin/env bats
# Allocations of real programs, counted by tidemark and by Valgrind ("total heap
# usage"): equal to the block.
#
# Some programs do not make the same calls twice; what they do differently is
# made equal where that is possible, and else counted on both sides:
#
# environment   tidemark and Valgrind add variables to it; a program that copies its
#               environment (redis, perl, python) makes as many blocks more as there are
#               more of these. The run under Valgrind gets as many.
# usable size   Valgrind's malloc_usable_size() is what was requested, jemalloc's and glibc's
#               is more; redis grows strings into the rest without a call. See lib_requested.c.
# hash seeds    of perl and python are fixed.
# addresses     cc1's collector makes a table of 32 KiB for each 16 MiB of addresses that
#               its pages fall into, and one of 2064 bytes for each 4 GiB: as many as
#               mmap's choice of addresses makes it. They are subtracted from both.

load ../lib/helper

setup() {
	command -v valgrind >/dev/null || skip "no valgrind"
	cd "$BATS_TEST_TMPDIR"
}

ours() {
	env "${OURS[@]}" LD_PRELOAD=$PRELOAD "$TIDEMARK" run -q -f --no-references -o counts.tide -- "$@" >/dev/null 2>&1 </dev/null || true
	"$TIDEMARK" stat --json -n 1 counts.tide |
		/usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["totals"]["total_blocks"])'
}

theirs() {
	env "${THEIRS[@]}" valgrind --log-file=counts.log "$@" >/dev/null 2>&1 </dev/null || true
	sed -n 's/.*total heap usage: \([0-9,]*\) allocs.*/\1/p' counts.log | tr -d ,
}

# variables PATTERN COMMAND...: how many like this the program under it sees. A value may have several lines.
variables() {
	local pattern=$1
	shift
	"$@" env -0 2>/dev/null | grep -zcE "$pattern"
}

# As many as tidemark adds to the environment and Valgrind does not (its launcher, a shell, even takes some
# away), and the other way round. Values of one character are variables of their own kind: python keeps no
# block for these.
padding() {
	local value pattern more i
	OURS=() THEIRS=()
	for value in x xx; do
		[ $value = x ] && pattern='^[^=]*=.?$' || pattern='^[^=]*=..'
		more=$(($(variables "$pattern" "$TIDEMARK" run -q -f --no-references -o env.tide --) -
			$(variables "$pattern" valgrind -q)))
		for ((i = more; i > 0; i--)); do THEIRS+=("PADDING_$value$i=$value"); done
		for ((i = more; i < 0; i++)); do OURS+=("PADDING_$value$i=$value"); done
	done
}

equal() {
	local a b
	padding
	a=$(ours "$@")
	b=$(theirs "$@")
	[ -n "$a" ] && [ "$a" = "$b" ] || fail "$*: tidemark '$a', Valgrind '$b'"
}

@test "sqlite3" {
	equal sqlite3 :memory: 'create table t(a); insert into t values(1),(2),(3); select sum(a) from t'
}

@test "git" { equal git --version; }

# The snapshot of a Python program is taken before its end tears the interpreter down, so these end
# without that. Valgrind sees pymalloc's arenas, not the objects in them.
@test "python3" {
	export TIDEMARK_PYTHON_OBJECTS=no
	equal /usr/bin/python3 -I -S -c 'import os; print(sum(range(1000)), flush=True); os._exit(0)'
}

@test "python3 at full start, every object a block of malloc" {
	export PYTHONMALLOC=malloc PYTHONHASHSEED=0
	equal /usr/bin/python3 -c 'import os; print(sum(range(1000)), flush=True); os._exit(0)'
}

@test "perl" {
	export PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0
	equal perl -e 1
}

@test "gcc, the driver" { equal gcc --version; }

@test "redis-server, with jemalloc below" {
	command -v redis-server >/dev/null || skip "no redis-server"
	gcc -O1 -shared -fPIC -o requested.so "$BATS_TEST_DIRNAME/lib_requested.c" -ldl -pthread
	PRELOAD=$PWD/requested.so
	equal redis-server --version
	# Without it the program itself makes other calls: what tidemark counts then is right as well.
	[ "$(PRELOAD='' ours redis-server --version)" -lt "$(ours redis-server --version)" ]
}

# Blocks of cc1's page tables, as tidemark and as Valgrind's trace of calls tell them.
our_tables() {
	"$TIDEMARK" export -q counts.tide --to dhat --measure total_blocks -o counts.json
	/usr/bin/python3 -c '
import json, sys
d = json.load(open("counts.json"))
print(sum(p["tbk"] for p in d["pps"] if p["tb"] / p["tbk"] in (32768, 2064)
	and ": xcalloc " in d["ftbl"][p["fs"][0]]))'
}

their_tables() { grep -cE 'calloc\((4096,8|1,2064)\)' counts.log; }

@test "cc1, but for the tables that its addresses decide about" {
	local cc1 a b
	cc1=$(gcc -print-prog-name=cc1)
	printf '#include <stdio.h>\nint main(void)\n{\n\tputs("hello");\n}\n' >hello.c
	for i in 1 2 3; do
		a=$(ours "$cc1" -quiet -O1 hello.c -o hello.s)
		b=$(theirs --trace-malloc=yes "$cc1" -quiet -O1 hello.c -o hello.s)
		[ "$(our_tables)" -ge 2 ] && [ "$(their_tables)" -ge 2 ] || fail "no tables"
		[ $((a - $(our_tables))) = $((b - $(their_tables))) ] ||
			fail "tidemark $a with $(our_tables) tables, Valgrind $b with $(their_tables)"
	done
}
