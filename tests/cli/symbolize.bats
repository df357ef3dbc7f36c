# tidemark symbolize: names are stored, and read where the program is no more.
load ../lib/helper
bats_require_minimum_version 1.5.0

program() {
	compile "$1" "${@:2}" <<-'EOF'
		#include <stdlib.h>
		__attribute__((always_inline)) static inline char *get(void) { return malloc(5000); }
		__attribute__((noinline)) char *keep(void) { char *p = get(); *p = 1; return p; }
		char *held;
		int main(void) { held = keep(); keep(); return 0; }
	EOF
}

functions() {
	json "$("$TIDEMARK" stat --json "$1")" \
		'" ".join(sorted({f["function"] for r in d["records"] for f in r["stack"] if r["total_bytes"] == 5000}))'
}

@test "names are stored and survive the program" {
	program app
	"$TIDEMARK" run -o app.tide ./app 2>/dev/null
	before=$(functions app.tide)
	[[ " $before " == *" keep "* ]]
	[[ " $before " == *" get "* ]]
	run -0 "$TIDEMARK" symbolize app.tide
	[[ $output == "app.tide: "*" frames have a name, "* ]]
	rm app
	[ "$(functions app.tide)" = "$before" ]
}

@test "without it a missing program gives module and offset" {
	program app
	"$TIDEMARK" run -o app.tide ./app 2>/dev/null
	rm app
	[[ $(functions app.tide) == *"app+0x"* ]]
}

@test "names of a stripped program are taken from its .gnu_debugdata" {
	compile app <<-'EOF'
		#include <stdlib.h>
		__attribute__((noinline)) static char *keep(void) { char *p = malloc(5000); *p = 1; return p; }
		char *held;
		int main(void) { held = keep(); keep(); return 0; }
	EOF
	objcopy --strip-debug app names
	xz -c names >names.xz
	objcopy --strip-all --add-section .gnu_debugdata=names.xz app
	[ -z "$(nm app 2>/dev/null)" ]
	"$TIDEMARK" run -o app.tide ./app 2>/dev/null
	[[ " $(functions app.tide) " == *" keep "* ]]
}

@test "everything else stays as it was" {
	program app
	"$TIDEMARK" run -o app.tide ./app 2>/dev/null
	for verb in info "stat --by module" "leaks --show possible,reachable"; do
		"$TIDEMARK" $verb --json app.tide >>before.json
	done
	run -0 "$TIDEMARK" symbolize -o named.tide app.tide
	for verb in info "stat --by module" "leaks --show possible,reachable"; do
		"$TIDEMARK" $verb --json named.tide >>after.json
	done
	# info counts the symbols, and they are what is new
	diff <(sed 's/"symbols":0//' before.json) <(sed 's/"symbols":[1-9][0-9]*//' after.json)
	"$TIDEMARK" symbolize --json named.tide >counts.json
	[ "$(json "$(cat counts.json)" 'd["named"] > 0 and d["with_source"] > 0 and d["named"] <= d["frames"]')" = True ]
	# again: the same names, the same file
	cp named.tide again.tide
	"$TIDEMARK" symbolize -q again.tide
	cmp named.tide again.tide
}

@test "a program that was rebuilt gives no wrong names" {
	program app
	"$TIDEMARK" run -o app.tide ./app 2>/dev/null
	program app -DOTHER -O2 -ffunction-sections
	run -0 --separate-stderr "$TIDEMARK" symbolize app.tide
	[[ $stderr == *"app is another build than the one that ran"* ]]
	[[ $(functions app.tide) == *"app+0x"* ]]
	program app
	[[ " $(functions app.tide) " == *" keep "* ]]
}

