#!/usr/bin/env bats
# The gate on seeded leaks: the right verdict, for the right reason, in every output.

load ../lib/helper

# gate NAME EXIT [ARGS...]: runs the gate with --json into NAME.json, expects the status.
gate() {
	local name=$1 wanted=$2 got=0
	shift 2
	"$TIDEMARK" gate --json "$@" >"$name.json" 2>"$name.err" || got=$?
	[ "$got" = "$wanted" ] || {
		cat "$name.json" "$name.err" >&2
		fail "exit status $got, expected $wanted"
	}
}

# check NAME EXPRESSION...: each must be true; d is the verdict, f its failing findings.
check() {
	/usr/bin/python3 - "$@" <<-'EOF'
	import json, sys
	d = json.load(open(sys.argv[1] + ".json"))
	all = [x for s in d["scenarios"] for x in s["findings"]]
	f = [x for x in all if x["fails"]]
	kinds = {x["kind"] for x in all}
	for e in sys.argv[2:]:
	    assert eval(e), (e, json.dumps(d, indent=1)[:4000])
	EOF
}

# A command built with AddressSanitizer brings its own allocator: its own leak cannot be seen.
needs_self_test() {
	! sanitized || skip "built with AddressSanitizer"
}

seed() {
	compile seed <"$ROOT/tests/programs/seed.c"
}

scenario() {
	printf '[scenario s]\ncommand = %s\n' "$1" >tidemark.gate
	shift
	for line in "$@"; do
		echo "$line" >>tidemark.gate
	done
}

