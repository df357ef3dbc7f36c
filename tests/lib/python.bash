# Interpreters of Python, and what is compared with what they say of themselves. Load helper first.

# each_python COMMAND [ARGUMENT]...: runs it with PYTHON set to each interpreter that we know. A command that fails does not
# end COMMAND, whose last command decides.
each_python() {
	local PYTHON
	for PYTHON in /usr/bin/python3 /root/.pyenv/versions/3.{8,9,10,11,12,13}.*/bin/python3; do
		[ -x "$PYTHON" ] || continue
		"$@" || fail "$PYTHON: $* failed" || return
	done
}

# are_exact PROGRAM [OPTION]...: its stacks are those of sys._getframe, under `run` with these options.
are_exact() {
	local program=$1
	shift
	rm -f s.tide
	"$TIDEMARK" run -q "$@" -o s.tide -- "$PYTHON" "$BATS_TEST_DIRNAME/$program" expected.json
	"$TIDEMARK" stat --all-frames --json s.tide >stat.json
	env -u PYTHONMALLOC /usr/bin/python3 "$BATS_TEST_DIRNAME/python_check.py" expected.json stat.json
}

names_are_certain() {
	rm -f s.tide
	"$TIDEMARK" run -q -o s.tide -- "$PYTHON" "$BATS_TEST_DIRNAME/python_names.py" >expected.json
	"$TIDEMARK" stat --json -n all s.tide >stat.json
	/usr/bin/python3 "$BATS_TEST_DIRNAME/python_names_check.py" expected.json stat.json
}
