#!/usr/bin/env bats
# Which roots count: --roots of run, snap and leaks.
bats_require_minimum_version 1.5.0
load helper

held() {
	compile held <<-'EOF2'
		#include <stdlib.h>
		#include <string.h>
		#include <sys/mman.h>
		#include <unistd.h>
		void **mapping; char *global; __thread char *tls;
		static __attribute__((noinline, noipa)) char *block(int n) { return malloc(n); }
		int main(int argc, char **argv)
		{
			mapping = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			mapping[3] = block(11);
			global = block(22);
			tls = block(33);
			for (; argc > 1; usleep(1000))
				free(malloc(1));
			return 0;
		}
	EOF2
}

# lost FILE [OPTION]...: bytes of each lost record
lost() {
	json "$("$TIDEMARK" leaks --json "$@")" 'sorted(r["bytes"] for r in d["records"] if r["kind"] != "possible")'
}

@test "--roots of run leaves kinds out, or takes only these, and the snapshot tells" {
	held
	local expected=('[]' '[11]' '[11, 22]' '[11, 33]' '[11]') i=0
	for option in --children=all --roots=-mapping --roots=-mappings,-global --roots=global --roots=global,tls; do
		"$TIDEMARK" run -f -o h.tide $option ./held 2>err
		[ "$(lost h.tide)" = "${expected[$i]}" ] || fail "$option: $(lost h.tide), not ${expected[$i]}"
		i=$((i + 1))
	done
	"$TIDEMARK" info h.tide | grep -q 'roots of some kinds were left out: pthread_key, stack, register, mapping, kernel'
}

@test "--roots of leaks does the same with a whole snapshot" {
	held
	"$TIDEMARK" run -f -o h.tide ./held 2>err
	[ "$(lost h.tide)" = '[]' ]
	[ "$(lost h.tide --roots=-mapping)" = '[11]' ]
	[ "$(lost h.tide --roots=-mapping,-tls)" = '[11, 33]' ]
	[ "$(lost h.tide --roots=mapping)" = '[22, 33]' ]
}

@test "--roots of snap" {
	held
	LD_PRELOAD=$SHIM ./held on 3>&- &
	pid=$!
	sleep 0.3
	"$TIDEMARK" snap -q --roots=-tls -o h.tide $pid
	kill $pid
	json "$("$TIDEMARK" leaks --json h.tide)" '[r["bytes"] for r in d["records"] if r["kind"] == "unreferenced"]' |
		grep -qx '\[33\]'
}

@test "--roots: what is no kind is refused, before the program starts" {
	run -2 "$TIDEMARK" run --roots=-heap touch started
	[[ $output == *"is no kind of root"* ]]
	[ ! -e started ]
	run -2 "$TIDEMARK" leaks --roots=-global,stack nothing.tide
	[[ $output == *"some have a minus"* ]]
	run -2 "$TIDEMARK" leaks --roots= nothing.tide
}

@test "requests that io_uring is at work on, and whose slots were used again: not complete, and it says why" {
	gcc -g -O1 -w -I "$BATS_TEST_DIRNAME/../truth" -o rings "$BATS_TEST_DIRNAME/../truth/rings.c"
	./rings pending || skip "no io_uring here"
	"$TIDEMARK" run -f -o r.tide ./rings pending 2>err
	json "$("$TIDEMARK" leaks --json r.tide)" 'd["snapshot"]["complete"]' | grep -qx True
	"$TIDEMARK" run -f -o r.tide ./rings reused 2>err
	run -3 "$TIDEMARK" leaks r.tide
	[[ $output == *"io_uring is at work on 12 requests"* ]]
}
