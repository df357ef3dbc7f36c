/* remote_copy.c - see remote_copy.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/ordinary.h"
#include "base/search.h"
#include "page_scan.h"
#include "remote_copy.h"

#define PAGE 4096ull
#define ADDRESS_END ((1ull << 47) - PAGE) /* TASK_SIZE_MAX of the kernel, which refuses more */
#define SHARED_LEAST (64ull << 20)
#define SHARED_COPIED (1ull << 20) /* a database has more, and nobody waits for the end of its workers */
#define REGIONS 512u
#define ENTRIES 512u
#define ENTRY_FILE (1ull << 61) /* the page is that of the file: Documentation/admin-guide/mm/pagemap.rst */

enum { FILE_NONE = -1, FILE_LEFT_OUT = -2 };

/* Pages that are there, one after the other. `at`: where the copy of the first one is; not set: they are the file's. */
struct copied_run {
	uint64_t lo, hi, at;
	bool of_file;
};

struct remote_copy {
	const struct remote_mapping *mappings; /* those of the struct remote */
	size_t mapping_count;
	char *bytes;
	uint64_t used, room;
	struct copied_run *runs; /* by address */
	size_t run_count, run_room;
	int *file; /* for each mapping a descriptor, which neighbours share, or FILE_NONE or FILE_LEFT_OUT */
};

/* --- what is there ------------------------------------------------------------------------- */

static void add_run(struct remote_copy *c, uint64_t lo, uint64_t hi, bool of_file)
{
	struct copied_run *last = c->run_count ? &c->runs[c->run_count - 1] : NULL;

	if (last && last->hi == lo && last->of_file == of_file) {
		last->hi = hi;
		return;
	}
	*ARRAY_ADD(c->runs, c->run_count, c->run_room) = (struct copied_run){ lo, hi, 0, of_file };
}

/* One call says it all, where the kernel is new enough. */
static bool scan_pages(struct remote_copy *c, int pagemap)
{
	static struct page_scan_region regions[REGIONS];
	struct page_scan a = { .size = sizeof(a),
		.end = ADDRESS_END,
		.vector = (uint64_t)(uintptr_t)regions,
		.vector_length = REGIONS,
		.any_of = PAGE_SCAN_PRESENT | PAGE_SCAN_SWAPPED,
		.returned = PAGE_SCAN_FILE };

	for (;;) {
		int count = ioctl(pagemap, PAGE_SCAN, &a);

		if (count < 0)
			return false;
		for (int i = 0; i < count; i++)
			add_run(c, regions[i].start, regions[i].end, regions[i].categories & PAGE_SCAN_FILE);
		if (count < (int)REGIONS || a.walk_end >= ADDRESS_END)
			return true;
		a.start = a.walk_end;
	}
}

static bool read_pages(struct remote_copy *c, struct remote *m, uint64_t from, uint64_t end)
{
	uint64_t entries[ENTRIES];

	while (from < end) {
		uint64_t n = (end - from) / PAGE < ENTRIES ? (end - from) / PAGE : ENTRIES;

		if (pread(m->pagemap, entries, n * sizeof(*entries), (off_t)(from / PAGE * 8))
			!= (ssize_t)(n * sizeof(*entries)))
			return false;
		for (uint64_t i = 0; i < n; i++, from += PAGE)
			add_run(c, from, from + PAGE, entries[i] & ENTRY_FILE);
	}
	return true;
}

static bool is_left_out(const struct remote_mapping *p, uint64_t inode, uint32_t device)
{
	return p->lo >= ADDRESS_END || !strcmp(p->path, "[vvar]") || !strcmp(p->path, "[vvar_vclock]")
		|| (p->shared && p->inode == inode && p->device == device);
}

