#!/usr/bin/env bats
# Types of native blocks against the truth: programs that print the true type of each block that they make.

load ../lib/helper
bats_require_minimum_version 1.5.0

teardown() { [ -z "${child:-}" ] || kill "$child" 2>/dev/null || true; }

# judge TRUTH SNAPSHOT RECALL: no type is wrong (but for coincidences), and what can be known has a type.
judge() {
	rm -f judge.db
	"$TIDEMARK" export --to sqlite -o judge.db "$2"
	/usr/bin/python3 - "$@" <<-'END'
		import collections, re, sqlite3, sys
		truth = dict(line.rstrip("\n").split(" ", 1) for line in open(sys.argv[1]))
		# Compilers write a name in several ways; a shape tells no arguments.
		spell = lambda name: re.sub(r"\s+(?=[>*])|(?<=,)\s+|__1::|__cxx11::", "", name).replace("long unsigned int", "unsigned long")
		def same(got, name, evidence):
		    name = spell(name.lstrip("?"))
		    return spell(got) == name or evidence == "shape" and spell(got) == re.sub(r"<.*>", "", name)
		have = {}
		for address, size, name, evidence in sqlite3.connect("judge.db").execute("SELECT address, bytes, type, evidence FROM block"):
		    have["0x%x" % address if isinstance(address, int) else address] = size, name, evidence
		typed = right = known = found = 0
		wrong, missed = collections.Counter(), collections.Counter()
		for address, name in truth.items():
		    size, got, evidence = have[address]
		    if name[0] != "?":
		        known += size
		        found += size if got else 0
		        missed[name] += size if not got else 0
		    if got:
		        typed += 1
		        right += same(got, name, evidence)
		        if not same(got, name, evidence):
		            wrong[name, got, evidence] += 1
		print("precision %.4f, recall %.4f of %d bytes" % (right / typed, found / known, known))
		print("wrong:", wrong.most_common(5), "missed:", [m for m in missed.most_common(5) if m[1]])
		sys.exit(right < 0.998 * typed or found < float(sys.argv[3]) * known)
	END
}

walk() {
	"$@" wait >/dev/null 2>&1 3>&- &
	child=$!
	await "grep -q '^34 ' \"/proc/$child/syscall\" 2>/dev/null"
	# A machine that is busy may take longer than snap waits.
	for _ in 1 2 3 4 5; do "$TIDEMARK" snap -q -o walked.tide "$child" && break; done
	kill "$child"
	child=
}

# compare COMPILER SOURCE RUN WALKED [FLAGS...]: the types of a run and of a walk of the program; RUN and WALKED are what
# of each must be found.
compare() {
	local flags
	for flags in -O0 -O2; do
		$1 -g $flags "${@:5}" -o app "$ROOT/tests/programs/$2"
		rm -f run.tide walked.tide
		"$TIDEMARK" run -q -o run.tide ./app run.truth
		run judge run.truth run.tide "$3"
		[ "$status" = 0 ] || fail "run $flags: $output"
		walk ./app walked.truth
		run judge walked.truth walked.tide "$4"
		[ "$status" = 0 ] || fail "walked $flags: $output"
	done
}

@test "C: blocks have their true types by what points to them" { compare gcc true_types_c.c 0.99 0.70; }

@test "C++: inheritance, templates, stale vtables, containers" { compare g++ true_types_cc.cc 0.99 0.99; }

@test "C++ with libc++: inheritance, templates, stale vtables, containers" {
	libcxx
	compare "$LIBCXX" true_types_cc.cc 0.99 0.99
}

# What containers allocate, stripped too.
compare_containers() {
	compare "$1" true_types_std.cc 0.99 0.90 -std=c++17
	strip app
	rm -f run.tide walked.tide
	"$TIDEMARK" run -q -o run.tide ./app run.truth
	run judge run.truth run.tide 0.50
	[ "$status" = 0 ] || fail "stripped run: $output"
	walk ./app walked.truth
	run judge walked.truth walked.tide 0.50
	[ "$status" = 0 ] || fail "stripped walk: $output"
}

@test "C++: all containers of libstdc++" { compare_containers g++; }

@test "C++: all containers of libc++" {
	libcxx
	compare_containers "$LIBCXX"
}

@test "lines of source: what is assigned to, and names in scopes" {
	for flags in -O0 -O2; do
		gcc -g $flags -o lines "$ROOT/tests/programs/true_types_lines.c"
		g++ -g $flags -o scopes "$ROOT/tests/programs/true_types_lines_cc.cc"
		for program in lines scopes; do
			rm -f $program.tide
			"$TIDEMARK" run -q -o $program.tide ./$program $program.truth
			run judge $program.truth $program.tide 0.99
			[ "$status" = 0 ] || fail "$program $flags: $output"
		done
	done
}

@test "variables of functions: frames of threads, recursion, inlined functions, scopes, slots not written yet" {
	for compiler in gcc clang; do compare "$compiler -pthread" stack_types.c 0.99 0.99; done
}

@test "variables of C++ functions: containers, objects that are caught, templates, closures, references" {
	for compiler in g++ clang++; do compare "$compiler -pthread -std=c++17" stack_types_cc.cc 0.99 0.99; done
}

# Lines of source say no type here: all blocks come from one call. Lists are linked by address, up and down, and the
# last blocks are held by pointers of two types.
order_program() {
	cat >order.c <<-'SOURCE'
		#include <stdlib.h>
		struct up { struct up *next; void *own; long a[4]; };
		struct down { struct down *next; struct leaf *leaf; long a[2]; };
		struct leaf { struct leaf *self; long a[8]; };
		struct one { struct one *next; long a[10]; };
		struct two { struct two *next; double a[10]; };
		struct up *first_up;
		struct down *first_down;
		struct { struct one *one; struct two *two; } both[10];
		void *get(unsigned long bytes) { return calloc(1, bytes); }
		int main(int argc, char **argv)
		{
			struct up **end = &first_up;

			for (int i = 0; i < 500; i++) {
				struct down *d = get(sizeof *d);

				d->next = first_down;
				first_down = d;
				d->leaf = get(sizeof *d->leaf);
				d->leaf->self = d->leaf;
				*end = get(sizeof **end);
				end = &(*end)->next;
			}
			for (int i = 0; argc > 1 && i < 10; i++) {
				both[i].one = get(sizeof *both[i].one);
				both[i].two = (struct two *)both[i].one;
			}
			(void)argv;
			return 0;
		}
	SOURCE
	gcc -O0 -g -w -o order order.c
}

@test "types by pointers do not depend on where blocks lie, and where pointers disagree there is none" {
	order_program
	for argument in "" both; do
		"$TIDEMARK" run -q -f -o order.tide -- ./order $argument
		rows="$(json "$("$TIDEMARK" types --json order.tide)" \
			'sorted((r["type"], r["blocks"]) for r in d["native"]["types"] if r["blocks"] > 1)')"
		echo "$rows"
		[ "$rows" = "[('down', 500), ('leaf', 500), ('up', 500)]" ]
	done
}
