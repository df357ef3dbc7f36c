/* symbol_module.c - finds a module's file, opens and closes it, and answers from its symbol tables.
 *
 * Debug files lie beside the module (symbol_files.c), or libdwfl finds them by build id or
 * debug link below /usr/lib/debug, or on debuginfod servers (symbol_server.c).
 */
#include <elfutils/libdwelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demangle.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "symbol_files.h"
#include "symbol_private.h"
#include "symbol_scopes.h"
#include "symbol_sysroot.h"

/* Finds the file of a module that is gone or was replaced by its build id alone: the executable
 * below /usr/lib/debug or on a debuginfod server, else the debug file, which also has the symbols
 * and the DWARF. */
static int find_by_build_id(
	Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base, char **file, Elf **elf)
{
	char *debug_file = NULL, *hidden = symbol_server_hide();
	int fd = dwfl_build_id_find_elf(mod, user, name, base, file, elf);

	if (fd < 0 && !*elf) {
		fd = dwfl_standard_find_debuginfo(mod, user, name, base, NULL, NULL, 0, &debug_file);
		if (fd >= 0) {
			free(*file);
			*file = debug_file;
		} else {
			free(debug_file);
		}
	}
	symbol_server_restore(hidden);
	return fd;
}

static int find_debug_file(Dwfl_Module *mod, void **user, const char *name, Dwarf_Addr base, const char *file,
	const char *link, GElf_Word checksum, char **debug_file)
{
	int fd = symbol_files_debug(mod, file, link, checksum, debug_file);
	char *hidden;

	if (fd >= 0)
		return fd;
	hidden = symbol_server_hide();
	fd = dwfl_standard_find_debuginfo(mod, user, name, base, file, link, checksum, debug_file);
	symbol_server_restore(hidden);
	return fd;
}

/* The folders in which libdwfl itself may look: those of the system. */
static char *system_folders = (char *)"/usr/lib/debug";

static const Dwfl_Callbacks callbacks = {
	.debuginfo_path = &system_folders,
	.find_elf = find_by_build_id,
	.find_debuginfo = find_debug_file,
	.section_address = dwfl_offline_section_address,
};

static size_t parse_hex(const char *hex, uint8_t *out, size_t max)
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

