/* roots_threads.c - thread descriptors, thread-local data, keys: roots_private.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "roots_private.h"

#define LIST_MAX 100000u
#define KEYS_FIRST 32u /* PTHREAD_KEY_2NDLEVEL_SIZE: entries in the descriptor */
#define DTV_MAX 65536u
#define EXITING 0x10u /* bits of cancelhandling (nptl/descr.h) */
#define TERMINATED 0x20u
#define ITEM_LEFT (UINT32_MAX - 1) /* claims: instead of a thread's number */

static uint64_t read_word(struct roots *r, uint64_t address)
{
	uint64_t word = 0;

	return remote_word(r->memory, address, &word) ? word : 0;
}

/* Calls `each` with the descriptors of a list of libc; false when the list is
 * not one (RT3): it must come back to its head, and each link back to the last. */
static bool walk_list(struct roots *r, uint64_t head, void (*each)(struct roots *, uint64_t, int), int what)
{
	uint64_t at = head, before, links[2];
	unsigned n;

	for (int pass = 0; pass < 2; pass++) {
		before = head;
		at = read_word(r, head);
		for (n = 0; at != head; n++) {
			if (!at || n > LIST_MAX || remote_read(r->memory, at, links, 16) != 16
				|| links[1] != before)
				return false;
			if (pass)
				each(r, at - r->libc.list, what);
			before = at;
			at = links[0];
		}
	}
	return true;
}

static struct roots_thread *add_thread(struct roots *r)
{
	struct roots_thread *t = ARRAY_ADD(r->threads, r->thread_count, r->thread_capacity);

	*t = (struct roots_thread){ .index = UINT32_MAX };
	return t;
}

/* {stackblock, stackblock_size} has no descriptor in nptl_db. It is found in a
 * thread that libc made: whole pages, with the descriptor at their upper end. */
static void find_stack_block(struct roots *r, uint64_t descriptor)
{
	uint64_t words[1 << 10], count = r->libc.sizeof_pthread / 8;

	if (r->libc.stackblock || count > 1 << 10
		|| remote_read(r->memory, descriptor, words, count * 8) != count * 8)
		return;
	for (uint64_t i = 0; i + 1 < count; i++) {
		uint64_t lo = words[i], hi = lo + words[i + 1], end = descriptor + count * 8;

		if (lo && lo % 4096 == 0 && words[i + 1] % 4096 == 0 && lo < descriptor && hi >= end
			&& hi - end < 4096 + 64) {
			r->libc.stackblock = i * 8;
			return;
		}
	}
}

static void note_descriptor_shape(struct roots *r, uint64_t descriptor, int what)
{
	(void)what;
	find_stack_block(r, descriptor);
}

static void stack_of(struct roots *r, struct roots_thread *t)
{
	uint64_t block[2];

	if (!t->descriptor || !r->libc.stackblock
		|| remote_read(r->memory, t->descriptor + r->libc.stackblock, block, 16) != 16 || !block[0]
		|| block[0] >= t->descriptor)
		return;
	t->stack_lo = block[0];
	t->stack_hi = t->descriptor - r->libc.static_tls;
}

/* A descriptor in libc's lists: of a thread that we know, or of one that has
 * ended and that nobody has joined. */
static void note_descriptor(struct roots *r, uint64_t descriptor, int what)
{
	uint32_t tid = 0;
	struct roots_thread *t;

	(void)what;
	remote_read(r->memory, descriptor + r->libc.tid, &tid, sizeof tid);
	for (size_t i = 0; i < r->thread_count; i++) {
		t = &r->threads[i];
		if (t->stop && (t->descriptor ? t->descriptor == descriptor : t->tid == (int)tid)) {
			t->descriptor = descriptor;
			return;
		}
	}
	if ((int32_t)tid > 0)
		return; /* just starting or just ending: its creator's turn */
	t = add_thread(r);
	t->descriptor = descriptor;
	stack_of(r, t);
}

/* The dynamic TLS of a thread that has ended is kept for the next thread on
 * its stack. It is not a leak, and its words are not roots. */
