/* life.c - see life.h. The constructor runs before every other one (-z initfirst);
 * the exit handler registered there therefore runs after every other one, and
 * after all static destructors.
 */
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include "birth.h"
#include "block.h"
#include "config.h"
#include "count.h"
#include "enter.h"
#include "error.h"
#include "event.h"
#include "freeze.h"
#include "life.h"
#include "lookup.h"
#include "lsan.h"
#include "leftovers.h"
#include "mapping.h"
#include "memory.h"
#include "module.h"
#include "object.h"
#include "oracle.h"
#include "python.h"
#include "raw.h"
#include "real.h"
#include "rule.h"
#include "sample.h"
#include "settle.h"
#include "site.h"
#include "store.h"
#include "table.h"
#include "text.h"
#include "spawn.h"
#include "thread.h"
#include "timeline.h"
#include "walk.h"

static char exe[512];

extern int __cxa_at_quick_exit(void (*)(void *), void *);

static long read_file(const char *path, char *to, size_t bytes)
{
	int fd = (int)raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	long n = raw3(SYS_read, fd, to, bytes - 1);
	raw1(SYS_close, fd);
	to[n > 0 ? n : 0] = 0;
	return n > 0 ? n : 0;
}

/* Header fields that describe the program. */
static void describe(void)
{
	struct ledger_header *h = state.ledger;
	static char text[4096];
	h->exe = table_string(exe);
	long n = read_file("/proc/self/cmdline", text, sizeof text);
	for (long i = 0; i + 1 < n && !config.no_command_line; i++)
		if (!text[i])
			text[i] = ' ';
	h->command = table_string(text);
	if (raw2(SYS_getcwd, text, sizeof text) > 0)
		h->directory = table_string(text);
	h->output = table_string(config.output);
	h->options = table_string(config.everything);
	h->libc = table_string(gnu_get_libc_version());
	h->allocator = table_string(real_allocator_path());
	h->rounds_name = table_string(config.rounds);
	h->depth_limit = state.depth;
	h->sample_bytes = state.sample;
	h->missed[MISSED_EARLY] = enter_early_events();
	if (state.foreign)
		h->flags |= LEDGER_FLAG_FOREIGN;
	if (state.sample)
		h->flags |= LEDGER_FLAG_SAMPLED;
	/* An executable that defines malloc itself is searched before us, and so is a library that was preloaded
	 * before us: its name says which of the two it is. */
	const struct link_map *owner = lookup_owner("malloc");
	if (owner && owner != lookup_self()) {
		h->flags |= LEDGER_FLAG_OWN_MALLOC;
		h->allocator = owner->l_name && *owner->l_name ? table_string(owner->l_name) : h->exe;
	}
}

/* The hidden instruction that a collector uses to make system calls here. */
__asm__(".text\n.globl life_syscall\n.hidden life_syscall\nlife_syscall:\n\tsyscall\n\tint3\n.previous");
extern const char life_syscall[];

static void find_own_range(void)
{
	struct object o;
	if (!object_find((uintptr_t)find_own_range, &o))
		return;
	state.lo = o.lo;
	state.hi = o.hi;
}

/* What glibc keeps for debuggers: struct abort_msg_s of assert.c, from 2.14 on. */
struct abort_message {
	unsigned int size; /* of the mapping that it lies in */
	char text[];
};
static struct abort_message **libc_message;

static void note_places(void)
{
	struct ledger_header *h = state.ledger;
	h->shim_lo = state.lo;
	h->shim_hi = state.hi;
	h->exit_function = (uintptr_t)lookup_next("exit");
	libc_message = lookup_next("__abort_msg");
	h->syscall_instruction = (uintptr_t)life_syscall;
}

static void at_exit(int status, void *unused)
{
	(void)unused;
	life_end(LEDGER_REASON_EXIT, status);
}

static void at_quick(void *unused)
{
	(void)unused;
	life_end(LEDGER_REASON_EXIT, -1);
}

/* Is our parent a process that was preloaded, too? `run` names the first process (TIDEMARK_ROOT); without it, the
 * environment with which the parent was started says so. */
