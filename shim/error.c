/* error.c - see error.h.
 *
 * What glibc's malloc keeps in a free chunk is taken from malloc/malloc.c (2.28 to 2.41):
 * struct malloc_chunk, tcache_entry (2.26; its key: 2.29), PROTECT_PTR (2.32), PREV_INUSE.
 */
#include <errno.h>
#include <gnu/libc-version.h>
#include "callee.h"
#include "config.h"
#include "error.h"
#include "freed.h"
#include "freeze.h"
#include "lock.h"
#include "lookup.h"
#include "mapping.h"
#include "memory.h"
#include "object.h"
#include "raw.h"
#include "site.h"
#include "table.h"
#include "text.h"
#include "timeline.h"

#define LAST_MOST 8u        /* snapshots taken before calls that might be the last */
#define EXAMINED_MOST 4096u /* unknown pointers that are examined: a program with more has a reason */
#define CACHED_MOST 1040u   /* bytes of the largest chunk in a thread cache */
#define FAST_MOST 128u      /* bytes of the largest chunk in a fast bin */
#define CHUNK_LEAST 32u
#define CHUNK_IN_USE 1u /* PREV_INUSE: the chunk below is in use */

static struct lock error_lock;
static uint32_t examined, last_count;
static char last_path[512]; /* of the snapshot taken before the current call; "": not taken */
static bool is_mangled;     /* links of free chunks are xored with their place: glibc 2.32 */
static bool has_keys;       /* chunks in a thread cache have a key: glibc 2.29 */

void error_start(void)
{
	const char *version = gnu_get_libc_version(), *minor = text_after(version, "2.");
	uint64_t n = minor ? text_number(minor) : 0;
	is_mangled = n >= 32;
	has_keys = n >= 29;
	callee_start();
}

void error_after_fork(void)
{
	error_lock.word = 0;
	examined = last_count = 0;
	last_path[0] = 0;
	freed_after_fork();
}

/* Does any module import one of these names? *known is what was found before: the number of the modules then, and
 * in its last bit the answer. */
static bool imports_any(const char *const *names, unsigned count, uint64_t *known)
{
	uint64_t modules = lookup_modules() & ~1ull, before = __atomic_load_n(known, __ATOMIC_RELAXED);
	bool any = false;
	if (before && (before & ~1ull) == modules)
		return before & 1;
	for (unsigned i = 0; i < count && !any; i++)
		any = lookup_imported(names[i]);
	__atomic_store_n(known, modules | any, __ATOMIC_RELAXED);
	return any;
}

/* Under another allocator nothing is known of the heap, only that the program had a block here and freed it. That is
 * enough unless functions that are not hooked can have made another block here. */
static bool has_foreign_doors(void)
{
	static const char *const door[] = { "mallocx", "rallocx", "mi_malloc", "mi_zalloc", "tc_malloc",
		"je_malloc", "scalable_malloc", "_Znwm", "_Znam" };
	static uint64_t known;
	return imports_any(door, sizeof door / sizeof door[0], &known);
}

/* Could this word be a link in a list of free chunks: NULL, or a block of the heap? */
static bool is_link(uintptr_t word) { return !word || (!(word & 15) && block_leaf_of(word)); }

/* Does the program use entry points of malloc that are not hooked? Their blocks are in use, but what malloc
 * left in them may look as if they were free. */
static bool has_other_doors(void)
{
	static const char *const door[] = { "__libc_malloc", "__libc_calloc", "__libc_realloc",
		"__libc_memalign" };
	static uint64_t known;
	return imports_any(door, sizeof door / sizeof door[0], &known);
}

/* Does the allocator itself consider the block at p free? `known`: the program had a block there
 * before, and we have seen no block begin there since. */
