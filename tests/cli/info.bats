# tidemark info: every field of the header, coverage, what was missed.
load ../lib/helper
bats_require_minimum_version 1.5.0

setup() {
	compile app <<-'SOURCE'
		#include <stdlib.h>
		void *kept;
		int main(void) { kept = malloc(4321); return 7; }
	SOURCE
	"$TIDEMARK" run -o app.tide ./app 2>/dev/null || [ $? -eq 7 ]
}

@test "JSON has the header, coverage and missed" {
	"$TIDEMARK" info --json app.tide >out.json
	/usr/bin/python3 - "$PWD/app" <<-'EOF'
		import json, sys
		d = json.load(open("out.json"))
		s = d["snapshot"]
		assert d["tool"] == "tidemark" and d["schema"] == 1
		assert s["exe"] == sys.argv[1] and s["reason"] == "exit" and s["exit_status"] == 7, s
		for f in ("pid", "parent_pid", "uid", "complete", "references", "sequence", "exit_signal", "threads_stopped",
		          "threads_unknown", "depth_limit", "sample_bytes", "started_wall_ns", "taken_wall_ns", "elapsed_ns",
		          "pause_ns", "live_bytes", "live_blocks", "peak_bytes", "peak_elapsed_ns", "total_bytes", "total_blocks",
		          "reallocations", "temporary", "rss_bytes", "pss_bytes", "virtual_bytes", "own_bytes", "birth_now",
		          "flags", "command", "directory", "libc", "kernel", "machine", "tool_version", "allocator", "incomplete_why"):
		    assert f in s, f
		assert s["live_bytes"] >= 4321 and s["taken_wall_ns"] > s["started_wall_ns"] > 10**18
		assert isinstance(d["coverage"], dict) and isinstance(d["missed"], dict)
		assert d["missed"]["sites_full"] == 0
		assert any(m["main"] and m["path"] == sys.argv[1] for m in d["modules"]), d["modules"]
		assert any("libc.so" in m["path"] for m in d["modules"])
		assert d["threads"] and d["threads"][0]["tid"] == s["pid"]
	EOF
}

@test "the screen tells the same, in 80 columns" {
	COLUMNS=80 run -0 "$TIDEMARK" info -v app.tide
	[[ $output == *"at exit, status 7"* ]]
	[[ $output == *Modules*libc.so.6* ]]
	[[ $output == *Threads* ]]
	[[ $output == *Missed* ]]
	for line in "${lines[@]}"; do
		[ ${#line} -le 80 ] || fail "wide: $line"
	done
}
