/* elf_probe.c - reads an executable's headers with libelf (see the header). */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/ordinary.h"
#include "base/path.h"
#include "elf_probe.h"

/* The kernel gives up after four interpreters of interpreters (fs/exec.c). */
#define SCRIPT_LEVELS 5
#define SCRIPT_LINE 256

static const struct allocator_mark {
	const char *name;
	const char *library; /* start of a NEEDED name */
	const char *symbol;  /* a function that only its static form defines */
	const char *
		text; /* a message inside, for stripped programs; %s is the name, so that this file has none */
} allocators[] = {
	{ "jemalloc", "libjemalloc", "malloc_stats_print", "<%s>: " },
	{ "jemalloc", NULL, "je_malloc", NULL },
	{ "jemalloc", NULL, "_rjem_malloc", NULL },
	{ "tcmalloc", "libtcmalloc", "tc_malloc", "%s: large alloc" },
	{ "mimalloc", "libmimalloc", "mi_malloc", "%s: " },
	{ "rpmalloc", "librpmalloc", "rpmalloc", NULL },
	{ "snmalloc", "libsnmallocshim", "sn_malloc", NULL },
};
#define PYTHON_TEXT "PYTHONMALLOC" /* the environment variable that CPython's allocator is chosen by */
#define ALLOCATORS (sizeof(allocators) / sizeof(allocators[0]))

/* As execvp: a name with a slash is a path, else PATH is searched. NULL with
 * `found` set when only files that cannot be executed were there. */
static char *find_program(const char *program, bool *found)
{
	struct stat st;
	*found = false;
	if (strchr(program, '/')) {
		bool there = stat(program, &st) == 0;
		*found = there || (errno != ENOENT && errno != ENOTDIR);
		return there && S_ISREG(st.st_mode) && access(program, X_OK) == 0 ? alloc_string(program)
										  : NULL;
	}
	const char *path = getenv("PATH");
	if (!path)
		path = "/bin:/usr/bin";
	for (;;) {
		size_t n = strcspn(path, ":");
		char *full = n ? alloc_printf("%.*s/%s", (int)n, path, program) : alloc_string(program);
		if (stat(full, &st) == 0) {
			*found = true;
			if (S_ISREG(st.st_mode) && access(full, X_OK) == 0)
				return full;
		}
		free(full);
		if (!path[n])
			return NULL;
		path += n + 1;
	}
}

/* The program that a `#!` line runs: the interpreter, or what env runs for it. */
static char *parse_script_line(char *line)
{
	char *save = NULL;
	char *word = strtok_r(line, " \t", &save);
	if (!word)
		return NULL;
	const char *base = strrchr(word, '/');
	if (strcmp(base ? base + 1 : word, "env"))
		return alloc_string(word);
	for (char *next = strtok_r(NULL, " \t", &save); next; next = strtok_r(NULL, " \t", &save)) {
		if (!strncmp(next, "-S", 2) && next[2])
			return alloc_string(next + 2);
		if (next[0] != '-' && !strchr(next, '='))
			return alloc_string(next);
	}
	return alloc_string(word);
}

/* What runs in the place of the file: 1 and *next when it is a script, else 0. */
static int read_script(const char *path, char **next)
{
	char line[SCRIPT_LINE + 1];
	int fd = ordinary_open(path);
	if (fd < 0)
		return 0;
	ssize_t got = pread(fd, line, SCRIPT_LINE, 0);
	close(fd);
	if (got < 2)
		return 0;
	line[got] = 0;
	if (line[0] == '#' && line[1] == '!') {
		line[2 + strcspn(line + 2, "\n")] = 0;
		*next = parse_script_line(line + 2);
		return *next != NULL;
	}
	/* Text without a `#!` line is given to the shell by execvp. */
	if (!memcmp(line, ELFMAG, 2) || memchr(line, 0, (size_t)got))
		return 0;
	*next = alloc_string("/bin/sh");
	return 1;
}

/* A sanitizer's runtime is known by its library, or by its start function inside. */
static void probe_sanitizer(const char *name, struct elf_probe *p)
{
	static const struct {
		const char *library, *function, *name;
	} known[] = {
		{ "libasan.so", "__asan_init", "AddressSanitizer" },
		{ "liblsan.so", "__lsan_init", "LeakSanitizer" },
		{ "libtsan.so", "__tsan_init", "ThreadSanitizer" },
		{ "libhwasan.so", "__hwasan_init", "HWAddressSanitizer" },
		{ "libmsan.so", "__msan_init", "MemorySanitizer" },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strncmp(name, known[i].library, strlen(known[i].library))
			|| !strcmp(name, known[i].function))
			p->sanitizer = known[i].name;
}

