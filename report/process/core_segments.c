/* core_segments.c - the headers of a core and the memory in it: core.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/search.h"
#include "core_private.h"

#define PAGE 4096ull
#define ADDRESS_END (1ull << 47)
#define LEAST_BYTES 4096u       /* no core is shorter: its headers alone take more */
#define SEGMENTS_MAX (1u << 22) /* vm.max_map_count is 65530 by default */
#define BATCH 512u              /* headers read at a time */

void core_doubt(struct core *c, const char *format, ...)
{
	char text[256];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	error_reason(c->why, sizeof(c->why), text);
}

/* --- headers -------------------------------------------------------------- */

static int refuse(struct tide_error *e, const char *path, const char *why, const char *hint)
{
	return error_set(e, EXIT_USAGE, "cannot take a snapshot of %s|%s|%s", path, why, hint);
}

static int check_header(struct core *c, const char *path, const Elf64_Ehdr *h, struct tide_error *e)
{
	if (memcmp(h->e_ident, ELFMAG, SELFMAG))
		return refuse(
			e, path, "it is not a core file", "name a file that gcore or the kernel has written");
	if (h->e_type != ET_CORE)
		return refuse(e, path, "it is an ELF file, but not a core",
			"name a file that gcore or the kernel has written");
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB
		|| h->e_machine != EM_X86_64)
		return refuse(e, path, "it is the core of a program for another kind of machine than x86-64",
			"take the snapshot on such a machine");
	if (c->file_bytes < LEAST_BYTES)
		return refuse(
			e, path, "it ends within its headers", "look for a full disk, and for ulimit -c");
	if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phoff >= c->file_bytes)
		return refuse(e, path, "its header is damaged", "");
	return 0;
}

/* More than 65534 segments: the count is in the first section header (PN_XNUM, elf(5)). */
static uint64_t count_headers(struct core *c, const Elf64_Ehdr *h)
{
	Elf64_Shdr first;
	uint64_t count = h->e_phnum, most = (c->file_bytes - h->e_phoff) / sizeof(Elf64_Phdr);

	if (count == PN_XNUM && h->e_shoff < c->file_bytes
		&& pread(c->descriptor, &first, sizeof(first), (off_t)h->e_shoff) == sizeof(first))
		count = first.sh_info;
	if (count > most) {
		core_doubt(c, "the core ends within its headers");
		count = most;
	}
	return count < SEGMENTS_MAX ? count : SEGMENTS_MAX;
}

static void add_segment(struct core *c, const Elf64_Phdr *p, size_t *room)
{
	uint64_t there = p->p_offset < c->file_bytes ? c->file_bytes - p->p_offset : 0;
	uint64_t bytes = p->p_filesz < p->p_memsz ? p->p_filesz : p->p_memsz;

	if (!p->p_memsz || p->p_vaddr >= ADDRESS_END || p->p_memsz > ADDRESS_END - p->p_vaddr)
		return;
	if (bytes > there) {
		c->missing_bytes += bytes - there;
		bytes = there;
	}
	*ARRAY_ADD(c->segments, c->segment_count, *room) =
		(struct core_segment){ p->p_vaddr, p->p_vaddr + p->p_memsz, p->p_offset, bytes, p->p_flags };
}

static int compare_segments(const void *a, const void *b)
{
	const struct core_segment *x = a, *y = b;

	return x->lo != y->lo ? (x->lo > y->lo) - (x->lo < y->lo) : (x->hi > y->hi) - (x->hi < y->hi);
}

/* Where two segments have the same address, the first one counts. */
static void sort_segments(struct core *c)
{
	uint64_t end = 0;
	size_t kept = 0;

	if (c->segment_count)
		qsort(c->segments, c->segment_count, sizeof(*c->segments), compare_segments);
	for (size_t i = 0; i < c->segment_count; i++) {
		if (c->segments[i].lo < end)
			continue;
		end = c->segments[i].hi;
		c->segments[kept++] = c->segments[i];
	}
	if (kept < c->segment_count)
		core_doubt(c, "segments of the core overlap");
	c->segment_count = kept;
}