static bool has_preloaded_parent(void)
{
	static const char name[] = "TIDEMARK_CHILDREN=";
	char path[32] = "/proc/", text[1024], *at = path + 6;
	size_t matched = 0;
	long n;
	text_append_number(&at, path + sizeof path, (uint64_t)raw0(SYS_getppid));
	text_append(&at, path + sizeof path, "/environ");
	int fd = (int)raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	/* A match may begin in one portion of the text and end in the next. */
	while (matched < sizeof name - 1 && (n = raw3(SYS_read, fd, text, sizeof text)) > 0)
		for (long i = 0; i < n && matched < sizeof name - 1; i++)
			matched = text[i] == name[matched] ? matched + 1 : text[i] == name[0];
	raw1(SYS_close, fd);
	return matched == sizeof name - 1;
}

/* The first process is profiled whatever TIDEMARK_CHILDREN says. */
static bool is_followed(void)
{
	if ((int32_t)raw0(SYS_getpid) == config.root || config_follows(exe))
		return true;
	return !config.root && !config.session[0] && !has_preloaded_parent();
}

/* A sanitizer brings an allocator and a heap of its own, of terabytes of reserved
 * addresses: stay out of its way. */
static bool is_sanitized(void)
{
	static const char *const runtime[] = { "__asan_init", "__tsan_init", "__msan_init", "__hwasan_init" };
	for (unsigned i = 0; i < sizeof runtime / sizeof runtime[0]; i++)
		if (lookup_first(runtime[i]))
			return true;
	return false;
}

/* Valgrind knows neither our clones nor our stack walks, and replaces the allocator with its own. The request
 * is RUNNING_ON_VALGRIND of valgrind.h: rotations that cancel out on a real processor. */
static bool is_under_valgrind(void)
{
	uint64_t request[6] = { 0x1001 }, answer = 0;
	__asm__ volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\t"
			 "rolq $61, %%rdi\n\trolq $51, %%rdi\n\t"
			 "xchgq %%rbx, %%rbx"
			 : "+d"(answer)
			 : "a"(request)
			 : "cc", "memory");
	return answer != 0;
}

/* This process is not profiled: everything passes through. */
static void sleep_for_good(void) { state.phase = PHASE_DORMANT; }

/* As spawn.c starts it. */
static bool is_collector(int argc, char **argv)
{
	return argc > 1 && text_equal(argv[0], "tidemark") && text_equal(argv[1], "collect");
}

/* A program that was started by another name of the same file (redis-server is a
 * link to redis-check-rdb, python3 to python3.11) is known by that name. */
static void is_called_by(const char *name)
{
	struct stat a, b;
	/* exec of /proc/self/exe, or fexecve: such a name does not denote the file for any other process. */
	if (!name || text_after(name, "/proc/") || text_after(name, "/dev/fd/"))
		return;
	if (raw4(SYS_newfstatat, AT_FDCWD, name, &a, 0) != 0
		|| raw4(SYS_newfstatat, AT_FDCWD, "/proc/self/exe", &b, 0) != 0 || a.st_ino != b.st_ino
		|| a.st_dev != b.st_dev)
		return;
	char path[sizeof exe], *at = path, *end = path + sizeof path;
	if (name[0] != '/') {
		long n = raw2(SYS_getcwd, path, sizeof path);
		if (n <= 0)
			return;
		at += n - 1;
		text_append(&at, end, "/");
		name += name[0] == '.' && name[1] == '/' ? 2 : 0;
	}
	text_append(&at, end, name);
	__builtin_memcpy(exe, path, sizeof exe);
}

/* Takes the final snapshot, or an ordinary one if the process does not end with the interpreter. */
static bool end_early(bool ends)
{
	if (state.phase != PHASE_RUNNING || state.no_syscalls || !*state.fork_word
		|| raw0(SYS_getpid) != state.ledger->pid || __atomic_load_n(&state.ending, __ATOMIC_ACQUIRE))
		return false;
	timeline_final();
	uint32_t flags = config.references ? 0 : REQUEST_FLAG_NO_REFERENCES;
	return ends ? !freeze_snapshot(LEDGER_REASON_EXIT, NULL, flags | REQUEST_FLAG_EARLY)
		    : !freeze_snapshot(LEDGER_REASON_PYTHON, NULL, flags);
}

