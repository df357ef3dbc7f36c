#!/usr/bin/env bats
# CPython without the GIL (Py_GIL_DISABLED): stacks and blocks of threads that run at the same time. No package of Debian's
# has one: python3.13t and python3.14t of PATH are taken, and what PYTHONS_WITHOUT_GIL names.
load ../lib/helper
load ../lib/python
bats_require_minimum_version 1.5.0

# each_nogil COMMAND [ARGUMENT]...: runs it with PYTHON set to each of them.
each_nogil() {
	local PYTHON found=
	for PYTHON in python3.13t python3.14t $PYTHONS_WITHOUT_GIL; do
		PYTHON=$(command -v "$PYTHON") || continue
		found=1
		"$@" || fail "$PYTHON: $* failed" || return
	done
	[ "$found" ] || skip "no CPython without the GIL"
}

@test "stacks have the frames that sys._getframe has, with the lines that run" {
	each_nogil are_exact python_stacks.py
	PYTHONMALLOC=debug each_nogil are_exact python_stacks.py
	PYTHON_TLBC=0 each_nogil are_exact python_stacks.py
}

@test "so have stacks of tasks and of callbacks from a thread of C" {
	each_nogil are_exact python_switched.py --sites 0
}

@test "functions have their qualified names" {
	each_nogil names_are_certain
}

# count LIVE PROGRAM TEXT: it prints the text, and that many objects of the line LIVE are left.
counts() {
	run "$TIDEMARK" run -q -f -o s.tide -- "$PYTHON" "$BATS_TEST_DIRNAME/$2"
	[ "$status" -eq 7 ] && [[ "$output" == *"$3"* ]] || fail "$2 ended with $status: $output" || return
	"$TIDEMARK" stat --json -n all s.tide >stat.json
	/usr/bin/python3 - "$BATS_TEST_DIRNAME/$2" "$1" <<-'END'
		import json, sys
		lines = {i + 1: l.split("# ")[1].strip() for i, l in enumerate(open(sys.argv[1])) if "# " in l}
		live = {"LIVE": 0, "FREED": 0}
		for site in json.load(open("stat.json"))["records"]:
		    top = next((f for f in site["stack"] if f["language"] == "python"), None)
		    if top and top["file"] == sys.argv[1] and top["line"] in lines and site["live_bytes"] == 40 * site["live_blocks"]:
		        live[lines[top["line"]]] += site["live_blocks"]
		print(live)
		assert live == {"LIVE": int(sys.argv[2]), "FREED": 0}, live
	END
}

@test "a small object is one block, which goes with the object, whichever thread drops it" {
	each_nogil counts 1000 python_small.py "1000 1000 True"
	each_nogil counts 12000 python_parallel.py "12000 False"
	PYTHONMALLOC=debug each_nogil counts 12000 python_parallel.py "12000 False"
}

nothing_is_lost() {
	cat >app.py <<-'END'
		import weakref
		class Node: pass
		def make():
		    a, b = Node(), Node()
		    a.other, b.other = b, a
		for i in range(100): make()
		kept = [Node() for i in range(100)]
	END
	"$TIDEMARK" run -q -f -o s.tide -- "$PYTHON" app.py
	"$TIDEMARK" leaks --json s.tide >leaks.json
	"$TIDEMARK" types --json s.tide >types.json
	"$TIDEMARK" types s.tide >types.txt
	/usr/bin/python3 - <<-'END'
		import json
		totals = json.load(open("leaks.json"))["totals"]
		assert not any(totals[k]["blocks"] for k in ("unreferenced", "cycle", "indirect")), totals
		d = json.load(open("types.json"))
		assert "counts" in d["python"]["off"] and d["types"] is None, d["python"]
	END
	tr '\n' ' ' <types.txt | grep -q 'This Python runs without the GIL'
	run -3 "$TIDEMARK" gate --limit refleaks=0 --snapshots s.tide
	[[ "$output" == *"without the GIL"* ]]
}

@test "nothing of Python is called lost, and why its objects are not listed is said" {
	each_nogil nothing_is_lost
}