@test "nothing lost: pass, and the snapshots are kept" {
	seed
	gate out 0 -- ./seed none 50
	check out 'd["verdict"] == "pass"' 'd["status"] == 0' 'd["schema"] == 1' 'not f'
	ls tidemark-gate/seed/*.tide
}

@test "lost blocks: red, with function, file and line inside the source tree" {
	seed
	gate out 1 -- ./seed lost 20
	check out 'f[0]["kind"] == "leaked"' 'f[0]["blocks"] == 20' 'f[0]["bytes"] == 2000' \
		'f[0]["message"] == "20 blocks, 2000 bytes lost"' 'f[0]["function"] == "lose_one"' \
		'f[0]["file"] == "seed.c"' 'f[0]["line"] > 0' 'f[0]["limit"] == "leaked = 0"' \
		'f[0]["stack"][0]["function"] == "lose_one"' 'd["scenarios"][0]["name"] == "seed"' 'len(f) == 1'
}

@test "one block per 1, 20 and 200 rounds is seen" {
	seed
	for every in 1 20 200; do
		gate out 1 -- ./seed lost 400 $every
		check out "f[0]['blocks'] == 400 // $every"
	done
}

@test "a ring is a cycle; a list is its head, the rest is in the message" {
	seed
	gate out 1 -- ./seed ring 5
	check out 'f[0]["kind"] == "cycle"' 'f[0]["function"] == "make_ring"' 'sum(x["blocks"] for x in f) == 10' \
		'f[0]["message"] == "10 blocks, 560 bytes lost in a cycle"'
	gate out 1 -- ./seed head 1 50
	check out 'len(f) == 1' 'f[0]["kind"] == "leaked"' 'f[0]["function"] == "make_list"' \
		'f[0]["message"] == "1 block, 56 bytes lost, and 49 blocks, 2744 bytes below them"'
}

@test "a growing cache is red, a warming one and a busy pool are not" {
	seed
	scenario "./seed cache 400" "rounds = turn"
	gate out 1
	check out 'f[0]["kind"] == "growing"' 'f[0]["function"] == "cache_fill"' 'len(f) == 1'
	scenario "./seed cache 1000 20" "rounds = turn"
	gate out 1
	check out 'f[0]["kind"] == "growing"'
	scenario "./seed cache 4000 200" "rounds = turn"
	gate out 1
	check out 'f[0]["kind"] == "growing"'
	scenario "./seed warming 1000" "rounds = turn"
	gate out 0
	scenario "./seed cache 400"
	gate out 0
}

@test "too few rounds: could not measure" {
	seed
	scenario "./seed cache 50" "rounds = turn"
	gate out 3
	check out '"50 rounds" in d["scenarios"][0]["reason"]'
	scenario "./seed cache 50" "rounds = turn" "min-rounds = 20"
	gate out 1
	check out 'f[0]["kind"] == "growing"'
}

@test "a leak in a child process is seen; exe chooses" {
	seed
	scenario "./seed child"
	gate out 1
	check out 'f[0]["function"] == "lose_three"' 'f[0]["blocks"] == 3' 'len(d["scenarios"][0]["snapshots"]) >= 2'
	scenario "./seed child" "exe = other"
	gate out 3
	check out '"other" in d["scenarios"][0]["reason"]'
}

@test "crash, missing program, wrong status, time-out, static program: 3 and a JUnit error" {
	seed
	printf 'int main(void) { return 0; }\n' >still.c
	gcc -static -o still still.c
	for command in "./seed crash" "./no-such-program" "./seed status 3" "kill -9 \$\$" "./still"; do
		scenario "$command"
		gate out 3 --junit out.xml
		check out 'd["verdict"] == "cannot-measure"' 'd["scenarios"][0]["reason"]'
		grep -q '<error message=' out.xml
	done
	scenario "./seed status 3" "status = 3"
	gate out 0
	scenario "./seed hang" "timeout = 1s"
	gate out 3
	check out '"timeout" in d["scenarios"][0]["reason"]'
	gate out 3 -- ./still
	gate out 3 -- ./no-such-program
}

@test "baseline: missing is an error, accepted leaks pass, new ones do not, the ratchet lowers" {
	seed
	scenario "./seed lost 20" "baseline = mem/s.base"
	run "$TIDEMARK" gate
	[ "$status" = 2 ]
	[[ $output == *"gate --accept"* ]]
	run "$TIDEMARK" gate --accept
	[ "$status" = 2 ]
	gate out 0 --accept --why "known for years"
	grep -q '^# why: known for years$' mem/s.base
	grep -q ' 20 2000 20 2000 lose_one  seed.c$' mem/s.base
	grep -v '^#' mem/s.base | LC_ALL=C sort -c
	cp mem/s.base first.base
	gate out 0 --accept --why "known for years"
	cmp mem/s.base first.base
	gate out 0
	sed -i 's/lost 20/lost 21/' tidemark.gate
	gate out 1
	check out '"the baseline holds 20" in f[0]["message"]'
	gate out 1 --ratchet
	cmp mem/s.base first.base
	sed -i 's/lost 21/lost 5/' tidemark.gate
	gate out 0
	check out '"improved" in kinds'
	gate out 1 --strict
	gate out 0 --ratchet
	grep -q ' 5 500 5 500 lose_one' mem/s.base
	sed -i 's/lost 5/lost 6/' tidemark.gate
	gate out 1
}

@test "a leak that moved to another function is moved, not red" {
	seed
	scenario "./seed lost 20" "baseline = s.base"
	gate out 0 --accept --why known
	sed -i 's/seed lost/seed elsewhere/' tidemark.gate
	gate out 0
	check out '"moved" in kinds' 'not f'
	sed -i 's/elsewhere 20/elsewhere 21/' tidemark.gate
	gate out 1
}

@test "a process that outlives the command: could not measure" {
	seed
	scenario "sleep 3 & ./seed none 5"
	gate out 3
	check out '"1 process the command started still runs" in d["scenarios"][0]["reason"]'
	scenario "sleep 3 & ./seed none 5" "exe = seed"
	gate out 0
}

@test "a program whose memory was not seen does not pass; blind = allow accepts it, and says so" {
	compile unseen <<-'C'
		#include <stddef.h>
		static char heap[1 << 20];
		static size_t used;
		void *_rjem_malloc(size_t n) { void *p = heap + used; used += (n + 15) & ~15ul; return p; }
		void _rjem_free(void *p) { (void)p; }
		int main(void) { for (int i = 0; i < 100; i++) { volatile char *p = _rjem_malloc(100); p[0] = 1; } return 0; }
	C
	compile mixed <<-'C'
		#include <stdlib.h>
		char *volatile kept;
		void *_rjem_malloc(size_t n) { (void)n; return 0; }
		int main(void) { kept = malloc(100); free(kept); return 0; }
	C
	compile own -fno-builtin <<-'C'
		#include <stddef.h>
		static char heap[1 << 20];
		static size_t used;
		void *malloc(size_t n) { void *p = heap + used; used += (n + 15) & ~15ul; return p; }
		void free(void *p) { (void)p; }
		void *calloc(size_t a, size_t b) { return malloc(a * b); }
		void *realloc(void *p, size_t n) { (void)p; return malloc(n); }
		int main(void) { for (int i = 0; i < 100; i++) { volatile char *p = malloc(100); p[0] = 1; } return 0; }
	C
	compile mapped <<-'C'
		#include <stdlib.h>
		#include <string.h>
		#include <sys/mman.h>
		int main(void)
		{
			size_t bytes = 32 << 20;
			char *volatile p = malloc(10);
			free(p);
			p = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			memset(p, 1, bytes);
			return 0;
		}
	C
	compile nothing <<<'int main(void) { return 0; }'
	for program in unseen mixed own mapped nothing; do
		gate $program 3 -- ./$program
		check $program 'd["verdict"] == "cannot-measure"' "'$program' in d['scenarios'][0]['reason']"
		gate $program 0 --limit blind=allow --junit $program.xml -- ./$program
		check $program 'd["verdict"] == "pass"' 'any(x["kind"] == "cannot-measure" and "accepted" in x["message"] for x in all)'
		grep -q '<skipped message="[^"]*accepted' $program.xml
	done
	scenario "./seen; ./unseen"
	compile seen <<<'#include <stdlib.h>
	char *volatile kept; int main(void) { kept = malloc(9); free(kept); return 0; }'
	gate child 3
	scenario "./seen; ./unseen" "exe = seen"
	gate child 0
	scenario "./seen; ./unseen" "[limits]" "blind = allow"
	gate child 0
	scenario "./seen" "[limits]" "blind = 3"
	gate child 2
}

@test "snapshots that another gate still judges are not deleted, all others are" {
	seed
	gate one 0 -- ./seed none 50
	old=$(echo tidemark-gate/seed/*.tide)
	exec 9<tidemark-gate/seed
	flock -s 9
	gate two 0 -- ./seed none 50
	[ -e "$old" ] || fail "deleted while it was locked"
	check two 'len(d["scenarios"][0]["snapshots"]) == 1'
	exec 9<&-
	gate three 0 -- ./seed none 50
	[ ! -e "$old" ] && [ "$(ls tidemark-gate/seed | wc -l)" = 1 ] || fail "$(ls tidemark-gate/seed)"
}

@test "two gates at once in one folder see their own processes only" {
	seed
	cp seed clean
	for i in 1 2 3 4; do
		gate red$i 1 -- ./seed lost 20 &
		gate again$i 1 -- ./seed lost 20 &
		gate green$i 0 -- ./clean none 50 &
		wait -n
	done
	wait
	for i in 1 2 3 4; do
		check red$i 'f[0]["blocks"] == 20' 'len(d["scenarios"][0]["snapshots"]) == 1'
		check again$i 'f[0]["blocks"] == 20' 'len(d["scenarios"][0]["snapshots"]) == 1'
		check green$i 'd["verdict"] == "pass"' 'len(d["scenarios"][0]["snapshots"]) == 1'
	done
	# Nothing of what was under way is left.
	[ -z "$(find tidemark-gate -name '.*' -path '*/.*')" ] || fail "$(find tidemark-gate)"
}

