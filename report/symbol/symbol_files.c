/* symbol_files.c - the files beside a program's own that its debug information names: symbol_files.h. */
#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/ordinary.h"
#include "symbol_files.h"
#include "symbol_sysroot.h"

/* Compilers' output shrinks to a third or a quarter; zlib's densest stream to a thousandth. */
#define UNFOLDED_FIXED ((uint64_t)64 << 20)
#define UNFOLDED_PER_BYTE 32u

/* --- debug files beside the program ------------------------------------------- */

static bool has_checksum(int fd, uint32_t wanted)
{
	unsigned char bytes[65536];
	uLong sum = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, bytes, sizeof(bytes), at)) > 0) {
		sum = crc32(sum, bytes, (uInt)n);
		at += n;
	}
	return n == 0 && sum == wanted;
}

/* The debug file of what has this build id; where there is none, of what has this checksum. */
static bool is_debug_file(int fd, const unsigned char *id, int bytes, const uint32_t *checksum)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	const void *found = NULL;
	bool same = elf && symbol_files_unfold(elf);

	if (same && bytes > 0)
		same = dwelf_elf_gnu_build_id(elf, &found) == bytes && !memcmp(found, id, (size_t)bytes);
	else if (same)
		same = checksum && has_checksum(fd, *checksum);
	elf_end(elf);
	return same;
}

/* Below /usr/lib/debug of the sysroot; where there is none, libdwfl looks. */
static int open_by_build_id(const unsigned char *id, int bytes, char **found)
{
	char hex[2 * 64 + 1], *path;
	int fd;

	if (!symbol_sysroot_is_set() || bytes < 2 || bytes > 64)
		return -1;
	for (int i = 0; i < bytes; i++)
		snprintf(hex + 2 * i, 3, "%02x", id[i]);
	path = alloc_printf("/usr/lib/debug/.build-id/%.2s/%s.debug", hex, hex + 2);
	fd = symbol_sysroot_open(path);
	if (fd >= 0 && !is_debug_file(fd, id, bytes, NULL)) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0)
		*found = symbol_sysroot_path(path);
	free(path);
	return fd;
}

int symbol_files_debug(
	Dwfl_Module *module, const char *file, const char *link, uint32_t checksum, char **found)
{
	const char *slash = file ? strrchr(file, '/') : NULL;
	char *name, *path;
	const unsigned char *id = NULL;
	GElf_Addr where;
	int bytes, fd = -1;

	if (!slash || (link && strchr(link, '/')))
		return -1;
	bytes = dwfl_module_build_id(module, &id, &where);
	name = link ? alloc_string(link) : alloc_printf("%s.debug", slash + 1);
	for (int hidden = 0; hidden < 2 && fd < 0; hidden++) {
		path = alloc_printf("%.*s/%s%s", (int)(slash - file), file, hidden ? ".debug/" : "", name);
		fd = ordinary_open(path);
		if (fd >= 0 && !is_debug_file(fd, id, bytes, link ? &checksum : NULL)) {
			close(fd);
			fd = -1;
		}
		if (fd >= 0)
			*found = path;
		else
			free(path);
	}
	free(name);
	return fd < 0 ? open_by_build_id(id, bytes, found) : fd;
}

/* --- bounds -------------------------------------------------------------------- */

/* What a section says that it unfolds to: of SHF_COMPRESSED, or in the older form of GNU. */
static uint64_t measure_unfolded(Elf_Scn *section, const GElf_Shdr *header, const char *name)
{
	GElf_Chdr compressed;
	const unsigned char *p;
	uint64_t bytes = 0;
	Elf_Data *data;

	if (header->sh_flags & SHF_COMPRESSED)
		return gelf_getchdr(section, &compressed) ? compressed.ch_size : 0;
	if (!name || strncmp(name, ".zdebug", 7))
		return 0;
	data = elf_rawdata(section, NULL);
	if (!data || data->d_size < 12 || memcmp(data->d_buf, "ZLIB", 4))
		return 0;
	p = data->d_buf;
	for (int i = 4; i < 12; i++)
		bytes = bytes << 8 | p[i];
	return bytes;
}

static uint64_t limit_of(Elf *elf)
{
	size_t bytes = 0;

	elf_rawfile(elf, &bytes);
	return UNFOLDED_FIXED + UNFOLDED_PER_BYTE * (uint64_t)bytes;
}

