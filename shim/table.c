/* table.c - see table.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include "lock.h"
#include "raw.h"
#include "table.h"
#include "text.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14, asm-generic/mman-common.h */
#endif

static const char *ledger_path;
static struct lock growth_lock, string_lock;
static uint64_t reserved[LEDGER_TABLES]; /* bytes of each table that may be touched */

void table_start(const char *path)
{
	ledger_path = path;
	growth_lock.word = string_lock.word = 0;
	__builtin_memset(reserved, 0, sizeof(reserved));
}

bool table_touchable(struct ledger_header *ledger, uint64_t from, uint64_t to)
{
	char *start = (char *)ledger + from;
	if (raw3(SYS_mprotect, start, to - from, PROT_READ | PROT_WRITE) != 0)
		return false;
	if (ledger->flags & LEDGER_FLAG_PRIVATE)
		return true;
	long r = raw3(SYS_madvise, start, to - from, MADV_POPULATE_WRITE);
	if (r != -EINVAL)
		return r == 0;
	/* On an old kernel, allocate the pages in the file itself. */
	int fd = (int)raw4(SYS_openat, AT_FDCWD, ledger_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0)
		return false;
	r = raw4(SYS_fallocate, fd, 0, from, to - from);
	raw1(SYS_close, fd);
	return r == 0;
}

bool table_reserve(enum ledger_table_kind kind, uint64_t count)
{
	const struct ledger_table *t = &state.ledger->table[kind];
	uint64_t bytes = count * t->element;
	if (likely(bytes <= __atomic_load_n(&reserved[kind], __ATOMIC_ACQUIRE)))
		return true;
	if (count > t->capacity || state.no_syscalls)
		return false;
	bool ready = true;
	lock_take(&growth_lock);
	uint64_t have = reserved[kind];
	if (bytes > have) {
		/* An eighth more than asked, so that growth costs few system calls. A table that begins has what was
		 * asked: most tables of a forked child do not grow, and a page costs more than the calls. */
		uint64_t more = have / 8 > 16 * LEDGER_PAGE ? have / 8 : LEDGER_PAGE;
		uint64_t want = bytes + (have ? more : 0);
		uint64_t most = t->capacity * t->element;
		want = ledger_page_up(want < most ? want : most);
		ready = table_touchable(state.ledger, t->offset + have, t->offset + want);
		if (ready) {
			__atomic_fetch_add(&state.ledger->own_bytes, want - have, __ATOMIC_RELAXED);
			__atomic_store_n(&reserved[kind], want, __ATOMIC_RELEASE);
		} else {
			missed_add(MISSED_NO_MEMORY, 1);
		}
	}
	lock_release(&growth_lock);
	return ready;
}

uint64_t table_reserved(enum ledger_table_kind kind)
{
	return __atomic_load_n(&reserved[kind], __ATOMIC_ACQUIRE) / state.ledger->table[kind].element;
}

void table_shrink(uint64_t spare)
{
	spare = (spare > 1 << 20 ? 1 << 20 : spare) & ~(uint64_t)(LEDGER_PAGE - 1);
	lock_take(&growth_lock);
	for (unsigned i = 0; i < LEDGER_TABLES; i++) {
		struct ledger_table *t = &state.ledger->table[i];
		uint64_t all = ledger_page_up(t->capacity * t->element), keep = reserved[i] + spare;
		if (keep >= all)
			continue;
		raw2(SYS_munmap, (char *)state.ledger + t->offset + keep, all - keep);
		t->capacity = keep / t->element;
	}
	lock_release(&growth_lock);
}

uint32_t table_string(const char *s)
{
	if (!s || !*s)
		return 0;
	struct ledger_table *t = &state.ledger->table[LEDGER_STRINGS];
	size_t n = text_length(s) + 1;
	uint32_t at = 0;
	lock_take(&string_lock);
	if (table_reserve(LEDGER_STRINGS, t->count + n)) {
		at = (uint32_t)t->count;
		__builtin_memcpy((char *)ledger_at(LEDGER_STRINGS) + at, s, n);
		__atomic_store_n(&t->count, at + n, __ATOMIC_RELEASE);
	}
	lock_release(&string_lock);
	if (!at)
		missed_add(MISSED_STRINGS_FULL, 1);
	return at;
}
