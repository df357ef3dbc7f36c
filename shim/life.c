/* life.c - see life.h. The constructor runs before every other one (-z initfirst);
 * the exit handler registered there therefore runs after every other one, and
 * after all static destructors.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include "birth.h"
#include "block.h"
#include "config.h"
#include "count.h"
#include "event.h"
#include "freeze.h"
#include "life.h"
#include "mapping.h"
#include "memory.h"
#include "module.h"
#include "oracle.h"
#include "raw.h"
#include "real.h"
#include "sample.h"
#include "site.h"
#include "store.h"
#include "text.h"
#include "thread.h"
#include "walk.h"

struct state state;
static char exe[512];
static uint32_t ended;
static uint32_t early_events;
static bool starting;	/* events now are of our own look-ups */

/* Starts `collect --watch` beside the process (freeze.c). */
extern void freeze_watch(void) __attribute__((weak));
extern int __cxa_at_quick_exit(void (*)(void *), void *);

void life_early_event(void)
{
	if (!real_is_resolving() && !starting)
		__atomic_fetch_add(&early_events, 1, __ATOMIC_RELAXED);
}

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
	h->exe = store_string(exe);
	long n = read_file("/proc/self/cmdline", text, sizeof text);
	for (long i = 0; i + 1 < n; i++)
		if (!text[i])
			text[i] = ' ';
	h->command = store_string(text);
	if (raw2(SYS_getcwd, text, sizeof text) > 0)
		h->directory = store_string(text);
	h->output = store_string(config.output);
	h->options = store_string(config.everything);
	h->libc = store_string(gnu_get_libc_version());
	h->allocator = store_string(real_allocator_path());
	h->rounds_name = store_string(config.rounds);
	h->depth_limit = state.depth;
	h->sample_bytes = state.sample;
	h->missed[MISSED_EARLY] = early_events;
	h->main_tid = (uint32_t)h->pid;
	if (state.foreign)
		h->flags |= LEDGER_FLAG_FOREIGN;
	if (state.sample)
		h->flags |= LEDGER_FLAG_SAMPLED;
	/* An executable that defines malloc itself is searched before us. */
	if (dlsym(RTLD_DEFAULT, "malloc") != (void *)malloc)
		h->flags |= LEDGER_FLAG_OWN_MALLOC;
}

/* The hidden instruction that a collector uses to make system calls here. */
__asm__(".text\n.globl life_syscall\n.hidden life_syscall\nlife_syscall:\n\tsyscall\n\tint3\n.previous");
extern const char life_syscall[];

static void own_range(void)
{
	struct dl_find_object o;
	if (_dl_find_object((void *)(uintptr_t)own_range, &o) != 0)
		return;
	state.lo = (uintptr_t)o.dlfo_map_start;
	state.hi = (uintptr_t)o.dlfo_map_end;
}

static void places(void)
{
	struct ledger_header *h = state.ledger;
	h->shim_lo = state.lo;
	h->shim_hi = state.hi;
	h->exit_function = (uintptr_t)dlsym(RTLD_NEXT, "exit");
	h->syscall_instruction = (uintptr_t)life_syscall;
}

static void at_exit(int status, void *unused)
{
	(void)unused;
	life_end(LIFE_EXIT, status);
}

static void at_quick(void *unused)
{
	(void)unused;
	life_end(LIFE_EXIT, -1);
}

/* Path of the command: said, or next to the library, or where `make install`
 * puts it relative to the library. */
static const char *find_collector(void)
{
	static char path[600];
	struct dl_find_object o;
	if (config.collector[0])
		return config.collector;
	if (_dl_find_object((void *)(uintptr_t)find_collector, &o) != 0)
		return NULL;
	const char *own = ((struct link_map *)o.dlfo_link_map)->l_name;
	static const char *const beside[] = { "tidemark", "../bin/tidemark", "../../bin/tidemark" };
	for (unsigned i = 0; i < 3; i++) {
		char *at = path;
		text_append(&at, path + sizeof path, own);
		while (at > path && at[-1] != '/')
			at--;
		text_append(&at, path + sizeof path, beside[i]);
		if (raw2(SYS_access, path, 1) == 0)
			return path;
	}
	return NULL;
}

/* A sanitizer brings an allocator and a heap of its own, of terabytes of reserved
 * addresses: stay out of its way. */
