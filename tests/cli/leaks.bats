# tidemark leaks: what is lost, by root leak and root cycle.
load ../lib/helper
bats_require_minimum_version 1.5.0

profile() {
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT=$1 "${@:2}" >/dev/null
	[ -s "$1" ]
}

# A program that loses: three blocks of make_three; an owner with two things below; a ring of
# left and right; argv[1] more of make_more. It keeps one block inside only.
program() {
	compile "$@" <<-'EOF2'
		#include <stdlib.h>
		#include <stdint.h>
		#include <string.h>
		#define N __attribute__((noinline, noipa))
		struct pair { struct pair *to; void *thing; };
		uintptr_t inside;
		void tide_mark(const char *) __attribute__((weak));
		static void *hide(void *p) { __asm__ volatile("" : "+r"(p) :: "memory"); return p; }
		N void make_three(void) { for (int i = 0; i < 3; i++) hide(malloc(100)); }
		N void *thing(void) { return hide(calloc(1, 40)); }
		N void owner(void) { struct pair *p = hide(calloc(1, 64)); p->to = thing(); p->thing = thing(); p->to->to = NULL; hide(p); }
		N struct pair *left(void) { return hide(calloc(1, sizeof(struct pair))); }
		N struct pair *right(void) { return hide(calloc(1, 24)); }
		N void ring(void) { struct pair *a = left(), *b = right(); a->to = b; b->to = a; hide(a); }
		N void make_more(int n) { while (n-- > 0) hide(malloc(10)); }
		N void keep(void) { inside = (uintptr_t)malloc(80) + 40; }
		N void wipe(void) { char room[4096]; memset(room, 0, sizeof(room)); hide(room); }
		int main(int c, char **v)
		{
			make_three();
			owner();
			if (tide_mark)
				tide_mark("warm");
			ring();
			keep();
			make_more(c > 1 ? atoi(v[1]) : 0);
			wipe();
			return 0;
		}
	EOF2
}

# Compiled and profiled once; each test has a copy.
setup_file() {
	cd "$BATS_FILE_TMPDIR"
	program lose
	profile lose.tide ./lose
}

setup() {
	cp -a "$BATS_FILE_TMPDIR"/lose* .
}

@test "totals and records" {
	run -0 "$TIDEMARK" leaks --json lose.tide
	json "$output" 'd["snapshot"]["complete"]' 'd["totals"]["unreferenced"]' 'd["totals"]["cycle"]' \
		'd["totals"]["indirect"]' 'd["totals"]["possible"]' 'd["root_cycles"]' >got
	cat >want <<-EOF
		True
		{'blocks': 4, 'bytes': 364}
		{'blocks': 2, 'bytes': 40}
		{'blocks': 2, 'bytes': 80}
		{'blocks': 1, 'bytes': 80}
		1
	EOF
	diff want got
	json "$output" '[(r["blocks"], r["bytes"], r["retained_bytes"]) for r in d["records"]
		if r["stack"][0]["function"] in ("make_three", "owner") and r["kind"] == "unreferenced"]' >got
	[ "$(cat got)" = "[(3, 300, 300), (1, 64, 144)]" ]
	json "$output" 'sum(r["blocks"] for r in d["records"] if r["kind"] == "cycle")' | grep -qx 2
}

@test "one line per root leak, fields and cycles drawn" {
	COLUMNS=80 "$TIDEMARK" leaks lose.tide >out
	fits 80 out
	grep -q '4 root leaks and 1 root cycle lose 8 blocks' out
	grep -q '300 B .* 3 root leaks *make_three' out
	grep -q '144 B .* 64 B .* root leak *owner' out
	grep -q 'root cycle of 2 *left' out
	grep -q '^program  ' out
	grep -q 'pair::to -> right' out
	grep -q '+0 -> back to left' out
	! grep -q '+8 -> thing' out
	"$TIDEMARK" leaks --tree lose.tide | grep -q '+8 -> thing'
}

