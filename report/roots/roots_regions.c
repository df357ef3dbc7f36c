/* roots_regions.c - from claims to disjoint pieces, and their scan: roots_private.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "roots_private.h"

/* The module whose code made a mapping, by its site; "" unknown. */
static const char *find_maker(const struct roots *r, uint32_t site)
{
	uint64_t sites, nodes, modules;
	const struct ledger_site *s = roots_table(r, LEDGER_SITES, sizeof *s, &sites);
	const struct ledger_node *n = roots_table(r, LEDGER_NODES, sizeof *n, &nodes);
	const struct ledger_module *m = roots_table(r, LEDGER_MODULES, sizeof *m, &modules);
	uint32_t node;

	if (!s || !n || !m || site >= sites || (node = s[site].node) >= nodes || n[node].module >= modules)
		return "";
	return roots_text(r, m[n[node].module].path);
}

/* May memory that nobody claims hold pointers? A private mapping of a file may, where it is not a module: java maps
 * its archive of classes so, and writes into it. */
static bool is_unknown(struct roots *r, const struct remote_mapping *p)
{
	if (!p->writable || !p->readable)
		return false;
	if (p->path[0] == '/' && !p->shared && roots_module_at(r, p->lo))
		return false;
	return (!p->path[0] || p->path[0] == '/' || p->shared || !strncmp(p->path, "[anon", 5))
		&& (strncmp(p->path, "/dev/", 5) || !strncmp(p->path, "/dev/shm/", 9)
			|| !strcmp(p->path, "/dev/zero"));
}

/* Memory of the process that neither a module nor a thread explains. */
void roots_mappings_claim(struct roots *r)
{
	const struct ledger_mapping *known;
	const struct ledger_tracked *regions;
	const struct ledger_range *own;
	uint64_t count;

	own = roots_table(r, LEDGER_OWN, sizeof *own, &count);
	for (uint64_t i = 0; i < count; i++)
		roots_claim(r, own[i].lo, own[i].hi, CLAIM_OWN, 0, 0, 0);
	known = roots_table(r, LEDGER_MAPPINGS, sizeof *known, &count);
	for (uint64_t i = 0; i < count && i < UINT32_MAX; i++)
		if (known[i].bytes)
			roots_claim(r, known[i].address,
				(known[i].address + known[i].bytes + 4095) & ~4095ull, CLAIM_MAPPING,
				roots_allocator(r, find_maker(r, known[i].site)) ? 0 : ROOT_MAPPING, 0,
				(uint32_t)i);
	for (uint64_t i = 0; i < r->pool_count; i++)
		roots_claim(r, r->pools[i][0], r->pools[i][1], CLAIM_POOL, 0, 0, 0);
	regions = roots_table(r, LEDGER_TRACKED, sizeof *regions, &count);
	for (uint64_t i = 0; i < count; i++)
		if (regions[i].domain == TRACKED_ROOT_REGION && regions[i].bytes)
			roots_claim(r, regions[i].address, regions[i].address + regions[i].bytes,
				CLAIM_REGISTERED, ROOT_GLOBAL, 0, 0);
	for (size_t i = 0; i < r->memory->mapping_count; i++) {
		const struct remote_mapping *p = &r->memory->mappings[i];

		if (r->ledger_inode && p->shared && p->inode == r->ledger_inode)
			roots_claim(r, p->lo, p->hi, CLAIM_OWN, 0, 0, 0);
		else if (!strcmp(p->path, "[heap]"))
			roots_break_claim(r, p);
		/* What waits in a ring was read from the kernel. */
		else if (!strcmp(p->path, "anon_inode:[io_uring]") && kernel_words_rings_idle(r->kernel))
			roots_claim(r, p->lo, p->hi, CLAIM_LISTS, 0, 0, 0);
		else if (is_unknown(r, p))
			roots_claim(r, p->lo, p->hi, CLAIM_ANONYMOUS, ROOT_MAPPING, ROOT_FLAG_WEAK_EVIDENCE,
				(uint32_t)i);
	}
}

static uint32_t add_mapping_root(struct roots *r, const struct claim *c)
{
	struct tide_root root = { .kind = c->kind,
		.thread = UINT32_MAX,
		.flags = c->flags,
		.address = c->lo,
		.bytes = c->hi - c->lo };
	const struct remote_mapping *p = remote_mapping_at(r->memory, c->lo);
	char name[512];

	if (r->last.lo == c->lo && r->last.hi == c->hi)
		return r->last.root;
	snprintf(name, sizeof name, "%s%s of %llu KiB at 0x%llx",
		c->rank == CLAIM_ANONYMOUS ? "unknown " : "",
		c->rank == CLAIM_BREAK                ? "sbrk memory"
			: c->rank == CLAIM_REGISTERED ? "registered region"
			: p && p->path[0] == '/'      ? p->path
						      : "mapping",
		(unsigned long long)(c->hi - c->lo) / 1024, (unsigned long long)c->lo);
	r->last.root = roots_add(r, &root, name);
	r->last.lo = c->lo;
	r->last.hi = c->hi;
	return r->last.root;
}

