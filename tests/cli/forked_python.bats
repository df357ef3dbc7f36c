# Forked copies of a Python process: what its threads held when another thread forked is neither a forgotten Py_DECREF nor
# lost, and what the copy itself forgets is.
load ../lib/helper
bats_require_minimum_version 1.5.0

# program.py PARENT CHILD: the parent has threads that hold objects ("threads"), had some ("ended"), or none, and may have
# forgotten references ("forgets"); so may the child. Threads of the child use the stacks of those that are gone.
setup_file() {
	cat >"$BATS_FILE_TMPDIR/program.py" <<-'EOF'
		import ctypes, os, sys, threading
		parent, child = sys.argv[1:3]
		own = ctypes.CDLL(None)
		class Thing: pass
		class Inherited: pass
		class Young: pass
		def forget(many):
		    for thing in many: ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
		def deep(n=60): return deep(n - 1) if n else sum(range(20000))
		def run(threads):
		    for t in threads: t.start()
		    return threads
		read, write = os.pipe()
		ready, gate = threading.Semaphore(0), threading.Event()
		def reads():
		    thing = Thing()
		    ready.release()
		    os.read(read, 100000)
		def sorts():
		    things = [Thing() for i in range(5)]
		    def key(x):
		        ready.release(); gate.wait(); return x
		    sorted([Thing()], key=key)
		if parent == "threads":
		    run([threading.Thread(target=f, daemon=True) for f in (reads, sorts)])
		    for i in range(2): ready.acquire()
		    for task in os.listdir("/proc/self/task"):          # until both wait in the kernel
		        while task != str(os.getpid()) and open(f"/proc/self/task/{task}/stat").read().rsplit(")", 1)[1].split()[0] != "S": pass
		elif parent == "ended":
		    for t in run([threading.Thread(target=deep) for i in range(3)]): t.join()
		    while len(os.listdir("/proc/self/task")) > 1: pass          # until they are gone for the kernel, too
		old = [Inherited() for i in range(30)]
		if parent != "threads": forget(old)
		sys.stderr.flush()
		pid = os.fork()
		if not pid:
		    for t in run([threading.Thread(target=deep) for i in range(3)]): t.join()
		    young = [Young() for i in range(30)]
		    if child == "forgets": forget(young)
		    own.tide_snapshot(b"child.tide")
		    if child == "forks":
		        pid = os.fork()
		        if not pid:
		            own.tide_snapshot(b"grandchild.tide")
		            os._exit(0)
		        os.waitpid(pid, 0)
		    os._exit(0)
		os.waitpid(pid, 0)
		os._exit(0)
	EOF
}

setup() { cp -a "$BATS_FILE_TMPDIR"/* .; }

# judge FILE EXPRESSION: of what types says, with `excess` by type and `left`.
judge() {
	"$TIDEMARK" types --json -n all "$1" >types.json
	/usr/bin/python3 -c 'import json, sys
d = json.load(open("types.json"))
excess = {t["type"]: t["excess_objects"] for t in d["types"] if t["excess_objects"]}
left, pinned = d["refleaks"]["left"]["objects"], sum(t["pinned_objects"] for t in d["types"])
assert eval(sys.argv[1]), (excess, d["refleaks"], pinned)' "$2"
}

for_each_python() {
	local python
	for python in /usr/bin/python3 $(printf '%s\n' ~/.pyenv/versions/3.{8,9,10,11,12,13,14}.*/bin/python3); do
		[ ! -x "$python" ] || "$@" "$python" || { echo "$python"; return 1; }
	done
}

threads_left() {
	"$TIDEMARK" run -q -f -o exit.tide "$1" -W ignore program.py threads forgets
	judge child.tide 'set(excess) == {"Young"} and excess["Young"] >= 29 and left > 0 and not pinned'
}

@test "forked: what threads held that did not survive the fork has no verdict, what the child forgets has" {
	for_each_python threads_left
}

@test "forked: screen, sums of several and gate say so, and a child that forgets nothing passes" {
	"$TIDEMARK" run -q -f -o exit.tide /usr/bin/python3 program.py threads fine
	judge child.tide 'not excess and left > 0'
	run -0 "$TIDEMARK" types child.tide
	[[ "$output" == *"All other reference counts are explained."* ]]
	[[ "$output" =~ [0-9]+" objects have "[0-9]+" references that threads held which did not survive the fork" ]]
	run -0 "$TIDEMARK" types --together child.tide child.tide
	[[ "$output" == *"references that threads held which did not survive the fork"* ]]
	"$TIDEMARK" types --together --json child.tide child.tide | grep -q '"left"'
	printf '[limits]\nleaked = off\nrefleaks = 0\n' >fork.gate
	run -0 "$TIDEMARK" gate -c fork.gate --snapshots child.tide
	"$TIDEMARK" run -q -f -o exit.tide /usr/bin/python3 program.py threads forgets
	run -1 "$TIDEMARK" gate -c fork.gate --snapshots child.tide
	[[ "$output" == *" objects of __main__.Young held by "* ]]
}

@test "forked: in a child of a process with one thread all excess is judged, also if it had others before" {
	for parent in alone ended; do
		"$TIDEMARK" run -q -f -o exit.tide /usr/bin/python3 program.py $parent forgets
		judge child.tide 'excess.get("Inherited", 0) >= 29 and excess.get("Young", 0) >= 29 and not left'
	done
}