@test "-q prints no passes" {
	seed
	run "$TIDEMARK" gate -q -- ./seed none 50
	[ "$status" = 0 ] && [ -z "$output" ] || fail "$output"
	run "$TIDEMARK" gate -q -- ./seed lost 20
	[ "$status" = 1 ]
	[[ $output == *"20 blocks, 2000 bytes lost"* ]]
}

@test "another libc or program than the baseline's: could not measure" {
	seed
	scenario "./seed none" "baseline = s.base"
	gate out 0 --accept --why known
	sed -i 's/^# libc: .*/# libc: musl 1.2/' s.base
	gate out 3
	check out '"musl" in d["scenarios"][0]["reason"]'
}

@test "suppressions: a reason is required, they cover, they expire, unused ones are reported" {
	seed
	scenario "./seed lost 20" "[suppress known]" "match = fun:lose_*" "why = told upstream"
	gate out 0
	check out '"suppressed" in kinds' 'any(x["suppression"] == "known" and x["blocks"] == 20 for x in all)'
	scenario "./seed lost 20" "[suppress known]" "match = file:seed.c" "why = x"
	gate out 0
	scenario "./seed lost 20" "[suppress known]" "match = fun:lose_*" "why = told upstream" "until = 2020-01-01"
	gate out 1
	check out '{x["kind"] for x in f} == {"leaked", "expired"}'
	scenario "./seed none" "[suppress known]" "match = fun:lose_*" "why = told upstream" "until = 2020-01-01"
	gate out 1
	scenario "./seed none" "[suppress known]" "match = fun:lose_*" "why = told upstream"
	gate out 0
	check out '"unused-suppression" in kinds'
	gate out 1 --strict
	printf 'leak:lose_one\n' >lsan.supp
	scenario "./seed lost 20" "[suppress list]" "import = lsan.supp" "why = shared with LeakSanitizer"
	gate out 0
	printf '{\n   one\n   Memcheck:Leak\n   fun:malloc\n   fun:lose_one\n   ...\n}\n' >vg.supp
	scenario "./seed lost 20" "[suppress list]" "import = vg.supp" "why = shared with Valgrind"
	gate out 0
}