struct piece {
	struct roots *roots;
	const struct claim *claim;
};

static void add_piece(void *context, uint64_t address, const struct scan_hit *hit)
{
	struct piece *p = context;
	struct roots *r = p->roots;
	const struct claim *c = p->claim;
	uint32_t root;

	switch (c->rank) {
	case CLAIM_GLOBAL:
	case CLAIM_LOADER: root = roots_global(r, c, address); break;
	case CLAIM_STACK: root = roots_stack(r, c, address); break;
	case CLAIM_TLS:
	case CLAIM_KEYS:
	case CLAIM_WORD: root = roots_tls(r, c, address); break;
	default: root = add_mapping_root(r, c);
	}
	scan_root_edge(r->scan, root, address, hit);
}

/* The page table of a process knows nothing of pages of shared memory that it has not touched itself;
 * another process may have written them. Reading makes pages that nobody has written, so there is a
 * limit to it, and none is made in file systems, which may be full. */
static bool would_read_untouched(struct roots *r, uint64_t lo, uint64_t hi)
{
	const struct remote_mapping *p = remote_mapping_at(r->memory, lo);

	if (!p || !p->shared || hi > p->hi || hi - lo > r->shared_left
		|| (strcmp(p->path, "/dev/zero") && strncmp(p->path, "/memfd:", 7)))
		return false;
	r->shared_left -= hi - lo;
	return true;
}

/* Scans [lo, hi) of a claim, but for blocks in it (with the allocator's header
 * before and what it may have added behind). */
static void add_scan_piece(struct roots *r, const struct claim *c, uint64_t lo, uint64_t hi, bool anonymous)
{
	struct scan *s = r->scan;
	struct piece piece = { r, c };
	uint64_t i;

	if (!anonymous) {
		scan_range(s, r->memory, lo, hi, add_piece, &piece);
		return;
	}
	i = scan_first(s, lo);
	if (i && s->blocks[i - 1].address + s->blocks[i - 1].bytes > lo)
		i--;
	for (; i < s->block_count && s->blocks[i].address < hi && lo < hi; i++) {
		uint64_t first = s->blocks[i].address - 16, end = s->blocks[i].address + s->blocks[i].bytes;

		/* Free memory between blocks belongs to their allocator as well. */
		if (c->rank == CLAIM_ANONYMOUS) {
			first &= ~4095ull;
			end = (end + 4095) & ~4095ull;
		}
		if (first > lo)
			scan_range(s, r->memory, lo, first, add_piece, &piece);
		if (end > lo)
			lo = end;
	}
	if (lo < hi)
		scan_range(s, r->memory, (lo + 7) & ~7ull, hi, add_piece, &piece);
}

static void claim_for_scan(struct roots *r, const struct claim *c, uint64_t lo, uint64_t hi)
{
	bool anonymous = c->rank == CLAIM_ANONYMOUS || c->rank == CLAIM_MAPPING || c->rank == CLAIM_LOADER;

	if (!c->kind || r->skip & 1u << c->kind)
		return;
	r->memory->untouched = anonymous && would_read_untouched(r, lo, hi);
	add_scan_piece(r, c, lo, hi, anonymous);
	r->memory->untouched = false;
}

struct boundary {
	uint64_t at;
	uint32_t claim;
	bool opens;
};

static int compare_boundaries(const void *a, const void *b)
{
	const struct boundary *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static bool is_stronger(const struct roots *r, uint32_t a, uint32_t b)
{
	return r->claims[a].rank != r->claims[b].rank ? r->claims[a].rank > r->claims[b].rank : a > b;
}

/* Sweep: at each boundary the strongest of the open claims owns what follows.
 * Few claims are open at one time (a handful), so a plain list holds them. */
void roots_regions(struct roots *r)
{
	size_t n = 2 * r->claim_count, open_count = 0;
	struct boundary *b = alloc_bytes((n + 1) * sizeof *b);
	uint32_t *open = alloc_bytes((r->claim_count + 1) * sizeof *open);

	for (size_t i = 0; i < r->claim_count; i++) {
		b[2 * i] = (struct boundary){ r->claims[i].lo, (uint32_t)i, true };
		b[2 * i + 1] = (struct boundary){ r->claims[i].hi, (uint32_t)i, false };
	}
	qsort(b, n, sizeof *b, compare_boundaries);
	for (size_t i = 0; i < n;) {
		uint64_t at = b[i].at;
		uint32_t best;

		for (; i < n && b[i].at == at; i++) {
			size_t k;

			if (b[i].opens) {
				open[open_count++] = b[i].claim;
				continue;
			}
			for (k = 0; k < open_count && open[k] != b[i].claim; k++)
				;
			if (k < open_count)
				open[k] = open[--open_count];
		}
		if (!open_count || i == n)
			continue;
		best = open[0];
		for (size_t k = 1; k < open_count; k++)
			if (is_stronger(r, open[k], best))
				best = open[k];
		claim_for_scan(r, &r->claims[best], at, b[i].at);
	}
	free(b);
	free(open);
}
