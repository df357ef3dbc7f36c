/* roots_stacks.c - live parts of stacks, by frame, and registers: roots_private.h. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "shim/blockmap.h"
#include "roots_private.h"
#include "base/search.h"

#define FRAMES_MAX 8192u
#define RED_ZONE 128u    /* bytes below rsp that a leaf function may use (ABI) */
#define STARTING 2048u   /* a thread with less stack than this may be just starting */
#define VECTOR_FIRST 32u /* register numbers from here on are vector registers */

static const struct {
	const char *name;
	size_t at;
} general[] = {
/* clang-format off */
#define REGISTER(n) { #n, offsetof(struct user_regs_struct, n) }
	REGISTER(rax), REGISTER(rbx), REGISTER(rcx), REGISTER(rdx), REGISTER(rsi), REGISTER(rdi),
	REGISTER(rbp), REGISTER(r8), REGISTER(r9), REGISTER(r10), REGISTER(r11), REGISTER(r12),
	REGISTER(r13), REGISTER(r14), REGISTER(r15),
#undef REGISTER
	/* clang-format on */
};

static bool is_within(uint64_t address, uint64_t lo, uint64_t hi) { return address >= lo && address < hi; }

static bool is_system(const struct roots_module *m) { return !m || m->libc || m->loader || m->shim; }

/* The first frame that is the program's own: behind the last frame of ours
 * among those at the leaf end. Frames of ours at the other end are where a
 * thread's start routine is called: only libc's are outside of them. */
static size_t find_first_frame(struct roots *r, const struct roots_thread *t)
{
	size_t last = 0, i;

	if (t->stop->how == STOP_SELF && r->reason == REASON_EXIT && r->ledger->exit_function)
		for (i = 0; i < t->frame_count; i++)
			if (t->frames[i].function == r->ledger->exit_function)
				return i + 1;
	for (i = 0; i < t->frame_count; i++) {
		struct roots_module *m = roots_module_at(r, t->frames[i].pc - !!i);

		if (!is_system(m))
			break;
		if (m && m->shim)
			last = i + 1;
	}
	return last && (i < t->frame_count || t->stop->how == STOP_SELF) ? last : 0;
}

static void note_saved(struct roots_thread *t, const struct unwind_registers *saved)
{
	t->registers = (struct user_regs_struct){ .rbx = saved->rbx,
		.rbp = saved->rbp,
		.r12 = saved->r12,
		.r13 = saved->r13,
		.r14 = saved->r14,
		.r15 = saved->r15 };
}

/* A leaf function may keep what it likes below the stack pointer. One of libc that waits
 * in a system call keeps nothing of the program's there: what lies there is of the past. */
static uint64_t find_red_zone(struct roots *r, const struct stop_thread *s)
{
	struct roots_module *m = roots_module_at(r, s->registers.rip);

	return m && m->libc && (s->how == STOP_TRACED || s->how == STOP_BLOCKED)
			&& (long long)s->registers.orig_rax >= 0
		? 0
		: RED_ZONE;
}

/* Fills frames, first, live and the registers that count. */
static void walk_thread(struct roots *r, struct roots_thread *t)
{
	static struct unwind_frame frames[FRAMES_MAX];
	static struct unwind_registers saved[FRAMES_MAX];
	const struct stop_thread *s = t->stop;
	bool ours = s->how == STOP_SELF;

	t->frame_count = unwinder_walk(
		r->unwinder, &s->registers, stop_general(s), frames, ours ? saved : NULL, FRAMES_MAX);
	t->frames = alloc_bytes((t->frame_count + 1) * sizeof *t->frames);
	memcpy(t->frames, frames, t->frame_count * sizeof *t->frames);
	t->first = find_first_frame(r, t);
	t->live = s->registers.rsp - find_red_zone(r, s);
	if (t->first && !ours)
		unwinder_walk(r->unwinder, &s->registers, stop_general(s), frames, saved, FRAMES_MAX);
	if (t->first && t->first < t->frame_count) {
		t->live = t->frames[t->first].sp;
		note_saved(t, &saved[t->first]);
	} else if (ours && r->entry_sp > s->registers.rsp) {
		t->live = r->entry_sp;
	} else if (ours) {
		roots_doubt(r, "the stack of thread %d could not be unwound", t->tid);
	}
}

