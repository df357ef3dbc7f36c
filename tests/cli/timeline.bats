# tidemark timeline: the shape of a program that rises and falls.
load ../lib/helper
bats_require_minimum_version 1.5.0

# Compiled and profiled once; each test has a copy.
setup_file() {
	cd "$BATS_FILE_TMPDIR"
	compile app -D_GNU_SOURCE <<-'SOURCE'
		#include <dlfcn.h>
		#include <stdlib.h>
		#include <unistd.h>
		void *kept[200];
		int main(void)
		{
			void (*mark)(const char *) = (void (*)(const char *))dlsym(RTLD_DEFAULT, "tide_mark");
			for (int i = 0; i < 100; i++) { kept[i] = calloc(1, 100000); usleep(2000); }
			if (mark) mark("top");
			for (int i = 0; i < 90; i++) { free(kept[i]); usleep(2000); }
			return 0;
		}
	SOURCE
	"$TIDEMARK" run -o app.tide ./app 2>/dev/null
}

setup() {
	cp -a "$BATS_FILE_TMPDIR"/* .
}

@test "JSON: time goes on, live bytes rise and fall, the mark is there" {
	"$TIDEMARK" timeline --json app.tide >out.json
	/usr/bin/python3 - <<-'EOF'
		import json
		d = json.load(open("out.json"))
		p = d["records"]
		assert len(p) >= 5, len(p)
		assert all(a["elapsed_ns"] <= b["elapsed_ns"] for a, b in zip(p, p[1:]))
		assert max(r["live_bytes"] for r in p) > 8_000_000
		assert p[-1]["live_bytes"] < 3_000_000, p[-1]
		assert d["peak"]["bytes"] >= 10_000_000
		top = [m for m in d["marks"] if m["name"] == "top"]
		assert len(top) == 1 and top[0]["live_bytes"] >= 9_900_000, d["marks"]
		# Blocks: all 100, and what the start of a program leaves; then 10 of them, at the end and in the totals.
		assert 100 <= top[0]["live_blocks"] <= 110, top
		assert 90 <= max(r["live_blocks"] for r in p) <= top[0]["live_blocks"], p
		assert p[-1]["live_blocks"] == top[0]["live_blocks"] - 90, p[-1]
	EOF
}

@test "CSV has the same points" {
	points=$(json "$("$TIDEMARK" timeline --json app.tide)" 'len(d["records"])')
	[ "$("$TIDEMARK" timeline --csv app.tide | wc -l)" -eq $((points + 1)) ]
	[ "$("$TIDEMARK" timeline --csv app.tide | head -1)" = elapsed_ns,live_bytes,live_blocks,rss_bytes,total_blocks,private_bytes ]
}

@test "--since cuts the beginning off" {
	json "$("$TIDEMARK" timeline --json --since top app.tide)" \
		'all(r["elapsed_ns"] >= [m for m in d["marks"] if m["name"] == "top"][0]["elapsed_ns"] for r in d["records"])' | grep -qx True
	run -2 "$TIDEMARK" timeline --since nowhere app.tide
}

@test "the chart fits, in ASCII and in Unicode" {
	for columns in 60 80 140; do
		for locale in C C.UTF-8; do
			COLUMNS=$columns LC_ALL=$locale "$TIDEMARK" timeline -q app.tide >out
			fits $columns out
		done
	done
	COLUMNS=80 LC_ALL=C run -0 "$TIDEMARK" timeline app.tide
	[[ $output == *peak* ]]
	[[ $output == *"Marks"*top* ]]
	[[ $output == *"allocs/s"* ]]
	[[ $output =~ blocks[^$'\n']*$'\n'\ *at\ most\ [19][0-9]+$'\n' ]]
	[[ $output == *'####'* ]]
}

@test "memory that is free and not given back shows as private and not live" {
	compile holds <<-'SOURCE'
		#include <malloc.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		static void *kept[6000];
		int main(void)
		{
			mallopt(M_MMAP_THRESHOLD, 1 << 20);
			for (int i = 0; i < 6000; i++) { kept[i] = memset(malloc(4000), 1, 4000); if (i % 100 == 0) usleep(1000); }
			for (int i = 0; i < 5999; i++) { free(kept[i]); if (i % 100 == 0) usleep(1000); }
			usleep(20000);
			free(malloc(1));
			return 0;
		}
	SOURCE
	"$TIDEMARK" run -o holds.tide ./holds 2>/dev/null
	json "$("$TIDEMARK" timeline --json holds.tide)" \
		'[r["private_bytes"] - r["live_bytes"] > 20 << 20 for r in d["records"]][-1]' \
		'all(r["private_bytes"] <= r["rss_bytes"] for r in d["records"])' >got
	printf 'True\nTrue\n' | diff - got
	run -0 "$TIDEMARK" timeline holds.tide
	[[ $output =~ "not live"[^$'\n']*$'\n'\ *at\ most\ 2[0-9.]+\ MiB ]]
}

@test "of several snapshots of a process, who held memory at each" {
	compile phases <<-'SOURCE'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <stdlib.h>
		__attribute__((noinline)) void *early(void) { return calloc(1, 300000); }
		__attribute__((noinline)) void *late(void) { return calloc(7, 1000); }
		void *kept[9];
		int main(int argc, char **argv)
		{
			int (*snap)(const char *) = (int (*)(const char *))dlsym(RTLD_DEFAULT, "tide_snapshot");
			kept[0] = early();
			snap("p.2.tide");
			for (int i = 1; i < 9; i++) kept[i] = late();
			snap("p.10.tide");
			free(kept[0]);
			return 0;
		}
	SOURCE
	"$TIDEMARK" run -q -o p.tide ./phases 2>/dev/null
	"$TIDEMARK" run -q -o other.tide ./app 2>/dev/null
	# In whichever order they are named, and however often one of them is: by time.
	for files in "p.tide p.2.tide p.10.tide" "p.10.tide p.2.tide p.tide"; do
		"$TIDEMARK" timeline --json $files >out.json
		for file in p.2 p.10 p; do "$TIDEMARK" stat --json $file.tide >$file.json; done
		/usr/bin/python3 - <<-'EOF'
			import json
			d = json.load(open("out.json"))
			shots, sites = d["snapshots"], d["sites"]
			totals = [json.load(open(f))["totals"] for f in ("p.2.json", "p.10.json", "p.json")]
			assert [s["file"] for s in shots] == ["p.2.tide", "p.10.tide", "p.tide"], shots
			live = [t["live_bytes"] for t in totals]
			assert [s["live_bytes"] for s in shots] == live, (shots, totals)
			assert [s["live_blocks"] for s in shots] == [t["live_blocks"] for t in totals], (shots, totals)
			assert [sum(r["live_bytes"][i] for r in sites) + d["others"]["live_bytes"][i] for i in range(3)] == live
			of = {f["function"]: r for r in sites for f in r["stack"][:2]}
			assert of["early"]["live_bytes"] == [300000, 300000, 0], of["early"]
			assert of["late"]["live_bytes"] == [0, 56000, 56000] and of["late"]["live_blocks"] == [0, 8, 8], of["late"]
		EOF
	done
	COLUMNS=100 LC_ALL=C run -0 "$TIDEMARK" timeline p.*tide
	[[ $output == *"Who held live memory, at 3 snapshots"* ]]
	[[ $output =~ "293 KiB  293 KiB"\ +-\ early ]]
	[[ $output =~ -\ "54.7 KiB 54.7 KiB "late ]]
	# One row, and the others in another.
	COLUMNS=100 LC_ALL=C run -0 "$TIDEMARK" timeline -n 1 p.*tide
	[[ $output =~ -\ "54.7 KiB 54.7 KiB 1 other site" ]]
	for columns in 60 80 140; do
		COLUMNS=$columns LC_ALL=C.UTF-8 "$TIDEMARK" timeline p.*tide >out
		fits $columns out
	done
	# Those of other processes, as of children, are left out, and the first one says whose are shown.
	run -0 --separate-stderr "$TIDEMARK" timeline --json p.2.tide other.tide p.tide
	[[ $stderr == *"1 of the 3 snapshots are of other programs than p.2.tide and left out"* ]]
	[ "$(json "$output" '[s["file"] for s in d["snapshots"]]')" = "['p.2.tide', 'p.tide']" ]
	run -0 --separate-stderr "$TIDEMARK" timeline --json -q p.tide other.tide
	[ -z "$stderr" ]
	[ "$(json "$output" 'len(d["snapshots"]), len(d["sites"])')" = "(0, 0)" ]
	if [ -s "$B/web/report.js" ]; then # built with the page
		run -0 "$TIDEMARK" html -o x.html p.tide p.2.tide other.tide
		[[ $output == *"1 of the 3 snapshots are of other programs"* ]]
		# The report of the newest one, compared with the earliest.
		"$TIDEMARK" html -o x.html p.2.tide p.tide p.10.tide
		[ -s x.html ]
	fi
	# The last of 5 snapshots, when there is room for two.
	cp p.10.tide again.tide
	COLUMNS=60 LC_ALL=C run -0 "$TIDEMARK" timeline p.*tide again.tide p.2.tide
	[[ $output == *"at 2 of 5 snapshots"* ]]
}

@test "snapshots of a process that was not prepared: who held memory, by size" {
	compile sizes <<-'SOURCE'
		#include <stdlib.h>
		#include <stdio.h>
		void *kept[50];
		int main(void)
		{
			for (int i = 0; i < 10; i++) kept[i] = malloc(5000);
			puts("one"); fflush(stdout);
			getchar();
			for (int i = 0; i < 10; i++) free(kept[i]);
			for (int i = 0; i < 40; i++) kept[i] = malloc(70000);
			puts("two"); fflush(stdout);
			getchar();
			return 0;
		}
	SOURCE
	mkfifo in out
	./sizes <in >out 3>&- &
	pid=$!
	exec 7>in 8<out
	read -r line <&8
	"$TIDEMARK" snap -q -o w1.tide $pid
	echo >&7
	read -r line <&8
	"$TIDEMARK" snap -q -o w2.tide $pid
	echo >&7
	wait $pid
	exec 7>&- 8<&-
	json "$("$TIDEMARK" timeline --json w1.tide w2.tide)" \
		'[r["live_blocks"] for r in d["sites"] if r["live_bytes"][1] > 2000000]' \
		'any(r["live_blocks"] == [10, 0] for r in d["sites"] + [d["others"]])' >got
	printf '[[0, 40]]\nTrue\n' | diff - got
	run -0 "$TIDEMARK" timeline w1.tide w2.tide
	[[ $output == *"Who held live memory, at 2 snapshots"* ]]
}
