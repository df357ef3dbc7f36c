# tidemark retained: what each root, site and block keeps alive.
load ../lib/helper
bats_require_minimum_version 1.5.0

# Compiled and profiled once; each test has a copy.
setup_file() {
	cd "$BATS_FILE_TMPDIR"
	compile hold <<-'EOF2'
		#include <stdlib.h>
		struct node { struct node *next, *both; };
		struct node *chain, *one, *two;
		__attribute__((noinline, noipa)) struct node *link_up(struct node *next)
		{
			struct node *n = calloc(1, sizeof(*n));
			n->next = next;
			return n;
		}
		__attribute__((noinline, noipa)) struct node *side(void) { return calloc(1, 100); }
		__attribute__((noinline, noipa)) struct node *shared(void) { return calloc(1, 5000); }
		int main(void)
		{
			for (int i = 0; i < 1000; i++)
				chain = link_up(chain);
			one = side();
			two = side();
			one->both = two->both = shared();
			return 0;
		}
	EOF2
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT=hold.tide ./hold
}

setup() {
	cp -a "$BATS_FILE_TMPDIR"/* .
}

@test "roots retain what only they hold" {
	run -0 "$TIDEMARK" retained --json --by root,site hold.tide
	json "$output" '[(r["retained_blocks"], r["retained_bytes"]) for r in d["records"]
			if r["kind"] == "root" and r["name"] == "chain"]' \
		'[r["retained_bytes"] for r in d["records"] if r["kind"] == "root" and r["name"] in ("one", "two")]' \
		'[(r["blocks"], r["retained_blocks"], r["retained_bytes"]) for r in d["records"]
			if r["kind"] == "site" and r["stack"][0]["function"] == "side"]' >got
	cat >want <<-EOF
		[(1000, 16000)]
		[100, 100]
		[(1, 1, 100), (1, 1, 100)]
	EOF
	diff want got
	json "$output" '[r["retained_bytes"] for r in d["records"]] == sorted((r["retained_bytes"] for r in d["records"]), reverse=True)' |
		grep -qx True
}

@test "--drop: what would go with a site, shared things included" {
	run -0 "$TIDEMARK" retained --json -n 1 --drop side hold.tide
	json "$output" 'd["drop"]["blocks"]' 'd["drop"]["bytes"]' >got
	printf '3\n5200\n' | diff - got
	run -0 "$TIDEMARK" retained --drop link_up hold.tide
	[[ $output == *"1,000 blocks would be freed"* ]]
	run -2 "$TIDEMARK" retained --drop no_such_function hold.tide
}

@test "the screen fits, --by chooses" {
	COLUMNS=80 "$TIDEMARK" retained hold.tide >out
	fits 80 out
	grep -q 'global *chain' out
	# A thousand blocks of one site are two lines, and a number below.
	[ "$(grep -c ' block *link_up' out)" = 2 ]
	[[ $(tail -1 out) == [0-9]*" more: -n all"* ]]
	[ "$("$TIDEMARK" retained -n all hold.tide | grep -c ' block *link_up')" = 999 ]
	"$TIDEMARK" retained --by site hold.tide >out
	! grep -q global out
	run -2 "$TIDEMARK" retained --by nonsense hold.tide
}