/* --- claims ----------------------------------------------------------------- */

static void claim_live(
	struct roots *r, uint64_t lo, uint64_t from, uint64_t hi, uint32_t flags, uint32_t item)
{
	roots_claim(r, lo, from, CLAIM_STACK, 0, 0, item);
	roots_claim(r, from, hi, CLAIM_STACK, ROOT_STACK, flags, item);
}

/* A stack that lies in a block: the block is alive, its words are the stack's. */
static void find_block_stack(struct roots *r, struct roots_thread *t, uint64_t address)
{
	uint32_t block = scan_block(r->scan, address);
	struct tide_root root = { .kind = ROOT_STACK, .thread = t->index };
	char name[64];

	if (block == SCAN_NONE || r->scan->stack_block[block])
		return;
	r->scan->stack_block[block] = 1;
	root.address = r->scan->blocks[block].address;
	root.bytes = r->scan->blocks[block].bytes;
	snprintf(name, sizeof name, "stack of thread %d in %s", t->tid, t->name);
	roots_word(r, roots_add(r, &root, name), root.address, root.address);
}

/* The stack pointer is on none of the stacks that the thread is known to have. */
static void claim_foreign_stack(struct roots *r, struct roots_thread *t, uint32_t item)
{
	uint64_t sp = t->live, count, lo, hi = 0;
	uint32_t block = scan_block(r->scan, sp + RED_ZONE);
	const struct ledger_mapping *known = roots_table(r, LEDGER_MAPPINGS, sizeof *known, &count);
	const struct remote_mapping *p = remote_mapping_at(r->memory, sp + RED_ZONE);

	if (block != SCAN_NONE) {
		lo = r->scan->blocks[block].address;
		hi = lo + r->scan->blocks[block].bytes;
		find_block_stack(r, t, sp + RED_ZONE);
	} else {
		lo = sp;
		for (uint64_t i = 0; i < count; i++)
			if (known[i].bytes
				&& is_within(sp, known[i].address, known[i].address + known[i].bytes)) {
				lo = known[i].address;
				hi = lo + known[i].bytes;
			}
		if (!hi && p)
			hi = p->hi;
	}
	claim_live(r, lo, sp, hi, 0, item);
	/* Where its own stack was left nobody knows. */
	roots_claim(r, t->stack_lo, t->stack_hi, CLAIM_STACK, ROOT_STACK, ROOT_FLAG_WEAK_EVIDENCE, item);
}

static void claim_signal_stack(struct roots *r, struct roots_thread *t, uint32_t item)
{
	uint64_t below = 0;

	claim_live(r, t->signal_lo, t->live, t->signal_hi, 0, item);
	find_block_stack(r, t, t->signal_lo);
	for (size_t i = t->first; i < t->frame_count && !below; i++)
		if (is_within(t->frames[i].sp, t->stack_lo, t->stack_hi))
			below = t->frames[i].sp - RED_ZONE;
	claim_live(r, t->stack_lo, below ? below : t->stack_lo, t->stack_hi,
		below ? 0 : ROOT_FLAG_WEAK_EVIDENCE, item);
}

/* The kernel holds the only pointer to an alternate stack that is not in use. */
static void is_signal_stack_idle(struct roots *r, struct roots_thread *t)
{
	struct tide_root root = { .kind = ROOT_KERNEL, .thread = t->index };
	char name[64];

	if (scan_block(r->scan, t->signal_lo) == SCAN_NONE)
		return;
	snprintf(name, sizeof name, "signal stack of thread %d in %s", t->tid, t->name);
	roots_word(r, roots_add(r, &root, name), t->signal_lo, t->signal_lo);
}

