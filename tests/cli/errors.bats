#!/usr/bin/env bats
# Errors with memory that the library sees: each is reported once, with its stacks, in all places; correct
# programs have none, and the program behaves as it does without us.

load ../lib/helper

# errors FILE: kind, count, and the innermost functions of the stacks.
errors() {
	/usr/bin/python3 - "$1" <<-'EOF'
		import json, os, subprocess, sys
		d = json.loads(subprocess.run([os.environ["TIDEMARK"], "info", "--json", sys.argv[1]], capture_output=True).stdout)
		def top(stack):
		    names = [f["function"].split("(")[0] for f in stack]
		    while names and names[0] in ("operator new", "operator new[]", "operator delete", "strdup", "__strdup"):
		        names.pop(0)
		    return names[0] if names else "-"
		for e in d["errors"]:
		    print(e["kind"], e["freed_by"], e["allocated_by"], top(e.get("stack", [])), top(e.get("allocation", [])))
	EOF
}

# one CASE KIND FREED-BY ALLOCATED-BY ALLOCATION: the error is seen, and the program ends as it does bare.
one() {
	local bare=0 under=0
	"$PROGRAMS/misuse" "$1" >bare.out 2>bare.err || bare=$?
	"$TIDEMARK" run -q -f -o x.tide -- "$PROGRAMS/misuse" "$1" >under.out 2>under.err || under=$?
	[ "$bare" = "$under" ] || fail "$1: exit $under, bare $bare"
	cmp bare.out under.out
	[ "$(errors x.tide)" = "$2 $3 $4 main $5" ] || fail "$1: $(errors x.tide)"
}

@test "a double free is seen wherever libc keeps the block, with the allocation" {
	for c in double double-in-use double-large double-top double-mapped double-unnoticed; do
		one $c double-free free malloc make
		# The first block of a call is timed, so what freed it is known; of the seventh nothing is claimed.
		first=$(json "$("$TIDEMARK" info --json x.tide)" '[f["function"].split("(")[0] for f in d["errors"][0].get("first_free") or []]')
		[[ $first == "['release', 'main', "* ]] || { [ $c = double-unnoticed ] && [ "$first" = '[]' ]; } ||
			fail "$c: first freed by $first"
	done
	one realloc-freed double-free realloc malloc make
}

@test "pointers that malloc never gave, and pointers into blocks" {
	for c in stack static mapping wild; do
		one $c foreign-free free None -
	done
	one inner inner-free free malloc make
	one inner-unaligned inner-free free malloc make
	one cookie inner-free delete 'new[]' main
}

@test "functions that do not belong together" {
	one new-free mismatch free new main
	one 'new[]-delete' mismatch delete 'new[]' main
	one 'new-delete[]' mismatch 'delete[]' new main
	one malloc-delete mismatch delete malloc make
	one 'strdup-delete[]' mismatch 'delete[]' malloc main
	one new-realloc mismatch realloc new main
	one aligned-delete mismatch delete 'new (aligned)' main
	one nothrow-free mismatch free 'new[]' main
	one many mismatch free new main
	[ "$(json "$("$TIDEMARK" info --json x.tide)" 'd["errors"][0]["count"] > 1')" = True ]
}