static bool is_free_chunk(uintptr_t p, bool known)
{
	uint64_t word[4], next[2];
	long got = memory_read(word, p - 16, sizeof word);
	if (got == -EFAULT)
		return known; /* its memory was returned to the kernel */
	if (got != (long)sizeof word || word[1] & CHUNK_MAPPED)
		return false;
	uint64_t size = word[1] & ~(uint64_t)CHUNK_FLAGS;
	if (size < CHUNK_LEAST || size % 16 || size >> BLOCK_ADDRESS_BITS)
		return false;
	if (is_mangled && is_link(word[2] ^ p >> 12)) {
		/* malloc clears the key when it hands a block out of the cache. */
		if (size <= CACHED_MOST && word[3])
			return true;
		/* A chunk in a fast bin has no key. */
		if (known && size <= FAST_MOST && !has_other_doors())
			return true;
	}
	/* Before 2.32 the key is the address of the cache, the first block of its heap. */
	if (has_keys && !is_mangled && size <= CACHED_MOST && (word[3] & (LEDGER_PAGE - 1)) == 16
		&& is_link(word[2]) && known)
		return true;
	if (!known)
		return false;
	/* A plain link proves nothing by itself, but all chunks of a fast bin have one size. The last one of the
	 * list has no link. */
	if (!is_mangled && size <= FAST_MOST && word[2] && is_link(word[2])
		&& memory_read(next, word[2], sizeof next) == (long)sizeof next
		&& (next[1] & ~(uint64_t)CHUNK_FLAGS) == size && !has_other_doors())
		return true;
	got = memory_read(next, p - 16 + size, sizeof next);
	if (got != (long)sizeof next) /* the last chunk of the heap, which ends with its pages */
		return got == -EFAULT && !((p - 16 + size) % LEDGER_PAGE);
	return !(next[1] & CHUNK_IN_USE) && next[0] == size;
}

static enum ledger_error_place place_of(struct thread *t, uintptr_t p)
{
	struct object o;
	char byte;
	/* Only the part of the stack in use: a coroutine's stack may be anywhere. */
	if (t->busy >= t->stack_lo && p >= t->busy && p < t->stack_hi)
		return PLACE_STACK;
	if (object_find(p, &o))
		return PLACE_STATIC;
	if (mapping_holds(p))
		return PLACE_MAPPING;
	return memory_read(&byte, p, 1) == -EFAULT && memory_read(&byte, p - 16, 1) == -EFAULT
		? PLACE_UNMAPPED
		: PLACE_UNKNOWN;
}

/* Fills in what is known about the pointer; kind 0: nothing. */
static void examine(struct thread *t, uintptr_t p, struct ledger_error *e)
{
	struct block_seen around;
	uint32_t before = slot_site(block_slot_before(p));
	if (before && (state.foreign || is_free_chunk(p, true))) {
		e->kind = ERROR_DOUBLE_FREE;
		e->block = p;
		e->allocation_site = before;
		return;
	}
	if (block_around(p, &around)) {
		e->kind = ERROR_INNER;
		e->block = around.address;
		e->bytes = around.size;
		e->allocation_site = slot_site(around.slot);
		return;
	}
	e->place = place_of(t, p);
	if (e->place) {
		e->kind = ERROR_FOREIGN;
	} else if (is_free_chunk(p, false)) {
		e->kind = ERROR_DOUBLE_FREE;
		e->block = p;
	} else {
		e->kind = before ? ERROR_DOUBLE_FREE : ERROR_FOREIGN;
		e->allocation_site = before;
		e->flags = p & 15 ? 0 : LEDGER_ERROR_UNSURE;
	}
}

static bool is_same(const struct ledger_error *a, const struct ledger_error *b)
{
	return a->kind == b->kind && a->free_site == b->free_site && a->allocation_site == b->allocation_site
		&& a->freed_by == b->freed_by && a->place == b->place && a->flags == b->flags;
}

/* Called under the lock. An entry whose count is back at 0 is reused. */
static struct ledger_error *enter(const struct ledger_error *e)
{
	struct ledger_table *table = &state.ledger->table[LEDGER_ERRORS];
	struct ledger_error *all = ledger_at(LEDGER_ERRORS), *place = NULL;
	for (uint64_t i = 0; i < table->count; i++) {
		if (all[i].count && is_same(&all[i], e)) {
			__atomic_fetch_add(&all[i].count, 1, __ATOMIC_RELAXED);
			return &all[i];
		}
		if (!all[i].count && !place)
			place = &all[i];
	}
	if (!place) {
		if (!table_reserve(LEDGER_ERRORS, table->count + 1)) {
			missed_add(MISSED_ERRORS, 1);
			return NULL;
		}
		place = &all[table->count];
	}
	*place = *e;
	__atomic_store_n(&place->count, 1, __ATOMIC_RELEASE);
	if (place == &all[table->count])
		__atomic_store_n(&table->count, table->count + 1, __ATOMIC_RELEASE);
	return place;
}

static struct ledger_error *record(struct thread *t, struct ledger_error *e, const uintptr_t *entry)
{
	e->free_site = walk_slow(t, entry, SITE_DOMAIN_ERROR);
	e->thread = t->number;
	e->birth = birth_now();
	lock_take(&error_lock);
	struct ledger_error *found = enter(e);
	lock_release(&error_lock);
	return found;
}