/* glibc keeps the argument of the start routine in the descriptor for ever. */
static void claim_argument(struct roots *r, struct roots_thread *t)
{
	uint64_t word = t->descriptor + r->libc.start_routine + 8;
	bool started = t->stack_hi < t->live || t->stack_hi - t->live > STARTING;

	if (!t->descriptor || !r->libc.start_routine)
		return;
	for (size_t i = 0; i < t->frame_count && !started; i++)
		started = !is_system(roots_module_at(r, t->frames[i].pc));
	if (started || !t->stop)
		roots_claim(r, word, word + 8, CLAIM_WORD, 0, 0, 0);
}

/* Frames outside of main, and of a thread's start routine, hold nothing of the
 * program's; but buffers for longjmp in them are not filled whole, and what lay
 * there before (of constructors, of the thread that had the stack) shows through. */
static void claim_outer(struct roots *r, struct roots_thread *t, uint32_t item)
{
	size_t n = t->frame_count, first, libc = 0;

	if (n && !t->frames[n - 1].pc)
		n--;
	/* _start belongs to the program; its caller's side holds argv and environ. */
	if (n && t->tid == r->stop->pid)
		n--;
	for (first = n; first > t->first; first--) {
		struct roots_module *m = roots_module_at(r, t->frames[first - 1].pc - 1);

		/* Two at most: what comes then may be a start routine of libc's own. */
		if (!m || !(m->shim || (m->libc && libc++ < 2)))
			break;
	}
	if (first < n)
		roots_claim(r, t->frames[first].sp, n < t->frame_count ? t->frames[n].sp : t->stack_hi,
			CLAIM_STACK, 0, 0, item);
}

static void claim_stack(struct roots *r, uint32_t item)
{
	struct roots_thread *t = &r->threads[item];

	if (t->stack_lo && t->descriptor
		&& scan_block(r->scan, t->stack_lo) == scan_block(r->scan, t->descriptor))
		find_block_stack(r, t, t->stack_lo);
	if (!t->live || t->stop->how == STOP_UNKNOWN)
		roots_claim(
			r, t->stack_lo, t->stack_hi, CLAIM_STACK, ROOT_STACK, ROOT_FLAG_WEAK_EVIDENCE, item);
	else if (is_within(t->live + RED_ZONE, t->signal_lo, t->signal_hi))
		claim_signal_stack(r, t, item);
	else if (is_within(t->live + RED_ZONE, t->stack_lo, t->stack_hi + 1))
		claim_live(r, t->stack_lo, t->live, t->stack_hi, 0, item);
	else
		claim_foreign_stack(r, t, item);
	if (t->signal_lo && !is_within(t->live + RED_ZONE, t->signal_lo, t->signal_hi)) {
		if (scan_block(r->scan, t->signal_lo) == SCAN_NONE)
			roots_claim(r, t->signal_lo, t->signal_hi, CLAIM_STACK, 0, 0, item);
		is_signal_stack_idle(r, t);
	}
	if (t->live && t->stop->how != STOP_UNKNOWN)
		claim_outer(r, t, item);
	claim_argument(r, t);
}

/* --- registers -------------------------------------------------------------- */

static void claim_register(
	struct roots *r, struct roots_thread *t, uint32_t number, const char *name, uint64_t word)
{
	struct tide_root root = { .kind = ROOT_REGISTER, .thread = t->index };
	struct scan_hit hit;
	char text[96];

	if (!scan_word(r->scan, word, &hit))
		return;
	snprintf(text, sizeof text, "%s of thread %d in %s", name, t->tid, t->name);
	scan_root_edge(r->scan, roots_add(r, &root, text), number, &hit);
}

/* XSAVE area, standard form: 16 registers of 16 bytes at 160, a bit map of the
 * parts that are there at 512, more parts from 576. */
