#!/usr/bin/env bats
# Memory that extensions of Python report by PyTraceMalloc_Track, with a libpython of its own and without.
load ../lib/helper
bats_require_minimum_version 1.5.0

setup() {
	compile extension.so -shared -fPIC <<-'END'
		#include <stddef.h>
		#include <stdint.h>
		#include <stdlib.h>
		#include <sys/mman.h>
		int PyTraceMalloc_Track(unsigned domain, uintptr_t p, size_t bytes);
		int PyTraceMalloc_Untrack(unsigned domain, uintptr_t p);
		void *take(size_t n, int *result)
		{
			static char *at = (char *)0x200000000000; /* far from all else */
			void *p = mmap(at, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			at += n;
			*result = PyTraceMalloc_Track(77, (uintptr_t)p, n);
			return p;
		}
		int drop(void *p, size_t n) { munmap(p, n); return PyTraceMalloc_Untrack(77, (uintptr_t)p); }
		/* A block of malloc is one already. */
		void *block(size_t n) { void *p = malloc(n); PyTraceMalloc_Track(78, (uintptr_t)p, n); return p; }
	END
	cat >app.py <<-'END'
		import ctypes, sys
		ext = ctypes.PyDLL("./extension.so")
		ext.take.restype = ext.block.restype = ctypes.c_void_p
		ext.take.argtypes = [ctypes.c_size_t, ctypes.c_void_p]
		ext.drop.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
		result = ctypes.c_int()
		def grow(n):
		    return ext.take(n << 20, ctypes.addressof(result))  # LINE
		results = set()
		for i in range(1000):
		    p = grow(2)
		    results.add((result.value, ext.drop(p, 2 << 20)))
		kept = [grow(50), grow(50)]
		again = ext.block(5000)
		import tracemalloc
		size = 0
		if tracemalloc.is_tracing():
		    only = tracemalloc.DomainFilter(True, 77)
		    size = sum(t.size for t in tracemalloc.take_snapshot().filter_traces([only]).traces)
		print(results, size >> 20, flush=True)
	END
	line=$(grep -n LINE app.py | cut -d: -f1)
}

# tracked PYTHON: what is in tracked domains, as "live blocks, live MiB, all blocks, function, line".
tracked() {
	PYTHONTRACEMALLOC=$TRACING "$1" app.py >bare.txt
	PYTHONTRACEMALLOC=$TRACING "$TIDEMARK" run -q -f -o s.tide -- "$1" app.py >out.txt
	cmp bare.txt out.txt || return
	"$TIDEMARK" stat --domain tracked --json s.tide >tracked.json
	/usr/bin/python3 - <<-'END'
		import json
		sums = {}
		for r in json.load(open("tracked.json"))["records"]:
		    f = next(f for f in r["stack"] if f["language"] == "python")
		    s = sums.setdefault((f["function"], f["line"]), [0, 0, 0])
		    s[:] = s[0] + r["live_blocks"], s[1] + (r["live_bytes"] >> 20), s[2] + r["total_blocks"]
		for where, s in sums.items():
		    print(*s, *where)
	END
}

@test "what extensions report is listed with the lines that made it, and the interpreter gets the calls" {
	local found= python
	for python in /root/.pyenv/versions/3.{8,9,10,11,12,13}.*/bin/python3; do
		[ -x "$python" ] && ldd "$python" | grep -q libpython || continue
		found=1
		for TRACING in 0 5; do
			run -0 tracked "$python"
			[ "$output" = "2 100 1002 grow $line" ] || fail "$python, tracemalloc $TRACING: $output"
		done
	done
	[ "$found" ] || skip "no CPython with a libpython of its own"
	"$TIDEMARK" stat s.tide | grep -q 'Who reported 100 MiB of memory'
}

@test "an interpreter in the executable comes first, and its mappings have these lines" {
	! ldd /usr/bin/python3 | grep -q libpython
	TRACING=0
	run -0 tracked /usr/bin/python3
	[ -z "$output" ]
	"$TIDEMARK" stat --domain mappings s.tide | grep -q "100 MiB.*grow app.py:$line"
	"$TIDEMARK" waste s.tide >waste.txt
	! grep -q 'Who made the mappings' waste.txt # they were never touched
	echo 'ctypes.memset(kept[0], 1, 50 << 20)' >>app.py
	run -0 tracked /usr/bin/python3
	"$TIDEMARK" waste s.tide >waste.txt
	cat waste.txt
	grep -q 'Who made the mappings: tidemark stat --domain mappings s.tide' waste.txt
}
