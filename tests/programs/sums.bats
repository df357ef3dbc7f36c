# Where the resident memory of real programs is, by `tidemark waste`, against what the kernel says: of servers and
# interpreters that run with the library, and of such that nobody prepared, whose heap is walked.
load ../lib/helper
bats_require_minimum_version 1.5.0

setup() {
	started=()
}

# The test may have ended early.
teardown() {
	local pid
	for pid in "${started[@]}"; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
}

need() {
	command -v "$1" >/dev/null || skip "no $1"
}

# begin HOW COMMAND...: starts it, its input from the FIFO `in` (file descriptor 9); $pid is its process. HOW is
# `prepared` or `walked`.
begin() {
	local set=(env A=1)
	[ "$1" = walked ] || set=(env LD_PRELOAD="$SHIM" TIDEMARK_OUTPUT="$PWD/exit.%p.tide")
	rm -f in said
	mkfifo in
	"${set[@]}" "${@:2}" <in >said 2>complaints &
	pid=$!
	started+=("$pid")
	exec 9>in
}

# end: of what begin started.
end() {
	exec 9>&-
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	started=()
}

resident() { awk '/^VmRSS/ { print $2 * 1024 }' "/proc/$1/status"; }

# The kernel's figure, when it has not changed for a while: a program that has just answered may have work left.
settled() {
	local now before=
	for _ in {1..100}; do
		now=$(resident "$1")
		[ "$now" != "$before" ] || break
		before=$now
		sleep 0.1
	done
	echo "$now"
}

# hold PID WHAT: takes a snapshot (p.tide, waste.json) of a process that waits, and holds its sums against the kernel's.
hold() {
	local before after
	before=$(settled "$1")
	"$TIDEMARK" snap -q -o p.tide "$1" 2>complaints || true
	after=$(resident "$1")
	"$TIDEMARK" waste --json p.tide >waste.json
	/usr/bin/python3 - "$before" "$after" "$2" <<-'END'
		import json, sys
		before, after = map(int, sys.argv[1:3])
		d = json.load(open("waste.json"))["resident"]
		parts = {p["part"]: p for p in d["parts"]}
		problems = []
		# The snapshot is of a moment between the two; taking it may bring in a few pages.
		if not min(before, after) * .99 <= d["bytes"] <= max(before, after) * 1.01:
		    problems.append("%d bytes, the kernel says %d before and %d after" % (d["bytes"], before, after))
		for kind, whole in ("resident_bytes", "bytes"), ("swapped_bytes", "swapped_bytes"), ("virtual_bytes", "virtual_bytes"):
		    if sum(p[kind] for p in parts.values()) != d[whole]:
		        problems.append("%s do not add up to %d" % (kind, d[whole]))
		if d["unknown_bytes"] * 100 > d["bytes"] or d["unknown_bytes"] != parts["unknown"]["resident_bytes"]:
		    problems.append("%d bytes are unknown" % d["unknown_bytes"])
		for needed in "live", "stacks", "globals", "files":
		    if not parts[needed]["resident_bytes"] and not (needed == "live" and "unseen" in sys.argv[3]):
		        problems.append("nothing is " + needed)
		if problems:
		    sys.exit(sys.argv[3] + ": " + "; ".join(problems))
	END
}

# near WHAT REAL PROMISED PERCENT: or a few pages.
near() {
	/usr/bin/python3 -c '
import sys
what, real, promised, share = sys.argv[1], *map(int, sys.argv[2:])
if abs(real - promised) > share / 100 * max(real, promised) + 65536:
    sys.exit(f"{what}: {real} bytes came back, {promised} were promised")' "$@"
}

# A figure of the report, as an expression in `d`.
value() {
	/usr/bin/python3 -c '
import json, sys
d = json.load(open("waste.json"))
print(eval(sys.argv[1]))' "$1"
}

@test "python3: sums, and what malloc_trim gives back" {
	local how
	cat >work.py <<-'END'
		import ctypes, re, sys
		trim = ctypes.CDLL(None).malloc_trim
		def anonymous():
		    # No buffered file: its buffer would lie in the heap.
		    import os
		    f = os.open("/proc/self/smaps_rollup", os.O_RDONLY)
		    text = os.read(f, 4000)
		    os.close(f)
		    return int(re.search(rb"Anonymous: +(\d+)", text)[1]) * 1024
		kept = ["%5d" % i * 3000 for i in range(2000)]
		small = [{"name": str(i)} for i in range(50000)]
		del kept[::2], kept[-300:], small[::3]
		anonymous(), anonymous()
		print("ready", flush=True)
		sys.stdin.readline()
		before = anonymous()
		trim(0)
		print("trim", before - anonymous(), flush=True)
		sys.stdin.readline()
	END
	for how in prepared walked; do
		begin $how /usr/bin/python3 work.py
		await 'grep -qs ready said'
		hold "$pid" "python3 $how"
		echo >&9
		await 'grep -qs trim said'
		[ "$(awk '/trim/ { print $2 }' said)" -gt 4000000 ]
		near "python3 $how" "$(awk '/trim/ { print $2 }' said)" "$(value 'd["trim"]["returnable_bytes"]')" 2
		end
	done
}

