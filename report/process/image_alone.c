/* image_alone.c - the image of a process that knows nothing of us: image.h.
 *
 * Everything is done from outside: its threads are stopped by ptrace, and one of them makes the image
 * (inject.c) and later reaps it. An error about what the kernel does not allow names the way out.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/path.h"
#include "base/proc_stat.h"
#include "image.h"
#include "inject.h"
#include "process.h"

#define SEARCH_MOST (4u << 20) /* bytes of code in which a system call is looked for */

static bool is_kernel_thread(int pid)
{
	struct proc_stat s;

	return proc_stat_read(pid, 0, &s) > 0 && s.flags & PROC_STAT_KERNEL;
}

/* A 64-bit system call would be another one there. */
static bool is_narrow(int pid)
{
	unsigned char head[EI_CLASS + 1] = { 0 };
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false; /* another user's, or removed: found out later */
	got = read(fd, head, sizeof(head));
	close(fd);
	return got == sizeof(head) && !memcmp(head, ELFMAG, SELFMAG) && head[EI_CLASS] == ELFCLASS32;
}

static long read_yama_scope(void)
{
	FILE *f = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	long scope = 0;

	if (f && fscanf(f, "%ld", &scope) != 1)
		scope = 0;
	if (f)
		fclose(f);
	return scope;
}

#define OTHERS_TRIES 100u /* three seconds in all */
#define FREE_TRIES 6u     /* one after the other */

/* Who has the threads that we could not get? */
enum tracer { TRACED_BY_NONE, TRACED_BY_US_ELSEWHERE, TRACED_FOR_LONG };

static enum tracer find_tracer(const struct stop *s)
{
	for (size_t i = 0; i < s->count; i++) {
		long tracer = process_status(s->threads[i].tid, "TracerPid:");
		char path[64], name[16] = "";
		FILE *f;

		if (s->threads[i].seized || tracer <= 0 || tracer == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%ld/comm", tracer);
		f = fopen(path, "re");
		if (f && !fgets(name, sizeof(name), f))
			*name = 0;
		if (f)
			fclose(f);
		return strncmp(name, "tidemark", 8) ? TRACED_FOR_LONG : TRACED_BY_US_ELSEWHERE;
	}
	return TRACED_BY_NONE;
}

/* Two of us at once each have some threads, and let them go within a moment; where nobody traces a thread that
 * was refused, it may just have been let go. `unfit` as in stop_when. */
static void stop_alone(struct stop *s, int pid, bool (*unfit)(void *context, bool stopped), void *context)
{
	for (unsigned i = 1, nobody = 0; i < OTHERS_TRIES; i++) {
		struct timespec pause = { 0, (long)(i < 32 ? i : 32) * (500000 + getpid() % 100 * 10000) };
		enum tracer tracer;

		stop_when(s, pid, 0, unfit, context);
		if (!s->refused)
			return;
		tracer = find_tracer(s);
		nobody = tracer == TRACED_BY_NONE ? nobody + 1 : 0;
		if (tracer == TRACED_FOR_LONG || nobody == FREE_TRIES)
			return;
		stop_release(s);
		stop_free(s);
		nanosleep(&pause, NULL);
	}
	stop_when(s, pid, 0, unfit, context);
}

static int refuse(const struct image *im, struct tide_error *e)
{
	long tracer = process_status(im->target, "TracerPid:"), user = process_status(im->target, "Uid:");

	if (!process_lives(im->target))
		return error_set(e, EXIT_UNMEASURED, "process %d has ended||", im->target);
	if (tracer == getpid())
		return error_set(e, EXIT_UNMEASURED,
			"process %d cannot be stopped|its threads wait in the kernel (for the child of a vfork, a "
			"device or a file server), or its cgroup is frozen|try again later",
			im->target);
	if (tracer > 0)
		return error_set(e, EXIT_UNMEASURED,
			"process %d cannot be stopped|process %ld traces it already (a debugger, strace)|"
			"end that first",
			im->target, tracer);
	if (geteuid() && user >= 0 && user != (long)geteuid())
		return error_set(e, EXIT_UNMEASURED,
			"process %d may not be traced|it belongs to another user|run tidemark as that user "
			"or as root",
			im->target);
	if (geteuid() && read_yama_scope() > 0)
		return error_set(e, EXIT_UNMEASURED,
			"process %d may not be traced|kernel.yama.ptrace_scope is %ld|run tidemark as root, "
			"or set it to 0",
			im->target, read_yama_scope());
	return error_set(e, EXIT_UNMEASURED,
		"process %d may not be traced|it has dropped privileges, or a container or the kernel "
		"forbids it|%s",
		im->target,
		geteuid() ? "run tidemark as root"
			  : "give tidemark CAP_SYS_PTRACE (docker: --cap-add SYS_PTRACE)");
}

/* A `syscall` in code that every process has: the kernel's own, else that of any module. */
static uint64_t find_instruction(struct remote *m)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < m->mapping_count; i++) {
			const struct remote_mapping *p = &m->mappings[i];
			uint64_t bytes = p->hi - p->lo < SEARCH_MOST ? p->hi - p->lo : SEARCH_MOST;
			unsigned char *code, *at;
			uint64_t found = 0;

			if (!p->executable || !p->readable || (!pass && strcmp(p->path, "[vdso]"))
				|| p->lo >= 1ull << 47)
				continue;
			code = alloc_bytes(bytes);
			bytes = remote_read(m, p->lo, code, bytes);
			at = bytes > 2 ? memmem(code, bytes, "\x0f\x05", 2) : NULL;
			if (at)
				found = p->lo + (uint64_t)(at - code);
			free(code);
			if (found)
				return found;
		}
	return 0;
}

