# report/export/FLEET.md: each command of it is run as it stands there.
load ../lib/helper
bats_require_minimum_version 1.5.0

HERE=$BATS_TEST_DIRNAME

teardown() {
	[ -z "${server:-}" ] || kill "$server" 2>/dev/null || :
	for pid in server?/pid; do
		[ ! -e "$pid" ] || kill -KILL "$(cat "$pid")" 2>/dev/null || :
	done
}

# block LANGUAGE NUMBER: of the page, from 1 on.
block() {
	awk -v start="^\`\`\`$1\$" -v want="$2" '
		/^```$/ && on { on = 0 }
		on && n == want { print }
		$0 ~ start { on = 1; n++ }' "$ROOT/report/export/FLEET.md"
}

# The page's own words, with this tidemark.
run_block() {
	block sh "$1" >block.sh
	[ -s block.sh ]
	PATH=$(dirname "$TIDEMARK"):$PATH bash -euo pipefail block.sh
}

# Three workers of one build, one of another; each loses 40 bytes, and one holds more.
workers() {
	compile worker <<-'EOF'
		#include <stdlib.h>
		void *held[100];
		__attribute__((noinline)) void lose(void) { void *p = malloc(40); __asm__ volatile("" : "+r"(p)); }
		__attribute__((noinline)) void *fill(size_t n) { return malloc(n); }
		int main(int argc, char **argv)
		{
			for (volatile int i = 0; i < 10; i++)
				held[i] = fill(argc > 1 ? (size_t)atoi(argv[1]) : 100);
			lose();
			for (int i = 0; i < 100; i++)
				__asm__ volatile("" : : "r"(malloc(0)) : "memory");
			return 0;
		}
	EOF
	mkdir fleet build2
	gcc -g -O0 -DOTHER -o build2/worker worker.c
	for bytes in 100 200 7000; do
		"$TIDEMARK" run -q -o 'fleet/%e.%p.tide' ./worker $bytes >/dev/null 2>&1
	done
	"$TIDEMARK" run -q -o 'fleet/%e.%p.tide' build2/worker 100 >/dev/null 2>&1
	[ "$(ls fleet | wc -l)" = 4 ]
}

@test "several files are one report and one profile" {
	workers
	run_block 1 >stat
	grep -q 'fill' stat
	[ -s fleet.pb.gz ]
	gzip -t fleet.pb.gz
	want=0
	for file in fleet/*.tide; do
		want=$((want + $(json "$("$TIDEMARK" stat --json "$file")" 'd["totals"]["live_bytes"]')))
	done
	[ "$(json "$("$TIDEMARK" stat --json fleet/*.tide)" 'd["totals"]["live_bytes"]')" = $want ]
	[ "$(json "$("$TIDEMARK" export --to json fleet/*.tide)" 'sum(r["live_bytes"] for r in d["records"])')" = $want ]
}

@test "a column store (duckdb) loads a fleet and answers" {
	why=$("$ROOT/scripts/npm-packages" tests/viewers) || skip "$why"
	workers
	run_block 2
	"$TIDEMARK" export fleet/*.tide --to json >sum.json
	queries=()
	for i in 1 2 3 4 5; do
		queries+=("$(block sql $i)")
		[ -n "${queries[i - 1]}" ]
	done
	node "$HERE/duckdb.mjs" "${queries[@]}" "SELECT sum(live_bytes) AS n, sum(lost_bytes) AS lost FROM fleet" >answers
	/usr/bin/python3 - <<-'EOF'
		import json
		load, where, lost, builds, growth, sums = (json.loads(l) for l in open("answers"))
		totals = json.load(open("sum.json"))["totals"]
		assert int(sums[0]["n"]) == totals["live_bytes"] and int(sums[0]["lost"]) == totals["lost_bytes"], (sums, totals)
		top = where[0]
		assert top["function"] == "fill" and int(top["processes"]) == 4 and int(top["live_bytes"]) == 74000, where
		assert int(top["largest"]) == 70000, top
		lose = [r for r in lost if r["function"] == "lose"]
		assert int(lose[0]["lost_in"]) == int(lose[0]["snapshots"]) == 4 and int(lose[0]["lost_bytes"]) == 160, lost
		fill = {r["processes"]: r["peak_bytes"] for r in builds if r["function"] == "fill"}
		assert {int(k): v for k, v in fill.items()} == {3: 2000, 1: 1000}, builds
		assert growth and all(int(r["growth"]) == 0 for r in growth), growth
	EOF
	# CSV as the page says.
	for file in fleet/*.tide; do "$TIDEMARK" export -q "$file" -o "${file%.tide}.csv"; done
	grep -oE "read_csv\('fleet/.*'VARCHAR'\}\)" "$ROOT/report/export/FLEET.md" >csv
	[ -s csv ]
	[ "$(json "$(node "$HERE/duckdb.mjs" "SELECT sum(live_bytes) AS n FROM $(cat csv)")" 'd[0]["n"]')" = \
		"$(json "$(cat sum.json)" 'd["totals"]["live_bytes"]')" ]
}

# cluster COMMAND...: with the ports of this test instead of the page's.
cluster_block() {
	block sh "$1" | sed "s/1900/$ports/g" >block.sh
	[ -s block.sh ]
	bash -euo pipefail block.sh 3>&-
}

ask() {
	clickhouse-client --port "${ports}2" --query "$1" --format JSONEachRow --output_format_json_quote_64bit_integers=0
}

@test "ClickHouse on two servers loads a fleet, and a thousand snapshots, and answers as stat does" {
	command -v clickhouse-server >/dev/null || skip "clickhouse-server is not installed"
	workers
	run_block 2
	"$TIDEMARK" export fleet/*.tide --to json >sum.json
	ports=$(/usr/bin/python3 -c '
import random, socket
while True:
    p = random.randrange(1100, 3000)
    try:
        for n in (1, 2):
            s = socket.socket()
            s.bind(("127.0.0.1", p * 10 + n))
            s.close()
        break
    except OSError:
        pass
print(p)')
	cluster_block 3
	block sql 6 >schema.sql
	cluster_block 4
	# Both servers have a part of the fleet or of its stacks, and either answers for both.
	parts=0
	for n in 1 2; do
		parts=$((parts + $(clickhouse-client --port "$ports$n" --query 'SELECT count() FROM site_local')))
		[ "$(clickhouse-client --port "$ports$n" --query 'SELECT count() > 0 FROM stack_local')" = 1 ]
	done
	[ "$parts" = "$(wc -l <fleet.jsonl)" ]
	ask 'SELECT sum(live_bytes) AS live, sum(lost_bytes) AS lost, sum(total_blocks) AS blocks FROM site' >sums
	for i in 7 8 9 10; do ask "$(block sql $i)" >"answer$i"; done
	[ -z "$(block sql 11)" ]
	/usr/bin/python3 - <<-'EOF'
		import json
		rows = lambda name: [json.loads(l) for l in open(name)]
		totals = json.load(open("sum.json"))["totals"]
		sums = rows("sums")[0]
		assert sums == {"live": totals["live_bytes"], "lost": totals["lost_bytes"], "blocks": totals["total_blocks"]}, (sums, totals)
		where, lost, builds, growth = (rows(f"answer{i}") for i in (7, 8, 9, 10))
		top = where[0]
		assert top["function"] == "fill" and top["processes"] == 4 and top["live_bytes"] == 74000 and top["largest"] == 70000, where
		lose = [r for r in lost if r["function"] == "lose"]
		assert lose[0]["lost_in"] == lose[0]["snapshots"] == 4 and lose[0]["lost"] == 160, lost
		assert {r["processes"]: r["peak"] for r in builds if r["function"] == "fill"} == {3: 2000, 1: 1000}, builds
		assert growth and all(r["growth"] == 0 for r in growth), growth
		# A thousand more: other processes, each with a later snapshot in which the first site has grown by 500 bytes and a new one appears.
		lines = [json.loads(l) for l in open("fleet.jsonl")]
		with open("fleet.jsonl", "w") as out:
		    for i in range(250):
		        for r in lines:
		            out.write(json.dumps(dict(r, pid=r["pid"] + 100000 * (i + 1), elapsed_ns=10 ** 9)) + "\n")
		    first = dict(lines[0], pid=99, elapsed_ns=2 * 10 ** 9)
		    grown = dict(first, live_bytes=first["live_bytes"] + 500, elapsed_ns=3 * 10 ** 9)
		    for r in first, grown, dict(grown, key="0123456789abcdef", function="late", live_bytes=70):
		        out.write(json.dumps(r) + "\n")
	EOF
	clickhouse-client --port "${ports}1" --input_format_skip_unknown_fields=1 --insert_distributed_sync=1 \
		--query 'INSERT INTO arrived FORMAT JSONEachRow' <fleet.jsonl
	ask "SELECT sum(live_bytes) AS live FROM site WHERE pid != 99" >sums
	[ "$(json "$(cat sums)" 'd["live"]')" = $((251 * $(json "$(cat sum.json)" 'd["totals"]["live_bytes"]'))) ]
	ask "$(block sql 7)" | head -n 1 >top
	json "$(cat top)" 'd["function"], d["processes"]' | grep -qx "('fill', 100[45])"
	ask "$(block sql 10)" >growth
	json "$(sed -n 1p growth)" 'd["pid"], d["growth"]' | grep -qx '(99, 500)'
	json "$(sed -n 2p growth)" 'd["function"], d["growth"]' | grep -qx "('late', 70)"
	# A stack is stored once, however many snapshots have it.
	[ "$(clickhouse-client --port "${ports}1" --query 'SELECT count() = uniqExact(key) FROM stack FINAL')" = 1 ]
}

@test "profiles are pushed as Pyroscope and Parca take them" {
	command -v curl >/dev/null || skip "no curl"
	workers
	cp worker service
	run_block 5 >/dev/null 2>&1
	[ -s service.1.tide ]
	/usr/bin/python3 "$HERE/receiver.py" got >port 3>&- &
	server=$!
	await '[ -s port ]'
	export PYROSCOPE=http://127.0.0.1:$(cat port) PARCA=http://127.0.0.1:$(cat port)
	run_block 6
	run_block 7
	[ -z "$(block sh 8)" ]
	"$TIDEMARK" export service.1.tide --to json >service.json
	/usr/bin/python3 - <<-'EOF'
		import json
		got = [json.loads(l) for l in open("got")]
		totals = json.load(open("service.json"))["totals"]
		assert [(g["to"], g["name"]) for g in got] == [("pyroscope", "service{env=staging}"), ("parca", "service")], got
		for g in got:
		    assert g["sums"]["inuse_space"] == totals["live_bytes"] and g["sums"]["lost_space"] == totals["lost_bytes"], g
		    assert g["sums"]["alloc_objects"] == totals["total_blocks"], g
		assert set(got[0]["keep"]) <= set(got[0]["sums"]), got[0]
	EOF
	# The receiver refuses what is not a profile.
	echo nonsense | gzip >service.pb.gz
	run -22 curl -fsS -F profile=@service.pb.gz -F sample_type_config=@types.json "$PYROSCOPE/ingest?name=x&format=pprof&from=1&until=2"
}