static void claim_ended_tls(struct roots *r, uint64_t descriptor)
{
	uint64_t dtv = read_word(r, descriptor + r->libc.dtv), count, entry[2];

	if (!r->libc.dtv || !dtv)
		return;
	count = read_word(r, dtv - 16);
	for (uint64_t i = 1; i <= count && i < DTV_MAX; i++) {
		uint32_t block;

		if (remote_read(r->memory, dtv + i * 16, entry, 16) != 16)
			break;
		block = scan_block(r->scan, entry[1]);
		if (entry[1] && block != SCAN_NONE)
			r->scan->stack_block[block] = 1;
	}
	roots_claim(r, descriptor + r->libc.dtv, descriptor + r->libc.dtv + 8, CLAIM_WORD, ROOT_TLS, 0,
		UINT32_MAX);
}

/* In a forked child libc keeps the stacks of the parent's other threads like
 * those of threads that have ended. But these were running: what only they hold
 * is not lost, though nobody in this process will ever free it. */
static bool claim_left_thread(struct roots *r, uint64_t descriptor)
{
	uint32_t flags;

	return r->ledger->flags & LEDGER_FLAG_FORKED && r->libc.cancelhandling
		&& remote_read(r->memory, descriptor + r->libc.cancelhandling, &flags, sizeof flags)
		== sizeof flags
		&& !(flags & (EXITING | TERMINATED));
}

static void is_descriptor_cached(struct roots *r, uint64_t descriptor, int what)
{
	uint64_t block[2];

	(void)what;
	if (claim_left_thread(r, descriptor) && r->libc.stackblock
		&& remote_read(r->memory, descriptor + r->libc.stackblock, block, 16) == 16 && block[0]
		&& block[0] < descriptor) {
		roots_claim(r, block[0], block[0] + block[1], CLAIM_TLS, ROOT_STACK, ROOT_FLAG_WEAK_EVIDENCE,
			ITEM_LEFT);
		r->threads_left++;
		return;
	}
	if (r->libc.stackblock && remote_read(r->memory, descriptor + r->libc.stackblock, block, 16) == 16
		&& block[0] && block[0] < descriptor)
		roots_claim(r, block[0], block[0] + block[1], CLAIM_TLS, 0, 0, 0);
	claim_ended_tls(r, descriptor);
}

static void claim_main_stack(struct roots *r, struct roots_thread *t)
{
	for (size_t i = 0; i < r->memory->mapping_count; i++)
		if (!strcmp(r->memory->mappings[i].path, "[stack]")) {
			t->stack_lo = r->memory->mappings[i].lo;
			t->stack_hi = r->memory->mappings[i].hi;
		}
}

/* What the shim knows of a thread. */
static void record_use(struct roots *r, struct roots_thread *t)
{
	uint64_t count;
	const struct ledger_thread *records = roots_table(r, LEDGER_THREADS, sizeof *records, &count);

	for (uint64_t i = count; i-- > 0;) {
		const struct ledger_thread *k = &records[i];

		if (k->tid != t->tid || !(k->state & LEDGER_THREAD_ALIVE))
			continue;
		t->index = (uint32_t)i;
		if (!t->descriptor)
			t->descriptor = k->control_block;
		t->stack_lo = k->stack_lo;
		t->stack_hi = k->stack_hi;
		t->signal_lo = k->signal_stack_lo;
		t->signal_hi = k->signal_stack_hi;
		return;
	}
}

