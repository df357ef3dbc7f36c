#!/usr/bin/env bats
# Programs in Python: their frames and small objects, on Debian's python3 and every other interpreter that is here.
load ../lib/helper
load ../lib/python
bats_require_minimum_version 1.5.0

# objects FILE TYPE: how many there are.
objects() {
	"$TIDEMARK" types --json "$1" >types.json
	/usr/bin/python3 -c 'import json, sys; print(sum(t["live"] for t in json.load(open("types.json"))["types"] if t["type"] == sys.argv[1]))' "$2"
}

@test "stacks have the frames that sys._getframe has, with the lines that run" {
	each_python are_exact python_stacks.py
}

@test "functions have their qualified names, and no other function's" {
	each_python names_are_certain
}

warnings_and_caches_are_explained() {
	cat >app.py <<-'END'
		import ctypes, functools, os, warnings
		def old(): warnings.warn("old", DeprecationWarning, stacklevel=2)
		old()
		@functools.lru_cache(8)
		def cached(n): return [n]
		for i in range(50): cached(i)
		ctypes.CDLL(None).tide_snapshot(b"s.tide")
		os._exit(0)
	END
	"$TIDEMARK" run -q -f -o end.tide -- "$PYTHON" app.py 2>/dev/null
	[ "$(objects s.tide _lru_list_elem)" = 8 ]
	/usr/bin/python3 - <<-'END'
		import json, re
		d = json.load(open("types.json"))
		assert not [t["type"] for t in d["types"] if t["excess_objects"]] and not d["python"]["off"]
		assert re.fullmatch(r"3\.([89]|10)|3\.1[1-9]\.\d+", d["python"]["version"]), d["python"]
	END
}

@test "what the interpreter itself loses is not a leak, and links of caches have their type" {
	each_python warnings_and_caches_are_explained
}

@test "stacks of greenlets, of tasks and of callbacks from a thread of C have their own frames" {
	each_python are_exact python_switched.py --sites 0
}

@test "stacks are the same where pymalloc is left alone" {
	each_python are_exact python_stacks.py --python-objects no
}

mimalloc_is_seen() {
	PYTHONMALLOC=mimalloc "$PYTHON" -c 0 2>/dev/null || return 0 # since 3.13
	PYTHONMALLOC=mimalloc are_exact python_stacks.py
	PYTHONMALLOC=mimalloc_debug are_exact python_stacks.py
}

@test "blocks of all sizes are seen where mimalloc makes them" {
	each_python mimalloc_is_seen
}

# small_objects KEPT COMMAND...: runs python_small.py, and counts.
small_objects() {
	local kept=$1
	shift
	rm -f s.tide
	run "$TIDEMARK" run -q -o s.tide -- "$@" "$BATS_TEST_DIRNAME/python_small.py"
	[ "$status" -eq 7 ] && [[ "$output" == *"1000 1000 True"* ]] || fail "$* ended with $status: $output" || return
	"$TIDEMARK" stat --json s.tide >stat.json
	/usr/bin/python3 "$BATS_TEST_DIRNAME/python_small_check.py" stat.json "$kept" || fail "$*: wrong counts"
}

@test "a small object is one block, whatever allocator lies underneath" {
	for allocator in default malloc debug pymalloc malloc_debug pymalloc_debug; do
		PYTHONMALLOC=$allocator small_objects 1000 /usr/bin/python3
	done
	small_objects 1000 /usr/bin/python3 -X dev
	# It keeps entries of its own for each block.
	PYTHONTRACEMALLOC=5 small_objects 1000+ /usr/bin/python3
	TIDEMARK_PYTHON_OBJECTS=no small_objects 0 /usr/bin/python3
	TIDEMARK_PYTHON_OBJECTS=no PYTHONMALLOC=malloc small_objects 1000 /usr/bin/python3
}

each_small() {
	small_objects 1000 "$PYTHON"
}

@test "small objects are blocks in each version" {
	each_python each_small
}

