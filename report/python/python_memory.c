/* python_memory.c - reads the image through a cache: python_private.h.
 *
 * Objects are small and refer to each other in any order, so the cache has lines of 16 KiB,
 * the size of a pymalloc pool; a line stays until another one needs its place.
 *
 * What is read decides what is read next: lists, dicts and frames of a hostile process may go on for ever. So
 * reading costs, and ends: what is read after that is zero, which ends all of them.
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "python_private.h"

#define LINE 16384ull
#define LINES 4096u
#define COST_LINE 256u /* as many reads as one of a line takes */
#define COST_BYTES 64u /* read as fast as one word */
#define COST_MOST (1ull << 28)
#define COST_BLOCK                                                                                           \
	4096u /* that each block may cost besides; a hundredth is usual, more where memory is large */

struct python_cache {
	struct remote *memory;
	uint64_t cost;
	uint64_t tag[LINES]; /* address of the line + 1; 0: empty */
	char *line[LINES];
};

struct python_cache *python_memory_new(struct remote *m)
{
	struct python_cache *c = alloc_zeroed(1, sizeof(*c));

	c->memory = m;
	return c;
}

void python_memory_free(struct python_cache *c)
{
	for (unsigned i = 0; i < LINES; i++)
		free(c->line[i]);
	free(c);
}

static const char *line_at(struct python_cache *c, uint64_t base)
{
	unsigned i = (unsigned)(base / LINE) & (LINES - 1);

	if (c->tag[i] == base + 1)
		return c->line[i];
	c->cost += COST_LINE;
	if (!c->line[i])
		c->line[i] = alloc_bytes(LINE);
	remote_read(c->memory, base, c->line[i], LINE);
	c->tag[i] = base + 1;
	return c->line[i];
}

bool python_exhausted(const struct python *p)
{
	return p->cache->cost > COST_MOST + COST_BLOCK * p->block_count;
}

void python_read(struct python *p, uint64_t address, void *to, uint64_t bytes)
{
	char *at = to;

	p->cache->cost += 1 + bytes / COST_BYTES;
	if (address >= 1ull << 47 || bytes > (1ull << 47) - address || python_exhausted(p)) {
		memset(to, 0, bytes);
		return;
	}
	while (bytes) {
		uint64_t base = address & ~(LINE - 1), skip = address - base;
		uint64_t n = LINE - skip < bytes ? LINE - skip : bytes;

		memcpy(at, line_at(p->cache, base) + skip, n);
		at += n;
		address += n;
		bytes -= n;
	}
}

uint64_t python_word(struct python *p, uint64_t address)
{
	uint64_t word;

	python_read(p, address, &word, sizeof(word));
	return word;
}

uint32_t python_u32(struct python *p, uint64_t address)
{
	uint32_t word;

	python_read(p, address, &word, sizeof(word));
	return word;
}

uint8_t python_byte(struct python *p, uint64_t address)
{
	uint8_t byte;

	python_read(p, address, &byte, 1);
	return byte;
}

void python_text(struct python *p, uint64_t address, char *to, uint64_t bytes)
{
	if (!address)
		bytes = 1;
	else
		python_read(p, address, to, bytes - 1);
	to[bytes - 1] = '\0';
}
