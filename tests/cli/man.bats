#!/usr/bin/env bats
# Manual pages and shell completions: that they say what the verbs say.

load ../lib/helper
bats_require_minimum_version 1.5.0

MAN=$ROOT/report/man

verbs() {
	"$TIDEMARK" --help | awk '/^  [a-z]+ / && $1 != "tidemark" { print $1 }'
}

# Long options of a verb's help, each once.
of_help() {
	"$TIDEMARK" "$1" --help | sed -nE 's/^ {1,8}(-., *)?--([a-z-]+).*/\2/p' | sort -u
}

# Long options that a page lists.
of_page() {
	sed -nE 's/^\.It .*Fl Fl ([a-z-]+).*/\1/p' "$1" | sort -u
}

@test "every verb has a page, and every page a verb" {
	[ "$(verbs | wc -l)" -ge 16 ]
	for verb in $(verbs); do
		[ -e "$MAN/tidemark-$verb.1" ] || fail "no page for $verb"
		grep -q "^\.It Xr tidemark-$verb 1" "$MAN/tidemark.1" || fail "tidemark.1 does not name $verb"
	done
	for page in "$MAN"/tidemark-*.1; do
		verb=${page##*/tidemark-}
		verbs | grep -qx "${verb%.1}" || fail "a page without a verb: $page"
	done
}

@test "pages list the long options of --help, and no others" {
	for verb in $(verbs); do
		of_help "$verb" >help
		of_page "$MAN/tidemark-$verb.1" >page
		[ -s help ]
		diff help page || fail "options of $verb: '<' is missing in the page, '>' in --help"
	done
}

@test "README and the pages beside it name files that are there" {
	cd "$ROOT"
	grep -ohE '`(shim|report|tests|scripts)/[A-Za-z0-9_.*/]+`' README.md report/*/*.md tests/README.md shim/*.md | tr -d '`' | sort -u >"$BATS_TEST_TMPDIR/named"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/named")" -gt 50 ]
	while read -r name; do
		case $name in *NAME*) continue ;; esac
		compgen -G "$name" >/dev/null || fail "$name is named, and is not there"
	done <"$BATS_TEST_TMPDIR/named"
	# Verbs and options of its commands, too.
	for verb in $(grep -ohE '\btidemark (run|snap|top|stat|tree|timeline|diff|leaks|refs|retained|gate|html|export|info|doctor|symbolize|[a-z]+) -' README.md report/export/FLEET.md |
		awk '{print $2}' | sort -u); do
		verbs | grep -qx "$verb" || fail "there is no verb $verb"
	done
}

@test "the page of the header names all its calls" {
	for call in $(grep -oE '\btide_[a-z_]+\(' "$ROOT/shim/tidemark.h" | tr -d '(' | sort -u); do
		grep -qE "^\.F[no] $call\b" "$MAN/tidemark.h.3" || fail "$call is not in tidemark.h.3"
	done
}

@test "options and screens in the pages are those of the program" {
	command -v python3 >/dev/null || skip "no python3"
	run "$ROOT/scripts/man" --check
	echo "$output"
	[ "$status" = 0 ]
	# Every verb that shows something has a screen that is checked.
	[ "$(grep -l '^\.\\" \$ tidemark' "$MAN"/tidemark-*.1 | wc -l)" -ge 12 ]
	for verb in $(verbs); do
		for section in DESCRIPTION OPTIONS "EXIT STATUS" EXAMPLES "SEE ALSO"; do
			grep -qx "\.Sh $section" "$MAN/tidemark-$verb.1" || fail "tidemark-$verb.1 has no section $section"
		done
		"$TIDEMARK" help "$verb" | diff - <("$TIDEMARK" "$verb" --help) || fail "help $verb"
	done
}

@test "help texts begin alike, and no example is wrapped" {
	for verb in $(verbs); do
		"$TIDEMARK" "$verb" --help >help
		# The texts of options: no capital, no full stop.
		sed -nE 's/^ {1,8}-.*[^ ]  +([^ ].*)/\1/p' help | grep -v '^Give\|^Print program\|^Give a short' >texts || true
		! grep -E '^[A-Z][a-z]+ ' texts || fail "$verb: a help text begins with a capital"
		# A wrapped line has lost its indentation.
		awk '/^Examples:/ { on = 1; next } /^Mandatory|^$/ { on = 0 } on && !/^  [^ ]/ { print; bad = 1 } END { exit bad }' help ||
			fail "$verb: an example is wrapped"
	done
}

@test "completions offer the values that options take, all of them" {
	"$TIDEMARK" completions bash >completion
	"$TIDEMARK" run -q -o a.tide /bin/true
	# Lines like: 'stat --sort') words='live peak' ;;
	sed -nE "s/^\t'([a-z]+) --([a-z]+)'\) words='([^']*)' ;;/\1 \2 \3/p" completion >known
	[ "$(wc -l <known)" -gt 20 ]
	while read -r verb option words; do
		case $verb in
		run) continue ;; # --children takes names as well
		diff) files="a.tide a.tide" ;;
		top) files="--batch 1 a.tide" ;;
		*) files=a.tide ;;
		esac
		run -2 "$TIDEMARK" "$verb" "--$option=nothing" $files </dev/null
		[[ ${output//, / } == *" is not one of $words"* || $output == *" is neither ${words/ / nor }"* ]] ||
			fail "$verb --$option: completions have '$words': ${output%%$'\n'*}"
	done <known
}

@test "tidemark-environment(7) has every variable that is read, and no other" {
	# config.h lists the library's; the last lines of the list are for tests only.
	sed -n '1,/^#ifndef/p' "$ROOT/shim/config.h" | grep -v 'oracle.c only\|fail.c only' | grep -oE 'TIDEMARK_[A-Z_]*[A-Z]' | grep -v TIDEMARK_CONFIG >read
	grep -rhoE 'getenv\("TIDEMARK_[A-Z_]+|option_set\([^"]*"[A-Z_]+|ledger_option\([^"]*"[A-Z_]+' "$ROOT/report" | sed 's/.*"//; s/^TIDEMARK_//; s/^/TIDEMARK_/' >>read
	sort -u read >known
	grep -oE 'TIDEMARK_[A-Z_]+' "$MAN/tidemark-environment.7" | sort -u >described
	diff known described
}

@test "pages are correct mdoc" {
	command -v mandoc >/dev/null || skip "mandoc is not installed"
	mandoc -Tlint "$MAN"/*.[1357] >found || true
	# The pages refer to each other, and need not be installed here.
	if grep -v 'referenced manual not found' found; then
		fail "mandoc -Tlint finds something"
	fi
}

@test "bash completes verbs, options, values and files" {
	"$TIDEMARK" completions bash >completion
	touch one.tide other.txt
	cat >try <<-'EOF'
		source ./completion
		complete -p tidemark
		COMP_WORDS=(tidemark st); COMP_CWORD=1; COMP_LINE="tidemark st"; COMP_POINT=11
		_tidemark tidemark st tidemark; echo "verb: ${COMPREPLY[*]}"
		COMP_WORDS=(tidemark stat --so); COMP_CWORD=2; COMP_LINE="tidemark stat --so"; COMP_POINT=18
		_tidemark tidemark --so stat; echo "option: ${COMPREPLY[*]}"
		COMP_WORDS=(tidemark stat --sort = p); COMP_CWORD=4; COMP_LINE="tidemark stat --sort=p"; COMP_POINT=22
		_tidemark tidemark p =; echo "value: ${COMPREPLY[*]}"
		COMP_WORDS=(tidemark stat o); COMP_CWORD=2; COMP_LINE="tidemark stat o"; COMP_POINT=15
		_tidemark tidemark o stat; echo "file: ${COMPREPLY[*]}"
		COMP_WORDS=(tidemark stat --by mo); COMP_CWORD=3; COMP_LINE="tidemark stat --by mo"; COMP_POINT=21
		_tidemark tidemark mo --by; echo "separate value: ${COMPREPLY[*]}"
		COMP_WORDS=(tidemark export --to pp); COMP_CWORD=3; COMP_LINE="tidemark export --to pp"; COMP_POINT=23
		_tidemark tidemark pp --to; echo "format: ${COMPREPLY[*]}"
		COMP_WORDS=(tidemark run -- whi); COMP_CWORD=3; COMP_LINE="tidemark run -- whi"; COMP_POINT=19
		_tidemark tidemark whi --; echo "program: ${COMPREPLY[*]}"
		COMP_WORDS=(tidemark run -- ls oth); COMP_CWORD=4; COMP_LINE="tidemark run -- ls oth"; COMP_POINT=22
		_tidemark tidemark oth ls; echo "argument: ${COMPREPLY[*]}"
	EOF
	bash --norc try >said
	cat said
	grep -qx 'complete -F _tidemark tidemark' said
	grep -qx 'verb: stat' said
	grep -qx 'option: --sort= --source-root=' said
	grep -qx 'value: peak' said
	grep -qx 'file: one.tide' said
	grep -qx 'separate value: module' said
	grep -qx 'format: pprof' said
	grep '^program: ' said | grep -qv '\bwhile\b'
	grep -qx 'argument: other.txt' said
}

# What fish offers for a line.
offer_fish() {
	fish --no-config -c 'source ./completion; complete -C $argv[1]' -- "$1" | cut -f 1 | sort
}

@test "fish completes verbs, options, values and files" {
	command -v fish >/dev/null || skip "no fish (package fish)"
	fish --no-config -c true 2>/dev/null || skip "a fish older than 3.2"
	export HOME=$PWD XDG_CONFIG_HOME=$PWD XDG_DATA_HOME=$PWD
	"$TIDEMARK" completions fish >completion
	mkdir run
	cd run
	mv ../completion .
	touch one.tide
	[ "$(offer_fish 'tidemark le')" = leaks ]
	[ "$(offer_fish 'tidemark help ti')" = timeline ]
	# fish 4 offers options with these letters somewhere inside, too.
	[ "$(offer_fish 'tidemark stat --so' | grep '^--so' | paste -sd' ')" = "--sort --source-root" ]
	[ "$(offer_fish 'tidemark stat --sort ' | paste -sd' ')" = "allocations count live lost peak temporary total" ]
	[ "$(offer_fish 'tidemark stat --sort=p')" = --sort=peak ]
	[ "$(offer_fish 'tidemark stat o')" = one.tide ]
	[ "$(offer_fish 'tidemark export --to=jsonl o')" = one.tide ]
}

# What zsh offers for a line: its own completion, run in a terminal of its own; each match is written down.
offer_zsh() {
	rm -f matches
	zsh -f -c '
		zmodload zsh/zpty
		zpty shell zsh -f -i
		zpty -w shell "source ./setup.zsh"
		while [[ ! -e ready ]]; do sleep 0.05; done
		zpty -w -n shell "$1	"
		for i in {1..100}; do [[ -e matches ]] && break; sleep 0.05; done
		sleep 0.2
		zpty -d shell' zsh "$1" >/dev/null
	sort -u matches | grep -v '^$'
}

@test "zsh completes verbs, options, values and files" {
	command -v zsh >/dev/null || skip "no zsh (package zsh)"
	mkdir functions
	"$TIDEMARK" completions zsh >functions/_tidemark
	touch one.tide other.txt
	cat >setup.zsh <<-'EOF'
		fpath=($PWD/functions $fpath)
		autoload -U compinit
		compinit -u -D
		[[ $_comps[tidemark] = _tidemark ]] && : >ready
		compadd() {
			local -a said
			if [[ ${@[1,(i)(-|--)]} != *-[OAD]\ * ]]; then
				builtin compadd -O said "$@"
				print -rl -- $said >>matches
			fi
			builtin compadd "$@"
		}
	EOF
	[ "$(offer_zsh 'tidemark le')" = leaks ]
	[ "$(offer_zsh 'tidemark help ti')" = timeline ]
	[ "$(offer_zsh 'tidemark stat --so' | tr -d = | paste -sd' ')" = "--sort --source-root" ]
	[ "$(offer_zsh 'tidemark stat --sort=' | paste -sd' ')" = "allocations count live lost peak temporary total" ]
	[ "$(offer_zsh 'tidemark stat o')" = one.tide ]
}

@test "every shell's completion has every long option of every verb" {
	for shell in bash zsh fish; do
		"$TIDEMARK" completions "$shell" >"$shell"
	done
	bash -n bash
	for verb in $(verbs); do
		sed -n "/^\t$verb)/,/^\t\t;;/p" bash >bash.verb
		sed -n "/^\t$verb)/,/^\t\t;;/p" zsh >zsh.verb
		grep "seen_subcommand_from $verb'" fish >fish.verb
		for option in $(of_help "$verb"); do
			grep -qE -- "--$option[= ]" bash.verb || fail "bash: $verb --$option"
			grep -qE -- "--$option(=|\[)" zsh.verb || fail "zsh: $verb --$option"
			grep -qE -- " -l $option " fish.verb || fail "fish: $verb --$option"
		done
	done
	# A text ends with its sentence, not in its brackets.
	[ "$(tr -cd '(' <fish | wc -c)" = "$(tr -cd ')' <fish | wc -c)" ]
	if command -v zsh >/dev/null; then
		zsh -n zsh
	fi
	if command -v fish >/dev/null; then
		fish --no-execute fish
	fi
}

@test "an unknown shell is a usage error" {
	run "$TIDEMARK" completions powershell
	[ "$status" = 2 ]
}

@test "make install puts pages and completions in their places, and uninstall takes them away" {
	to=$PWD/root
	B=$B "$ROOT/scripts/install-extras" "$to"
	[ -e "$to/share/man/man1/tidemark-top.1" ]
	[ -e "$to/share/man/man3/tidemark.h.3" ]
	[ -e "$to/share/man/man5/tidemark-gate.5" ]
	grep -q _tidemark "$to/share/bash-completion/completions/tidemark"
	grep -q compdef "$to/share/zsh/site-functions/_tidemark"
	grep -q complete "$to/share/fish/vendor_completions.d/tidemark.fish"
	B=$B "$ROOT/scripts/install-extras" --remove "$to"
	[ -z "$(find "$to" -type f)" ]
}
