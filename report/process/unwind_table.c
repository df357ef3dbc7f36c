/* unwind_table.c - see unwind_table.h. */
#include <elf.h>
#include <string.h>
#include "unwind_table.h"

#define PAGE 4096ull
#define HEADERS_MAX 64u
#define STEPS_MAX 64u /* mappings of one module below its code */

/* Program headers of the module that begins at `lo`; their count. */
static size_t read_headers(struct remote *m, uint64_t lo, Elf64_Phdr *to)
{
	Elf64_Ehdr h;

	if (remote_read(m, lo, &h, sizeof(h)) != sizeof(h) || memcmp(h.e_ident, ELFMAG, SELFMAG)
		|| h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_phentsize != sizeof(*to)
		|| h.e_phnum > HEADERS_MAX)
		return 0;
	return remote_read(m, lo + h.e_phoff, to, h.e_phnum * sizeof(*to)) / sizeof(*to);
}

/* The encodings that ld, gold, lld and mold write: the table is sorted and relative to its header. */
static bool read_table(struct remote *m, uint64_t at, uint64_t bytes, struct unwind_table *t)
{
	struct {
		uint8_t version, pointer, number, table;
		int32_t frames;
		uint32_t count;
	} h;

	if (bytes < sizeof(h) || remote_read(m, at, &h, sizeof(h)) != sizeof(h) || h.version != 1
		|| h.pointer != 0x1b || h.number != 0x03 || h.table != 0x3b
		|| h.count > (bytes - sizeof(h)) / 8)
		return false;
	t->base = at;
	t->entries = at + sizeof(h);
	t->count = h.count;
	return true;
}

bool unwind_table_find(struct remote *m, uint64_t address, struct unwind_table *t)
{
	const struct remote_mapping *code = remote_mapping_at(m, address), *first = code;
	Elf64_Phdr headers[HEADERS_MAX];
	uint64_t lowest = UINT64_MAX, at = 0, bytes = 0;
	size_t n;

	for (unsigned i = 0; code && i < STEPS_MAX && first->offset && first > m->mappings; i++)
		first--;
	if (!code || first->inode != code->inode || strcmp(first->path, code->path))
		return false;
	n = read_headers(m, first->lo, headers);
	*t = (struct unwind_table){ 0 };
	for (size_t k = 0; k < n; k++)
		if (headers[k].p_type == PT_LOAD && (headers[k].p_vaddr & ~(PAGE - 1)) < lowest)
			lowest = headers[k].p_vaddr & ~(PAGE - 1);
	for (size_t k = 0; k < n; k++) {
		uint64_t lo = first->lo - lowest + headers[k].p_vaddr;

		if (headers[k].p_type == PT_GNU_EH_FRAME) {
			at = lo;
			bytes = headers[k].p_memsz;
		}
		if (headers[k].p_type == PT_LOAD && address >= lo && address - lo < headers[k].p_memsz) {
			t->lo = lo;
			t->hi = lo + headers[k].p_memsz;
		}
	}
	return t->hi && at && read_table(m, at, bytes, t);
}
