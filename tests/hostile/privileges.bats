#!/usr/bin/env bats
# Programs that would have the collector, or `run`, or a verb, do with its privileges what
# they may not do themselves.

bats_require_minimum_version 1.5.0
load ../lib/helper

needs_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR/../.." 2>/dev/null || true
}

# precious: a file of root's that nobody else reaches.
precious() {
	mkdir -m 700 vault
	echo precious >vault/file
}
untouched() {
	[ "$(cat vault/file)" = precious ] || fail "vault/file was written: $(grep -a ATTACKER vault/file)"
	[ "$(ls -A vault)" = file ] || fail "written into the vault: $(ls -A vault)"
}

# Changes to another user, keeps its ledger, and dies with orders in it.
dropped() {
	compile dropped "-I$ROOT" -D_GNU_SOURCE <<-'END'
		#include <grp.h>
		#include <signal.h>
		#include <stdlib.h>
		#include <unistd.h>
		#include "tests/lib/own_ledger.h"
		int main(int n, char **a)
		{
			struct ledger_header *h = own_ledger();
			for (int i = 0; i < 1000; i++) { void *volatile p = malloc(100); (void)p; }
			if (n < 3 || !h || setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
				return 9;
			own_ledger_redirect(h, a[1]);
			if (*a[2] == 'k')
				kill(getpid(), SIGKILL);
			_exit(0);
		}
	END
}

@test "run as root: a program that dropped its privileges names no file to write" {
	needs_root
	precious
	dropped
	for end in killed exited; do
		run -0 --separate-stderr bash -c '"$0" run -q -o given.%n.tide -- ./dropped "$PWD/vault/file" '$end'; [ $? != 9 ]' "$TIDEMARK"
		untouched
	done
}

@test "run as root: neither the folder nor the pattern of such a program is followed" {
	needs_root
	precious
	dropped
	for name in "$PWD/vault/" "$PWD/vault/%e.tide" "vault/new.tide" "../$(basename "$PWD")/vault/new"; do
		"$TIDEMARK" run -q -o given.tide -f -- ./dropped "$name" killed >/dev/null 2>&1 || true
		untouched
	done
}

# A process with the number of root in a folder of its own, without a single capability.
@test "snap as root: a process in another root folder names no file to write" {
	needs_root
	precious
	mkdir jail
	compile jailed "-I$ROOT" -D_GNU_SOURCE <<-'END'
		#include <linux/capability.h>
		#include <stdlib.h>
		#include <sys/prctl.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		#include "tests/lib/own_ledger.h"
		int main(int n, char **a)
		{
			struct ledger_header *h = own_ledger();
			struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
			struct __user_cap_data_struct none[2] = { { 0 } };
			char orders[600];
			if (n < 2 || !h || chroot("jail") || chdir("/") || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
				|| syscall(SYS_capset, &head, none))
				return 9;
			snprintf(orders, sizeof orders, "/proc/%%n/../..%s", a[1]);
			own_ledger_redirect(h, orders);
			if (write(1, "ready\n", 6) != 6)
				return 9;
			for (;;) { void *volatile p = malloc(100); free(p); usleep(1000); }
		}
	END
	mkdir -m 700 session
	exec 4< <(exec env LD_PRELOAD="$SHIM" TIDEMARK_SESSION="$PWD/session" TIDEMARK_COLLECTOR="$TIDEMARK" \
		TIDEMARK_OUTPUT="$PWD/own.tide" ./jailed "$PWD/vault/file" 3>&-)
	pid=$!
	read -r -t 20 line <&4 || true
	[ "$line" = ready ] || { kill -9 $pid; skip "may not leave its root folder, or capabilities"; }
	run timeout 30 "$TIDEMARK" snap "$pid"
	kill -9 "$pid"
	untouched
	[ "$status" = 2 ] && [[ $output == *"-o FILE"* ]] || fail "$status: $output"
}

# The folder of the command and the program to run are given at the start, and not looked up again.
@test "a program that has changed its root folder starts no collector of that folder" {
	needs_root
	for file in $(ldd /bin/true | grep -o '/[^ ]*') "$SHIM" /bin/sh $(ldd /bin/sh | grep -o '/[^ ]*'); do
		mkdir -p "jail$(dirname "$file")"
		cp -L "$file" "jail$file"
	done
	mkdir -p "jail$(dirname "$TIDEMARK")" jail/tmp
	cat >evil.c <<-'END'
		#include <fcntl.h>
		int main(void) { return open("/planted", O_CREAT | O_WRONLY, 0600) < 0; }
	END
	gcc -static -o "jail$TIDEMARK" evil.c
	compile moves -D_GNU_SOURCE <<-'END'
		#include <stdlib.h>
		#include <unistd.h>
		int main(void)
		{
			for (int i = 0; i < 1000; i++) { void *volatile p = malloc(100); (void)p; }
			return chroot("jail") || chdir("/") ? 77 : 0;
		}
	END
	run env LD_PRELOAD="$SHIM" TIDEMARK_OUTPUT=/tmp/x.tide ./moves
	[ "$status" != 77 ] || skip "may not change its root folder"
	[ "$status" = 0 ] || fail "$status: $output"
	[ ! -e jail/planted ] || fail "the jail's program ran as root"
	# Memory in place of a ledger: there is no lock that could be missing.
	run -0 bash -c 'ulimit -f 0; env LD_PRELOAD="$0" TIDEMARK_SESSION=/nonexistent TIDEMARK_OUTPUT=/tmp/x.tide ./moves' "$SHIM"
	[ ! -e jail/planted ] || fail "the jail's program ran as root, with private memory"
}

@test "a relative LD_PRELOAD: the collector is not looked for in the folder of the moment" {
	mkdir here there
	cp "$SHIM" here/libtidemark.so
	cp "$TIDEMARK" here/tidemark
	printf '#!/bin/sh\n: >%s/planted\n' "$PWD" >there/tidemark
	chmod 755 there/tidemark
	compile moves <<-'END'
		#include <stdlib.h>
		#include <unistd.h>
		int main(void)
		{
			for (int i = 0; i < 1000; i++) { void *volatile p = malloc(100); (void)p; }
			return chdir("../there");
		}
	END
	(cd here && LD_PRELOAD=./libtidemark.so TIDEMARK_OUTPUT="$BATS_TEST_TMPDIR/x.tide" ../moves)
	[ ! -e planted ] || fail "there/tidemark was executed"
}

@test "doctor PROGRAM executes nothing that the program names: its loader, its auditors" {
	cat >evil.c <<-'END'
		#include <fcntl.h>
		#include <unistd.h>
		__attribute__((constructor)) static void plant(void) { close(open("planted", O_CREAT | O_WRONLY, 0600)); }
		unsigned la_version(unsigned v) { plant(); return v; }
		int main(void) { plant(); return 0; }
	END
	gcc -static -o ld-linux-evil.so.2 evil.c
	gcc -shared -fPIC -o "$PWD/auditor.so" evil.c
	echo 'int main(void) { return 0; }' >victim.c
	gcc -o loader victim.c -Wl,--dynamic-linker="$PWD/ld-linux-evil.so.2"
	gcc -o audited victim.c -Wl,--audit="$PWD/auditor.so"
	gcc -o depends victim.c -Wl,--depaudit="$PWD/auditor.so"
	gcc -o needs victim.c -Wl,--no-as-needed "$PWD/auditor.so"
	for program in loader audited depends needs; do
		run timeout 60 "$TIDEMARK" doctor "./$program"
		[ "$status" -le 3 ] || fail "$program: $status: $output"
		[ ! -e planted ] || fail "$program: its code ran"
	done
}

@test "a snapshot that names a FIFO or a device opens neither" {
	mkfifo pipe
	/usr/bin/python3 - "$ROOT" "$PWD/pipe" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1] + "/tests/lib")
		import craft
		for name, path in ("pipe", sys.argv[2]), ("terminal", "/dev/ptmx"), ("kernel", "/proc/kmsg"):
		    s = craft.small()
		    s.elements["modules"][1].update(path=s.string(path))
		    s.save(name + ".tide")
	END
	for file in pipe terminal kernel; do
		for verb in stat leaks info symbolize "export --to folded -o -"; do
			cp $file.tide one.tide
			timeout 60 strace -f -y -qq -e trace=open,openat,openat2 -o trace "$TIDEMARK" $verb one.tide >/dev/null 2>&1 ||
				[ $? -le 3 ] || fail "$verb on $file"
			! grep -E '= [0-9]+<[^>]*(/pipe|/dev/ptmx|/proc/kmsg)>' trace | grep -v O_PATH || fail "$verb opened it"
		done
	done
}

