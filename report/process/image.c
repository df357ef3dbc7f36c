/* image.c - stopping a process, making its image, letting go: image.h. */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/proc_stat.h"
#include "image_private.h"
#include "inject.h"
#include "model/ledger.h"
#include "process.h"

#define EVENT_NS 100000000ull /* how long the next event may take */

static void add_reason(struct image *im, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_reason(struct image *im, const char *format, ...)
{
	char reason[sizeof im->why];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	error_reason(im->why, sizeof im->why, reason);
}

/* --- whose ledger it is ----------------------------------------------------- */

/* Where mappings may not be read, nothing can be stopped either. */
static int check_target(struct image *im, struct tide_error *e)
{
	remote_close(&im->origin);
	if (im->target <= 1 || im->target == getpid()
		|| image_holds(im, im->target, &im->origin) == IMAGE_HOLDS_NOT)
		return error_set(e, EXIT_UNMEASURED,
			"process %d has ended|it does not have this ledger, or not "
			"any more|",
			im->target);
	return 0;
}

/* The instruction of the library that makes system calls, or 0. */
static uint64_t check_instruction(const struct image *im)
{
	uint64_t address = im->ledger->syscall_instruction;
	static const unsigned char syscall_code[2] = { 0x0f, 0x05 };
	unsigned char code[2] = { 0 };
	struct tide_error e = { 0 };
	struct remote m;

	if (!address || remote_open(&m, im->target, &e))
		return 0;
	remote_read(&m, address, code, sizeof code);
	remote_close(&m);
	return memcmp(code, syscall_code, sizeof code) ? 0 : address;
}

/* --- parts of a stop -------------------------------------------------------- */

static struct stop_thread *asking_thread(struct image *im)
{
	for (size_t i = 0; i < im->stop.count; i++)
		if (im->stop.threads[i].how == STOP_SELF)
			return &im->stop.threads[i];
	return NULL;
}

static void asking_registers(struct image *im)
{
	const struct ledger_registers *k = &im->place.registers;
	struct stop_thread *t = asking_thread(im);

	if (t)
		t->registers = (struct user_regs_struct){ .rbx = k->rbx,
			.rbp = k->rbp,
			.r12 = k->r12,
			.r13 = k->r13,
			.r14 = k->r14,
			.r15 = k->r15,
			.rsp = k->rsp,
			.rip = k->rip,
			.orig_rax = ~0ull,
			.fs_base = im->place.control_block };
}

/* An image needs as much memory as the program writes while it lives: an image that could exhaust the
 * machine is never started. */
static bool does_memory_allow(struct image *im)
{
	unsigned long long kib = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	if (!kib || im->ledger->live_bytes <= 0 || kib * 1024 >= (uint64_t)im->ledger->live_bytes / 2)
		return true;
	add_reason(im, "no image was made: less memory is free than half the heap");
	return false;
}

/* The mappings of a process whose only thread waits for us are still the same. */
static void take_over_origin(struct image *im)
{
	if (im->reader == im->target && im->origin.pid && !image_others_alive(im)) {
		im->memory = im->origin;
		im->origin = (struct remote){ .mem = -1, .pagemap = -1 };
	}
	remote_close(&im->origin);
}

static void begin_memory(struct image *im)
{
	struct tide_error e = { 0 };

	take_over_origin(im);
	if (im->reader && !im->memory.pid && remote_open(&im->memory, im->reader, &e)) {
		add_reason(im, "%s: %s", e.what, e.why);
		im->reader = 0;
	} else if (im->reader) {
		uint64_t word;

		stop_names(&im->stop);
		/* What was opened may belong to another process, unless the image is still alive. */
		if (im->reader_untraced) {
			im->memory.by_call = false;
			if (syscall(SYS_pidfd_send_signal, im->reader_descriptor, 0, NULL, 0)) {
				add_reason(im, "the image ended early");
				remote_close(&im->memory);
				im->reader = 0;
				return;
			}
		}
		/* What can be listed need not be readable. */
		if (!remote_word(&im->memory, (uint64_t)im->ledger->block_root, &word)) {
			add_reason(im, "the memory of the process may not be read");
			remote_close(&im->memory);
			im->reader = 0;
		}
		im->memory.still = im->reader; /* IM2 */
	}
}

static void ask_to_park(struct image *im)
{
	if (!stop_wants_parking(&im->stop))
		return;
	image_word_set(&im->ledger->freeze, FREEZE_PARK);
	image_word_wait(im, &im->ledger->freeze, FREEZE_PARK, IMAGE_ANSWER_NS);
	im->parked = true;
}

static void count_threads(struct image *im)
{
	for (size_t i = 0; i < im->stop.count; i++) {
		const struct stop_thread *t = &im->stop.threads[i];

		if (t->how == STOP_GONE)
			continue;
		if (stop_general(t))
			im->threads_stopped++;
		else
			im->threads_unknown++;
	}
	if (im->threads_unknown)
		add_reason(im, "registers unknown for %u thread%s", im->threads_unknown,
			im->threads_unknown == 1 ? "" : "s");
}

/* The number of the asking thread, out of the ledger. */
static int asking_number(const struct image *im)
{
	const struct ledger_table *t = &im->ledger->table[LEDGER_THREADS];
	uint64_t by = im->ledger->requested_by, at = t->offset + by * sizeof(struct ledger_thread);
	struct ledger_thread record;

	if (t->element != sizeof(struct ledger_thread) || by >= t->count || at > im->ledger_bytes
		|| im->ledger_bytes - at < sizeof(struct ledger_thread))
		return 0;
	memcpy(&record, (const char *)im->ledger + at, sizeof record);
	return record.tid;
}

/* What the asking thread has written down, read from the process itself, or from its image where the
 * process may not be read (not dumpable). */
static bool read_place(struct image *im, int pid)
{
	struct remote m = { .mem = -1, .pagemap = -1 }, *from = pid == im->target ? &im->origin : &m;
	struct tide_error e = { 0 };
	bool good;

	if (!from->pid && remote_open(from, pid, &e))
		return false;
	good = remote_read(from, im->ledger->freeze_place, &im->place, sizeof im->place) == sizeof im->place;
	if (good && im->parked)
		stop_parked(&im->stop, from, im->ledger->freeze_place);
	remote_close(&m);
	if (good)
		asking_registers(im);
	return good;
}

static void begin_image(
	struct image *im, struct ledger_header *ledger, uint64_t bytes, const struct image_options *o)
{
	*im = (struct image){ .ledger = ledger,
		.ledger_bytes = bytes,
		.options = *o,
		.target = o->pid ? o->pid : ledger->pid };
	im->memory.mem = im->memory.pagemap = im->reader_descriptor = -1;
	im->origin.mem = im->origin.pagemap = -1;
}

/* /proc may be that of another PID namespace, whose numbers mean other processes; or it may be missing
 * altogether. Then only counters are available. */
static bool proc_is_ours(struct image *im)
{
	char link[32];
	ssize_t n = readlink("/proc/self", link, sizeof link - 1);

	link[n > 0 ? n : 0] = 0;
	if (n > 0 && atoi(link) == getpid())
		return true;
	add_reason(im, n > 0 ? "/proc belongs to another PID namespace" : "/proc is not mounted");
	return false;
}

/* --- a thread is stopped and waits for us --------------------------------------- */

static void send_answer(struct image *im, void (*copy)(void *), void *context)
{
	struct ledger_header *l = im->ledger;
	int self = asking_number(im);
	bool readable, alone, make;

	if (!proc_is_ours(im)) {
		copy(context);
		if (!im->started_by_it)
			image_word_set(&l->freeze, FREEZE_DONE);
		return;
	}
	readable = read_place(im, im->target);
	if (readable)
		self = im->place.tid;
	/* Without its number the asking thread might be stopped: it must not be. */
	if (self)
		stop_when(&im->stop, im->target, self, im->options.unfit, context);
	ask_to_park(im);
	if (readable && im->parked)
		read_place(im, im->target);
	else if (readable)
		asking_registers(im);
	kernel_words_read(&im->kernel, im->target);
	/* The last snapshot of a process needs no image: no thread waits to go on. */
	alone = !image_others_alive(im)
		|| (im->place.reason == LEDGER_REASON_EXIT && !(im->place.flags & REQUEST_FLAG_EARLY))
		|| im->place.reason == LEDGER_REASON_ABORT || im->place.reason == LEDGER_REASON_EXEC;
	make = self && !im->options.no_references && !im->options.standing
		&& (!readable || !im->started_by_it || !alone);
	if (make && !does_memory_allow(im))
		im->options.no_references = true, make = false;
	copy(context);
	if (make) {
		image_word_set(&l->freeze, FREEZE_STOPPED);
		if (image_word_wait(im, &l->freeze, FREEZE_STOPPED, IMAGE_ANSWER_NS))
			im->reader = __atomic_load_n(&l->image_pid, __ATOMIC_RELAXED);
		if (im->reader <= 1 || process_parent(im->reader) != im->target) {
			im->reader = 0;
			add_reason(im, "the image could not be made");
		}
		stop_verify(&im->stop);
		if (im->started_by_it && im->parked)
			image_word_set(&l->freeze, FREEZE_DONE); /* parked threads may go on */
		stop_release(&im->stop);
		if (im->reader) {
			image_wait(im);
			if (!image_hold(im, &im->memory)) {
				im->reader = 0;
				add_reason(im, "the image could not be made");
			}
		}
		if (!readable && im->reader)
			read_place(im, im->reader);
	} else if (readable && !im->options.no_references) {
		im->reader = im->target;
	} else if (!im->options.no_references) {
		add_reason(im, "the memory of the process may not be read");
	}
	count_threads(im);
	/* A process that we have asked goes on; one that has started us waits for our end. */
	if (!im->started_by_it)
		image_word_set(&l->freeze, FREEZE_DONE);
}

/* Killed before there was an image: `run` reports what the ledger holds. */
static int has_ended_early(const struct image *im, struct tide_error *e)
{
	if ((im->reader && im->reader != im->target) || process_lives(im->target))
		return 0;
	return error_set(e, EXIT_UNMEASURED, "process %d has ended||", im->target);
}

int image_answer(struct image *im, struct ledger_header *ledger, uint64_t bytes,
	const struct image_options *o, void (*copy)(void *), void *context, struct tide_error *e)
{
	begin_image(im, ledger, bytes, o);
	if (check_target(im, e))
		return -1;
	if (__atomic_load_n(&ledger->freeze, __ATOMIC_ACQUIRE) != FREEZE_ASKED)
		return error_set(e, EXIT_UNMEASURED,
			"process %d does not stand still|its ledger says state %u|", ledger->pid,
			ledger->freeze);
	im->started_by_it = true;
	send_answer(im, copy, context);
	if (has_ended_early(im, e))
		return -1;
	begin_memory(im);
	return 0;
}

/* --- we ask from outside ------------------------------------------------------ */

/* True when an event has answered. */
static bool wait_for_event(struct image *im)
{
	struct ledger_header *l = im->ledger;
	uint32_t expected = REQUEST_SNAPSHOT;

	image_word_wait(im, &l->request, REQUEST_SNAPSHOT, EVENT_NS);
	if (__atomic_compare_exchange_n(
		    &l->request, &expected, REQUEST_NONE, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	/* The event was taken: the thread is about to answer. */
	return image_word_wait(im, &l->freeze, FREEZE_NONE, IMAGE_ANSWER_NS) && l->freeze == FREEZE_ASKED
		&& l->collector_pid == getpid() && !image_over(im);
}

/* The process learns of its new child at once, so that it reaps the child after
 * the next snapshot if we are killed. */
static void note_image(struct image *im, int pid)
{
	im->reader = pid;
	for (unsigned i = 0; i < LEDGER_ENDED_IMAGES; i++) {
		int32_t nobody = 0;

		if (__atomic_compare_exchange_n(&im->ledger->ended_images[i], &nobody, pid, false,
			    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return;
	}
}

/* The process reaps them at its next event. One that waits has none, and an image without a place in the list would
 * be a child that it does not know. */
static void reap_ended_images(struct image *im, struct stop_thread *from, uint64_t instruction)
{
	for (unsigned i = 0; i < LEDGER_ENDED_IMAGES; i++) {
		int32_t *slot = &im->ledger->ended_images[i], pid = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
		struct proc_stat s;

		/* The number may belong to a child of the program by now, whose end is the program's to see. */
		if (pid <= 1 || proc_stat_read(pid, 0, &s) <= 0 || s.parent != im->target || s.exit_signal
			|| !proc_stat_dead(&s))
			continue;
		inject_reap(from, instruction, pid);
		__atomic_compare_exchange_n(slot, &pid, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	}
}

static int inject_image_call(struct image *im, void (*copy)(void *), void *context, struct tide_error *e)
{
	struct stop_thread *from = NULL;
	uint64_t instruction = 0;
	int pid = 0;

	im->injected = true;
	if (!proc_is_ours(im)) {
		copy(context);
		return 0;
	}
	kernel_words_look(&im->kernel, im->target);
	stop_when(&im->stop, im->target, 0, im->options.unfit, context);
	/* The event that we waited for may have been exec, which nothing else shows for certain: it can be
	 * called without the library. */
	if (!image_others_alive(im) || image_over(im) || check_target(im, e)) {
		stop_release(&im->stop);
		return error_set(e, EXIT_UNMEASURED, "process %d has ended||", im->target);
	}
	for (size_t i = 0; i < im->stop.count && !from; i++)
		if (im->stop.threads[i].how == STOP_TRACED)
			from = &im->stop.threads[i];
	kernel_words_read(&im->kernel, im->target);
	copy(context);
	if (!from)
		add_reason(im, "no event came, and the process may not be traced");
	else if (im->options.no_references || !does_memory_allow(im))
		;
	else if (!(instruction = check_instruction(im)))
		add_reason(im, "the library in the process is not ready");
	else {
		reap_ended_images(im, from, instruction);
		if (inject_image(&im->stop, from, instruction, &pid, e))
			add_reason(im, "%s: %s", e->what, e->why);
		else
			note_image(im, pid);
	}
	stop_verify(&im->stop);
	stop_release(&im->stop);
	if (pid)
		inject_close(pid, instruction);
	count_threads(im);
	return 0;
}

int image_request(struct image *im, struct ledger_header *ledger, uint64_t bytes,
	const struct image_options *o, void (*copy)(void *), void *context, struct tide_error *e)
{
	uint64_t limit = clock_ns() + IMAGE_ANSWER_NS;
	uint32_t before;

	begin_image(im, ledger, bytes, o);
	if (check_target(im, e))
		return -1;
	for (;;) {
		struct timespec pause = { 0, 2000000 };

		before = __atomic_load_n(&ledger->request, __ATOMIC_ACQUIRE);
		/* After its own last snapshot a process is only asked by a person. */
		if (image_over(im) || ledger->state == LEDGER_EXITING
			|| (ledger->kept[0] && o->reason != LEDGER_REASON_REQUEST))
			return error_set(e, EXIT_UNMEASURED, "process %d has ended||", im->target);
		if (before != REQUEST_SNAPSHOT && ledger->freeze == FREEZE_NONE) {
			ledger->collector_pid = getpid();
			ledger->request_reason = o->reason;
			ledger->request_flags = o->flags;
			if (__atomic_compare_exchange_n(&ledger->request, &before, REQUEST_SNAPSHOT, false,
				    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
				break;
		}
		if (clock_ns() > limit)
			return error_set(e, EXIT_UNMEASURED,
				"process %d is busy with another snapshot||try again", im->target);
		nanosleep(&pause, NULL);
	}
	if (wait_for_event(im))
		send_answer(im, copy, context);
	else if (inject_image_call(im, copy, context, e))
		return -1;
	if (has_ended_early(im, e))
		return -1;
	begin_memory(im);
	return 0;
}

/* --- reading, and the end ------------------------------------------------------ */

uint64_t image_pause_ns(const struct image *im)
{
	if (!im->stop.begun_ns)
		return 0;
	return (im->stop.ended_ns ? im->stop.ended_ns : clock_ns()) - im->stop.begun_ns;
}

void image_end(struct image *im)
{
	if (!im->ledger)
		return; /* never begun */
	remote_close(&im->memory);
	remote_close(&im->origin);
	if (im->reader && im->reader != im->target) {
		uint32_t none = REQUEST_NONE;
		int status;

		/* Where we cannot kill it, the kernel does when we end (image_hold). */
		int wait = image_kill(im) ? WNOHANG : 0;

		while (waitpid(im->reader, &status, __WALL | wait) < 0 && errno == EINTR)
			;
		/* Its parent, the process, has not been told yet. */
		if (!im->started_by_it && !im->left)
			__atomic_compare_exchange_n(&im->ledger->request, &none,
				im->injected ? REQUEST_MARK : REQUEST_REAP, false, __ATOMIC_ACQ_REL,
				__ATOMIC_RELAXED);
	}
	stop_release(&im->stop);
	if (im->started_by_it)
		image_word_set(&im->ledger->freeze, im->options.served ? FREEZE_OVER : FREEZE_DONE);
	im->started_by_it = false;
	stop_free(&im->stop);
	kernel_words_free(&im->kernel);
	im->reader = 0;
	if (im->reader_descriptor >= 0)
		close(im->reader_descriptor);
	im->reader_descriptor = -1;
}
