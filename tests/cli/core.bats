#!/usr/bin/env bats
# `tidemark snap --core FILE`: snapshots of cores that the kernel and gcore have written.

load ../lib/helper
load ../lib/processes

# What is lost and what is held is known exactly: 20 blocks of 1,000 bytes and more, and a cycle of two.
setup_file() {
	cd "$BATS_FILE_TMPDIR"
	cat >loses.cc <<-'CC'
		#include <cstdio>
		#include <cstdlib>
		#include <cstring>
		#include <map>
		#include <memory>
		#include <mutex>
		#include <string>
		#include <sys/prctl.h>
		#include <thread>
		#include <unistd.h>
		#include <vector>
		struct node { node *next; char rest[40]; };
		static std::map<std::string, std::vector<int>> table;
		static std::shared_ptr<std::string> shared;
		static std::mutex lock;
		static int ready;
		static char *volatile large;
		static thread_local std::vector<std::string> mine;
		static void hide(void *p) { asm volatile("" :: "r"(p) : "memory"); }
		__attribute__((noinline)) static void lose()
		{
			for (int i = 0; i < 20; i++) hide(memset(malloc(1000 + i), 1, 1000 + i));
			node *a = new node(), *b = new node();
			a->next = b; b->next = a;
			hide(a); hide(b);
		}
		static void work(int id)
		{
			for (int i = 0; i < 200; i++) {
				mine.push_back("a text of a thread with number " + std::to_string(i));
				std::lock_guard<std::mutex> g(lock);
				table["a key that is long enough " + std::to_string(id * 1000 + i)].resize(i % 50);
			}
			for (int i = 0; i < 50; i++) free(malloc(i * 16));
			char *held = strdup("only the stack of a thread holds this text");
			{ std::lock_guard<std::mutex> g(lock); ready++; }
			hide(held);
			for (;;) pause();
			hide(held);
		}
		int main()
		{
			prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
			shared = std::make_shared<std::string>("a text that is long enough for the heap");
			std::vector<std::thread> threads;
			for (int i = 0; i < 4; i++) threads.emplace_back(work, i);
			for (int n = 0; n < 4; usleep(1000)) { std::lock_guard<std::mutex> g(lock); n = ready; }
			lose();
			large = (char *)calloc(1, 300000);
			hide(large);
			puts("ready"); fflush(stdout);
			char clean[4096]; memset(clean, 0, sizeof clean); hide(clean);
			for (;;) pause();
		}
	CC
	g++ -g -O1 -o loses loses.cc -pthread
}

# gcore, or the kernel's; the second argument is the filter.
take_core() {
	echo "${2:-0x33}" >"/proc/$PID/coredump_filter"
	if [ "$1" = gcore ]; then
		gcore -o core "$PID" >log 2>&1 || fail "$(cat log)"
		CORE=core.$PID
		return
	fi
	case $(cat /proc/sys/kernel/core_pattern) in core*) ;; *) skip "cores go elsewhere" ;; esac
	kill -ABRT "$PID"
	wait "$PID" || true
	CORE=$(ls core*)
}

# The program with core limits raised: they are inherited.
prepare() {
	cp "$BATS_FILE_TMPDIR/loses" .
	ulimit -c unlimited 2>/dev/null || skip "cores go elsewhere"
	start ./loses
}

check_leaks() {
	run "$TIDEMARK" leaks --json "$1"
	[ "$status" = 1 ] || [ "$status" = 0 ]
	json "$output" 'sum(r["blocks"] for r in d["records"])' "sorted(set(r['kind'] for r in d['records']))" >got
	printf '%s\n' 22 "['cycle', 'unreferenced']" | diff - got
}

@test "leaks of the kernel's core are exact" {
	prepare
	take_core kernel
	"$TIDEMARK" snap --core "$CORE" -o a.tide
	check_leaks a.tide
	run "$TIDEMARK" leaks a.tide
	[[ $output == *"written on fatal signal 6 (SIGABRT)"* ]]
	[[ $output == *"walked in the heap of glibc"* ]]
	[[ $output != *interior* && $output != *--wipe* ]]
}