@test "there are as many small blocks as pymalloc counts" {
	export PYTHONHASHSEED=0
	for TIDEMARK_PYTHON_OBJECTS in no yes; do
		export TIDEMARK_PYTHON_OBJECTS
		rm -f s.tide
		"$TIDEMARK" run -q -o s.tide -- setarch -R /usr/bin/python3 "$BATS_TEST_DIRNAME/python_small.py" stats 2>"$TIDEMARK_PYTHON_OBJECTS.err" || [ $? -eq 7 ]
	done
	"$TIDEMARK" export --to sqlite -o s.db s.tide
	# Columns of _debugmallocstats: class, size, pools, blocks in use, blocks available. Its arenas are mappings, and
	# malloc's heap is below them.
	/usr/bin/python3 - <<-'END'
		import re, sqlite3
		theirs = {int(r[1]): int(r[3]) for r in re.findall(r"^ +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$", open("no.err").read(), re.M)}
		ours = dict(sqlite3.connect("s.db").execute("select (bytes + 15) / 16 * 16, count(*) from block "
		                                            "where address > 0x700000000000 and bytes <= 512 group by 1"))
		print({k: (theirs.get(k, 0), ours.get(k, 0)) for k in {*theirs, *ours} if theirs.get(k, 0) != ours.get(k, 0)})
		# A block that is made smaller in place keeps its class; these are two runs, which differ by a block or two.
		assert abs(sum(theirs.values()) - sum(ours.values())) <= 4 and sum(ours.values()) > 1000
	END
}

interpreters_are_told_apart() {
	rm -f s.tide
	"$TIDEMARK" run -q -o s.tide -- "$PYTHON" "$BATS_TEST_DIRNAME/python_interpreters.py"
	"$TIDEMARK" stat --json s.tide >stat.json
	"$TIDEMARK" types --json s.tide >types.json
	/usr/bin/python3 - <<-'END'
		import json
		found = {}
		for site in json.load(open("stat.json"))["records"]:
		    if 7000 <= site["live_bytes"] / (site["live_blocks"] or 1) < 7100:
		        frames = [f for f in site["stack"] if f["language"] == "python" and f["function"] != "<listcomp>"]
		        found[frames[0]["function"]] = frames[0]["line"], frames[0].get("interpreter"), site["live_blocks"]
		print(found)
		assert found == {"inner": (3, 1, 3), "outer": (11, None, 3)}
		# From 3.12 on each has arenas of its own.
		d = json.load(open("types.json"))
		print(d["python"], d["pymalloc"])
		assert d["python"]["interpreters"] == 2 and d["python"]["off"] == []
		assert 0 < d["pymalloc"]["used_bytes"] < d["pymalloc"]["arena_bytes"]
	END
}

nameless_code_has_frames() {
	cat >nameless.py <<-'END'
		kept = []
		def mark(): kept.append(bytearray(6007))
		exec(compile("\n\nmark()\n", "", "exec"))
		def named(): mark()
		named.__code__ = named.__code__.replace(co_name="")
		named()
	END
	rm -f s.tide
	"$TIDEMARK" run -q -o s.tide -- "$PYTHON" nameless.py
	"$TIDEMARK" stat -n all --json s.tide >stat.json
	/usr/bin/python3 - <<-'END'
		import json
		found = set()
		for site in json.load(open("stat.json"))["records"]:
		    if 6007 <= site["live_bytes"] <= 6008:
		        found.add(tuple((f["file"] and f["file"].split("/")[-1], f["line"]) for f in site["stack"] if f["language"] == "python"))
		print(found)
		assert found == {(("nameless.py", 2), (None, 3), ("nameless.py", 3)),
		                 (("nameless.py", 2), ("nameless.py", 4), ("nameless.py", 6))}
	END
}

@test "code without the name of a file or a function has frames" {
	each_python nameless_code_has_frames
}

# Tables of arenas double as they grow; blocks of malloc with what is left of the smaller ones look like tables, too.
arenas_are_found_once() {
	rm -f s.tide
	"$TIDEMARK" run -q -o s.tide -- "$PYTHON" -c '
import ctypes
malloc = ctypes.CDLL(None).malloc
malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
kept = [bytes(400) for i in range(150000)]
remains = [malloc(n) for n in (768, 1536, 3072) for i in range(40)]'
	"$TIDEMARK" types --json s.tide >types.json
	/usr/bin/python3 - <<-'END'
		import json
		d = json.load(open("types.json"))
		assert d["python"]["off"] == [], d["python"]
		assert 60e6 < d["pymalloc"]["used_bytes"] < d["pymalloc"]["arena_bytes"] < 80e6, d["pymalloc"]
	END
}

