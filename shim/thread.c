/* thread.c - see thread.h. */
#include <sys/prctl.h>
#include <sys/resource.h>
#include "birth.h"
#include "count.h"
#include "lock.h"
#include "lookup.h"
#include "memory.h"
#include "mix.h"
#include "sample.h"
#include "table.h"
#include "thread.h"

__thread bool thread_registering __attribute__((tls_model("initial-exec")));

extern void *__libc_stack_end;
static size_t pthread_bytes; /* sizeof(struct pthread) */

static struct lock thread_lock;
static uint64_t
	records; /* how many there are: the ledger is shared with a child, which is to know this of the fork */
static struct thread *cursor; /* where the search for dead threads resumes */

static bool is_dead(const struct thread *t)
{
	if (!t->record || !t->tid || !lock_thread_dead(t->tid))
		return false;
	/* Everything it wrote precedes its last exit from the shim. */
	(void)__atomic_load_n(&t->busy, __ATOMIC_ACQUIRE);
	return true;
}

/* Finds a dead thread whose memory can be reused. It examines only a few, so
 * that even if many threads are created the cost of each is constant. */
static struct thread *find_dead(int32_t tid)
{
	struct thread *t = cursor ? cursor : state.threads, *found = NULL;
	for (unsigned i = 0; i < 8 && t && !found; i++, t = t->next) {
		if (t->tid != tid && !is_dead(t))
			continue;
		if (t->record && t->record->state & LEDGER_THREAD_ALIVE) {
			t->record->state = LEDGER_THREAD_EXITED;
			t->record->died = birth_now();
		}
		if (state.ledger->table[LEDGER_THREADS].count >= THREAD_RECORDS_KEPT && t->tid)
			found = t;
		else
			t->tid = t->tid == tid ? 0 : t->tid;
	}
	cursor = t;
	return found;
}

static void find_stack(struct thread *t, uintptr_t sp)
{
	if (t->tid == state.ledger->pid) {
		struct rlimit limit;
		uintptr_t reach = 8ul << 20;
		if (raw4(SYS_prlimit64, 0, RLIMIT_STACK, 0, &limit) == 0 && limit.rlim_cur > reach)
			reach = limit.rlim_cur < 1ul << 30 ? limit.rlim_cur : 1ul << 30;
		t->stack_hi = (uintptr_t)__libc_stack_end + 64;
		t->stack_lo = t->stack_hi - reach;
		return;
	}
	/* pthread_getattr_np takes the thread's lock, which the caller of this event
	 * may hold. But glibc keeps the stack's start and size side by side in struct
	 * pthread (allocatestack.c: stackblock, stackblock_size), and since they
	 * enclose the stack pointer and the thread pointer, no other pair of words
	 * can match. */
	const uintptr_t *word = (const uintptr_t *)t->control_block;
	for (unsigned i = 16; i + 1 < pthread_bytes / sizeof *word; i++) {
		uintptr_t lo = word[i], hi = lo + word[i + 1];
		if (lo && lo <= sp && sp < t->control_block && hi > t->control_block
			&& hi - t->control_block <= 2 * pthread_bytes + 65536) {
			t->stack_lo = lo;
			t->stack_hi = t->control_block;
			return;
		}
	}
}

uint64_t thread_seed(void)
{
	static uint64_t lives;
	return __atomic_add_fetch(&lives, 1, __ATOMIC_RELAXED) * MIX_RRMXMX;
}

static void fill(struct thread *t, uintptr_t sp)
{
	struct ledger_thread *r = t->record;
	t->control_block = thread_control_block();
	t->frames = 0;
	t->last = 0;
	t->ignoring = 0;
	t->sample_left = SAMPLE_UNDRAWN;
	t->generation = __atomic_load_n(&state.generation, __ATOMIC_RELAXED);
	t->seed = thread_seed();
	t->floor.slot = UINTPTR_MAX;
	t->python.frames = 0;
	t->python.identity[0] = thread_seed();
	t->leaf_off = false;
	t->leaf_turn = WALK_TRIAL;
	t->leaf_events = t->events;
	t->random = birth_tsc() * MIX_GOLDEN | 1;
	t->timed_first = 0;
	t->timed_tsc = 0;
	t->timed_gap = 1;
	t->timed_left = 0;
	t->timed_each = true;
	t->stack_lo = t->stack_hi = 0;
	t->base = t->credit = state.threaded ? COUNT_CHUNK : 0;
	t->credit_max = state.threaded ? 2 * COUNT_CHUNK : INT64_MAX;
	find_stack(t, sp);
	uint64_t number = t->number < SLOT_THREAD_MASK ? t->number : SLOT_THREAD_MASK;
	t->slot_bits = number << SLOT_THREAD_SHIFT;
	if (!r)
		return;
	r->tid = t->tid;
	r->state = LEDGER_THREAD_ALIVE;
	r->born = birth_now();
	r->died = 0;
	r->control_block = t->control_block;
	r->stack_lo = t->stack_lo;
	r->stack_hi = t->stack_hi;
	if (!state.no_syscalls)
		raw2(SYS_prctl, PR_GET_NAME, r->name);
}

