#!/usr/bin/python3
"""seeds.py FOLDER [TIDEMARK]: snapshots for the fuzzers to begin with.

One that has every section, small ones of real programs (references, sampling, marks and
rounds, symbols), and one whose modules do not exist, so that no time goes into their names.
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import craft  # noqa: E402

PROGRAM = r"""
#include <stdlib.h>
#include "shim/tidemark.h"
struct node { struct node *next, *other; void *held; };
static struct node *kept;
__attribute__((noinline)) static struct node *make(struct node *next)
{
	struct node *n = calloc(1, sizeof *n);
	n->next = next;
	n->held = malloc(40);
	return n;
}
int main(void)
{
	for (int round = 0; round < 12; round++) {
		for (int i = 0; i < 4; i++)
			kept = make(kept);
		struct node *a = make(NULL), *b = make(a);
		a->next = b;
		free(realloc(malloc(10), 1000));
		tide_mark("warm");
	}
	return 0;
}
"""


def full():
    """A snapshot in which no section is empty."""
    s = craft.small()
    s.value("rounds", 20)
    s.value("rounds.width", 1)
    s.value("missed.frees", 2)
    s.add("options", name=s.string("rounds"), value=s.string("warm"))
    for site in 4, 5:
        s.add("rounds", site=site, least=[i * site for i in range(126)])
        s.elements["lifetimes"].append({"site": site, "class": 3, "count": 9})
        s.add("thread_sites", thread=site - 4, site=site, total_bytes=100, total_blocks=2, live_bytes=50, live_blocks=1)
        s.add("counts", site=site, offset=8, first=(site - 4) * 2, blocks=2)
    s.elements["count_values"] = [1, 2, 255, 1]
    s.add("frames", parent=1, module=0, address=0x700010)
    s.add("perf_map", address=0x700000, bytes=64, name=s.string("LazyCompile:~f a.js:3"))
    s.elements["sites"][6].update(frame=5, depth=2)
    for frame in 1, 2, 2:
        s.add("symbols", frame=frame, function=s.string("make_node"), file=s.string("a.c"), line=frame * 3)
    s.add("warnings", text=s.string("a warning"), hint=s.string("do this"))
    s.add("mappings", lo=0x400000, hi=0x500000, name=s.string("/bin/example"), flags=5, rss_bytes=4096, pss_bytes=2048)
    s.add("roots", kind=4, address=0x7ffe0000, bytes=64, thread=0, frame=3, name=s.string("stack of example"))
    s.add("root_edges", root=1, block=3, address=0x7ffe0010, to_offset=4, flags=1)
    s.add("errors", kind=1, address=0x1010, block=0x1010, count=1, free_site=4, allocation_site=5, first_site=6, flags=1)
    s.add("errors", kind=4, address=0x1030, block=0x1030, bytes=9, count=3, free_site=5, allocation_site=4,
          thread=0xffffffff, allocated_by=2, freed_by=6)
    s.add("errors", kind=2, address=0x7ffe0010, count=2, free_site=6, place=1)
    for i in range(4):
        s.add("digests", content=i, resident_pages=1, pages=1)
    return s


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    full().save(folder + "/full.tide")
    craft.small().save(folder + "/small.tide")
    s = full()
    s.compressed = {"frames", "sites", "blocks", "edges"}
    s.save(folder + "/compressed.tide")
    if len(sys.argv) < 3:
        return
    tidemark = sys.argv[2]
    with tempfile.TemporaryDirectory() as where:
        program = where + "/program"
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
        subprocess.run(["gcc", "-g", "-O1", "-I", root, "-x", "c", "-", "-o", program], input=PROGRAM, text=True, check=True)
        for name, options in (("references", []), ("counters", ["--no-references"]), ("sampled", ["--sample", "100"]),
                              ("rounds", ["--rounds", "warm"]), ("shallow", ["--depth", "1"])):
            path = f"{where}/{name}.tide"
            p = subprocess.run([tidemark, "run", "-q", *options, "-o", path, "--", program], capture_output=True)
            if p.returncode or not os.path.exists(path):
                print(f"seeds.py: no {name}: {p.stderr.decode()[-200:]}", file=sys.stderr)
                continue
            subprocess.run([tidemark, "symbolize", path], capture_output=True)
            s = craft.load(path)
            for m in s.elements["modules"][1:]:
                m["path"] = s.string("/absent/" + str(m["lo"]))
            s.elements["mappings"] = s.elements["mappings"][:20]
            s.save(f"{folder}/{name}.tide")


main()
