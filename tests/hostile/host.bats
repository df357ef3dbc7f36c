# What a program can observe of the library beyond time and memory: each case once broke a program, or let it
# see what it does not see alone.
load ../lib/helper

preload() { env LD_PRELOAD="$SHIM" TIDEMARK_COLLECTOR="$TIDEMARK" TIDEMARK_OUTPUT="$PWD/x.%p.tide" "$@"; }

@test "memory is allocated in an IFUNC resolver, before thread-local storage is there" {
	compile early <<-'EOF'
		#include <stdio.h>
		#include <stdlib.h>
		static void *kept;
		static int one(void) { return 1; }
		static void *resolve(void) { void *p = calloc(3, 5); kept = malloc(100); free(realloc(p, 1000)); return one; }
		int chosen(void) __attribute__((ifunc("resolve")));
		int main(void) { printf("%d\n", chosen()); free(kept); return 0; }
	EOF
	# With glibc 2.43 the program ends there by itself.
	./early >/dev/null || skip "this libc allocates nothing before its thread-local storage is there"
	[ "$(preload ./early)" = 1 ]
	gcc -o early early.c -Wl,-z,now -no-pie
	[ "$(preload ./early)" = 1 ]
}

@test "the time stamp counter may be switched off, and on again" {
	compile ticks <<-'EOF'
		#include <stdlib.h>
		#include <sys/prctl.h>
		static void work(void) { for (int i = 0; i < 100000; i++) { void *volatile p = malloc(i % 100); free(p); } }
		int main(void)
		{
			work();
			if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV)) return 2;
			work();
			if (prctl(PR_SET_TSC, PR_TSC_ENABLE)) return 2;
			work();
			return 0;
		}
	EOF
	preload ./ticks
	"$TIDEMARK" leaks x.*.tide >/dev/null
}

@test "a limit that is reckoned from the program's own size binds as without the library" {
	compile limited <<-'EOF'
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/resource.h>
		int main(void)
		{
			long pages;
			FILE *f = fopen("/proc/self/statm", "r");
			if (fscanf(f, "%ld", &pages) != 1) return 2;
			fclose(f);
			struct rlimit l = { (rlim_t)pages * 4096 + (64 << 20), RLIM_INFINITY };
			setrlimit(RLIMIT_AS, &l);
			void *volatile large = malloc(100 << 20), *volatile small = malloc(30 << 20);
			printf("%d %d\n", large != 0, small != 0);
			return 0;
		}
	EOF
	[ "$(./limited)" = "0 1" ]
	[ "$(preload ./limited)" = "0 1" ]
}

@test "a core dump is not swollen by reserved tables" {
	case $(cat /proc/sys/kernel/core_pattern) in
	core*) ;;
	*) skip "core files go elsewhere" ;;
	esac
	compile aborts <<-'EOF'
		#include <stdlib.h>
		int main(void) { void *volatile p = malloc(100000); (void)p; abort(); }
	EOF
	ulimit -c unlimited || skip "no core files here"
	preload ./aborts 2>/dev/null || :
	core=$(ls core* 2>/dev/null | head -1)
	[ -n "$core" ] || skip "the kernel writes no core file"
	[ "$(stat -c %s "$core")" -lt $((8 << 20)) ]
}

@test "a child may be valgrind" {
	command -v valgrind >/dev/null || skip "no valgrind"
	compile child <<-'EOF'
		#include <stdlib.h>
		int main(void) { void *volatile p = malloc(10); free(p); return 3; }
	EOF
	run "$TIDEMARK" run -q -o y.tide -- sh -c 'valgrind -q ./child; echo $?'
	[ "$output" = 3 ]
}

@test "the program's tracer is the one it named after a snapshot, too" {
	command -v strace >/dev/null || skip "no strace"
	compile names <<-'EOF'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <stdlib.h>
		#include <sys/prctl.h>
		#include <unistd.h>
		int main(void)
		{
			int (*snapshot)(const char *) = dlsym(RTLD_DEFAULT, "tide_snapshot");
			prctl(PR_SET_PTRACER, getppid(), 0, 0, 0);
			return !snapshot || snapshot("named.tide");
		}
	EOF
	strace -o trace -e trace=prctl env LD_PRELOAD="$SHIM" TIDEMARK_COLLECTOR="$TIDEMARK" ./names || :
	first=$(grep -m 1 -o 'PR_SET_PTRACER, [^)]*' trace)
	[ -n "$first" ]
	[ "$(grep -o 'PR_SET_PTRACER, [^)]*' trace | tail -1)" = "$first" ]
	! grep -q 'PR_SET_PTRACER_ANY\|PR_SET_PTRACER, 0)' trace
}