@test "leaks of gcore's core are exact, and the process goes on" {
	prepare
	take_core gcore
	"$TIDEMARK" snap --core "$CORE" -o a.tide
	check_leaks a.tide
	kill -0 "$PID"
	run "$TIDEMARK" info --json a.tide
	[ "$(json "$output" 'd["blocks_from"]' 'd["heap"]["arenas"]' 'd["heap"]["unsure"]' 'd["snapshot"]["reason"]' \
		'[m["path"].split("/")[-1] for m in d["modules"] if m["main"]]')" = "walk
5
0
request
['loses']" ]
}

@test "a filter that leaves out shared memory changes nothing" {
	prepare
	take_core kernel 0x11
	"$TIDEMARK" snap --core "$CORE" -o a.tide
	check_leaks a.tide
}

@test "the blocks are those that the library has counted, address by address" {
	cp "$BATS_FILE_TMPDIR/loses" .
	start env LD_PRELOAD="$SHIM" ./loses
	"$TIDEMARK" snap -o ledger.tide "$PID"
	take_core gcore
	"$TIDEMARK" snap --core "$CORE" -o core.tide
	for f in ledger core; do
		"$TIDEMARK" export -o $f.db -t sqlite $f.tide
		sqlite3 $f.db 'select address from block order by address' >$f.list
	done
	[ "$(wc -l <core.list)" -gt 2000 ]
	# Up to glibc 2.33 constructors of libraries may run before the library's: their calls are counted, not recorded.
	early=$(json "$("$TIDEMARK" info --json ledger.tide)" 'd["missed"]["early"]')
	sort -o ledger.list ledger.list
	sort -o core.list core.list
	comm -13 ledger.list core.list | head -n "$early" | sort -o ledger.list - ledger.list
	diff ledger.list core.list
	[ "$(sqlite3 core.db 'select count(*) from block where site is not null')" = 0 ]
	check_leaks core.tide
}

@test "every verb works on it" {
	prepare
	take_core gcore
	"$TIDEMARK" snap --core "$CORE" -o a.tide
	"$TIDEMARK" snap --core "$CORE" -o b.tide
	local page=
	[ ! -s "$B/web/report.js" ] || page='html -o a.html'
	for verb in stat info retained tree 'export -t folded' 'export -t pprof' ${page:+"$page"}; do
		"$TIDEMARK" $verb a.tide >out || fail "$verb: $?"
	done
	run "$TIDEMARK" stat a.tide
	[[ $output == *"(blocks of 88 bytes)"* ]]
	run "$TIDEMARK" diff a.tide b.tide
	[ "$status" = 0 ]
	"$TIDEMARK" export -t sqlite -o a.db a.tide
	address=$(sqlite3 a.db 'select address from block where bytes > 200000 limit 1')
	run "$TIDEMARK" refs a.tide "$(printf '0x%x' "$address")"
	[ "$status" = 0 ]
	[[ $output == *large* ]]
}

@test "what cannot be read ends in one sentence" {
	echo 'no core' >text
	cp "$TIDEMARK" program
	head -c 3000 /dev/zero >zeros
	for f in text program zeros nowhere . /dev/null; do
		run "$TIDEMARK" snap --core "$f" -o a.tide
		[ "$status" = 2 ]
		[ "${#lines[@]}" = 1 ]
		[[ $output == "tidemark: cannot "* ]]
		[ ! -e a.tide ]
	done
	run "$TIDEMARK" snap --core text 1
	[ "$status" = 2 ]
}

# Frames of zstd that say "a block of zeros" and nothing else: 4 bytes for each 128 KiB.
@test "a compressed core that unpacks to gigabytes of zeros is refused" {
	/usr/bin/python3 - <<-'END'
		import struct
		begin = bytes([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38])
		block = struct.pack("<I", 1 << 1 | (128 << 10) << 3)[:3] + b"\0"
		last = struct.pack("<I", 1 | 1 << 1 | (128 << 10) << 3)[:3] + b"\0"
		open("bomb.zst", "wb").write(begin + block * (10 << 13) + last)
	END
	mkdir rooms
	run timeout 250 env TMPDIR="$PWD/rooms" "$TIDEMARK" snap --core bomb.zst -o a.tide
	[ "$status" = 3 ]
	[[ $output == *"cannot unpack bomb.zst: it is more than 8 GiB when unpacked"*"with zstd -d"* ]]
	[ -z "$(ls rooms)" ]
	[ ! -e a.tide ]
}

@test "a core that systemd has compressed is unpacked without a trace" {
	prepare
	take_core kernel
	mkdir rooms
	zstd -q "$CORE" -o core.zst
	TMPDIR=$PWD/rooms "$TIDEMARK" snap --core core.zst -o a.tide
	check_leaks a.tide
	[ -z "$(ls rooms)" ]
	head -c $(($(stat -c %s core.zst) / 2)) core.zst >half.zst
	run "$TIDEMARK" snap --core half.zst -o half.tide
	[ "$status" = 3 ]
	[[ $output == *"cut off"* ]]
	# liblz4, liblzma and zlib; two files of gzip and xz, one after the other, are one.
	half=$(($(stat -c %s "$CORE") / 2))
	for pack in "lz4 -qc" "gzip -1c" "xz -0c"; do
		{ head -c $half "$CORE" | $pack; tail -c +$((half + 1)) "$CORE" | $pack; } >core.packed
		rm -f b.tide
		TMPDIR=$PWD/rooms "$TIDEMARK" snap --core core.packed -o b.tide
		check_leaks b.tide
		[ -z "$(ls rooms)" ]
		head -c $(($(stat -c %s core.packed) / 3)) core.packed >half.packed
		run timeout 60 "$TIDEMARK" snap --core half.packed -o half.tide
		[ "$status" = 3 ]
		[[ $output == *"cut off"* ]]
	done
	run env TMPDIR=/proc "$TIDEMARK" snap --core core.zst
	[ "$status" = 3 ]
	[[ $output == *TMPDIR* ]]
}

@test "a truncated core gives what is whole" {
	prepare
	take_core kernel
	bytes=$(stat -c %s "$CORE")
	for share in 95 70 40 10 1; do
		head -c $((bytes * share / 100)) "$CORE" >cut
		run timeout 60 "$TIDEMARK" snap --core cut -o cut.tide
		[ "$status" = 3 ]
		[[ $output == *"cut off"* ]]
		run "$TIDEMARK" info --json cut.tide
		[ "$(json "$output" 'd["snapshot"]["complete"]')" = False ]
	done
	head -c 3000 "$CORE" >cut
	run "$TIDEMARK" snap --core cut -o none.tide
	[ "$status" = 2 ]
}
