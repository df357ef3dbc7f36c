# processes.bash - programs that run beside a test and end with it: `load ../lib/processes`, after the helper.

PIDS=()

teardown() {
	local p
	for p in "${PIDS[@]}"; do
		kill -9 "$p" 2>/dev/null || true
		wait "$p" 2>/dev/null || true
	done
}

# start PROGRAM [ARG...]: in the background, as $PID; waits until it says "ready".
start() {
	rm -f out
	"$@" >out 2>err 3>&- &
	PID=$!
	PIDS+=("$PID")
	await 'grep -qs ready out' || fail "the program did not start: $(cat err)"
}