@test "another file under the collector's name is not executed" {
	mkdir -p jail there
	cp "$SHIM" there/libtidemark.so
	cp "$TIDEMARK" there/tidemark
	printf '#!/bin/sh\ntouch "%s/executed"\n' "$PWD" >jail/tidemark
	chmod 755 jail/tidemark
	compile moves <<-'EOF'
		#include <stdlib.h>
		#include <unistd.h>
		int main(int n, char **a) { void *volatile p = malloc(10); free(p); return chdir(a[1]); }
	EOF
	(cd there && LD_PRELOAD=./libtidemark.so TIDEMARK_OUTPUT=../z.tide ../moves ../jail)
	[ ! -e executed ]
	[ -s z.tide ]
}

@test "ledgers of other versions and namespaces go when no process has them open" {
	[ -w /dev/shm ] || skip "/dev/shm cannot be written"
	folder=/dev/shm/tidemark-$(id -u)
	preload /bin/true # makes the folder
	/usr/bin/python3 - "$folder" "$SHIM" <<-'EOF'
		import mmap, os, signal, struct, subprocess, sys
		folder, shim = sys.argv[1:]
		dead = subprocess.Popen(["/bin/true"])
		dead.wait()
		names = {k: f"{folder}/{dead.pid}.{n}.ledger" for k, n in
		         (("old", 7001), ("open", 7002), ("mapped", 7003), ("strange", 7004))}
		for kind, name in names.items():
		    with open(name, "xb") as f:
		        f.write((b"SOMETHIN" if kind == "strange" else b"TIDELEDG") + struct.pack("<II", 5, 1000) + bytes(8176))
		held = open(names["open"], "r+b")
		f = open(names["mapped"], "r+b")
		m = mmap.mmap(f.fileno(), 4096)
		f.close()
		def start():
		    r = subprocess.run(["/bin/true"], env=dict(os.environ, LD_PRELOAD=shim, TIDEMARK_OUTPUT="x.tide", TIDEMARK_OVERWRITE="1"))
		    assert r.returncode == 0, r
		    return {k for k, n in names.items() if os.path.exists(n)}
		try:
		    left = start()
		    assert left == {"open", "mapped", "strange"}, left
		    held.close()
		    m.close()
		    left = start()
		    assert left == {"strange"}, left
		finally:
		    for n in names.values():
		        if os.path.exists(n):
		            os.unlink(n)
	EOF
}

@test "a program that execs leaves no ledger, and of killed ones the newest stay" {
	folder=/dev/shm/tidemark-$(id -u)
	compile execs <<-'EOF'
		#include <stdio.h>
		#include <stdlib.h>
		#include <sys/wait.h>
		#include <unistd.h>
		int main(int n, char **a)
		{
			void *volatile p = malloc(100);
			(void)a, (void)p;
			if (n > 1) return pause();
			for (int i = 0; i < 20; i++) {
				int pid = fork();
				if (!pid) { p = malloc(100); execl("/bin/true", "true", (char *)0); _exit(1); }
				wait(0);
				printf("%d\n", pid);
			}
			return 0;
		}
	EOF
	preload ./execs >pids
	for pid in $(cat pids); do
		[ -z "$(compgen -G "$folder/$pid.*")" ] || fail "$(ls "$folder"/$pid.*)"
	done
	killed=
	for _ in $(seq 12); do
		env LD_PRELOAD="$SHIM" TIDEMARK_COLLECTOR="$TIDEMARK" ./execs pause 3>&- &
		pid=$!
		for _ in $(seq 200); do
			[ -z "$(compgen -G "$folder/$pid.*")" ] || break
			sleep 0.02
		done
		kill -9 $pid
		wait $pid 2>/dev/null || :
		killed="$killed $pid"
	done
	[ -n "$(compgen -G "$folder/$pid.*")" ]
	"$TIDEMARK" stat "$folder/$pid.1.ledger" >/dev/null
	preload /bin/true
	left=0
	for pid in $killed; do
		[ -z "$(compgen -G "$folder/$pid.*")" ] || left=$((left + 1))
	done
	# Other suites may have killed programs, too.
	[ $left -le 8 ] || fail "$left are left"
	for pid in $killed; do
		rm -f "$folder/$pid".*
	done
}