static bool fits_within(Elf *elf, uint64_t limit)
{
	Elf_Scn *section = NULL;
	uint64_t sum = 0;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return true;
	while ((section = elf_nextscn(elf, section)) != NULL) {
		GElf_Shdr header;
		uint64_t more;

		if (!gelf_getshdr(section, &header))
			continue;
		more = measure_unfolded(section, &header, elf_strptr(elf, names, header.sh_name));
		if (more > limit - sum)
			return false;
		sum += more;
	}
	return true;
}

bool symbol_files_unfold(Elf *elf) { return !elf || fits_within(elf, limit_of(elf)); }

static Elf_Data *find_debugdata(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section)) != NULL) {
		const char *name =
			gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

		if (name && !strcmp(name, ".gnu_debugdata"))
			return elf_rawdata(section, NULL);
	}
	return NULL;
}

/* libdwfl unpacks it without a limit, and then what is compressed in it. The index at the end of an xz stream
 * states the lengths, but the decoder reads it last: only unpacking shows how long it gets. */
bool symbol_files_unpack(Elf *elf)
{
	uint64_t memory = UNFOLDED_FIXED, limit;
	size_t in = 0, out = 0;
	Elf_Data *packed = elf ? find_debugdata(elf) : NULL;
	lzma_ret result;
	char *plain;
	Elf *inner;
	bool good;

	if (!packed || !packed->d_size)
		return true;
	limit = limit_of(elf);
	plain = alloc_bytes(limit);
	result = lzma_stream_buffer_decode(
		&memory, 0, NULL, packed->d_buf, &in, packed->d_size, (uint8_t *)plain, &out, limit);
	inner = result == LZMA_OK ? elf_memory(plain, out) : NULL;
	good = inner && fits_within(inner, limit - out);
	elf_end(inner);
	free(plain);
	return good;
}

/* --- split units ------------------------------------------------------------------ */

/* libdw opens what has this name and waits, if it is a FIFO, until somebody writes. */
static bool is_safe(const char *folder, const char *name)
{
	char *path = *name == '/' ? alloc_string(name) : alloc_printf("%s/%s", folder, name);
	int fd = ordinary_open(path);
	bool safe = fd >= 0 || errno != EINVAL;

	if (fd >= 0)
		close(fd);
	free(path);
	return safe;
}

#define SUPPLEMENTS "/usr/lib/debug/"

/* A link is relative to the file that has it. */
static bool is_good_supplement(const char *file, const char *link)
{
	const char *slash = file ? strrchr(file, '/') : NULL;
	char *path, *real;
	bool good;
	int fd;

	if (*link != '/' && !slash)
		return false;
	path = *link == '/' ? alloc_string(link) : alloc_printf("%.*s/%s", (int)(slash - file), file, link);
	real = realpath(path, NULL);
	fd = real && !strncmp(real, SUPPLEMENTS, strlen(SUPPLEMENTS)) ? ordinary_open(real) : -1;
	good = fd >= 0;
	if (good)
		close(fd);
	free(real);
	free(path);
	return good;
}

void symbol_files_supplement(const char *file, Dwarf *dwarf)
{
	const char *link;
	const void *id;

	/* What libdw itself notes when it has found none (libdw/dwarf_getalt.c of elfutils 0.171 and newer): it does
	 * not look again. */
	if (dwelf_dwarf_gnu_debugaltlink(dwarf, &link, &id) > 0 && !is_good_supplement(file, link))
		dwarf_setalt(dwarf, (Dwarf *)-1);
}

bool symbol_files_split(const char *program, Dwarf_Die *unit)
{
	const char *slash = strrchr(program, '/'), *name = NULL, *folder = NULL;
	Dwarf_Attribute attribute;
	char *own, *hidden, *package, *compiled;
	bool safe;

	if (dwarf_attr(unit, DW_AT_dwo_name, &attribute) || dwarf_attr(unit, DW_AT_GNU_dwo_name, &attribute))
		name = dwarf_formstring(&attribute);
	if (dwarf_attr(unit, DW_AT_comp_dir, &attribute))
		folder = dwarf_formstring(&attribute);
	if (!name)
		return false;
	own = alloc_printf("%.*s", slash ? (int)(slash - program) : 0, program);
	hidden = alloc_printf("%s/.debug", own);
	package = alloc_printf("%s.dwp", program);
	compiled = !folder       ? alloc_string(own)
		: *folder == '/' ? alloc_string(folder)
				 : alloc_printf("%s/%s", own, folder);
	safe = is_safe(own, name) && is_safe(hidden, name) && is_safe(compiled, name) && is_safe("", package);
	free(own);
	free(hidden);
	free(package);
	free(compiled);
	return safe;
}
