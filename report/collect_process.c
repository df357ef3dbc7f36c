/* collect_process.c - statm and smaps: collect_process.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "collect_process.h"

static FILE *proc_open(int pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

void collect_process_quick(struct collect_process *p, int pid)
{
	unsigned long long pages = 0, resident = 0;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *f = proc_open(pid, "statm");

	if (!f)
		return;
	if (fscanf(f, "%llu %llu", &pages, &resident) == 2) {
		p->virtual_bytes = pages * page;
		p->rss_bytes = resident * page;
	}
	fclose(f);
}

static int header_parse(const char *line, struct tide_mapping *m, struct snapshot_writer *w)
{
	unsigned long long lo, hi, offset;
	char rights[8];
	int at = 0;

	if (sscanf(line, "%llx-%llx %7s %llx %*x:%*x %*u %n", &lo, &hi, rights, &offset, &at) < 4 || !at)
		return -1;
	*m = (struct tide_mapping) { .lo = lo, .hi = hi, .offset = offset,
		.name = snapshot_writer_string(w, line + at) };
	m->flags = (rights[0] == 'r' ? MAPPING_READ : 0) | (rights[1] == 'w' ? MAPPING_WRITE : 0) |
		(rights[2] == 'x' ? MAPPING_EXECUTE : 0) | (rights[3] == 's' ? MAPPING_SHARED : 0);
	return 0;
}

static void field_parse(const char *line, struct tide_mapping *m)
{
	unsigned long long kib;

	if (sscanf(line, "Rss: %llu", &kib) == 1)
		m->rss_bytes = kib << 10;
	else if (sscanf(line, "Pss: %llu", &kib) == 1)
		m->pss_bytes = kib << 10;
	else if (sscanf(line, "Private_Dirty: %llu", &kib) == 1 || sscanf(line, "Shared_Dirty: %llu", &kib) == 1)
		m->dirty_bytes += kib << 10;
}

void collect_process_mappings(struct collect_process *p, int pid, struct snapshot_writer *w)
{
	struct tide_mapping *list = NULL;
	uint64_t count = 0, room = 0;
	FILE *f = proc_open(pid, "smaps");
	size_t bytes = 0;
	char *line = NULL;

	if (!f)
		return;
	while (getline(&line, &bytes, f) > 0) {
		struct tide_mapping m;

		line[strcspn(line, "\n")] = '\0';
		if (!header_parse(line, &m, w)) {
			if (count == room)
				list = memory_resize(list, (room = room ? room * 2 : 256) * sizeof(*list));
			list[count++] = m;
		} else if (count) {
			field_parse(line, &list[count - 1]);
		}
	}
	for (uint64_t i = 0; i < count; i++)
		p->pss_bytes += list[i].pss_bytes;
	free(line);
	fclose(f);
	snapshot_writer_section(w, SECTION_MAPPINGS, sizeof(*list), list, count, SNAPSHOT_TAKE);
}
