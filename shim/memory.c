/* memory.c - see memory.h. */
#include <sys/mman.h>
#include "memory.h"
#include "raw.h"
#include "state.h"
#include "store.h"

void memory_note(const void *start, size_t bytes)
{
	if (!state.ledger)
		return;
	struct ledger_table *t = &state.ledger->table[LEDGER_OWN];
	uint64_t i = __atomic_fetch_add(&t->count, 1, __ATOMIC_ACQ_REL);
	if (!store_reserve(LEDGER_OWN, i + 1)) {
		__atomic_fetch_sub(&t->count, 1, __ATOMIC_RELAXED);
		missed_add(MISSED_NO_MEMORY, 1);
		return;
	}
	struct ledger_range *r = (struct ledger_range *)ledger_at(LEDGER_OWN) + i;
	r->lo = (uintptr_t)start;
	__atomic_store_n(&r->hi, (uintptr_t)start + bytes, __ATOMIC_RELEASE);
	__atomic_fetch_add(&state.ledger->own_bytes, bytes, __ATOMIC_RELAXED);
}

void *memory_map(size_t bytes, unsigned flags)
{
	bytes = (bytes + 4095) & ~(size_t)4095;
	if (state.no_syscalls) {
		missed_add(MISSED_SECCOMP, 1);
		return NULL;
	}
	void *p = raw_mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!p) {
		missed_add(MISSED_NO_MEMORY, 1);
		return NULL;
	}
	/* Memory that a child would find as its parent left it is worse than none. */
	if ((flags & MEMORY_WIPE) && raw3(SYS_madvise, p, bytes, MADV_WIPEONFORK) != 0) {
		raw2(SYS_munmap, p, bytes);
		missed_add(MISSED_NO_MEMORY, 1);
		return NULL;
	}
	memory_note(p, bytes);
	return p;
}
