# The limit `refleaks` of a gate, and the pytest plugin, against an extension that forgets references.
load ../lib/helper
bats_require_minimum_version 1.5.0

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	compile leaky.so -g -shared -fPIC $(python3-config --includes 2>/dev/null || echo -I/usr/include/python3.11) <<-'EOF'
		#include <Python.h>
		static PyObject *lose(PyObject *self, PyObject *o) { Py_INCREF(o); Py_RETURN_NONE; }
		static PyObject *fine(PyObject *self, PyObject *o) { Py_RETURN_NONE; }
		static PyMethodDef methods[] = { { "lose", lose, METH_O, 0 }, { "fine", fine, METH_O, 0 }, { 0 } };
		static struct PyModuleDef module = { PyModuleDef_HEAD_INIT, "leaky", 0, -1, methods };
		PyMODINIT_FUNC PyInit_leaky(void) { return PyModule_Create(&module); }
	EOF
	cat >test_leaky.py <<-'EOF'
		import leaky, pytest
		class Row:
		    def __init__(self, n): self.n = n
		@pytest.mark.parametrize("many", [10, 30])
		def test_parse_forgets(many):
		    for i in range(many): leaky.lose(Row(i))
		def test_fine():
		    for i in range(40): leaky.fine(Row(i))
	EOF
	cat >program.py <<-'EOF'
		import leaky, sys
		class Row: pass
		def parse(forgets):
		    for i in range(25): (leaky.lose if forgets else leaky.fine)(Row())
		parse(sys.argv[1] == "forgets")
	EOF
}

