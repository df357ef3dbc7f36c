# tidemark stat: the numbers of a program whose truth is known, by every key.
load ../lib/helper
bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	cat >app.c <<-'SOURCE'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <pthread.h>
		#include <stdlib.h>
		#include <string.h>
		void *kept[100];
		int n;
		static void mark(const char *name)
		{
			void (*f)(const char *) = (void (*)(const char *))dlsym(RTLD_DEFAULT, "tide_mark");
			if (f) f(name);
		}
		__attribute__((noinline)) void *make_three(void) { for (int i = 0; i < 3; i++) kept[n++] = malloc(100); return kept[0]; }
		__attribute__((noinline)) void *make_big(void) { return kept[n++] = calloc(1, 5000); }
		__attribute__((noinline)) void churn(void) { for (int i = 0; i < 1000; i++) { volatile char *p = malloc(64); *p = 1; free((void *)p); } }
		__attribute__((noinline)) void rise(void) { char *volatile p = malloc(900000); memset(p, 1, 900000); free(p); }
		__attribute__((noinline)) void *after_mark(void) { return kept[n++] = malloc(777); }
		__attribute__((noinline)) void *in_thread(void *x) { pthread_setname_np(pthread_self(), "helper"); kept[n++] = malloc(333); return x; }
		int main(void)
		{
			pthread_t t;
			make_three(); make_big(); churn(); rise();
			mark("warm"); after_mark(); mark("mid"); make_three();
			pthread_create(&t, 0, in_thread, 0);
			pthread_join(t, 0);
			return 0;
		}
	SOURCE
	${CC:-gcc} -g -O1 -o app app.c -pthread -ldl
	"$TIDEMARK" run -o app.tide ./app 2>run.err
	cd - >/dev/null
}

setup() {
	app=$BATS_FILE_TMPDIR/app.tide
}

# value FUNCTION FIELD [OPTION...]: of the records whose innermost function this is, summed.
value() {
	json "$("$TIDEMARK" stat --json "${@:3}" "$app")" \
		"sum(r['$2'] for r in d['records'] if r['stack'][0]['function'] == '$1')"
}

is() {
	[ "$1" = "$2" ] || fail "$1, not $2"
}

@test "live, totals and temporary blocks per function" {
	is "$(value make_three live_bytes)" 600
	is "$(value make_three live_blocks)" 6
	is "$(value make_three total_blocks)" 6
	is "$(value make_big live_bytes)" 5000
	is "$(value churn live_blocks)" 0
	is "$(value churn total_blocks)" 1000
	is "$(value churn total_bytes)" 64000
	is "$(value churn temporary)" 1000
}

@test "peak_bytes is the value at the peak of the process" {
	is "$(value rise peak_bytes)" 900000
	is "$(value rise live_bytes)" 0
	is "$(value make_three peak_bytes)" 300
	is "$(value after_mark peak_bytes)" 0
}

@test "the contract of the JSON" {
	out=$("$TIDEMARK" stat --json "$app")
	json "$out" 'd["tool"]' 'd["schema"]' 'd["snapshot"]["reason"]' >got
	printf 'tidemark\n1\nexit\n' | diff - got
	is "$(json "$out" 'd["totals"]["live_bytes"] == sum(r["live_bytes"] for r in d["records"])')" True
	is "$(json "$out" 'd["totals"]["total_blocks"] == sum(r["total_blocks"] for r in d["records"])')" True
	is "$(json "$out" 'sorted(set(d["records"][0]) >= {"live_bytes","live_blocks","peak_bytes","total_bytes","total_blocks","temporary","stack"} and ["ok"])')" "['ok']"
	is "$(json "$out" '[f["file"].split("/")[-1] + ":" + str(f["line"]) for r in d["records"] for f in r["stack"] if f["function"] == "make_big"][0]')" app.c:14
	is "$(json "$out" '[r["live_bytes"] for r in d["records"]] == sorted((r["live_bytes"] for r in d["records"]), reverse=True)')" True
}