static void probe_symbols(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct elf_probe *p)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
	for (size_t i = 0; i < count && i < INT32_MAX; i++) {
		GElf_Sym symbol;
		if (!gelf_getsym(data, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF || !symbol.st_value)
			continue;
		int type = GELF_ST_TYPE(symbol.st_info);
		if (type != STT_FUNC && type != STT_GNU_IFUNC)
			continue;
		const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (!name)
			continue;
		if (!strcmp(name, "malloc"))
			p->own_malloc = true;
		probe_sanitizer(name, p);
		for (size_t a = 0; a < ALLOCATORS; a++)
			if (!strcmp(name, allocators[a].symbol))
				p->inner_allocator = allocators[a].name;
	}
}

static void keep_text(char **to, const char *text)
{
	free(*to);
	*to = alloc_string(text);
}

static void probe_dynamic(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct elf_probe *p)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = data && header->sh_entsize ? data->d_size / header->sh_entsize : 0;
	for (size_t i = 0; i < count && i < INT32_MAX; i++) {
		GElf_Dyn entry;
		if (!gelf_getdyn(data, (int)i, &entry) || entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag == DT_FLAGS_1)
			p->pie = entry.d_un.d_val & DF_1_PIE;
		if (entry.d_tag != DT_NEEDED && entry.d_tag != DT_RPATH && entry.d_tag != DT_RUNPATH
			&& entry.d_tag != DT_AUDIT && entry.d_tag != DT_DEPAUDIT)
			continue;
		const char *name = elf_strptr(elf, header->sh_link, entry.d_un.d_val);
		if (!name)
			continue;
		if (entry.d_tag != DT_NEEDED) {
			keep_text(entry.d_tag == DT_RPATH           ? &p->rpath
					: entry.d_tag == DT_RUNPATH ? &p->runpath
								    : &p->audit,
				name);
			continue;
		}
		probe_sanitizer(name, p);
		*ARRAY_APPEND(p->needed, p->needed_count) = alloc_string(name);
		const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
		for (size_t a = 0; a < ALLOCATORS && !p->linked_allocator; a++)
			if (allocators[a].library
				&& !strncmp(base, allocators[a].library, strlen(allocators[a].library)))
				p->linked_allocator = alloc_string(base);
	}
}

static void probe_note(Elf_Scn *section, struct elf_probe *p)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Nhdr note;
	size_t name, descriptor, at = 0;
	while (data && at < data->d_size && (at = gelf_getnote(data, at, &note, &name, &descriptor)) > 0) {
		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 || note.n_descsz > 64
			|| p->build_id[0] || memcmp((char *)data->d_buf + name, "GNU", 4))
			continue;
		free(p->build_id);
		p->build_id = alloc_bytes(2 * (uint64_t)note.n_descsz + 1);
		p->build_id[0] = 0;
		for (size_t i = 0; i < note.n_descsz; i++)
			snprintf(p->build_id + 2 * i, 3, "%02x",
				((unsigned char *)data->d_buf)[descriptor + i]);
	}
}

/* A stripped program still holds the messages of its allocator. */
static void probe_text(Elf_Scn *section, struct elf_probe *p)
{
	Elf_Data *data = elf_rawdata(section, NULL);
	if (!data || !data->d_buf)
		return;
	p->python |= memmem(data->d_buf, data->d_size, PYTHON_TEXT, strlen(PYTHON_TEXT)) != NULL;
	for (size_t a = 0; a < ALLOCATORS && !p->inner_allocator; a++) {
		char text[64];

		if (!allocators[a].text)
			continue;
		snprintf(text, sizeof(text), allocators[a].text, allocators[a].name);
		if (memmem(data->d_buf, data->d_size, text, strlen(text)))
			p->inner_allocator = allocators[a].name;
	}
}

/* What CPython tells debuggers about itself: a cookie, its version, and whether it is without the GIL. */
static void probe_python(Elf_Scn *section, struct elf_probe *p)
{
	static const char cookie[8] = { 'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y' };
	Elf_Data *data = elf_rawdata(section, NULL);
	uint64_t words[3];

	if (!data || !data->d_buf || data->d_size < sizeof(words))
		return;
	memcpy(words, data->d_buf, sizeof(words));
	p->without_gil = !memcmp(words, cookie, sizeof(cookie)) && words[2] == 1;
}

