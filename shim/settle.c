/* settle.c - see settle.h. */
#include "birth.h"
#include "block.h"
#include "config.h"
#include "raw.h"
#include "server.h"
#include "settle.h"
#include "state.h"
#include "store.h"
#include "table.h"
#include "text.h"

#define SEARCH_STACK 4096u /* more than block_each takes */

/* What leaves no doubt about the blocks of the process. */
#define HARMLESS_FLAGS (LEDGER_FLAG_FORKED | LEDGER_FLAG_FOREIGN)
#define HARMLESS_MISSED                                                                                      \
	(1u << MISSED_FOREIGN_FREES | 1u << MISSED_TRUNCATED | 1u << MISSED_TIMELINE | 1u << MISSED_ERRORS   \
		| 1u << MISSED_FOLDED)

/* The birth number of the fork: what the process made itself has a greater one. 0: not known. */
static uint32_t find_fork(void)
{
	const struct ledger_mark *m = ledger_at(LEDGER_MARKS);
	for (uint64_t i = state.ledger->table[LEDGER_MARKS].count; i-- > 0;)
		if (m[i].kind == LEDGER_MARK_FORK)
			return m[i].birth;
	return 0;
}

struct search {
	uint32_t fork;
	bool found;
};

static void look_at(void *context, const struct block_seen *block)
{
	struct search *s = context;
	s->found |= slot_birth(block->slot) > s->fork;
}

/* The search leaves addresses of blocks below the frames that called it. A collector that does not know how far a
 * stack reaches, as of a child that another thread than the main one forked, would take them for references. */
static __attribute__((noinline)) void clear_stack_below(void)
{
	char bytes[SEARCH_STACK];
	__builtin_memset(bytes, 0, sizeof bytes);
	__asm__ volatile("" : : "r"(bytes) : "memory");
}

static bool has_own_block(void)
{
	struct search s = { .fork = find_fork() };
	if (!s.fork)
		return true;
	block_each(look_at, &s);
	clear_stack_below();
	return s.found;
}

/* Does the ledger alone answer every question about the process? */
static bool is_plain(void)
{
	const struct ledger_header *h = state.ledger;
	if (!config.references || config.watch || state.no_syscalls || !store_path()[0])
		return false;
	if (!h->generation || h->flags & ~HARMLESS_FLAGS || state.threaded || h->request_serial
		|| h->rounds_name || h->python_version || h->abort_message || h->kept[0]
		|| h->table[LEDGER_TRACKED].count)
		return false;
	for (unsigned i = 0; i < MISSED_COUNT; i++)
		if (h->missed[i] && !(HARMLESS_MISSED >> i & 1))
			return false;
	return true;
}

static bool move_ledger(void)
{
	char to[512], *at = to, *end = to + sizeof to;
	const char *path = store_path(), *name = path;
	for (const char *s = path; *s; s++)
		if (*s == '/')
			name = s + 1;
	text_append(&at, end, config.session);
	text_append(&at, end, "/" SERVER_SETTLED "/");
	text_append(&at, end, name);
	return !raw_failed(raw2(SYS_rename, path, to));
}

bool settle_child(void)
{
	if (!is_plain() || has_own_block())
		return false;
	state.ledger->flags |= LEDGER_FLAG_SETTLED;
	return true;
}

bool settle_move(void)
{
	struct ledger_header *h = state.ledger;
	if (!config.session[0])
		return false;
	h->ended_mono_ns = h->started_mono_ns + birth_tsc_ns(birth_tsc());
	h->state = LEDGER_FINISHED;
	if (move_ledger())
		return true;
	h->state = LEDGER_EXITING;
	return false;
}
