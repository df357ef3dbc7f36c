/* symbol_module.c - finding a module's file and its debug file; the tables of
 * functions and objects that its symbol tables name.
 *
 * libdwfl does the search for debug files (build id, debug link with checksum,
 * debuginfod) and joins .symtab, .dynsym and the compressed .gnu_debugdata; its
 * own lookup by address walks the whole table, so ours is sorted.
 */
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "demangle.h"
#include "error.h"
#include "search.h"
#include "symbol_private.h"

#define SERVER_PATIENCE 10.0	/* seconds */
#define BACK_MAX 4096u		/* entries looked at for one that covers an address: see `cover` */

struct symbol_pool_part { struct symbol_pool_part *next; size_t used, capacity; char text[]; };

const char *symbol_pool_copy(struct symbol_pool *p, const char *s)
{
	struct symbol_pool_part *part = p->first;
	size_t n = strlen(s) + 1;
	char *text;

	if (!part || part->capacity - part->used < n) {
		size_t capacity = n > 32768 ? n : 65536;

		part = memory_get(sizeof(*part) + capacity);
		*part = (struct symbol_pool_part){ p->first, 0, capacity };
		p->first = part;
	}
	text = part->text + part->used;
	memcpy(text, s, n);
	part->used += n;
	return text;
}

void symbol_pool_free(struct symbol_pool *p)
{
	while (p->first) {
		struct symbol_pool_part *next = p->first->next;

		free(p->first);
		p->first = next;
	}
}

/* The file of a module that is gone or was replaced, by build id alone: the
 * executable below /usr/lib/debug or of debuginfod, else the debug file, which
 * has the symbols and DWARF as well. */
