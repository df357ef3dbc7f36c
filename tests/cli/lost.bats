#!/usr/bin/env bats
# What is lost, byte by byte and site by site, is the same in `leaks --json`, in every export and in the
# page of `html`: with rings and what hangs from them, with sites that read the same, with suppressions
# and filters.

load ../lib/helper

setup_file() {
	export B
	cd "$BATS_FILE_TMPDIR"
	cat >lost.c <<-'SOURCE'
		#include <stdlib.h>
		#include <string.h>
		struct node { struct node *volatile next, *volatile tail; char text[24]; };
		static __attribute__((noinline)) struct node *make(void) { return calloc(1, sizeof(struct node)); }
		static __attribute__((noinline)) struct node *make_tail(size_t n) { return calloc(1, sizeof(struct node) + n); }
		/* Rings of three, each with a tail of two, and one tail that two rings share. */
		static __attribute__((noinline)) void rings(int n)
		{
			struct node *shared = make_tail(500);
			for (int i = 0; i < n; i++) {
				struct node *a = make(), *b = make(), *c = make();
				a->next = b; b->next = c; c->next = a;
				a->tail = make_tail(10 + i);
				a->tail->tail = make_tail(1000);
				b->tail = shared;
			}
		}
		/* One line, several calls: sites that read the same. */
		#define LOSE do { char *volatile p = malloc(77); *p = 1; } while (0)
		static __attribute__((noinline)) void unrolled(void)
		{
			LOSE; LOSE; LOSE; LOSE; LOSE;
		}
		static __attribute__((noinline)) void chain(void)
		{
			struct node *head = NULL;
			for (int i = 0; i < 20; i++) {
				struct node *n = make();
				n->next = head;
				head = n;
			}
		}
		static __attribute__((noinline)) void wipe(void) { volatile char s[8192]; memset((char *)s, 0, sizeof s); }
		int main(void)
		{
			rings(7);
			unrolled();
			chain();
			wipe();
			return 0;
		}
	SOURCE
	gcc -g -O1 -o lost lost.c
	"$TIDEMARK" run -q -o lost.tide ./lost
	"$TIDEMARK" run -q -o perl.tide perl -e 'for (1..50) { my $a = {}; my $b = [$a, "x" x $_]; $a->{b} = $b; }'
	printf 'leak:unrolled\n' >suppressions
	cat >compare.py <<-'EOF'
		import collections, csv, gzip, json, os, re, sqlite3, subprocess, sys
		tidemark = os.environ["TIDEMARK"]
		path, options = sys.argv[1], sys.argv[2:]

		def ask(*words):
		    return subprocess.run([tidemark, *words, *options], check=True, capture_output=True, text=True).stdout

		# A site begins at the caller of the allocator: what the exports call its function. The allocator's
		# wrappers above do not tell sites apart, and `leaks` shows one of them.
		wrappers = set()

		def bare(sums):
		    found = collections.Counter()
		    for stack, n in sums.items():
		        stack = list(stack)
		        while len(stack) > 1 and stack[0] in wrappers:
		            stack.pop(0)
		        found[tuple(stack)] += n
		    return {k: v for k, v in found.items() if v}

		def leaks():
		    d, sums = json.loads(ask("leaks", "--json", path)), collections.Counter()
		    for r in d["records"]:
		        if r["kind"] in ("unreferenced", "cycle", "indirect") and not r["suppressed"]:
		            sums[tuple(f["function"] for f in r["stack"])] += r["bytes"]
		    assert sum(sums.values()) == sum(d["totals"][k]["bytes"] for k in ("unreferenced", "cycle", "indirect"))
		    return sums

		def export_json():
		    d, sums = json.loads(ask("export", "--to", "json", path)), collections.Counter()
		    for r in d["records"]:
		        sums[tuple(d["frames"][f]["function"] for f in r["stack"])] += r["lost_bytes"]
		    assert sum(sums.values()) == d["totals"]["lost_bytes"]
		    return sums

		def export_csv():
		    sums = collections.Counter()
		    for r in csv.DictReader(ask("export", "--to", "csv", path).splitlines()):
		        stack = list(reversed(r["stack"].split(";")))
		        sums[tuple(stack)] += int(r["lost_bytes"])
		        if r["function"] in stack:
		            wrappers.update(stack[:stack.index(r["function"])])
		    return sums

		def export_sqlite():
		    if os.path.exists("out.sqlite"):
		        os.unlink("out.sqlite")
		    ask("export", "--to", "sqlite", "-o", "out.sqlite", path)
		    sums, frames, bytes_of = collections.Counter(), collections.defaultdict(list), {}
		    db = sqlite3.connect("out.sqlite")
		    for site, name in db.execute("select site, function from stack join frame on frame.id = frame order by site, depth"):
		        frames[site].append(name)
		    for site, n in db.execute("select id, lost_bytes from site"):
		        sums[tuple(frames[site])] += n
		    return sums

		# Just enough of protocol buffers.
		def fields(data):
		    at = 0
		    def varint():
		        nonlocal at
		        n = shift = 0
		        while True:
		            n |= (data[at] & 127) << shift
		            shift += 7
		            at += 1
		            if data[at - 1] < 128:
		                return n
		    while at < len(data):
		        key = varint()
		        if key & 7 == 0:
		            yield key >> 3, varint()
		        elif key & 7 == 2:
		            n = varint()
		            at += n
		            yield key >> 3, data[at - n:at]
		        else:
		            raise ValueError(key)

		def packed(value):
		    if isinstance(value, int):
		        return [value]
		    return [v for _, v in fields(b"".join(b"\x08" + v for v in re.findall(rb"[\x80-\xff]*[\x00-\x7f]", value, re.S)))]

		def export_pprof():
		    ask("export", "--to", "pprof", "-o", "out.pb.gz", path)
		    profile = list(fields(gzip.open("out.pb.gz").read()))
		    text = [v.decode() for k, v in profile if k == 6]
		    types = [text[dict(fields(v))[1]] for k, v in profile if k == 1]
		    lost = [i for i, name in enumerate(types) if "lost" in name and ("bytes" in name or "space" in name)]
		    assert len(lost) == 1, types
		    function = {d[1]: text[d[2]] for d in (dict(fields(v)) for k, v in profile if k == 5)}
		    location = {}
		    for k, v in profile:
		        if k == 4:
		            parts = list(fields(v))
		            location[dict(parts)[1]] = [function[dict(fields(line))[1]] for n, line in parts if n == 4]
		    sums = collections.Counter()
		    for k, v in profile:
		        if k == 2:
		            places, values = [], []
		            for n, value in fields(v):
		                (places if n == 1 else values if n == 2 else []).extend(packed(value) if n < 3 else [])
		            sums[tuple(f for p in places for f in location[p])] += values[lost[0]]
		    return sums

		def html():
		    ask("html", "-q", "-o", "out.html", path)
		    page = open("out.html", encoding="utf-8").read()
		    d = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1))
		    sums = collections.Counter()
		    for row, n in enumerate(d["lost_bytes"]):
		        names, node = [], d["row_node"][row]
		        while True:
		            names.append(d["text"][d["line_function"][d["node_line"][node]]])
		            if not d["node_up"][node]:
		                break
		            node -= d["node_up"][node]
		        sums[tuple(names)] += n
		    records = collections.Counter()
		    for kind, row, blocks, n, *_ in d["lost_records"]:
		        if kind < 3:
		            records["all"] += n
		    assert records["all"] == sum(sums.values()), (records, sum(sums.values()))
		    return sums

		export_csv()
		expected = bare(leaks())
		total = sum(expected.values())
		print("lost:", total, "at", len(expected), "sites")
		ways = [export_json, export_csv, export_sqlite, export_pprof]
		if os.path.getsize(os.environ["B"] + "/web/report.js"):		# built with node
		    ways.append(html)
		for how in ways:
		    found = bare(how())
		    assert sum(found.values()) == total, (how.__name__, sum(found.values()), total)
		    for k in set(found) | set(expected):
		        assert found.get(k, 0) == expected.get(k, 0), (how.__name__, k, found.get(k, 0), expected.get(k, 0))
		assert total, "nothing is lost"
	EOF
}

setup() {
	export B
	cd "$BATS_FILE_TMPDIR"
}

@test "rings, their tails, a shared tail, one line with several calls" {
	/usr/bin/python3 compare.py lost.tide
	# Known: 21 nodes in rings, 14 in tails, one shared, 5 of one line, 20 in a chain.
	/usr/bin/python3 compare.py lost.tide | grep -q "lost: $((40 * 21 + 40 * 14 + 7 * 10 + 21 + 7 * 1000 + 540 + 5 * 77 + 20 * 40)) "
}

@test "with suppressions and filters" {
	/usr/bin/python3 compare.py lost.tide --suppressions suppressions
	/usr/bin/python3 compare.py lost.tide --filter fn:make --exclude fn:main
	/usr/bin/python3 compare.py lost.tide --filter fn:rings --all-frames
}

@test "perl" {
	/usr/bin/python3 compare.py perl.tide
}
