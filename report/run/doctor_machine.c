/* doctor_machine.c - what this machine, container and user allow. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "doctor.h"
#include "symbol/elf_probe.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/path.h"
#include "run.h"
#include "base/units.h"

#define MIB (UINT64_C(1) << 20)

/* First line of a file of /proc or /sys; "" when it cannot be read. */
static void read_line(const char *path, char *line, size_t bytes)
{
	FILE *f = fopen(path, "re");

	line[0] = 0;
	if (!f)
		return;
	if (!fgets(line, (int)bytes, f))
		line[0] = 0;
	line[strcspn(line, "\n")] = 0;
	fclose(f);
}

/* What the loader of this command says against the library: both are installed files and trusted. NULL: it
 * takes it. To free. */
static char *ask_loader(const char *loader, const char *library, const char *command)
{
	char *complaint = NULL, *line = NULL;
	size_t capacity = 0;
	int out[2];
	pid_t child;
	FILE *f;

	if (pipe2(out, O_CLOEXEC))
		return NULL;
	child = fork();
	if (child == 0) {
		unsetenv("LD_PRELOAD");
		unsetenv("LD_AUDIT");
		unsetenv("LD_DEBUG");
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execl(loader, loader, "--preload", library, "--list", command, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	f = fdopen(out[0], "r");
	while (f && getline(&line, &capacity, f) > 0) {
		line[strcspn(line, "\n")] = 0;
		/* "\tlibc.so.6 => /lib/libc.so.6 (0x...)", or "ERROR: ..." */
		if (!complaint
			&& (strstr(line, "ERROR") || strstr(line, "error") || strstr(line, "not found")))
			complaint = alloc_string(line + strspn(line, " \t"));
	}
	free(line);
	if (f)
		fclose(f);
	else
		close(out[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	return complaint;
}

static void check_library(struct doctor *d)
{
	struct elf_probe self;
	struct tide_error e;
	char *complaint;

	d->library = run_library();
	if (!d->library) {
		doctor_say(d, "library", DOCTOR_PROBLEM,
			"libtidemark.so was not found beside the command|build it (make), "
			"or install it (make install): command and library belong together");
		return;
	}
	if (strpbrk(d->library, ": ")) {
		doctor_say(d, "library", DOCTOR_PROBLEM,
			"the library is %s: the loader cannot preload a path with a blank or a "
			"colon|move the folder, or install it elsewhere",
			d->library);
		return;
	}
	if (elf_probe("/proc/self/exe", &self, &e) || !self.loader) {
		doctor_say(d, "library", DOCTOR_OK, "the library is %s", d->library);
		elf_probe_free(&self);
		return;
	}
	complaint = ask_loader(self.loader, d->library, self.path);
	if (complaint)
		doctor_say(d, "library", DOCTOR_PROBLEM,
			"the loader does not take %s: %s|rebuild it on this machine: its C "
			"library may be older than the one it was built with",
			d->library, complaint);
	else
		doctor_say(d, "library", DOCTOR_OK, "the library is %s", d->library);
	free(complaint);
	elf_probe_free(&self);
}

/* An allocator in LD_PRELOAD before the library takes all calls; behind it, it is used by it. */
static void check_preload(struct doctor *d, const char *preload)
{
	char *copy = alloc_string(preload), *rest = NULL, *first = NULL;
	bool ours = false;

	for (char *one = strtok_r(copy, ": ", &rest); one && !ours; one = strtok_r(NULL, ": ", &rest)) {
		struct elf_probe p;

		ours = !strcmp(path_base(one), "libtidemark.so");
		elf_probe_file(one, &p);
		if (!ours && !first && p.elf && p.own_malloc)
			first = one;
		elf_probe_free(&p);
	}
	if (ours && first)
		doctor_say(d, "environment", DOCTOR_PROBLEM,
			"%s comes before libtidemark.so in LD_PRELOAD and takes all calls: nothing will be seen|"
			"name libtidemark.so first, or use `tidemark run`",
			first);
	else
		doctor_say(d, "environment", DOCTOR_WARNING,
			"LD_PRELOAD is set: %s|libraries that replace malloc too hide "
			"allocations from each other; unset it for the run when numbers look wrong",
			preload);
	free(copy);
}

/* The folder that TIDEMARK_OUTPUT names, as far as it is the same for all snapshots. */
static void check_output(struct doctor *d, const char *pattern)
{
	char *folder = alloc_string(pattern), *end = folder + strcspn(folder, "%"), *slash;

	*end = '\0';
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	if (access(slash ? folder : ".", W_OK))
		doctor_say(d, "environment", DOCTOR_WARNING,
			"TIDEMARK_OUTPUT is %s, and snapshots cannot be written there: %s|make the folder, or "
			"name another one",
			pattern, strerror(errno));
	free(folder);
}

static void check_environment(struct doctor *d)
{
	const char *preload = getenv("LD_PRELOAD"), *output = getenv("TIDEMARK_OUTPUT");
	const char *children = getenv("TIDEMARK_CHILDREN");

	if (preload && *preload)
		check_preload(d, preload);
	if (output && *output)
		check_output(d, output);
	if (children && !strcmp(children, "none"))
		doctor_say(d, "environment", DOCTOR_WARNING,
			"TIDEMARK_CHILDREN=none is set|no program but the one that `tidemark run` starts leaves a "
			"snapshot; unset it when the library is preloaded without `tidemark run`");
	if (getenv("LD_AUDIT"))
		doctor_say(d, "environment", DOCTOR_WARNING,
			"LD_AUDIT is set|what the auditing library allocates is in a "
			"namespace of its own and is not seen");
}

static void check_shared_memory(struct doctor *d)
{
	struct statvfs fs;
	struct stat st;
	char folder[64], text[UNITS_TEXT];

	if (statvfs("/dev/shm", &fs) || access("/dev/shm", W_OK)) {
		doctor_say(d, "shm", DOCTOR_WARNING,
			"/dev/shm cannot be written: %s|mount a tmpfs there (docker: --shm-size); "
			"without it nothing is left of a process that is killed",
			strerror(errno));
		return;
	}
	uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
	units_bytes(text, (int64_t)room);
	snprintf(folder, sizeof(folder), "/dev/shm/tidemark-%u", (unsigned)geteuid());
	if (!lstat(folder, &st) && (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077)))
		doctor_say(d, "shm", DOCTOR_WARNING,
			"%s is not a private folder of this user|remove it, or set its mode to "
			"0700; without it nothing is left of a process that is killed",
			folder);
	else if (room < 64 * MIB)
		doctor_say(d, "shm", DOCTOR_WARNING,
			"/dev/shm has only %s left|64 MiB serve most programs (docker: "
			"--shm-size=256m); when it is full nothing is left of a process that is killed",
			text);
	else
		doctor_say(d, "shm", DOCTOR_OK, "/dev/shm can be written, %s free", text);
}

/* Whether another process of this user can be stopped and read: tried on a child. */
static void check_ptrace(struct doctor *d)
{
	char scope[16], word[8] = "child", copy[8] = "";
	pid_t child = fork();
	int status, stopped = 0, seized, reason;

	read_line("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope));
	if (child == 0) {
		for (;;)
			pause();
	}
	if (child < 0) {
		doctor_say(d, "ptrace", DOCTOR_WARNING,
			"no process can be made: %s|see `ulimit -u` and the memory limit", strerror(errno));
		return;
	}
	seized = ptrace(PTRACE_SEIZE, child, 0, 0) == 0;
	reason = errno;
	if (seized && ptrace(PTRACE_INTERRUPT, child, 0, 0) == 0)
		stopped = waitpid(child, &status, __WALL) == child && WIFSTOPPED(status);
	struct iovec here = { copy, sizeof(copy) }, there = { word, sizeof(word) };
	int readable = process_vm_readv(child, &here, 1, &there, 1, 0) == (ssize_t)sizeof(copy)
		&& !strcmp(copy, word);
	kill(child, SIGKILL);
	waitpid(child, &status, __WALL);
	if (stopped && readable && (!scope[0] || scope[0] == '0' || geteuid() == 0))
		doctor_say(d, "ptrace", DOCTOR_OK, "processes can be stopped and read%s%s",
			scope[0] ? ", ptrace_scope " : "", scope);
	else if (stopped && readable)
		doctor_say(d, "ptrace", DOCTOR_OK,
			"children can be stopped and read, other processes only when they allow it, as "
			"preloaded ones do (ptrace_scope %s)",
			scope);
	else if (!stopped)
		doctor_say(d, "ptrace", DOCTOR_WARNING,
			"ptrace is refused: %s%s%s|threads are then parked by a signal, and "
			"registers of some stay unknown (docker: --cap-add=SYS_PTRACE; sysctl kernel.yama.ptrace_scope=1)",
			strerror(reason), scope[0] ? ", ptrace_scope " : "", scope);
	else
		doctor_say(d, "ptrace", DOCTOR_WARNING,
			"memory of other processes cannot be read (process_vm_readv)|the image "
			"then writes itself to a file, which needs room in /tmp; allow the call in the seccomp filter");
}

static void check_seccomp(struct doctor *d)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	int mode = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Seccomp:", 8))
			mode = atoi(line + 8);
	if (f)
		fclose(f);
	if (mode > 0)
		doctor_say(d, "seccomp", DOCTOR_OK,
			"a seccomp filter is in place, as in most containers: what it refuses shows in "
			"the other lines");
}

static void check_kernel(struct doctor *d)
{
	struct utsname u;
	int major = 0, minor = 0;

	if (uname(&u) || sscanf(u.release, "%d.%d", &major, &minor) != 2)
		return;
	if (strcmp(u.machine, "x86_64"))
		doctor_say(d, "kernel", DOCTOR_PROBLEM, "this machine is %s|tidemark works on x86-64",
			u.machine);
	else if (major < 4 || (major == 4 && minor < 14))
		doctor_say(d, "kernel", DOCTOR_PROBLEM,
			"Linux %s is too old|4.14 is needed: memory that is wiped on fork distinguishes "
			"the child from its parent",
			u.release);
	else
		doctor_say(d, "kernel", DOCTOR_OK, "Linux %s, %s", u.release,
			geteuid() == 0 ? "as root" : "as an ordinary user");
}

static double read_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* How long a process of one GiB would be stopped while it is copied. */
static void check_clone(struct doctor *d)
{
	const size_t bytes = 128 * MIB;
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double start, best = 1e9;

	if (memory == MAP_FAILED) {
		doctor_say(d, "clone", DOCTOR_WARNING, "128 MiB cannot be had: %s|see the limits of memory",
			strerror(errno));
		return;
	}
	/* As heaps are: in small pages, mostly. */
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < bytes; i += 4096)
		memory[i] = 1;
	for (int round = 0; round < 3; round++) {
		start = read_seconds();
		pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		double took = read_seconds() - start;

		if (child == 0)
			syscall(SYS_exit_group, 0);
		if (child < 0) {
			munmap(memory, bytes);
			doctor_say(d, "clone", DOCTOR_PROBLEM,
				"a process cannot be copied: %s|see `ulimit -u` and "
				"vm.overcommit_memory; --no-references needs no copy",
				strerror(errno));
			return;
		}
		waitpid(child, NULL, 0);
		if (took < best)
			best = took;
	}
	munmap(memory, bytes);
	double per_gib = best * 1e3 * 1024 / 128;
	if (per_gib > 150)
		doctor_say(d, "clone", DOCTOR_WARNING,
			"a snapshot stops the process for about %.0f ms a GiB|--no-references stops "
			"nothing; virtual machines without nested paging are slow here",
			per_gib);
	else
		doctor_say(d, "clone", DOCTOR_OK, "a snapshot stops the process for about %.0f ms a GiB",
			per_gib);
}

/* The lowest limit of a control group and those that it is in. `file` is in each of their folders. UINT64_MAX
 * when there is none. */
static uint64_t read_group_limit(const char *mount, char *group, const char *file)
{
	uint64_t least = UINT64_MAX;

	for (;;) {
		char path[PATH_MAX], line[64], *slash = strrchr(group, '/');

		snprintf(path, sizeof(path), "%s%s/%s", mount, strcmp(group, "/") ? group : "", file);
		read_line(path, line, sizeof(line));
		if (line[0] >= '0' && line[0] <= '9' && strtoull(line, NULL, 10) < least)
			least = strtoull(line, NULL, 10);
		if (!slash || !*group)
			return least;
		*slash = '\0';
	}
}

/* The limit of this process's control group, of version 2 or 1. */
static uint64_t read_memory_limit(void)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX];
	uint64_t least = UINT64_MAX, one;

	while (f && fgets(line, sizeof(line), f)) {
		char *controllers = strchr(line, ':'),
		     *group = controllers ? strchr(controllers + 1, ':') : NULL;

		line[strcspn(line, "\n")] = '\0';
		if (!group)
			continue;
		*group++ = '\0';
		controllers++;
		if (!*controllers)
			one = read_group_limit("/sys/fs/cgroup", group, "memory.max");
		else if (!strcmp(controllers, "memory"))
			one = read_group_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
		else
			continue;
		if (one < least)
			least = one;
	}
	if (f)
		fclose(f);
	return least;
}

