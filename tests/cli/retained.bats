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

@test "retained FILE OLD: what has grown, by the variable of Python that holds it" {
	cat >app.py <<-'EOF'
		import ctypes, functools, logging, threading
		cache, callbacks, local = {}, [], threading.local()
		class Session:
		    registry = []
		    def __init__(self, data):
		        self.data = data
		        Session.registry.append(self)
		class Keep(logging.Handler):
		    def __init__(self):
		        super().__init__()
		        self.kept = []
		    def emit(self, record): self.kept.append(record)
		log = logging.getLogger("app")
		log.addHandler(Keep())
		log.propagate = False
		@functools.lru_cache(maxsize=None)
		def render(n): return b"page %d" % n * 1000
		def remember(x, seen=[]): seen.append(x)
		class Signal:
		    def __init__(self): self.receivers = {}
		changed = Signal()
		def work(n):
		    cache["user/%d" % n] = {"body": "x%d" % n * 1000}
		    big = bytearray(5000)
		    callbacks.append(lambda: len(big))
		    log.warning("%s", "y%d" % n * 1000)
		    if not hasattr(local, "seen"):
		        local.seen = []
		    local.seen.append("t%d" % n * 1000)
		    Session("s%d" % n * 1000)
		    render(n)
		    remember("d%d" % n * 1000)
		    view = bytearray(5000)
		    changed.receivers[n] = lambda *a: view
		constant = [b"c%d" % n * 5000 for n in range(100)]
		for n in range(400):
		    if n == 200:
		        ctypes.CDLL(None).tide_snapshot(b"old.tide")
		    work(n)
		ctypes.CDLL(None).tide_snapshot(b"new.tide")
	EOF
	"$TIDEMARK" run -q -o end.tide -- /usr/bin/python3 app.py
	run -0 "$TIDEMARK" retained --json --by variable new.tide old.tide
	/usr/bin/python3 - "$output" <<-'END'
		import json, sys
		r = json.loads(sys.argv[1])["records"]
		assert [x["retained_bytes_diff"] for x in r] == sorted((x["retained_bytes_diff"] for x in r), reverse=True)
		grown = {x["name"]: x for x in r if x["retained_bytes_diff"] > 400_000}
		print({n: x["through"] for n, x in grown.items()})
		expected = {"cache": "", "callbacks": "", "local": "attribute seen of thread-local", "log": "attribute kept of Keep",
		    "Session": 'dict of class Session, key "registry"', "render": "cache of _lru_cache_wrapper",
		    "remember": "default argument seen of function remember", "changed": "attribute receivers of Signal"}
		for name, through in expected.items():
		    x = grown.pop('dict of module __main__, key "%s"' % name)
		    assert (x["through"] or "").endswith(through), (name, x["through"])
		    assert x["retained_bytes_diff"] < 1_800_000, x
		assert not grown, grown
	END
	run -0 "$TIDEMARK" retained new.tide old.tide
	[[ $output == *"What retains more than in the older snapshot"* ]]
	[[ $output =~ \+[0-9.]+\ MiB\ [0-9.]+\ MiB.*variable\ __main__\.cache$'\n' ]]
	[[ $output == *"variable __main__.Session > Session.registry"* && $output != *constant* ]]
	run -0 "$TIDEMARK" retained old.tide old.tide
	[[ $output == *"Nothing retains more than in the older snapshot"* ]]
	run -2 "$TIDEMARK" retained --by site new.tide old.tide
	"$TIDEMARK" types new.tide old.tide | grep -F 'which variable has grown: tidemark retained new.tide old.tide'
	"$TIDEMARK" diff old.tide new.tide | grep -F 'which variable of Python holds it: tidemark retained new.tide old.tide'
}

@test "retained FILE OLD: a native program's globals that retain more" {
	compile grow <<-'EOF2'
		#include <stdlib.h>
		void tide_snapshot(const char *) __attribute__((weak));
		void **cache, *steady;
		int main(void)
		{
			cache = calloc(100, sizeof(*cache));
			steady = malloc(5000);
			for (int i = 0; i < 100; i++) {
				if (i == 50 && tide_snapshot)
					tide_snapshot("old.tide");
				cache[i] = malloc(1000);
			}
			return 0;
		}
	EOF2
	"$TIDEMARK" run -q -o new.tide -- ./grow
	run -0 "$TIDEMARK" retained --json new.tide old.tide
	json "$output" '[(r["kind"], r["name"], r["retained_bytes_diff"], r["retained_blocks_diff"]) for r in d["records"]] == [("root", "cache", 50000, 50)]'
}

