#!/usr/bin/env bats
# Real programs give the same output, exit status and files with tidemark as
# without it.

load ../lib/helper

# same COMMAND...: runs it in two fresh copies of ./files, bare and profiled, and
# compares everything that can be seen. OPTIONS go to `tidemark run`.
same() {
	mkdir -p files
	cp -a files bare
	cp -a files profiled
	(cd bare && "$@" >../bare.out 2>../bare.err </dev/null) && bare=0 || bare=$?
	(cd profiled && "$TIDEMARK" run -q ${OPTIONS:-} -o "$BATS_TEST_TMPDIR/snapshots.%e.%p.%n.tide" -- "$@" \
		>../profiled.out 2>../profiled.err </dev/null) && profiled=0 || profiled=$?
	[ "$bare" = "$profiled" ] || fail "status $profiled, bare $bare: $(tail -n 5 profiled.err)"
	[ "$bare" = "${STATUS:-0}" ] || fail "the bare program ends with $bare: $(tail -n 5 bare.err)"
	cmp bare.out profiled.out || fail "$(diff bare.out profiled.out | head -n 10)"
	grep -v '^tidemark: ' profiled.err | diff bare.err - || fail "stderr differs"
	(cd bare && find . -type f ! -name '*.pyc' -print0 | sort -z | xargs -0r sha256sum) >bare.files
	(cd profiled && find . -type f ! -name '*.pyc' -print0 | sort -z | xargs -0r sha256sum) >profiled.files
	diff bare.files profiled.files || fail "files differ"
	ls snapshots.*.tide >/dev/null || fail "no snapshot: $(tail -n 5 profiled.err)"
	"$TIDEMARK" stat -n 3 "$(ls -S snapshots.*.tide | head -n 1)" >/dev/null || fail "no statistics"
}

need() {
	command -v "$1" >/dev/null || skip "no $1"
}

@test "python3" {
	cat >script.py <<-'END'
		import collections, hashlib, json, re, subprocess, sys, threading
		words = collections.Counter(re.findall(r"\w+", "to be or not to be " * 5000))
		d = {str(i): [i] * (i % 7) for i in range(20000)}
		print(hashlib.sha256(json.dumps(d, sort_keys=True).encode()).hexdigest(), words.most_common(2))
		t = [threading.Thread(target=lambda: [bytes(n) for n in range(3000)]) for _ in range(4)]
		[x.start() for x in t]; [x.join() for x in t]
		print(subprocess.run(["echo", "child"], capture_output=True).stdout)
		open("out.json", "w").write(json.dumps(d))
		print("to stderr", file=sys.stderr)
		sys.exit(7)
	END
	mkdir -p files && cp script.py files/
	STATUS=7 same /usr/bin/python3 script.py
}

@test "python3 with malloc underneath everything, sampled" {
	OPTIONS="--sample 64K" PYTHONMALLOC=malloc PYTHONHASHSEED=1 same /usr/bin/python3 -c '
import ast, tokenize, io
src = open(ast.__file__).read()
print(len(ast.dump(ast.parse(src))), sum(1 for _ in tokenize.generate_tokens(io.StringIO(src).readline)))'
}

@test "sqlite3" {
	need sqlite3
	mkdir -p files
	cat >files/script.sql <<-'END'
		create table t(id integer primary key, name text, value real);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 30000)
			insert into t select i, 'name ' || (i * 7919 % 1000), i * 0.5 from n;
		create index by_name on t(name);
		select name, count(*), sum(value) from t group by name order by 2 desc, 1 limit 20;
		select count(*) from t a join t b on a.name = b.name where a.id < 300;
		vacuum;
	END
	same sh -c 'sqlite3 data.db < script.sql'
}

@test "git" {
	need git
	export GIT_AUTHOR_DATE="2020-01-01T00:00:00Z" GIT_COMMITTER_DATE="2020-01-01T00:00:00Z" GIT_CONFIG_GLOBAL=/dev/null
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
	mkdir -p files
	for i in 1 2 3 4 5 6 7 8 9; do seq $i 500 >files/file$i; done
	same sh -c 'git init -q -b main . && git add . && git commit -q -m one && seq 9 900 >file3 && git commit -q -a -m two &&
		git log --stat --format="%H %s" && git diff HEAD~1 | head -n 20 && git grep -c 77 && git repack -q -a -d && git fsck &&
		rm -rf .git/index .git/objects/info .git/logs'
}

@test "gcc" {
	mkdir -p files
	"$BENCH/source" 1500 >files/source.c
	same sh -c 'gcc -O1 -g -frandom-seed=1 -fdebug-prefix-map=$PWD=. -c source.c -o source.o'
}

@test "gcc that finds an error" {
	mkdir -p files
	printf 'int main(void) { return x; }\n' >files/wrong.c
	STATUS=1 same gcc -c wrong.c
}