static bool sanitized(void)
{
	static const char *const runtime[] = { "__asan_init", "__tsan_init", "__msan_init", "__hwasan_init" };
	for (unsigned i = 0; i < sizeof runtime / sizeof runtime[0]; i++)
		if (dlsym(RTLD_DEFAULT, runtime[i]))
			return true;
	dlerror();
	return false;
}

/* No profile of this process: everything passes through. */
static void sleep_for_good(void)
{
	state.phase = PHASE_DORMANT;
}

/* A program that was started by another name of the same file (redis-server is a
 * link to redis-check-rdb, python3 to python3.11) is called by that name. */
static void called_by(const char *name)
{
	struct stat a, b;
	/* exec of /proc/self/exe, fexecve: no names that mean the file to anybody else. */
	if (!name || text_after(name, "/proc/") || text_after(name, "/dev/fd/"))
		return;
	if (raw4(SYS_newfstatat, AT_FDCWD, name, &a, 0) != 0
	    || raw4(SYS_newfstatat, AT_FDCWD, "/proc/self/exe", &b, 0) != 0
	    || a.st_ino != b.st_ino || a.st_dev != b.st_dev)
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

__attribute__((constructor))
static void life_start(int argc, char **argv, char **environment)
{
	(void)argc;
	(void)argv;
	if (state.phase != PHASE_UNBORN)
		return;
	starting = true;
	real_resolve();
	config_read(environment);
#ifdef TIDEMARK_FAIL
	fail_read(environment);
#endif
	long n = raw3(SYS_readlink, "/proc/self/exe", exe, sizeof exe - 1);
	exe[n > 0 ? n : 0] = 0;
	called_by((const char *)getauxval(AT_EXECFN));
	if (!real.malloc || !real.free || ((int32_t)raw0(SYS_getpid) != config.root && !config_follows(exe))) {
		sleep_for_good();
		return;
	}
	if (sanitized()) {
		sleep_for_good();
		return;
	}
	state.fork_word = memory_map(4096, MEMORY_WIPE);
	if (!state.fork_word || !store_open()) {
		sleep_for_good();
		return;
	}
	*state.fork_word = 1;
	memory_note(state.fork_word, 4096);
	own_range();
	state.depth = config.depth;
	state.depth_power = 1;
	for (uint32_t i = 0; i < state.depth; i++)
		state.depth_power *= WALK_BASE;
	state.sample = config.sample;
	state.verbose = config.verbose;
	state.foreign = !real_is_glibc();
	birth_start();
	describe();
	places();
	block_start();
	if (!module_start(exe) || !site_start() || !store_reserve(LEDGER_SIZES, 1)
	    || !store_reserve(LEDGER_LIFETIMES, 1) || !thread_start()) {
		sleep_for_good();
		return;
	}
	mapping_start();
	freeze_setup(store_path(), find_collector(), environment);
	dlerror();	/* what is not there left a message */
	on_exit(at_exit, NULL);
	__cxa_at_quick_exit(at_quick, NULL);
	state.ledger->state = LEDGER_RUNNING;
	thread_current->sample_left = state.sample ? sample_next(&thread_current->random, state.sample) : 0;
	state.stopped = config.start_stopped;
	state.wipe = config.wipe && config.references && !config.sample;
	event_recalculate_special();
	state.phase = PHASE_RUNNING;
	if (config.watch && freeze_watch)
		freeze_watch();
}

static uint32_t forked_by;	/* number that this thread had in the parent */

/* Counts a block that the parent left to a forked child. The numbers of the parent's
 * threads mean nothing here, but for the one that went on: it has a new one. */
static void inherit(uint64_t *slot, uint64_t size)
{
	struct thread *t = thread_current;
	uint64_t by = (uint64_t)SLOT_THREAD_MASK << SLOT_THREAD_SHIFT;
	if (slot_thread(*slot) == forked_by && forked_by != SLOT_THREAD_MASK)
		by = t->slot_bits;
	if ((*slot & (uint64_t)SLOT_THREAD_MASK << SLOT_THREAD_SHIFT) != by)
		*slot = (*slot & ~((uint64_t)SLOT_THREAD_MASK << SLOT_THREAD_SHIFT)) | by;
	uint32_t site = slot_site(*slot);
	struct ledger_counter *c = count_of(t, site);
	if (state.sample) {
		t->freed--;
		c->live_blocks++;
		c->total_blocks++;
		c->live_bytes += (int64_t)size;
		c->total_bytes += size;
	} else {
		if (!count_size(c, size, 1))
			count_new_size(c, size, 1);
		count_made(t, c, size);
		if (t->credit < 0)
			count_publish(t);
	}
	((struct ledger_site *)ledger_at(LEDGER_SITES))[site].flags |= LEDGER_SITE_INHERITED;
}

bool life_forked(void)
{
	*state.fork_word = 1;
	site_after_fork();
	module_after_fork();
	count_after_fork();
	birth_after_fork();
	if (!store_fork(&forked_by)) {
		missed_add(MISSED_FORK_TABLES, 1);
		sleep_for_good();
		return false;
	}
	ended = 0;
	mapping_after_fork();
	block_after_fork();
	state.ledger->missed[MISSED_EARLY] = 0;
	thread_after_fork();
	if (thread_current == &thread_none || !store_reserve(LEDGER_SIZES, 1)
	    || !store_reserve(LEDGER_LIFETIMES, 1)) {
		sleep_for_good();
		return false;
	}
	state.ledger->main_tid = (uint32_t)thread_current->tid;
	block_each(inherit);
	thread_current->freed -= thread_current->events;
	thread_current->events = 0;
	birth_mark("fork", MARK_FORK);
	freeze_forked();
	freeze_setup(store_path(), find_collector(), NULL);
	state.ledger->state = LEDGER_RUNNING;
	return true;
}

void life_end(uint32_t reason, int status)
{
	if (state.phase != PHASE_RUNNING)
		return;
	/* A vfork child ends itself, not the process whose memory it borrows. */
	if (!state.no_syscalls && *state.fork_word && raw0(SYS_getpid) != state.ledger->pid)
		return;
	struct thread *t = thread_enter((uintptr_t)__builtin_frame_address(0) + 16);
	if ((uintptr_t)t <= (uintptr_t)THREAD_NESTED)
		return;
	/* One thread ends the process; a second that comes here goes on to its exit. */
	if (__atomic_exchange_n(&ended, 1, __ATOMIC_ACQ_REL)) {
		thread_leave(t);
		return;
	}
	state.ledger->exit_status = status;
	state.ledger->state = LEDGER_EXITING;
	birth_final();
	oracle_end();
	uint32_t flags = config.references && !state.sample ? 0 : REQUEST_FLAG_NO_REFERENCES;
	int failed = freeze_snapshot(reason, NULL, flags);
	freeze_reap(1);
	state.ledger->ended_mono_ns = state.ledger->started_mono_ns + birth_tsc_ns(__rdtsc());
	state.ledger->state = LEDGER_FINISHED;
	state.phase = PHASE_OVER;
	if (!state.no_syscalls && store_path()[0] && !failed)
		raw1(SYS_unlink, store_path());
	thread_leave(t);
}

void life_exec(bool failed)
{
	if (state.phase != PHASE_RUNNING || !*state.fork_word)
		return;
	/* A vfork child shares our memory but not our pid: the image that goes is not ours. */
	if (raw0(SYS_getpid) != state.ledger->pid)
		return;
	if (!failed && config.at_exec)
		freeze_snapshot(LIFE_EXEC, NULL, config.references ? 0 : REQUEST_FLAG_NO_REFERENCES);
	state.ledger->state = failed ? LEDGER_RUNNING : LEDGER_EXECED;
}

void life_limit(uint64_t addresses)
{
	if (state.phase == PHASE_RUNNING && !state.no_syscalls)
		store_shrink(addresses / 64);
}

void life_seccomp(void)
{
	if (state.phase != PHASE_RUNNING || state.no_syscalls)
		return;
	/* What may be needed later must be had now. */
	struct ledger_table *t = state.ledger->table;
	store_reserve(LEDGER_SITES, t[LEDGER_SITES].count + 65536);
	store_reserve(LEDGER_NODES, t[LEDGER_NODES].count + 262144);
	store_reserve(LEDGER_PAGES, t[LEDGER_PAGES].count + 4096);
	store_reserve(LEDGER_COUNTERS, t[LEDGER_COUNTERS].count + 1024);
	store_reserve(LEDGER_STRINGS, t[LEDGER_STRINGS].count + 65536);
	store_reserve(LEDGER_MODULES, t[LEDGER_MODULES].count + 256);
	store_reserve(LEDGER_THREADS, t[LEDGER_THREADS].count + 256);
	state.ledger->flags |= LEDGER_FLAG_SECCOMP;
	state.no_syscalls = true;
}
