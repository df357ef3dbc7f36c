/* leftovers.c - see leftovers.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>
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

struct look {
	int folder;
	uint64_t namespace;
	int32_t self;
	unsigned leases; /* how many more may be asked for, and 1 */
};

/* No process has the file of this descriptor, which is open for reading, open for writing or mapped. */
static bool is_abandoned(struct look *l, long fd)
{
	if (l->leases <= 1)
		return false;
	l->leases--;
	if (raw_failed(raw3(SYS_fcntl, fd, F_SETLEASE, F_RDLCK)))
		return false;
	raw3(SYS_fcntl, fd, F_SETLEASE, F_UNLCK);
	return true;
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

static bool is_version(const struct ledger_header *h)
{
	return h->version == LEDGER_VERSION && h->header_bytes == sizeof *h;
}

static void judge(struct look *l, const char *name, long fd, int32_t pid)
{
	struct ledger_header h;
	struct stat s;
	if (raw4(SYS_pread64, fd, &h, sizeof h, 0) != (long)sizeof h || raw_failed(raw2(SYS_fstat, fd, &s))
		|| !S_ISREG(s.st_mode) || __builtin_memcmp(h.magic, LEDGER_MAGIC, sizeof h.magic) != 0)
		return;
	bool ours = is_version(&h), near = ours && h.pid_namespace == l->namespace;
	if (near && h.state == LEDGER_EXECED)
		raw3(SYS_unlinkat, l->folder, name, 0);
	else if (near ? pid != l->self && raw2(SYS_kill, pid, 0) == -ESRCH : is_abandoned(l, fd)) {
		if (ours)
			keep(l->folder, name, h.started_wall_ns, (uint64_t)s.st_blocks * 512);
		else
			raw3(SYS_unlinkat, l->folder, name, 0);
	}
}

static void look_at(struct look *l, const char *name)
{
	int32_t pid = name_pid(name);
	if (!pid)
		return;
	long fd = raw4(SYS_openat, l->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (raw_failed(fd))
		return;
	judge(l, name, fd, pid);
	raw1(SYS_close, fd);
}

static void look_at_all(struct look *l)
{
	static char entries[4096] __attribute__((aligned(8)));
	long got;
	kept_count = 0;
	while ((got = raw3(SYS_getdents64, l->folder, entries, sizeof entries)) > 0)
		for (long i = 0; i < got; i += ((struct directory_entry *)(entries + i))->length)
			look_at(l, ((struct directory_entry *)(entries + i))->name);
}

#define SIGNAL_BIT(number) (1ull << ((number)-1))

/* Signals that were pending already are the program's. */
static void look_undisturbed(struct look *l)
{
	uint64_t all = ~0ull, io = SIGNAL_BIT(SIGIO), before, pending = ~0ull;
	struct timespec none = { 0, 0 };
	bool blocked = !raw_failed(raw4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, 8));
	if (!blocked || raw_failed(raw2(SYS_rt_sigpending, &pending, 8)) || pending & io)
		l->leases = 0;
	look_at_all(l);
	if (l->leases)
		raw4(SYS_rt_sigtimedwait, &io, NULL, &none, 8);
	if (blocked)
		raw4(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
}

void leftovers_remove(const char *ledger)
{
	struct look l = { .namespace = leftovers_namespace(),
		.self = (int32_t)raw0(SYS_getpid),
		.leases = LEFTOVERS_LEASES + 1 };
	char folder[400], *at = folder;
	text_append(&at, folder + sizeof folder, ledger);
	while (at > folder && *at != '/')
		at--;
	*at = 0;
	if (!l.namespace || at == folder)
		return;
	long fd = raw4(SYS_openat, AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (raw_failed(fd))
		return;
	l.folder = (int)fd;
	look_undisturbed(&l);
	raw1(SYS_close, fd);
}
