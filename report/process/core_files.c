/* core_files.c - pages that a core left out because they are in files: core.h.
 *
 * With the usual /proc/PID/coredump_filter (0x33) a core has the first page of each program and
 * library, in which their build ids lie, and all pages that were written, but no code and no
 * constants. gcore leaves out code as well.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/array.h"
#include "base/ordinary.h"
#include "base/search.h"
#include "core_private.h"

#define PAGE 4096ull
#define NOTES_BYTES 4096u

/* --- what the process had ------------------------------------------------- */

size_t core_headers(struct core *c, uint64_t lo, Elf64_Phdr *to)
{
	Elf64_Ehdr h;
	uint64_t bytes;

	if (core_read(c, lo, &h, sizeof(h)) != sizeof(h) || memcmp(h.e_ident, ELFMAG, SELFMAG)
		|| h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_phentsize != sizeof(*to)
		|| h.e_phnum > CORE_HEADERS_MAX || h.e_phoff > 1 << 20)
		return 0;
	bytes = h.e_phnum * sizeof(*to);
	return core_read(c, lo + h.e_phoff, to, bytes) == bytes ? h.e_phnum : 0;
}

/* The GNU build id in the notes of a segment. */
static size_t find_id(const char *notes, uint64_t bytes, uint8_t *id)
{
	uint64_t at = 0;

	while (at + sizeof(Elf64_Nhdr) <= bytes) {
		Elf64_Nhdr h;
		uint64_t content, owner = at + sizeof(h);

		memcpy(&h, notes + at, sizeof(h));
		content = owner + ((uint64_t)h.n_namesz + 3) / 4 * 4;
		if (content > bytes || h.n_descsz > bytes - content)
			return 0;
		if (h.n_type == NT_GNU_BUILD_ID && h.n_namesz == 4 && !memcmp(notes + owner, "GNU", 4)
			&& h.n_descsz && h.n_descsz <= CORE_ID_BYTES) {
			memcpy(id, notes + content, h.n_descsz);
			return h.n_descsz;
		}
		at = content + ((uint64_t)h.n_descsz + 3) / 4 * 4;
	}
	return 0;
}

static void read_id(struct core *c, struct core_file *f, const Elf64_Phdr *headers, size_t n, uint64_t bias)
{
	char notes[NOTES_BYTES];

	for (size_t k = 0; k < n && !f->id_bytes; k++) {
		const Elf64_Phdr *p = &headers[k];
		uint64_t bytes = p->p_filesz < sizeof(notes) ? p->p_filesz : sizeof(notes);

		if (p->p_type == PT_NOTE)
			f->id_bytes = find_id(notes, core_read(c, bias + p->p_vaddr, notes, bytes), f->id);
	}
}

static void add_file(struct core *c, const struct remote_mapping *m, size_t *room)
{
	struct core_file f = {
		.lo = m->lo, .hi = m->hi, .inode = m->inode, .path = m->path, .descriptor = -1
	};
	uint64_t first = UINT64_MAX, last = 0;
	Elf64_Phdr headers[CORE_HEADERS_MAX];
	size_t n = core_headers(c, m->lo, headers);

	for (size_t k = 0; k < n; k++) {
		const Elf64_Phdr *p = &headers[k];

		if (p->p_type != PT_LOAD)
			continue;
		if ((p->p_vaddr & ~(PAGE - 1)) < first)
			first = p->p_vaddr & ~(PAGE - 1);
		if (p->p_vaddr + p->p_memsz > last)
			last = p->p_vaddr + p->p_memsz;
	}
	if (first >= last || last - first > 1ull << 40)
		return;
	f.hi = m->lo + (last - first);
	read_id(c, &f, headers, n, m->lo - first);
	*ARRAY_ADD(c->files, c->file_count, *room) = f;
}

static struct core_file *find_file(const struct core *c, const struct remote_mapping *m)
{
	size_t at = SEARCH_UP_TO(c->files, c->file_count, lo, m->lo);

	/* Libraries do not lie within each other, except where tools rearrange them. */
	for (size_t steps = 0; at > 0 && steps < 8; at--, steps++)
		if (c->files[at - 1].inode == m->inode && m->lo < c->files[at - 1].hi)
			return &c->files[at - 1];
	return NULL;
}

/* Rights that its segments have in the file, for a mapping about which the core says nothing. */
static void complete_rights(struct core *c, struct remote_mapping *m)
{
	const struct core_file *f = find_file(c, m);
	Elf64_Phdr headers[CORE_HEADERS_MAX];
	size_t n = f ? core_headers(c, f->lo, headers) : 0;

	for (size_t k = 0; k < n; k++) {
		const Elf64_Phdr *p = &headers[k];

		if (p->p_type == PT_LOAD && m->offset < p->p_offset + p->p_filesz
			&& m->offset + (m->hi - m->lo) > p->p_offset && p->p_flags & PF_X)
			m->executable = true;
	}
}

