/* lsan.c - LeakSanitizer's interface (sanitizer/lsan_interface.h), so that
 * programs that already speak to it are understood.
 *
 * __lsan_default_suppressions is the program's to define; the collector reads
 * its text from the ledger (string option LSAN_SUPPRESSIONS).
 */
#include "enter.h"
#include "event.h"
#include "freeze.h"
#include "hooks.h"
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
	t->sample_left = -1;
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

static bool anything_lost(void)
{
	struct tide_collected c;
	return tide_collect(&c) == 0 && c.unreferenced.blocks + c.cycle.blocks + c.indirect.blocks > 0;
}

int __lsan_do_recoverable_leak_check(void) { return anything_lost(); }

/* LeakSanitizer ends the process here when something is lost (exit code 23).
 * Ours is an observer: the snapshot at exit tells, and `run --leak-exit`. */
void __lsan_do_leak_check(void) { anything_lost(); }

/* A program built with AddressSanitizer refuses to start where its runtime is not the first library. The
 * runtime asks this function before it looks, so no variable of ours is in anyone's environment. */
const char *__asan_default_options(void) { return "verify_asan_link_order=0"; }
