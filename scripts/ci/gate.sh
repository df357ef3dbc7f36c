#!/bin/sh
# The gate in any CI that can run a shell script: gate.sh [options of the gate].
#
# Exit status: 0 pass, 1 memory leaks, 2 the gate file is wrong, 3 it could not be
# measured. Only 0 is green. Reports and snapshots are left in $REPORTS (default
# memory-report/): keep that folder as an artifact, also after a failure.
set -u
REPORTS=${REPORTS:-memory-report}
TIDEMARK=${TIDEMARK:-tidemark}
command -v "$TIDEMARK" >/dev/null || {
	echo "gate.sh: $TIDEMARK is not installed" >&2
	exit 3
}
mkdir -p "$REPORTS" || exit 3

# A gate that cannot go red on this machine must not be green on it.
"$TIDEMARK" gate --self-test --output "$REPORTS/self-test" || exit 3

"$TIDEMARK" gate --output "$REPORTS/snapshots" --junit "$REPORTS/memory.xml" \
	--sarif "$REPORTS/memory.sarif" --markdown "$REPORTS/memory.md" \
	--html "$REPORTS/memory.html" "$@"
status=$?
echo "reports are in $REPORTS/"
exit $status
