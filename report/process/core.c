/* core.c - opens a core: core.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "core_private.h"

#define PAGE 4096ull
#define HEAP_GAP (1ull << 34) /* the break begins less than 16 GB above the program (arch_randomize_brk) */

/* --- mappings ------------------------------------------------------------- */

static int compare_ranges(const void *a, const void *b)
{
	const struct core_range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static int compare_threads(const void *a, const void *b)
{
	const struct stop_thread *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

/* Files of memory that other processes may share. A core does not record what else is shared. */
static bool is_shared(const char *path)
{
	return !strncmp(path, "/dev/shm/", 9) || !strncmp(path, "/memfd:", 7) || !strncmp(path, "/SYSV", 5)
		|| !strcmp(path, "/dev/zero");
}

static void add_mapping(struct core *c, size_t *room, uint64_t lo, uint64_t hi, const struct core_segment *s,
	const struct core_range *r)
{
	struct remote_mapping m = { .lo = lo, .hi = hi, .path = "", .readable = true };

	if (s) {
		m.readable = s->flags & PF_R;
		m.writable = s->flags & PF_W;
		m.executable = s->flags & PF_X;
	}
	if (r) {
		m.path = r->path;
		m.inode = r->inode;
		m.offset = r->offset + (lo - r->lo);
		m.shared = is_shared(r->path);
	}
	*ARRAY_ADD(c->memory.mappings, c->memory.mapping_count, *room) = m;
}

/* Both lists are by address. A segment is cut where files begin and end; a file without a segment is also a
 * mapping. `cut`: the kernel may have joined what lies before and after it. */
static void merge_mappings(struct core *c, const struct core_range *ranges, size_t count, uint64_t cut)
{
	uint64_t at = 0;
	size_t i = 0, k = 0, room = 0;

	while (i < c->segment_count || k < count) {
		const struct core_segment *s = i < c->segment_count ? &c->segments[i] : NULL;
		const struct core_range *r = k < count ? &ranges[k] : NULL;
		uint64_t lo, hi, s_lo = s ? s->lo : UINT64_MAX, r_lo = r ? r->lo : UINT64_MAX;

		if (s && s->hi <= at) {
			i++;
			continue;
		}
		if (r && r->hi <= at) {
			k++;
			continue;
		}
		lo = s_lo < r_lo ? s_lo : r_lo;
		if (lo < at)
			lo = at;
		hi = UINT64_MAX;
		if (s)
			hi = s_lo <= lo ? s->hi : s_lo;
		if (r && (r_lo <= lo ? r->hi : r_lo) < hi)
			hi = r_lo <= lo ? r->hi : r_lo;
		if (cut > lo && cut < hi)
			hi = cut;
		add_mapping(c, &room, lo, hi, s_lo <= lo ? s : NULL, r_lo <= lo ? r : NULL);
		at = hi;
	}
}

static struct remote_mapping *find_mapping(struct core *c, uint64_t address)
{
	return (struct remote_mapping *)remote_mapping_at(&c->memory, address);
}

static bool is_anonymous(const struct remote_mapping *m) { return !m->inode && !m->path[0]; }

/* The end of the program's variables, after which the program break begins; 0: unknown. */
static uint64_t find_program_end(const struct core *c)
{
	Elf64_Phdr headers[CORE_HEADERS_MAX];
	uint64_t count = c->header_count < CORE_HEADERS_MAX ? c->header_count : CORE_HEADERS_MAX, end = 0;
	uint64_t bytes = count * sizeof(*headers), bias = 0;

	if (!c->headers || core_read(c, c->headers, headers, bytes) != bytes)
		return 0;
	for (uint64_t i = 0; i < count; i++)
		if (headers[i].p_type == PT_PHDR)
			bias = c->headers - headers[i].p_vaddr;
	for (uint64_t i = 0; i < count; i++)
		if (headers[i].p_type == PT_LOAD && bias + headers[i].p_vaddr + headers[i].p_memsz > end)
			end = bias + headers[i].p_vaddr + headers[i].p_memsz;
	return end < 1ull << 47 ? (end + PAGE - 1) & ~(PAGE - 1) : 0;
}

/* The program break begins above the program, below all that is mapped elsewhere. */
static void name_heap(struct core *c, uint64_t end)
{
	for (size_t i = 0; end && i < c->memory.mapping_count; i++) {
		struct remote_mapping *m = &c->memory.mappings[i];

		if (m->lo < end)
			continue;
		if (is_anonymous(m) && m->lo - end <= HEAP_GAP && m->readable && m->writable)
			m->path = "[heap]";
		return;
	}
}

/* Names the mappings that have a name in /proc/PID/maps and none in a core. */
static void name_mappings(struct core *c, uint64_t end)
{
	const struct stop_thread *first = c->stop.count ? &c->stop.threads[0] : NULL;
	struct remote_mapping *m;

	for (size_t i = 0; i < c->stop.count; i++)
		if (c->stop.threads[i].tid == c->pid)
			first = &c->stop.threads[i];
	m = find_mapping(c, c->program ? c->program : first ? first->registers.rsp : 0);
	if (m && is_anonymous(m) && m->writable)
		m->path = "[stack]";
	m = find_mapping(c, c->vdso);
	if (c->vdso && m && is_anonymous(m))
		m->path = "[vdso]";
	name_heap(c, end);
	m = find_mapping(c, c->entry ? c->entry : c->headers);
	c->exe = m && m->inode ? m->path : "";
}

/* --- as the memory of a process ------------------------------------------- */

static uint64_t read_memory(void *context, uint64_t address, void *to, uint64_t bytes)
{
	uint64_t got = core_read(context, address, to, bytes);

	return got ? got : core_files_read(context, address, to, bytes);
}

/* A mapping is in the core, in a file, or nowhere. */
static bool find_run(void *context, uint64_t *from, uint64_t *end, uint64_t to)
{
	struct core *c = context;
	uint64_t core_from = *from, core_end = 0, file_end;
	bool found = core_run(c, &core_from, &core_end, to);

	for (uint64_t at = *from; at < (found ? core_from : to);) {
		const struct remote_mapping *m = remote_mapping_at(&c->memory, at);
		size_t next;

		if (m && core_files_hold(c, at, &file_end)) {
			*from = at;
			*end = file_end < to ? file_end : to;
			if (found && core_from < *end)
				*end = core_from;
			return true;
		}
		next = m ? (size_t)(m - c->memory.mappings) + 1 : 0;
		if (!m)
			while (next < c->memory.mapping_count && c->memory.mappings[next].lo <= at)
				next++;
		if (next >= c->memory.mapping_count)
			break;
		at = c->memory.mappings[next].lo;
	}
	*from = core_from;
	*end = core_end;
	return found;
}

/* --- opening -------------------------------------------------------------- */

/* A program without a loader has no list of modules, and its allocator is inside it. */
static int check_loader(struct core *c, const char *path, struct tide_error *e)
{
	if (!c->entry || c->base)
		return 0;
	return error_set(e, EXIT_USAGE,
		"cannot take a snapshot of %s|its program is static: its allocator cannot be separated from its other "
		"code|",
		path);
}

static void name_threads(struct core *c)
{
	for (size_t i = 0; i < c->stop.count; i++)
		memcpy(c->stop.threads[i].name, c->name, sizeof(c->stop.threads[i].name) - 1);
}

static int open_descriptor(struct core *c, const char *path, struct tide_error *e)
{
	struct stat s;

	/* Without O_NONBLOCK, opening a pipe would wait. */
	c->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (c->descriptor < 0 || fstat(c->descriptor, &s))
		return error_set(e, EXIT_USAGE, "cannot read %s|%s|", path, strerror(errno));
	if (!S_ISREG(s.st_mode))
		return error_set(e, EXIT_USAGE, "cannot read %s|it is not a regular file|", path);
	c->written_ns = (int64_t)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec;
	c->descriptor = core_unpack(c->descriptor, path, e);
	if (c->descriptor < 0)
		return -1;
	c->file_bytes = fstat(c->descriptor, &s) ? 0 : (uint64_t)s.st_size;
	return 0;
}

int core_open(struct core *c, const char *path, struct tide_error *e)
{
	uint64_t notes_at = 0, notes_bytes = 0, end;
	struct core_range *ranges = NULL;
	size_t count = 0, room = 0;

	*c = (struct core){ .descriptor = -1, .exe = "", .memory = { .mem = -1, .pagemap = -1 } };
	if (open_descriptor(c, path, e) || core_segments_read(c, path, &notes_at, &notes_bytes, e)) {
		core_close(c);
		return -1;
	}
	core_notes_read(c, notes_at, notes_bytes, &ranges, &count, &room);
	if (!c->has_files)
		core_links_read(c, &ranges, &count, &room);
	if (count)
		qsort(ranges, count, sizeof(*ranges), compare_ranges);
	if (c->stop.count)
		qsort(c->stop.threads, c->stop.count, sizeof(*c->stop.threads), compare_threads);
	end = find_program_end(c);
	merge_mappings(c, ranges, count, end);
	free(ranges);
	if (check_loader(c, path, e)) {
		core_close(c);
		return -1;
	}
	c->memory.source = (struct remote_source){ .read = read_memory, .run = find_run, .context = c };
	c->stop.pid = c->pid;
	name_mappings(c, end);
	name_threads(c);
	core_files_find(c);
	if (!c->stop.count)
		core_doubt(c, "the core says nothing of threads");
	if (c->missing_bytes)
		core_doubt(c, "the core was cut off: %llu bytes of memory are missing",
			(unsigned long long)c->missing_bytes);
	return 0;
}

void core_close(struct core *c)
{
	core_files_close(c);
	remote_close(&c->memory);
	stop_free(&c->stop);
	free(c->segments);
	c->segments = NULL;
	c->segment_count = 0;
	if (c->descriptor >= 0)
		close(c->descriptor);
	c->descriptor = -1;
}
