/* collect_private.c - finds and copies a ledger in a process's memory: collect_private.h. */
#include <signal.h>
#include <string.h>
#include "collect_private.h"

struct place {
	struct remote *memory;
	uint64_t address;
};

static uint64_t read_place(void *context, void *to, uint64_t bytes, uint64_t offset)
{
	struct place *p = context;

	return remote_read(p->memory, p->address + offset, to, bytes);
}

int collect_private(struct ledger_copy *c, struct remote *m, struct tide_error *e)
{
	struct ledger_header h;

	/* The kernel merges neighbouring mappings: the header need not be at the start of one. */
	for (size_t i = 0; i < m->mapping_count; i++) {
		const struct remote_mapping *p = &m->mappings[i];
		uint64_t from = p->lo, end;

		if (!p->readable || !p->writable || p->shared || *p->path)
			continue;
		for (; remote_run(m, &from, &end, p->hi); from = end)
			for (uint64_t at = from; at < end; at += LEDGER_PAGE) {
				struct place place = { m, at };
				uint64_t word = 0;

				if (!remote_word(m, at, &word) || memcmp(&word, LEDGER_MAGIC, sizeof(word))
					|| remote_read(m, at, &h, sizeof(h)) != sizeof(h))
					continue;
				/* We may have been started by a clone that shares the memory: h.pid shows
				 * which. */
				if (h.pid > 0 && !kill(h.pid, 0) && h.header_bytes == sizeof(h)
					&& h.version == LEDGER_VERSION && (h.flags & LEDGER_FLAG_PRIVATE))
					return ledger_copy_from(
						c, read_place, &place, h.file_bytes, "in memory", e);
			}
	}
	return error_set(
		e, EXIT_UNMEASURED, "process %d has no ledger|neither a file nor in its memory|", m->pid);
}
