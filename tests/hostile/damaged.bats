#!/usr/bin/env bats
# Damaged, foreign and hostile files: one clear sentence and status 3 (or 2 for
# files of another kind), never a crash, never a hang.

load ../lib/helper

snapshot() {
	compile leaky <<-'END'
		#include <stdlib.h>
		struct n { struct n *next; long v[3]; };
		struct n *list;
		__attribute__((noinline)) struct n *make(void) { struct n *n = calloc(1, sizeof *n); __asm__ volatile("" : "+r"(n)); return n; }
		int main(void)
		{
			for (int i = 0; i < 300; i++) { struct n *n = make(); n->next = list; list = n; }
			for (int i = 0; i < 20; i++) make();
			return 0;
		}
	END
	"$TIDEMARK" run -q -o good.tide -- ./leaky
}

# every VERB FILE: all verbs on a file; each must end by itself, with 0 to 3, and say something when not 0.
every() {
	for verb in info stat tree timeline leaks retained "export --to folded -o -" "diff good.tide"; do
		timeout 20 "$TIDEMARK" $verb "$1" >out.txt 2>err.txt </dev/null && status=0 || status=$?
		case $status in
		0 | 1) ;;
		2 | 3) grep -q '^tidemark: ' err.txt || fail "$verb on $2: status $status and no word" ;;
		*) fail "$verb on $2: status $status: $(tail -n 3 err.txt)" ;;
		esac
	done
}

@test "cut off at any length" {
	snapshot
	bytes=$(stat -c %s good.tide)
	for part in 0 1 7 8 16 63 64 100 200 500 $((bytes / 4)) $((bytes / 2)) $((bytes - 100)) $((bytes - 1)); do
		head -c $part good.tide >cut.tide
		every cut.tide "the first $part of $bytes bytes"
		timeout 20 "$TIDEMARK" leaks cut.tide >/dev/null 2>&1 && fail "a file cut at $part of $bytes passes" || [ $? != 0 ]
	done
}

@test "changed bits anywhere" {
	snapshot
	/usr/bin/python3 - <<-'END'
		import random
		data = open("good.tide", "rb").read()
		random.seed(7)
		for i in range(20):
		    d = bytearray(data)
		    for _ in range(random.choice((1, 1, 2, 8, 40))):
		        at = random.randrange(min(len(d), 4096)) if i % 2 else random.randrange(len(d))
		        d[at] ^= 1 << random.randrange(8)
		    open(f"flip{i}.tide", "wb").write(d)
		for i, word in enumerate((0, 0xffffffff, 0x7fffffffffffffff)):
		    d = bytearray(data)
		    for at in range(8, 256, 16):
		        e = bytearray(d)
		        e[at:at + 8] = word.to_bytes(8, "little")
		        open(f"word{i}_{at}.tide", "wb").write(e)
	END
	for f in flip*.tide; do every $f $f; done
	for f in word*.tide; do
		for verb in leaks; do
			timeout 20 "$TIDEMARK" $verb $f >/dev/null 2>err.txt </dev/null && status=0 || status=$?
			[ $status -le 3 ] || fail "$verb on $f: status $status: $(tail -n 3 err.txt)"
		done
	done
}

@test "foreign files" {
	printf 'hello\n' >text.tide
	head -c 100000 /dev/urandom >noise.tide
	head -c 100000 /dev/zero >zeros.tide
	: >empty.tide
	cp /bin/true program.tide
	snapshot
	for f in text noise zeros empty program; do
		every $f.tide $f
		run "$TIDEMARK" stat $f.tide
		[ "$status" = 2 ] || [ "$status" = 3 ] || fail "$f: status $status"
	done
	run "$TIDEMARK" stat .
	[ "$status" = 2 ] || [ "$status" = 3 ]
	run "$TIDEMARK" stat there_is_none.tide
	[ "$status" = 2 ] || [ "$status" = 3 ]
	run timeout 20 "$TIDEMARK" stat /dev/zero
	[ "$status" = 2 ] || [ "$status" = 3 ] || fail "/dev/zero: $status"
}

