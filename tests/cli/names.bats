#!/usr/bin/env bats
# Names are data: whatever a function, file, module, thread, mark, option or counter is
# called, no output is steered by it.

bats_require_minimum_version 1.5.0
load ../lib/helper

# Two snapshots whose names try everything: escape sequences, line ends, directions,
# bytes that are not UTF-8, markup, formulas, commands of CI servers.
setup_file() {
	command -v python3 >/dev/null || skip "no python3"
	cd "$BATS_FILE_TMPDIR"
	PYTHONPATH=$ROOT/tests/lib python3 - <<-'END'
		import craft
		EVIL = (b"\x1b]0;owned\x07\x1b[2J\xc2\x9b2J\n::error::injected\r\n\nleak:*\n# heading\t"
		        b"\xe2\x80\xaeevil\xff\xc3</script><img src=x>\"];\\ =|<b>")
		s = craft.small(exe="/bin/example")
		def evil(prefix):
		    return s.string(prefix + EVIL)
		for number, frame in enumerate(s.elements["frames"][1:], 1):
		    s.add("symbols", frame=number, line=7, function=evil(b"=f%d" % number), file=evil(b"/src/dir/f"))
		s.process.update(command=evil(b"cmd"), directory=evil(b"dir"), libc=evil(b"libc"), kernel=evil(b"k"),
		                 allocator=evil(b"a"), incomplete_why=evil(b"why"), complete=0)
		s.elements["modules"][1].update(path=evil(b"/lib/m"), build_id=evil(b"id"))
		for thread in s.elements["threads"]:
		    thread["name"] = evil(b"t")
		for mark in s.elements["marks"]:
		    mark["name"] = evil(b"m")
		for root in s.elements["roots"]:
		    root["name"] = evil(b"r")
		for prefix in b"coverage.", b"missed.", b"":
		    s.add("coverage", name=evil(prefix), value=5)
		s.add("options", name=evil(b"o"), value=evil(b"v"))
		s.add("warnings", text=evil(b"w"), hint=evil(b"h"))
		s.save("evil.tide")
		s.elements["sites"][4]["live_bytes"] += 1000
		s.save("evil2.tide")
	END
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	cp "$BATS_FILE_TMPDIR"/evil*.tide .
	export COLUMNS=100
}

# The one thing that no text for people may hold: a control character but the line end, or one
# of the characters that turn the direction, or a line that begins as a name does not let it.
harmless() {
	! LC_ALL=C grep -aqP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]' "$1" || fail "$1: a control character: $(LC_ALL=C grep -anP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]' "$1" | head -n 2 | cat -v)"
	! grep -aqE '^(::|leak:|#  *heading)' "$1" || fail "$1: a name began a line"
}

@test "no screen and no message is steered by a name" {
	for locale in C.UTF-8 C; do
		for verb in "info -v" "stat -v" "stat --by file" "stat --by module" "stat --by thread" "stat --by age" "tree -v" \
			"tree --bottom-up" timeline "leaks -v --tree --show possible,reachable" "retained -v" "diff -v evil2.tide" \
			"diff --fail evil2.tide" "top --batch 1" "top --batch 1 --by module" "top --batch 1 --by thread"; do
			# shellcheck disable=SC2086
			LC_ALL=$locale "$TIDEMARK" $verb evil.tide >out 2>err || [ $? != 139 ] || fail "$verb crashed"
			[ -s out ] || fail "$verb prints nothing: $(cat err)"
			harmless out
			harmless err
		done
		LC_ALL=$locale "$TIDEMARK" refs evil.tide '#4' >out 2>err
		harmless out
		harmless err
	done
}

@test "JSON is valid whatever the names are" {
	for verb in "info --json" "stat --json" "stat --json --by thread" "tree --json" "timeline --json" "leaks --json" \
		"retained --json" "diff --json evil2.tide" "export --to json" "export --to speedscope" "export --to dhat"; do
		# shellcheck disable=SC2086
		"$TIDEMARK" $verb evil.tide >out 2>err || [ $? = 3 ]
		python3 -c 'import json, sys; json.loads(open("out", "rb").read().decode("utf-8"))' || fail "$verb: no JSON"
		harmless err
	done
	"$TIDEMARK" export --to jsonl evil.tide | python3 -c 'import json, sys
for line in sys.stdin.buffer: json.loads(line.decode("utf-8"))'
}

@test "CSV: a field stays a field, and no field is a formula" {
	for verb in "stat --csv" "leaks --csv" "retained --csv" "tree --csv" "diff --csv evil2.tide" "export --to csv"; do
		# shellcheck disable=SC2086
		"$TIDEMARK" $verb evil.tide >out 2>err || true
		python3 - <<-'END' || fail "$verb"
			import csv
			rows = list(csv.reader(open("out", encoding="utf-8", errors="surrogateescape", newline="")))
			assert len(rows) > 1, "no rows"
			for row in rows:
			    assert len(row) == len(rows[0]), row
			    for field in row:
			        assert field[:1] not in "=+@\t\r" or not field, field
		END
	done
}

@test "other tools read what is exported" {
	"$TIDEMARK" export --to folded evil.tide >out
	harmless out
	! grep -qvE ' [0-9]+$' out
	"$TIDEMARK" export --to massif evil.tide >out
	harmless out
	! grep -avqE '^(desc|cmd|time_unit|snapshot|time|mem_|heap_tree|#-)|^ *n[0-9]+: ' out || fail "massif: $(cat -v out)"
	for graph in "export --to dot" "refs --dot evil.tide #4"; do
		if [ "$graph" = "export --to dot" ]; then
			"$TIDEMARK" export --to dot evil.tide >out
		else
			"$TIDEMARK" refs --dot evil.tide '#4' >out
		fi
		harmless out
		! command -v dot >/dev/null || dot -Tsvg out >/dev/null
	done
	"$TIDEMARK" leaks --gen-suppressions evil.tide >out || true
	! grep -aq '^leak:' out
}

@test "html: nothing in a name is markup" {
	run -0 "$TIDEMARK" html evil.tide evil2.tide -o report.html || skip "built without the page"
	[ "$(grep -ac '<img src=x' report.html)" = 0 ]
	[ "$(grep -ao '</script>' report.html | wc -l)" = 3 ]
}

@test "what is made of a private snapshot is private" {
	umask 022
	chmod 600 evil.tide
	chmod 644 evil2.tide
	"$TIDEMARK" export evil.tide -o one.json
	"$TIDEMARK" export evil.tide -o one.sqlite
	"$TIDEMARK" export evil2.tide -o open.json
	"$TIDEMARK" export evil2.tide evil.tide -o both.json
	[ "$(stat -c %a one.json one.sqlite open.json both.json | paste -sd ' ')" = "600 600 644 600" ]
	if "$TIDEMARK" html evil.tide -o one.html; then
		[ "$(stat -c %a one.html)" = 600 ]
	fi
	[ -z "$(ls .tidemark-*.part 2>/dev/null)" ]
}

@test "a link in the place of an output is replaced, not followed" {
	echo precious >precious
	ln -s precious out.json
	"$TIDEMARK" export evil.tide -o out.json
	[ "$(cat precious)" = precious ]
	[ ! -L out.json ]
}
