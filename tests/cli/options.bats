#!/usr/bin/env bats
# Every shared option that a verb's --help offers does something there: with it, the verb's output is
# another. Options that do nothing in a verb are not offered, and are usage errors.

load ../lib/helper
bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	mkdir -p deep/src
	cat >deep/src/app.c <<-'SOURCE'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <pthread.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		struct ring { struct ring *volatile peer; char text[40]; };
		static void *volatile kept[64];
		static int n;
		static void (*mark)(const char *);
		#define SITE(name) static __attribute__((noinline)) void name(size_t bytes) \
			{ kept[n++] = calloc(1, bytes); __asm__ volatile(""); }
		#define TEN(m) m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7) m(8) m(9)
		#define A(i) SITE(a_##i)
		#define B(i) SITE(b_##i)
		#define C(i) SITE(c_##i)
		#define CALL_A(i) a_##i(1000 + 10 * i);
		#define CALL_B(i) b_##i(2000 + 10 * i);
		#define CALL_C(i) c_##i(3000 + 10 * i);
		TEN(A) TEN(B) TEN(C)
		static __attribute__((noinline)) void lose_plain(void)
		{
			for (int i = 0; i < 5; i++)
				*(volatile char *)malloc(100) = 1;
		}
		static __attribute__((noinline)) void lose_rings(void)
		{
			for (int i = 0; i < 4; i++) {
				struct ring *a = malloc(sizeof *a), *b = malloc(sizeof *b);
				a->peer = b;
				b->peer = a;
			}
		}
		static __attribute__((noinline)) void chain(void)
		{
			struct ring *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
			a->peer = b;
			kept[n++] = a;
		}
		static __attribute__((noinline)) void lose_late(void) { *(volatile char *)malloc(333) = 1; }
		static void *worker(void *p)
		{
			pthread_setname_np(pthread_self(), "worker");
			kept[n++] = malloc(5000);
			lose_late();
			return p;
		}
		int main(int argc, char **argv)
		{
			mark = (void (*)(const char *))dlsym(RTLD_DEFAULT, "tide_mark");
			pthread_t t;
			(void)argv;
			TEN(CALL_A)
			chain();
			lose_plain();
			usleep(3000);
			if (mark)
				mark("early");
			TEN(CALL_B)
			lose_rings();
			usleep(3000);
			if (argc > 1) {
				TEN(CALL_C)
			}
			if (mark)
				mark("late");
			pthread_create(&t, NULL, worker, NULL);
			pthread_join(t, NULL);
			return 0;
		}
	SOURCE
	gcc -g -O1 -o app deep/src/app.c -pthread -ldl
	"$TIDEMARK" run -q -o old.tide ./app
	"$TIDEMARK" run -q -o new.tide ./app more
	# A program that is another by now: a warning.
	gcc -g -O1 -o gone deep/src/app.c -pthread -ldl
	"$TIDEMARK" run -q -o gone.tide ./gone
	gcc -g -O2 -DOTHER -o gone deep/src/app.c -pthread -ldl
	printf 'leak:lose_plain\n' >suppressions
	cat >walk.py <<-'EOF'
		import functools, os, re, subprocess, sys
		tidemark = os.environ["TIDEMARK"]
		# What each verb is asked, and, where an option shows only with others, what it is asked then.
		asked = {
		    "stat": ["new.tide"], "tree": ["new.tide"], "timeline": ["new.tide"], "info": ["new.tide"],
		    "leaks": ["new.tide"], "refs": ["new.tide", "lose_rings"], "retained": ["new.tide"],
		    "diff": ["old.tide", "new.tide"], "export": ["new.tide", "--to", "folded"],
		    "html": ["new.tide", "old.tide", "-o", "out.html"], "symbolize": ["new.tide", "-o", "out.tide"],
		    "doctor": ["./app"], "gate": ["--snapshots", "new.tide"],
		}
		instead = {
		    ("timeline", "-n"): ["--csv"], ("export", "--suppressions"): ["--measure", "lost_bytes"],
		    ("export", "-n"): ["--to", "dot"], ("retained", "--verbose"): ["--by", "block"],
		}
		# Asked in another way altogether: without, with.
		other = {
		    ("export", "--json"): (["new.tide", "--to", "csv"], ["new.tide", "--json"]),
		    ("export", "--csv"): (["new.tide", "--to", "json"], ["new.tide", "--csv"]),
		    ("export", "--quiet"): (["gone.tide", "--to", "csv"], ["gone.tide", "--to", "csv", "--quiet"]),
		    ("refs", "--all-frames"): (["new.tide", "chain"], ["new.tide", "worker", "--all-frames"]),
		    ("gate", "--quiet"): (["--", "./app"], ["--quiet", "--", "./app"]),
		}
		values = {
		    "-n": ["-n", "1"], "--filter": ["--filter", "fn:*_plain"], "--exclude": ["--exclude", "fn:lose_*"],
		    "--since": ["--since", "early"], "--until": ["--until", "early"], "--min-age": ["--min-age", "1"],
		    "--suppressions": ["--suppressions", "suppressions"], "--source-root": ["--source-root", "deep"],
		    "--color": ["--color=always"],
		}
		shared = {"-n", "--json", "--csv", "--filter", "--exclude", "--all-frames", "--since", "--until", "--min-age",
		    "--suppressions", "--source-root", "--color", "--no-pager", "--quiet", "--verbose"}

		@functools.cache
		def answer(verb, words):
		    for name in ("out.html", "out.tide", "out.pb.gz"):
		        if os.path.exists(name):
		            os.unlink(name)
		    done = subprocess.run([tidemark, verb, *words], capture_output=True,
		        env=dict(os.environ, COLUMNS="100"))
		    out = done.stdout + b"\n--\n" + done.stderr
		    if os.path.exists("out.html"):
		        out += open("out.html", "rb").read()
		    return done.returncode, out

		def run(verb, arguments, all_of_them=False):
		    return answer(verb, tuple(arguments if all_of_them else asked[verb] + arguments))

		def offered(verb):
		    text = subprocess.run([tidemark, verb, "--help"], capture_output=True, text=True).stdout
		    text = text.split("Common options:")[1]
		    return re.findall(r"^ {2,6}(?:-[a-z], )?(--[a-z-]+|-n)", text, re.M)

		if not os.path.getsize(os.environ["B"] + "/web/report.js"):	# built without node
		    del asked["html"]
		verbs = asked if len(sys.argv) < 2 else sys.argv[1:]
		wrong = []
		for verb in verbs:
		    found = [o for o in offered(verb) if o in shared]
		    if not found:
		        wrong.append(f"{verb} offers nothing")
		    for option in found:
		        if option == "--no-pager":
		            continue		# the next test
		        before = instead.get((verb, option), [])
		        if option == "--all-frames":
		            before = before + ["--filter", "fn:main"]
		        if (verb, option) in other:
		            without, with_it = other[verb, option]
		            code, without = run(verb, without, True)
		            code_with, with_it = run(verb, with_it, True)
		        else:
		            code, without = run(verb, before)
		            code_with, with_it = run(verb, before + values.get(option, [option]))
		        if without == with_it:
		            wrong.append(f"{verb} {option} changes nothing")
		        if code_with > 1:
		            wrong.append(f"{verb} {option} ends with {code_with}: {with_it[-300:].decode()}")
		    for option in sorted(shared - set(found)):
		        code, out = run(verb, values.get(option, [option]))
		        if code != 2 or b"unrecognized option" not in out and b"invalid option" not in out:
		            wrong.append(f"{verb} {option} is not offered and ends with {code}")
		print("\n".join(wrong))
		sys.exit(bool(wrong))
	EOF
}