@test "killed at any moment, what is left can be read" {
	compile busy <<-'END'
		#include <stdlib.h>
		__attribute__((noinline)) static void *work(int n) { void *p = malloc(n); __asm__ volatile("" : "+r"(p)); return p; }
		int main(void) { static void *p[997]; for (unsigned i = 0;; i++) { free(p[i % 997]); p[i % 997] = work(i % 3000); } }
	END
	for ms in 1 2 3 5 8 13 21 34 55 89 144 233; do
		rm -f killed*.tide
		"$TIDEMARK" run -q -o killed.%e.tide -- ./busy >/dev/null 2>err.txt &
		runner=$!
		sleep 0.$(printf %03d $((ms + 60)))
		child=$(pgrep -P $runner -x busy || true)
		if [ -z "$child" ]; then
			kill $runner; wait $runner || true
			continue
		fi
		kill -KILL $child
		wait $runner && status=0 || status=$?
		[ $status = 137 ] || fail "status $status: $(cat err.txt)"
		ls killed.busy.tide >/dev/null || fail "after $ms ms: no snapshot: $(cat err.txt)"
		"$TIDEMARK" stat --json killed.busy.tide >out.json || fail "after $ms ms: stat: status $?"
		/usr/bin/python3 -c 'import json; assert json.load(open("out.json"))["records"] is not None'
	done
}

# A library that cuts CUT_FILE off when CUT_BYTES have been mapped: what is read from then on is behind its end.
cutter() {
	compile cut -shared -fPIC -ldl -D_GNU_SOURCE <<-'END'
		#include <dlfcn.h>
		#include <stdlib.h>
		#include <sys/mman.h>
		#include <unistd.h>
		void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
		{
			void *(*real)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, "mmap");
			void *p = real(at, bytes, protection, flags, fd, offset);
			if (fd >= 0 && bytes == (size_t)atol(getenv("CUT_BYTES")))
				(void)!truncate(getenv("CUT_FILE"), atol(getenv("CUT_TO")));
			return p;
		}
		void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
		{
			return mmap(at, bytes, protection, flags, fd, offset);
		}
	END
}

# cut_to BYTES FILE COMMAND...
cut_to() {
	run env LD_PRELOAD="$PWD/cut" CUT_TO="$1" CUT_FILE="$PWD/$2" CUT_BYTES="$(stat -c %s "$2")" timeout 60 "${@:3}"
}

@test "a snapshot that is cut off while it is read: a sentence, no signal" {
	make -s -C "$ROOT" "B=$B" "$B/tests/lib/make_snapshot" >/dev/null
	"$B/tests/lib/make_snapshot" large.tide 200000 200
	cutter
	for verb in stat leaks info tree retained symbolize "export --to json -o out"; do
		cp large.tide one.tide
		cut_to 8192 one.tide "$TIDEMARK" $verb one.tide
		[ "$status" = 3 ] && [[ $output == *"one.tide was cut off while it was read: take"* ]] || fail "$verb: $status: ${output: -300}"
	done
}

# What libelf maps: the program, or the file with its debug information.
@test "a program or its debug file that is cut off while it is read: a sentence, and names are missing" {
	compile app <<-'END'
		#include <stdlib.h>
		struct node { struct node *next; long v[3]; } *list;
		__attribute__((noinline)) static struct node *make(void) { struct node *n = calloc(1, sizeof *n); __asm__ volatile("" : "+r"(n)); return n; }
		int main(void)
		{
			for (int i = 0; i < 30; i++) { struct node *n = make(); n->next = list; list = n; }
			make();
			return 0;
		}
	END
	truncate -s 40960 app # a length of its own: the mapping is known by it
	cp app app.whole
	objcopy --only-keep-debug app app.debug
	truncate -s 45056 app.debug
	cp app.debug app.debug.whole
	cutter
	"$TIDEMARK" run -q -o s.tide -- ./app
	try() { # file, bytes, command...
		cut_to "$2" "$1" "${@:3}"
		[ "$status" = 3 ] && [ "$(grep -c "/$1 was cut off while it was read: names may be missing" <<<"$output")" = 1 ] ||
			fail "$*: $status: ${output: -500}"
		cp "$1.whole" "$1"
	}
	for bytes in 0 4096 12288; do
		try app $bytes "$TIDEMARK" stat s.tide
		try app $bytes "$TIDEMARK" leaks s.tide
		try app $bytes "$TIDEMARK" types s.tide
		try app $bytes "$TIDEMARK" export --to folded -o out s.tide
		[ ! -s "$B/web/report.js" ] || try app $bytes "$TIDEMARK" html -q -o out.html s.tide
		try app $bytes "$TIDEMARK" doctor ./app
	done
	objcopy --strip-all --add-gnu-debuglink=app.debug app
	truncate -s 40960 app
	"$TIDEMARK" run -q -o s.tide -- ./app
	"$TIDEMARK" stat s.tide | grep -q make || fail "app.debug is not found"
	for bytes in 0 4096; do
		try app.debug $bytes "$TIDEMARK" stat s.tide
		try app.debug $bytes "$TIDEMARK" types s.tide
	done
}
