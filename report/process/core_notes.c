/* core_notes.c - what the notes of a core say: core.h.
 *
 * The kernel writes NT_PRSTATUS of the thread that ended the process first, gcore that of the
 * first thread; what belongs to a thread (NT_X86_XSTATE) follows its NT_PRSTATUS. Layouts:
 * struct elf_prstatus and elf_prpsinfo (linux/elfcore.h); NT_FILE: fs/binfmt_elf.c,
 * fill_files_note.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "core_private.h"

#define NOTES_MAX (1ull << 30) /* 100,000 threads with all vector registers need 300 MB */
#define VECTOR_LEAST 512u      /* the part of an XSAVE area that was always there */
#define VECTOR_MAX (64u << 10)

_Static_assert(sizeof(struct user_regs_struct) == sizeof(elf_gregset_t), "registers of ptrace and of cores");

struct note {
	uint32_t type;
	const char *owner;
	const char *content;
	uint64_t bytes;
};

static uint64_t read_word(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static void read_process(struct core *c, const struct note *n)
{
	struct elf_prpsinfo info;

	if (n->bytes < sizeof(info))
		return;
	memcpy(&info, n->content, sizeof(info));
	c->pid = info.pr_pid;
	c->user = info.pr_uid;
	memcpy(c->name, info.pr_fname, sizeof(info.pr_fname));
	memcpy(c->command, info.pr_psargs, sizeof(info.pr_psargs));
	for (size_t end = strlen(c->command); end && c->command[end - 1] == ' '; end--)
		c->command[end - 1] = 0;
}

static void add_thread(struct core *c, const struct note *n)
{
	struct elf_prstatus status;
	struct stop_thread *t;

	if (n->bytes < sizeof(status))
		return;
	memcpy(&status, n->content, sizeof(status));
	t = ARRAY_ADD(c->stop.threads, c->stop.count, c->stop.room);
	*t = (struct stop_thread){ .tid = status.pr_pid, .how = STOP_TRACED, .blocked_ns = -1 };
	memcpy(&t->registers, &status.pr_reg, sizeof(t->registers));
	if (c->stop.count == 1)
		c->signal = status.pr_cursig;
}

static void add_vector(struct core *c, const struct note *n)
{
	struct stop_thread *t = c->stop.count ? &c->stop.threads[c->stop.count - 1] : NULL;

	if (!t || t->vector || n->bytes < VECTOR_LEAST || n->bytes > VECTOR_MAX)
		return;
	t->vector = alloc_bytes(n->bytes);
	t->vector_bytes = n->bytes;
	memcpy(t->vector, n->content, n->bytes);
}

static void read_kernel_vector(struct core *c, const struct note *n)
{
	for (uint64_t at = 0; at + 16 <= n->bytes; at += 16) {
		uint64_t value = read_word(n->content + at + 8);

		switch (read_word(n->content + at)) {
		case AT_PHDR: c->headers = value; break;
		case AT_PHNUM: c->header_count = value; break;
		case AT_BASE: c->base = value; break;
		case AT_ENTRY: c->entry = value; break;
		case AT_SYSINFO_EHDR: c->vdso = value; break;
		case AT_EXECFN: c->program = value; break;
		case AT_NULL: return;
		default: break;
		}
	}
}

static void cut_deleted(char *path, size_t length)
{
	static const char mark[] = " (deleted)";
	size_t bytes = sizeof(mark) - 1;

	if (length > bytes && !strcmp(path + length - bytes, mark))
		path[length - bytes] = 0;
}

uint64_t core_inode(const char *path)
{
	uint64_t hash = 14695981039346656037ull; /* FNV-1a */

	for (; *path; path++)
		hash = (hash ^ (uint8_t)*path) * 1099511628211ull;
	return hash | 1;
}

/* {count, page size, count of {start, end, offset in pages}, names}. */
static void read_files(
	struct core *c, const struct note *n, struct core_range **ranges, size_t *count, size_t *room)
{
	uint64_t entries, page, names_at;
	char *name, *end;

	if (n->bytes < 16 || c->memory.text)
		return;
	entries = read_word(n->content);
	page = read_word(n->content + 8);
	if (!page || page > 1 << 30 || entries > (n->bytes - 16) / 24) {
		core_doubt(c, "the list of mapped files in the core is damaged");
		return;
	}
	names_at = 16 + entries * 24;
	c->memory.text = alloc_bytes(n->bytes - names_at + 1);
	memcpy(c->memory.text, n->content + names_at, n->bytes - names_at);
	name = c->memory.text;
	end = name + (n->bytes - names_at);
	*end = 0;
	for (uint64_t i = 0; i < entries && name < end; i++) {
		const char *entry = n->content + 16 + i * 24;
		struct core_range r = { read_word(entry), read_word(entry + 8), read_word(entry + 16), name,
			0 };
		size_t length = strlen(name);

		cut_deleted(name, length);
		name += length + 1;
		if (r.hi <= r.lo || r.hi > 1ull << 47 || r.offset > UINT64_MAX / page)
			continue;
		r.offset *= page;
		r.inode = core_inode(r.path);
		*ARRAY_ADD(*ranges, *count, *room) = r;
	}
	c->has_files = true;
}

static void read_note(
	struct core *c, const struct note *n, struct core_range **ranges, size_t *count, size_t *room)
{
	if (!strcmp(n->owner, "LINUX")) {
		if (n->type == NT_X86_XSTATE)
			add_vector(c, n);
		return;
	}
	if (strcmp(n->owner, "CORE"))
		return;
	switch (n->type) {
	case NT_PRPSINFO: read_process(c, n); break;
	case NT_PRSTATUS: add_thread(c, n); break;
	case NT_AUXV: read_kernel_vector(c, n); break;
	case NT_FILE: read_files(c, n, ranges, count, room); break;
	default: break;
	}
}

void core_notes_read(struct core *c, uint64_t offset, uint64_t bytes, struct core_range **ranges,
	size_t *count, size_t *room)
{
	uint64_t there = offset < c->file_bytes ? c->file_bytes - offset : 0, at = 0;
	bool cut = bytes > there || bytes > NOTES_MAX;
	char *all;
	ssize_t got;

	if (bytes > there)
		bytes = there;
	if (bytes > NOTES_MAX)
		bytes = NOTES_MAX;
	all = alloc_bytes(bytes + 1);
	got = pread(c->descriptor, all, bytes, (off_t)offset);
	bytes = got > 0 ? (uint64_t)got : 0;
	while (at + sizeof(Elf64_Nhdr) <= bytes) {
		Elf64_Nhdr h;
		uint64_t owner = at + sizeof(h), content, next;
		struct note n;

		memcpy(&h, all + at, sizeof(h));
		content = owner + ((uint64_t)h.n_namesz + 3) / 4 * 4;
		next = content + ((uint64_t)h.n_descsz + 3) / 4 * 4;
		if (!h.n_namesz || content > bytes || h.n_descsz > bytes - content
			|| all[owner + h.n_namesz - 1]) {
			cut = true;
			break;
		}
		n = (struct note){ h.n_type, all + owner, all + content, h.n_descsz };
		read_note(c, &n, ranges, count, room);
		at = next;
	}
	free(all);
	if (cut)
		core_doubt(c, "the notes of the core are not all there");
}