@test "what is left of an older table of arenas is not taken for one" {
	each_python arenas_are_found_once
}

large_list_is_moved() {
	rm -f s.tide
	"$TIDEMARK" run -q -o s.tide -- "$PYTHON" -c '
grown = []
for i in range(300000): grown.append(i)
del grown'
	# What is counted is what is in the list of blocks: the ledger has both.
	json "$("$TIDEMARK" info --json s.tide)" 'd["missed"]["frees"]' \
		'd["snapshot"]["live_bytes"] == sum(t["live_bytes"] for t in d["threads"]) > 0' | xargs | grep -qx '0 True' ||
		fail "$("$TIDEMARK" info s.tide)"
}

@test "small objects lie where a large list was before malloc moved it, and are counted once" {
	each_python large_list_is_moved
}

@test "code of a second interpreter has its own frames, and its number" {
	each_python interpreters_are_told_apart
}

@test "native frames keep their places, and --all-frames shows the interpreter's" {
	cat >app.py <<-'END'
		import os
		class Thing:
		    def __str__(self):
		        kept.append(bytearray(9000))
		        return ""
		kept = []
		def work():
		    return str(Thing())
		work()
		os._exit(0)
	END
	"$TIDEMARK" run -q -o s.tide -- /usr/bin/python3 app.py
	"$TIDEMARK" stat --json s.tide >stat.json
	"$TIDEMARK" stat --json --all-frames s.tide >all.json
	/usr/bin/python3 - <<-'END'
		import json, sys
		def stack(name): # rows that read the same are one: there may be small blocks in it, too
		    for site in json.load(open(name))["records"]:
		        if site["live_bytes"] >= 9000 and "__str__" in [f["function"] for f in site["stack"]]:
		            return site["stack"]
		shown, everything = stack("stat.json"), stack("all.json")
		names = [f["function"] for f in shown]
		assert [n for n in names if n in ("__str__", "work", "<module>")] == ["__str__", "work", "<module>"], names
		if sys.version_info >= (3, 11): # Debian's 3.9 has it inlined
		    assert names.index("__str__") < names.index("PyObject_Str") < names.index("work"), names
		assert not [n for n in names if n.startswith("_PyEval")], names
		# The loop may be a part of the function that has no name.
		loops = [b for a, b in zip(everything, everything[1:]) if b["language"] != "python" == a["language"]]
		assert len(loops) == (2 if sys.version_info >= (3, 11) else 3), everything
		assert all(f["function"] == "_PyEval_EvalFrameDefault" or "+0x" in f["function"] for f in loops), loops
		assert not {f["address"] for f in loops} & {f["address"] for f in shown if f["language"] != "python"}, shown
		for f in shown:
		    if f["language"] == "python":
		        assert f["module"] is None and f["address"] is None and f["inlined"] is False and f["line"], f
	END
}

objects_of_the_end() {
	cat >app.py <<-'END'
		import atexit, sys
		class Kept: pass
		class Ring: pass
		kept = [Kept() for i in range(70)]
		def late():
		    import gc
		    gc.disable()
		    for i in range(30):
		        a, b = Ring(), Ring()
		        a.other, b.other = b, a
		    print("late")
		atexit.register(late)
		sys.exit(3)
	END
	local objects
	for objects in yes no; do
		rm -f s.tide s.end.tide s.1.tide
		run -3 --separate-stderr "$TIDEMARK" run --python-objects "$objects" -o s.tide -- "$PYTHON" app.py
		[ "$output" = late ] && [ "$(echo s*.tide)" = s.tide ] || fail "left $(echo s*.tide), said $output" || return
		"$TIDEMARK" types --json s.tide >types.json
		"$TIDEMARK" leaks --json s.tide >leaks.json
		"$TIDEMARK" info --json s.tide >info.json
		/usr/bin/python3 - <<-'END' || fail "$objects: wrong objects" || return
			import json
			d, i = json.load(open("types.json")), json.load(open("info.json"))
			by = {t["type"]: t for t in d["types"]}
			print({n: (by[n]["live"], by[n]["verdict"], by[n]["cyclic"]) for n in ("Kept", "Ring")})
			assert by["Kept"]["live"] == 70 and by["Kept"]["verdict"] == "none"
			assert by["Ring"]["live"] == 60 and by["Ring"]["verdict"] == "awaiting-gc"
			assert i["snapshot"]["exit_status"] == 3 and i["snapshot"]["flags"] & 1024, i
			assert i["snapshot"]["reason"] == "exit" and i["snapshot"]["complete"]
			assert json.load(open("leaks.json"))["totals"]["unreferenced"]["blocks"] == 0
		END
	done
}

