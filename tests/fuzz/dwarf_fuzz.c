/* Fuzzes what is read of a program's debug information: types and their members, functions, lines, variables.
 *
 * Most mutations happen inside of sections, so that the file stays one that is read.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report/members/members.h"
#include "report/symbol/symbol_locals.h"
#include "report/symbol/symbol_module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t capacity);

/* Where the linker puts code and variables of the seeds. */
#define CODE_LO 0x1000u
#define CODE_HI 0x1400u
#define DATA_LO 0x3d00u
#define DATA_HI 0x4200u
#define PARTS_MOST 96u /* bytes of a type that are looked at */

static const char *const names[] = { "item", "holder", "cell", "base", "derived", "tail", "slot_t",
	"unsigned int", "net::Session", "net::Session::Part", "net::Virtual",
	"net::Pool<net::Session::Part, 3>", "Hidden", "Local" };

static void use_type(struct members *m, uint32_t type, unsigned depth)
{
	uint64_t bytes = members_type_bytes(m, type);
	struct members_size size = { bytes, false }, more = { bytes + 16, true };

	members_type_name(m, type);
	members_type_kind(m, type);
	members_type_language(m, type);
	members_fits(m, type, size, false);
	members_fits(m, type, more, true);
	members_larger(m, type, more);
	members_is_ambiguous(m, type, more);
	members_begins_with(m, type, members_named(m, "base", (struct members_size){ 16, false }));
	for (uint64_t at = 0; at < bytes && at < PARTS_MOST; at += 4) {
		uint32_t target = members_target(m, type, at);

		free(members_path(m, type, at % 8 ? NULL : "head", at));
		if (target && depth)
			use_type(m, target, depth - 1);
	}
	if (depth)
		use_type(m, members_type_of(m, type), depth - 1);
}

static void use_members(struct members *m)
{
	uint64_t offset;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		use_type(m, members_defined(m, names[i]), 0);
		for (uint64_t bytes = 8; bytes <= 160; bytes *= 2)
			use_type(m, members_named(m, names[i], (struct members_size){ bytes, false }), 1);
	}
	for (uint64_t at = DATA_LO; at < DATA_HI; at += 8)
		use_type(m, members_variable(m, 1, at, &offset), 0);
	for (uint64_t at = CODE_LO; at < CODE_HI; at += 5)
		members_allocated(m, 1, at);
	use_type(m, members_thread_local(m, 1, "mine"), 0);
}

static void use_module(struct symbol_module *module)
{
	struct symbol_place places[8];
	uint64_t start, bytes;

	for (uint64_t at = CODE_LO; module && at < CODE_HI; at += 13) {
		symbol_module_places(module, at, places, sizeof(places) / sizeof(places[0]));
		symbol_module_function(module, at, &start, &bytes);
		symbol_module_function_start(module, at);
	}
	for (uint64_t at = CODE_LO; module && at < CODE_HI; at += 29)
		free(symbol_locals_find(module, at, at % 2).list);
	for (uint64_t at = DATA_LO; module && at < DATA_HI; at += 24)
		symbol_module_variable(module, at, &start, &bytes);
	if (module)
		symbol_module_tls(module, 0, &start, &bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static int fd = -1;
	static char strings[64];
	struct tide_process process = { 0 };
	struct tide_module modules[2] = { { 0 }, { .path = 1 } };
	struct snapshot s = { .process = &process,
		.strings = strings,
		.strings_bytes = sizeof(strings),
		.modules = modules,
		.module_count = 2 };
	struct symbols *symbols;
	struct members *m;

	if (fd < 0) {
		fd = memfd_create("fuzz", 0);
		snprintf(strings + 1, sizeof(strings) - 1, "/proc/%d/fd/%d", (int)getpid(), fd);
	}
	if (ftruncate(fd, 0) || pwrite(fd, data, bytes, 0) != (ssize_t)bytes)
		return 0;
	symbols = symbols_new(&s);
	m = members_new(&s, symbols);
	use_members(m);
	use_module(symbols_module(symbols, 1));
	members_free(m);
	symbols_free(symbols);
	return 0;
}

/* One of the sections that lie in the file and are not code. */
static bool choose_section(const uint8_t *data, size_t bytes, unsigned seed, Elf64_Shdr *chosen)
{
	Elf64_Ehdr h;
	unsigned found = 0;

	if (bytes < sizeof(h))
		return false;
	memcpy(&h, data, sizeof(h));
	for (unsigned pass = 0; pass < 2; pass++) {
		unsigned wanted = found ? seed % found : 0, n = 0;

		for (unsigned i = 0; i < h.e_shnum; i++) {
			uint64_t at = h.e_shoff + (uint64_t)i * sizeof(*chosen);

			if (h.e_shoff > bytes || at + sizeof(*chosen) > bytes)
				break;
			memcpy(chosen, data + at, sizeof(*chosen));
			if (chosen->sh_type == SHT_NOBITS || chosen->sh_flags & SHF_EXECINSTR
				|| !chosen->sh_size || chosen->sh_offset > bytes
				|| chosen->sh_size > bytes - chosen->sh_offset)
				continue;
			if (pass && n == wanted)
				return true;
			n++;
		}
		found = n;
	}
	return false;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t bytes, size_t capacity, unsigned seed)
{
	Elf64_Shdr section;
	size_t at, n;

	if (seed % 16 == 0 || !choose_section(data, bytes, seed / 16, &section))
		return LLVMFuzzerMutate(data, bytes, capacity);
	/* A few bytes of it, of which there may be fewer but not more afterwards. */
	at = section.sh_offset + seed / 1024 % section.sh_size;
	n = section.sh_offset + section.sh_size - at;
	if (n > 16)
		n = 16;
	LLVMFuzzerMutate(data + at, n, n);
	return bytes;
}
