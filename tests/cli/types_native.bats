#!/usr/bin/env bats
# types: memory of C that hangs on objects of extension types.
load ../lib/helper
bats_require_minimum_version 1.5.0

@test "nodes that name their document belong to its object, whatever else happens to point at one" {
	python3-config --includes >/dev/null 2>&1 || [ -d /usr/include/python3.11 ] || skip "no headers of Python"
	compile tree.so -shared -fPIC $(/usr/bin/python3-config --includes 2>/dev/null || echo -I/usr/include/python3.11) <<-'END'
		#include <Python.h>
		struct document { struct node *first, *last; long pad[4]; };
		struct node { struct node *previous, *next; struct document *document; char *text; long pad[6]; };
		struct object { PyObject_HEAD struct document *document; };
		static struct node **stray; /* a block of C and a global that lead into the list, as old words do */
		struct node *global_stray;
		static PyObject *make(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
		{
			struct object *o = (struct object *)type->tp_alloc(type, 0);
			o->document = calloc(1, sizeof *o->document);
			for (int i = 0; i < 5000; i++) {
				struct node *n = calloc(1, sizeof *n);
				n->document = o->document, n->text = calloc(1, 200), n->previous = o->document->last;
				if (n->previous)
					n->previous->next = n;
				else
					o->document->first = n;
				o->document->last = n;
				if (i == 1000)
					global_stray = n;
				if (i == 2000)
					stray = calloc(4, sizeof *stray), stray[2] = n;
			}
			return (PyObject *)o;
		}
		/* Each of these is one of a list that all of them are in: no one has the list. */
		struct ring { struct ring *previous, *next; long pad[20]; };
		struct member { PyObject_HEAD struct ring *ring; };
		static struct ring head = { &head, &head };
		static PyObject *join(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
		{
			struct member *m = (struct member *)type->tp_alloc(type, 0);
			struct ring *r = m->ring = calloc(1, sizeof *r);
			r->next = &head, r->previous = head.previous;
			r->previous->next = r, head.previous = r;
			return (PyObject *)m;
		}
		static PyTypeObject document_type = { PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tree.Document",
			.tp_basicsize = sizeof(struct object), .tp_flags = Py_TPFLAGS_DEFAULT, .tp_new = make };
		static PyTypeObject member_type = { PyVarObject_HEAD_INIT(NULL, 0).tp_name = "tree.Member",
			.tp_basicsize = sizeof(struct member), .tp_flags = Py_TPFLAGS_DEFAULT, .tp_new = join };
		static struct PyModuleDef definition = { PyModuleDef_HEAD_INIT, "tree", NULL, -1 };
		PyMODINIT_FUNC PyInit_tree(void)
		{
			PyObject *module = PyModule_Create(&definition);
			PyType_Ready(&document_type), PyType_Ready(&member_type);
			PyModule_AddObject(module, "Document", (PyObject *)&document_type);
			PyModule_AddObject(module, "Member", (PyObject *)&member_type);
			return module;
		}
	END
	cat >app.py <<-'END'
		import sys
		sys.path.insert(0, ".")
		import tree
		library = [tree.Document() for i in range(3)]
		members = [tree.Member() for i in range(1000)]
	END
	"$TIDEMARK" run -q -f -o s.tide -- /usr/bin/python3 app.py
	# 5000 nodes of 80 bytes with 200 each. A node that something else leads to may keep its text alone: the two above,
	# and those that any number in the process looks like, which differs from run to run.
	"$TIDEMARK" types --json s.tide >types.json
	/usr/bin/python3 - <<-'END'
		import json
		types = {t["type"]: t for t in json.load(open("types.json"))["types"]}
		document, member = types["Document"], types["Member"]
		assert document["native_bytes"] > 3 * 5000 * 280 - 20000 and document["native_blocks"] > 3 * 10000 - 100, document
		assert document["native_bytes"] < document["bytes"] < document["native_bytes"] + 1000, document
		assert not member["native_blocks"], member
	END
	# Nothing is counted on both sides, and nothing on neither.
	"$TIDEMARK" stat --json s.tide >stat.json
	/usr/bin/python3 - <<-'END'
		import json
		types, stat = json.load(open("types.json")), json.load(open("stat.json"))
		objects, native = sum(t["bytes"] for t in types["types"]), types["native"]["coverage"]["bytes"]
		assert objects + native == stat["totals"]["live_bytes"], (objects, native, stat["totals"])
		assert native < 3 << 20, native
	END
	run -0 "$TIDEMARK" types s.tide
	[[ $output != *" in native blocks have a known type"* ]] || fail "$output"
	[[ $output =~ (4\.0[01]|3\.9[89])" MiB of it are native memory, in "(30,00|29,9[0-9])[0-9]" blocks" ]] || fail "$output"
	[[ $output == *" in native blocks outside objects of Python have a known type"* ]] || fail "$output"
	run -0 "$TIDEMARK" types s.tide s.tide s.tide
	[[ $output =~ (12\.0|11\.9)" MiB of it are native memory, in "(90,0|89,9)[0-9]+" blocks" ]] || fail "$output"
	[[ $output == *" in native blocks outside objects of Python have a known type"* ]] || fail "$output"
	# And in one line of each object, not node by node.
	run -0 "$TIDEMARK" refs s.tide tree.Document
	[ "$(grep -cE '^    [+]16 -> 1[.]3[34] MiB of native memory, in (10,00|9,9[0-9])[0-9] blocks$' <<<"$output")" = 3 ] || fail "$output"
	[[ $output != *" more"* ]] || fail "$output"
	"$TIDEMARK" refs --json s.tide tree.Document >refs.json
	"$TIDEMARK" refs --csv s.tide tree.Document >refs.csv
	/usr/bin/python3 - <<-'END'
		import csv, json
		records = json.load(open("refs.json"))["records"]
		rows = list(csv.DictReader(open("refs.csv")))
		assert len(records) == len(rows) == 3
		for r, row in zip(records, rows):
		    assert 9900 <= r["native_blocks"] <= 10009 and 1.3 < r["native_bytes"] / 2**20 < 1.35, r["native_bytes"]
		    assert r["object_bytes"] == r["bytes"] + r["native_bytes"], r["object_bytes"]
		    for name in "bytes", "object_bytes", "native_bytes", "native_blocks", "stored":
		        assert row[name] == str(r[name]), (name, row[name], r[name])
	END
	run -0 "$TIDEMARK" retained --by variable s.tide
	[[ $output == *"4.0"*" MiB"*"variable __main__.library"* ]] || fail "$output"
}