@test "a leak that does not come back is flaky: told, and red with --strict" {
	seed
	rm -f again
	scenario "./seed sometimes"
	gate out 0
	check out '"flaky" in kinds'
	rm -f again
	gate out 1 --strict
}

@test "limits: the command line wins, budgets of sites and of the whole" {
	seed
	gate out 0 --limit leaked=20 -- ./seed lost 20
	gate out 1 --limit leaked=19 -- ./seed lost 20
	scenario "./seed cache 100" "[site cache_fill]" "live = 1KiB" "owner = @storage"
	gate out 1
	check out 'f[0]["kind"] == "over-budget"' 'f[0]["owner"] == "@storage"' 'f[0]["bytes"] == 5600'
	scenario "./seed cache 100" "[limits]" "live = 1MiB"
	gate out 0
	gate out 1 --limit live=1KiB
	run "$TIDEMARK" gate --limit live=+5%
	[ "$status" = 2 ]
	[[ $output == *"no baseline"* ]]
}

@test "a bad gate file: FILE:LINE, what, why, what was expected, exit 2" {
	printf '[scenario s]\ncommand = true\nstatus = many\n' >tidemark.gate
	run "$TIDEMARK" gate
	[ "$status" = 2 ]
	[[ $output == "tidemark.gate:3: status = many: "*"expected an exit status"* ]]
	printf '[scenario s]\n' >tidemark.gate
	run "$TIDEMARK" gate
	[ "$status" = 2 ]
	[[ $output == "tidemark.gate:1: "*"command"* ]]
	rm tidemark.gate
	run "$TIDEMARK" gate
	[ "$status" = 2 ]
	run "$TIDEMARK" gate --scenario nobody -c /dev/null
	[ "$status" = 2 ]
}

