# The forecasts of `tidemark waste`, against what malloc_trim gives back: of programs that fragment their heap in
# many ways (fragments.c), with the library and from a walk of the heap.
load ../lib/helper
bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	compile fragments -pthread <"$ROOT/tests/programs/fragments.c"
}

# fragmented WAY FIRST [NAME=VALUE]...: the program and its snapshot, p.tide; what came back is in `said`.
fragmented() {
	local way=$1 first=$2 pid
	shift 2
	rm -f in said
	mkfifo in
	env "$@" "$BATS_FILE_TMPDIR/fragments" "$way" $first <in >said &
	exec 9>in
	await 'grep -qs ready said'
	collapses=$(collapses)
	pid=$(awk '{ print $3; exit }' said)
	"$TIDEMARK" snap -q -o p.tide "$pid" || true
	echo go >&9
	exec 9>&-
	wait $!
}

# Runs one way: what came back is what was promised.
experiment() {
	local way=$1 first=$2
	shift 2
	undisturbed fragmented "$way" "$first" "$@"
	"$TIDEMARK" waste --json p.tide >waste.json
	/usr/bin/python3 - "$way $* $first" <<-'EOF'
		import json, sys
		d = json.load(open("waste.json"))
		said = {line.split()[0]: int(line.split()[1]) for line in open("said")}
		pins, trim = d["pins"][0], d["trim"]["returnable_bytes"]
		parts = d["resident"]["parts"]
		whole = d["resident"]["bytes"]
		def near(what, real, promised, share):
		    if abs(real - promised) > share * max(real, promised) + 65536:
		        sys.exit(f"{sys.argv[1]}: {what}: {real} came back, {promised} were promised")
		name = pins["stack"][0]["function"]
		if pins.get("size", 200) not in (200, 216) or (name != "keep" and "size" not in pins):
		    sys.exit(f"{sys.argv[1]}: {name} is blamed")
		if sum(p["resident_bytes"] for p in parts) != whole or d["resident"]["unknown_bytes"] * 100 > whole:
		    sys.exit(f"{sys.argv[1]}: sums")
		if sys.argv[1].endswith(" first"):
		    near("both", said["pins"], trim + pins["pinned_first_bytes"], .10)
		    # Where nothing stays at the ends of arenas, the order does not matter.
		    if "top-pad" not in sys.argv[1] and "no-trim" not in sys.argv[1]:
		        near("both, in the other order", said["pins"], trim + pins["pinned_bytes"], .10)
		    # Said in words where it matters: also with huge pages, and where M_TRIM_THRESHOLD is large.
		    said_so = any("call it before they are freed as well" in c["advice"] for c in d["causes"])
		    large = "no-trim" in sys.argv[1] or "hugetlb" in sys.argv[1]
		    if not large and said_so != sys.argv[1].startswith("threads-top-pad"):
		        sys.exit("%s: %s" % (sys.argv[1], d["causes"]))
		else:
		    near("trim", said["trim"], trim, .02)
		    near("pins", said["pins"], pins["pinned_bytes"], .10)
	EOF
}

prepared() { experiment "$1" "$2" LD_PRELOAD="$SHIM" TIDEMARK_OUTPUT=exit.tide "${@:3}"; }

each() {
	local way
	for way; do
		prepared "$way" ""
		experiment "$way" "" A=1
	done
}

@test "one arena: plain, trimmed before, full caches, pages given back by the program, huge pages, mapped chunks" {
	each plain trimmed caches dontneed huge mapped
}

@test "one arena: another M_TOP_PAD, a program break that cannot grow" {
	each top-pad no-break
}

@test "a child after fork" {
	each fork
}

@test "arenas of threads, and blocks that another thread frees" {
	each threads pool threads-large
}

@test "arenas of threads: M_TOP_PAD, M_TRIM_THRESHOLD, and the threshold that libc adapts" {
	each threads-no-top-pad threads-no-trim threads-dynamic threads-top-pad
}

@test "settings from the environment: one arena, no caches, no fast bins, huge pages" {
	local set
	prepared threads "" MALLOC_ARENA_MAX=1
	for set in tcache_count=0 mxfast=0; do
		prepared plain "" GLIBC_TUNABLES=glibc.malloc.$set
		experiment plain "" GLIBC_TUNABLES=glibc.malloc.$set
	done
}

# With a large M_TOP_PAD or M_TRIM_THRESHOLD much less comes back: the end of an arena that stays holds pages that a
# malloc_trim before would have given back (waste.h, WS3).
@test "pins are freed first, then one malloc_trim" {
	local way
	for way in plain threads pool threads-dynamic threads-large; do
		prepared "$way" first
	done
	for way in threads-top-pad threads-no-trim threads-no-top-pad top-pad; do
		prepared "$way" first
		experiment "$way" first A=1
	done
	prepared plain first GLIBC_TUNABLES=glibc.malloc.hugetlb=1
	experiment plain first GLIBC_TUNABLES=glibc.malloc.hugetlb=1
	prepared threads first MALLOC_ARENA_MAX=1
}

@test "what a program maps beside arenas of Python is a mapping, though the kernel has joined them" {
	cat >beside.py <<-'EOF'
		import mmap
		BYTES = 50 << 20
		mapped, kept = [], []
		def map_one():
		    m = mmap.mmap(-1, BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
		    m.write(b"\1" * BYTES)
		    mapped.append(m)
		kept.append([object() for _ in range(200000)])
		map_one()
		kept.append([object() for _ in range(400000)])
		map_one()
		kept.append([object() for _ in range(200000)])
		arenas = [id(o) for part in kept for o in part[::1000]]
		with open("/proc/self/maps") as maps:
		    ranges = [[int(x, 16) for x in line.split()[0].split("-")] for line in maps]
		joined = any(hi - lo > BYTES and any(lo <= a < hi for a in arenas) for lo, hi in ranges)
		print("joined" if joined else "apart")
	EOF
	# Where the kernel puts them is chance.
	for _ in 1 2 3 4 5; do
		run "$TIDEMARK" run -q -f -o x.tide -- /usr/bin/python3 -S beside.py
		[ "$status" = 0 ]
		"$TIDEMARK" waste --json x.tide >waste.json
		/usr/bin/python3 - <<-'EOF'
			import json
			d = json.load(open("waste.json"))["resident"]
			parts = {p["part"]: p["resident_bytes"] for p in d["parts"]}
			assert sum(parts.values()) == d["bytes"] and d["unknown_bytes"] == 0, d
			assert 100 << 20 <= parts["mappings"] < 101 << 20, parts
		EOF
		[ "$output" != joined ] || return 0
	done
	skip "the kernel did not join them in five runs"
}