@test "-n cuts JSON and CSV only when it is given" {
	is "$(json "$("$TIDEMARK" stat --json -n 2 "$app")" 'len(d["records"])')" 2
	[ "$(json "$("$TIDEMARK" stat --json "$app")" 'len(d["records"])')" -gt 5 ]
	is "$("$TIDEMARK" stat --csv -n 3 "$app" | wc -l)" 4
}

@test "by every key the sums are the same" {
	whole=$(json "$("$TIDEMARK" stat --json "$app")" 'd["totals"]["live_bytes"]')
	for key in site function file line module thread stack age; do
		out=$("$TIDEMARK" stat --json --by $key "$app")
		is "$key $(json "$out" 'sum(r["live_bytes"] for r in d["records"])')" "$key $whole"
		case $key in
		site | stack) ;;
		*) is "$(json "$out" 'all("key" in r for r in d["records"])')" True ;;
		esac
	done
	out=$("$TIDEMARK" stat --json --by size "$app")
	is "$(json "$out" '[r["total_blocks"] for r in d["records"] if r["key"] == "64-127"][0] >= 1006')" True
}

@test "by thread: what another thread allocated is its own" {
	out=$("$TIDEMARK" stat --json --by thread "$app")
	is "$(json "$out" 'len(d["records"])')" 2
	is "$(json "$out" 'any(r["live_bytes"] >= 333 and r["key"].startswith("helper") for r in d["records"])')" True
}

@test "by thread: blocks that another thread frees are not taken off that thread" {
	compile handed <<-'EOF'
		#include <pthread.h>
		#include <stdlib.h>
		void *kept[100], *given[50];
		static void *make(void *x) { for (int i = 0; i < 50; i++) given[i] = malloc(64); return x; }
		int main(void)
		{
			pthread_t t;
			for (int i = 0; i < 100; i++) kept[i] = malloc(100);
			pthread_create(&t, 0, make, 0);
			pthread_join(t, 0);
			for (int i = 0; i < 49; i++) free(given[i]);
			return 0;
		}
	EOF
	"$TIDEMARK" run -q -f -o handed.tide ./handed
	out=$("$TIDEMARK" stat --json --by thread handed.tide)
	is "$(json "$out" 'sorted((r["live_blocks"], r["live_bytes"] % 10000) for r in d["records"])[0]')" "(1, 64)"
	is "$(json "$out" 'all(r["live_bytes"] >= 64 for r in d["records"])')" True
	is "$(json "$out" 'sum(r["live_bytes"] for r in d["records"]) == d["totals"]["live_bytes"]')" True
}

@test "--by: an unknown key names the known ones" {
	run -2 "$TIDEMARK" stat --by colour "$app"
	[[ $output == *"not one of site, function"* ]]
}

@test "--sort" {
	first() {
		json "$("$TIDEMARK" stat --json --sort "$1" "$app")" 'd["records"][0]["stack"][0]["function"]'
	}
	is "$(first live)" make_big
	is "$(first peak)" rise
	is "$(first total)" rise
	is "$(first count)" make_three
	is "$(first allocations)" churn
	is "$(first temporary)" churn
	run -2 "$TIDEMARK" stat --sort beauty "$app"
	run -2 "$TIDEMARK" stat --by thread --sort peak "$app"
	[[ $output == *"not known for each thread"* ]]
}

@test "--since, --until and --min-age" {
	is "$(value after_mark live_bytes --since warm)" 777
	is "$(value make_three live_bytes --since warm)" 300
	is "$(value make_big live_bytes --since warm)" 0
	is "$(value make_three live_bytes --since warm --until mid)" 0
	is "$(value after_mark live_bytes --since warm --until mid)" 777
	is "$(value make_three live_bytes --until warm)" 300
	is "$(value make_big live_bytes --min-age 2)" 5000
	is "$(value after_mark live_bytes --min-age 2)" 0
	run -2 "$TIDEMARK" stat --since nowhere "$app"
	[[ $output == *"no mark 'nowhere'"* ]]
}