static void scan_vectors(struct roots *r, struct roots_thread *t)
{
	const struct stop_thread *s = t->stop;
	uint64_t parts = ~0ull, word;
	char name[32];

	if (!s->vector)
		return;
	if (s->vector_bytes >= 576)
		memcpy(&parts, s->vector + 512, 8);
	for (size_t at = 160; parts & 2 && at + 8 <= 416; at += 8) {
		memcpy(&word, s->vector + at, 8);
		snprintf(name, sizeof name, "xmm%zu", (at - 160) / 16);
		claim_register(r, t, VECTOR_FIRST + (uint32_t)(at - 160) / 16, name, word);
	}
	for (size_t at = 576; parts >> 2 && at + 8 <= s->vector_bytes; at += 8) {
		memcpy(&word, s->vector + at, 8);
		claim_register(r, t, VECTOR_FIRST + 16, "vector register", word);
	}
}

static void scan_registers(struct roots *r, struct roots_thread *t)
{
	for (unsigned i = 0; i < sizeof general / sizeof *general; i++)
		claim_register(r, t, i, general[i].name,
			*(uint64_t *)(void *)((char *)&t->registers + general[i].at));
	if (!t->first)
		scan_vectors(r, t);
}

/* --- allocations under way -------------------------------------------------- */

struct under_way {
	struct roots *roots;
	struct roots_thread *thread;
	uint32_t item, youngest, root;
	bool resizing;
};

/* A thread that stands inside the shim may hold a block that the program does
 * not know yet: the last one that it made. */
static void note_youngest(struct under_way *u, uint64_t address, const struct scan_hit *hit)
{
	struct tide_block *b = &u->roots->scan->blocks[hit->block];
	struct tide_root root = { .kind = ROOT_STACK, .thread = u->thread->index };
	char name[64];

	if (b->thread != u->thread->index || b->birth < u->youngest || b->flags & BLOCK_NEW)
		return;
	b->flags |= BLOCK_NEW;
	snprintf(name, sizeof name, "allocation under way in thread %d in %s", u->thread->tid,
		u->thread->name);
	if (!u->root)
		u->root = roots_add(u->roots, &root, name) + 1;
	scan_root_edge(u->roots->scan, u->root - 1, address, hit);
}

/* A block that is being resized is in no list: neither where it was nor where
 * it will be. What it refers to is alive. */
static void note_resized(struct under_way *u, uint64_t word)
{
	struct roots *r = u->roots;
	const struct remote_mapping *p = remote_mapping_at(r->memory, word);
	uint64_t header, usable, next;

	if (word % 16 || !p || !p->writable || p->path[0] == '/' || !strcmp(p->path, "[stack]")
		|| scan_block(r->scan, word) != SCAN_NONE || !remote_word(r->memory, word - 8, &header))
		return;
	usable = chunk_usable(header);
	next = scan_first(r->scan, word);
	if (usable < 16 || usable > p->hi - word
		|| (next < r->scan->block_count && r->scan->blocks[next].address < word + usable))
		return;
	roots_claim(r, word, word + usable, CLAIM_STACK, ROOT_STACK, ROOT_FLAG_WEAK_EVIDENCE, u->item);
}

static void claim_under_way_word(struct under_way *u, uint64_t address, uint64_t word)
{
	struct scan_hit hit;

	if (scan_word(u->roots->scan, word, &hit))
		note_youngest(u, address, &hit);
	if (u->resizing) {
		note_resized(u, word);
		note_resized(u, word + 16); /* the allocator's own functions count from the header */
	}
}

/* Is one of the shim's frames that of realloc? */
static bool is_resizing(struct roots *r, const struct roots_thread *t)
{
	for (size_t i = 0; i < t->first; i++) {
		uint64_t pc = t->frames[i].pc - !!i;
		struct roots_module *m = roots_module_at(r, pc);
		const char *name = m && m->shim
			? symbol_module_function(roots_symbols(m), pc - m->bias, NULL, NULL)
			: "";

		if (!name || !strncmp(name, "realloc", 7) || !strncmp(name, "resize", 6))
			return true;
	}
	return false;
}