@test "doctor opens no FIFO or device that a program needs or is a script for" {
	mkfifo -m 755 pipe
	echo 'int main(void) { return 0; }' >victim.c
	for needed in "$PWD/pipe" /dev/ptmx; do
		gcc -shared -nostdlib -Wl,-soname,"$needed" -o needed.so -x c /dev/null
		gcc -o victim victim.c -Wl,--no-as-needed ./needed.so
		printf '#!%s\n' "$needed" >script
		chmod 755 script
		for program in ./victim ./script ./pipe; do
			timeout 60 strace -f -y -qq -e trace=open,openat,openat2 -o trace "$TIDEMARK" doctor "$program" >/dev/null 2>&1 || [ $? -le 3 ] ||
				fail "doctor $program with $needed"
			! grep -E '= [0-9]+<[^>]*(/pipe|/dev/ptmx)>' trace | grep -v O_PATH || fail "doctor $program opened $needed"
		done
	done
}

# A report is written under a name that nobody can lay a link at, and is as private as its snapshot.
@test "reports: a link in the place of the temporary file is not followed" {
	/usr/bin/python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import craft; craft.small().save("s.tide")' "$ROOT/tests/lib"
	chmod 600 s.tide
	echo precious >precious
	mkdir out
	compile trap -shared -fPIC -ldl -D_GNU_SOURCE <<-'END'
		/* Lays a link at each name that is about to be made, as another user of the folder would. */
		#include <dlfcn.h>
		#include <fcntl.h>
		#include <stdarg.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		static void lay(const char *name)
		{
			if (strstr(name, "out/") && access(name, F_OK))
				(void)!symlink(getenv("TRAP"), name);
		}
		FILE *fopen(const char *name, const char *mode)
		{
			FILE *(*real)(const char *, const char *) = dlsym(RTLD_NEXT, "fopen");
			if (*mode == 'w')
				lay(name);
			return real(name, mode);
		}
		FILE *fopen64(const char *name, const char *mode) { return fopen(name, mode); }
		int open(const char *name, int flags, ...)
		{
			int (*real)(const char *, int, mode_t) = dlsym(RTLD_NEXT, "open");
			va_list list;
			va_start(list, flags);
			mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
			va_end(list);
			if (flags & O_CREAT)
				lay(name);
			return real(name, flags, mode);
		}
		int open64(const char *name, int flags, ...)
		{
			va_list list;
			va_start(list, flags);
			mode_t mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
			va_end(list);
			return open(name, flags, mode);
		}
	END
	for what in "html -q -o out/a.html" "export -q --to folded -o out/a.folded" "export -q --to sqlite -o out/a.db" "symbolize -o out/a.tide"; do
		rm -f out/*
		TRAP="$PWD/precious" LD_PRELOAD="$PWD/trap" timeout 60 "$TIDEMARK" $what s.tide >/dev/null 2>&1 || true
		[ "$(cat precious)" = precious ] || fail "$what: written through a link"
	done
	printf '[scenario one]\ncommand = ls\nbaseline = out/one.base\n[limits]\nleaked = 0\n' >a.gate
	for what in "--accept --why first" "--html out/a.html" "--junit out/a.xml" "--markdown out/a.md" "--sarif out/a.sarif" "--gitlab out/a.json"; do
		rm -f out/*
		"$TIDEMARK" gate -q --config a.gate --accept --why first
		[ "$what" != "--accept --why first" ] || rm -f out/*
		TRAP="$PWD/precious" LD_PRELOAD="$PWD/trap" timeout 60 "$TIDEMARK" gate -q --config a.gate $what >/dev/null 2>&1 || true
		[ "$(cat precious)" = precious ] || fail "gate $what: written through a link"
	done
	rm -f out/*
	umask 022
	[ ! -s "$B/web/report.js" ] || "$TIDEMARK" html -q -o out/a.html s.tide # unless it was built without the page
	"$TIDEMARK" export -q --to folded -o out/a.folded s.tide
	"$TIDEMARK" export -q --to sqlite -o out/a.db s.tide
	for file in out/*; do
		[ "$(stat -c %a "$file")" = 600 ] || fail "$file: mode $(stat -c %a "$file"), its snapshot has 600"
	done
}

@test "a library that claims gigabytes costs the collector of root nothing" {
	needs_root
	chmod 777 .
	compile claims -D_GNU_SOURCE <<-'END'
		#include <elf.h>
		#include <fcntl.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/mman.h>
		#include <unistd.h>
		int main(void)
		{
			static union { struct { Elf64_Ehdr e; Elf64_Phdr p[2]; } h; char page[4096]; } f;
			static void *volatile kept[100];
			for (int i = 0; i < 100; i++)
				kept[i] = malloc(100);
			int fd = open("libc.so.evil", O_RDWR | O_CREAT | O_TRUNC, 0644);
			memcpy(f.h.e.e_ident, ELFMAG, SELFMAG);
			f.h.e.e_ident[EI_CLASS] = ELFCLASS64, f.h.e.e_ident[EI_DATA] = ELFDATA2LSB;
			f.h.e.e_type = ET_DYN, f.h.e.e_machine = EM_X86_64, f.h.e.e_version = 1;
			f.h.e.e_phoff = sizeof(Elf64_Ehdr), f.h.e.e_phentsize = sizeof(Elf64_Phdr), f.h.e.e_phnum = 1;
			f.h.p[0] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_W, 0, 0, 0, 4096, 6000ull << 20, 4096 };
			if (fd < 0 || write(fd, &f, sizeof f) != sizeof f
				|| mmap((void *)0x100000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) == MAP_FAILED || write(1, "ready\n", 6) != 6)
				return 9;
			for (;;) { void *volatile p = malloc(100); free(p); usleep(1000); }
		}
	END
	mkdir -m 700 session && chown 65534:65534 session
	exec 4< <(exec env LD_PRELOAD="$SHIM" TIDEMARK_SESSION="$PWD/session" TIDEMARK_COLLECTOR="$TIDEMARK" TIDEMARK_OUTPUT="$PWD/own.tide" \
		setpriv --reuid 65534 --regid 65534 --clear-groups ./claims 3>&-)
	pid=$!
	read -r -t 20 line <&4 || true
	run bounded 20 256 "$TIDEMARK" snap -o taken.tide "$pid"
	kill -9 $pid
	[ "$line" = ready ] && [[ $output == fine* ]] || fail "$output"
	[ -s taken.tide ] || fail "no snapshot: $output"
}

# A copy of a process that must not be read is as private as the process.
@test "the image of a process that dropped its privileges cannot be read by its new user" {
	needs_root
	compile keeps -D_GNU_SOURCE <<-'END'
		#include <grp.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		static void *list;
		int main(void)
		{
			/* A heap that takes the collector a moment. */
			for (int i = 0; i < 300000; i++) { void **p = malloc(200); memset(p, 0, 200); *p = list; list = p; }
			if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534) || write(1, "ready\n", 6) != 6)
				return 9;
			for (;;) { void *volatile p = malloc(100); free(p); usleep(1000); }
		}
	END
	mkdir -m 700 session
	exec 4< <(exec env LD_PRELOAD="$SHIM" TIDEMARK_SESSION="$PWD/session" TIDEMARK_COLLECTOR="$TIDEMARK" TIDEMARK_OUTPUT="$PWD/own.tide" ./keeps 3>&-)
	pid=$!
	read -r -t 60 line <&4 || true
	[ "$line" = ready ] || { kill -9 $pid; fail "$line"; }
	setpriv --reuid 65534 --regid 65534 --clear-groups cat /proc/$pid/mem >/dev/null 2>err && status=0 || status=$?
	grep -q "Permission denied" err || { kill -9 $pid; skip "here a user may read a process that dropped to it"; }
	# The collector is held for a moment while the image exists.
	run /usr/bin/python3 - "$TIDEMARK" "$pid" <<-'END'
		import os, signal, subprocess, sys, time
		tool, target = sys.argv[1], sys.argv[2]
		snap = subprocess.Popen([tool, "snap", "-o", "taken.tide", target], stderr=subprocess.DEVNULL)
		image = None
		while snap.poll() is None and not image:
		    for p in os.listdir("/proc"):
		        try:
		            if p.isdigit() and p != target and open(f"/proc/{p}/stat").read().rpartition(")")[2].split()[1] == target \
		                    and open(f"/proc/{p}/comm").read() == "tidemark-image\n":
		                image = p
		        except OSError:
		            pass
		if not image:
		    print("no image was seen")
		    sys.exit(3)
		os.kill(snap.pid, signal.SIGSTOP)
		read = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "cat", f"/proc/{image}/mem"],
		                      capture_output=True, text=True)
		alive = os.path.exists(f"/proc/{image}")
		os.kill(snap.pid, signal.SIGCONT)
		snap.wait()
		print(read.stderr)
		sys.exit(0 if "Permission denied" in read.stderr or not alive else 1)
	END
	kill -9 $pid
	[ "$status" != 3 ] || skip "$output"
	[ "$status" = 0 ] || fail "the image: $output"
}

