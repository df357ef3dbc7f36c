# All outputs of one snapshot have the same sums, to the byte; so have several processes together.
load ../lib/helper
bats_require_minimum_version 1.5.0

HERE=$BATS_TEST_DIRNAME

# agree LEAST FILE...: at least so many sums were compared, and none differs.
agree() {
	local least=$1
	shift
	[ ! -s "$B/web/report.js" ] || export PAGE=1
	run /usr/bin/python3 "$HERE/sums.py" "$@"
	echo "$output"
	[ "$status" = 0 ]
	[[ $output =~ ^compared\ ([0-9]+)$ ]]
	[ "${BASH_REMATCH[1]}" -ge "$least" ]
}

@test "python3: every output agrees" {
	"$TIDEMARK" run -q -o py.tide /usr/bin/python3 -c '
import json, re, threading
kept = [json.loads("[1, [2], {\"a\": 3}]") for i in range(3000)]
t = [threading.Thread(target=lambda: [bytes(n) for n in range(3000)]) for _ in range(3)]
[x.start() for x in t]; [x.join() for x in t]' >/dev/null 2>&1
	agree 120 py.tide
}

@test "perl: every output agrees" {
	command -v perl >/dev/null || skip "no perl"
	"$TIDEMARK" run -q -o perl.tide perl -e 'my %h; $h{$_ % 700} .= "x" x $_ for 1 .. 5000; my $r = {}; $r->{self} = $r; $h{ring} = 1' >/dev/null 2>&1
	agree 120 perl.tide
}

@test "C++ with threads, lost rings and temporary blocks: every output agrees" {
	cat >app.cc <<-'EOF'
		#include <map>
		#include <memory>
		#include <string>
		#include <thread>
		#include <vector>
		struct ring { std::shared_ptr<ring> next; char more[90]; };
		static std::map<int, std::string> cache;
		static void lose(int n)
		{
			while (n--) {
				auto a = std::make_shared<ring>(), b = std::make_shared<ring>();
				a->next = b;
				b->next = a;
			}
		}
		int main()
		{
			std::vector<std::thread> threads;
			for (int t = 0; t < 3; t++)
				threads.emplace_back([] { for (int i = 0; i < 2000; i++) { std::string s(i, 'x'); std::vector<int> v(i); } });
			for (auto &t : threads)
				t.join();
			for (int i = 0; i < 500; i++)
				cache[i] = std::string(i, 'y');
			cache.erase(cache.begin(), cache.find(100));
			lose(50);
		}
	EOF
	g++ -g -O2 -pthread -o app app.cc
	"$TIDEMARK" run -q -o app.tide ./app >/dev/null 2>&1
	[ "$(json "$("$TIDEMARK" leaks --json app.tide)" 'd["totals"]["cycle"]["blocks"] + d["totals"]["indirect"]["blocks"] >= 90')" = True ]
	agree 120 app.tide
}

@test "the children of make -j2: several files are the sum of each" {
	printf 'all: 1.o 2.o 3.o 4.o\n%%.o: %%.c\n\tgcc -c -o $@ $<\n' >Makefile
	for i in 1 2 3 4; do printf '#include <stdio.h>\nint f%d(void) { return printf("%%d", %d); }\n' $i $i >$i.c; done
	"$TIDEMARK" run -q -o 'c.%e.%p.tide' make -j2 >/dev/null 2>&1
	[ "$(ls c.cc1.*.tide | wc -l)" = 4 ]
	[ "$(ls c.as.*.tide | wc -l)" = 4 ]
	agree 60 c.*.tide
	/usr/bin/python3 - c.*.tide <<-'EOF'
		import json, os, subprocess, sys
		def totals(verb, *args):
		    return json.loads(subprocess.run([os.environ["TIDEMARK"], verb, "-q", *args], check=True, capture_output=True).stdout)
		files = sys.argv[1:]
		alone = [totals("stat", "--json", f)["totals"] for f in files]
		together = totals("stat", "--json", *files)
		for m, n in together["totals"].items():
		    assert n == sum(a[m] for a in alone), (m, n)
		lost = sum(totals("export", "--to", "json", f)["totals"]["lost_bytes"] for f in files)
		summed = totals("export", "--to", "json", *files)
		assert summed["totals"]["lost_bytes"] == lost, (summed["totals"], lost)
		assert len(files) >= max(r["processes"] for r in summed["records"]) >= 4
		# The four compilers did the same: their sites are one each, not four.
		cc1 = [f for f in files if ".cc1." in f]
		one, four = (len(totals("stat", "--json", *c)["records"]) for c in (cc1[:1], cc1))
		assert four < one * 1.2, (one, four)
	EOF
}
