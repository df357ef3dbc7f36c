/* leftovers.c - see leftovers.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include "ledger.h"
#include "leftovers.h"
#include "raw.h"
#include "text.h"

#define NAME_BYTES 64u

/* Ledgers of processes that ended, the newest first. */
static struct leftover {
	uint64_t started, bytes;
	char name[NAME_BYTES];
} kept[LEFTOVERS_KEPT + 1];
static unsigned kept_count;

uint64_t leftovers_namespace(void)
{
	struct stat s;
	return raw_failed(raw2(SYS_stat, "/proc/self/ns/pid", &s)) ? 0 : s.st_ino;
}

/* PID of PID.N.ledger, or 0. */
static int32_t name_pid(const char *name)
{
	const char *at = name;
	int64_t pid = 0;
	for (; *at >= '0' && *at <= '9' && pid < INT32_MAX; at++)
		pid = pid * 10 + *at - '0';
	if (at == name || *at++ != '.' || pid > INT32_MAX)
		return 0;
	const char *serial = at;
	while (*at >= '0' && *at <= '9')
		at++;
	unsigned length = (unsigned)(at - name);
	return at > serial && text_equal(at, ".ledger") && length + 8 < NAME_BYTES ? (int32_t)pid : 0;
}

static bool read_header(int folder, const char *name, struct ledger_header *h, uint64_t *bytes)
{
	struct stat s;
	long fd = raw4(SYS_openat, folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (raw_failed(fd))
		return false;
	bool good = raw4(SYS_pread64, fd, h, sizeof *h, 0) == (long)sizeof *h
		&& !raw_failed(raw2(SYS_fstat, fd, &s));
	raw1(SYS_close, fd);
	*bytes = good ? (uint64_t)s.st_blocks * 512 : 0;
	return good && __builtin_memcmp(h->magic, LEDGER_MAGIC, sizeof h->magic) == 0
		&& h->version == LEDGER_VERSION;
}

/* Adds it to the ledgers that are kept; removes the one that it displaces. */
static void keep(int folder, const char *name, uint64_t started, uint64_t bytes)
{
	unsigned at = kept_count++;
	for (; at > 0 && kept[at - 1].started < started; at--)
		kept[at] = kept[at - 1];
	kept[at] = (struct leftover){ .started = started, .bytes = bytes };
	char *to = kept[at].name;
	text_append(&to, kept[at].name + NAME_BYTES, name);
	uint64_t sum = 0;
	for (unsigned i = 0; i < kept_count; i++) {
		sum += kept[i].bytes;
		if (i < LEFTOVERS_KEPT && sum <= LEFTOVERS_BYTES)
			continue;
		raw3(SYS_unlinkat, folder, kept[i].name, 0);
		sum -= kept[i].bytes;
		for (unsigned k = i + 1; k < kept_count; k++)
			kept[k - 1] = kept[k];
		kept_count--;
		i--;
	}
}

static void look_at(int folder, const char *name, uint64_t namespace)
{
	struct ledger_header h;
	uint64_t bytes;
	int32_t pid = name_pid(name), self = (int32_t)raw0(SYS_getpid);
	if (!pid || !read_header(folder, name, &h, &bytes) || h.pid_namespace != namespace)
		return;
	if (h.state == LEDGER_EXECED)
		raw3(SYS_unlinkat, folder, name, 0);
	else if (pid != self && raw2(SYS_kill, pid, 0) == -ESRCH)
		keep(folder, name, h.started_wall_ns, bytes);
}

void leftovers_remove(const char *ledger)
{
	static char entries[4096] __attribute__((aligned(8)));
	char folder[400], *at = folder;
	uint64_t namespace = leftovers_namespace();
	text_append(&at, folder + sizeof folder, ledger);
	while (at > folder && *at != '/')
		at--;
	*at = 0;
	if (!namespace || at == folder)
		return;
	long fd = raw4(SYS_openat, AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0), got;
	if (raw_failed(fd))
		return;
	kept_count = 0;
	while ((got = raw3(SYS_getdents64, fd, entries, sizeof entries)) > 0)
		for (long i = 0; i < got; i += ((struct directory_entry *)(entries + i))->length)
			look_at((int)fd, ((struct directory_entry *)(entries + i))->name, namespace);
	raw1(SYS_close, fd);
}