@test "snapshots made elsewhere, against another one, and as rounds" {
	seed
	"$TIDEMARK" run -q -f -o old.tide -- ./seed lost 5
	"$TIDEMARK" run -q -f -o new.tide -- ./seed lost 9
	gate out 1 --snapshots new.tide
	gate out 1 --snapshots new.tide --against old.tide
	gate out 0 --snapshots old.tide --against new.tide
	gate out 0 --snapshots new.tide --against new.tide
	head -c 2000 new.tide >cut.tide
	gate out 3 --snapshots cut.tide
	gate out 3 --snapshots missing.tide
	echo rubbish >bad.tide
	gate out 3 --snapshots bad.tide
}

@test "all outputs at once, each read by a reader of its format" {
	seed
	printf '[scenario red]\ncommand = ./seed ring 3\n[scenario grey]\ncommand = ./seed crash\n[scenario green]\ncommand = ./seed none\n' >tidemark.gate
	export GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$PWD/summary.md
	gate out 3 --junit j.xml --sarif s.json --gitlab g.json --markdown m.md --html h.html
	check out '[s["verdict"] for s in d["scenarios"]] == ["fail", "cannot-measure", "pass"]'
	grep -q '^::error file=seed.c,line=[0-9]*,title=tidemark%3A cycle::' out.err
	cmp summary.md m.md
	/usr/bin/python3 - <<-'EOF'
	import json, xml.etree.ElementTree as E, html.parser
	s = E.parse("j.xml").getroot().find("testsuite")
	assert s.get("name") == "tidemark"
	assert int(s.get("tests")) == len(s.findall("testcase"))
	assert int(s.get("failures")) == len(s.findall("testcase/failure")) > 0
	assert int(s.get("errors")) == len(s.findall("testcase/error")) > 0
	s = json.load(open("s.json"))
	assert s["version"] == "2.1.0"
	rules = [r["id"] for r in s["runs"][0]["tool"]["driver"]["rules"]]
	for r in s["runs"][0]["results"]:
	    assert r["ruleId"] in rules and r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
	g = json.load(open("g.json"))
	assert len({i["fingerprint"] for i in g}) == len(g) >= 2
	html.parser.HTMLParser().feed(open("h.html").read())
	EOF
	unset GITHUB_ACTIONS
	run "$TIDEMARK" gate --scenario red
	[ "$status" = 1 ]
	[[ $output == *"make_ring  seed.c:"* ]]
	[[ $output != *"::error"* ]]
}

@test "run --gate judges what the run left, and leaves stdout to the program" {
	seed
	printf '[scenario s]\ncommand = x\nrounds = turn\n' >x.gate
	run "$TIDEMARK" run -q --gate x.gate -- ./seed cache 300
	[ "$status" = 1 ]
	[[ $output == *growing*cache_fill* ]]
	run "$TIDEMARK" run -q --gate x.gate -- ./seed warming 300
	[ "$status" = 0 ]
	run "$TIDEMARK" run -q --gate x.gate -- ./seed status 4
	[ "$status" = 4 ]
	[ -z "$("$TIDEMARK" run -q --gate x.gate -- ./seed warming 300 2>/dev/null)" ]
	echo '[nonsense]' >x.gate
	run "$TIDEMARK" run -q --gate x.gate -- ./seed status 4
	[ "$status" = 2 ]
	[[ $output == "x.gate:1: unknown section [nonsense]"* ]]
}

@test "--accept --site takes the named functions only; --scenario runs one" {
	seed
	printf '[scenario a]\ncommand = ./seed lost 7\nbaseline = a.base\n[scenario b]\ncommand = ./seed ring 2\nbaseline = b.base\n' >tidemark.gate
	gate out 0 --scenario a --accept --why all
	[ ! -e b.base ]
	sed -i 's/lost 7/ring 7/' tidemark.gate
	gate out 0 --scenario a --accept --why "rings only" --site 'make_*'
	gate out 0 --scenario a
	sed -i 's/ring 7/lost 8/' tidemark.gate
	gate out 0 --scenario a --accept --why "rings only" --site 'make_*'
	gate out 1 --scenario a
	gate out 2 --scenario nobody
	gate out 2
}

