/* elf_libraries.c - see elf_libraries.h. */
#include "elf_libraries.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/ordinary.h"
#include "base/path.h"

#define LIBRARIES_MOST 4096u /* of a program; the largest office suites load a few hundred */
#define CACHE_MAGIC "glibc-ld.so.cache1.1"
#define CACHE_LIBC6 3u      /* type of an entry, in the low byte of its flags */
#define CACHE_X86_64 0x300u /* machine of an entry, in the next byte */

/* /etc/ld.so.cache (elf/cache.c of glibc), mapped; offsets of strings count from its beginning. */
struct cache_entry {
	int32_t flags;
	uint32_t key, value, version;
	uint64_t hwcap;
};

struct cache_header {
	char magic[20];
	uint32_t count, string_bytes;
	uint32_t unused[5];
};

_Static_assert(sizeof(struct cache_header) == 48, "layout of ld.so.cache");
_Static_assert(sizeof(struct cache_entry) == 24, "layout of ld.so.cache");

struct cache {
	const char *bytes; /* NULL: there is none */
	size_t size;
};

/* What is looked through for one library. */
struct search {
	struct elf_libraries *found;
	struct cache cache;
	char *program_rpath; /* of the executable, expanded; NULL */
};

static const char *const usual[] = { "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64",
	"/usr/lib64", "/lib", "/usr/lib" };

static void open_cache(struct cache *c)
{
	int fd = open("/etc/ld.so.cache", O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	*c = (struct cache){ NULL, 0 };
	if (fd < 0)
		return;
	if (!fstat(fd, &st) && (size_t)st.st_size > sizeof(struct cache_header)) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p != MAP_FAILED)
			*c = (struct cache){ p, (size_t)st.st_size };
	}
	close(fd);
	if (c->bytes && memcmp(c->bytes, CACHE_MAGIC, 20)) {
		munmap((void *)c->bytes, c->size);
		*c = (struct cache){ NULL, 0 };
	}
}

/* A string of the cache; "" where its offset or end is outside. */
static const char *cache_string(const struct cache *c, uint32_t offset)
{
	return offset < c->size && memchr(c->bytes + offset, 0, c->size - offset) ? c->bytes + offset : "";
}

/* Whether a file is a library that an x86-64 program can load. */
static bool is_library(const char *path)
{
	Elf64_Ehdr header;
	int fd = ordinary_open(path);
	bool is;

	if (fd < 0)
		return false;
	is = pread(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header)
		&& !memcmp(header.e_ident, ELFMAG, SELFMAG) && header.e_ident[EI_CLASS] == ELFCLASS64
		&& header.e_machine == EM_X86_64;
	close(fd);
	return is;
}

static char *find_in_cache(const struct cache *c, const char *name)
{
	const struct cache_header *h;
	const struct cache_entry *e;
	size_t most;

	if (!c->bytes)
		return NULL;
	h = (const void *)c->bytes;
	e = (const void *)(h + 1);
	most = (c->size - sizeof(*h)) / sizeof(*e);
	for (size_t i = 0; i < h->count && i < most; i++) {
		if (e[i].flags != (int32_t)(CACHE_LIBC6 | CACHE_X86_64) || e[i].hwcap
			|| strcmp(cache_string(c, e[i].key), name))
			continue;
		if (is_library(cache_string(c, e[i].value)))
			return alloc_string(cache_string(c, e[i].value));
	}
	return NULL;
}

/* The value of $ORIGIN, ${LIB} ... at `text`; *bytes of text are the variable. NULL for any other text. */
static const char *match_variable(const char *text, const char *origin, size_t *bytes)
{
	const struct {
		const char *name, *value;
	} known[] = {
		{ "ORIGIN", origin },
		{ "LIB", "lib/x86_64-linux-gnu" },
		{ "PLATFORM", "x86_64" },
	};
	bool braces = text[1] == '{';

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = strlen(known[i].name);

		if (strncmp(text + 1 + braces, known[i].name, n) || (braces && text[2 + n] != '}'))
			continue;
		*bytes = 1 + n + 2 * braces;
		return known[i].value;
	}
	return NULL;
}

