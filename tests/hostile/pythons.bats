#!/usr/bin/env bats
# A Python process that changes what its own interpreter keeps: lists that lead into themselves, dicts that claim
# more than there is, strings that all share one text. A snapshot of it ends, within bounds of time and memory.

bats_require_minimum_version 1.5.0
load ../lib/helper

setup() {
	/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || skip "the offsets are those of Python 3.11"
	cat >hostile.py <<-'END'
		import ctypes, gc, os, sys, threading, time
		gc.disable()
		word = lambda at: ctypes.c_uint64.from_address(at)
		ctypes.pythonapi.PyThreadState_Get.restype = ctypes.c_uint64
		thread = ctypes.pythonapi.PyThreadState_Get()
		case, kept = sys.argv[1], []

		def stay():
		    os.write(1, b"ready\n")
		    time.sleep(1000)

		def frames():       # the caller of each frame is the frame itself
		    at = word(word(thread + 56).value + 8).value
		    word(at + 48).value = at
		    stay()              # it cannot return

		def chunks():       # the chunk of the stack before the first is the first, and threads follow themselves
		    word(word(thread + 296).value).value = word(thread + 296).value

		def threads():
		    word(thread + 8).value = thread

		def dicts():        # classes whose dicts claim four thousand million entries
		    for i in range(2000):
		        t = type(f"Class{i}", (), {f"a{k}": k for k in range(20)})
		        kept.append(t)
		        kept.append(t())
		        keys = word(word(id(t) + 264).value + 32).value
		        ctypes.c_uint8.from_address(keys + 8).value = 32
		        ctypes.c_uint8.from_address(keys + 9).value = 3
		        word(keys + 24).value = 1 << 32

		def texts():        # strings whose characters are all those of one block
		    libc = ctypes.CDLL(None)
		    libc.malloc.restype = ctypes.c_uint64
		    data = libc.malloc(64 << 20)
		    ctypes.memset(ctypes.c_void_p(data), 120, 64 << 20)
		    class Text(str):
		        pass
		    for i in range(30000):
		        s = Text("x" * 5)
		        kept.append(s)
		        word(id(s) + 72).value = data
		        word(id(s) + 16).value = 64 << 20

		def names():        # 600 functions of 4000 variables each, all running
		    for i in range(30):
		        body = "\n".join(f" {'v' * 90}{k} = 0" for k in range(4000))
		        space = {"time": time}
		        exec(f"def {'f' * 100}{i}(n):\n{body}\n if n: return {'f' * 100}{i}(n - 1)\n time.sleep(1000)\n", space)
		        t = threading.Thread(target=space["f" * 100 + str(i)], args=(20,), daemon=True)
		        t.start()
		    time.sleep(1)

		globals()[case]()
		stay()
	END
}

# bounded_snap CASE: seconds of the processor, MiB beside 8 times what the process has.
bounded_snap() {
	exec 4< <(exec /usr/bin/python3 hostile.py "$1" 3>&-)
	PID=$!
	read -r -t 100 line <&4 || true
	[ "$line" = ready ] || fail "$1 did not begin"
	local resident
	resident=$(awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$PID/status")
	run bounded 50 $((128 + 8 * resident)) "$TIDEMARK" snap -o taken.tide "$PID"
	kill -9 $PID
	[ "$status" = 0 ] || fail "$1: $output"
	timeout 100 "$TIDEMARK" types taken.tide >/dev/null || [ $? = 3 ]
}

teardown() {
	[ -z "${PID:-}" ] || kill -9 "$PID" 2>/dev/null || :
}

@test "frames that are their own callers" {
	bounded_snap frames
}

@test "a stack whose chunks lead into themselves" {
	bounded_snap chunks
}

@test "threads that follow themselves" {
	bounded_snap threads
}

@test "dicts that claim thousands of millions of entries" {
	bounded_snap dicts
}

@test "thousands of strings that share 64 MiB of text" {
	bounded_snap texts
}

@test "long names of many variables in many frames" {
	bounded_snap names
}