@test "the snapshot at exit has the objects of Python, and the file says how the program has ended" {
	each_python objects_of_the_end
	"$TIDEMARK" info s.tide | grep -q 'at exit, before Python was torn down, status 3'
}

@test "it has them with daemon threads, in forked children and without run, and a death that follows is said" {
	cat >threads.py <<-'END'
		import threading, time
		class Kept: pass
		def spin():
		    while True:
		        [object() for i in range(100)]
		for i in range(3):
		    threading.Thread(target=spin, daemon=True).start()
		kept = [Kept() for i in range(50)]
		time.sleep(0.1)
	END
	"$TIDEMARK" run -q -o s.tide -- /usr/bin/python3 threads.py
	objects s.tide Kept | grep -qx 50
	cat >forks.py <<-'END'
		import os, sys
		class Kept: pass
		kept = [Kept() for i in range(50)]
		if not os.fork():
		    kept += [Kept() for i in range(50)]
		    sys.exit(0)
		os.wait()
	END
	"$TIDEMARK" run -q -o f.tide -- /usr/bin/python3 forks.py
	objects f.tide Kept | grep -qx 50
	objects f.*.tide Kept | grep -qx 100
	LD_PRELOAD=$B/libtidemark.so TIDEMARK_OUTPUT=alone.tide /usr/bin/python3 -c 'Kept = type("Kept", (), {}); kept = Kept()'
	objects alone.tide Kept | grep -qx 1
	"$TIDEMARK" info --json alone.tide | grep -q '"exit_status": *0'
	# Modules are cleared, and one takes the process with it.
	cat >dead.py <<-'END'
		import os
		class Kept:
		    def __del__(self, kill=os.kill, pid=os.getpid()):
		        kill(pid, 11)
		kept = [Kept()]
	END
	run -139 "$TIDEMARK" run -q -o dead.tide -- /usr/bin/python3 dead.py
	[ "$(echo dead*.tide)" = dead.tide ]
	objects dead.tide Kept | grep -qx 1
	"$TIDEMARK" info dead.tide | grep -q 'on fatal signal 11'
}

@test "a forked child has frames with lines of its own code and of the parent's" {
	cat >forked.py <<-'END'
		import os
		class Kept: pass
		def before():
		    return Kept()
		kept = [before() for i in range(50)]
		pid = os.fork()
		if not pid:
		    exec(compile("def after():\n\n\n    return Kept()", "later.py", "exec"))
		    kept += [after() for i in range(70)]
		    kept += [before() for i in range(30)]
		else:
		    os.waitpid(pid, 0)
	END
	"$TIDEMARK" run -q -o f.tide -- /usr/bin/python3 forked.py
	local child
	child=$(echo f.*.tide)
	"$TIDEMARK" types --json "$child" >types.json
	/usr/bin/python3 - <<-'END'
		import json
		kept, = [t for t in json.load(open("types.json"))["types"] if t["type"] == "Kept"]
		lines = {}
		for s in kept["stacks"]:
		    top = next(f for f in s["stack"] if f["language"] == "python")
		    at = top["function"], top["file"].split("/")[-1], top["line"]
		    lines[at] = lines.get(at, 0) + s["objects"]
		print(lines)
		assert lines == {("before", "forked.py", 4): 80, ("after", "later.py", 4): 70}, lines
	END
}