void roots_threads(struct roots *r)
{
	struct roots_libc *c = &r->libc;
	bool lists;

	for (size_t i = 0; i < r->stop->count; i++) {
		const struct stop_thread *s = &r->stop->threads[i];
		struct roots_thread *t;

		if (s->how == STOP_GONE)
			continue;
		t = add_thread(r);
		t->stop = s;
		t->tid = s->tid;
		t->registers = s->registers;
		memcpy(t->name, s->name, sizeof t->name);
		if (s->how == STOP_TRACED || s->how == STOP_SELF)
			t->descriptor = s->registers.fs_base;
		record_use(r, t);
	}
	if (c->stack_used && c->stack_user && c->sizeof_pthread) {
		lists = walk_list(r, c->stack_used, note_descriptor_shape, 0);
		lists &= walk_list(r, c->stack_user, note_descriptor_shape, 0);
		walk_list(r, c->stack_cache, note_descriptor_shape, 0);
		lists = lists && walk_list(r, c->stack_used, note_descriptor, 0)
			&& walk_list(r, c->stack_user, note_descriptor, 0);
		if (!lists || !walk_list(r, c->stack_cache, is_descriptor_cached, 0))
			roots_doubt(r, "libc's lists of thread stacks could not be read");
	}
	/* libc wipes the keys of such threads, and gives their stacks to new ones: what they alone held cannot be
	 * distinguished from what was lost before. A snapshot of the parent shows the difference. */
	for (uint64_t i = 0; i < r->scan->block_count; i++) {
		struct tide_block *b = &r->scan->blocks[i];

		if (b->thread == UINT32_MAX
			&& (r->threads_left || (b->birth && b->birth <= r->ledger->python_left)))
			b->flags |= BLOCK_LEFT;
	}
	for (size_t i = 0; i < r->thread_count; i++) {
		struct roots_thread *t = &r->threads[i];

		if (t->stop && t->tid == r->stop->pid)
			claim_main_stack(r, t);
		else if (t->stop)
			stack_of(r, t);
		if (t->descriptor && t->stack_hi > t->descriptor - c->static_tls
			&& t->stack_lo < t->descriptor && t->tid != r->stop->pid)
			t->stack_hi = t->descriptor - c->static_tls;
	}
}

/* --- claims ----------------------------------------------------------------- */

/* Dynamic TLS: blocks that the loader allocated, held by the thread's DTV. */
static void claim_dynamic_tls(struct roots *r, uint32_t item)
{
	struct roots_thread *t = &r->threads[item];
	uint64_t dtv = read_word(r, t->descriptor + r->libc.dtv), count;

	if (!r->libc.dtv || !dtv)
		return;
	count = read_word(r, dtv - 16);
	for (size_t i = 0; i < r->module_count; i++) {
		struct roots_module *m = &r->modules[i];
		struct tide_root root = { .kind = ROOT_TLS, .module = m->index, .thread = t->index };
		uint64_t value;
		char name[320];

		if (!m->tls_module || m->tls_module > count || m->tls_module >= DTV_MAX)
			continue;
		root.address = dtv + m->tls_module * 16;
		root.bytes = 8;
		value = read_word(r, root.address);
		if (scan_block(r->scan, value) == SCAN_NONE)
			continue;
		snprintf(name, sizeof name, "thread-local data of %s", m->path);
		roots_word(r, roots_add(r, &root, name), root.address, value);
	}
}

/* Values of keys that were deleted: libc itself no longer gives them to anybody.
 * An entry of a thread, {sequence, value}, counts while the key's sequence is
 * the same (nptl/pthread_getspecific.c). */
static void note_stale_keys(struct roots *r, uint64_t first, uint32_t item)
{
	uint64_t have[KEYS_FIRST][2], keys[KEYS_FIRST][2];

	if (!r->libc.keys || remote_read(r->memory, first, have, sizeof have) != sizeof have
		|| remote_read(r->memory, r->libc.keys, keys, sizeof keys) != sizeof keys)
		return;
	for (uint64_t i = 0; i < KEYS_FIRST; i++)
		if (have[i][1] && have[i][0] != keys[i][0])
			roots_claim(r, first + i * 16, first + i * 16 + 16, CLAIM_WORD, 0, 0, item);
}