# PR_SET_DUMPABLE 0: what agents and stores of passwords do against others of their user.
@test "a process that forbids reading gives no readable copy to one who asks in its ledger" {
	compile agent -D_GNU_SOURCE <<-'END'
		#include <stdlib.h>
		#include <sys/prctl.h>
		#include <unistd.h>
		int main(void)
		{
			if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || write(1, "ready\n", 6) != 6)
				return 9;
			for (;;) { void *volatile p = malloc(100); free(p); usleep(1000); }
		}
	END
	# Says what it could read of the copy: "image PID readable" or nothing.
	compile asker "-I$ROOT" -D_GNU_SOURCE <<-'END'
		#include <errno.h>
		#include <fcntl.h>
		#include <linux/futex.h>
		#include <stdio.h>
		#include <string.h>
		#include <sys/mman.h>
		#include <sys/stat.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		#include "shim/ledger.h"
		static void set(uint32_t *w, uint32_t v)
		{
			__atomic_store_n(w, v, __ATOMIC_SEQ_CST);
			syscall(SYS_futex, w, FUTEX_WAKE, 1000, 0, 0, 0);
		}
		static int reads(int pid, const char *who)
		{
			char path[64], byte;
			unsigned long at = 0;
			FILE *maps;
			snprintf(path, sizeof path, "/proc/%d/maps", pid);
			maps = fopen(path, "r");
			if (!maps || fscanf(maps, "%lx", &at) != 1)
				at = 0;
			if (maps)
				fclose(maps);
			snprintf(path, sizeof path, "/proc/%d/mem", pid);
			int fd = open(path, O_RDONLY);
			int result = fd >= 0 && at && pread(fd, &byte, 1, (off_t)at) == 1;
			printf("%s %d %s\n", who, pid, result ? "readable" : strerror(errno));
			if (fd >= 0)
				close(fd);
			return result;
		}
		int main(int n, char **a)
		{
			struct stat st;
			int fd = open(a[1], O_RDWR), bad = 0;
			if (n < 2 || fd < 0 || fstat(fd, &st))
				return 9;
			struct ledger_header *h = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			if (reads(h->pid, "program"))
				return 77;
			for (int round = 0; round < 4; round++) {
				h->collector_pid = getpid();
				h->request_reason = 9, h->request_flags = round & 1 ? 2 : 0;
				set(&h->request, REQUEST_SNAPSHOT);
				for (int i = 0; i < 3000; i++, usleep(1000)) {
					if (h->freeze == FREEZE_ASKED)
						set(&h->freeze, FREEZE_STOPPED);
					if (h->freeze == FREEZE_PARKED)
						set(&h->freeze, FREEZE_STOPPED);
					if (h->freeze == FREEZE_IMAGE) {
						/* It takes a moment to make itself readable. */
						for (int k = 0; k < 200 && !bad && h->image_pid > 0; k++, usleep(1000))
							bad = reads(h->image_pid, "image");
						bad |= reads(h->pid, "program");
						set(&h->freeze, FREEZE_DONE);
						break;
					}
				}
			}
			return bad;
		}
	END
	who=
	[ "$(id -u)" != 0 ] || { needs_root; who="setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all"; chmod 777 .; }
	mkdir -m 700 session
	[ -z "$who" ] || chown 65534:65534 session
	exec 4< <(exec env LD_PRELOAD="$SHIM" TIDEMARK_SESSION="$PWD/session" TIDEMARK_COLLECTOR="$TIDEMARK" TIDEMARK_OUTPUT="$PWD/own.tide" $who ./agent 3>&-)
	pid=$!
	read -r -t 20 line <&4 || true
	[ "$line" = ready ] || { kill -9 $pid; fail "$line"; }
	run timeout 60 $who ./asker session/*.ledger
	kill -9 $pid
	[ "$status" != 77 ] || skip "here a user may read such a process"
	[ "$status" = 0 ] || fail "$status: $output"
}

@test "a list of blocks in a circle, beside shared memory mapped many times, costs the collector nothing" {
	compile circles "-I$ROOT" -D_GNU_SOURCE <<-'END'
		#include <stdlib.h>
		#include <sys/mman.h>
		#include <unistd.h>
		#include "tests/lib/own_ledger.h"
		int main(void)
		{
			struct ledger_header *h = own_ledger();
			int fd = memfd_create("shared", 0);
			uint64_t *m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			void **first = malloc(100);
			for (int i = 0; i < 1 << 17; i++)
				m[i] = (uint64_t)m;
			if (!h || ftruncate(fd, 8 << 20))
				return 9;
			/* A gigabyte of resident memory that is 8 MiB. */
			for (int i = 0; i < 128; i++)
				if (mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0) == MAP_FAILED)
					return 9;
			*first = first;
			h->block_root = (uint64_t)m;
			if (write(1, "ready\n", 6) != 6)
				return 9;
			sleep(60);
		}
	END
	mkdir -m 700 session
	exec 4< <(exec env LD_PRELOAD="$SHIM" TIDEMARK_SESSION="$PWD/session" TIDEMARK_COLLECTOR="$TIDEMARK" TIDEMARK_OUTPUT="$PWD/own.tide" ./circles 3>&-)
	pid=$!
	read -r -t 20 line <&4 || true
	run bounded 60 512 "$TIDEMARK" snap -o taken.tide "$pid"
	kill -9 $pid
	[ "$line" = ready ] && [[ $output == fine* ]] || fail "$output"
}

