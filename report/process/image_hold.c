/* image_hold.c - the process that is an image: it is verified, may outlive its origin, and is ended. See
 * image.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "image_private.h"
#include "process.h"
#include "remote_copy.h"
#include "unwind_table.h"

/* It takes a moment until the image has made itself readable; its name says so. */
void image_wait(const struct image *im)
{
	uint64_t limit = clock_ns() + IMAGE_ANSWER_NS;
	struct timespec pause = { 0, 100000 };
	char path[64], name[32];

	snprintf(path, sizeof path, "/proc/%d/comm", im->reader);
	while (clock_ns() < limit) {
		FILE *f = fopen(path, "re");
		bool ready = !f || (fgets(name, sizeof name, f) && !strncmp(name, "tidemark-image", 14));

		if (f)
			fclose(f);
		if (ready)
			break;
		nanosleep(&pause, NULL);
	}
}

/* The process that traces another; 0: none. */
static int tracer_of(int pid)
{
	char path[64], line[256];
	int tracer = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (f)
		fclose(f);
	return tracer;
}

/* What was opened by number, and what is traced, belong to the process that the descriptor names. */
static bool is_still_there(const struct image *im)
{
	return im->reader_descriptor < 0
		|| !syscall(SYS_pidfd_send_signal, im->reader_descriptor, 0, NULL, 0);
}

/* A number alone does not name a process: the number of an ended image may be reused by another
 * process. So the image is held by a descriptor from before the checks, and while it is traced
 * by us its number stays its own. Where tracing is forbidden altogether, it is read and killed
 * by descriptors only; an image that another process traces is refused. An image that we trace
 * ends with us, even when we are killed. */
static bool hold(struct image *im, struct remote *m)
{
	im->reader_descriptor = (int)syscall(SYS_pidfd_open, im->reader, 0);
	if (process_parent(im->reader) != im->target || image_holds(im, im->reader, m) == IMAGE_HOLDS_NOT)
		return false;
	if (!ptrace(PTRACE_SEIZE, im->reader, 0, PTRACE_O_EXITKILL))
		return is_still_there(im);
	im->reader_untraced = true;
	return im->reader_descriptor >= 0 && !tracer_of(im->reader);
}

bool image_hold(struct image *im, struct remote *memory)
{
	struct remote m = { .mem = -1, .pagemap = -1 };

	if (hold(im, &m)) {
		*memory = m;
		return true;
	}
	remote_close(&m);
	return false;
}

/* Nothing happens to a process that has taken the number of an image that has ended. */
int image_kill(const struct image *im)
{
	if (im->reader_descriptor >= 0)
		return (int)syscall(SYS_pidfd_send_signal, im->reader_descriptor, SIGKILL, NULL, 0);
	return im->reader_untraced ? -1 : kill(im->reader, SIGKILL);
}

/* An image that may be read: it holds what the process held. */
static bool image_take(struct image *im, struct remote *memory)
{
	int32_t pid = __atomic_load_n(&im->ledger->image_pid, __ATOMIC_RELAXED);
	uint64_t word;

	if (pid <= 1 || process_parent(pid) != im->target)
		return false;
	im->reader = pid;
	image_wait(im);
	if (!image_hold(im, memory))
		return false;
	memory->still = true;
	if (memory->pid && !im->reader_untraced
		&& remote_word(memory, (uint64_t)im->ledger->block_root, &word))
		return true;
	remote_close(memory);
	return false;
}

/* Does the stack of the thread that waits hold an address in this mapping? */
static bool is_on_stack(struct image *im, const struct remote_mapping *code)
{
	uint64_t at = im->place.registers.rsp & ~7ull, words[512];
	const struct remote_mapping *stack = remote_mapping_at(&im->memory, at);

	for (; stack && at < stack->hi; at += sizeof words) {
		uint64_t bytes = stack->hi - at < sizeof words ? stack->hi - at : sizeof words;

		remote_read(&im->memory, at, words, bytes);
		for (uint64_t i = 0; i < bytes / 8; i++)
			if (words[i] >= code->lo && words[i] < code->hi)
				return true;
	}
	return false;
}

/* Code without a table in memory is unwound by the list of the process's files, which ends with the process. */
static bool has_tables(struct image *im)
{
	const struct remote *m = &im->memory;
	struct unwind_table t;

	for (size_t i = 0; i < m->mapping_count; i++)
		if (m->mappings[i].executable && m->mappings[i].inode
			&& !unwind_table_find(&im->memory, m->mappings[i].lo, &t)
			&& is_on_stack(im, &m->mappings[i]))
			return false;
	return true;
}

static void let_go(struct image *im)
{
	stop_release(&im->stop);
	im->left = true;
	im->started_by_it = false;
	image_word_set(&im->ledger->freeze, FREEZE_LEFT);
}

bool image_leave(struct image *im, uint64_t copy, bool outlive)
{
	struct ledger_header *l = im->ledger;
	struct remote memory;

	if (!im->started_by_it || !im->options.served || im->reader != im->target || im->parked
		|| image_others_alive(im))
		return false;
	if (copy && im->ledger_inode && has_tables(im)
		&& remote_copy(&im->memory, copy, im->ledger_inode, im->ledger_device)) {
		im->copied = true;
		let_go(im);
		return true;
	}
	if (!outlive)
		return false;
	image_word_set(&l->freeze, FREEZE_STOPPED);
	if (!image_word_wait(im, &l->freeze, FREEZE_STOPPED, IMAGE_ANSWER_NS) || !image_take(im, &memory)) {
		/* The process ends the image that it may have made when all is over. */
		if (im->reader_descriptor >= 0)
			close(im->reader_descriptor);
		im->reader_descriptor = -1;
		im->reader = im->target;
		return false;
	}
	remote_close(&im->memory);
	im->memory = memory;
	let_go(im);
	return true;
}
