/* lookup.c - see lookup.h. The tables are described in the System V ABI, "Dynamic
 * Linking"; DT_GNU_HASH by the linkers that write it.
 */
#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/auxv.h>
#include "lookup.h"
#include "mix.h"
#include "text.h"

#define VERSION_HIDDEN 0x8000u /* not the default version of its symbol */

/* The parts of a module's dynamic section that a search needs. */
struct tables {
	const Elf64_Sym *symbols;
	const char *strings;
	const uint32_t *gnu_hash, *hash;
	const Elf64_Half *versions;
};

/* The loader adds the bias to these entries in place where it can write to them;
 * an address that lies below the module has not been changed. */
static const void *relocate(const struct link_map *module, Elf64_Addr at)
{
	return (const void *)(at < module->l_addr ? at + module->l_addr : at);
}

static bool read_tables(const struct link_map *module, struct tables *t)
{
	*t = (struct tables){ 0 };
	for (const Elf64_Dyn *d = module->l_ld; d && d->d_tag != DT_NULL; d++) {
		const void *at = relocate(module, d->d_un.d_ptr);
		switch (d->d_tag) {
		case DT_SYMTAB: t->symbols = at; break;
		case DT_STRTAB: t->strings = at; break;
		case DT_GNU_HASH: t->gnu_hash = at; break;
		case DT_HASH: t->hash = at; break;
		case DT_VERSYM: t->versions = at; break;
		}
	}
	return t->symbols && t->strings && (t->gnu_hash || t->hash);
}

/* Would dlsym answer with this entry of the symbol table? */
static bool is_match(const struct tables *t, uint32_t index, const char *name)
{
	const Elf64_Sym *s = &t->symbols[index];
	unsigned visibility = ELF64_ST_VISIBILITY(s->st_other);
	return s->st_value && ELF64_ST_TYPE(s->st_info) != STT_TLS && ELF64_ST_BIND(s->st_info) != STB_LOCAL
		&& visibility != STV_HIDDEN && visibility != STV_INTERNAL
		&& !(t->versions && t->versions[index] & VERSION_HIDDEN)
		&& text_equal(t->strings + s->st_name, name);
}

static uint32_t hash_gnu(const char *name)
{
	uint32_t h = 5381;
	for (; *name; name++)
		h = h * 33 + (uint8_t)*name;
	return h;
}

static uint32_t hash_sysv(const char *name)
{
	uint32_t h = 0;
	for (; *name; name++) {
		h = (h << 4) + (uint8_t)*name;
		h ^= h >> 24 & 0xf0;
	}
	return h & 0x0fffffff;
}

/* Index of the symbol; 0, which is never a symbol: not found. */
static uint32_t search_gnu(const struct tables *t, const char *name)
{
	const uint32_t *head = t->gnu_hash; /* buckets, first symbol, words of the filter, shift */
	const uint64_t *filter = (const void *)(head + 4);
	const uint32_t *bucket = (const void *)(filter + head[2]), *chain = bucket + head[0];
	uint32_t h = hash_gnu(name);
	if (!head[0] || !head[2])
		return 0;
	uint64_t word = filter[h / 64 % head[2]];
	if (!(word >> h % 64 & word >> (h >> head[3]) % 64 & 1))
		return 0;
	uint32_t at = bucket[h % head[0]];
	if (at < head[1])
		return 0;
	for (;; at++) {
		uint32_t other = chain[at - head[1]];
		if ((other | 1) == (h | 1) && is_match(t, at, name))
			return at;
		if (other & 1)
			return 0;
	}
}

static uint32_t search_sysv(const struct tables *t, const char *name)
{
	const uint32_t *bucket = t->hash + 2, *chain = bucket + t->hash[0];
	if (!t->hash[0])
		return 0;
	for (uint32_t at = bucket[hash_sysv(name) % t->hash[0]]; at; at = chain[at])
		if (is_match(t, at, name))
			return at;
	return 0;
}

/* A module's symbol of this name, or NULL. */
static const Elf64_Sym *find_symbol(const struct link_map *module, const char *name)
{
	struct tables t;
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
	/* The vDSO may be linked to another address than the one at which it is mapped. */
	if (vdso && (uintptr_t)module->l_ld - vdso < 65536)
		return NULL;
	if (!read_tables(module, &t))
		return NULL;
	uint32_t at = t.gnu_hash ? search_gnu(&t, name) : search_sysv(&t, name);
	return at ? &t.symbols[at] : NULL;
}

void *lookup_in(const struct link_map *module, const char *name)
{
	uint64_t bytes;
	return lookup_extent(module, name, &bytes);
}

void *lookup_extent(const struct link_map *module, const char *name, uint64_t *bytes)
{
	const Elf64_Sym *s = find_symbol(module, name);
	if (!s)
		return NULL;
	*bytes = s->st_size;
	/* An absolute symbol is not moved with its module. */
	uintptr_t value = s->st_value + (s->st_shndx == SHN_ABS ? 0 : module->l_addr);
	if (ELF64_ST_TYPE(s->st_info) == STT_GNU_IFUNC)
		value = ((uintptr_t(*)(void))value)();
	return (void *)value;
}

/* Undefined symbols come first in a table that is sorted for DT_GNU_HASH. */
static bool imports(const struct link_map *module, const char *name)
{
	struct tables t;
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
	if ((vdso && (uintptr_t)module->l_ld - vdso < 65536) || !read_tables(module, &t))
		return false;
	uint32_t count = t.gnu_hash ? t.gnu_hash[1] : t.hash[1];
	for (uint32_t i = 1; i < count; i++)
		if (t.symbols[i].st_shndx == SHN_UNDEF && text_equal(t.strings + t.symbols[i].st_name, name))
			return true;
	return false;
}

bool lookup_imported(const char *name)
{
	for (const struct link_map *module = _r_debug.r_map; module; module = module->l_next)
		if (imports(module, name))
			return true;
	return false;
}

uint64_t lookup_modules(void)
{
	uint64_t all = 0;
	for (const struct link_map *module = _r_debug.r_map; module; module = module->l_next)
		all = (all ^ (uintptr_t)module->l_ld ^ (uintptr_t)module) * MIX_STAR;
	return all;
}

static void *search_from(const struct link_map *module, const char *name)
{
	void *found = NULL;
	for (; module && !found; module = module->l_next)
		found = lookup_in(module, name);
	return found;
}

const struct link_map *lookup_owner(const char *name)
{
	for (const struct link_map *module = _r_debug.r_map; module; module = module->l_next) {
		const Elf64_Sym *s = find_symbol(module, name);
		if (s && s->st_shndx != SHN_UNDEF)
			return module;
	}
	return NULL;
}

void *lookup_first(const char *name) { return search_from(_r_debug.r_map, name); }

/* _DYNAMIC is this library's own dynamic section (ld). */
const struct link_map *lookup_self(void)
{
	const struct link_map *module = _r_debug.r_map;
	while (module && module->l_ld != _DYNAMIC)
		module = module->l_next;
	return module;
}

void *lookup_next(const char *name)
{
	const struct link_map *self = lookup_self();
	return self ? search_from(self->l_next, name) : NULL;
}