static bool find_pages(struct remote_copy *c, struct remote *m, uint64_t inode, uint32_t device)
{
	if (scan_pages(c, m->pagemap))
		return true;
	c->run_count = 0;
	for (size_t i = 0; i < m->mapping_count; i++) {
		const struct remote_mapping *p = &m->mappings[i];
		uint64_t from = p->lo, end;

		for (; !is_left_out(p, inode, device) && remote_run(m, &from, &end, p->hi); from = end)
			if (!read_pages(c, m, from, end))
				return false;
	}
	return true;
}

/* --- files -------------------------------------------------------------------------------- */

static int open_same(const char *path, const struct remote_mapping *p, bool exactly)
{
	int fd = ordinary_open(path);
	struct stat s;

	if (fd >= 0 && !fstat(fd, &s) && s.st_ino == p->inode
		&& (!exactly || (major(s.st_dev) << 20 | minor(s.st_dev)) == p->device))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* By its path, where that is still the same file; else by the mapping itself, which only root may open. */
static int open_file(int pid, const struct remote_mapping *p)
{
	char path[96];
	int fd = p->deleted || *p->path != '/' ? -1 : open_same(p->path, p, true);

	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)p->lo,
		(unsigned long long)p->hi);
	return open_same(path, p, false);
}

/* Shared memory without a file that may be opened: the pages that the process has touched are copied. Where nothing
 * leads to the memory but a mapping, and it is not large, the others are looked for references, too
 * (roots/roots_regions.c): another process may have written them. */
static bool copies_shared(const struct remote_mapping *p)
{
	return p->shared
		&& (p->hi - p->lo > SHARED_LEAST
			|| (strcmp(p->path, "/dev/zero") && strncmp(p->path, "/memfd:", 7)));
}

static bool open_files(struct remote_copy *c, int pid, uint64_t inode, uint32_t device)
{
	c->file = alloc_bytes((c->mapping_count + 1) * sizeof(*c->file));
	for (size_t i = 0; i < c->mapping_count; i++)
		c->file[i] = FILE_NONE;
	for (size_t i = 0; i < c->mapping_count; i++) {
		const struct remote_mapping *p = &c->mappings[i], *before = i ? p - 1 : NULL;

		if (is_left_out(p, inode, device)) {
			c->file[i] = FILE_LEFT_OUT;
			continue;
		}
		if (!p->inode && !p->shared)
			continue;
		if (before && before->inode == p->inode && before->device == p->device && c->file[i - 1] >= 0)
			c->file[i] = c->file[i - 1];
		else
			c->file[i] = open_file(pid, p);
		if (c->file[i] < 0 && !copies_shared(p))
			return false;
	}
	return true;
}

/* --- the copy ----------------------------------------------------------------------------- */

/* Cuts runs where mappings end, and drops what nobody needs. False: it is too much. */
static bool choose_runs(struct remote_copy *c, uint64_t most)
{
	struct copied_run *all = c->runs;
	size_t count = c->run_count, at = 0;
	uint64_t shared = 0;

	c->runs = NULL;
	c->run_count = c->run_room = 0;
	for (size_t i = 0; i < count; i++)
		for (uint64_t lo = all[i].lo; lo < all[i].hi;) {
			const struct remote_mapping *p;
			uint64_t hi = all[i].hi;
			bool of_file;

			while (at < c->mapping_count && c->mappings[at].hi <= lo)
				at++;
			p = at < c->mapping_count ? &c->mappings[at] : NULL;
			if (!p || p->lo >= hi)
				break;
			lo = lo < p->lo ? p->lo : lo;
			hi = hi < p->hi ? hi : p->hi;
			of_file = all[i].of_file && c->file[at] != FILE_NONE;
			if (c->file[at] != FILE_LEFT_OUT) {
				*ARRAY_ADD(c->runs, c->run_count, c->run_room) =
					(struct copied_run){ lo, hi, c->used, of_file };
				c->used += of_file ? 0 : hi - lo;
				shared += !of_file && all[i].of_file ? hi - lo : 0;
			}
			lo = hi;
		}
	free(all);
	return c->used <= most && shared <= SHARED_COPIED;
}

