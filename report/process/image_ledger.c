/* image_ledger.c - the words of the ledger by which collector and process talk, and whose ledger it is: image.h. */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "image_private.h"
#include "process.h"

void image_word_set(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
	syscall(SYS_futex, p, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0);
}

/* The process has ended or runs another program now: nothing there will answer. */
bool image_over(const struct image *im)
{
	uint32_t state = __atomic_load_n(&im->ledger->state, __ATOMIC_RELAXED);

	return state == LEDGER_FINISHED || state == LEDGER_EXECED || !process_lives(im->target);
}

/* Waits until *p is no longer `from`; false after `limit_ns`, or when the process is gone. */
bool image_word_wait(struct image *im, uint32_t *p, uint32_t from, uint64_t limit_ns)
{
	uint64_t limit = clock_ns() + limit_ns;

	while (__atomic_load_n(p, __ATOMIC_ACQUIRE) == from) {
		struct timespec t = { 0, 10000000 };

		syscall(SYS_futex, p, FUTEX_WAIT, from, &t, NULL, 0);
		if (clock_ns() > limit || image_over(im))
			return __atomic_load_n(p, __ATOMIC_ACQUIRE) != from;
	}
	return true;
}

/* Has process `pid` this ledger mapped? exec takes it away. */
enum image_holding image_holds(const struct image *im, int pid)
{
	struct tide_error e = { 0 };
	enum image_holding found = IMAGE_HOLDS_NOT;
	struct remote m;

	if (!im->ledger_inode || remote_open(&m, pid, &e))
		return IMAGE_HOLDS_UNKNOWN;
	for (size_t i = 0; i < m.mapping_count && found == IMAGE_HOLDS_NOT; i++)
		if (m.mappings[i].shared && m.mappings[i].inode == im->ledger_inode
			&& m.mappings[i].device == im->ledger_device)
			found = IMAGE_HOLDS;
	remote_close(&m);
	return found;
}

size_t image_others_alive(const struct image *im)
{
	size_t n = 0;

	for (size_t i = 0; i < im->stop.count; i++)
		n += im->stop.threads[i].how != STOP_GONE && im->stop.threads[i].how != STOP_SELF;
	return n;
}