@test "filters in tracemalloc's terms" {
	total() {
		json "$("$TIDEMARK" stat --json "$@" "$app")" 'd["totals"]["live_bytes"]'
	}
	is "$(total --filter make_three)" 600
	is "$(total --filter 'fn:make_*')" 5600
	is "$(total --filter 'fn:make_*' --exclude fn:make_big)" 600
	is "$(total --filter app.c:14)" 5000
	is "$(total --filter app.c:15)" 0
	is "$(total --filter 'file:*/app.c')" "$(total --filter file:app.c)"
	is "$(total --filter fn:main)" 0
	is "$(value make_big live_bytes --filter fn:main --all-frames)" 5000
	is "$(value in_thread live_bytes --filter fn:main --all-frames)" 0
	is "$(total --filter module:app)" "$(total --filter file:app.c)"
	is "$(value in_thread live_bytes --filter 'thread:helper')" 333
	is "$(value make_big live_bytes --exclude 'thread:helper')" 5000
	run -2 "$TIDEMARK" stat --filter thread:nobody "$app"
}

@test "CSV bears the names of the JSON fields" {
	"$TIDEMARK" stat --csv "$app" >out.csv
	/usr/bin/python3 - <<-'EOF'
		import csv
		rows = list(csv.DictReader(open("out.csv")))
		assert sum(int(r["live_bytes"]) for r in rows if r["function"] == "make_three") == 600, rows
		assert any(r["stack"].startswith("make_big;main") for r in rows), rows
	EOF
	"$TIDEMARK" stat --csv --by function "$app" | grep -q ',make_big$'
}

@test "several files are added up by site" {
	"$TIDEMARK" run -o two.tide "$BATS_FILE_TMPDIR/app" 2>/dev/null
	out=$("$TIDEMARK" stat --json "$app" two.tide)
	is "$(json "$out" 'sum(r["live_bytes"] for r in d["records"] if r["stack"][0]["function"] == "make_big")')" 10000
	is "$(json "$out" '[r["processes"] for r in d["records"] if r["stack"][0]["function"] == "make_big"]')" "[2]"
	is "$(json "$out" 'len(d["snapshots"])')" 2
}

