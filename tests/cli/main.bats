# tidemark: the verb table, its help, and usage errors.
load ../lib/helper
bats_require_minimum_version 1.5.0

@test "no verb: help on stderr, exit 2" {
	run -2 --separate-stderr "$TIDEMARK"
	[ -z "$output" ]
	[[ $stderr == *"Usage: tidemark VERB"* ]]
}

@test "--help and help list the verbs in at most 80 columns" {
	run -0 "$TIDEMARK" --help
	for verb in stat tree timeline info; do
		[[ $output == *"  $verb "* ]] || fail "$verb is missing"
	done
	while read -r line; do
		[ ${#line} -le 80 ] || fail "too wide: $line"
	done <<<"$output"
	help=$output
	run -0 "$TIDEMARK" help
	[ "$output" = "$help" ]
}

@test "--version" {
	run -0 "$TIDEMARK" --version
	[[ $output =~ ^tidemark\ [0-9]+\.[0-9]+\.[0-9]+ ]]
}

@test "help VERB is VERB --help, with examples, for every verb" {
	"$TIDEMARK" --help | sed -n 's/^  \([a-z]\+\) .*/\1/p' | grep -v tidemark | sort -u >verbs
	[ "$(wc -l <verbs)" -ge 4 ]
	while read -r verb; do
		run -0 "$TIDEMARK" help "$verb"
		[[ $output == "Usage: tidemark $verb"* ]] || fail "$verb: $output"
		[[ $output == *"tidemark $verb "* ]]
	done <verbs
}

@test "an unknown verb: exit 2 and the nearest one" {
	run -2 "$TIDEMARK" stats
	[[ $output == *"did you mean \`tidemark stat\`"* ]]
	run -2 "$TIDEMARK" timline
	[[ $output == *"did you mean \`tidemark timeline\`"* ]]
	run -2 "$TIDEMARK" frobnicate
	[[ $output != *"did you mean"* ]]
	run -2 "$TIDEMARK" foo
	[[ $output != *"did you mean"* ]]
	run -2 "$TIDEMARK" some.tide
	[[ $output == *"try \`tidemark stat some.tide\`"* ]] || fail "$output"
	run -2 "$TIDEMARK" /bin/ls
	[[ $output == *"try \`tidemark run /bin/ls\`"* ]] || fail "$output"
	run -2 "$TIDEMARK" help frobnicate
	run -2 "$TIDEMARK" --frobnicate
}

@test "usage errors of a verb: one clear sentence, exit 2" {
	run -2 "$TIDEMARK" stat
	[[ $output == *"name a snapshot"* ]]
	run -2 "$TIDEMARK" stat --no-such-option x.tide
	run -2 "$TIDEMARK" stat -n minus x.tide
	[[ $output == *"-n: 'minus' is not a number"* ]]
	run -2 "$TIDEMARK" stat --json --csv x.tide
	[[ $output == *"exclude each other"* ]]
	run -2 "$TIDEMARK" stat --color purple x.tide
	run -2 "$TIDEMARK" info a.tide b.tide
}

@test "a file that is not there, or not one of ours: one sentence and no crash" {
	echo "no snapshot at all, only text" >text.tide
	: >empty.tide
	for verb in stat tree timeline info; do
		run "$TIDEMARK" $verb missing.tide
		[ "$status" -eq 2 ] || [ "$status" -eq 3 ] || fail "$verb: $status"
		[ "${#lines[@]}" -eq 1 ] || fail "$verb: $output"
		[[ $output == "tidemark: "*missing.tide* ]]
		for file in text.tide empty.tide; do
			run "$TIDEMARK" $verb $file
			[ "$status" -eq 3 ] || [ "$status" -eq 2 ] || fail "$verb $file: $status"
			[ "${#lines[@]}" -eq 1 ] || fail "$verb: $output"
		done
	done
}

@test "a full disk under the output is noticed" {
	[ -w /dev/full ] || skip "no /dev/full"
	run -3 bash -c '"$TIDEMARK" --help >/dev/full; exit $?' || true
	compile app <<<'#include <stdlib.h>
		int main(void) { return malloc(10) == 0; }'
	"$TIDEMARK" run -o app.tide ./app 2>/dev/null
	for how in "" --json --csv; do
		run -3 bash -c "\"$TIDEMARK\" stat $how app.tide >/dev/full"
		[[ $output == *"cannot write the output"* ]]
	done
}