static void claim_thread(struct roots *r, uint32_t item)
{
	struct roots_thread *t = &r->threads[item];
	struct roots_libc *c = &r->libc;
	uint64_t d = t->descriptor, end = d + (c->sizeof_pthread ? c->sizeof_pthread : 2304);

	roots_claim(r, d - c->static_tls, end, CLAIM_TLS, t->stop ? ROOT_TLS : 0, 0, item);
	if (!t->stop)
		roots_claim(r, d, end, CLAIM_KEYS, ROOT_TLS, 0, item);
	else if (c->specific >= KEYS_FIRST * 16) {
		roots_claim(r, d + c->specific - KEYS_FIRST * 16, d + c->specific + KEYS_FIRST * 8,
			CLAIM_KEYS, ROOT_PTHREAD_KEY, 0, item);
		note_stale_keys(r, d + c->specific - KEYS_FIRST * 16, item);
	}
	for (size_t i = 0; i < r->module_count; i++)
		if ((r->modules[i].shim || r->modules[i].allocator) && r->modules[i].tls_offset)
			roots_claim(r, d - r->modules[i].tls_offset,
				d - r->modules[i].tls_offset + r->modules[i].tls_bytes, CLAIM_OWN, 0, 0,
				item);
	if (t->stop)
		claim_dynamic_tls(r, item);
	else
		claim_ended_tls(r, d);
}

void roots_threads_claim(struct roots *r)
{
	for (size_t i = 0; i < r->thread_count; i++) {
		struct roots_thread *t = &r->threads[i];

		if (t->descriptor)
			claim_thread(r, (uint32_t)i);
		else
			roots_doubt(r, "thread-local data of thread %d was not found", t->tid);
	}
}

static uint32_t find_tls_variable(struct roots *r, struct roots_thread *t, uint64_t address)
{
	struct tide_root root = { .kind = ROOT_TLS, .thread = t->index, .address = address, .bytes = 8 };
	uint64_t below = t->descriptor - address;
	char name[320];

	for (size_t i = 0; i < r->module_count; i++) {
		struct roots_module *m = &r->modules[i];
		uint64_t offset = m->tls_offset - below, start, bytes;
		const char *found;

		if (!m->tls_offset || below > m->tls_offset || offset >= m->tls_bytes)
			continue;
		root.module = m->index;
		found = symbol_module_tls(roots_symbols(m), offset, &start, &bytes);
		if (found) {
			root.address = t->descriptor - m->tls_offset + start;
			root.bytes = bytes;
			return roots_add(r, &root, found);
		}
		snprintf(name, sizeof name, "thread-local data of %s+0x%llx", m->path,
			(unsigned long long)offset);
		return roots_add(r, &root, name);
	}
	snprintf(name, sizeof name, "thread-local data of thread %d", t->tid);
	return roots_add(r, &root, name);
}

uint32_t roots_tls(struct roots *r, const struct claim *c, uint64_t address)
{
	struct tide_root root = {
		.kind = c->kind, .thread = UINT32_MAX, .flags = c->flags, .address = address, .bytes = 8
	};
	struct roots_thread *t = c->item < r->thread_count ? &r->threads[c->item] : NULL;
	char name[128];

	if (!t)
		return roots_add(r, &root,
			c->item == ITEM_LEFT ? "stack of a thread that did not survive the fork"
					     : "stack kept for the next thread");
	root.thread = t->index;
	if (c->kind == ROOT_PTHREAD_KEY) {
		uint64_t first = t->descriptor + r->libc.specific - KEYS_FIRST * 16;
		uint64_t key = address < first + KEYS_FIRST * 16
			? (address - first) / 16
			: (address - first - KEYS_FIRST * 16) / 8 * KEYS_FIRST;

		snprintf(name, sizeof name,
			address < first + KEYS_FIRST * 16 ? "pthread key %llu of %s (%d)"
							  : "pthread keys from %llu of %s (%d)",
			(unsigned long long)key, t->name, t->tid);
		return roots_add(r, &root, name);
	}
	if (address < t->descriptor)
		return find_tls_variable(r, t, address);
	if (t->descriptor_root)
		return t->descriptor_root - 1;
	root.address = t->descriptor;
	root.bytes = r->libc.sizeof_pthread;
	if (t->stop)
		snprintf(name, sizeof name, "descriptor of thread %d in %s", t->tid, t->name);
	else
		snprintf(name, sizeof name, "descriptor of an ended thread that was not joined");
	t->descriptor_root = roots_add(r, &root, name) + 1;
	return t->descriptor_root - 1;
}
