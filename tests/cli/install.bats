#!/usr/bin/env bats
# make install, make uninstall, make deb.
load ../lib/helper
bats_require_minimum_version 1.5.0

setup() {
	# make would build again, without the sanitizers.
	! sanitized || skip "built with AddressSanitizer"
}

target() {
	make --no-print-directory -s -C "$ROOT" B="$B" "$@"
}

# works ROOT: the tree that is installed there profiles a program.
works() {
	"$1/bin/tidemark" run -q -o "$PWD/x.tide" -- /bin/echo ran | grep -qx ran
	"$1/bin/tidemark" info x.tide >/dev/null
}

@test "what is installed works where it is, and uninstall removes it" {
	target install DESTDIR="$PWD/root" PREFIX=/opt/tidemark
	works "$PWD/root/opt/tidemark"
	[ -e root/opt/tidemark/include/tidemark.h ]
	[ -e root/opt/tidemark/share/man/man1/tidemark-leaks.1 ]
	target uninstall DESTDIR="$PWD/root" PREFIX=/opt/tidemark
	left=$(find root ! -type d)
	[ -z "$left" ] || fail "left: $left"
}

@test "what the build made stays: nothing is linked again while it is installed" {
	for source in "$ROOT"/report/export/*.proto; do
		made=$B/report/export/$(basename "$source" .proto).pb-c.c
		[ "$made" -nt "$source" ] || fail "$made is not there, or old"
	done
	touch before
	target install DESTDIR="$PWD/root" PREFIX=/opt/tidemark
	[ before -nt "$B/tidemark" ] || fail "linked again"
}

@test "make deb under a narrow umask: readable for all, and depends on what the command names" {
	(umask 077 && target deb)
	package=$(ls "$B"/tidemark_*.deb)
	closed=$(dpkg-deb -c "$package" | awk '$1 !~ /^(-rw.r-.r-.|drwxr-xr-x|lrwx)/')
	[ -z "$closed" ] || fail "not readable for all: $closed"
	depends=$(dpkg-deb -f "$package" Depends)
	[[ ", $depends" == *", libc6 "* && ", $depends" =~ ", libdw1"(t64)?" " ]] || fail "$depends"
	[[ $depends != *libc6-* ]] || fail "$depends"
	dpkg-query -W $(sed 's/([^)]*)//g; s/,//g' <<<"$depends") >/dev/null
	dpkg-deb -x "$package" root
	works "$PWD/root/usr"
}

@test "lintian has nothing to say about the package" {
	command -v lintian >/dev/null || skip "lintian is not installed"
	target deb
	run -0 --separate-stderr lintian --fail-on error,warning "$B"/tidemark_*.deb
	[ -z "$output" ] || fail "$output"
}