# As /etc/ld.so.preload would: the loader takes a library that the program itself needs in secure mode, too.
@test "a setuid program that has the library in it obeys nothing of its caller's" {
	needs_root
	compile linked "-L$(dirname "$SHIM")" -l:libtidemark.so "-Wl,-rpath,$PWD/lib" -Wl,--no-as-needed <<-'END'
		#include <stdio.h>
		#include <stdlib.h>
		int main(void)
		{
			void *volatile p = malloc(1337);
			puts(p ? "ran" : "no memory");
			return 5;
		}
	END
	mkdir lib && cp "$SHIM" "$TIDEMARK" lib
	cat >collector <<-'END'
		#!/bin/sh
		id -u >>"${0%/*}/executed"
	END
	chmod 755 lib lib/* linked collector
	caller() {
		TIDEMARK_OUTPUT=$PWD/$1 TIDEMARK_COLLECTOR=$2 TIDEMARK_OVERWRITE=1 TIDEMARK_SESSION=$PWD/open \
			setpriv --reuid 65534 --regid 65534 --clear-groups ./linked
	}
	mkdir open && chmod 777 open . && ldd ./linked | grep -q "lib/libtidemark.so" || fail "$(ldd ./linked)"
	# Without privileges of its own it makes a snapshot, with them nothing.
	run -5 caller open/plain.tide ''
	[ -s open/plain.tide ] || fail "the library does nothing at all: $output"
	rm -r open/*
	chown root linked && chmod 4755 linked
	precious
	for collector in '' "$PWD/collector"; do
		for to in vault/file open/x.tide; do
			run -5 caller "$to" "$collector"
			[ "$output" = ran ] || fail "$output"
		done
	done
	untouched
	[ ! -e executed ] || fail "the caller's collector ran as $(cat executed)"
	[ -z "$(ls -A open)" ] || fail "left behind: $(ls -A open)"
}