static bool copy_runs(struct remote_copy *c, int mem)
{
	c->bytes = alloc_bytes(c->used + 1);
	for (size_t i = 0; i < c->run_count; i++) {
		const struct copied_run *r = &c->runs[i];
		uint64_t bytes = r->hi - r->lo;

		if (!r->of_file && pread(mem, c->bytes + r->at, bytes, (off_t)r->lo) != (ssize_t)bytes)
			return false;
	}
	return true;
}

/* --- reading it ---------------------------------------------------------------------------- */

static size_t find_run(const struct remote_copy *c, uint64_t address)
{
	return SEARCH_UP_TO(c->runs, c->run_count, hi, address);
}

static size_t find_mapping(const struct remote_copy *c, uint64_t address)
{
	size_t i = SEARCH_UP_TO(c->mappings, c->mapping_count, hi, address);

	return i < c->mapping_count && c->mappings[i].lo <= address ? i : SIZE_MAX;
}

static uint64_t read_copy(void *context, uint64_t address, void *to, uint64_t bytes)
{
	const struct remote_copy *c = context;
	size_t i = find_run(c, address), at;
	uint64_t end = i < c->run_count ? c->runs[i].lo : ADDRESS_END;
	ssize_t got;

	if (address >= end && !c->runs[i].of_file) {
		uint64_t there = c->runs[i].hi - address;

		bytes = bytes < there ? bytes : there;
		memcpy(to, c->bytes + c->runs[i].at + (address - end), bytes);
		return bytes;
	}
	at = find_mapping(c, address);
	if (at == SIZE_MAX || c->file[at] == FILE_LEFT_OUT)
		return 0;
	if (address >= end) /* pages of the file, up to those that are copied */
		end = c->runs[i].hi;
	if (end > c->mappings[at].hi)
		end = c->mappings[at].hi;
	bytes = bytes < end - address ? bytes : end - address;
	if (c->file[at] >= 0) {
		got = pread(c->file[at], to, bytes,
			(off_t)(c->mappings[at].offset + (address - c->mappings[at].lo)));
		return got > 0 ? (uint64_t)got : 0;
	}
	/* The process has never touched it. */
	memset(to, 0, bytes);
	return bytes;
}

static bool find_copied(void *context, uint64_t *from, uint64_t *end, uint64_t to)
{
	const struct remote_copy *c = context;
	size_t i = find_run(c, *from);

	if (i >= c->run_count || c->runs[i].lo >= to || *from >= to)
		return false;
	if (*from < c->runs[i].lo)
		*from = c->runs[i].lo;
	while (i + 1 < c->run_count && c->runs[i + 1].lo == c->runs[i].hi)
		i++;
	*end = c->runs[i].hi < to ? c->runs[i].hi : to;
	return true;
}

static void free_copy(void *context)
{
	struct remote_copy *c = context;

	for (size_t i = 0; c->file && i < c->mapping_count; i++)
		if (c->file[i] >= 0 && (!i || c->file[i] != c->file[i - 1]))
			close(c->file[i]);
	free(c->file);
	free(c->runs);
	free(c->bytes);
	free(c);
}

bool remote_copy(struct remote *m, uint64_t most, uint64_t inode, uint32_t device)
{
	struct remote_copy *c = alloc_zeroed(1, sizeof(*c));
	struct remote_source source = { read_copy, find_copied, free_copy, c };

	c->mappings = m->mappings;
	c->mapping_count = m->mapping_count;
	if (m->mem < 0 || m->pagemap < 0 || !find_pages(c, m, inode, device)
		|| !open_files(c, m->pid, inode, device) || !choose_runs(c, most) || !copy_runs(c, m->mem)) {
		free_copy(c);
		return false;
	}
	remote_replace(m, &source);
	return true;
}