@test "--sort: by what is retained, blocks, the leaks themselves, or how many are equal" {
	compile sizes -O0 <<-'SOURCE'
		#include <stdlib.h>
		#include <string.h>
		#define N __attribute__((noinline, noipa))
		static void *hide(void *p) { __asm__ volatile("" : "+r"(p) :: "memory"); return p; }
		N void large(void) { hide(malloc(5000)); }
		N void many(void) { for (int i = 0; i < 9; i++) hide(malloc(16)); }
		N void chain(void) { void **a = hide(malloc(8)); for (void **p = a; p - a >= 0 && a; a = NULL) for (int i = 0; i < 20; i++) { *p = calloc(1, 300); p = *p; } hide(a); }
		N void wipe(void) { char room[4096]; memset(room, 0, sizeof(room)); hide(room); }
		int main(void) { large(); many(); chain(); wipe(); return 0; }
	SOURCE
	profile sizes.tide ./sizes
	first() { "$TIDEMARK" leaks -q --sort "$1" sizes.tide | grep -oE '(large|many|chain) ' | tr -d '\n'; }
	[ "$(first retained)" = "chain large many " ]
	[ "$(first blocks)" = "chain many large " ]
	[ "$(first itself)" = "large many chain " ]
	[ "$(first leaks)" = "many chain large " ]
	[ "$("$TIDEMARK" leaks -q --together --sort leaks sizes.tide sizes.tide | grep -oE '(large|many|chain) ' | head -n 1)" = "many " ]
	run -2 "$TIDEMARK" leaks --sort size sizes.tide
	[[ $output == *"not one of retained, blocks, itself, leaks"* ]]
}

@test "--show adds kinds" {
	! "$TIDEMARK" leaks --csv lose.tide | grep -q ^reachable
	"$TIDEMARK" leaks --show possible lose.tide | grep -q 'possible *keep'
	program more
	profile more.tide ./more
	"$TIDEMARK" leaks --csv --show possible,reachable more.tide | grep -q '^possible,'
	run -2 "$TIDEMARK" leaks --show nonsense lose.tide
	run -0 "$TIDEMARK" leaks -q --show possible --filter nothing_like_it lose.tide
	[ "${lines[-1]}" = "nothing is possible" ]
}

@test "--fail: exit 1 with leaks, 0 without" {
	run -1 "$TIDEMARK" leaks --fail lose.tide
	run -0 "$TIDEMARK" leaks --fail --filter nothing_like_it lose.tide
	compile clean <<<'#include <stdlib.h>
		int main(void) { free(malloc(10)); return 0; }'
	profile clean.tide ./clean
	run -0 "$TIDEMARK" leaks --fail clean.tide
	[[ $output == *"nothing is lost"* ]]
}

@test "a snapshot that cannot tell never looks clean" {
	"$TIDEMARK" run --no-references -o counters.tide ./lose 2>/dev/null
	run -3 --separate-stderr "$TIDEMARK" leaks counters.tide
	[[ $stderr == *references* ]]
	head -c $(($(stat -c %s lose.tide) * 2 / 3)) lose.tide >cut.tide
	run -3 "$TIDEMARK" leaks --json cut.tide
}

@test "suppressions cover what is under a root; unused ones are reported" {
	cat >supp <<-EOF
		# both kinds in one file
		leak:^owner$
		{
		   rings
		   Memcheck:Leak
		   fun:calloc
		   fun:left
		}
		leak:never_seen
	EOF
	run -0 --separate-stderr "$TIDEMARK" leaks --json --suppressions supp lose.tide
	json "$output" 'd["totals"]["suppressed"]' 'd["totals"]["lost"]' >got
	printf "%s\n" "{'blocks': 5, 'bytes': 184}" "{'blocks': 3, 'bytes': 300}" | diff - got
	[[ $stderr == *"supp:9: unused suppression: 'leak:never_seen'"* ]]
	[[ $stderr != *owner* ]]
	run -2 "$TIDEMARK" leaks --suppressions nowhere lose.tide
	echo '{' >broken
	run -2 --separate-stderr "$TIDEMARK" leaks --suppressions broken lose.tide
	[[ $stderr == *broken:1* ]]
}

@test "--gen-suppressions makes what suppresses everything" {
	"$TIDEMARK" leaks --gen-suppressions lose.tide >supp
	run -0 "$TIDEMARK" leaks --fail --suppressions supp lose.tide
	[[ $output == *"nothing is lost"* ]]
}

@test "against an older snapshot: only what is new" {
	profile more.tide ./lose 7
	run -0 "$TIDEMARK" leaks --json more.tide lose.tide
	json "$output" 'd["totals"]["lost"]' '[(r["stack"][0]["function"], r["blocks"]) for r in d["records"]
		if r["kind"] != "possible"]' >got
	printf "%s\n" "{'blocks': 7, 'bytes': 70}" "[('make_more', 7)]" | diff - got
	run -0 "$TIDEMARK" leaks --fail lose.tide more.tide
}

@test "--since: blocks born after a mark" {
	run -0 "$TIDEMARK" leaks --json --since warm lose.tide
	json "$output" 'd["totals"]["lost"]["blocks"]' | grep -qx 2
	run -0 "$TIDEMARK" leaks --json --until warm lose.tide
	json "$output" 'd["totals"]["lost"]["blocks"]' | grep -qx 6
	run -2 "$TIDEMARK" leaks --since nowhere lose.tide
}