# What nothing would say otherwise: a library in front of ours, children that are left out, a snapshot that goes nowhere.
loses_two() {
	compile loses -O0 <<<'#include <stdlib.h>
	void *volatile p; int main(void) { p = malloc(700); p = malloc(70); p = NULL; return 0; }'
}

@test "an allocator that was preloaded before the library is named, and nothing is passed" {
	loses_two
	for name in libjemalloc.so.2 libmimalloc.so.2 libtcmalloc_minimal.so.4; do
		other=/usr/lib/x86_64-linux-gnu/$name
		[ -e $other ] || continue
		LD_PRELOAD="$other $SHIM" TIDEMARK_OUTPUT=before.tide ./loses
		"$TIDEMARK" leaks before.tide >screen.txt 2>&1 || true
		tr -s ' \n' ' ' <screen.txt | grep -q "allocates with $name, which was loaded before libtidemark.so" ||
			fail "$name: $(cat screen.txt)"
		LD_PRELOAD="$SHIM $other" TIDEMARK_OUTPUT=after.tide ./loses
		! "$TIDEMARK" leaks --fail after.tide >screen.txt 2>&1 || fail "$name: $(cat screen.txt)"
		! grep -q 'loaded before' screen.txt || fail "$(cat screen.txt)"
		rm -f before.tide after.tide
	done
}

@test "TIDEMARK_CHILDREN without run leaves out children, but never the first process" {
	loses_two
	for children in none other,names; do
		rm -f ./*.tide
		LD_PRELOAD=$SHIM TIDEMARK_CHILDREN=$children TIDEMARK_OUTPUT=one.tide ./loses
		[ -e one.tide ] || fail "$children: the first process has no snapshot"
		LD_PRELOAD=$SHIM TIDEMARK_CHILDREN=$children TIDEMARK_OUTPUT='%e.%p.tide' /bin/sh -c './loses; ./loses; true'
		! ls loses.*.tide 2>/dev/null || fail "$children: children have snapshots: $(ls)"
		ls ./*sh.*.tide >/dev/null || fail "$children: the shell has none: $(ls)"
	done
}

@test "doctor knows a snapshot that could not be written, and run makes the folder" {
	loses_two
	"$TIDEMARK" run -q -o new/folder/x.tide -- ./loses
	[ -e new/folder/x.tide ] || fail "$(ls -R)"
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT=$PWD/missing/x.tide ./loses & pid=$!
	wait $pid
	"$TIDEMARK" doctor >doctor.txt || true
	left=$(ls "/dev/shm/tidemark-$(id -u)/$pid".*.ledger 2>/dev/null) || skip "/dev/shm cannot be written"
	rm -f "$left"
	tr -s ' \n' ' ' <doctor.txt | grep -q 'its snapshot could not be written' || fail "$(cat doctor.txt)"
}

# A private view of /etc, whose ld.so.preload names the library.
@test "a library in /etc/ld.so.preload: a program leaves one snapshot, and its collector none" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	cp -a /etc etc
	printf '%s\n' "$SHIM" >etc/ld.so.preload
	cat >inner <<-'END'
		mount --bind etc /etc || exit 77
		mkdir out && cd out || exit 1
		timeout -s KILL 60 "$1"
		umount -l /etc
	END
	compile program <<-'END'
		#include <stdlib.h>
		int main(void) { void *volatile p = malloc(100); return !p; }
	END
	cp program within
	run timeout -s KILL 120 env TIDEMARK_COLLECTOR="$TIDEMARK" unshare -m bash inner "$PWD/within"
	[ "$status" != 77 ] && [ "$status" != 1 ] || skip "no mount namespace here"
	ls out
	[ "$(ls out | grep -c within)" = 1 ] || fail "$(ls out) $output"
	! ls out | grep -q 'tidemark\.tidemark\.' || fail "collectors were profiled: $(ls out)"
}
