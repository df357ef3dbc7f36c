/* ledger_open.c - a ledger looked at, and opened as a snapshot: ledger_open.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/ordinary.h"
#include "base/proc_stat.h"
#include "ledger_open.h"
#include "ledger.h"
#include "perfmap.h"

bool ledger_is(const char *path)
{
	char magic[8];
	int fd = ordinary_open(path);
	bool is = fd >= 0 && pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic)
		&& !memcmp(magic, LEDGER_MAGIC, sizeof(magic));

	if (fd >= 0)
		close(fd);
	return is;
}

int ledger_look(const char *path, struct ledger_look *l)
{
	struct ledger_header h;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : pread(fd, &h, sizeof(h), 0);

	if (fd >= 0)
		close(fd);
	if (n != (ssize_t)sizeof(h) || memcmp(h.magic, LEDGER_MAGIC, 8))
		return -1;
	*l = (struct ledger_look){ .started = h.exe,
		.exiting = h.state == LEDGER_EXITING,
		.finished = h.state == LEDGER_FINISHED,
		.execed = h.state == LEDGER_EXECED };
	return 0;
}

/* The process of a ledger may be gone, and its number be another's. */
static bool still_runs(const struct ledger_header *h)
{
	struct proc_stat stat;
	uint64_t tick_ns = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);

	if (h->state == LEDGER_FINISHED || h->state == LEDGER_EXECED || h->pid <= 0)
		return false;
	if (proc_stat_read(h->pid, 0, &stat) != 1 || proc_stat_dead(&stat))
		return false;
	/* CLOCK_MONOTONIC stops in suspend and CLOCK_BOOTTIME does not: only "much later" is certain. */
	return stat.start_ticks * tick_ns <= h->started_mono_ns + 1000000000ull || h->generation;
}

int ledger_open(const char *path, struct snapshot *s, struct tide_error *e)
{
	struct snapshot_writer *w;
	struct ledger_made made;
	struct tide_error none;
	struct perfmap map;
	struct ledger_copy c;
	char *kept;

	if (ledger_copy_file(&c, path, e)) {
		ledger_copy_free(&c);
		*s = (struct snapshot){ 0 };
		return -1;
	}
	w = snapshot_writer_new();
	ledger_sections(&c, w, &made);
	made.process.reason = still_runs(&c.header) ? REASON_REQUEST : REASON_POST_MORTEM;
	if (made.process.reason == REASON_POST_MORTEM)
		ledger_sections_dead(&c, &made);
	made.process.incomplete_why = snapshot_writer_string(w,
		made.process.reason == REASON_REQUEST
			? "read from the ledger of a running process: no blocks and no references"
			: "the process ended without a snapshot: no blocks and no references");
	ledger_sections_errors(&c, w, made.process.reason == REASON_POST_MORTEM);
	ledger_coverage(&c, w, NULL, 0);
	ledger_sections_finish(&made, w);
	if (!perfmap_read_process(c.header.pid, c.header.started_wall_ns, &map, &none))
		perfmap_store(&map, w);
	perfmap_free(&map);
	ledger_copy_free(&c);
	if (snapshot_of_writer(w, s, e))
		return -1;
	kept = alloc_string(path);
	free(s->path);
	s->path = kept;
	return 0;
}