/* Opens a regular file with the build id that was recorded, or any where none was; else -1. */
static int open_same_build(struct symbol_module *m, const char *path, const uint8_t *id, size_t bytes)
{
	const void *found = NULL;
	char magic[SELFMAG];
	ssize_t n;
	Elf *elf;
	int fd = symbol_sysroot_open(path);

	if (fd < 0)
		return -1;
	/* libdwfl would also take, and unfold, a compressed file. */
	if (pread(fd, magic, SELFMAG, 0) != SELFMAG || memcmp(magic, ELFMAG, SELFMAG)) {
		close(fd);
		return -1;
	}
	if (bytes == 0)
		return fd;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	n = elf ? dwelf_elf_gnu_build_id(elf, &found) : -1;
	if (n != (ssize_t)bytes || memcmp(found, id, bytes) != 0) {
		m->warning = alloc_printf(
			"%s is another build than the one that ran: its names are not used", path);
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

/* --- modules that are kept ------------------------------------------------- */

#define KEPT_MOST 4u

static struct {
	struct symbol_module *module;
	char build_id[2 * 64 + 1];
} kept[KEPT_MOST];
static size_t kept_count;

void symbol_module_keep(const char *path)
{
	struct symbol_module *m = kept_count < KEPT_MOST ? symbol_module_open(path, NULL) : NULL;
	const unsigned char *id = NULL;
	GElf_Addr at;
	int bytes = m && m->module ? dwfl_module_build_id(m->module, &id, &at) : 0;

	if (bytes <= 0 || bytes > 64) {
		symbol_module_close(m);
		return;
	}
	symbol_table_read(m);
	for (int i = 0; i < bytes; i++)
		snprintf(kept[kept_count].build_id + 2 * i, 3, "%02x", id[i]);
	kept[kept_count++].module = m;
}

static struct symbol_module *find_kept(const char *path, const char *build_id)
{
	for (size_t i = 0; build_id && *build_id && i < kept_count; i++)
		if (!strcmp(kept[i].module->path, path) && !strcmp(kept[i].build_id, build_id))
			return kept[i].module;
	return NULL;
}

static bool is_kept(const struct symbol_module *m)
{
	for (size_t i = 0; i < kept_count; i++)
		if (kept[i].module == m)
			return true;
	return false;
}

/* --- opening ----------------------------------------------------------------- */

struct symbol_module *symbol_module_open(const char *path, const char *build_id)
{
	static const char deleted[] = " (deleted)";
	struct symbol_module *m = find_kept(path, build_id);
	uint8_t id[64];
	size_t id_bytes = build_id ? parse_hex(build_id, id, sizeof(id)) : 0;
	size_t n = strlen(path), tail = sizeof(deleted) - 1;
	uint64_t since = clock_ns();
	GElf_Addr bias;
	int fd = -1;

	if (m)
		return m;
	m = alloc_zeroed(1, sizeof(*m));
	elf_version(EV_CURRENT);
	m->path = alloc_string(path);
	if (n > tail && strcmp(path + n - tail, deleted) == 0) {
		m->path[n - tail] = '\0';
		/* Without a build id, a file that is there now cannot be recognised as the same one. */
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
	if (fd >= 0) {
		char *here = symbol_sysroot_path(m->path);

		/* Debug files are looked for beside it. */
		free(m->path);
		m->path = here;
		report_file(m, m->path, fd);
	} else if (id_bytes) {
		report_build_id(m, m->path, id, id_bytes);
	}
	if (m->module && !dwfl_module_getelf(m->module, &bias))
		m->module = NULL;
	if (m->module)
		m->bias = bias;
	symbol_server_judge(m, since, m->module != NULL);
	return m;
}

void symbol_module_close(struct symbol_module *m)
{
	if (!m || is_kept(m))
		return;
	free(m->functions.entries);
	free(m->objects.entries);
	free(m->thread_locals.entries);
	free(m->variables.entries);
	symbol_units_free(m->units);
	symbol_scopes_free(m->scopes);
	symbol_pool_free(&m->pool);
	if (m->dwfl)
		dwfl_end(m->dwfl);
	free(m->warning);
	free(m->path);
	free(m);
}

const char *symbol_module_warning(const struct symbol_module *m) { return m->warning; }

enum symbol_source symbol_module_source(struct symbol_module *m)
{
	if (!m->module)
		return SYMBOL_SOURCE_NONE;
	if (symbol_dwarf(m))
		return SYMBOL_SOURCE_DWARF;
	symbol_table_read(m);
	return m->full_table ? SYMBOL_SOURCE_TABLE : SYMBOL_SOURCE_DYNAMIC;
}

const char *symbol_module_function(
	struct symbol_module *m, uint64_t address, uint64_t *start, uint64_t *bytes)
{
	struct symbol_entry *e = symbol_table_function(m, address);

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

	symbol_table_read(m);
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

bool symbol_module_data(struct symbol_module *m, uint64_t address, void *to, size_t bytes)
{
	GElf_Addr bias;
	Elf *elf = m->module ? dwfl_module_getelf(m->module, &bias) : NULL;
	size_t count = 0;

	if (!elf || elf_getphdrnum(elf, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr p;
		Elf_Data *data;

		if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD || address < p.p_vaddr
			|| address - p.p_vaddr > p.p_filesz || p.p_filesz - (address - p.p_vaddr) < bytes)
			continue;
		data = elf_getdata_rawchunk(
			elf, (int64_t)(p.p_offset + (address - p.p_vaddr)), bytes, ELF_T_BYTE);
		if (!data || data->d_size != bytes)
			return false;
		memcpy(to, data->d_buf, bytes);
		return true;
	}
	return false;
}
