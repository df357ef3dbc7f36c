/* collect_core.c - see collect_core.h. */
#include <stdlib.h>
#include "base/alloc.h"
#include "base/system.h"
#include "collect_core.h"
#include "walked.h"

void collect_core_image(const struct core *c, struct image *im)
{
	im->target = c->pid;
	im->reader_descriptor = -1;
	im->memory = c->memory;
	im->stop = c->stop;
	for (size_t i = 0; i < c->stop.count; i++)
		if (stop_general(&c->stop.threads[i]))
			im->threads_stopped++;
		else
			im->threads_unknown++;
}

void collect_core_ledger(const struct core *c, struct ledger_copy *copy)
{
	struct walked_process p = { .pid = c->pid,
		.user = c->user,
		.exe = *c->exe ? c->exe : c->name,
		.command = c->command,
		.directory = "",
		.started_wall_ns = (uint64_t)c->written_ns };

	walked_ledger(copy, &p, &c->stop);
}

void collect_core_mappings(struct core *c, struct collect_process *p, struct snapshot_writer *w)
{
	const struct remote *m = &c->memory;

	for (size_t i = 0; i < m->mapping_count; i++)
		p->virtual_bytes += m->mappings[i].hi - m->mappings[i].lo;
	collect_process_maps(m, w);
}

char *collect_core_missing(struct core *c)
{
	const char *why, *first;
	size_t count = 0;

	while (core_file_missing(c, count, &why))
		count++;
	if (!count)
		return NULL;
	first = core_file_missing(c, 0, &why);
	return count == 1 ? alloc_printf("a file of the core could not be used, %s: %s", first, why)
			  : alloc_printf("%zu files of the core could not be used, the first is %s: %s",
				  count, first, why);
}

bool collect_core_waits(const struct core *c)
{
	for (size_t i = 0; i < c->stop.count; i++) {
		long long call = (long long)c->stop.threads[i].registers.orig_rax;

		if (call == SYS_epoll_wait || call == SYS_epoll_pwait || call == SYS_epoll_pwait2)
			return true;
	}
	return false;
}