/* A list of folders with its variables replaced. `file`: whose folder $ORIGIN is. NULL for NULL. To free. */
static char *expand_path(const char *list, const char *file)
{
	char *real = list ? realpath(file, NULL) : NULL, *all;
	char *slash = real ? strrchr(real, '/') : NULL;
	size_t bytes;

	if (!list)
		return NULL;
	if (slash)
		*slash = '\0';
	all = alloc_string("");
	while (*list) {
		const char *value = *list == '$' ? match_variable(list, real ? real : ".", &bytes) : NULL;
		char *longer;

		if (!value)
			bytes = 1 + strcspn(list + 1, "$");
		longer = value ? alloc_printf("%s%s", all, value)
			       : alloc_printf("%s%.*s", all, (int)bytes, list);
		free(all);
		all = longer;
		list += bytes;
	}
	free(real);
	return all;
}

/* Looks in the folders of a list, separated by ":" or ";". An empty one is the working folder. */
static char *find_in_list(const char *list, const char *name)
{
	while (list && *list) {
		size_t n = strcspn(list, ":;");
		char *path = n ? alloc_printf("%.*s/%s", (int)n, list, name) : alloc_string(name);

		if (is_library(path))
			return path;
		free(path);
		list += n + (list[n] != '\0');
	}
	return NULL;
}

static char *find_library(const struct search *s, const struct elf_probe *from, const char *name)
{
	char *rpath, *runpath, *found = NULL;

	if (strchr(name, '/')) {
		char *path = expand_path(name, from->path);

		if (is_library(path))
			return path;
		free(path);
		return NULL;
	}
	/* DT_RUNPATH takes the place of DT_RPATH, also of the program's. */
	rpath = from->runpath ? NULL : expand_path(from->rpath, from->path);
	runpath = expand_path(from->runpath, from->path);
	found = find_in_list(rpath, name);
	if (!found && !from->runpath)
		found = find_in_list(s->program_rpath, name);
	if (!found)
		found = find_in_list(getenv("LD_LIBRARY_PATH"), name);
	if (!found)
		found = find_in_list(runpath, name);
	if (!found)
		found = find_in_cache(&s->cache, name);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]) && !found; i++)
		found = find_in_list(usual[i], name);
	free(rpath);
	free(runpath);
	return found;
}

/* Two names mean one library when their last parts are equal, as DT_SONAME is to the loader. */
static bool has_library(const struct elf_libraries *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++)
		if (!strcmp(path_base(l->path[i]), path_base(name)))
			return true;
	return false;
}

static void add_needed(struct search *s, const struct elf_probe *from)
{
	struct elf_libraries *l = s->found;

	for (size_t i = 0; i < from->needed_count && l->count < LIBRARIES_MOST; i++) {
		char *path;

		if (has_library(l, from->needed[i]))
			continue;
		path = find_library(s, from, from->needed[i]);
		if (path) {
			*ARRAY_ADD(l->path, l->count, l->capacity) = path;
		} else if (!l->missing) {
			l->missing = alloc_string(from->needed[i]);
			l->wanted_by = alloc_string(from->path);
		}
	}
}

void elf_libraries_find(const struct elf_probe *program, struct elf_libraries *l)
{
	struct search s = { .found = l };

	*l = (struct elf_libraries){ 0 };
	open_cache(&s.cache);
	s.program_rpath = program->runpath ? NULL : expand_path(program->rpath, program->path);
	add_needed(&s, program);
	/* The list grows while it is walked: breadth first, as the loader does. */
	for (size_t i = 0; i < l->count; i++) {
		struct elf_probe p;

		elf_probe_file(l->path[i], &p);
		if (p.elf)
			add_needed(&s, &p);
		elf_probe_free(&p);
	}
	free(s.program_rpath);
	if (s.cache.bytes)
		munmap((void *)s.cache.bytes, s.cache.size);
}

void elf_libraries_free(struct elf_libraries *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->path[i]);
	free(l->path);
	free(l->missing);
	free(l->wanted_by);
	*l = (struct elf_libraries){ 0 };
}