@test "stripped program, debug file from a debuginfod server" {
	program app
	mkdir -p www/buildid
	id=$(readelf -n app | sed -n 's/.*Build ID: //p')
	mkdir "www/buildid/$id"
	objcopy --only-keep-debug app "www/buildid/$id/debuginfo"
	strip app
	"$TIDEMARK" run -o app.tide ./app 2>/dev/null
	unset DEBUGINFOD_URLS
	[[ $(functions app.tide) == *"app+0x"* ]]
	/usr/bin/python3 -u -c '
import http.server, functools
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="www")
server = http.server.HTTPServer(("127.0.0.1", 0), handler)
print(server.server_port)
server.serve_forever()' >port 2>/dev/null 3>&- &
	server=$!
	await '[ -s port ]'
	export DEBUGINFOD_CACHE_PATH=$PWD/cache DEBUGINFOD_URLS="http://127.0.0.1:$(cat port)"
	# Reading a snapshot sends nothing: only symbolize asks the server.
	[[ $("$TIDEMARK" stat app.tide) == *"app+0x"* ]]
	"$TIDEMARK" leaks app.tide >leaks.out
	[ ! -e cache ]
	run -0 "$TIDEMARK" symbolize app.tide
	kill $server
	unset DEBUGINFOD_URLS
	rm app
	[[ " $(functions app.tide) " == *" keep "* ]]
}

@test "what cannot be done" {
	run -2 "$TIDEMARK" symbolize
	run -2 "$TIDEMARK" symbolize a.tide b.tide
	run "$TIDEMARK" symbolize absent.tide
	[ "$status" -ge 2 ]
	program app
	"$TIDEMARK" run -o app.tide ./app 2>/dev/null
	head -c 3000 app.tide >cut.tide
	cp cut.tide kept.tide
	run -3 "$TIDEMARK" symbolize cut.tide
	cmp cut.tide kept.tide
}

@test "code made at run time has the names of its perf map" {
	compile jit <<-'EOF'
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/mman.h>
		#include <unistd.h>
		/* push rbp; mov rbp,rsp; movabs rax,malloc; mov edi,7777; call rax; pop rbp; ret */
		static unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0,
			0xbf, 0x61, 0x1e, 0, 0, 0xff, 0xd0, 0x5d, 0xc3 };
		int main(void) {
			void *(*volatile allocate)(size_t) = malloc;
			char path[64], *page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			memcpy(code + 6, (void *)&allocate, 8);
			memcpy(page + 64, code, sizeof(code));
			sprintf(path, "/tmp/perf-%d.map", getpid());
			FILE *f = fopen(path, "w");
			fprintf(f, "%lx 40 old_code\n%lx %zx LazyCompile:*make app.js:3\n", (long)page, (long)page + 64, sizeof(code));
			fclose(f);
			((void *(*)(void))(page + 64))();
			puts(path);
			return 0; }
	EOF
	run -0 --separate-stderr "$TIDEMARK" run -o jit.tide ./jit
	rm -f "${lines[0]}"
	[ "$(json "$("$TIDEMARK" stat --json jit.tide)" \
		'[r["stack"][0]["function"] for r in d["records"] if r["total_bytes"] == 7777]')" = \
		"['LazyCompile:*make app.js:3']" ]
	"$TIDEMARK" symbolize -q jit.tide
	[ "$(json "$("$TIDEMARK" stat --json jit.tide)" \
		'[f["function"] for r in d["records"] if r["total_bytes"] == 7777 for f in r["stack"]][:2]')" = \
		"['LazyCompile:*make app.js:3', 'main']" ]
}

@test "a static local is named with its function, also where the program is gone" {
	compile holder <<-'EOF'
		#include <stdlib.h>
		__attribute__((noinline)) void first(void) { static void *volatile held; held = malloc(700); }
		__attribute__((noinline)) void second(void) { static void *volatile held; held = malloc(800); }
		int main(void) { first(); second(); return 0; }
	EOF
	"$TIDEMARK" run -q -o a.tide ./holder
	names() {
		json "$("$TIDEMARK" retained --by root --json "$1")" '" ".join(sorted(r["name"] for r in d["records"] if "held" in str(r["name"])))'
	}
	[ "$(names a.tide)" = "first::held second::held" ]
	"$TIDEMARK" symbolize -q a.tide
	rm holder
	[ "$(names a.tide)" = "first::held second::held" ]
}