static struct thread *make(void)
{
	const size_t directory = ((SLOT_SITE_MASK + 1) / LEDGER_PAGE_COUNTERS) * sizeof(void *);
	struct thread *t = memory_map(sizeof *t + directory, MEMORY_WIPE);
	if (!t)
		return NULL;
	t->pages = (struct ledger_counter **)(t + 1);
	return t;
}

/* `t`: memory to use, or NULL. Under thread_lock. */
static struct thread *enlist(struct thread *t)
{
	struct ledger_table *table = &state.ledger->table[LEDGER_THREADS];
	uint64_t index = table->count;
	if (!t)
		t = make();
	if (!t)
		return NULL;
	if (table_reserve(LEDGER_THREADS, index + 1)) {
		t->record = (struct ledger_thread *)ledger_at(LEDGER_THREADS) + index;
		t->number = (uint32_t)index;
		records = index + 1;
		__atomic_store_n(&table->count, index + 1, __ATOMIC_RELEASE);
	} else {
		t->number = (uint32_t)table->capacity;
		missed_add(MISSED_THREADS_FULL, 1);
	}
	t->tid = (int32_t)raw0(SYS_gettid);
	t->next = state.threads;
	__atomic_store_n(&state.threads, t, __ATOMIC_RELEASE);
	return t;
}

struct thread *thread_register(uintptr_t sp)
{
	thread_registering = true;
	compiler_barrier();
	int32_t tid = (int32_t)raw0(SYS_gettid);
	lock_take(&thread_lock);
	struct thread *t = find_dead(tid);
	if (!t) {
		t = enlist(NULL);
		if (t && t->next && !state.threaded)
			count_found_threaded(t->next);
	} else {
		t->tid = tid; /* no other thread may take it */
		count_inherit(t);
	}
	lock_release(&thread_lock);
	if (t) {
		fill(t, sp);
		thread_current = t;
	}
	compiler_barrier();
	thread_registering = false;
	return t;
}

bool thread_start(void)
{
	/* Exported for debuggers (nptl_db): a uint32_t. */
	const uint32_t *bytes = lookup_first("_thread_db_sizeof_pthread");
	pthread_bytes = bytes && *bytes < 16384 ? *bytes : 1792;
	struct thread *t = thread_register((uintptr_t)__builtin_frame_address(0));
	if (t)
		t->busy = THREAD_IDLE;
	return t;
}

bool thread_left_python(void)
{
	const struct ledger_thread *r = ledger_at(LEDGER_THREADS);
	const uintptr_t self = thread_control_block();
	uint64_t n = records < table_reserved(LEDGER_THREADS) ? records : table_reserved(LEDGER_THREADS);
	for (uint64_t i = 0; i < n; i++) {
		/* Samples do not show what else a thread does. */
		bool runs = r[i].state & LEDGER_THREAD_PYTHON || (state.sample && state.python_site);
		/* The death of a thread is noted late; the parent is asked. */
		if (runs && r[i].state & LEDGER_THREAD_ALIVE && r[i].control_block != self
			&& !lock_thread_dead(r[i].tid))
			return true;
	}
	return false;
}

void thread_after_fork(void)
{
	struct thread *t = thread_current;
	thread_lock.word = 0;
	cursor = NULL;
	state.threads = NULL;
	state.threaded = false;
	thread_registering = true;
	if (t == &thread_none)
		t = NULL;
	else
		t->pages = (struct ledger_counter **)(t + 1);
	t = enlist(t);
	if (t) {
		fill(t, (uintptr_t)__builtin_frame_address(0));
		thread_current = t;
	}
	thread_registering = false;
}