@test "a correct program has no errors: other doors of libc, fork, another libc, operators of its own" {
	"$TIDEMARK" run -q -f -o 'x.%p.tide' -- "$PROGRAMS/misuse" none
	for f in x.*.tide; do
		[ -z "$(errors "$f")" ] || fail "$(errors "$f")"
	done
	# Operators that the program replaces: what they call inside says nothing about their callers.
	for flags in "-O0" "-O2" "-O2 -static-libstdc++ -static-libgcc"; do
		cat >own.cc <<-'SOURCE'
			#include <cstdlib>
			#include <new>
			#include <string>
			#include <vector>
			#ifdef REPLACE
			void *operator new(size_t n) { void *p = malloc(n); if (!p) throw std::bad_alloc(); return p; }
			void operator delete(void *p) noexcept { free(p); }
			void operator delete(void *p, size_t) noexcept { free(p); }
			#endif
			int main()
			{
				for (int i = 0; i < 200; i++) {
					std::string s(1000, 'x');
					std::vector<std::string> v(10, s);
					int *volatile p = new int[10];
					delete[] p;
					p = new int;
					delete p;
				}
				return 0;
			}
		SOURCE
		for replace in "" -DREPLACE; do
			g++ $flags $replace -o own own.cc
			"$TIDEMARK" run -q -f -o own.tide -- ./own
			[ -z "$(errors own.tide)" ] || fail "$flags $replace: $(errors own.tide)"
		done
	done
	# The same addresses again and again, through another door of libc: what malloc left in a block stays.
	compile doors <<-'SOURCE'
		#include <stdlib.h>
		void *__libc_malloc(size_t);
		int main(void)
		{
			for (int i = 0; i < 20; i++) {
				void *volatile p = malloc(40);
				free(p);
				p = __libc_malloc(40);
				free(p);
				p = malloc(2000);
				free(p);
				p = __libc_malloc(2000);
				free(p);
			}
			return 0;
		}
	SOURCE
	"$TIDEMARK" run -q -f -o doors.tide -- ./doors
	[ -z "$(errors doors.tide)" ] || fail "$(errors doors.tide)"
	# A module with an allocator of its own, and memory that crosses from one to the other by its rules.
	cat >module.c <<-'SOURCE'
		#include <stddef.h>
		static char arena[1 << 16];
		static size_t used;
		__attribute__((visibility("hidden"))) void *malloc(size_t n) { void *p = arena + used; used += (n + 31) & ~15ul; return p; }
		__attribute__((visibility("hidden"))) void free(void *p) { (void)p; }
		void work(void) { for (int i = 0; i < 100; i++) { void *volatile p = malloc(50); free(p); } }
	SOURCE
	gcc -O1 -shared -fPIC -fno-builtin -o libmodule.so module.c
	compile host ./libmodule.so <<-'SOURCE'
		#include <stdlib.h>
		void work(void);
		int main(void) { void *volatile p = malloc(50); work(); free(p); return 0; }
	SOURCE
	"$TIDEMARK" run -q -f -o host.tide -- ./host
	[ -z "$(errors host.tide)" ]
}

@test "nor has it under another allocator" {
	tried=0
	for name in libjemalloc.so.2 libmimalloc.so.2 libtcmalloc_minimal.so.4; do
		lib=$(ldconfig -p | awk -v name=$name '$1 == name { print $NF; exit }')
		[ -n "$lib" ] || continue
		rm -f x.*.tide
		LD_PRELOAD=$lib "$TIDEMARK" run -q -f -o 'x.%p.tide' -- "$PROGRAMS/misuse" none
		for f in x.*.tide; do
			[ "$(json "$("$TIDEMARK" info --json "$f")" 'd["errors"], d["snapshot"]["allocator"].endswith("'$name'")')" = '([], True)' ] ||
				fail "$name: $("$TIDEMARK" info "$f")"
		done
		tried=$((tried + 1))
	done
	[ $tried -gt 0 ] || skip "no other allocator is installed"
}

@test "a double free is seen under another allocator, where nothing else can have given the block" {
	compile twice -O0 <<<'#include <stdlib.h>
	static void again(void *p) { free(p); }
	int main(void) { void *p = malloc(24), *q = malloc(24); free(p); free(q); again(p); return 0; }'
	compile direct -O0 -ldl <<<'#include <stdlib.h>
	void *mallocx(size_t, int) __attribute__((weak));
	int main(void) { void *p = malloc(24); free(p); if (mallocx) free(mallocx(24, 0)); return 0; }'
	tried=0
	for name in libjemalloc.so.2 libmimalloc.so.2 libtcmalloc_minimal.so.4; do
		lib=$(ldconfig -p | awk -v name=$name '$1 == name { print $NF; exit }')
		[ -n "$lib" ] || continue
		LD_PRELOAD=$lib "$TIDEMARK" run -q -f -o x.tide -- ./twice 2>/dev/null || true
		[ "$(json "$("$TIDEMARK" info --json x.tide)" '[e["kind"] for e in d["errors"]]')" = "['double-free']" ] ||
			fail "$name: $("$TIDEMARK" info x.tide)"
		[ "$(json "$("$TIDEMARK" info --json x.tide)" 'd["errors"][0]["stack"][0]["function"], d["errors"][0]["allocation"][0]["function"]')" = "('again', 'main')" ] ||
			fail "$name: $("$TIDEMARK" info -v x.tide)"
		LD_PRELOAD=$lib "$TIDEMARK" run -q -f -o x.tide -- ./direct
		[ -z "$(errors x.tide)" ] || fail "$name: $(errors x.tide)"
		tried=$((tried + 1))
	done
	[ $tried -gt 0 ] || skip "no other allocator is installed"
}

