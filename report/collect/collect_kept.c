/* collect_kept.c - an early snapshot that learns how its process has ended: collect_kept.h. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/alloc.h"
#include "collect_kept.h"

void collect_kept_note(struct ledger_header *header, const char *path)
{
	char *whole = realpath(path, NULL);

	if (whole && strlen(whole) < sizeof(header->kept))
		memcpy(header->kept, whole, strlen(whole) + 1);
	free(whole);
}

bool collect_kept_open(struct snapshot *s, const struct ledger_copy *c)
{
	const struct ledger_header *h = &c->header;
	struct tide_error ignored = { 0 };

	if (!h->kept[0] || !memchr(h->kept, '\0', sizeof(h->kept)) || snapshot_open(h->kept, s, &ignored))
		return false;
	if (!s->damaged && s->process->flags & PROCESS_EARLY && s->process->pid == h->pid
		&& s->process->started_wall_ns == h->started_wall_ns)
		return true;
	snapshot_close(s);
	return false;
}

static bool write_copy(struct snapshot *s, const struct tide_process *process)
{
	struct snapshot_writer *w = snapshot_writer_new();
	struct tide_error ignored = { 0 };
	bool written = !snapshot_writer_copy(w, s, 1ull << SECTION_PROCESS, &ignored);

	if (written) {
		snapshot_writer_section(w, SECTION_PROCESS, sizeof(*process), process, 1, SNAPSHOT_COPY);
		written = !snapshot_writer_finish(w, s->path, &ignored);
	}
	snapshot_writer_free(w);
	return written;
}

char *collect_kept_write(struct snapshot *s, const struct tide_process *process)
{
	bool written = snapshot_patch_process(s->path, process) || write_copy(s, process);

	return written ? alloc_string(s->path) : NULL;
}

static uint64_t errors_of(const struct ledger_copy *c)
{
	const struct ledger_error *e = c->table[LEDGER_ERRORS];
	uint64_t n = 0;

	for (uint64_t i = 0; i < c->count[LEDGER_ERRORS]; i++)
		n += e[i].flags & LEDGER_ERROR_UNSURE ? 0 : e[i].count;
	return n;
}

static uint64_t errors_in(const struct snapshot *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->misuse_count; i++)
		n += s->misuses[i].count;
	return n;
}

char *collect_kept_finish(const struct ledger_copy *c, bool *complete)
{
	char *path = NULL;
	struct snapshot s;

	if (!collect_kept_open(&s, c))
		return NULL;
	if (errors_of(c) == errors_in(&s)) {
		struct tide_process p = *s.process;

		p.exit_status = c->header.exit_status;
		*complete = p.complete;
		path = collect_kept_write(&s, &p);
	}
	snapshot_close(&s);
	return path;
}