setup() { cp -a "$BATS_FILE_TMPDIR"/* .; }

@test "refleaks: lost objects fail, with their type and the line that made them" {
	"$TIDEMARK" gate --limit refleaks=0 -- /usr/bin/python3 program.py fine >out
	run -1 "$TIDEMARK" gate --limit refleaks=0 -- /usr/bin/python3 program.py forgets
	[[ "$output" == *"25 objects of __main__.Row held by 25 lost references"* ]]
	[[ "$output" == *"at parse  program.py:4"* ]]
	[[ "$output" == *"limit refleaks = 0"* ]]
	[[ "$output" == *"more: tidemark types "* ]]
	"$TIDEMARK" gate --limit refleaks=25 -- /usr/bin/python3 program.py forgets >out
	# Without the limit nobody looks.
	"$TIDEMARK" gate -- /usr/bin/python3 program.py forgets >out
}

@test "refleaks: in JSON, one finding a type" {
	run -1 --separate-stderr "$TIDEMARK" gate --json --limit refleaks=0 -- /usr/bin/python3 program.py forgets
	/usr/bin/python3 -c 'import json, sys
f = [f for f in json.loads(sys.stdin.read())["scenarios"][0]["findings"] if f["fails"]]
assert [(x["kind"], x["blocks"], x["limit"], x["file"], x["line"]) for x in f] == [("over-budget", 25, "refleaks = 0", "program.py", 4)], f' <<<"$output"
}

@test "refleaks: a program without Python could not be measured, and neither is a limit of a site" {
	run -3 "$TIDEMARK" gate --limit refleaks=0 -- /bin/ls
	[[ "$output" == *"refleaks: there is no Python in any snapshot"* ]]
	printf '[scenario a]\ncommand = true\n[site f]\nrefleaks = 1\n' >bad.gate
	run -2 "$TIDEMARK" gate -c bad.gate
	printf '[scenario a]\ncommand = true\n[limits]\nrefleaks = many\n' >bad.gate
	run -2 "$TIDEMARK" gate -c bad.gate
	[[ "$output" == *"a number of objects, or off"* ]]
}

@test "refleaks: what grows over a series of snapshots fails below the limit, too" {
	cat >rounds.py <<-'EOF'
		import ctypes, leaky, os, sys
		class Row: pass
		for n in range(12):
		    if sys.argv[1] == "grows" or n < 2: leaky.lose(Row())
		    ctypes.CDLL(None).tide_snapshot(b"round%02d.tide" % n)
		os._exit(0)
	EOF
	for how in grows stays; do
		"$TIDEMARK" run -q -f -o exit.tide /usr/bin/python3 rounds.py $how
		printf '[limits]\nleaked = off\ngrowth = off\nrefleaks = 1000\n' >series.gate
		status=0
		"$TIDEMARK" gate -c series.gate --snapshots round*.tide >out || status=$?
		[ $how = grows ] && [ $status = 1 ] && grep -q 'growing .*12 objects of __main__.Row .* more with each round' out ||
			{ [ $how = stays ] && [ $status = 0 ]; } || { cat out; return 1; }
	done
}

@test "pytest: a test whose extension forgets references fails the run, and is named" {
	/usr/bin/python3 -c 'import pytest' 2>/dev/null || skip "python3-pytest is not installed"
	cp "$ROOT/scripts/ci/tidemark_pytest.py" .
	export PATH="$(dirname "$TIDEMARK"):$PATH"
	pytest="/usr/bin/python3 -m pytest -q -p no:cacheprovider -p tidemark_pytest"
	run -1 $pytest --tidemark --tidemark-keep kept.tide test_leaky.py
	[[ "$output" == *"40 objects of test_leaky.Row are held by 40 lost references: test_leaky.py::test_parse_forgets"* ]] || fail "$output"
	[[ "$output" == *"3 passed"* ]]
	[ -s kept.tide ]
	run -0 $pytest --tidemark test_leaky.py -k fine
	[[ "$output" == *"no lost references"* ]]
	run -0 $pytest --tidemark --tidemark-limit 40 test_leaky.py
	# Without the option it is an ordinary run, and in a gate a test is a round.
	run -0 $pytest test_leaky.py
	[[ "$output" != *tidemark* ]]
	printf '[scenario tests]\ncommand = %s test_leaky.py\n[limits]\nrefleaks = 0\n' "$pytest" >tidemark.gate
	run -1 "$TIDEMARK" gate
	[[ "$output" == *"40 objects of test_leaky.Row held by 40 lost references"* ]]
	[[ "$output" == *"test_parse_forgets  test_leaky.py:6"* ]]
}

@test "pytest: without tidemark the option says what is missing" {
	/usr/bin/python3 -c 'import pytest' 2>/dev/null || skip "python3-pytest is not installed"
	cp "$ROOT/scripts/ci/tidemark_pytest.py" .
	PATH=/usr/bin:/bin run -4 /usr/bin/python3 -m pytest -q -p no:cacheprovider -p tidemark_pytest --tidemark test_leaky.py
	[[ "$output" == *"there is no tidemark in PATH"* ]]
}

# extension_loses: the file ext.tide of a program whose extension loses 1,000 objects of each type given, and nothing else.
extension_loses() {
	"$TIDEMARK" run -q -f -o end.tide -- /usr/bin/python3 extension.py
	"$TIDEMARK" types --json ext.tide >types.json
	/usr/bin/python3 - "$@" <<-'END'
		import json, sys
		d = json.load(open("types.json"))
		found = {t["type"]: t["excess_objects"] for t in d["types"] if t["verdict"] == "refleak"}
		print(found, d["refleaks"])
		assert sorted(found) == sorted(sys.argv[1:]) and all(990 <= n <= 1000 for n in found.values())
	END
}

# gate_names PLACE TYPE...: the gate and the plugin of pytest name each type of which forgets.lose loses objects, the
# gate with the function that made them; what loses nothing passes.
gate_names() {
	local place=$1 type pytest="/usr/bin/python3 -m pytest -q -p no:cacheprovider -p tidemark_pytest"
	shift
	cat >parse.py <<-'EOF'
		import forgets, sys
		def parse(n):
		    kept = forgets.fine(n)
		    if sys.argv[1] == "forgets": forgets.lose(n)
		parse(30)
	EOF
	cat >test_forgets.py <<-'EOF'
		import forgets
		def test_loses(): forgets.lose(30)
		def test_fine(): assert len(forgets.fine(40)) >= 40
	EOF
	run -0 "$TIDEMARK" gate --limit refleaks=0 -- /usr/bin/python3 parse.py fine
	run -1 "$TIDEMARK" gate --limit refleaks=0 --limit leaked=off -- /usr/bin/python3 parse.py forgets
	for type; do
		# A stale word may hide one.
		[[ "$output" =~ (2[89]|30)" objects of $type held by "(2[89]|30)" lost references" ]] || fail "$output" || return
	done
	[ "$(grep -c "at $place" <<<"$output")" -ge $# ] || fail "$output" || return
	/usr/bin/python3 -c 'import pytest' 2>/dev/null || return 0
	cp "$ROOT/scripts/ci/tidemark_pytest.py" .
	PATH=$(dirname "$TIDEMARK"):$PATH run -1 $pytest --tidemark test_forgets.py
	for type; do
		[[ "$output" =~ (2[89]|30)" objects of ${type#builtins.} are held by "(2[89]|30)" lost references: test_forgets.py::test_loses" ]] ||
			fail "$output" || return
	done
	PATH=$(dirname "$TIDEMARK"):$PATH run -0 $pytest --tidemark test_forgets.py -k fine
	[[ "$output" == *"no lost references"* ]] || fail "$output"
}

@test "an extension in Cython: what it loses is found, what it keeps is not" {
	command -v cython3 >/dev/null || skip "cython3 is not installed"
	cat >forgets.pyx <<-'EOF'
		from cpython.ref cimport Py_INCREF
		cdef class Node:
		    cdef object value
		    def __init__(self, value): self.value = value
		def lose(n):
		    for i in range(n):
		        node = Node(str(i) + "cython")
		        Py_INCREF(node)
		def fine(n):
		    return [Node(str(i)) for i in range(n)]
	EOF
	cython3 -3 forgets.pyx
	cc -g -shared -fPIC $(python3-config --includes 2>/dev/null || echo -I/usr/include/python3.11) forgets.c -o forgets.so
	cat >extension.py <<-'EOF'
		import ctypes, forgets, os
		kept = forgets.fine(500)
		forgets.lose(1000)
		ctypes.CDLL(None).tide_snapshot(b"ext.tide")
		os._exit(0)
	EOF
	extension_loses Node
	gate_names '__pyx_pf_7forgets_lose  forgets.c:' forgets.Node
}

@test "an extension with pybind11: its registry of instances holds none of them" {
	[ -e /usr/include/pybind11/pybind11.h ] || skip "pybind11-dev is not installed"
	cat >forgets.cpp <<-'EOF'
		#include <pybind11/pybind11.h>
		namespace py = pybind11;
		struct Pet { std::string name; };
		struct Legs { long legs = 4; };
		struct Dog : Pet, Legs {};
		PYBIND11_MODULE(forgets, m)
		{
			py::class_<Pet>(m, "Pet");
			py::class_<Legs>(m, "Legs");
			py::class_<Dog, Pet, Legs>(m, "Dog");
			m.def("lose", [](int n) {
				for (int i = 0; i < n; i++) {
					py::cast(Pet{ "pet" }).release();
					py::cast(Dog()).release();
					py::str("text " + std::to_string(i)).release();
				}
			});
			m.def("fine", [](int n) {
				py::list all;
				for (int i = 0; i < n; i++) {
					all.append(py::cast(Pet{ "pet" }));
					all.append(py::cast(Dog()));
				}
				return all;
			});
		}
	EOF
	c++ -g -shared -fPIC -std=c++17 $(python3-config --includes 2>/dev/null || echo -I/usr/include/python3.11) forgets.cpp -o forgets.so
	cat >extension.py <<-'EOF'
		import ctypes, forgets, os
		kept = forgets.fine(500)
		forgets.lose(1000)
		ctypes.CDLL(None).tide_snapshot(b"ext.tide")
		os._exit(0)
	EOF
	extension_loses Pet Dog str
	gate_names 'pybind11_init_forgets.*lambda.*  forgets.cpp:' builtins.str forgets.Dog forgets.Pet
}
