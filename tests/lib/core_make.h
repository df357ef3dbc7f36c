/* core_make.h - cores written by hand: each field may be any number. */
#ifndef TIDEMARK_CORE_MAKE_H
#define TIDEMARK_CORE_MAKE_H

#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>

#define CORE_MAKE_SEGMENTS 16u
#define CORE_MAKE_CONTENT 65536u

struct core_make {
	Elf64_Ehdr header;
	Elf64_Phdr segment[CORE_MAKE_SEGMENTS]; /* the first holds the notes */
	uint8_t notes[8192];
	uint64_t notes_bytes;
	uint8_t content[CORE_MAKE_CONTENT]; /* in the file from CORE_MAKE_AT on */
};
#define CORE_MAKE_AT 0x4000u

static inline void core_make_begin(struct core_make *m)
{
	memset(m, 0, sizeof(*m));
	memcpy(m->header.e_ident, ELFMAG, SELFMAG);
	m->header.e_ident[EI_CLASS] = ELFCLASS64;
	m->header.e_ident[EI_DATA] = ELFDATA2LSB;
	m->header.e_ident[EI_VERSION] = EV_CURRENT;
	m->header.e_type = ET_CORE;
	m->header.e_machine = EM_X86_64;
	m->header.e_version = EV_CURRENT;
	m->header.e_ehsize = sizeof(m->header);
	m->header.e_phentsize = sizeof(*m->segment);
	m->header.e_phoff = sizeof(m->header);
	m->header.e_phnum = 1;
	m->segment[0].p_type = PT_NOTE;
	m->segment[0].p_offset = 0x1000;
}

/* Memory of `bytes`, of which the first `there` lie in m->content at `at`. */
static inline void core_make_segment(
	struct core_make *m, uint64_t lo, uint64_t bytes, uint64_t there, uint64_t at, uint32_t flags)
{
	m->segment[m->header.e_phnum++] = (Elf64_Phdr){ .p_type = PT_LOAD,
		.p_vaddr = lo,
		.p_memsz = bytes,
		.p_filesz = there,
		.p_offset = CORE_MAKE_AT + at,
		.p_flags = flags };
}

static inline void core_make_note(
	struct core_make *m, const char *owner, uint32_t type, const void *content, uint64_t bytes)
{
	Elf64_Nhdr h = { (uint32_t)strlen(owner) + 1, (uint32_t)bytes, type };
	uint8_t *to = m->notes + m->notes_bytes;

	memcpy(to, &h, sizeof(h));
	memcpy(to + sizeof(h), owner, h.n_namesz);
	memcpy(to + sizeof(h) + (h.n_namesz + 3) / 4 * 4, content, bytes);
	m->notes_bytes += sizeof(h) + (h.n_namesz + 3) / 4 * 4 + (bytes + 3) / 4 * 4;
	m->segment[0].p_filesz = m->notes_bytes;
}

static inline void core_make_thread(struct core_make *m, int tid, uint64_t stack, uint64_t code)
{
	struct elf_prstatus s = { .pr_pid = tid, .pr_cursig = 6 };
	/* The order of struct user_regs_struct. */
	s.pr_reg[16] = code;
	s.pr_reg[19] = stack;
	s.pr_reg[21] = stack + 64;
	core_make_note(m, "CORE", NT_PRSTATUS, &s, sizeof(s));
}

static inline void core_make_process(struct core_make *m, int pid, const char *name)
{
	struct elf_prpsinfo p = { .pr_pid = pid, .pr_uid = 1000 };

	strncpy(p.pr_fname, name, sizeof(p.pr_fname) - 1);
	snprintf(p.pr_psargs, sizeof(p.pr_psargs), "%s --serve ", name);
	core_make_note(m, "CORE", NT_PRPSINFO, &p, sizeof(p));
}

struct core_make_file {
	uint64_t lo, hi, page;
	const char *path;
};
static inline void core_make_files(struct core_make *m, const struct core_make_file *list, uint64_t count)
{
	uint64_t words[2 + 3 * CORE_MAKE_SEGMENTS], bytes = (2 + 3 * count) * 8;
	uint8_t note[4096];

	words[0] = count;
	words[1] = 4096;
	for (uint64_t i = 0; i < count; i++)
		memcpy(&words[2 + 3 * i], &list[i].lo, 24);
	memcpy(note, words, bytes);
	for (uint64_t i = 0; i < count; i++) {
		memcpy(note + bytes, list[i].path, strlen(list[i].path) + 1);
		bytes += strlen(list[i].path) + 1;
	}
	core_make_note(m, "CORE", NT_FILE, note, bytes);
}

/* A program or library in m->content at `at`: headers and a build id of 20 times `id`. */
static inline void core_make_module(struct core_make *m, uint64_t at, uint64_t bytes, uint8_t id)
{
	Elf64_Ehdr h = m->header;
	Elf64_Phdr p[2] = {
		{ .p_type = PT_LOAD, .p_memsz = bytes, .p_filesz = bytes, .p_flags = PF_R | PF_X },
		{ .p_type = PT_NOTE, .p_vaddr = 0x200, .p_offset = 0x200, .p_filesz = 36, .p_memsz = 36 }
	};
	Elf64_Nhdr note = { 4, 20, NT_GNU_BUILD_ID };

	h.e_type = ET_DYN;
	h.e_phnum = 2;
	memcpy(m->content + at, &h, sizeof(h));
	memcpy(m->content + at + h.e_phoff, p, sizeof(p));
	memcpy(m->content + at + 0x200, &note, sizeof(note));
	memcpy(m->content + at + 0x20c, "GNU", 4);
	memset(m->content + at + 0x210, id, 20);
}

/* Writes it to a descriptor; `bytes` 0: whole. */
static inline int core_make_write(const struct core_make *m, int fd, uint64_t bytes)
{
	return pwrite(fd, &m->header, sizeof(m->header), 0) != sizeof(m->header)
		|| pwrite(fd, m->segment, sizeof(m->segment), (off_t)m->header.e_ehsize) != sizeof(m->segment)
		|| pwrite(fd, m->notes, sizeof(m->notes), 0x1000) != sizeof(m->notes)
		|| pwrite(fd, m->content, sizeof(m->content), CORE_MAKE_AT) != sizeof(m->content)
		|| (bytes && ftruncate(fd, (off_t)bytes));
}

#endif