/* An image needs as much memory as the program writes while it lives. */
static bool does_memory_allow(int pid)
{
	unsigned long long available = 0;
	long resident = process_status(pid, "VmRSS:"); /* KiB, as the other */
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu", &available) == 1)
			break;
	if (f)
		fclose(f);
	return !available || resident < 0 || available >= (unsigned long long)resident / 2;
}

static struct stop_thread *find_traced_thread(struct stop *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->threads[i].how == STOP_TRACED && s->threads[i].seized)
			return &s->threads[i];
	return NULL;
}

static void count_threads(struct image *im)
{
	char text[128];

	for (size_t i = 0; i < im->stop.count; i++)
		if (im->stop.threads[i].how != STOP_GONE)
			*(stop_general(&im->stop.threads[i]) ? &im->threads_stopped : &im->threads_unknown) +=
				1;
	if (!im->threads_unknown)
		return;
	snprintf(text, sizeof(text), "registers unknown for %u thread%s", im->threads_unknown,
		im->threads_unknown == 1 ? "" : "s");
	error_reason(im->why, sizeof(im->why), text);
}

/* What can be done before the process is stopped. What cannot be read now may be refused for a reason that
 * is known later. */
static void prepare(struct image *im)
{
	struct tide_error ignored = { 0 };
	struct remote m;

	kernel_words_look(&im->kernel, im->target);
	if (remote_open(&m, im->target, &ignored))
		return;
	im->instruction = find_instruction(&m);
	remote_close(&m);
}

/* It may have gone on to another program since. */
static bool is_instruction_there(const struct image *im, int tid)
{
	long word;

	if (!im->instruction)
		return false;
	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, tid, (void *)im->instruction, 0);
	return !errno && (word & 0xffff) == 0x050f;
}

/* While all threads are stopped. */
static int make_image(struct image *im, struct tide_error *e)
{
	struct stop_thread *from = find_traced_thread(&im->stop);

	if (!from)
		return refuse(im, e);
	if (!is_instruction_there(im, from->tid))
		prepare(im);
	if (!im->instruction)
		return error_set(e, EXIT_UNMEASURED,
			"no image was made of process %d|its code cannot be read|", im->target);
	return inject_image(&im->stop, from, im->instruction, &im->reader, e);
}

int image_alone(struct image *im, int pid, const struct image_options *o, void (*copy)(void *), void *context,
	struct tide_error *e)
{
	int result;

	*im = (struct image){ .options = *o, .target = pid, .injected = true, .reader_descriptor = -1 };
	im->memory.mem = im->memory.pagemap = -1;
	if (pid <= 1 || pid == getpid() || !process_lives(pid))
		return error_set(e, EXIT_UNMEASURED,
			pid == getpid() ? "process %d is tidemark itself||" : "there is no process %d||",
			pid);
	if (is_kernel_thread(pid))
		return error_set(
			e, EXIT_UNMEASURED, "process %d has no heap|it is a thread of the kernel|", pid);
	if (is_narrow(pid))
		return error_set(e, EXIT_UNMEASURED,
			"no image was made of process %d|it is a 32-bit program|tidemark reads 64-bit programs",
			pid);
	if (!does_memory_allow(pid))
		return error_set(e, EXIT_UNMEASURED,
			"no image was made of process %d|less memory is free than half of what it holds|",
			pid);
	prepare(im);
	stop_alone(&im->stop, pid, im->options.unfit, context);
	result = make_image(im, e);
	if (!result) {
		kernel_words_read(&im->kernel, pid);
		copy(context);
	}
	stop_verify(&im->stop);
	stop_release(&im->stop);
	if (result)
		return -1;
	inject_close(im->reader, im->instruction);
	stop_names(&im->stop);
	count_threads(im);
	result = remote_open(&im->memory, im->reader, e);
	im->memory.still = !result;
	return result;
}

static bool is_in_loader(const struct image *im, uint64_t address)
{
	const struct remote_mapping *at = remote_mapping_at(&im->memory, address);
	const char *base = at ? path_base(at->path) : "";

	return !strncmp(base, "ld-linux", 8) || !strncmp(base, "ld-2.", 5);
}

bool image_starts(const struct image *im)
{
	const struct stop_thread *only = NULL;

	for (size_t i = 0; i < im->stop.count; i++) {
		if (im->stop.threads[i].how == STOP_GONE)
			continue;
		if (only)
			return false;
		only = &im->stop.threads[i];
	}
	return only && (only->execs || (stop_general(only) && is_in_loader(im, only->registers.rip)));
}

void image_alone_end(struct image *im)
{
	long number = im->reader ? process_status(im->reader, "NSpid:") : -1;
	struct stop_thread *from;
	struct stop again;
	int status;

	remote_close(&im->memory);
	if (im->reader) {
		kill(im->reader, SIGKILL);
		while (waitpid(im->reader, &status, __WALL) < 0 && errno == EINTR)
			;
		stop_alone(&again, im->target, NULL, NULL);
		from = find_traced_thread(&again);
		if (from && number > 0)
			inject_reap(from, im->instruction, (int)number);
		stop_release(&again);
		stop_free(&again);
	}
	stop_free(&im->stop);
	kernel_words_free(&im->kernel);
	im->reader = 0;
}