static void check_memory(struct doctor *d)
{
	char line[64], text[UNITS_TEXT];
	uint64_t limit = read_memory_limit();

	read_line("/proc/sys/vm/overcommit_memory", line, sizeof(line));
	if (line[0] == '2')
		doctor_say(d, "overcommit", DOCTOR_WARNING,
			"the kernel does not overcommit memory (vm.overcommit_memory 2)|a "
			"snapshot with references needs room for the heap once more; else use --no-references");
	/* Version 1 writes a huge number for "no limit". */
	if (limit < (uint64_t)1 << 60)
		doctor_say(d, "cgroup", limit < 512 * MIB ? DOCTOR_WARNING : DOCTOR_OK,
			"memory of this control group is limited to %s|%s", units_bytes(text, (int64_t)limit),
			limit < 512 * MIB ? "the library's tables and the pages written while a snapshot is "
					    "taken count too"
					  : "");
}

static void check_limits(struct doctor *d)
{
	static const struct {
		int resource;
		const char *name, *flag;
		uint64_t least;
		const char *effect;
	} limit[] = {
		{ RLIMIT_AS, "address space", "-v", 2048 * MIB,
			"the library reserves tables beside the heap" },
		{ RLIMIT_DATA, "data", "-d", 1024 * MIB, "the library's tables count as data" },
		{ RLIMIT_FSIZE, "file size", "-f", 4096 * MIB,
			"the ledger cannot be a file, and nothing is left of a process "
			"that is killed; large snapshots are cut" },
		{ RLIMIT_NPROC, "processes", "-u", 16, "each snapshot needs two processes for a moment" },
		{ RLIMIT_NOFILE, "open files", "-n", 16, "the collector needs a few" },
	};
	bool all = true;

	for (size_t i = 0; i < sizeof(limit) / sizeof(limit[0]); i++) {
		struct rlimit r;
		char text[UNITS_TEXT];
		bool bytes = limit[i].least >= MIB;

		if (getrlimit(limit[i].resource, &r) || r.rlim_cur == RLIM_INFINITY
			|| r.rlim_cur >= limit[i].least)
			continue;
		all = false;
		doctor_say(d, "limits", DOCTOR_WARNING, "the limit of %s is %s|%s; raise it with `ulimit %s`",
			limit[i].name,
			bytes ? units_bytes(text, (int64_t)r.rlim_cur)
			      : units_count(text, (int64_t)r.rlim_cur),
			limit[i].effect, limit[i].flag);
	}
	if (all)
		doctor_say(d, "limits", DOCTOR_OK, "no resource limit is too low");
}

static void check_debuginfod(struct doctor *d)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	struct stat st;

	if (urls && *urls)
		doctor_say(d, "debuginfod", DOCTOR_OK,
			"`tidemark symbolize` fetches missing debug information from %s", urls);
	else if (stat("/usr/lib/debug/.build-id", &st))
		doctor_say(d, "debuginfod", DOCTOR_WARNING,
			"debug information of system libraries is neither installed nor "
			"fetched: their functions may lack names, files and lines|install -dbgsym "
			"packages, or set DEBUGINFOD_URLS (https://debuginfod.debian.net) for `tidemark symbolize`");
	else
		doctor_say(d, "debuginfod", DOCTOR_OK,
			"separate debug information is installed in /usr/lib/debug");
}

void doctor_machine(struct doctor *d)
{
	check_library(d);
	check_kernel(d);
	check_shared_memory(d);
	check_ptrace(d);
	check_seccomp(d);
	check_clone(d);
	check_memory(d);
	check_limits(d);
	check_environment(d);
	check_debuginfod(d);
}