@test "run, leaks and info show an error with its places" {
	run "$TIDEMARK" run -f -o x.tide -- "$PROGRAMS/misuse" double-unnoticed
	[[ "$output" == *"tidemark: error: double free of 0x"*": freed again by main "*"misuse.cc:"*", allocated by make"*"misuse.cc:"* ]]
	run "$TIDEMARK" leaks x.tide
	[[ "$output" == *"1 error of the program"*"double free of 0x"*"freed again by"*"main"*"allocated by"*"make"* ]]
	run "$TIDEMARK" info -v x.tide
	[[ "$output" == *"1 error of the program"* ]]
	[ "$(json "$("$TIDEMARK" leaks --json x.tide)" 'd["errors"][0]["kind"], d["errors"][0]["allocation"][0]["function"]')" = "('double-free', 'make(unsigned long)')" ]
	run "$TIDEMARK" run -f -o x.tide -- "$PROGRAMS/misuse" double
	[[ "$output" == *"the process died in this call"* ]]
}

@test "gate fails for an error, in each of its outputs, and not with errors = off" {
	run "$TIDEMARK" gate --limit leaked=off --junit j.xml --markdown m.md --gitlab l.json --html h.html --sarif s.json \
		-- "$PROGRAMS/misuse" new-free
	[ "$status" = 1 ]
	[[ "$output" == *"x error  block of 4 B was allocated with new and freed with free"*"limit errors = 0"* ]]
	for f in j.xml m.md l.json h.html s.json; do
		grep -q "freed with free" $f || fail "$f"
	done
	grep -q tidemark/error s.json
	run "$TIDEMARK" gate --json --limit leaked=off -- "$PROGRAMS/misuse" new-free
	[ "$(json "${output#survived}" '[(f["kind"], f["fails"], f["limit"], f["stack"][0]["function"]) for f in d["scenarios"][0]["findings"] if f["fails"]]')" = "[('error', True, 'errors = 0', 'main')]" ]
	run "$TIDEMARK" gate --limit leaked=off --limit errors=off -- "$PROGRAMS/misuse" new-free
	[ "$status" = 0 ]
	# A program that dies of it could not be measured, and the reason says where.
	run "$TIDEMARK" gate -- "$PROGRAMS/misuse" double
	[ "$status" = 3 ]
	[[ "$output" == *"because: the program was ended by signal 6"*"double free of 0x"*"by main"*"misuse.cc:"* ]]
}

@test "gate: two lines of one function are two findings, with one key" {
	compile two <<-'SOURCE'
		#include <stdlib.h>
		#include <string.h>
		static __attribute__((noinline)) void wipe(void) { volatile char s[8192]; memset((char *)s, 0, sizeof s); }
		static __attribute__((noinline)) void put(int n)
		{
			for (int i = 0; i < n; i++) {
				char *volatile p = malloc(10);
				p = NULL;
			}
			char *volatile q = malloc(20);
			q = NULL;
		}
		int main(void) { put(48); wipe(); return 0; }
	SOURCE
	run "$TIDEMARK" gate --json -- ./two
	[ "$status" = 1 ]
	[ "$(json "$output" 'sorted((f["blocks"], f["line"], f["stack"][0]["line"]) for f in d["scenarios"][0]["findings"])')" = "[(1, 10, 10), (48, 7, 7)]" ]
	[ "$(json "$output" 'len({f["site"] for f in d["scenarios"][0]["findings"]})')" = 1 ]
}

@test "a process that libc ends leaves its blocks, the error and the signal" {
	for c in double double-mapped inner wild; do
		run "$TIDEMARK" run -f -o x.tide -- "$PROGRAMS/misuse" $c
		[ "$(json "$("$TIDEMARK" info --json x.tide)" '(d["snapshot"]["reason"], d["snapshot"]["exit_signal"] in (6, 11), d["records"]["blocks"] > 0, d["errors"][0]["under_way"])')" = "('signal', True, True, True)" ] || fail $c
	done
	run "$TIDEMARK" leaks x.tide
	[[ "$output" == *"on fatal signal"*"the process died in this call"* ]]
	# What it survives leaves one snapshot, that of the end.
	# glibc 2.43 has no fast bins any more, and notices this one, too.
	"$TIDEMARK" run -q -o 'y.%p.tide' -- "$PROGRAMS/misuse" double-unnoticed || [ $? = 134 ]
	[ "$(ls y.*.tide | wc -l)" = 1 ]
}

@test "assertions, and what libc says before an abort that a handler turns into an exit" {
	compile asserts <<-'SOURCE'
		#include <assert.h>
		#include <stdlib.h>
		int main(int c, char **v) { (void)v; void *volatile p = malloc(20); assert(p && c > 5); return 0; }
	SOURCE
	run "$TIDEMARK" run -f -o x.tide -- ./asserts
	[[ "$output" == *"tidemark: aborted: asserts.c:3: main: assertion \`p && c > 5' failed"* ]]
	[ "$(json "$("$TIDEMARK" info --json x.tide)" '(d["snapshot"]["reason"], d["records"]["blocks"])')" = "('abort', 1)" ]
	compile handles <<-'SOURCE'
		#include <signal.h>
		#include <stdlib.h>
		#include <unistd.h>
		static void handle(int signal) { (void)signal; _exit(9); }
		int main(void)
		{
			signal(SIGABRT, handle);
			char *volatile p = malloc(100);
			p = p + 16;
			free(p);
			return 0;
		}
	SOURCE
	# What libc says depends on its version.
	said=$(./handles 2>&1 >/dev/null) || [ $? = 9 ]
	[[ $said == "free(): invalid "* ]]
	run "$TIDEMARK" run -f -o x.tide -- ./handles
	[ "$status" = 9 ]
	[[ "$("$TIDEMARK" info x.tide)" == *"$said"* ]]
	[ "$(json "$("$TIDEMARK" info --json x.tide)" '(d["errors"][0]["kind"], d["records"]["blocks"])')" = "('inner-free', 1)" ]
}

@test "code is read once for each call, not for each function that it calls" {
	command -v strace >/dev/null || skip "no strace"
	# Some do so through a function that jumps to free, and through a stub.
	compile wrap.so -shared -fPIC -O2 <<<'#include <stdlib.h>
		void give(void *p) { free(p); }'
	{
		echo 'void *new(unsigned long) __asm__("_Znwm"); void delete(void *) __asm__("_ZdlPv"); void *volatile kept;'
		echo '#include <stdlib.h>'
		echo 'void give(void *);'
		for i in {1..200}; do
			echo "__attribute__((noinline)) static void f$i(void) { void *p = new($i); kept = p; delete(p); kept = 0; }"
			echo "__attribute__((noinline)) static void g$i(void) { void *p = malloc($i); kept = p; give(p); kept = 0; }"
		done
		echo "int main(void) {"
		printf 'f%d(); g%d();\n' $(for i in {1..200}; do echo $i $i; done)
		echo "return 0; }"
	} | compile many ./wrap.so -lstdc++
	strace -o trace -e trace=process_vm_readv env LD_PRELOAD="$SHIM" TIDEMARK_COLLECTOR="$TIDEMARK" ./many
	# 600 calls (who allocated is not asked where the free is not known), some that shared a place in the table, and
	# what else the library reads.
	n=$(grep -c ^process_vm_readv trace)
	[ "$n" -ge 600 ] && [ "$n" -le 720 ] || fail "$n calls"
}

@test "what a call called is forgotten with its library" {
	for drop in free _ZdlPv; do
		compile "$drop.so" -shared -fPIC -lstdc++ <<-SOURCE
			void take(void *) __asm__("$drop");
			void drop(void *p) { take(p); __asm__ volatile(""); }
		SOURCE
	done
	compile plugins -lstdc++ <<-'SOURCE'
		#include <dlfcn.h>
		#include <stdio.h>
		#include <stdlib.h>
		void *new(unsigned long) __asm__("_Znwm");
		static void *use(const char *name, void *block)
		{
			void *l = dlopen(name, RTLD_NOW), *f = dlsym(l, "drop");
			((void (*)(void *))f)(block);
			dlclose(l);
			return f;
		}
		int main(void)
		{
			for (int i = 0; i < 3; i++)
				if (use("./free.so", malloc(20)) != use("./_ZdlPv.so", new(30)))
					puts("elsewhere");
			use("./free.so", new(40));
			return 0;
		}
	SOURCE
	run "$TIDEMARK" run -q -f -o x.tide -- ./plugins
	[ "$status" = 0 ]
	[ -z "$output" ] || skip "the libraries were not loaded at the same place"
	[ "$(errors x.tide)" = "mismatch free new drop main" ] || fail "$(errors x.tide)"
}

@test "run names each process that made an error" {
	run "$TIDEMARK" run -f -o 'x.%p.tide' -- sh -c "$PROGRAMS/misuse new-free; $PROGRAMS/misuse fine; true"
	[[ "$output" == *"misuse ("*") made 1 error: x."*".tide"*"next: tidemark leaks x."* ]]
}

@test "the page of html has errors with their stacks" {
	[ -s "$B/web/report.js" ] || skip "this build has no page: no node"
	"$TIDEMARK" run -q -f -o x.tide -- "$PROGRAMS/misuse" new-free
	"$TIDEMARK" html -q x.tide -o x.html
	/usr/bin/python3 - <<-'EOF'
		import base64, gzip, json, re
		text = open("x.html").read()
		found = re.search(r'<script[^>]*id="?data"?[^>]*>(.*?)</script>', text, re.S).group(1)
		d = json.loads(found)
		e = d["info"]["errors"]
		assert len(e) == 1 and e[0]["kind"] == "mismatch" and e[0]["stack"][0]["function"] == "main", e
		assert "of the program" in text
	EOF
}
