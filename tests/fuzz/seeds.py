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


def full(stored=True):
    """A snapshot in which no section is empty, but those on stored types where they are not wanted."""
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
    add_types(s)
    add_memory(s)
    if stored:
        add_stored_types(s)
    return s


def add_types(s):
    """Python frames, types, objects, texts, what owns what, and pymalloc: sections 29 and 32 to 38."""
    s.add("codes")
    s.add("codes", name=s.string("load"), qualified=s.string("Cache.load"), file=s.string("cache.py"), first_line=3)
    s.add("frames", parent=2, address=1 << 42 | 2 << 21 | 4, flags=4)
    s.elements["sites"][5].update(frame=6, depth=3)
    s.add("types")
    for name, module, language, flags, size in (("str", "builtins", 1, 16, 48), ("dict", "builtins", 1, 32 | 2, 64),
                                                ("Cache", "cache", 1, 1 | 2 | 4, 32), ("Node", "", 2, 0, 0)):
        s.add("types", name=s.string(name), module=s.string(module), language=language, flags=flags, basic_bytes=size,
              address=0x480000 + size, item_bytes=1)
    for kind, evidence, head in (2, 6, 16), (3, 6, 16), (4, 1, 0), (0, 0, 0):
        s.add("block_types", type=kind, evidence=evidence, head=head)
    s.add("owners", block=2, owner=0, role=4)
    s.add("owners", block=3, owner=1, role=6)
    s.add("texts", hash=1, length=5, text=s.string("hello"))
    s.add("texts", hash=2, length=200, text=s.string("x" * 80), flags=1)
    for block, flags, value in (0, 1 | 4, 0), (1, 16 | 64 | 128, 2**64 - 5), (2, 256, 0x3ff8 << 48), (3, 32 | 512, 1):
        s.add("objects", block=block, flags=flags, stored=2, value=value)
    s.add("pool_arenas", address=0x10000, bytes=0x40000, used_bytes=314, used_blocks=4)
    for name, value in (("version", 0x030b02f0), ("interpreters", 1), ("gc.enabled", 1), ("gc.0.objects", 1),
                        ("gc.0.threshold", 700), ("pymalloc.used_bytes", 314), ("off.strings", 0)):
        s.add("python", name=s.string(name), value=value)


def add_memory(s):
    """A heap that blocks and chunks tile, as `tidemark waste` wants it: sections 40 to 45."""
    s.add("arenas", address=0x480100, bytes=0x21000, top=0x20000, kind=1, flags=1)
    s.add("arenas", address=0x700000, bytes=0x21000, top=0x700800, kind=2)
    s.add("regions", lo=0xf000, hi=0x30000, resident_bytes=0x3000, swapped_bytes=0x1000, kind=1, item=0)
    for kind, lo in enumerate(range(0x400000, 0x408000, 0x1000), 3):
        s.add("regions", lo=lo, hi=lo + 0x1000, resident_bytes=0x1000, kind=kind, item=2**32 - 1)
    s.add("regions", lo=0x700000, hi=0x721000, resident_bytes=0x1000, huge_bytes=0x1000, kind=1, item=1)
    s.add("pages", address=0xf000, pages=3, flags=1)
    s.add("pages", address=0x12000, pages=1, flags=2)
    s.add("pages", address=0x700000, pages=1, flags=5)
    for address, size, kind, arena in ((0xf000, 0xff0, 5, 0), (0x10060, 0x10, 3, 0), (0x100f0, 0, 6, 0), (0x10180, 0xfe80, 1, 0),
                                       (0x20000, 0x10000, 4, 0), (0x700000, 0x800, 5, 1), (0x700800, 0x20800, 4, 1)):
        s.add("chunks", address=address, bytes=size, kind=kind, arena=arena)
    s.add("thread_arenas", thread=0, arena=0)
    s.add("thread_arenas", thread=1, arena=1)
    s.add("duplicates", content=7, block=0)
    s.add("duplicates", content=7, block=1)


def add_stored_types(s):
    """What `tidemark symbolize` stores of types: sections 47 to 51."""
    pointer, node = 1, 2
    for block in range(len(s.elements["blocks"])):
        s.add("native_types", name=s.string("node"), layout=node, evidence=4)
    s.add("scanned_types", block=1, name=s.string("other"), layout=0, evidence=2)
    s.add("layouts")
    s.add("layouts", bytes=8, name=s.string("node*"), of=node, kind=3, language=3)
    s.add("layouts", bytes=16, name=s.string("node"), member=0, count=2, kind=5, language=3)
    s.add("layouts", bytes=32, name=s.string("node[2]"), member=2, of=node, kind=4, language=2)
    s.add("members", offset=0, sure_at=2**64 - 1, name=s.string("next"), layout=pointer, flags=2)
    s.add("members", offset=8, sure_at=2**64 - 1, name=s.string("value"), layout=pointer, flags=2)
    s.add("variables", address=0x404000, root=0, layout=3)
    s.add("variables", address=0x7ffe0010, root=1, layout=2, name=s.string("worker() queue"))


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    full().save(folder + "/full.tide")
    craft.small().save(folder + "/small.tide")
    s = full(stored=False)
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