@test "forked: the child of a child knows which fork left threads behind" {
	"$TIDEMARK" run -q -f -o exit.tide /usr/bin/python3 program.py threads forks
	judge grandchild.tide 'not excess and left > 0'
	sed -i 's/if child == "forgets"/if True/' program.py
	"$TIDEMARK" run -q -f -o exit.tide /usr/bin/python3 program.py threads forks
	judge grandchild.tide 'set(excess) == {"Young"} and left > 0'
}

@test "forked: blocks that such a thread made are not lost, though a new one has its stack" {
	"$TIDEMARK" run -q -f -o exit.tide /usr/bin/python3 program.py threads fine
	"$TIDEMARK" leaks --json child.tide >leaks.json
	! grep -q '"PyBytes_FromStringAndSize"' leaks.json
	"$TIDEMARK" refs --json -n all child.tide PyBytes_FromStringAndSize >/dev/null
}

@test "forked: tests that run in a forked child pass, and their summary says what was not judged" {
	/usr/bin/python3 -c 'import pytest' 2>/dev/null || skip "python3-pytest is not installed"
	cp "$ROOT/scripts/ci/tidemark_pytest.py" .
	echo 'def test_nothing(): pass' >test_nothing.py
	cat >forks.py <<-'EOF'
		import os, threading
		def deep(n=60): return deep(n - 1) if n else sum(range(20000))
		held, gate = threading.Event(), threading.Event()
		def key(x):
		    held.set(); gate.wait(); return x
		def holds():
		    things = [object() for i in range(10)]
		    sorted([object()], key=key)
		threading.Thread(target=holds, daemon=True).start()
		held.wait()
		pid = os.fork()
		if not pid:
		    threads = [threading.Thread(target=deep) for i in range(3)]
		    for t in threads: t.start()
		    for t in threads: t.join()
		    import pytest
		    os._exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "tidemark_pytest", "--tidemark", "test_nothing.py"]))
		os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	EOF
	TIDEMARK_PYTEST=$TIDEMARK run -0 "$TIDEMARK" run -q -f -o exit.tide /usr/bin/python3 forks.py
	[[ "$output" == *"references that threads held which did not survive a fork"* ]]
}

nothing_lost() {
	"$TIDEMARK" run -q -f -o exit.tide "$1" -W ignore program.py threads fine
	"$TIDEMARK" leaks --json child.tide >leaks.json
	/usr/bin/python3 -c 'import json
d = json.load(open("leaks.json"))
lost = [(r["retained_blocks"], r["stack"][:4]) for r in d["records"] if r["kind"] in ("unreferenced", "cycle") and not r["suppressed"]]
assert not lost, lost'
}

@test "forked: locks that CPython replaces in the child, and what it gave to lost threads, are suppressed by name" {
	for_each_python nothing_lost
	"$TIDEMARK" run -q -f -o exit.tide /usr/bin/python3 program.py alone fine
	"$TIDEMARK" leaks --json child.tide >leaks.json
	/usr/bin/python3 -c 'import json
taken = {s["name"]: s["blocks"] for s in json.load(open("leaks.json"))["suppressions"] if s["blocks"]}
assert taken.get("built-in: locks that CPython replaces in a forked child", 0) >= 3, taken'
	"$TIDEMARK" leaks --show suppressed child.tide | grep -q "suppressed by 'built-in: locks that CPython replaces in a forked child'"
}

@test "forked: locks that an extension loses stay lost, those of the parent and those of the child" {
	compile locks.so -g -shared -fPIC $(python3-config --includes 2>/dev/null || echo -I/usr/include/python3.11) <<-'EOF'
		#include <Python.h>
		#include <pythread.h>
		static PyObject *lose(PyObject *self, PyObject *o) { return PyBool_FromLong(PyThread_allocate_lock() != NULL); }
		static PyMethodDef methods[] = { { "lose", lose, METH_NOARGS, 0 }, { 0 } };
		static struct PyModuleDef module = { PyModuleDef_HEAD_INIT, "locks", 0, -1, methods };
		PyMODINIT_FUNC PyInit_locks(void) { return PyModule_Create(&module); }
	EOF
	cat >program.py <<-'EOF'
		import ctypes, locks, os
		def parent_loses():
		    for i in range(40): locks.lose()
		def child_loses():
		    for i in range(40): locks.lose()
		parent_loses()
		pid = os.fork()
		if not pid:
		    child_loses()
		    ctypes.CDLL(None).tide_snapshot(b"child.tide")
		    os._exit(0)
		os.waitpid(pid, 0)
		os._exit(0)
	EOF
	"$TIDEMARK" run -q -f -o exit.tide /usr/bin/python3 program.py
	"$TIDEMARK" leaks --json child.tide >leaks.json
	/usr/bin/python3 -c 'import json
lost = {}
for r in json.load(open("leaks.json"))["records"]:
    if r["kind"] in ("unreferenced", "cycle", "indirect") and not r["suppressed"]:
        for f in {f["function"] for f in r["stack"]}: lost[f] = lost.get(f, 0) + r["blocks"]
assert min(lost.get(f, 0) for f in ("parent_loses", "child_loses")) >= 38, lost'
}