__attribute__((constructor)) static void life_start(int argc, char **argv, char **environment)
{
	if (state.phase != PHASE_UNBORN)
		return;
	real_resolve();
	/* More privileges than the caller has (setuid, file capabilities): the caller's environment must not
	 * decide what runs here. The loader drops LD_PRELOAD then, but not /etc/ld.so.preload. By that file a
	 * collector has the library in it, too: its own collector would have one, and so on without end. */
	if (getauxval(AT_SECURE) || is_collector(argc, argv)) {
		sleep_for_good();
		return;
	}
	object_start();
	config_read(environment);
#ifdef TIDEMARK_FAIL
	fail_read(environment);
#endif
	long n = raw3(SYS_readlink, "/proc/self/exe", exe, sizeof exe - 1);
	exe[n > 0 ? n : 0] = 0;
	is_called_by((const char *)getauxval(AT_EXECFN));
	if (!real.malloc || !real.free || !is_followed()) {
		sleep_for_good();
		return;
	}
	if (is_sanitized() || is_under_valgrind()) {
		sleep_for_good();
		return;
	}
	state.fork_word = memory_map(LEDGER_PAGE, MEMORY_WIPE);
	if (!state.fork_word || !store_open()) {
		sleep_for_good();
		return;
	}
	if (!config.session[0] && store_path()[0])
		leftovers_remove(store_path());
	*state.fork_word = 1;
	memory_note(state.fork_word, LEDGER_PAGE);
	find_own_range();
	state.depth = config.depth;
	state.depth_power = 1;
	for (uint32_t i = 0; i < state.depth; i++)
		state.depth_power *= WALK_BASE;
	state.sites_most = config.sites;
	state.sample = config.sample;
	state.verbose = config.verbose;
	state.foreign = !real_is_glibc();
	birth_start();
	describe();
	note_places();
	block_start();
	if (!module_start(exe) || !site_start() || !table_reserve(LEDGER_SIZES, 1)
		|| !table_reserve(LEDGER_LIFETIMES, 1) || !thread_start()) {
		sleep_for_good();
		return;
	}
	mapping_start();
	error_start();
	freeze_setup(store_path(), spawn_find_collector(), environment);
	on_exit(at_exit, NULL);
	__cxa_at_quick_exit(at_quick, NULL);
	state.ledger->state = LEDGER_RUNNING;
	thread_current->sample_left = SAMPLE_UNDRAWN;
	state.stopped = config.start_stopped;
	state.wipe = config.wipe && config.references && !config.sample;
	python_start(end_early);
	event_recalculate_special();
	state.phase = PHASE_RUNNING;
	if (config.watch)
		freeze_watch(false);
}

/* Keeps what libc says before it aborts; a program that catches the signal may still end in another way. */
static void keep_message(void)
{
	const struct abort_message *m = libc_message ? *libc_message : NULL;
	char text[512];
	if (!m || state.ledger->abort_message)
		return;
	long n = memory_read(text, (uintptr_t)m->text, sizeof text - 1);
	text[n > 0 ? n : 0] = 0;
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = 0;
	state.ledger->abort_message = table_string(text);
}

void life_assertion(const char *expression, const char *file, unsigned line, const char *function)
{
	char text[1024], *at = text, *end = text + sizeof text;
	struct thread *t = enter_whole(__builtin_frame_address(0));
	if (!t)
		return;
	text_append(&at, end, file ? file : "?");
	text_append(&at, end, ":");
	text_append_number(&at, end, line);
	text_append(&at, end, ": ");
	text_append(&at, end, function ? function : "?");
	text_append(&at, end, ": assertion `");
	text_append(&at, end, expression ? expression : "?");
	text_append(&at, end, "' failed");
	state.ledger->abort_message = table_string(text);
	thread_leave(t);
}