static int find_by_build_id(Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base,
	char **file, Elf **elf)
{
	char *debug_file = NULL;
	int fd = dwfl_build_id_find_elf(mod, user, name, base, file, elf);

	if (fd >= 0 || *elf)
		return fd;
	fd = dwfl_standard_find_debuginfo(mod, user, name, base, NULL, NULL, 0, &debug_file);
	if (fd >= 0) {
		free(*file);
		*file = debug_file;
	} else {
		free(debug_file);
	}
	return fd;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_by_build_id,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

void symbol_module_offline(void)
{
	unsetenv("DEBUGINFOD_URLS");
}

double symbol_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A server that cannot be reached costs its time-out for every module: once is
 * enough. */
void symbol_server_judge(struct symbol_module *m, double since, bool found)
{
	if (found || symbol_clock() - since < SERVER_PATIENCE || !getenv("DEBUGINFOD_URLS"))
		return;
	symbol_module_offline();
	if (!m->warning)
		m->warning = memory_printf("the debuginfod server took too long for %s: it is not asked again",
			m->path);
}

static size_t bytes_of_hex(const char *hex, uint8_t *out, size_t max)
{
	size_t n = 0;

	for (; hex[0] && hex[1] && n < max; hex += 2) {
		char pair[3] = { hex[0], hex[1], '\0' }, *end;

		out[n++] = (uint8_t)strtoul(pair, &end, 16);
		if (*end)
			return 0;
	}
	return n;
}

/* Opens a regular file whose build id is the one wanted (or none is); -1 else. */
static int open_same_build(struct symbol_module *m, const char *path, const uint8_t *id, size_t bytes)
{
	const void *found = NULL;
	struct stat st;
	ssize_t n;
	Elf *elf;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	if (bytes == 0)
		return fd;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	n = elf ? dwelf_elf_gnu_build_id(elf, &found) : -1;
	if (n != (ssize_t)bytes || memcmp(found, id, bytes) != 0) {
		m->warning = memory_printf("%s is another build than the one that ran: its names are not used",
			path);
		close(fd);
		fd = -1;
	}
	elf_end(elf);
	return fd;
}

static void report_file(struct symbol_module *m, const char *path, int fd)
{
	dwfl_report_begin(m->dwfl);
	m->module = dwfl_report_elf(m->dwfl, path, path, fd, 0, true);
	if (!m->module)
		close(fd);
	dwfl_report_end(m->dwfl, NULL, NULL);
}

static void report_build_id(struct symbol_module *m, const char *path, const uint8_t *id, size_t bytes)
{
	dwfl_report_begin(m->dwfl);
	m->module = dwfl_report_module(m->dwfl, path, 0, (Dwarf_Addr)1 << 47);
	if (m->module && dwfl_module_report_build_id(m->module, id, bytes, 0) != 0)
		m->module = NULL;
	dwfl_report_end(m->dwfl, NULL, NULL);
}

struct symbol_module *symbol_module_open(const char *path, const char *build_id)
{
	static const char deleted[] = " (deleted)";
	struct symbol_module *m = memory_get_zeroed(1, sizeof(*m));
	uint8_t id[64];
	size_t id_bytes = build_id ? bytes_of_hex(build_id, id, sizeof(id)) : 0;
	size_t n = strlen(path), tail = sizeof(deleted) - 1;
	double since = symbol_clock();
	GElf_Addr bias;
	int fd = -1;

	elf_version(EV_CURRENT);
	m->path = memory_string(path);
	if (n > tail && strcmp(path + n - tail, deleted) == 0) {
		m->path[n - tail] = '\0';
		/* Without a build id nothing says that a file there now is the same. */
		n = id_bytes ? n - tail : 0;
	}
	if (n && m->path[0] == '/')
		fd = open_same_build(m, m->path, id, id_bytes);
	m->dwfl = dwfl_begin(&callbacks);
	if (!m->dwfl) {
		if (fd >= 0)
			close(fd);
		return m;
	}
	if (fd >= 0)
		report_file(m, m->path, fd);
	else if (id_bytes)
		report_build_id(m, m->path, id, id_bytes);
	if (m->module && !dwfl_module_getelf(m->module, &bias))
		m->module = NULL;
	if (m->module)
		m->bias = bias;
	symbol_server_judge(m, since, m->module != NULL);
	return m;
}

static void table_free(struct symbol_table *t)
{
	free(t->entries);
}

void symbol_module_close(struct symbol_module *m)
{
	if (!m)
		return;
	table_free(&m->functions);
	table_free(&m->objects);
	table_free(&m->thread_locals);
	table_free(&m->variables);
	symbol_units_free(m->units);
	symbol_parents_free(m->parents);
	symbol_pool_free(&m->pool);
	if (m->dwfl)
		dwfl_end(m->dwfl);
	free(m->warning);
	free(m->path);
	free(m);
}

const char *symbol_module_warning(const struct symbol_module *m)
{
	return m->warning;
}

enum symbol_source symbol_module_source(struct symbol_module *m)
{
	if (!m->module)
		return SYMBOL_SOURCE_NONE;
	if (symbol_dwarf(m))
		return SYMBOL_SOURCE_DWARF;
	symbol_tables_read(m);
	return m->full_table ? SYMBOL_SOURCE_TABLE : SYMBOL_SOURCE_DYNAMIC;
}

void symbol_table_add(struct symbol_table *t, size_t *capacity, struct symbol_entry e)
{
	if (t->count == *capacity) {
		*capacity = *capacity ? *capacity * 2 : 1024;
		t->entries = memory_resize(t->entries, *capacity * sizeof(*t->entries));
	}
	t->entries[t->count++] = e;
}

static int by_start(const void *a, const void *b)
{
	const struct symbol_entry *x = a, *y = b;
	size_t n, k;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	n = strlen(x->name);
	k = strlen(y->name);
	return n != k ? (n < k ? -1 : 1) : strcmp(x->name, y->name);
}

void symbol_table_sort(struct symbol_table *t)
{
	uint64_t next = UINT64_MAX, cover = 0;

	if (!t->count)
		return;
	qsort(t->entries, t->count, sizeof(*t->entries), by_start);
	for (size_t i = t->count; i-- > 0;) {
		struct symbol_entry *e = &t->entries[i];

		if (i + 1 < t->count && e[1].start != e->start)
			next = e[1].start;
		if (!e->sized && e->end > next)
			e->end = next;
	}
	for (size_t i = 0; i < t->count; i++) {
		if (t->entries[i].end > cover)
			cover = t->entries[i].end;
		t->entries[i].cover = cover;
	}
}

struct symbol_entry *symbol_table_at(struct symbol_table *t, uint64_t address)
{
	size_t lo = SEARCH_UP_TO(t->entries, t->count, start, address), looked = 0;
	struct symbol_entry *best = NULL;

	/* Down to the nearest start with an entry that covers the address; of
	 * several with that start, the first is the best name. */
	while (lo-- > 0 && looked++ < BACK_MAX && t->entries[lo].cover > address) {
		struct symbol_entry *e = &t->entries[lo];

		if (best && best->start != e->start)
			break;
		if (e->end > address)
			best = e;
	}
	return best;
}

/* Of several names for one address people know the plain, exported one:
 * malloc, not __libc_malloc or __GI___libc_malloc. */
static uint8_t rank_of(const GElf_Sym *sym, const char *name)
{
	unsigned underscores = 0, binding;

	while (underscores < 3 && name[underscores] == '_')
		underscores++;
	if (name[0] == '_' && (name[1] == 'Z' || name[1] == 'R'))
		underscores = 0;
	switch (GELF_ST_BIND(sym->st_info)) {
	case STB_GLOBAL:
	case STB_GNU_UNIQUE:
		binding = 0;
		break;
	case STB_WEAK:
		binding = 1;
		break;
	default:
		binding = 2;
	}
	return (uint8_t)((sym->st_size ? 0 : 64) + underscores * 4 + binding);
}

/* End of the section that holds an unsized symbol; 0 when it is not of the
 * kind wanted. */
static uint64_t section_end(Elf *elf, GElf_Word index, uint64_t wanted_flags)
{
	GElf_Shdr header;
	Elf_Scn *section = index < SHN_LORESERVE ? elf_getscn(elf, index) : NULL;

	if (!section || !gelf_getshdr(section, &header) || (header.sh_flags & wanted_flags) != wanted_flags)
		return 0;
	return header.sh_addr + header.sh_size;
}

void symbol_tables_read(struct symbol_module *m)
{
	size_t functions = 0, objects = 0, locals = 0;
	double since;
	int count;

	if (m->tables_read || !m->module)
		return;
	m->tables_read = true;
	since = symbol_clock();
	count = dwfl_module_getsymtab(m->module);
	for (int i = 1; i < count; i++) {
		struct symbol_entry e = { .shown = NULL };
		GElf_Addr address, elf_bias;
		GElf_Word section;
		GElf_Sym sym;
		Elf *elf;
		unsigned type;

		e.name = dwfl_module_getsym_info(m->module, i, &sym, &address, &section, &elf, &elf_bias);
		if (!e.name || !*e.name || section == SHN_UNDEF)
			continue;
		type = GELF_ST_TYPE(sym.st_info);
		if (type == STT_FILE || GELF_ST_BIND(sym.st_info) == STB_LOCAL)
			m->full_table = true;
		e.start = type == STT_TLS ? sym.st_value : address - m->bias;
		e.sized = sym.st_size != 0;
		e.end = e.start + sym.st_size;
		if (e.end < e.start)
			continue;
		e.rank = rank_of(&sym, e.name);
		if (type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE) {
			if (type == STT_NOTYPE && !section_end(elf, section, SHF_ALLOC | SHF_EXECINSTR))
				continue;
			if (!e.sized)
				e.end = section_end(elf, section, SHF_ALLOC | SHF_EXECINSTR);
			symbol_table_add(&m->functions, &functions, e);
		} else if (type == STT_OBJECT || type == STT_COMMON) {
			if (!e.sized)
				e.end = section_end(elf, section, SHF_ALLOC);
			symbol_table_add(&m->objects, &objects, e);
		} else if (type == STT_TLS) {
			if (!e.sized)
				e.end = e.start + 1;
			symbol_table_add(&m->thread_locals, &locals, e);
		}
	}
	symbol_server_judge(m, since, m->full_table);
	symbol_table_sort(&m->functions);
	symbol_table_sort(&m->objects);
	symbol_table_sort(&m->thread_locals);
}

const char *symbol_entry_shown(struct symbol_module *m, struct symbol_entry *e)
{
	if (!e->shown) {
		char *name = demangle(e->name);

		e->shown = symbol_pool_copy(&m->pool, name);
		free(name);
	}
	return e->shown;
}

const char *symbol_module_function(struct symbol_module *m, uint64_t address, uint64_t *start,
	uint64_t *bytes)
{
	struct symbol_entry *e;

	symbol_tables_read(m);
	e = symbol_table_at(&m->functions, address);
	if (!e)
		return NULL;
	if (start)
		*start = e->start;
	if (bytes)
		*bytes = e->end - e->start;
	return symbol_entry_shown(m, e);
}

bool symbol_module_find(struct symbol_module *m, const char *name, uint64_t *address, uint64_t *bytes)
{
	struct symbol_table *const tables[] = { &m->objects, &m->functions, &m->thread_locals };
	size_t n = strlen(name);

	symbol_tables_read(m);
	for (size_t k = 0; k < 3; k++) {
		for (size_t i = 0; i < tables[k]->count; i++) {
			const struct symbol_entry *e = &tables[k]->entries[i];

			if (strncmp(e->name, name, n) != 0 || (e->name[n] != '\0' && e->name[n] != '@'))
				continue;
			if (address)
				*address = e->start;
			if (bytes)
				*bytes = e->end - e->start;
			return true;
		}
	}
	return false;
}
