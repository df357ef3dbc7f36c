/* ledger_map.c - a mapping that survives its file: ledger_map.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ledger_map.h"

/* More is reserved by no shim: a file that says so is not from one. */
#define BYTES_MAX (1ull << 40)

static char *mapped;
static uint64_t mapped_bytes;
static volatile sig_atomic_t cut;

static void handle_fault(int number, siginfo_t *info, void *context)
{
	char *at = info->si_addr;
	int error = errno;

	(void)context;
	if (mapped && at >= mapped && at < mapped + mapped_bytes
		&& mmap(mapped, mapped_bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0)
			== mapped)
		cut = 1;
	else
		signal(number, SIG_DFL); /* not of the ledger: comes again, and ends us */
	errno = error;
}

int ledger_map_open(struct ledger_map *m, const char *path, struct tide_error *e)
{
	struct sigaction a = { .sa_sigaction = handle_fault, .sa_flags = SA_SIGINFO };
	struct stat st;
	void *p;

	*m = (struct ledger_map){ .fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) };
	if (m->fd < 0 || fstat(m->fd, &st))
		return error_set(e, EXIT_UNMEASURED, "cannot open the ledger %s|%s|", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size < sizeof(*m->header)
		|| (uint64_t)st.st_size > BYTES_MAX || (st.st_uid != geteuid() && geteuid()))
		return error_set(e, EXIT_UNMEASURED, "%s is not a ledger|it is %s|", path,
			!S_ISREG(st.st_mode)                                ? "not a regular file"
				: (uint64_t)st.st_size < sizeof(*m->header) ? "too short"
				: (uint64_t)st.st_size > BYTES_MAX          ? "too long"
									    : "another user's");
	m->owner = st.st_uid;
	m->bytes = (uint64_t)st.st_size;
	p = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, m->fd, 0);
	if (p == MAP_FAILED)
		return error_set(e, EXIT_UNMEASURED, "cannot map the ledger %s|%s|", path, strerror(errno));
	m->header = p;
	mapped = p;
	mapped_bytes = m->bytes;
	cut = 0;
	sigaction(SIGBUS, &a, NULL);
	if (!memcmp(m->header->magic, LEDGER_MAGIC, 8) && m->header->version == LEDGER_VERSION
		&& m->header->header_bytes == sizeof(*m->header))
		return 0;
	return error_set(e, EXIT_UNMEASURED, "cannot read the ledger %s|it is %s|%s", path,
		cut ? "cut off" : "another version's",
		cut ? "" : "use the command and the library of one build");
}

void ledger_map_close(struct ledger_map *m)
{
	if (m->header)
		munmap(m->header, m->bytes);
	if (m->fd >= 0)
		close(m->fd);
	*m = (struct ledger_map){ .fd = -1 };
	mapped = NULL;
}

bool ledger_map_cut(void) { return cut; }
