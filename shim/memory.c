/* memory.c - see memory.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include "memory.h"
#include "raw.h"
#include "state.h"
#include "table.h"

void memory_note(const void *start, size_t bytes)
{
	if (!state.ledger)
		return;
	struct ledger_table *t = &state.ledger->table[LEDGER_OWN];
	uint64_t i = __atomic_load_n(&t->count, __ATOMIC_ACQUIRE);
	/* The entry is reserved first: readers read all entries below the count. */
	do {
		if (!table_reserve(LEDGER_OWN, i + 1)) {
			missed_add(MISSED_NO_MEMORY, 1);
			return;
		}
	} while (
		!__atomic_compare_exchange_n(&t->count, &i, i + 1, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	struct ledger_range *r = (struct ledger_range *)ledger_at(LEDGER_OWN) + i;
	__atomic_store_n(&r->lo, (uintptr_t)start, __ATOMIC_RELAXED);
	__atomic_store_n(&r->hi, (uintptr_t)start + bytes, __ATOMIC_RELEASE);
	__atomic_fetch_add(&state.ledger->own_bytes, bytes, __ATOMIC_RELAXED);
}

void memory_no_dump(void *start, size_t bytes) { raw3(SYS_madvise, start, bytes, MADV_DONTDUMP); }

void *memory_map(size_t bytes, unsigned flags)
{
	bytes = ledger_page_up(bytes);
	if (state.no_syscalls) {
		missed_add(MISSED_SECCOMP, 1);
		return NULL;
	}
	void *p = raw_mmap(
		NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!p) {
		missed_add(MISSED_NO_MEMORY, 1);
		return NULL;
	}
	/* Memory that a child would inherit unwiped is worse than a failure. */
	if ((flags & MEMORY_WIPE) && raw3(SYS_madvise, p, bytes, MADV_WIPEONFORK) != 0) {
		raw2(SYS_munmap, p, bytes);
		missed_add(MISSED_NO_MEMORY, 1);
		return NULL;
	}
	memory_no_dump(p, bytes);
	memory_note(p, bytes);
	return p;
}

void memory_forget(const void *start)
{
	struct ledger_range *r = ledger_at(LEDGER_OWN);
	for (uint64_t i = __atomic_load_n(&state.ledger->table[LEDGER_OWN].count, __ATOMIC_ACQUIRE); i-- > 0;)
		if (__atomic_load_n(&r[i].lo, __ATOMIC_RELAXED) == (uintptr_t)start)
			__atomic_store_n(&r[i].hi, (uintptr_t)start, __ATOMIC_RELEASE);
}

void memory_unmap(void *start, size_t bytes)
{
	memory_forget(start);
	raw2(SYS_munmap, start, ledger_page_up(bytes));
}

/* Bit 63 of the entries of /proc/self/pagemap says that a page is present. */
static size_t count_present_pages(int fd, uintptr_t lo, uintptr_t hi)
{
	uint64_t entry[512], at = lo / LEDGER_PAGE, end = ledger_page_up(hi) / LEDGER_PAGE;
	size_t pages = 0;
	while (at < end) {
		uint64_t most = end - at < 512 ? end - at : 512;
		long got = raw4(SYS_pread64, fd, entry, most * sizeof entry[0], at * sizeof entry[0]);
		if (got < (long)sizeof entry[0])
			break;
		for (long i = 0; i < got / (long)sizeof entry[0]; i++)
			pages += entry[i] >> 63;
		at += (uint64_t)got / sizeof entry[0];
	}
	return pages;
}

size_t memory_resident(void)
{
	const struct ledger_range *r = ledger_at(LEDGER_OWN);
	if (state.no_syscalls)
		return 0;
	int fd = (int)raw4(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	size_t pages = count_present_pages(fd, state.lo, state.hi);
	for (uint64_t i = 0; i < state.ledger->table[LEDGER_OWN].count; i++)
		pages += count_present_pages(fd, r[i].lo, r[i].hi);
	raw1(SYS_close, fd);
	return pages * LEDGER_PAGE;
}

long memory_read(void *to, uintptr_t from, size_t bytes)
{
	struct iovec here = { to, bytes }, there = { (void *)from, bytes };
	return state.no_syscalls ? -EPERM
				 : raw6(SYS_process_vm_readv, raw0(SYS_getpid), &here, 1, &there, 1, 0);
}

bool memory_copy(void *to, uintptr_t from, size_t bytes)
{
	return memory_read(to, from, bytes) == (long)bytes;
}