@test "the screen: header, table, and nothing wider than 80 columns" {
	for locale in C C.UTF-8; do
		for how in "" -v "-v -v" "--by function" "--by file" "--by stack" "--by size" "--by age" "--by thread" "--sort temporary"; do
			COLUMNS=80 LC_ALL=$locale "$TIDEMARK" stat $how "$app" >out
			fits 80 out
			COLUMNS=44 LC_ALL=$locale "$TIDEMARK" stat $how "$app" >out
			fits 44 out
		done
	done
	COLUMNS=80 LC_ALL=C run -0 "$TIDEMARK" stat "$app"
	[[ $output == *"program "*app* ]]
	[[ $output == *"live blocks "*"allocated by"* ]]
	[[ $output == *make_big*app.c:14* ]]
	LC_ALL=C grep -q '[^ -~]' <<<"$output" && fail "not ASCII: $output"
	[[ $output =~ \#[0-9]+ ]]
}

@test "profiler overhead is the one that waste counts" {
	head=$(COLUMNS=100 "$TIDEMARK" stat "$app" | grep -oE '[0-9.]+ [KMG]?i?B profiler overhead')
	part=$(COLUMNS=100 "$TIDEMARK" waste "$app" | grep 'profiler overhead' | grep -oE '[0-9.]+ [KMG]?i?B' | head -n 1)
	[ "$head" = "$part profiler overhead" ]
}

@test "colour: never by itself in a pipe, always when asked, NO_COLOR and CLICOLOR_FORCE" {
	esc=$'\033'
	run -0 "$TIDEMARK" stat "$app"
	[[ $output != *"$esc"* ]]
	run -0 "$TIDEMARK" stat --color always "$app"
	[[ $output == *"$esc["* ]]
	CLICOLOR_FORCE=1 run -0 "$TIDEMARK" stat "$app"
	[[ $output == *"$esc["* ]]
	NO_COLOR=1 CLICOLOR_FORCE=1 run -0 "$TIDEMARK" stat "$app"
	[[ $output != *"$esc"* ]]
	NO_COLOR=1 run -0 "$TIDEMARK" stat --color always "$app"
	[[ $output == *"$esc["* ]]
}

@test "-q leaves out headings and hints; -v shows stacks" {
	run -0 "$TIDEMARK" stat -q -n 1 "$app"
	[ "${#lines[@]}" -eq 1 ] || [[ ${lines[0]} == warning* ]]
	run -0 "$TIDEMARK" stat -v -n 1 "$app"
	[[ $output == *"    main "*app.c* ]]
}

@test "a program that frees everything is sorted by its peak" {
	compile clean <<<'#include <stdlib.h>
		int main(void) { char *p = malloc(12345); *(volatile char *)p = 1; free(p); return 0; }'
	"$TIDEMARK" run -o clean.tide ./clean 2>/dev/null
	run -0 "$TIDEMARK" stat clean.tide
	[[ $output == *"bytes at the peak"* ]]
	[[ $output == *"12.1 KiB"* ]]
}

@test "a damaged snapshot: what is whole is shown, exit 3" {
	head -c $(($(stat -c %s "$app") * 2 / 3)) "$app" >cut.tide
	run "$TIDEMARK" stat cut.tide
	[ "$status" -eq 3 ] || fail "status $status: $output"
	[[ $output == *damaged* || $output == *truncated* || $output == *"not whole"* ]] || fail "$output"
}

@test "what lived at the peak only comes first by itself, and the screen says so" {
	compile peak <<-'EOF'
		#include <stdlib.h>
		__attribute__((noinline)) void *rise(void) { return malloc(500000); }
		__attribute__((noinline)) void *rest(void) { return malloc(10); }
		int main(void) { char *volatile p = rise(); free(p); return rest() == 0; }
	EOF
	"$TIDEMARK" run -q -o peak.tide ./peak
	COLUMNS=100 run -0 "$TIDEMARK" stat -n 1 peak.tide
	[[ $output == *"by bytes at the peak"* && $output == *rise*peak.c:2* && $output == *"--sort live"* ]] || fail "$output"
	[[ $output == *"in 1 block;"* ]] || fail "$output"
	COLUMNS=100 run -0 "$TIDEMARK" stat --sort live peak.tide
	[[ $output == *"by live bytes"* && $output == *rest* && $output != *rise* ]] || fail "$output"
	# What programs read keeps its order.
	is "$(json "$("$TIDEMARK" stat --json peak.tide)" 'd["records"][0]["live_bytes"]')" 10
}

@test "hints fit the snapshot: leaks where something is lost, temporary where many are" {
	compile none <<-'EOF'
		#include <stdlib.h>
		void *keep;
		int main(void) { keep = malloc(1000); return 0; }
	EOF
	"$TIDEMARK" run -q -o none.tide ./none
	run -0 "$TIDEMARK" stat none.tide
	[[ $output != *"tidemark leaks"* && $output != *temporary\ blocks* ]] || fail "$output"
	run -0 "$TIDEMARK" stat --sort live "$app"
	[[ $output == *"--sort temporary"* ]] || fail "$output"
}

@test "a row shows the nearest function with a name, and the module without names that it called" {
	compile bare -shared -fPIC -O0 -g0 <<-'EOF'
		#include <stdlib.h>
		static void *inner(void) { return malloc(4321); }
		static void *callback(void) { return malloc(1234); }
		void *outer(void);
		void *outer(void) { return inner(); }
		void *(*get_callback(void))(void);
		void *(*get_callback(void))(void) { return callback; }
	EOF
	strip --strip-all bare
	mv bare libbare.so
	compile user ./libbare.so -Wl,-rpath,"$PWD" <<-'EOF'
		void *outer(void);
		void *(*get_callback(void))(void);
		void *keep[2];
		int main(void) { keep[0] = outer(); keep[1] = get_callback()(); return 0; }
	EOF
	"$TIDEMARK" run -q -o user.tide ./user
	COLUMNS=120 run -0 "$TIDEMARK" stat user.tide
	[[ $output == *"outer [libbare.so]"* && $output == *"main "*"user.c:4 · [libbare.so]"* ]] || fail "$output"
	[[ $output != *"+0x"* ]] || fail "$output"
	# What is above main in every program is left out.
	strip --strip-all user
	COLUMNS=120 run -0 "$TIDEMARK" stat user.tide
	[[ $output == *"outer [libbare.so]"* && $output == *"libbare.so+0x"* && $output != *__libc_start* ]] || fail "$output"
	LC_ALL=C run -0 "$TIDEMARK" stat user.tide
	[[ $output != *·* ]]
}

@test "rows that read the same say who called, beside the place or below it" {
	compile alike -O1 <<-'EOF'
		#include <stdlib.h>
		__attribute__((noinline)) void *make(int n) { void *volatile p = malloc(n); return p; }
		__attribute__((noinline)) void *left_side(void) { void *volatile p = make(2000); return p; }
		__attribute__((noinline)) void *right_side(void) { void *volatile p = make(1000); return p; }
		void *keep[2];
		int main(void) { keep[0] = left_side(); keep[1] = right_side(); return 0; }
	EOF
	"$TIDEMARK" run -q -o alike.tide ./alike
	COLUMNS=200 run -0 "$TIDEMARK" stat alike.tide
	[[ $output == *make*alike.c:2*"← left_side alike.c:3"* && $output == *make*alike.c:2*"← right_side alike.c:4"* ]] || fail "$output"
	COLUMNS=80 run -0 "$TIDEMARK" stat alike.tide
	[[ $output == *$'\n    ← left_side alike.c:3'* ]] || fail "$output"
	"$TIDEMARK" run -q -o other.tide true
	COLUMNS=200 run -0 "$TIDEMARK" diff alike.tide other.tide
	[[ $output == *make*"← right_side alike.c:4"* ]] || fail "$output"
}

@test "the stack of a coroutine is whole, and ends where makecontext put it" {
	compile coroutines <<-'EOF'
		#include <stdlib.h>
		#include <ucontext.h>
		static ucontext_t here, there[3];
		static int now;
		static char *volatile kept[3];
		static int deep(int n) {
			if (n)
				return deep(n - 1) + 1;
			kept[now] = malloc(4321);
			swapcontext(&there[now], &here);
			return 0;
		}
		static void body(void) { for (;;) deep(5); }
		int main(void) {
			for (now = 0; now < 3; now++) {
				getcontext(&there[now]);
				there[now].uc_stack.ss_sp = malloc(65536);
				there[now].uc_stack.ss_size = 65536;
				makecontext(&there[now], body, 0);
			}
			for (int i = 0; i < 30; i++) {
				now = i % 3;
				swapcontext(&here, &there[now]);
			}
			return 0;
		}
	EOF
	"$TIDEMARK" run -q -o a.tide ./coroutines
	run -0 --separate-stderr "$TIDEMARK" stat -vv --sort total a.tide
	[[ $output$stderr != *"end early"* ]]
	[ "$(json "$("$TIDEMARK" stat --json a.tide)" \
		'[(len(r["stack"]), r["total_blocks"]) for r in d["records"] if len(r["stack"]) > 1 and r["stack"][-2]["function"] == "body" and "/libc" in r["stack"][-1]["module"]]')" = "[(8, 30)]" ]
}

@test "a plug-in that is loaded again and again is one, and other code in its place another" {
	for bytes in 1100 1200; do
		${CC:-gcc} -g -O1 -shared -fPIC -DBYTES=$bytes -o $bytes.so -x c - <<-'EOF'
			#include <stdlib.h>
			void *get(void) { void *volatile p = malloc(BYTES); return p; }
		EOF
	done
	compile host <<-'EOF'
		#include <dlfcn.h>
		static void load(const char *name) {
			void *l = dlopen(name, RTLD_NOW);
			void *(*volatile get)(void) = (void *(*)(void))dlsym(l, "get");
			get();
			dlclose(l);
		}
		int main(void) {
			for (int i = 0; i < 50; i++)
				load("./1100.so");
			for (int i = 0; i < 60; i++)
				load("./1200.so");
			load("./1100.so");
			return 0;
		}
	EOF
	"$TIDEMARK" run -q -o a.tide ./host
	[ "$(json "$("$TIDEMARK" stat --json a.tide)" \
		'sorted((r["total_bytes"], r["total_blocks"], r["stack"][0]["module"][-7:]) for r in d["records"] if r["stack"][0]["function"] == "get")')" = \
		"[(1100, 1, '1100.so'), (55000, 50, '1100.so'), (72000, 60, '1200.so')]" ]
}

@test "frames without file and line: how many, and of which module" {
	cat >nodebug.c <<-'SOURCE'
		#include <stdlib.h>
		void *held[3];
		int main(void) { for (int i = 0; i < 3; i++) held[i] = malloc(100); return 0; }
	SOURCE
	gcc -O1 -o nodebug nodebug.c
	"$TIDEMARK" run -q -f -o nodebug.tide ./nodebug
	run -0 "$TIDEMARK" stat nodebug.tide
	[[ $(echo $output) == *"% of the frames looked up have no file and line, most of them in nodebug ("*"%)"*"build nodebug with -g, or let "* ]]
	[[ $output != *-dbgsym* || $output == *libc6-dbgsym* ]]
}

@test "every view shows the same function of a site: the nearest with a name, beyond the module's wrapper" {
	{
		echo '#include <stdlib.h>'
		echo 'void *held[64]; static int n;'
		echo '__attribute__((noinline)) void *take(size_t bytes) { void *p = malloc(bytes); held[n++] = p; return p; }'
		echo '__attribute__((noinline)) static void *zeroed(size_t bytes) { char *p = take(bytes); *p = 0; return p; }'
		for i in $(seq 40); do
			echo "__attribute__((noinline)) void user_$i(void) { *(char *)zeroed(${i}00) = 1; }"
		done
		echo 'int main(void) {'
		printf 'user_%s();\n' $(seq 40)
		echo 'return 0; }'
	} >wrapped.c
	# Without -g, and without the name of `zeroed`.
	gcc -O1 -rdynamic -o wrapped wrapped.c
	strip wrapped
	"$TIDEMARK" run -q -f -o wrapped.tide ./wrapped
	for view in stat "stat --by function" "stat --csv" "tree --bottom-up" retained "top --batch 1" "diff --by function wrapped.tide"; do
		"$TIDEMARK" $view wrapped.tide >shown 2>&1 || :
		[[ $view == diff* ]] || grep -q user_40 shown
		! grep -E 'take|wrapped\+0x' shown
	done
	"$TIDEMARK" stat -v wrapped.tide | grep -q take
}

@test "lost memory is a measure of stat, tree and diff, with the sums of leaks" {
	compile seed <"$ROOT/tests/programs/seed.c"
	"$TIDEMARK" run -q -o old.tide ./seed lost 3
	"$TIDEMARK" run -q -o new.tide ./seed lost 9
	[ "$(json "$("$TIDEMARK" leaks --json new.tide || :)" 'd["totals"]["lost"]["bytes"]')" = 900 ]
	json "$("$TIDEMARK" stat --sort lost --json new.tide)" 'd["totals"]["lost_bytes"], d["records"][0]["lost_bytes"], d["records"][0]["lost_blocks"]' >stat
	[ "$(cat stat)" = "(900, 900, 9)" ]
	[ "$("$TIDEMARK" stat --sort lost --csv new.tide | sed -n 2p | cut -d, -f9,10)" = 900,9 ]
	run -0 "$TIDEMARK" stat --sort lost --by file new.tide
	[[ $output == *"1 file by lost bytes"*"900 B      9"*"seed.c"* ]] || fail "$output"
	[ "$(json "$("$TIDEMARK" tree --sort lost --json new.tide)" 'd["sort"]')" = lost_bytes ]
	"$TIDEMARK" tree --sort lost new.tide | grep -q '900 B   100%.*lose_one'
	[ "$(json "$("$TIDEMARK" diff --sort lost --json old.tide new.tide)" 'd["totals"]["size_diff"], d["totals"]["count_diff"]')" = "(600, 6)" ]
	run -0 "$TIDEMARK" diff --sort lost old.tide new.tide
	[[ $output == *"+600 B lost, from 300 B to 900 B; +6 blocks"* ]] || fail "$output"
	# Where it cannot be known, that is said instead of zero.
	"$TIDEMARK" run -q --no-references -o none.tide ./seed lost 9
	run "$TIDEMARK" stat --sort lost none.tide
	[ "$status" = 3 ]
	[[ $output == *"no references"* ]]
	run "$TIDEMARK" stat --sort lost --by thread new.tide
	[ "$status" = 2 ]
}

@test "Python functions of one name are distinguished by class and file" {
	[ -x /usr/bin/python3 ] || skip "no python3"
	cat >other.py <<-'EOF'
		class Order:
		    def __init__(self): self.text = bytearray(3000)
		def load(): return bytearray(4000)
	EOF
	cat >names.py <<-'EOF'
		import other
		class Item:
		    def __init__(self): self.text = bytearray(2000)
		def load():
		    def inner(): return bytearray(5000)
		    return inner()
		kept = [Item(), other.Order(), load(), other.load()]
	EOF
	"$TIDEMARK" run -q -f -o names.tide /usr/bin/python3 names.py
	json "$("$TIDEMARK" stat --by function --json -n all names.tide)" \
		'sorted((r["key"], r["live_bytes"] // 1000) for r in d["records"] if r["key"] in ("Item.__init__", "Order.__init__", "load", "load.<locals>.inner") and r["live_bytes"] > 1900)' >got
	echo "[('Item.__init__', 2), ('Order.__init__', 3), ('load', 4), ('load.<locals>.inner', 5)]" | diff - got
	json "$("$TIDEMARK" stat --json --filter file:other.py names.tide)" \
		'sorted((f["function"], f.get("qualified", "")) for r in d["records"] for f in r["stack"] if f["line"] and f["file"] and f["file"].endswith("other.py") and f["line"] == 2)[-1]' >got
	echo "('__init__', 'Order.__init__')" | diff - got
	for view in "stat -n all" "stat -n all --by function" "tree --min 0" "tree --min 0 --bottom-up" "top --batch 1 -n all"; do
		run -0 "$TIDEMARK" $view names.tide
		[[ $output == *"Item.__init__"* && $output == *"Order.__init__"* ]] || fail "$view"
	done
	# Both names select it.
	for name in __init__ Order.__init__ 'Ord*.__init__'; do
		run -0 "$TIDEMARK" stat -n all --filter "fn:$name" names.tide
		[[ $output == *"Order.__init__"* ]] || fail "$name"
	done
	run -0 "$TIDEMARK" stat -n all --filter fn:Order.__init__ names.tide
	[[ $output != *"Item.__init__"* ]]
	# A snapshot without references has no function objects: before Python 3.11 names are plain there.
	for old in /root/.pyenv/versions/3.8.*/bin/python3; do
		[ -x "$old" ] || continue
		"$TIDEMARK" run -q -f --no-references -o old.tide "$old" names.py
		json "$("$TIDEMARK" stat --by function --json -n all old.tide)" \
			'{2, 3} <= {r["live_bytes"] // 1000 for r in d["records"] if r["key"] == "__init__"}' >got
		echo True | diff - got
	done
}