/* libc is about to abort or to fault, so this is the last chance to look at the heap. */
static void take_last(void)
{
	char *at = last_path, *end = last_path + sizeof last_path;
	if (!config.session[0] || !config.references
		|| __atomic_fetch_add(&last_count, 1, __ATOMIC_RELAXED) >= LAST_MOST || last_path[0])
		return;
	text_append(&at, end, config.session);
	text_append(&at, end, "/");
	text_append_number(&at, end, (uint64_t)state.ledger->pid);
	text_append(&at, end, LEDGER_LAST_SUFFIX);
	timeline_final();
	if (freeze_snapshot(LEDGER_REASON_ABORT, last_path, 0))
		last_path[0] = 0;
}

__attribute__((cold, noinline)) struct ledger_error *error_unknown(
	struct thread *t, uintptr_t p, const uintptr_t *entry, enum error_call call)
{
	if ((state.foreign && !slot_site(block_slot_before(p))) || state.sample || state.no_syscalls
		|| __atomic_fetch_add(&examined, 1, __ATOMIC_RELAXED) >= EXAMINED_MOST
		|| (state.foreign && has_foreign_doors()))
		return NULL;
	struct ledger_error e = {
		.address = p, .flags = 0, .freed_by = call == ERROR_REALLOC ? FUNCTION_REALLOC : FUNCTION_FREE
	};
	examine(t, p, &e);
	if (e.kind == ERROR_DOUBLE_FREE)
		e.first_site = freed_site(p);
	if (state.operators && call == ERROR_FREE) {
		enum ledger_function f = callee_at(WALK_PC(entry));
		if (f >= FUNCTION_FREE)
			e.freed_by = (uint16_t)f;
	}
	if (e.allocation_site && state.operators)
		e.allocated_by = (uint16_t)callee_of_site(e.allocation_site);
	e.flags |= LEDGER_ERROR_INSIDE;
	struct ledger_error *found = record(t, &e, entry);
	if (found && call == ERROR_FREE && !(e.flags & LEDGER_ERROR_UNSURE))
		take_last();
	return found;
}

void error_survived(struct ledger_error *e)
{
	if (last_path[0]) {
		raw1(SYS_unlink, last_path);
		last_path[0] = 0;
	}
	if (e->flags & LEDGER_ERROR_UNSURE)
		__atomic_store_n(&e->count, 0, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&e->flags, ~LEDGER_ERROR_INSIDE, __ATOMIC_RELAXED);
}

/* The function that must free what this one allocates. */
static enum ledger_function find_partner(enum ledger_function allocated_by)
{
	switch (allocated_by) {
	case FUNCTION_MALLOC:
	case FUNCTION_REALLOC: return FUNCTION_FREE;
	case FUNCTION_NEW: return FUNCTION_DELETE;
	case FUNCTION_NEW_ARRAY: return FUNCTION_DELETE_ARRAY;
	case FUNCTION_NEW_ALIGNED: return FUNCTION_DELETE_ALIGNED;
	case FUNCTION_NEW_ARRAY_ALIGNED: return FUNCTION_DELETE_ARRAY_ALIGNED;
	default: return FUNCTION_UNKNOWN;
	}
}

__attribute__((cold, noinline)) void error_timed(struct thread *t, uintptr_t p, uint64_t size, uint64_t slot,
	const uintptr_t *entry, enum error_call call)
{
	freed_note(t, p, slot, entry);
	if (state.no_syscalls || !state.operators)
		return;
	enum ledger_function freed_by = callee_at(WALK_PC(entry));
	if (call == ERROR_REALLOC && freed_by == FUNCTION_REALLOC)
		freed_by = FUNCTION_FREE;
	else if (call == ERROR_REALLOC)
		return;
	if (freed_by < FUNCTION_FREE)
		return;
	enum ledger_function allocated_by = callee_of_site(slot_site(slot)),
			     right = find_partner(allocated_by);
	if (!right || right == freed_by)
		return;
	struct ledger_error e = { .address = p,
		.block = p,
		.bytes = size,
		.kind = ERROR_MISMATCH,
		.allocation_site = slot_site(slot),
		.allocated_by = (uint16_t)allocated_by,
		.freed_by = (uint16_t)(call == ERROR_REALLOC ? FUNCTION_REALLOC : freed_by) };
	record(t, &e, entry);
}
