/* session_lock.c - which collectors still work in the folder of a run: session_lock.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/error.h"
#include "process/process.h"
#include "session_lock.h"

#define LOOK_NS 2000000

static int held = -1;

int session_lock_hold(const char *ledger)
{
	const char *slash = strrchr(ledger, '/');
	char *path = alloc_printf("%.*s/" SESSION_LOCK, slash ? (int)(slash - ledger) : 0, ledger);
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int fd, pid = slash ? atoi(slash + 1) : 0, failed = 0;

	fd = slash && pid > 0 ? open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
	free(path);
	if (fd < 0)
		return 0;
	lock.l_start = pid;
	held = fd;
	if (fcntl(fd, F_OFD_SETLK, &lock) && (errno == EAGAIN || errno == EACCES))
		failed = -1;
	/* The folder may have been removed between the two calls; its ledgers are gone then. */
	return failed;
}

void session_lock_drop(void)
{
	if (held >= 0)
		close(held);
	held = -1;
}

/* The process of some collector, in [lo, hi), or 0. */
static int find_holder(int fd, int lo, int hi)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = lo, .l_len = hi - lo };

	if (lo >= hi || fcntl(fd, F_OFD_GETLK, &lock) || lock.l_type == F_UNLCK)
		return 0;
	return (int)lock.l_start;
}

/* The same, of a process that has ended. The kernel names any lock in the range, in no order. */
static int has_holder_ended(int fd, int lo, int hi)
{
	int found = find_holder(fd, lo, hi), before;

	if (!found || !process_lives(found))
		return found;
	before = has_holder_ended(fd, lo, found);
	return before ? before : has_holder_ended(fd, found + 1, hi);
}

/* Collectors of one that has ended. Keeps new ones out where there are none at all. */
static int is_anyone_there(int fd, int pid)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (pid)
		return find_holder(fd, pid, pid + 1);
	return fcntl(fd, F_OFD_SETLK, &all) ? has_holder_ended(fd, 1, INT_MAX) : 0;
}

int session_lock_wait(const char *folder, int pid, int milliseconds)
{
	char *path = alloc_printf("%s/" SESSION_LOCK, folder);
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), left = 0;

	free(path);
	if (fd < 0)
		return 0;
	for (long waited = 0; (left = is_anyone_there(fd, pid)) && waited < milliseconds * 1000000l;
		waited += LOOK_NS) {
		struct timespec pause = { 0, LOOK_NS };

		nanosleep(&pause, NULL);
	}
	/* Once the whole file is locked, it stays so until our end: a late collector does nothing. */
	if (pid || left)
		close(fd);
	return left ? -1 : 0;
}