@test "--weak: references from there keep nothing alive" {
	run -0 "$TIDEMARK" leaks --json --weak owner lose.tide
	json "$output" 'd["totals"]["indirect"]["blocks"]' 'd["totals"]["unreferenced"]["blocks"]' >got
	printf '0\n6\n' | diff - got
}

@test "reference counts in blocks: what lost ones count and nobody holds" {
	compile counted <<-'EOF2'
		#include <stdlib.h>
		#include <string.h>
		#define N __attribute__((noinline, noipa))
		struct obj { void *kind; int references, pad; char room[40]; };
		struct obj *table[300];
		static void *hide(void *p) { __asm__ volatile("" : "+r"(p) :: "memory"); return p; }
		N struct obj *obj_new(void) { struct obj *o = hide(calloc(1, sizeof(*o))); o->references = 1; o->pad = 1; return o; }
		N void wipe(void) { char room[8192]; memset(room, 0, sizeof(room)); hide(room); }
		N void work(void)
		{
			int n = 0;
			for (int i = 0; i < 100; i++) {
				struct obj *o = obj_new();
				table[n++] = o;
				for (int k = 0; k < i % 3; k++, o->references++)
					table[n++] = o;
			}
			for (int i = 0; i < 5; i++) {
				struct obj *o = obj_new();
				o->references += i;
			}
		}
		int main(void) { work(); wipe(); return 0; }
	EOF2
	profile counted.tide ./counted
	run -0 "$TIDEMARK" leaks --json counted.tide
	json "$output" '[(r["offset"], r["live"], r["agree"], r["lost"], r["exceed"], r["excess"]) for r in d["declared"]]' |
		grep -qx '\[(8, 100, 100, 5, 5, 15)\]'
	"$TIDEMARK" leaks counted.tide | grep -q 'leaked counts: obj_new: the word at +8'
	"$TIDEMARK" refs --csv counted.tide obj_new | cut -d, -f4,5,8 | sort | uniq -c | tr -s ' ' >got
	grep -qx ' 33 reachable,3,3' got
	grep -qx ' 1 unreferenced,0,5' got
	"$TIDEMARK" refs --refcount-at 12 --csv counted.tide obj_new | cut -d, -f8 | sort -u | grep -qx 1
}

@test "two lines of one function are one suppression, and none is called unused" {
	compile twice <<-'EOF2'
		#include <stdlib.h>
		static __attribute__((noinline, noipa)) void *make(int n) { return malloc(n); }
		static __attribute__((noinline, noipa)) void work(void)
		{
			make(10);
			make(20);
		}
		int main(void) { work(); return 0; }
	EOF2
	profile twice.tide ./twice
	"$TIDEMARK" leaks --gen-suppressions twice.tide >supp
	[ "$(grep -c Memcheck:Leak supp)" -eq 1 ]
	"$TIDEMARK" leaks --suppressions supp twice.tide >out 2>err
	[ ! -s err ] || fail "$(cat err)"
	grep -q 'nothing is lost' out
}

@test "against an older snapshot: what an older cycle holds now is not a new cycle" {
	compile grows -I "$ROOT" <<-'EOF2'
		#include <stdlib.h>
		#include <string.h>
		#include "shim/tidemark.h"
		struct node { struct node *next; void *extra; };
		static __attribute__((noinline, noipa)) struct node *ring(void)
		{
			struct node *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
			a->next = b;
			b->next = a;
			return a;
		}
		struct node *head;
		static __attribute__((noinline, noipa)) void *more(void) { return malloc(50); }
		static __attribute__((noinline, noipa)) void lose(void)
		{
			unsigned long hidden = ~(unsigned long)ring();
			__asm__ volatile("" : "+r"(hidden));
			head = (struct node *)hidden;
		}
		static __attribute__((noinline, noipa)) void grow(void)
		{
			struct node *a = (struct node *)~(unsigned long)head;
			a->extra = more();
		}
		static __attribute__((noinline, noipa)) void wipe(void) { volatile char room[8192]; memset((char *)room, 0, sizeof(room)); }
		int main(void)
		{
			lose();
			wipe();
			tide_snapshot("before");
			grow();
			wipe();
			return 0;
		}
	EOF2
	profile after.tide ./grows
	"$TIDEMARK" leaks after.tide before.tide >out
	grep -q 'older root cycle' out
	run ! grep -q '0 root cycles' out
	json "$("$TIDEMARK" leaks --json after.tide before.tide)" 'd["root_cycles"]' 'd["totals"]["lost"]' >got
	printf "%s\n" 0 "{'blocks': 1, 'bytes': 50}" | diff - got
}
