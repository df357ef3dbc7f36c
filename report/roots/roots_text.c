/* roots_text.c - blocks that can hold no reference: roots_private.h.
 *
 * Buffers of stdio, of getline, and of folders that are read hold text. What they have
 * not yet been filled with is what was left there by the block before: often
 * an array of pointers, which would keep alive what is lost.
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "roots_private.h"

bool roots_met_cxx;

#define FRAMES 3u /* of libc, at the leaf end, that are looked at */

static bool is_text(const char *function)
{
	static const char *const names[] = { "_IO_file_doallocate", "_IO_wfile_doallocate", "__alloc_dir",
		"opendir", "fdopendir", "getdelim", "__getdelim", "_IO_getdelim", "std::basic_filebuf<",
		"__gnu_cxx::stdio_filebuf<" };

	for (size_t i = 0; function && i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i]);

		if (!strncmp(function, names[i], n)
			&& (names[i][n - 1] != '<'
					? !function[n]
					: strstr(function, "::_M_allocate_internal_buffer") != NULL))
			return true;
	}
	return false;
}

enum maker { UNKNOWN, TEXT, LIBC, OTHER };

/* Only frames of the library that made the buffer: a program that calls
 * opendir and keeps an array of its own does that from its own code. */
static enum maker find_maker(struct roots *r, const struct ledger_node *nodes, uint64_t count, uint32_t node)
{
	enum maker maker = OTHER;

	for (unsigned depth = 0; depth < FRAMES && node && node < count; depth++) {
		uint64_t pc = nodes[node].address - !(nodes[node].flags & LEDGER_NODE_SIGNAL);
		struct roots_module *m = roots_module_at(r, pc);
		const char *name = m ? strrchr(m->path, '/') : NULL;

		if (!m || !(m->libc || (name && !strncmp(name, "/libstdc++.so", 13))))
			return maker;
		if (!depth && m->libc)
			maker = LIBC;
		roots_met_cxx |= !m->libc;
		if (is_text(symbol_module_function(roots_symbols(m), pc - m->bias, NULL, NULL)))
			return TEXT;
		node = nodes[node].parent;
	}
	return maker;
}

/* In a stripped libc since 2.41 opendir has no frame, but functions without a name that it ends in: the block must
 * look like what they make (struct __dirstream of sysdeps/unix/sysv/linux/dirstream.h, the same in 2.28 to 2.43). */
static bool is_folder(struct roots *r, const struct tide_block *b)
{
	struct {
		int32_t fd, lock;
		uint64_t allocated, filled, next;
		int64_t position;
		int32_t error, pad;
	} d;

	return b->bytes > sizeof d && remote_read(r->memory, b->address, &d, sizeof d) == sizeof d
		&& d.allocated == b->bytes - sizeof d && d.allocated >= 4096 && d.filled <= d.allocated
		&& d.next <= d.filled && d.fd >= -1 && !(d.lock & ~3) && d.error >= 0;
}

void roots_text_blocks(struct roots *r)
{
	uint64_t sites, nodes;
	const struct ledger_site *s = roots_table(r, LEDGER_SITES, sizeof *s, &sites);
	const struct ledger_node *n = roots_table(r, LEDGER_NODES, sizeof *n, &nodes);
	uint8_t *known;

	if (!s || !n || !sites)
		return;
	known = alloc_zeroed(sites, 1);
	for (uint64_t i = 0; i < r->scan->block_count; i++) {
		uint32_t site = r->scan->blocks[i].site;

		if (site >= sites)
			continue;
		if (!known[site])
			known[site] = (uint8_t)find_maker(r, n, nodes, s[site].node);
		if (known[site] == TEXT || (known[site] == LIBC && is_folder(r, &r->scan->blocks[i])))
			r->scan->stack_block[i] = 1;
	}
	free(known);
}