void life_end(enum ledger_reason reason, int status)
{
	if (state.phase != PHASE_RUNNING)
		return;
	/* A vfork child ends itself, not the process whose memory it borrows. */
	if (!state.no_syscalls && *state.fork_word && raw0(SYS_getpid) != state.ledger->pid)
		return;
	if (reason == LEDGER_REASON_EXIT)
		lsan_ask();
	struct thread *t = thread_enter((uintptr_t)__builtin_frame_address(0) + 16);
	if ((uintptr_t)t <= (uintptr_t)THREAD_NESTED)
		return;
	/* One thread ends the process; a second one that gets here goes on to its exit. */
	if (__atomic_exchange_n(&state.ending, 1, __ATOMIC_ACQ_REL)) {
		thread_leave(t);
		return;
	}
	state.ledger->exit_status = status;
	keep_message();
	state.ledger->state = LEDGER_EXITING;
	timeline_final();
	oracle_end();
	bool settled = reason == LEDGER_REASON_EXIT && settle_child();
	if (settled && settle_move()) {
		freeze_reap(1);
		state.phase = PHASE_OVER;
		thread_leave(t);
		return;
	}
	uint32_t flags = config.references && !settled ? 0 : REQUEST_FLAG_NO_REFERENCES;
	if (python.kept && reason == LEDGER_REASON_EXIT)
		flags |= REQUEST_FLAG_KEPT;
	int failed = freeze_snapshot(reason, NULL, flags);
	freeze_reap(1);
	state.ledger->ended_mono_ns = state.ledger->started_mono_ns + birth_tsc_ns(birth_tsc());
	state.ledger->state = LEDGER_FINISHED;
	state.phase = PHASE_OVER;
	if (!state.no_syscalls && store_path()[0] && !failed && !freeze_left())
		raw1(SYS_unlink, store_path());
	thread_leave(t);
}

void life_exec(bool failed)
{
	if (state.phase != PHASE_RUNNING || !*state.fork_word)
		return;
	/* A vfork child shares our memory but not our pid: the process image that is replaced is not ours. */
	if (!state.no_syscalls && raw0(SYS_getpid) != state.ledger->pid)
		return;
	if (!failed && config.at_exec)
		freeze_snapshot(LEDGER_REASON_EXEC, NULL, config.references ? 0 : REQUEST_FLAG_NO_REFERENCES);
	state.ledger->state = failed ? LEDGER_RUNNING : LEDGER_EXECED;
}

/* Was this limit on the address space computed from the program's own size, which includes what we have
 * reserved? (People choose round numbers.) The rest that such a limit leaves is intended, so nothing is
 * given back. */
static bool is_relative(uint64_t addresses)
{
	char text[128];
	if (addresses % LEDGER_PAGE || !(addresses % (1 << 20)) || !(addresses % 1000))
		return false;
	return read_file("/proc/self/statm", text, sizeof text) > 0
		&& addresses >= text_number(text) * LEDGER_PAGE;
}

void life_limit(uint64_t addresses)
{
	if (state.phase == PHASE_RUNNING && !state.no_syscalls && is_relative(addresses))
		return;
	if (state.phase == PHASE_RUNNING && !state.no_syscalls)
		store_shrink(addresses / 64);
}

void life_seccomp(void)
{
	if (state.phase != PHASE_RUNNING || state.no_syscalls)
		return;
	/* What may be needed later must be reserved now. */
	struct ledger_table *t = state.ledger->table;
	table_reserve(LEDGER_SITES, t[LEDGER_SITES].count + 65536);
	table_reserve(LEDGER_NODES, t[LEDGER_NODES].count + 262144);
	table_reserve(LEDGER_PAGES, t[LEDGER_PAGES].count + 4096);
	table_reserve(LEDGER_COUNTERS, t[LEDGER_COUNTERS].count + 1024);
	table_reserve(LEDGER_STRINGS, t[LEDGER_STRINGS].count + 65536);
	table_reserve(LEDGER_MODULES, t[LEDGER_MODULES].count + 256);
	table_reserve(LEDGER_THREADS, t[LEDGER_THREADS].count + 256);
	table_reserve(LEDGER_ERRORS, t[LEDGER_ERRORS].capacity);
	state.ledger->flags |= LEDGER_FLAG_SECCOMP;
	state.no_syscalls = true;
}