@test "blocks inherited by a forked child are not its leaks" {
	compile forks <<-'EOF'
	#include <pthread.h>
	#include <stdlib.h>
	#include <sys/wait.h>
	#include <unistd.h>
	static volatile int ready;
	static void *hold(void *unused)
	{
		char *volatile only_here = malloc(1234);
		only_here[0] = 1;
		ready = 1;
		sleep(2);
		free(only_here);
		return unused;
	}
	int main(void)
	{
		pthread_t t;
		pthread_create(&t, 0, hold, 0);
		while (!ready)
			usleep(1000);
		if (!fork())
			exit(0);
		wait(0);
		pthread_join(t, 0);
		return 0;
	}
	EOF
	gate out 0 -- ./forks
	check out 'len(d["scenarios"][0]["snapshots"]) == 2'
}

@test "the self-test is green only when the gate can go red" {
	needs_self_test
	run "$TIDEMARK" gate --self-test
	[ "$status" = 0 ]
	# Limits above a baseline are of scenarios that have one.
	printf '[scenario s]\ncommand = true\nbaseline = s.base\n[limits]\npeak = +10%%\n' >tidemark.gate
	run "$TIDEMARK" gate --self-test
	[ "$status" = 0 ] || fail "$output"
	printf '[scenario s]\ncommand = true\n[suppress all]\nmatch = fun:*\nwhy = blind\n' >tidemark.gate
	run "$TIDEMARK" gate --self-test
	[ "$status" = 3 ]
}

@test "a verdict that cannot be written is not green" {
	seed
	gate out 3 --junit /nowhere/x.xml -- ./seed none
}

@test "several snapshots of one process in order are its rounds" {
	compile series <<-'EOF'
	#include <stdio.h>
	#include <stdlib.h>
	extern int tide_snapshot(const char *) __attribute__((weak));
	struct node { struct node *next; char text[40]; } *head;
	__attribute__((noinline)) static void grow(void)
	{
		struct node *n = malloc(sizeof *n);
		n->next = head;
		head = n;
	}
	int main(void)
	{
		char name[32];
		for (int i = 0; i < 14; i++) {
			for (int k = 0; k < 5; k++)
				grow();
			sprintf(name, "s%02d", i);
			if (tide_snapshot)
				tide_snapshot(name);
		}
		return 0;
	}
	EOF
	"$TIDEMARK" run -q -f -o last.tide -- ./series
	gate out 1 --snapshots s*.tide
	check out 'f[0]["kind"] == "growing"' 'f[0]["function"] == "grow"' '"5 blocks, 240 bytes per round" in f[0]["message"]'
	gate out 0 --snapshots s00.tide s01.tide s02.tide
}

@test "what the documentation shows works as it stands" {
	sed -n '/^```sh$/,/^```$/p' "$ROOT/report/gate/README.md" | sed '1d;$d' >doc.sh
	grep -q 'tidemark gate -- ./leaky' doc.sh
	run env PATH="$(dirname "$TIDEMARK"):$PATH" sh doc.sh
	[ "$status" = 1 ]
	[[ $output == *"3 blocks, 300 bytes lost"*"fill  leaky.c:2"* ]]
	sed -n '/^```ini$/,/^```$/p' "$ROOT/report/gate/README.md" | grep -v '^```' >all.gate
	grep -q 'until = 2027-03-31' all.gate
	echo 'leak:nothing' >lsan.supp
	# Both examples parse: the complaint is about the name, not about a line.
	run "$TIDEMARK" gate -c all.gate --scenario nobody
	[ "$status" = 2 ]
	[[ $output == *"no scenario"* ]]
}

@test "the recipe for a plain shell works as it stands" {
	needs_self_test
	seed
	scenario "./seed lost 3"
	run env PATH="$(dirname "$TIDEMARK"):$PATH" "$ROOT/scripts/ci/gate.sh"
	[ "$status" = 1 ]
	[ -s memory-report/memory.xml ]
	scenario "./seed none 3"
	run env PATH="$(dirname "$TIDEMARK"):$PATH" "$ROOT/scripts/ci/gate.sh"
	[ "$status" = 0 ]
}
