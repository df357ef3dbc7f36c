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
	[[ $output == "app.tide: "*" frames have a name, "*" a file and line; "*" blocks have a type" ]]
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

# A program whose blocks have types by each kind of evidence, and fields; prints nothing.
typed_program() {
	cat >typed.cc <<-'SOURCE'
		#include <cstdlib>
		#include <map>
		#include <memory>
		#include <string>
		#include <vector>
		namespace net {
		struct Session { Session *next_ = nullptr; std::string name_; short port_ = 0; virtual ~Session() {} };
		struct Server { std::vector<Session *> sessions_; std::map<int, std::shared_ptr<Session>> by_; Session *head_ = nullptr; };
		}
		struct node { struct node *next; long v; };
		struct table { long n; node *slots[]; };
		struct hidden { struct hidden *other; char text[40]; };
		net::Server *server;
		thread_local node *mine;
		node *list;
		table *all;
		hidden *only;
		int main() {
			server = new net::Server;
			for (int i = 0; i < 30; i++) {
				auto *s = new net::Session;
				s->name_ = "a name too long for the object " + std::to_string(i);
				s->next_ = server->head_;
				server->sessions_.push_back(server->head_ = s);
				server->by_[i] = std::make_shared<net::Session>();
			}
			size_t of_table = sizeof(table) + 20 * sizeof(node *), of_hidden = sizeof(hidden);
			all = (table *)calloc(1, of_table);
			for (int i = 0; i < 20; i++) {
				node *n = (node *)malloc(sizeof *n);
				*n = { list, i };
				all->slots[i] = list = n;
			}
			mine = (node *)malloc(sizeof(node));
			*mine = {};
			only = (hidden *)calloc(1, of_hidden);
			only->other = (hidden *)calloc(1, of_hidden);
			for (int i = 0; i < 5; i++) {
				auto *s = new net::Session;
				s->next_ = new net::Session;
				s->next_->next_ = s;
			}
			/* A stale word in padding: a plain scan finds the block, a typed one does not. */
			auto *stale = new net::Session;
			*(void **)((char *)stale + 48 + 2) = malloc(500);
			server->sessions_.push_back(stale);
		}
	SOURCE
	g++ -g -O1 -o typed typed.cc
	"$TIDEMARK" run -q -o typed.tide ./typed
}

# What all verbs say of a file.
say_all() {
	for verb in "types -n all" "types --json" "leaks -n all" "leaks --json --show possible,reachable" "leaks --scan plain" \
		"retained --json" "retained -n all" "waste --json" "stat --by type" "refs --json net::Session" "refs --json node" "refs --scan plain net::Session"; do
		echo "== $verb"
		# shellcheck disable=SC2086
		"$TIDEMARK" ${verb%% *} "$1" ${verb#* } 2>&1 || echo "status $?"
	done
	"$TIDEMARK" export --to sqlite -q -o rows.db "$1"
	sqlite3 rows.db "select address, type, evidence from block"
	rm rows.db
	[ -s "$B/web/report.js" ] || return 0 # built without the page
	"$TIDEMARK" html -q -o page.html "$1"
	sed 's/"symbols":[0-9]*//' page.html
	rm page.html
}

@test "types and fields are stored, and all verbs say the same without the program" {
	typed_program
	session=$(json "$("$TIDEMARK" types --json typed.tide)" '[t["blocks"] for t in d["native"]["types"] if t["type"] == "net::Session"][0]')
	[ "$session" = 41 ]
	cp typed.tide kept.tide
	say_all typed.tide >before
	typed=$(json "$("$TIDEMARK" types --json typed.tide)" 'sum(t["blocks"] for t in d["native"]["types"])')
	[ "$(json "$("$TIDEMARK" symbolize --json typed.tide)" 'd["typed_blocks"]')" = "$typed" ]
	say_all typed.tide >after
	diff before after
	rm typed typed.cc
	say_all typed.tide >without
	diff before without
	grep -q 'net::Server::sessions_' without
	grep -q 'table::slots' without
	# What is not stored is not known.
	! "$TIDEMARK" types -n all kept.tide | grep -q 'table::slots'
}

@test "stored types are kept where the program is gone, and found again where more is known" {
	typed_program
	cp typed.tide full.tide
	"$TIDEMARK" symbolize -q full.tide
	objcopy --strip-all typed stripped
	mv typed whole
	cp full.tide again.tide
	"$TIDEMARK" symbolize -q again.tide
	cmp full.tide again.tide
	mv stripped typed
	"$TIDEMARK" symbolize -q typed.tide
	[[ $("$TIDEMARK" types typed.tide) != *"net::Server::sessions_"* ]]
	mv whole typed
	"$TIDEMARK" symbolize -q typed.tide
	[[ $("$TIDEMARK" types typed.tide) == *"net::Server::sessions_"* ]]
	"$TIDEMARK" types --json typed.tide | sed 's/typed.tide//' >1
	"$TIDEMARK" types --json full.tide | sed 's/full.tide//' >2
	diff 1 2
}

@test "--sysroot: files of a container, or of a copy of one, and none outside of it" {
	program app
	"$TIDEMARK" run -q -o app.tide ./app
	local before root=$PWD/root
	before=$(functions app.tide)
	mkdir -p "root$PWD" root/elsewhere root/usr/lib/debug/.build-id
	mv app root/elsewhere/app
	run -2 "$TIDEMARK" symbolize --sysroot=missing app.tide
	[[ $output == *"cannot look for files below missing: No such file or directory"* ]]
	"$TIDEMARK" symbolize -q -o none.tide --sysroot=root app.tide
	[[ $(functions none.tide) == *"app+0x"* ]]
	# A link means what it means in the container.
	ln -s /elsewhere/app "root$PWD/app"
	run -0 "$TIDEMARK" symbolize -o named.tide --sysroot="$root" app.tide
	[ "$(functions named.tide)" = "$before" ]
	# What it would mean here is not opened.
	mv root/elsewhere/app real
	ln -sf "../../../../../../../../../../../$PWD/real" "root$PWD/app"
	"$TIDEMARK" symbolize -q -o none.tide --sysroot=root app.tide
	[[ $(functions none.tide) == *"app+0x"* ]]
	# Debug files are found by build id in the container as well; a FIFO waits for nobody.
	local id
	id=$(readelf -n real | awk '/Build ID/ { print $3 }')
	mkdir -p "root/usr/lib/debug/.build-id/${id:0:2}"
	rm "root$PWD/app"
	objcopy --only-keep-debug real "root/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug"
	objcopy --strip-all real "root$PWD/app"
	"$TIDEMARK" symbolize -q -o named.tide --sysroot=root app.tide
	[ "$(functions named.tide)" = "$before" ]
	rm "root/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug"
	mkfifo "root/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug"
	timeout 30 "$TIDEMARK" symbolize -q -o none.tide --sysroot=root app.tide
	[[ $(functions none.tide) != *keep* ]]
}
