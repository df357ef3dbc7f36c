#!/usr/bin/python3
"""sums.py SNAPSHOT...: every output's sum of every measure is that of `stat`, to the byte.

Prints a line for each sum that differs, and at last how many were compared.
"""
import base64, csv, gzip, io, json, os, re, sqlite3, subprocess, sys, tempfile, zlib
sys.dont_write_bytecode = True
from receiver import read_profile, read_trace

TIDEMARK, files = os.environ["TIDEMARK"], sys.argv[1:]
compared = 0


def run(*args):
    return subprocess.run([TIDEMARK, args[0], "-q", *args[1:]], check=True, capture_output=True).stdout


def export(to, *args):
    return run("export", *files, "--to", to, *args)


def total(rows, name):
    return sum(int(r[name]) for r in rows)


def compare(output, sums):
    global compared
    for name, n in sums.items():
        compared += 1
        if n != want[name]:
            print(f"{output}: {name} is {n}, not {want[name]}")


stat = json.loads(run("stat", "--json", *files))
want = dict(stat["totals"])
measures = list(want)
if len(files) == 1 and json.loads(run("info", "--json", *files))["snapshot"].get("references", True):
    kinds = json.loads(run("leaks", "--json", *files))["totals"]
    want["lost_bytes"], want["lost_blocks"] = (sum(kinds[k][u] for k in ("unreferenced", "cycle", "indirect")) for u in ("bytes", "blocks"))
else:
    summed = json.loads(export("json"))["totals"]
    want.update({m: n for m, n in summed.items() if m.startswith("lost_")})
every = list(want)

compare("stat", {m: total(stat["records"], m) for m in measures})
compare("stat --csv", {m: total(csv.DictReader(io.StringIO(run("stat", "--csv", *files).decode())), m) for m in ("live_bytes", "total_blocks")})
for by in ("function", "file", "line", "module", "stack"):
    compare(f"stat --by {by}", {m: total(json.loads(run("stat", "--json", "--by", by, *files))["records"], m) for m in measures})
for sort, names in (("live", ["live_bytes", "live_blocks"]), ("peak", ["peak_bytes"]), ("total", ["total_bytes"]),
                    ("allocations", ["total_blocks"]), ("temporary", ["temporary"])):
    for way in ("--top-down", "--bottom-up") if len(files) == 1 else ():
        whole = json.loads(run("tree", "--json", way, "--sort", sort, *files))["tree"]
        compare(f"tree {way} --sort {sort}", {m: whole["inclusive"][m] for m in names if m in whole["inclusive"]})
        own, nodes = {}, [whole]
        while nodes:
            node = nodes.pop()
            nodes += node.get("children", [])
            for m, n in node["self"].items():
                own[m] = own.get(m, 0) + n
        rows = list(csv.DictReader(io.StringIO(run("tree", "--csv", way, "--sort", sort, *files).decode())))
        compare(f"tree --csv {way} --sort {sort}", {m: int(rows[0]["inclusive_" + m]) for m in names if "inclusive_" + m in rows[0]})
        if way == "--top-down":
            compare(f"tree --csv --sort {sort}, nodes themselves", {m: total(rows, "self_" + m) for m in names if "self_" + m in rows[0]})
            compare(f"tree --sort {sort}, nodes themselves", {m: own[m] for m in names if m in own})

records = json.loads(export("json"))
compare("json totals", records["totals"])
compare("json", {m: total(records["records"], m) for m in every})
compare("csv", {m: total(csv.DictReader(io.StringIO(export("csv").decode())), m) for m in every})
compare("jsonl", {m: total(map(json.loads, export("jsonl").splitlines()), m) for m in every})
for m in every:
    if m in ("peak_blocks", "reallocations", "lost_blocks"):
        continue
    compare("folded", {m: sum(int(l.rsplit(b" ", 1)[1]) for l in export("folded", "--measure", m).splitlines())})
    if m.endswith("_bytes"):
        massif = re.findall(rb"mem_heap_B=(\d+)", export("massif", "--measure", m))
        compare("massif", {m: int(massif[-1])})
        tree = export("massif", "--measure", m)
        compare("massif tree", {m: int(re.search(rb"^n\d+: (\d+) ", tree, re.M)[1])})
compare("speedscope", {p["name"]: sum(p["weights"]) for p in json.loads(export("speedscope"))["profiles"]})
points = json.loads(export("dhat"))["pps"]
compare("dhat", {m: sum(p[f] for p in points) for m, f in {"total_bytes": "tb", "total_blocks": "tbk", "peak_bytes": "gb",
    "peak_blocks": "gbk", "live_bytes": "eb", "live_blocks": "ebk"}.items()})
names = {"alloc_objects": "total_blocks", "alloc_space": "total_bytes", "inuse_objects": "live_blocks", "inuse_space": "live_bytes",
         "peak_objects": "peak_blocks", "peak_space": "peak_bytes", "temporary_objects": "temporary",
         "reallocations": "reallocations", "lost_objects": "lost_blocks", "lost_space": "lost_bytes"}
compare("pprof", {names[t]: n for t, n in read_profile(export("pprof")).items()})
heaps, _ = read_trace(export("perfetto"))
malloc, peak = heaps["malloc"], heaps["malloc at the peak"]
compare("perfetto", {"total_bytes": malloc["allocated"], "live_bytes": malloc["allocated"] - malloc["freed"], "total_blocks": malloc["blocks"],
    "live_blocks": malloc["blocks"] - malloc["freed_blocks"], "peak_bytes": peak["max"], "peak_blocks": peak["max_blocks"]})
if "lost" in heaps:
    compare("perfetto", {"lost_bytes": heaps["lost"]["allocated"], "lost_blocks": heaps["lost"]["blocks"]})
with tempfile.TemporaryDirectory() as folder:
    export("sqlite", "-o", folder + "/x.sqlite")
    db = sqlite3.connect(folder + "/x.sqlite")
    compare("sqlite", {m: db.execute(f"SELECT total({m}) FROM site").fetchone()[0] for m in every})
    compare("sqlite callers", {"live_bytes": db.execute("SELECT sum(live_bytes) FROM callers").fetchone()[0]})
    if len(files) == 1:
        compare("sqlite blocks", {"live_bytes": db.execute("SELECT sum(bytes) FROM block").fetchone()[0]})
        if os.environ.get("PAGE"):
            run("html", *files, "-o", folder + "/x.html")
            page = open(folder + "/x.html", encoding="utf-8").read()
            kind, text = re.search(r'<script type="application/(json|octet-stream)" id="data">(.*?)</script>', page, re.S).groups()
            data = json.loads(text if kind == "json" else zlib.decompress(base64.b64decode(text), -15))
            compare("html", {m: sum(data[m]) for m in every if m in data})
print("compared", compared)
