/* collect_process.c - statm and smaps: collect_process.h. */
#include <fcntl.h>
#include <stdio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/array.h"
#include "base/clock.h"
#include "base/proc_stat.h"
#include "collect_process.h"
#include "model/perfmap.h"
#include "symbol/symbol_sysroot.h"

static FILE *open_proc(int pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

/* The kernel names files as the root of their mount namespace has them, which need not be the root of the process. */
static bool is_file(const char *root, const char *name, uint64_t inode)
{
	char path[PATH_MAX + 64];
	struct stat there;

	snprintf(path, sizeof(path), "%s%s", root, name);
	return !stat(path, &there) && there.st_ino == inode;
}

/* The program, or where its file was replaced, a library: its inode, or 0. */
static uint64_t find_file(int pid, const char *root, char name[PATH_MAX])
{
	unsigned long long inode;
	char path[64], line[PATH_MAX + 128];
	struct stat program;
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, name, PATH_MAX - 1);
	name[n > 0 ? n : 0] = '\0';
	if (n <= 0 || stat(path, &program))
		return 0;
	if (is_file("", name, program.st_ino) || is_file(root, name, program.st_ino))
		return program.st_ino;
	f = open_proc(pid, "maps");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*x-%*x %*s %*x %*x:%*x %llu %4095[^\n]", &inode, name) == 2 && *name == '/'
			&& inode && (is_file("", name, inode) || is_file(root, name, inode))) {
			fclose(f);
			return inode;
		}
	if (f)
		fclose(f);
	return 0;
}

bool collect_process_contained(int pid)
{
	char root[64], name[PATH_MAX];
	struct tide_error e = { 0 };
	uint64_t inode;

	snprintf(root, sizeof(root), "/proc/%d/root", pid);
	inode = pid ? find_file(pid, root, name) : 0;
	if (inode && !is_file("", name, inode) && !symbol_sysroot_set(root, &e))
		return true;
	symbol_sysroot_set(NULL, &e);
	return false;
}

static uint64_t read_swapped_bytes(int pid)
{
	unsigned long long kib = 0;
	FILE *f = open_proc(pid, "status");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmSwap: %llu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib << 10;
}

void collect_process_quick(struct collect_process *p, int pid)
{
	unsigned long long pages = 0, resident = 0, shared = 0;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *f = open_proc(pid, "statm");

	if (!f)
		return;
	if (fscanf(f, "%llu %llu %llu", &pages, &resident, &shared) == 3) {
		p->virtual_bytes = pages * page;
		p->rss_bytes = resident * page;
	}
	fclose(f);
	/* Shared pages count once for each mapping, so their number has no bound, and no table lies in them. */
	p->touched_bytes = (resident > shared ? resident - shared : 0) * page + read_swapped_bytes(pid);
}

#define PAGEMAP_PRESENT (UINT64_C(1) << 63) /* Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_BATCH 65536u

static int compare_ranges(const void *a, const void *b)
{
	const struct ledger_range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static uint64_t count_present_pages(int pagemap, uint64_t from, uint64_t to, uint64_t *entries)
{
	uint64_t present = 0;

	while (from < to) {
		uint64_t n = to - from < PAGEMAP_BATCH ? to - from : PAGEMAP_BATCH;
		ssize_t got = pread(pagemap, entries, n * sizeof(*entries), (off_t)(from * sizeof(*entries)));

		if (got < (ssize_t)sizeof(*entries))
			break;
		n = (uint64_t)got / sizeof(*entries);
		for (uint64_t i = 0; i < n; i++)
			present += (entries[i] & PAGEMAP_PRESENT) != 0;
		from += n;
	}
	return present;
}

void collect_process_own(struct collect_process *p, int pid, const struct ledger_copy *ledger)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), most = UINT64_C(1) << 40;
	uint64_t count = ledger->count[LEDGER_OWN], done = 0, pages = 0;
	struct ledger_range *own;
	uint64_t *entries;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	own = alloc_bytes((count + 1) * sizeof(*own));
	if (count)
		memcpy(own, ledger->table[LEDGER_OWN], count * sizeof(*own));
	own[count++] = (struct ledger_range){ ledger->header.shim_lo, ledger->header.shim_hi };
	entries = alloc_bytes(PAGEMAP_BATCH * sizeof(*entries));
	qsort(own, count, sizeof(*own), compare_ranges);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t from = own[i].lo / page, to = own[i].hi / page + (own[i].hi % page != 0);

		if (from < done)
			from = done;
		if (to <= from || to - from > most / page)
			continue;
		pages += count_present_pages(fd, from, to, entries);
		done = to;
	}
	p->own_bytes = pages * page;
	free(entries);
	free(own);
	close(fd);
}

static int parse_header(const char *line, struct tide_mapping *m, struct snapshot_writer *w)
{
	unsigned long long lo, hi, offset;
	char rights[8];
	int at = 0;

	if (sscanf(line, "%llx-%llx %7s %llx %*x:%*x %*u %n", &lo, &hi, rights, &offset, &at) < 4 || !at)
		return -1;
	*m = (struct tide_mapping){
		.lo = lo, .hi = hi, .offset = offset, .name = w ? snapshot_writer_string(w, line + at) : 0
	};
	m->flags = (rights[0] == 'r' ? MAPPING_READ : 0) | (rights[1] == 'w' ? MAPPING_WRITE : 0)
		| (rights[2] == 'x' ? MAPPING_EXECUTE : 0) | (rights[3] == 's' ? MAPPING_SHARED : 0);
	return 0;
}