@test "what --help offers does something, and what does nothing is a usage error" {
	cd "$BATS_FILE_TMPDIR"
	export B
	/usr/bin/python3 walk.py
}

# A pager is started for a terminal only.
@test "--no-pager: no pager, in every verb that offers it" {
	cd "$BATS_FILE_TMPDIR"
	command -v script >/dev/null || skip "no script"
	printf '#!/bin/sh\necho PAGED\ncat\n' >pager
	chmod +x pager
	for verb in stat tree timeline info leaks retained "refs new.tide lose_rings" "diff old.tide"; do
		[[ $verb == *" "* ]] || verb="$verb"
		[[ $verb == refs* ]] && line="$verb" || line="$verb new.tide"
		"$TIDEMARK" ${verb%% *} --help | grep -q -- --no-pager || fail "$verb has no --no-pager"
		PAGER=$PWD/pager script -qec "stty rows 5 cols 80; $TIDEMARK $line" /dev/null >paged </dev/null
		PAGER=$PWD/pager script -qec "stty rows 5 cols 80; $TIDEMARK $line --no-pager" /dev/null >plain </dev/null
		grep -q PAGED paged || fail "$line is not paged"
		! grep -q PAGED plain || fail "$line --no-pager is paged"
	done
}

# What is kept and what is left out make up the whole, whatever the filter looks at.
@test "--filter and --exclude divide blocks, also of all frames, by function, file, line, module and thread" {
	cd "$BATS_FILE_TMPDIR"
	local line=$(grep -n 'kept\[n++\] = malloc(5000)' deep/src/app.c | cut -d: -f1)
	for filter in "fn:a_*" "file:*app.c" "app.c:$line" "module:*libc*" "module:app" "thread:worker" "fn:main --all-frames" \
		"module:*libc* --all-frames" "a_*"; do
		/usr/bin/python3 - $filter <<-'EOF' || fail "$filter"
			import json, os, subprocess, sys
			glob, more = sys.argv[1], sys.argv[2:]
			def ask(verb, *words):
			    done = subprocess.run([os.environ["TIDEMARK"], verb, *words, "new.tide"], capture_output=True, text=True)
			    assert done.returncode in (0, 3), (done.returncode, done.stderr)	# 3: not all registers known
			    return json.loads(done.stdout)
			def live(*words): return ask("stat", "--json", *words)["totals"]["live_bytes"]
			def lost(*words):
			    totals = ask("leaks", "--json", *words)["totals"]
			    return sum(totals[k]["bytes"] for k in ("unreferenced", "cycle", "indirect"))
			def exported(*words): return ask("export", "--to", "json", *words)["totals"]["live_bytes"]
			for sums in (live, lost, exported):
			    kept, left, whole = sums("--filter", glob, *more), sums("--exclude", glob, *more), sums()
			    assert kept + left == whole, (sums.__name__, kept, left, whole)
			    assert kept > 0 or sums is lost or glob == "module:*libc*", (sums.__name__, glob)
			    assert sums is not lost or glob != "thread:worker" or kept == 333, kept
		EOF
	done
}

@test "--pointer-mask that would hide every reference: exit 2, and the inverse as advice" {
	for verb in "run --pointer-mask 0x0000ffffffffffff -- /bin/true" "snap --pointer-mask 0x0000ffffffffffff 1"; do
		# shellcheck disable=SC2086
		run -2 "$TIDEMARK" $verb
		[[ $output == *"clears bits of the address"*"0xffff000000000000 is meant"* ]]
	done
	run -2 "$TIDEMARK" run --pointer-mask tag -- /bin/true
	[[ $output == *"'tag' is not a number"* ]]
	# Tags in the highest and the lowest bits.
	run -0 "$TIDEMARK" run -q --pointer-mask 0xff00000000000007 -- /bin/true
}
