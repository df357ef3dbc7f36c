/* Half a million random events on eight lines of one thread: totals, live,
 * value at the peak, temporary blocks, reallocations, each per line.
 *
 * cases: grow shrink
 */
#include "truth.h"
#include "count.h"

#define SLOTS 20000
static struct { void *block; uint32_t bytes; int line; } slot[SLOTS];
static void *newest;			/* the last block made; NULL when it has gone */
static uint64_t seed = 88172645463325252u;

static uint64_t random_next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

#define MAKER(name, call) static NOINLINE void *name(size_t n, int *line) \
{ (void)n; *line = __LINE__; void *p = call; HIDE(p); return p; }
MAKER(by_malloc, malloc(n))
MAKER(by_calloc, calloc(1, n))
MAKER(by_aligned, aligned_alloc(64, n))
MAKER(by_other, malloc(n))
MAKER(by_large, malloc(n + 70000))
MAKER(by_fixed, malloc(48))
static NOINLINE void *by_realloc(void *old, size_t n, int *line)
{
	*line = __LINE__; void *p = realloc(old, n); HIDE(p); return p;
}

static void make(unsigned i, uint64_t r)
{
	size_t n = r % 3000 + 1;
	int line = 0;
	void *p;
	switch (r >> 32 & 7) {
	case 0: case 1: p = by_malloc(n, &line); break;
	case 2: case 3: p = by_calloc(n, &line); break;
	case 4: p = by_aligned(n, &line); break;
	case 5: p = by_other(n, &line); break;
	case 6: p = by_fixed(n = 48, &line); break;
	default:
		if ((r >> 40) % 64) {
			p = by_other(n, &line);
			break;
		}
		p = by_large(n, &line);
		n += 70000;
	}
	slot[i].block = newest = p;
	slot[i].bytes = (uint32_t)n;
	slot[i].line = line;
	count_made(line, (int64_t)n);
}

static void drop(unsigned i)
{
	if (slot[i].block == newest) {
		count_line(slot[i].line)->temporary++;
		newest = NULL;
	}
	count_freed(slot[i].line, slot[i].bytes);
	free(slot[i].block);
	slot[i].block = NULL;
}

/* Never of the newest block: whether realloc makes that one temporary is left open. */
static void change(unsigned i, uint64_t r)
{
	size_t n = r % 4000 + 1;
	int line = 0;
	count_freed(slot[i].line, slot[i].bytes);
	slot[i].block = by_realloc(slot[i].block, n, &line);
	slot[i].bytes = (uint32_t)n;
	slot[i].line = line;
	newest = slot[i].block;
	count_made(line, (int64_t)n);
	count_line(line)->reallocations++;
}

static void scenario(void)
{
	unsigned last = 0;
	for (int e = 0; e < 500000; e++) {
		uint64_t r = random_next();
		unsigned i = (unsigned)(r >> 44) % SLOTS;
		/* Now and then the block just made goes at once; "shrink" empties from the middle on. */
		if (r % 16 == 0 && slot[last].block)
			i = last;
		if (!slot[i].block) {
			if (is_case("shrink") && e > 250000 && r % 8)
				continue;
			make(i, r);
			last = i;
		} else if ((r >> 8) % 4 == 0 && slot[i].block != newest) {
			change(i, r);
		} else {
			drop(i);
		}
	}
	count_print(1);
}
