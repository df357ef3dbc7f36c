/* image_ledger.c - the words of the ledger by which collector and process talk, and whose ledger it is: image.h. */
#include <linux/futex.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
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

static bool find_ledger(const struct image *im, const struct remote *m)
{
	for (size_t i = 0; i < m->mapping_count; i++)
		if (m->mappings[i].shared && m->mappings[i].inode == im->ledger_inode
			&& m->mappings[i].device == im->ledger_device)
			return true;
	return false;
}

/* The ledger is mapped there as it is here; its words do not count as references. */
static void read_own_mapping(struct image *im)
{
	struct tide_error e = { 0 };
	struct remote self;

	im->ledger_inode = 0;
	if (!remote_open(&self, getpid(), &e)) {
		const struct remote_mapping *p = remote_mapping_at(&self, (uint64_t)im->ledger);

		im->ledger_inode = p && p->shared ? p->inode : 0;
		im->ledger_device = p ? p->device : 0;
		remote_close(&self);
	}
	im->ledger_mapped = true;
}

/* File systems of several layers show other numbers in lists of mappings than of files: only when those of the
 * file are not found does it cost another list. */
static void read_numbers(struct image *im)
{
	struct stat st;

	if (im->options.ledger_file <= 0 || fstat(im->options.ledger_file, &st)) {
		read_own_mapping(im);
		return;
	}
	im->ledger_inode = st.st_ino;
	im->ledger_device = (uint32_t)(major(st.st_dev) << 20 | minor(st.st_dev));
}

enum image_holding image_holds(struct image *im, int pid, struct remote *m)
{
	struct tide_error e = { 0 };

	if (!im->ledger_inode && !im->ledger_mapped)
		read_numbers(im);
	if (remote_open(m, pid, &e))
		return IMAGE_HOLDS_UNKNOWN;
	if (im->ledger_inode && find_ledger(im, m))
		return IMAGE_HOLDS;
	if (!im->ledger_mapped)
		read_own_mapping(im);
	return !im->ledger_inode ? IMAGE_HOLDS_UNKNOWN : find_ledger(im, m) ? IMAGE_HOLDS : IMAGE_HOLDS_NOT;
}

size_t image_others_alive(const struct image *im)
{
	size_t n = 0;

	for (size_t i = 0; i < im->stop.count; i++)
		n += im->stop.threads[i].how != STOP_GONE && im->stop.threads[i].how != STOP_SELF;
	return n;
}