@test "make -j2" {
	mkdir -p files
	for i in 1 2 3 4 5 6; do printf 'int f%d(int x) { return x * %d; }\n' $i $i >files/f$i.c; done
	printf 'all: f.a\nf.a: $(patsubst %%.c,%%.o,$(wildcard f*.c))\n\t@ar rcsD $@ $(sort $^)\n%%.o: %%.c\n\t@gcc -O1 -c -o $@ $<\n' >files/Makefile
	same make -s -j2
}

@test "perl" {
	export PERL_HASH_SEED=0
	STATUS=3 same perl -e 'my %h; $h{$_ % 997} .= "x$_," for 1..60000; my $n = 0; $n += length for values %h; print "$n\n";
		print join(" ", (sort { $h{$b} cmp $h{$a} } keys %h)[0..5]), "\n"; open(F, ">", "out"); print F "done";
		warn "a warning\n"; exit 3'
}

@test "bash with pipes, jobs and traps" {
	mkdir -p files
	cat >files/script.sh <<-'END'
		trap 'echo leaving' EXIT
		declare -A a
		for i in {1..3000}; do a[$((i % 100))]+="$i "; done
		for k in 5 50; do echo "${a[$k]}" | tr ' ' '\n' | sort -rn | head -n 2; done
		(sleep 0.05; echo background) & wait
		(kill -TERM $BASHPID); echo "status $?"
		cat <(echo one) <(echo two)
		exec 7>out; echo seven >&7
		exit 5
	END
	STATUS=5 same bash script.sh
}

@test "node" {
	need node
	same node -e 'const m = new Map(); for (let i = 0; i < 50000; i++) m.set("k" + i % 999, { i, s: "x".repeat(i % 50) });
		console.log(m.size, JSON.stringify([...m.entries()].slice(0, 3)));
		require("fs").writeFileSync("out.json", JSON.stringify([...m]));
		console.error("to stderr"); setTimeout(() => process.exit(0), 20)'
}

@test "java" {
	need java
	need javac
	mkdir -p files
	cat >Main.java <<-'END'
		import java.util.*;
		public class Main {
			public static void main(String[] a) throws Exception {
				Map<String, List<Integer>> m = new TreeMap<>();
				for (int i = 0; i < 50000; i++) m.computeIfAbsent("k" + i % 99, k -> new ArrayList<>()).add(i);
				System.out.println(m.size() + " " + m.get("k7").size());
				Thread[] t = new Thread[4];
				for (int i = 0; i < 4; i++) { t[i] = new Thread(() -> { for (int k = 0; k < 1000; k++) new byte[k].clone(); }); t[i].start(); }
				for (Thread x : t) x.join();
				System.exit(3);
			}
		}
	END
	javac -d files Main.java || skip "javac does not work here"
	STATUS=3 same java -Xmx128m -cp . Main
}

@test "tar, gzip, find, sort, awk" {
	mkdir -p files/tree
	for i in $(seq 60); do seq $i 40 2000 >files/tree/$i; done
	same sh -c 'tar --sort=name --mtime=@0 --owner=0 --group=0 -cf - tree | gzip -n -9 | sha256sum;
		find tree -type f | sort | xargs cat | awk "{s += \$1} END {print s, NR}"; sort -n -u tree/* | md5sum'
}

@test "redis-server under load" {
	need redis-server
	port=$((20000 + $$ % 10000))
	answers() {
		redis-cli -p $port --no-raw <<-'END'
			set a 1
			incr a
			lpush list one two three
			lrange list 0 -1
			hset hash f1 v1 f2 v2
			hgetall hash
			eval "local s = 0; for i = 1, 1000 do s = s + i end; return s" 0
			debug populate 20000 key 100
			dbsize
			wrong command
		END
		seq 5000 | sed 's/.*/set k& v&/' | redis-cli -p $port | sort | uniq -c
		redis-cli -p $port get k4711
		redis-cli -p $port shutdown nosave 2>/dev/null || true
	}
	serve() {
		"$@" redis-server --port $port --bind 127.0.0.1 --save '' --daemonize no --logfile '' --enable-debug-command yes >log 2>&1 &
		server=$!
		for i in $(seq 100); do redis-cli -p $port ping 2>/dev/null | grep -q PONG && break; sleep 0.1; done
	}
	serve env
	answers >bare.out
	wait $server && bare=0 || bare=$?
	serve "$TIDEMARK" run -q --every 1s -o redis.%n.tide --
	answers >profiled.out
	wait $server && profiled=0 || profiled=$?
	cmp bare.out profiled.out || fail "$(diff bare.out profiled.out | head)"
	[ "$bare" = "$profiled" ] || fail "status $profiled, bare $bare: $(tail -n 3 log)"
	ls redis.*.tide >/dev/null
}

@test "gdb and strace on the outside" {
	need strace
	mkdir -p files
	same strace -f -o /dev/null -e trace=none sh -c 'echo inside; perl -e "print 7 x 7"' || fail "under strace"
}
