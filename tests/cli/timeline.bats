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