@test "an embedded interpreter that ends has snapshots of its own" {
	local library
	for library in /usr/lib/x86_64-linux-gnu/libpython3.*.so.1.0; do
		[ -e "$library" ] || skip "no libpython of Debian's"
	done
	compile host -ldl <<-'END'
		#include <dlfcn.h>
		#include <stdlib.h>
		int main(int count, char **argument)
		{
			void *python = count > 1 ? dlopen(argument[1], RTLD_NOW | RTLD_GLOBAL) : NULL;
			void (*begin)(int) = dlsym(python, "Py_InitializeEx");
			int (*run)(const char *) = dlsym(python, "PyRun_SimpleString"), (*end)(void) = dlsym(python, "Py_FinalizeEx");
			for (int i = 0; i < 2; i++) {
				begin(0);
				run("class Kept: pass\nkept = [Kept() for i in range(100)]");
				end();
			}
			static void *volatile held;
			held = malloc(123);
			held = malloc(321);
			return 0;
		}
	END
	"$TIDEMARK" run -q -o e.tide ./host "$library"
	[ "$(echo e*.tide)" = "e.1.tide e.2.tide e.tide" ]
	objects e.1.tide Kept | grep -qx 100
	# Since 3.12 the allocators are the interpreter's own again when it starts once more.
	local home
	for home in /root/.pyenv/versions/3.1[23].*; do
		[ -d "$home" ] || continue
		PYTHONHOME=$home "$TIDEMARK" run -q -f -o again.tide ./host "$home"/lib/libpython3.1?.so.1.0
		objects again.2.tide Kept | grep -qx 100
	done
	"$TIDEMARK" info e.2.tide | grep -q 'before Python was torn down'
	run -0 "$TIDEMARK" types e.tide
	[[ $output == *"Python had shut down"* ]]
	"$TIDEMARK" types --json e.tide >types.json
	/usr/bin/python3 -c 'import json; d = json.load(open("types.json")); assert d["types"] is None and "counts" in d["python"]["off"]'
	"$TIDEMARK" leaks --json e.tide | grep -q '"bytes": *123'
}

nothing_is_lost_by_imports() {
	"$TIDEMARK" run -q -f -o s.tide -- "$PYTHON" -c 'import datetime, decimal, select, json, ssl, asyncio'
	"$TIDEMARK" types --json s.tide >types.json
	/usr/bin/python3 -c 'import json; d = json.load(open("types.json")); print(d["refleaks"]); assert not d["refleaks"]["objects"]'
}

@test "references that an interpreter or an import loses once never count as leaks" {
	each_python nothing_is_lost_by_imports
}

@test "a CPython that is not known keeps its native stacks, and that is said" {
	compile future -rdynamic <<-'END'
		#include <stdlib.h>
		char _PyRuntime[64];
		const unsigned long Py_Version = 0x030f00f0;
		char *keep;
		int main(void)
		{
			keep = malloc(100);
			return 0;
		}
	END
	"$TIDEMARK" run -q -o s.tide ./future
	run -0 "$TIDEMARK" info s.tide
	[[ "$output" == *"stacks have no functions of Python: tidemark does not know CPython 3.15.0"* ]]
	"$TIDEMARK" stat s.tide | grep -q main
}

@test "a CPython whose offsets are not what they must be keeps its native stacks, with and without the GIL" {
	local -A words=([without]='1, 316616, 784, 808' [undescribed]='0, 316616, 784, 808')
	local -A cookies=([without]=0x7970677562656478 [undescribed]=1)
	for kind in without undescribed; do
		compile "$kind" -rdynamic <<-END
			#include <stdlib.h>
			unsigned long long _PyRuntime[64] = { ${cookies[$kind]}, 0x030e00f0, ${words[$kind]} };
			const unsigned long Py_Version = 0x030e00f0;
			void PyCode_Type(void) {}
			void PyUnicode_Type(void) {}
			void *PyGILState_GetThisThreadState(void) { return &_PyRuntime; }
			void PyMem_GetAllocator(void) { abort(); }
			void PyMem_SetAllocator(void) { abort(); }
			char *keep;
			int main(void)
			{
				keep = malloc(100);
				return 0;
			}
		END
		"$TIDEMARK" run -q -f -o s.tide "./$kind"
		run -0 "$TIDEMARK" info s.tide
		[[ "$output" == *"stacks have no functions of Python: this is an unusual build of CPython 3.14.0"* ]]
		"$TIDEMARK" stat s.tide | grep -q main
	done
}

@test "an interpreter whose program has another name is found when its heap is walked" {
	cp "$(readlink -f /usr/bin/python3)" myapp
	mkfifo in out
	./myapp -c 'import sys
class Kept: pass
kept = [Kept() for i in range(50)]
print("up", flush=True)
sys.stdin.read()' <in >out 3>&- &
	local pid=$!
	exec 9>in
	read -r _ <out
	"$TIDEMARK" snap -q -o s.tide "$pid"
	exec 9>&-
	wait "$pid"
	objects s.tide Kept | grep -qx 50
}