static void probe_sections(Elf *elf, struct elf_probe *p)
{
	size_t names;
	Elf_Scn *section = NULL;
	if (elf_getshdrstrndx(elf, &names) < 0)
		return;
	while ((section = elf_nextscn(elf, section)) != NULL) {
		GElf_Shdr header;
		if (!gelf_getshdr(section, &header))
			continue;
		const char *name = elf_strptr(elf, names, header.sh_name);
		if (!name)
			name = "";
		switch (header.sh_type) {
		case SHT_SYMTAB:
			p->symbols = true;
			/* fall through */
		case SHT_DYNSYM: probe_symbols(elf, section, &header, p); break;
		case SHT_DYNAMIC: probe_dynamic(elf, section, &header, p); break;
		case SHT_NOTE: probe_note(section, p); break;
		case SHT_PROGBITS:
			if (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")) {
				p->debug_info = true;
			} else if (!strcmp(name, ".gnu_debuglink")) {
				Elf_Data *data = elf_rawdata(section, NULL);
				if (data && data->d_buf && memchr(data->d_buf, 0, data->d_size)
					&& !p->debug_link)
					p->debug_link = alloc_string(data->d_buf);
			} else if (!strcmp(name, ".go.buildinfo")) {
				p->go = true;
			} else if (!strcmp(name, ".PyRuntime")) {
				probe_python(section, p);
			} else if (!strcmp(name, ".rodata")) {
				probe_text(section, p);
			}
			break;
		}
	}
}

static void probe_elf(int fd, struct elf_probe *p)
{
	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	GElf_Ehdr header;
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header)) {
		elf_end(elf);
		return;
	}
	p->elf = true;
	p->bits32 = header.e_ident[EI_CLASS] == ELFCLASS32;
	p->other_machine = header.e_machine != EM_X86_64 && header.e_machine != EM_386;
	size_t count = 0, bytes = 0;
	const char *image = elf_rawfile(elf, &bytes);
	/* What the header says of their number may be anything below 2^32, and is in `count`
	 * although the call fails. */
	if (elf_getphdrnum(elf, &count))
		count = 0;
	for (size_t i = 0; i < count && i < bytes / sizeof(Elf32_Phdr); i++) {
		GElf_Phdr segment;
		if (!gelf_getphdr(elf, (int)i, &segment))
			break;
		p->unwind_table |= segment.p_type == PT_GNU_EH_FRAME;
		if (segment.p_type != PT_INTERP || p->loader)
			continue;
		if (segment.p_offset < bytes && segment.p_filesz
			&& segment.p_filesz <= bytes - segment.p_offset)
			p->loader =
				alloc_printf("%.*s", (int)(segment.p_filesz < 4096 ? segment.p_filesz : 4096),
					image + segment.p_offset);
	}
	p->is_static = !p->loader;
	p->musl = p->loader && strstr(p->loader, "ld-musl");
	p->foreign_loader = p->loader && !p->musl && !strstr(p->loader, "ld-linux")
		&& !strstr(p->loader, "/ld-2.") && !strstr(p->loader, "/ld.so");
	probe_sections(elf, p);
	/* A static program that loads at any address says that it is a program (DF_1_PIE). Not so a library, to
	 * which linkers before binutils 2.37 give an entry, too. */
	p->library = p->is_static && header.e_type == ET_DYN && !p->pie;
	/* CPython 3.13 and later has mimalloc inside, and allocates from it only when it is asked to. */
	if (p->python && p->inner_allocator && !strcmp(p->inner_allocator, "mimalloc"))
		p->inner_allocator = NULL;
	elf_end(elf);
}

/* Whether the kernel sets AT_SECURE for a program of this user: it then ignores
 * LD_PRELOAD. security/commoncap.c: changed ids, or capabilities gained when the
 * real user is not root; none of it on nosuid mounts or after no_new_privs. */
static bool probe_privileged(int fd)
{
	struct stat st;
	struct statvfs fs;
	char capability[64];
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 || fstat(fd, &st))
		return false;
	if (!fstatvfs(fd, &fs) && (fs.f_flag & ST_NOSUID))
		return false;
	if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
		return true;
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid())
		return true;
	return getuid() && fgetxattr(fd, "security.capability", capability, sizeof(capability)) > 0;
}