@test "what several roots reach belongs to none of them, and the screen names them" {
	compile shared <<-'C'
		#include <stdlib.h>
		struct node { struct node *next; char data[1000]; };
		struct node *cache, *registry, *own;
		static struct node *list(int n)
		{
			struct node *first = NULL;
			while (n--) {
				struct node *new = calloc(1, sizeof(*new));
				new->next = first;
				first = new;
			}
			return first;
		}
		int main(void)
		{
			cache = list(100);
			own = list(50);
			registry = cache->next;
			return 0;
		}
	C
	"$TIDEMARK" run -q -o s.tide ./shared
	run "$TIDEMARK" retained s.tide
	[[ $(echo $output) == *"97.5 KiB in 99 blocks are reached from several roots, and would be freed with none alone:"* ]] || fail "$output"
	[[ $(echo $output) == *"97.5 KiB from global registry, 97.5 KiB from global cache. One stale word can do that: tidemark run --wipe"* ]] \
		|| fail "$output"
	json "$("$TIDEMARK" retained --json --by root s.tide)" '[(r["name"], r["blocks"]) for r in d["shared"]["roots"]]' >roots
	[ "$(cat roots)" = "[('registry', 99), ('cache', 99)]" ] || fail "$(cat roots)"
	"$TIDEMARK" run -q -f --wipe -o s.tide ./shared
	run "$TIDEMARK" retained s.tide
	[[ $(echo $output) == *"97.5 KiB from global registry"* && $output != *"stale word"* ]] || fail "$output"
}

@test "native types are owners, with what types says they retain, and grow by name" {
	cat >owners.cc <<-'SOURCE'
		#include <cstdlib>
		#include <vector>
		namespace net {
		struct Session { virtual ~Session() {} char *buffer = nullptr; };
		struct Server { virtual ~Server() {} std::vector<Session *> sessions; };
		}
		net::Server *server;
		static void open_sessions(int n) {
			for (int i = 0; i < n; i++) {
				auto *s = new net::Session;
				s->buffer = new char[700];
				server->sessions.push_back(s);
			}
		}
		int main(int argc, char **argv) {
			server = new net::Server;
			open_sessions(argc > 1 ? atoi(argv[1]) : 10);
		}
	SOURCE
	g++ -g -O0 -o owners owners.cc
	"$TIDEMARK" run -q -o few.tide ./owners 10
	"$TIDEMARK" run -q -o many.tide ./owners 25
	"$TIDEMARK" retained --by type --json many.tide >rows.json
	"$TIDEMARK" types --json many.tide >types.json
	/usr/bin/python3 - <<-'EOF2'
		import json
		rows = json.load(open("rows.json"))["records"]
		types = json.load(open("types.json"))["native"]["types"]
		got = {r["name"]: (r["blocks"], r["bytes"], r["retained_bytes"]) for r in rows if r["kind"] == "type"}
		want = {t["type"]: (t["blocks"], t["bytes"], t["retained_bytes"]) for t in types}
		assert got == want, (got, want)
		assert got["net::Session"][0] == 25 and got["net::Session"][2] == got["net::Session"][1] + 25 * 700, got
		assert got["net::Server"][2] > got["net::Session"][2], got
	EOF2
	# Only where they are asked for.
	[ "$(json "$("$TIDEMARK" retained --json many.tide)" '[r for r in d["records"] if r["kind"] == "type"]')" = "[]" ]
	[[ $("$TIDEMARK" retained --by type many.tide) == *" type net::Session"* ]]
	[ "$(json "$("$TIDEMARK" retained --by type --json many.tide few.tide)" \
		'[r["retained_blocks_diff"] for r in d["records"] if r["name"] == "net::Session"]')" = "[30]" ]
}