void core_files_find(struct core *c)
{
	size_t room = 0;

	for (size_t i = 0; i < c->memory.mapping_count; i++) {
		const struct remote_mapping *m = &c->memory.mappings[i];

		if (m->inode && !m->offset && !m->shared)
			add_file(c, m, &room);
	}
	for (size_t i = 0; i < c->memory.mapping_count; i++) {
		struct remote_mapping *m = &c->memory.mappings[i];

		if (m->inode && !core_segment_at(c, m->lo))
			complete_rights(c, m);
	}
}

/* --- what the file has ---------------------------------------------------- */

static bool has_id(const struct core_file *f)
{
	Elf64_Phdr headers[CORE_HEADERS_MAX];
	char notes[NOTES_BYTES];
	uint8_t id[CORE_ID_BYTES];
	Elf64_Ehdr h;

	if (pread(f->descriptor, &h, sizeof(h), 0) != sizeof(h) || memcmp(h.e_ident, ELFMAG, SELFMAG)
		|| h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_phnum > CORE_HEADERS_MAX
		|| h.e_phentsize != sizeof(*headers) || h.e_phoff > f->bytes
		|| pread(f->descriptor, headers, h.e_phnum * sizeof(*headers), (off_t)h.e_phoff)
			!= (ssize_t)(h.e_phnum * sizeof(*headers)))
		return false;
	for (size_t k = 0; k < h.e_phnum; k++) {
		uint64_t bytes = headers[k].p_filesz < sizeof(notes) ? headers[k].p_filesz : sizeof(notes);
		ssize_t got;
		size_t n;

		if (headers[k].p_type != PT_NOTE || headers[k].p_offset > f->bytes)
			continue;
		got = pread(f->descriptor, notes, bytes, (off_t)headers[k].p_offset);
		n = got > 0 ? find_id(notes, (uint64_t)got, id) : 0;
		if (n)
			return n == f->id_bytes && !memcmp(id, f->id, n);
	}
	return false;
}

static const char *open_file(struct core_file *f)
{
	struct stat s;

	if (!f->id_bytes)
		return "the core does not hold its build id";
	f->descriptor = ordinary_open(f->path);
	if (f->descriptor < 0)
		return errno == ENOENT    ? "it is not on this machine"
			: errno == EINVAL ? "it is not a regular file"
					  : strerror(errno);
	if (fstat(f->descriptor, &s))
		return strerror(errno);
	f->bytes = (uint64_t)s.st_size;
	return has_id(f) ? NULL : "the file is another build";
}

static bool use_file(struct core_file *f)
{
	if (f->state == CORE_FILE_UNKNOWN) {
		f->why = open_file(f);
		f->state = f->why ? CORE_FILE_REFUSED : CORE_FILE_OPEN;
		if (f->why && f->descriptor >= 0) {
			close(f->descriptor);
			f->descriptor = -1;
		}
	}
	return f->state == CORE_FILE_OPEN;
}

/* The mapping at an address whose pages come from a file, and that file. */
static struct core_file *find_file_at(struct core *c, uint64_t address, const struct remote_mapping **mapping)
{
	const struct remote_mapping *m = remote_mapping_at(&c->memory, address);
	struct core_file *f = m && m->inode && !m->shared && !m->writable ? find_file(c, m) : NULL;

	*mapping = m;
	return f && use_file(f) ? f : NULL;
}

uint64_t core_files_read(struct core *c, uint64_t address, void *to, uint64_t bytes)
{
	const struct remote_mapping *m;
	struct core_file *f = find_file_at(c, address, &m);
	const struct core_segment *s;
	ssize_t got;

	if (!f)
		return 0;
	if (bytes > m->hi - address)
		bytes = m->hi - address;
	/* Up to memory that is in the core. */
	s = core_segment_at(c, address + bytes - 1);
	if (s && s->bytes && s->lo > address && s->lo < address + bytes)
		bytes = s->lo - address;
	got = pread(f->descriptor, to, bytes, (off_t)(m->offset + (address - m->lo)));
	if (got < 0)
		return 0;
	/* The last page of a file is filled up with zeros. */
	if ((uint64_t)got < bytes) {
		uint64_t rest = (PAGE - (address + (uint64_t)got) % PAGE) % PAGE;

		if (rest > bytes - (uint64_t)got)
			rest = bytes - (uint64_t)got;
		if (got || address % PAGE)
			memset((char *)to + got, 0, rest);
		else
			rest = 0;
		got += (ssize_t)rest;
	}
	return (uint64_t)got;
}

bool core_files_hold(struct core *c, uint64_t address, uint64_t *end)
{
	const struct remote_mapping *m;

	if (!find_file_at(c, address, &m))
		return false;
	*end = m->hi;
	return true;
}

void core_files_close(struct core *c)
{
	for (size_t i = 0; i < c->file_count; i++)
		if (c->files[i].descriptor >= 0)
			close(c->files[i].descriptor);
	free(c->files);
	c->files = NULL;
	c->file_count = 0;
}

const char *core_file_missing(struct core *c, size_t at, const char **why)
{
	for (size_t i = 0; i < c->file_count; i++)
		if (!use_file(&c->files[i]) && !at--) {
			*why = c->files[i].why;
			return c->files[i].path;
		}
	return NULL;
}