static void probe_judge(struct elf_probe *p)
{
	const char *why = NULL, *hint = "";
	char text[300];
	if (!p->elf) {
		why = "it is neither an ELF program nor a script";
	} else if (p->other_machine) {
		why = "it is made for another processor";
		hint = "; tidemark works on x86-64";
	} else if (p->bits32) {
		why = "it is a 32-bit program";
		hint = "; build it for 64 bits";
	} else if (p->library) {
		why = "it is a shared library";
		hint = "; give the program that loads it";
	} else if (p->is_static) {
		why = "it is statically linked, and no library can be preloaded into it";
		hint = "; link it dynamically (without -static)";
	} else if (p->musl) {
		why = "it uses musl's C library, and the preloaded library needs glibc";
		hint = "; build it against glibc";
	} else if (p->foreign_loader) {
		snprintf(text, sizeof(text), "its loader is %.200s, and the preloaded library needs glibc",
			p->loader);
		why = text;
		hint = "; build it against glibc";
	} else if (p->privileged) {
		why = "it is setuid, setgid or has file capabilities, and the loader ignores LD_PRELOAD";
		hint = "; run a copy without these bits, or run it as the user it changes to";
	} else if (p->sanitizer) {
		snprintf(text, sizeof(text), "it is built with %s, which brings an allocator of its own",
			p->sanitizer);
		why = text;
		hint = "; build it without -fsanitize";
	} else if (p->own_malloc) {
		snprintf(text, sizeof(text),
			"it has a malloc of its own inside%s%s%s, which no preloaded library can replace",
			p->inner_allocator ? " (" : "", p->inner_allocator ? p->inner_allocator : "",
			p->inner_allocator ? ")" : "");
		why = text;
		hint = "; link it without that allocator, or with the allocator as a shared library";
	}
	if (why)
		snprintf(p->obstacle, sizeof(p->obstacle), "cannot profile %.120s: %s%s", p->path, why, hint);
}

static void probe_file(struct elf_probe *p)
{
	int fd = ordinary_open(p->path);
	if (fd < 0) {
		/* Executable and not readable: the loader can map it, we cannot look inside.
		 * Such a process is not dumpable either; nothing can be read from it. */
		snprintf(p->obstacle, sizeof(p->obstacle),
			"cannot profile %.120s: it cannot be read (%s); make it readable", p->path,
			errno == EINVAL ? "it is not a regular file" : strerror(errno));
		return;
	}
	probe_elf(fd, p);
	p->privileged = p->elf && probe_privileged(fd);
	close(fd);
	probe_judge(p);
}

int elf_probe(const char *program, struct elf_probe *p, struct tide_error *e)
{
	memset(p, 0, sizeof(*p));
	p->build_id = alloc_string("");
	char *name = alloc_string(program);
	for (int level = 0;; level++) {
		bool found;
		char *next, *path = find_program(name, &found);
		if (!path) {
			int status = found ? 126 : 127;
			error_set(e, status, "cannot run %s|%s%s%s|%s", program,
				found ? "it cannot be executed" : "there is no such program",
				level ? ": " : "", level ? name : "",
				found                       ? "check its permissions (chmod +x)"
					: strchr(name, '/') ? "check the path"
							    : "check the name, or give a path");
			free(name);
			return -1;
		}
		free(name);
		free(p->path);
		p->path = path;
		if (level >= SCRIPT_LEVELS || !read_script(path, &next))
			break;
		if (!p->script)
			p->script = alloc_string(path);
		name = next;
	}
	probe_file(p);
	return 0;
}

void elf_probe_file(const char *path, struct elf_probe *p)
{
	memset(p, 0, sizeof(*p));
	p->build_id = alloc_string("");
	p->path = alloc_string(path);
	probe_file(p);
}

void elf_probe_free(struct elf_probe *p)
{
	for (size_t i = 0; i < p->needed_count; i++)
		free(p->needed[i]);
	free(p->needed);
	free(p->path);
	free(p->script);
	free(p->loader);
	free(p->linked_allocator);
	free(p->rpath);
	free(p->runpath);
	free(p->audit);
	free(p->build_id);
	free(p->debug_link);
	memset(p, 0, sizeof(*p));
}

const char *elf_probe_obstacle(const struct elf_probe *p) { return p->obstacle[0] ? p->obstacle : NULL; }

char *elf_probe_debug_file(const struct elf_probe *p, const char *root)
{
	if (p->debug_info)
		return alloc_string(p->path);
	if (!root)
		root = "/usr/lib/debug";
	char *file = NULL;
	if (p->build_id && strlen(p->build_id) > 2) {
		file = alloc_printf("%s/.build-id/%.2s/%s.debug", root, p->build_id, p->build_id + 2);
		if (access(file, R_OK) == 0)
			return file;
		free(file);
	}
	if (!p->debug_link || strchr(p->debug_link, '/'))
		return NULL;
	char *folder = realpath(p->path, NULL);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	if (slash)
		*slash = 0;
	for (int place = 0; folder && place < 3; place++) {
		file = alloc_printf("%s%s%s/%s", place == 2 ? root : "", folder, place == 1 ? "/.debug" : "",
			p->debug_link);
		if (access(file, R_OK) == 0) {
			free(folder);
			return file;
		}
		free(file);
	}
	free(folder);
	return NULL;
}
