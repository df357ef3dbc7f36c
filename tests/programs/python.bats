#!/usr/bin/env bats
# Programs in Python: their frames and small objects, on Debian's python3 and every other interpreter that is here.
load ../lib/helper

# each_python COMMAND [ARGUMENT]...: runs it with PYTHON set to each interpreter that we know.
each_python() {
	local PYTHON
	for PYTHON in /usr/bin/python3 /root/.pyenv/versions/3.{8,9,10,11,12,13}.*/bin/python3; do
		[ -x "$PYTHON" ] || continue
		"$@" || fail "$PYTHON: $* failed" || return
	done
}

stacks_are_exact() {
	rm -f s.tide
	"$TIDEMARK" run -q -o s.tide "$@" -- "$PYTHON" "$BATS_TEST_DIRNAME/python_stacks.py" expected.json
	"$TIDEMARK" stat --json s.tide >stat.json
	/usr/bin/python3 "$BATS_TEST_DIRNAME/python_check.py" expected.json stat.json
}

@test "stacks have the frames that sys._getframe has, with the lines that run" {
	each_python stacks_are_exact
}

@test "stacks are the same where pymalloc is left alone" {
	each_python stacks_are_exact --python-objects no
}
