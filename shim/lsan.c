/* lsan.c - LeakSanitizer's interface (sanitizer/lsan_interface.h), so that
 * programs that already use it are supported.
 *
 * __lsan_default_suppressions and __lsan_is_turned_off are the program's to define:
 * their answers go into the ledger, and from there into each snapshot at the end.
 */
#include "enter.h"
#include "event.h"
#include "freeze.h"
#include "hooks.h"
#include "lookup.h"
#include "lsan.h"
#include "symtab.h"
#include "table.h"
#define TIDEMARK_IMPLEMENTATION_
#include "tidemark.h"

EXPORT void __lsan_disable(void);
EXPORT void __lsan_enable(void);
EXPORT void __lsan_ignore_object(const void *p);
EXPORT void __lsan_register_root_region(const void *p, size_t bytes);
EXPORT void __lsan_unregister_root_region(const void *p, size_t bytes);
EXPORT void __lsan_do_leak_check(void);
EXPORT int __lsan_do_recoverable_leak_check(void);

void __lsan_disable(void)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	if (t->ignoring++ == 0)
		__atomic_fetch_add(&state.ignoring, 1, __ATOMIC_ACQ_REL);
	t->sample_left = SAMPLE_UNDRAWN;
	event_recalculate_special();
	thread_leave(t);
}

void __lsan_enable(void)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	if (t->ignoring && --t->ignoring == 0)
		__atomic_fetch_sub(&state.ignoring, 1, __ATOMIC_ACQ_REL);
	event_recalculate_special();
	thread_leave(t);
}

static void note(void *frame, const void *p, size_t bytes, uint32_t domain)
{
	struct thread *t = enter_whole(frame);
	if (!t)
		return;
	event_note((uintptr_t)p, bytes, domain, 0);
	thread_leave(t);
}

void __lsan_ignore_object(const void *p) { note(__builtin_frame_address(0), p, 1, TRACKED_IGNORED); }

void __lsan_register_root_region(const void *p, size_t bytes)
{
	note(__builtin_frame_address(0), p, bytes, TRACKED_ROOT_REGION);
}

void __lsan_unregister_root_region(const void *p, size_t bytes)
{
	struct ledger_tracked *n = state.ledger ? ledger_at(LEDGER_TRACKED) : NULL;
	for (uint64_t i = n ? state.ledger->table[LEDGER_TRACKED].count : 0; i-- > 0;)
		if (n[i].address == (uintptr_t)p && n[i].bytes == bytes && n[i].domain == TRACKED_ROOT_REGION)
			n[i].bytes = 0;
}

void lsan_ask(void)
{
	static const char *const names[] = { "__lsan_default_suppressions", "__lsan_is_turned_off" };
	static uint32_t asked;
	void *f[2];
	if (state.phase != PHASE_RUNNING || state.no_syscalls
		|| __atomic_exchange_n(&asked, 1, __ATOMIC_RELAXED))
		return;
	for (unsigned i = 0; i < 2; i++)
		f[i] = lookup_first(names[i]);
	if (!f[0] && !f[1])
		symtab_find("__lsan_", names, f, 2);
	const char *text = f[0] ? ((const char *(*)(void))f[0])() : NULL;
	bool off = f[1] && ((int (*)(void))f[1])();
	struct thread *t = ENTER();
	if (!t)
		return;
	if (text)
		state.ledger->lsan_suppressions = table_string(text);
	if (off)
		state.ledger->flags |= LEDGER_FLAG_LEAKS_OFF;
	thread_leave(t);
}

static bool anything_lost(void)
{
	struct tide_collected c;
	return tide_collect(&c) == 0 && c.unreferenced.blocks + c.cycle.blocks + c.indirect.blocks > 0;
}

int __lsan_do_recoverable_leak_check(void) { return anything_lost(); }

/* LeakSanitizer ends the process here if something is lost (exit code 23). Ours
 * only observes: the snapshot at exit reports, and `run --leak-exit` fails. */
void __lsan_do_leak_check(void) { anything_lost(); }

/* A program built with AddressSanitizer refuses to start where its runtime is not the first library. The
 * runtime asks this function before it looks, so no variable of ours is in anyone's environment. */
const char *__asan_default_options(void) { return "verify_asan_link_order=0"; }