/* VmFlags: two letters each, with blanks around them. ht hugetlbfs, pf and io memory of devices, dc
 * MADV_DONTFORK (fs/proc/task_mmu.c). */
static void parse_flags(const char *line, struct collect_mapping *k)
{
	k->special = strstr(line, " ht") || strstr(line, " pf") || strstr(line, " io");
	k->left_out = strstr(line, " dc");
}

static void parse_field(const char *line, struct tide_mapping *m, struct collect_mapping *k)
{
	static const char *const names[] = { "Rss:", "Pss:", "Private_Dirty:", "Shared_Dirty:" };
	uint64_t *const values[] = { &m->rss_bytes, &m->pss_bytes, &m->dirty_bytes, &m->dirty_bytes };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(line, names[i], strlen(names[i])))
			*values[i] += (uint64_t)strtoull(line + strlen(names[i]), NULL, 10) << 10;
	k->rss_bytes = m->rss_bytes;
	if (!strncmp(line, "VmFlags:", 8))
		parse_flags(line + 8, k);
}

static struct tide_mapping *mappings_read(
	struct collect_process *p, int pid, struct snapshot_writer *w, uint64_t *count)
{
	struct tide_mapping *list = NULL;
	uint64_t room = 0;
	FILE *f = open_proc(pid, "smaps");
	size_t bytes = 0;
	char *line = NULL;

	*count = 0;
	while (f && getline(&line, &bytes, f) > 0) {
		struct tide_mapping m;

		line[strcspn(line, "\n")] = '\0';
		/* Twenty lines of numbers, each with a name that begins with a capital, follow each mapping. */
		if ((*line < 'A' || *line > 'Z') && !parse_header(line, &m, w)) {
			*ARRAY_ADD(list, *count, room) = m;
			*ARRAY_ADD(p->mappings, p->mapping_count, p->mapping_room) =
				(struct collect_mapping){ .lo = m.lo, .hi = m.hi };
		} else if (*count) {
			parse_field(line, &list[*count - 1], &p->mappings[p->mapping_count - 1]);
		}
	}
	for (uint64_t i = 0; i < *count; i++)
		p->pss_bytes += list[i].pss_bytes;
	free(line);
	if (f)
		fclose(f);
	return list;
}

void collect_process_smaps(struct collect_process *p, int pid)
{
	uint64_t count;

	free(mappings_read(p, pid, NULL, &count));
}

void collect_process_mappings(struct collect_process *p, int pid, struct snapshot_writer *w)
{
	uint64_t count;
	struct tide_mapping *list = mappings_read(p, pid, w, &count);

	if (list)
		snapshot_writer_section(w, SECTION_MAPPINGS, sizeof(*list), list, count, SNAPSHOT_TAKE);
}

static uint32_t name_mapping(const struct remote_mapping *m, struct snapshot_writer *w)
{
	char *path = m->deleted ? alloc_printf("%s (deleted)", m->path) : NULL;
	uint32_t name = snapshot_writer_string(w, path ? path : m->path);

	free(path);
	return name;
}

void collect_process_maps(const struct remote *m, struct snapshot_writer *w)
{
	struct tide_mapping *list = alloc_zeroed(m->mapping_count + 1, sizeof(*list));

	for (size_t i = 0; i < m->mapping_count; i++) {
		const struct remote_mapping *from = &m->mappings[i];

		list[i] = (struct tide_mapping){ .lo = from->lo,
			.hi = from->hi,
			.offset = from->offset,
			.name = name_mapping(from, w),
			.flags = (from->readable ? MAPPING_READ : 0) | (from->writable ? MAPPING_WRITE : 0)
				| (from->executable ? MAPPING_EXECUTE : 0)
				| (from->shared ? MAPPING_SHARED : 0) };
	}
	snapshot_writer_section(w, SECTION_MAPPINGS, sizeof(*list), list, m->mapping_count, SNAPSHOT_TAKE);
}

#define BRIEF_BYTES (64u << 20) /* private memory, all of which an image may have to keep */
#define BRIEF_SECONDS 10        /* since the fork */

bool collect_process_small(const struct collect_process *p, int pid)
{
	long ticks = sysconf(_SC_CLK_TCK);
	struct proc_stat s;

	return p->touched_bytes <= BRIEF_BYTES && proc_stat_read(pid, 0, &s) == 1
		&& s.start_ticks / (uint64_t)ticks + BRIEF_SECONDS > clock_read(CLOCK_BOOTTIME) / 1000000000u;
}

int collect_process_code(int pid, uint64_t started_wall_ns, struct snapshot_writer *w, struct tide_error *e)
{
	struct perfmap map;
	int failed = perfmap_read_process(pid, started_wall_ns, &map, e);

	if (!failed)
		perfmap_store(&map, w);
	perfmap_free(&map);
	return failed;
}

void collect_process_free(struct collect_process *p)
{
	free(p->mappings);
	p->mappings = NULL;
	p->mapping_count = p->mapping_room = 0;
}