@test "node: sums" {
	need node
	local how
	for how in prepared walked; do
		begin $how node -e 'const a = [], b = []; for (let i = 0; i < 100000; i++) { a.push({ i, s: "s" + i }); if (i % 500 == 0) b.push(Buffer.alloc(30000 + i, 1)); }
			for (let i = 0; i < a.length; i += 2) a[i] = null;
			for (let i = 0; i < b.length; i += 2) b[i] = null;
			console.log("ready"); process.stdin.on("data", () => console.log(a.length, b.length)); process.stdin.on("end", () => process.exit(0))'
		await 'grep -qs ready said'
		hold "$pid" "node $how"
		end
	done
}

@test "redis-server that has lost half of its keys: sums" {
	need redis-server
	local how
	for how in prepared walked; do
		begin $how redis-server --port 0 --unixsocket "$PWD/redis.socket" --save "" --appendonly no --dir "$PWD"
		await 'redis-cli -s redis.socket ping 2>/dev/null | grep -q PONG'
		awk 'BEGIN { for (i = 0; i < 50000; i++) printf "SET key:%d %0*d\r\n", i, 40 + i % 300, i }' | redis-cli -s redis.socket --pipe >pipe.out
		awk 'BEGIN { for (i = 0; i < 50000; i += 2) printf "DEL key:%d\r\n", i }' | redis-cli -s redis.socket --pipe >pipe.out
		redis-cli -s redis.socket dbsize | grep -qx 25000
		# Debian's uses jemalloc, whose blocks are not seen without the library.
		hold "$pid" "redis $how $(grep -qs 'libjemalloc' "/proc/$pid/maps" && [ $how = walked ] && echo unseen)"
		end
	done
}

@test "nginx: sums of the master and its workers" {
	need nginx
	local how one
	cat >nginx.conf <<-END
		daemon off;
		worker_processes 2;
		pid $PWD/nginx.pid;
		error_log $PWD/nginx.errors;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path $PWD/t1;
			proxy_temp_path $PWD/t2;
			fastcgi_temp_path $PWD/t3;
			uwsgi_temp_path $PWD/t4;
			scgi_temp_path $PWD/t5;
			server {
				listen unix:$PWD/nginx.socket;
				location / { return 200 "fine"; }
			}
		}
	END
	# A worker that is not root's may have to look up the socket.
	chmod 755 . 2>/dev/null || true
	for how in prepared walked; do
		rm -f nginx.socket
		begin $how nginx -c "$PWD/nginx.conf" -e "$PWD/nginx.errors"
		await '[ "$(curl -s --unix-socket nginx.socket http://here/)" = fine ]'
		await '[ "$(pgrep -c -P "$pid")" = 2 ]'
		for one in $(pgrep -P "$pid"); do
			hold "$one" "nginx worker $how"
		done
		hold "$pid" "nginx master $how"
		end
	done
}

# ask LINE...: one connection for each line at a time, so that as many threads are busy; prints the answers.
ask() {
	/usr/bin/python3 -c '
import socket, sys
all = []
for line in sys.argv[1:]:
    s = socket.socket(socket.AF_UNIX)
    s.connect("pool.socket")
    s.sendall(line.encode() + b"\n")
    all.append(s)
for s in all:
    print(s.makefile().readline().strip())' "$@"
}

@test "a server with a pool of threads: sums, arenas, and what malloc_trim gives back before and after its sessions end" {
	compile server <"$ROOT/tests/programs/pool_server.c"
	local how back
	for how in prepared walked; do
		rm -f pool.socket
		begin $how ./server pool.socket
		await 'ask "work 1" 2>/dev/null | grep -q done'
		ask "work 12000" "work 15000" "work 9000" "work 14000" "work 11000" "work 13000" >answers
		hold "$pid" "server $how"
		[ "$(value 'sum(a["kind"] == "thread" and a["bytes"] > 1 << 20 for a in d["arenas"])')" -ge 4 ] || fail "$(value 'd["arenas"]')"
		back=$(ask trim)
		[ "$back" -gt 4000000 ]
		near "server $how, trim" "$back" "$(value 'd["trim"]["returnable_bytes"]')" 2
		"$TIDEMARK" snap -q -o p.tide "$pid"
		"$TIDEMARK" waste --json p.tide >waste.json
		# The first thread's sessions have a stack of their own; no arena has both kinds.
		near "server $how, sessions" "$(ask logout)" \
			"$(value 'sum(r["pinned_bytes"] for r in d["pins"] if r.get("size") == 312 or r["stack"][0]["function"] == "new_session")')" 10
		end
	done
}

@test "memory of every kind is in its part: huge pages, pages of zeros, shared, protected, of files, after fork" {
	compile memory_kinds <"$ROOT/tests/programs/memory_kinds.c"
	local how way part least
	# Each way, and the part in which so many MiB more are.
	while read -r way part least; do
		for how in prepared walked; do
			rm -f child
			begin $how ./memory_kinds "$way"
			await 'grep -qs ready said'
			hold "$(awk '{ print $2; exit }' said)" "$way $how"
			[ "$(value "[p['resident_bytes'] >> 20 for p in d['resident']['parts'] if p['part'] == '$part'][0]")" -ge "$least" ] ||
				fail "$way $how: $(value "d['resident']['parts']")"
			end
		done
	done <<-'END'
		huge mappings 9
		huge-block live 20
		huge-split mappings 8
		huge-shared shared 8
		huge-zeros mappings 8
		huge-globals globals 12
		protected mappings 10
		lazily-freed mappings 10
		zeros stacks 0
		system-v shared 8
		file-private files 10
		file-shared files 10
		child live 10
		child-writes live 10
		locked mappings 10
		split-block live 20
		not-inherited mappings 10
		many mappings 15
		sparse mappings 3
		stack stacks 5
	END
}
