/* ledger_map.c - a mapping that survives its file: ledger_map.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/fault.h"
#include "ledger_map.h"

/* More is reserved by no shim: a file that says so is not from one. */
#define BYTES_MAX (1ull << 40)

static struct fault_range mapped;

int ledger_map_open(struct ledger_map *m, const char *path, struct tide_error *e)
{
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
	fault_remove(&mapped); /* left by a file that did not hold a ledger */
	mapped = (struct fault_range){ .at = p, .bytes = m->bytes };
	fault_add(&mapped);
	if (!memcmp(m->header->magic, LEDGER_MAGIC, 8) && m->header->version == LEDGER_VERSION
		&& m->header->header_bytes == sizeof(*m->header))
		return 0;
	return error_set(e, EXIT_UNMEASURED, "cannot read the ledger %s|it is %s|%s", path,
		mapped.cut ? "cut off" : "another version's",
		mapped.cut ? "" : "use the command and the library of one build");
}

void ledger_map_close(struct ledger_map *m)
{
	if (m->header) {
		fault_remove(&mapped);
		munmap(m->header, m->bytes);
	}
	if (m->fd >= 0)
		close(m->fd);
	*m = (struct ledger_map){ .fd = -1 };
}

bool ledger_map_cut(void) { return mapped.cut; }