int core_segments_read(
	struct core *c, const char *path, uint64_t *notes_at, uint64_t *notes_bytes, struct tide_error *e)
{
	Elf64_Phdr headers[BATCH];
	Elf64_Ehdr h = { 0 };
	uint64_t count;
	size_t room = 0;
	ssize_t got = pread(c->descriptor, &h, sizeof(h), 0);

	if (got < 0)
		return refuse(e, path, strerror(errno), "");
	if (check_header(c, path, &h, e))
		return -1;
	count = count_headers(c, &h);
	*notes_bytes = 0;
	for (uint64_t i = 0; i < count; i += BATCH) {
		uint64_t n = count - i < BATCH ? count - i : BATCH;

		got = pread(c->descriptor, headers, n * sizeof(*headers),
			(off_t)(h.e_phoff + i * sizeof(*headers)));
		n = got > 0 ? (uint64_t)got / sizeof(*headers) : 0;
		if (!n)
			break;
		for (uint64_t k = 0; k < n; k++) {
			if (headers[k].p_type == PT_LOAD)
				add_segment(c, &headers[k], &room);
			if (headers[k].p_type == PT_NOTE && !*notes_bytes) {
				*notes_at = headers[k].p_offset;
				*notes_bytes = headers[k].p_filesz;
			}
		}
	}
	sort_segments(c);
	if (!c->segment_count)
		return refuse(e, path, "it holds no memory", "look for a full disk, and for ulimit -c");
	return 0;
}

/* --- memory --------------------------------------------------------------- */

/* The segment that holds an address, or the next above it. */
static const struct core_segment *find_segment_after(const struct core *c, uint64_t address)
{
	size_t at = SEARCH_UP_TO(c->segments, c->segment_count, hi, address);

	return at < c->segment_count ? &c->segments[at] : NULL;
}

const struct core_segment *core_segment_at(const struct core *c, uint64_t address)
{
	const struct core_segment *s = find_segment_after(c, address);

	return s && s->lo <= address ? s : NULL;
}

uint64_t core_read(const struct core *c, uint64_t address, void *to, uint64_t bytes)
{
	const struct core_segment *s = core_segment_at(c, address);
	ssize_t got;

	if (!s || address - s->lo >= s->bytes)
		return 0;
	if (bytes > s->bytes - (address - s->lo))
		bytes = s->bytes - (address - s->lo);
	got = pread(c->descriptor, to, bytes, (off_t)(s->offset + (address - s->lo)));
	return got > 0 ? (uint64_t)got : 0;
}

/* Pages that the process has never touched are holes of the file, where the file system supports them:
 * [*from, *end) becomes the first part of it without holes. */
static bool skip_hole(const struct core *c, const struct core_segment *s, uint64_t *from, uint64_t *end)
{
	off_t base = (off_t)(s->offset - s->lo), data, hole;

	data = lseek(c->descriptor, base + (off_t)*from, SEEK_DATA);
	if (data < 0)
		return errno != ENXIO; /* unknown: all of it */
	if ((uint64_t)(data - base) >= *end)
		return false;
	hole = lseek(c->descriptor, data, SEEK_HOLE);
	if ((uint64_t)(data - base) > *from)
		*from = (uint64_t)(data - base) & ~(PAGE - 1);
	if (hole > data && (uint64_t)(hole - base) < *end)
		*end = ((uint64_t)(hole - base) + PAGE - 1) & ~(PAGE - 1);
	return true;
}

bool core_run(struct core *c, uint64_t *from, uint64_t *end, uint64_t to)
{
	const struct core_segment *s;

	if (*from < to && *from >= c->run_lo && *from < c->run_hi) {
		*end = to < c->run_hi ? to : c->run_hi;
		return true;
	}
	for (uint64_t at = *from; at < to && (s = find_segment_after(c, at)) && s->lo < to; at = s->hi) {
		uint64_t lo = at > s->lo ? at : s->lo, hi = s->lo + s->bytes;

		if (lo >= hi || !skip_hole(c, s, &lo, &hi))
			continue;
		if (lo < at)
			lo = at;
		if (hi > s->lo + s->bytes)
			hi = s->lo + s->bytes;
		if (lo >= to)
			return false;
		c->run_lo = lo;
		c->run_hi = hi;
		*from = lo;
		*end = hi < to ? hi : to;
		return true;
	}
	return false;
}
