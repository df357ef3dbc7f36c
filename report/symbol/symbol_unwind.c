/* symbol_unwind.c - where a function without a name begins.
 *
 * A stripped program still has its unwind tables: .eh_frame_hdr lists all
 * functions by address. With their starts, frames of one nameless function have
 * one name ("python3.11+0x4ffb40"), and statistics by function mean functions.
 */
#include <string.h>

#include "symbol_private.h"

/* Encodings of DW_EH_PE that every linker writes; no table is read in others. */
#define PCREL_SDATA4 0x1b
#define UDATA4 0x03
#define DATAREL_SDATA4 0x3b

struct part {
	const unsigned char *bytes;
	uint64_t address, count;
};

static uint64_t read_u32(const unsigned char *p, bool sign)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return sign ? (uint64_t)(int64_t)(int32_t)v : v;
}

static bool find_section(Elf *elf, const char *wanted, struct part *out)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr header;
	Elf_Data *data;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return false;
	while ((scn = elf_nextscn(elf, scn)) != NULL) {
		const char *name = gelf_getshdr(scn, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;

		if (!name || strcmp(name, wanted) != 0 || header.sh_type == SHT_NOBITS)
			continue;
		data = elf_rawdata(scn, NULL);
		if (!data || !data->d_buf)
			return false;
		*out = (struct part){ data->d_buf, header.sh_addr, data->d_size };
		return true;
	}
	return false;
}

/* Bytes of the function an FDE describes, if it begins at `start`; else 0. */
static uint64_t measure_fde(const struct part *frames, uint64_t fde, uint64_t start)
{
	uint64_t at = fde - frames->address;
	const unsigned char *p = frames->bytes + at;

	if (fde < frames->address || frames->count < 16 || at > frames->count - 16
		|| read_u32(p, false) == UINT32_MAX)
		return 0;
	if (fde + 8 + read_u32(p + 8, true) != start)
		return 0;
	return read_u32(p + 12, false);
}

uint64_t symbol_module_function_start(struct symbol_module *m, uint64_t address)
{
	struct part header, frames;
	uint64_t count, lo = 0, hi, start, bytes;
	GElf_Addr bias;
	Elf *elf = m->module ? dwfl_module_getelf(m->module, &bias) : NULL;
	const unsigned char *table;

	if (!elf || !find_section(elf, ".eh_frame_hdr", &header) || !find_section(elf, ".eh_frame", &frames)
		|| header.count < 12 || header.bytes[0] != 1 || header.bytes[1] != PCREL_SDATA4
		|| header.bytes[2] != UDATA4 || header.bytes[3] != DATAREL_SDATA4)
		return 0;
	table = header.bytes + 12;
	count = read_u32(header.bytes + 8, false);
	if (count > (header.count - 12) / 8)
		count = (header.count - 12) / 8;
	for (hi = count; lo < hi;) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (header.address + read_u32(table + 8 * mid, true) <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return 0;
	start = header.address + read_u32(table + 8 * (lo - 1), true);
	bytes = measure_fde(&frames, header.address + read_u32(table + 8 * (lo - 1) + 4, true), start);
	return address - start < bytes ? start : 0;
}
