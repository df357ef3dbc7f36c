/* core_links.c - the modules of a core by the loader's own list: core.h.
 *
 * The list names what NT_FILE would name, where that note was cut off. It starts from DT_DEBUG
 * in the dynamic section of the program (struct r_debug and link_map, <link.h>), and the program
 * is found by its headers, whose address the kernel has passed to it (AT_PHDR).
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "core_private.h"

#define LINKS_MAX 65536u
#define DYNAMIC_MAX 512u
#define PATH_BYTES 4096u
#define PAGE 4096ull

struct link {
	uint64_t bias, name, dynamic, next, previous;
};

static bool read_all(struct core *c, uint64_t address, void *to, uint64_t bytes)
{
	return core_read(c, address, to, bytes) == bytes;
}

/* The value of an entry of a dynamic section. */
static uint64_t find_dynamic(struct core *c, uint64_t at, int64_t tag)
{
	Elf64_Dyn entry;

	for (unsigned i = 0; i < DYNAMIC_MAX && read_all(c, at, &entry, sizeof(entry)); i++) {
		if (entry.d_tag == tag)
			return entry.d_un.d_val;
		if (entry.d_tag == DT_NULL)
			break;
		at += sizeof(entry);
	}
	return 0;
}

/* Where the list begins; 0: it was not found. */
static uint64_t find_first_link(struct core *c)
{
	Elf64_Phdr headers[CORE_HEADERS_MAX];
	uint64_t count = c->header_count < CORE_HEADERS_MAX ? c->header_count : CORE_HEADERS_MAX, debug = 0;
	uint64_t dynamic = 0, bias = 0, link;

	if (!c->headers || !read_all(c, c->headers, headers, count * sizeof(*headers)))
		return 0;
	for (uint64_t i = 0; i < count; i++) {
		if (headers[i].p_type == PT_PHDR)
			bias = c->headers - headers[i].p_vaddr;
		if (headers[i].p_type == PT_DYNAMIC)
			dynamic = headers[i].p_vaddr;
	}
	debug = dynamic ? find_dynamic(c, bias + dynamic, DT_DEBUG) : 0;
	return debug && read_all(c, debug + 8, &link, sizeof(link)) ? link : 0;
}

/* A text that lies in the core, added to the text of all paths; its offset in it. */
static bool add_path(struct core *c, uint64_t address, uint64_t *used, uint64_t *room, uint64_t *offset)
{
	char path[PATH_BYTES];
	uint64_t bytes = sizeof(path), there = core_read(c, address, path, bytes);
	size_t length = strnlen(path, there);

	if (!length || length == there || *path != '/')
		return false;
	ARRAY_RESERVE(c->memory.text, *room, *used + length + 1);
	memcpy(c->memory.text + *used, path, length + 1);
	*offset = *used;
	*used += length + 1;
	return true;
}

/* Its segments as mappings; `path` is an offset for now. */
static void add_module(
	struct core *c, uint64_t bias, uint64_t path, struct core_range **ranges, size_t *count, size_t *room)
{
	Elf64_Phdr headers[CORE_HEADERS_MAX];
	const struct core_segment *s = core_segment_at(c, bias);
	/* A program that is not relocated has a bias of 0. */
	uint64_t lo = s ? bias : c->headers & ~(PAGE - 1);
	size_t n = core_headers(c, lo, headers);

	for (size_t k = 0; k < n; k++) {
		const Elf64_Phdr *p = &headers[k];
		uint64_t from = (bias + p->p_vaddr) & ~(PAGE - 1);
		uint64_t end = (bias + p->p_vaddr + p->p_filesz + PAGE - 1) & ~(PAGE - 1);

		if (p->p_type != PT_LOAD || end <= from || end > 1ull << 47)
			continue;
		*ARRAY_ADD(*ranges, *count, *room) = (struct core_range){ from, end,
			p->p_offset & ~(PAGE - 1), (const char *)(uintptr_t)path, 0 };
	}
}

void core_links_read(struct core *c, struct core_range **ranges, size_t *count, size_t *room)
{
	uint64_t at = find_first_link(c), used = 0, text_room = 0, offset;
	struct link link;

	for (unsigned n = 0; at && n < LINKS_MAX && read_all(c, at, &link, sizeof(link)); n++, at = link.next)
		/* The program itself, the first, has no name in the list. */
		if (add_path(c, n ? link.name : c->program, &used, &text_room, &offset))
			add_module(c, link.bias, offset, ranges, count, room);
	for (size_t i = 0; i < *count; i++) {
		struct core_range *r = &(*ranges)[i];

		r->path = c->memory.text + (uintptr_t)r->path;
		r->inode = core_inode(r->path);
	}
}