static void claim_under_way(struct roots *r, uint32_t item)
{
	struct roots_thread *t = &r->threads[item];
	struct under_way u = { .roots = r, .thread = t, .item = item };
	uint64_t sp = t->stop->registers.rsp - RED_ZONE, bytes = t->live > sp ? t->live - sp : 0, *words;

	if (bytes > 1 << 20)
		return;
	u.resizing = is_resizing(r, t) && !(r->ledger->flags & LEDGER_FLAG_FOREIGN);
	for (uint64_t i = 0; i < r->scan->block_count; i++)
		if (r->scan->blocks[i].thread == t->index && r->scan->blocks[i].birth > u.youngest)
			u.youngest = r->scan->blocks[i].birth;
	words = alloc_bytes(bytes + 8);
	remote_read(r->memory, sp, words, bytes);
	for (uint64_t i = 0; i < bytes / 8; i++)
		claim_under_way_word(&u, sp + i * 8, words[i]);
	free(words);
	for (unsigned i = 0; i < sizeof general / sizeof *general; i++)
		claim_under_way_word(&u, i,
			*(const uint64_t *)(const void *)((const char *)&t->stop->registers + general[i].at));
}

void roots_stacks(struct roots *r)
{
	r->unwinder = unwinder_new(r->memory);
	for (size_t i = 0; i < r->thread_count; i++) {
		struct roots_thread *t = &r->threads[i];

		if (!t->stop) {
			roots_claim(r, t->stack_lo, t->stack_hi, CLAIM_STACK, 0, 0, (uint32_t)i);
			claim_argument(r, t);
			continue;
		}
		if (t->stop->how != STOP_UNKNOWN)
			walk_thread(r, t);
		t->frame_root = alloc_zeroed(t->frame_count + 1, sizeof *t->frame_root);
		if (stop_general(t->stop)) {
			r->threads_known++;
			scan_registers(r, t);
		} else {
			r->threads_unknown++;
		}
		if (t->first && t->stop->how != STOP_SELF)
			claim_under_way(r, (uint32_t)i);
		claim_stack(r, (uint32_t)i);
	}
}

/* --- who holds a word of a stack -------------------------------------------- */

static void name_frames(struct roots *r, struct roots_thread *t)
{
	uint32_t parent = 0;

	t->frame_index = alloc_zeroed(t->frame_count + 1, sizeof *t->frame_index);
	for (size_t i = t->frame_count; i-- > t->first;) {
		bool exact = i == 0 || t->frames[i - 1].signal;

		parent =
			r->names->frame(r->names->context, parent, t->frames[i].pc, exact ? FRAME_SIGNAL : 0);
		t->frame_index[i] = parent;
	}
}

uint32_t roots_stack(struct roots *r, const struct claim *c, uint64_t address)
{
	struct roots_thread *t = &r->threads[c->item];
	struct tide_root root = {
		.kind = ROOT_STACK, .thread = t->index, .flags = c->flags, .address = address
	};
	/* Behind the last frame that starts at or below the address; the end of the last
	 * one is not known. */
	size_t lo = t->first + SEARCH_UP_TO(t->frames + t->first, t->frame_count - t->first, sp, address);
	uint32_t *known = &t->rest_root;
	char name[64];

	if (lo == t->first && lo < t->frame_count && t->frames[lo].sp - address <= RED_ZONE)
		lo++;
	if (lo > t->first && !(c->flags & ROOT_FLAG_WEAK_EVIDENCE))
		known = &t->frame_root[lo - 1];
	if (*known)
		return *known - 1;
	if (known != &t->rest_root) {
		if (!t->frame_index)
			name_frames(r, t);
		root.frame = t->frame_index[lo - 1];
		root.address = t->frames[lo - 1].sp;
		root.bytes = lo < t->frame_count ? t->frames[lo].sp - root.address : 0;
	}
	snprintf(name, sizeof name, "stack of thread %d in %s", t->tid, t->name);
	*known = roots_add(r, &root, name) + 1;
	return *known - 1;
}
