/* snapshot_patch.c - the process of a snapshot is written again, and nothing else: snapshot.h.
 *
 * Header, table and process lie in the first page of the file (snapshot_write.c), and a write within a page happens
 * as a whole or not at all: a collector that is killed leaves the old snapshot or the new one.
 */
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include "snapshot_private.h"

#define PAGE 4096u

struct patch {
	_Alignas(64) char page[PAGE];
	size_t bytes; /* that could be read */
};

static struct tide_file_header *header_of(struct patch *p) { return (struct tide_file_header *)p->page; }

static struct tide_section *table_of(struct patch *p) { return (void *)(p->page + SNAPSHOT_ALIGN); }

static uint64_t sum_table(struct patch *p)
{
	return XXH3_64bits(table_of(p), header_of(p)->section_count * sizeof(struct tide_section));
}

static uint64_t sum_header(struct patch *p)
{
	return XXH3_64bits(p->page, offsetof(struct tide_file_header, header_checksum));
}

/* Is this the beginning of an undamaged snapshot, with its whole table? */
static bool is_whole(struct patch *p)
{
	const struct tide_file_header *h = header_of(p);

	return p->bytes > SNAPSHOT_ALIGN && !memcmp(h->magic, TIDE_MAGIC, sizeof(h->magic))
		&& h->version == TIDE_VERSION && h->table_offset == SNAPSHOT_ALIGN
		&& h->section_count <= (p->bytes - SNAPSHOT_ALIGN) / sizeof(struct tide_section)
		&& h->header_checksum == sum_header(p) && h->table_checksum == sum_table(p);
}

static struct tide_section *find_process(struct patch *p)
{
	for (uint32_t i = 0; i < header_of(p)->section_count; i++) {
		struct tide_section *t = &table_of(p)[i];

		if (t->kind != SECTION_PROCESS)
			continue;
		if (t->encoding || t->stored_bytes != sizeof(struct tide_process)
			|| t->plain_bytes != t->stored_bytes || t->offset % 8 || t->offset > p->bytes
			|| p->bytes - t->offset < t->stored_bytes)
			return NULL;
		return t;
	}
	return NULL;
}

static bool patch_page(struct patch *p, const struct tide_process *process)
{
	struct tide_section *t = is_whole(p) ? find_process(p) : NULL;
	struct tide_process *old = t ? (struct tide_process *)(p->page + t->offset) : NULL;

	if (!old || old->pid != process->pid || old->started_wall_ns != process->started_wall_ns)
		return false;
	*old = *process;
	t->checksum = XXH3_64bits(old, sizeof(*old));
	header_of(p)->table_checksum = sum_table(p);
	header_of(p)->header_checksum = sum_header(p);
	p->bytes = t->offset + sizeof(*old);
	return true;
}

bool snapshot_patch_process(const char *path, const struct tide_process *process)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool done = false;
	struct patch p;
	ssize_t got;

	if (fd < 0)
		return false;
	got = pread(fd, p.page, sizeof(p.page), 0);
	p.bytes = got > 0 ? (size_t)got : 0;
	if (patch_page(&p, process))
		done = pwrite(fd, p.page, p.bytes, 0) == (ssize_t)p.bytes;
	return !close(fd) && done;
}
