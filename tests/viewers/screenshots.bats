# The pictures of README.md.
load ../lib/helper

@test "the terminal shows what the picture of README.md shows, and the page opens" {
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || skip "no chromium"
	[ -s "$B/web/report.js" ] || skip "the page was not built"
	"$ROOT/scripts/screenshots" --check
	grep -q 'report/man/terminal.svg' "$ROOT/README.md"
	grep -q 'report/man/page.png' "$ROOT/README.md"
}
