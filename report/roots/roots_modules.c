/* roots_modules.c - the modules, and their writable segments: roots_private.h. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/path.h"
#include "roots_private.h"
#include "base/search.h"

#define HEADERS_MAX 64u
#define LIBC_DATA_MAX (4ull << 20) /* variables of libc; 64 KiB in glibc 2.31 to 2.43 */

static bool is_named(const struct roots_module *m, const char *prefix)
{
	return !strncmp(path_base(m->path), prefix, strlen(prefix));
}

static void add_module(
	struct roots *r, uint64_t lo, uint64_t hi, uint64_t bias, const char *path, uint32_t index)
{
	struct roots_module *m;

	m = ARRAY_ADD(r->modules, r->module_count, r->module_capacity);
	*m = (struct roots_module){ .lo = lo, .hi = hi, .bias = bias, .path = path, .index = index };
	m->libc = is_named(m, "libc.so") || is_named(m, "libc-2.");
	m->threads = is_named(m, "libpthread.so") || is_named(m, "libpthread-2.");
	m->loader = is_named(m, "ld-linux") || is_named(m, "ld-2.") || is_named(m, "ld.so");
	m->shim = r->ledger->shim_lo >= lo && r->ledger->shim_lo < hi;
}

static int compare_modules(const void *a, const void *b)
{
	const struct roots_module *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

struct roots_module *roots_module_at(struct roots *r, uint64_t address)
{
	size_t at = SEARCH_UP_TO(r->modules, r->module_count, hi, address);

	return at < r->module_count && r->modules[at].lo <= address ? &r->modules[at] : NULL;
}

struct symbol_module *roots_symbols(struct roots_module *m)
{
	if (!m->symbols)
		m->symbols = symbol_module_open(m->path, m->build_id);
	return m->symbols;
}

/* Program headers out of the process's memory; the count. */
static size_t read_headers(struct roots *r, const struct roots_module *m, Elf64_Phdr *to)
{
	Elf64_Ehdr e;

	if (remote_read(r->memory, m->lo, &e, sizeof e) != sizeof e || memcmp(e.e_ident, ELFMAG, SELFMAG)
		|| e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_phentsize != sizeof *to || e.e_phnum > HEADERS_MAX
		|| e.e_phoff > m->hi - m->lo)
		return 0;
	return remote_read(r->memory, m->lo + e.e_phoff, to, e.e_phnum * sizeof *to) / sizeof *to;
}

/* GNU build id, as hex text, out of a note segment. */
static void read_build_id(struct roots *r, struct roots_module *m, const Elf64_Phdr *p)
{
	uint32_t words[1024];
	size_t count = remote_read(r->memory, m->bias + p->p_vaddr, words,
			       p->p_memsz < sizeof words ? p->p_memsz : sizeof words)
		/ 4,
	       at = 0;

	while (at + 3 < count) {
		size_t name = (words[at] + 3ull) / 4, content = (words[at + 1] + 3ull) / 4;

		if (name > count || content > count || at + 3 + name + content > count)
			return;
		if (words[at + 2] == NT_GNU_BUILD_ID && words[at] == 4 && words[at + 1] <= 20
			&& !memcmp(&words[at + 3], "GNU", 4))
			for (uint32_t k = 0; k < words[at + 1]; k++)
				snprintf(m->build_id + 2 * k, 3, "%02x",
					((uint8_t *)&words[at + 3 + name])[k]);
		at += 3 + name + content;
	}
}

/* Where the mappings end that lie one after the other from `address` on, of the file `p` or of none
 * (.bss). A header may promise gigabytes that are not there. */
static uint64_t find_mapped_end(struct roots *r, const struct remote_mapping *p, uint64_t address)
{
	const struct remote_mapping *all = r->memory->mappings, *at = remote_mapping_at(r->memory, address);
	uint64_t end = at ? at->hi : address;

	for (size_t i = at ? (size_t)(at - all) + 1 : 0; at && i < r->memory->mapping_count; i++) {
		if (all[i].lo != end
			|| (all[i].inode && (all[i].inode != p->inode || all[i].device != p->device)))
			break;
		end = all[i].hi;
	}
	return end;
}

/* A module, and not just a file that was mapped to be read: each part of it
 * lies where its headers say, in a mapping of the same file. */
static bool is_loaded(struct roots *r, const struct remote_mapping *p, const Elf64_Phdr *headers, size_t n,
	uint64_t bias, uint64_t *hi)
{
	*hi = 0;
	for (size_t k = 0; k < n; k++) {
		const Elf64_Phdr *h = &headers[k];
		const struct remote_mapping *at = remote_mapping_at(r->memory, bias + h->p_vaddr);
		uint64_t end;

		if (h->p_type != PT_LOAD || !h->p_memsz)
			continue;
		if (!at || (h->p_filesz && (at->inode != p->inode || at->device != p->device)))
			return false;
		end = find_mapped_end(r, p, bias + h->p_vaddr);
		if (h->p_memsz < end - (bias + h->p_vaddr))
			end = (bias + h->p_vaddr + h->p_memsz + 4095) & ~4095ull;
		if (end > *hi)
			*hi = end;
	}
	return *hi > p->lo;
}

static void find_module_of(struct roots *r, const struct remote_mapping *p)
{
	struct roots_module at = { .lo = p->lo, .hi = p->hi };
	Elf64_Phdr headers[HEADERS_MAX];
	size_t n = read_headers(r, &at, headers);
	uint64_t hi, first = UINT64_MAX;
	struct roots_module *m;

	for (size_t k = 0; k < n; k++)
		if (headers[k].p_type == PT_LOAD && (headers[k].p_vaddr & ~4095ull) < first)
			first = headers[k].p_vaddr & ~4095ull;
	if (first == UINT64_MAX || !is_loaded(r, p, headers, n, p->lo - first, &hi))
		return;
	add_module(r, p->lo, hi, p->lo - first, p->path, 0);
	m = &r->modules[r->module_count - 1];
	for (size_t k = 0; k < n; k++) {
		if (headers[k].p_type == PT_TLS)
			m->tls_bytes = headers[k].p_memsz;
		if (headers[k].p_type == PT_NOTE)
			read_build_id(r, m, &headers[k]);
	}
}

/* The shim's table has the modules that it met in stacks: fewer, but these
 * have numbers. The others get theirs from the writer of the snapshot. */
static void number_modules(struct roots *r)
{
	uint64_t count;
	const struct ledger_module *list = roots_table(r, LEDGER_MODULES, sizeof *list, &count);

	for (uint64_t i = 1; i < count; i++) {
		struct roots_module *m = list[i].closed ? NULL : roots_module_at(r, list[i].lo);

		if (m) {
			m->index = (uint32_t)i;
			m->allocator = roots_allocator(r, roots_text(r, list[i].path));
		}
	}
	for (size_t i = 0; r->names->module && i < r->module_count; i++)
		if (!r->modules[i].index)
			r->modules[i].index = r->names->module(r->names->context, &r->modules[i]);
}

void roots_modules(struct roots *r)
{
	for (size_t i = 0; i < r->memory->mapping_count; i++) {
		const struct remote_mapping *p = &r->memory->mappings[i];

		if (p->path[0] == '/' && !p->offset && !p->shared)
			find_module_of(r, p);
	}
	qsort(r->modules, r->module_count, sizeof *r->modules, compare_modules);
	number_modules(r);
}

/* --- the allocator inside libc -------------------------------------------- */

/* Its lists, and the pointers to what is left at the end of a heap, refer to nothing that is in use. */
static void claim_allocator(struct roots *r, uint64_t lo, uint64_t hi)
{
	struct arenas *a = &r->arenas;

	if (a->count || !arena_find(r->memory, lo, hi, a))
		return;
	roots_claim(r, a->list[0].address, a->list[0].address + a->bytes, CLAIM_LISTS, 0, 0, 0);
	for (size_t i = 0; i < a->heap_count; i++)
		roots_claim(r, a->heaps[i].lo, a->heaps[i].hi, CLAIM_ALLOCATOR, 0, 0, 0);
}

/* --- claims --------------------------------------------------------------- */

bool roots_allocator(const struct roots *r, const char *path)
{
	return r->ledger->flags & LEDGER_FLAG_FOREIGN && *path
		&& !strcmp(path, roots_text(r, r->ledger->allocator));
}

static void claim_segment(struct roots *r, uint32_t item, const Elf64_Phdr *p)
{
	struct roots_module *m = &r->modules[item];
	uint64_t lo = (m->bias + p->p_vaddr) & ~7ull, hi = m->bias + p->p_vaddr + p->p_memsz;

	if (lo < m->lo || lo > m->hi || hi < lo)
		return;
	if (hi > m->hi)
		hi = m->hi;
	if (m->shim) {
		roots_claim(r, lo, hi, CLAIM_OWN, 0, 0, item);
		return;
	}
	roots_claim(r, lo, hi, CLAIM_GLOBAL, m->allocator ? 0 : ROOT_GLOBAL, 0, item);
	/* The loader's first allocations come from what is left of its last page. */
	if (m->loader)
		roots_claim(r, (hi + 7) & ~7ull, (hi + 4095) & ~4095ull, CLAIM_LOADER, ROOT_GLOBAL, 0, item);
	if (m->libc)
		claim_allocator(r, (lo + 7) & ~7ull, hi - lo < LIBC_DATA_MAX ? hi : lo + LIBC_DATA_MAX);
}

bool roots_has_libc(const struct roots *r)
{
	for (size_t i = 0; i < r->module_count; i++)
		if (r->modules[i].libc)
			return true;
	return false;
}

void roots_modules_claim(struct roots *r)
{
	Elf64_Phdr headers[HEADERS_MAX];

	for (size_t i = 0; i < r->module_count; i++) {
		size_t n = read_headers(r, &r->modules[i], headers);

		for (size_t k = 0; k < n; k++)
			if (headers[k].p_type == PT_LOAD && headers[k].p_flags & PF_W)
				claim_segment(r, (uint32_t)i, &headers[k]);
	}
	roots_claim(r, r->ledger->shim_lo, r->ledger->shim_hi, CLAIM_OWN, 0, 0, 0);
	if (!r->arenas.count && r->scan->block_count && roots_has_libc(r)
		&& !(r->ledger->flags & LEDGER_FLAG_FOREIGN))
		roots_doubt(r, "the state of libc's allocator was not found: pointers in it may hide leaks");
	if (r->arenas.open_chains)
		roots_doubt(r, "heaps of %zu arenas of libc's allocator may not all be known",
			r->arenas.open_chains);
}

/* The root that a word at `address` of a module belongs to. */
uint32_t roots_global(struct roots *r, const struct claim *c, uint64_t address)
{
	struct roots_module *m = &r->modules[c->item];
	struct tide_root root = { .kind = ROOT_GLOBAL, .module = m->index, .thread = UINT32_MAX };
	uint64_t start = 0, bytes = 0;
	const char *name = NULL;
	char made[320];

	if (address >= r->last.lo && address < r->last.hi)
		return r->last.root;
	if (c->rank == CLAIM_LOADER) {
		start = c->lo;
		bytes = c->hi - c->lo;
		snprintf(made, sizeof made, "first heap of %s", path_base(m->path));
		name = made;
	} else {
		name = symbol_module_object(roots_symbols(m), address - m->bias, &start, &bytes);
		start += m->bias;
		if (!name || address < start || address >= start + bytes) {
			start = address & ~7ull;
			bytes = 8;
			snprintf(made, sizeof made, "%s+0x%llx", path_base(m->path),
				(unsigned long long)(start - m->bias));
			name = made;
		}
	}
	root.address = start;
	root.bytes = bytes;
	r->last.root = roots_add(r, &root, name);
	r->last.lo = start;
	r->last.hi = start + bytes;
	return r->last.root;
}
