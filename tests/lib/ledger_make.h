/* ledger_make.h - a ledger as the library would write it, with known content.
 *
 * For tests: included by the test itself. The file is sparse, tables as in
 * shim/ledger.h; ledger_make_add returns the number of the element.
 */
#ifndef TIDEMARK_TESTS_LEDGER_MAKE_H
#define TIDEMARK_TESTS_LEDGER_MAKE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "shim/ledger.h"

struct ledger_make {
	struct ledger_header *header;
	uint64_t bytes;
};

static inline void *ledger_make_at(struct ledger_make *m, enum ledger_table_kind kind, uint64_t index)
{
	struct ledger_table *t = &m->header->table[kind];

	return (char *)m->header + t->offset + index * t->element;
}

static inline uint32_t ledger_make_add(
	struct ledger_make *m, enum ledger_table_kind kind, const void *element)
{
	struct ledger_table *t = &m->header->table[kind];

	if (t->count >= t->capacity)
		abort();
	memcpy(ledger_make_at(m, kind, t->count), element, t->element);
	return (uint32_t)t->count++;
}

static inline uint32_t ledger_make_string(struct ledger_make *m, const char *s)
{
	uint32_t at = (uint32_t)m->header->table[LEDGER_STRINGS].count;

	if (!*s && at)
		return 0;
	do
		ledger_make_add(m, LEDGER_STRINGS, s);
	while (*s++);
	return at;
}

/* A file of `path`, mapped; every table has room for `room` elements. */
static inline void ledger_make_begin(struct ledger_make *m, const char *path, uint64_t room)
{
	static const uint32_t element[LEDGER_TABLES] = {
		1,
		sizeof(struct ledger_module),
		sizeof(struct ledger_node),
		sizeof(struct ledger_site),
		sizeof(struct ledger_thread),
		sizeof(struct ledger_point),
		sizeof(struct ledger_mark),
		sizeof(struct ledger_sizes),
		sizeof(struct ledger_lifetimes),
		sizeof(struct ledger_mapping),
		sizeof(struct ledger_range),
		sizeof(struct ledger_page),
		LEDGER_PAGE,
		sizeof(struct ledger_tracked),
		sizeof(struct ledger_rounds),
		sizeof(uint64_t),
		sizeof(struct ledger_error),
	};
	struct ledger_header h = { .version = LEDGER_VERSION,
		.header_bytes = sizeof(h),
		.state = LEDGER_RUNNING,
		.exit_status = -1 };
	uint64_t at = LEDGER_PAGE;
	char zero[LEDGER_PAGE] = "";
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	memcpy(h.magic, LEDGER_MAGIC, 8);
	for (int i = 0; i < LEDGER_TABLES; i++) {
		uint64_t n = i == LEDGER_STRINGS ? room * 64 : room;

		h.table[i] = (struct ledger_table){ .offset = at, .capacity = n, .element = element[i] };
		at += (n * element[i] + LEDGER_PAGE - 1) & ~(uint64_t)(LEDGER_PAGE - 1);
	}
	h.file_bytes = m->bytes = at;
	if (fd < 0 || ftruncate(fd, (off_t)at))
		abort();
	m->header = mmap(NULL, at, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (m->header == MAP_FAILED)
		abort();
	*m->header = h;
	/* Element 0 is reserved (LG2). */
	ledger_make_add(m, LEDGER_STRINGS, zero);
	ledger_make_add(m, LEDGER_MODULES, zero);
	ledger_make_add(m, LEDGER_NODES, zero);
	ledger_make_add(m, LEDGER_SITES, zero);
	ledger_make_add(m, LEDGER_SIZES, zero);
	ledger_make_add(m, LEDGER_LIFETIMES, zero);
	for (int i = 1; i < (int)LEDGER_SITE_FIRST; i++)
		ledger_make_add(m, LEDGER_SITES, zero);
}

static inline void ledger_make_end(struct ledger_make *m)
{
	munmap(m->header, m->bytes);
	m->header = NULL;
}

/* A stack of one frame, and its site. */
static inline uint32_t ledger_make_site(
	struct ledger_make *m, uint32_t parent_node, uint16_t module, uint64_t address, uint16_t depth)
{
	struct ledger_node n = { .parent = parent_node, .module = module, .address = address };
	struct ledger_site s = { .depth = depth };

	s.node = ledger_make_add(m, LEDGER_NODES, &n);
	s.hash = address * 31 + parent_node;
	return ledger_make_add(m, LEDGER_SITES, &s);
}

/* The counter of a thread (its number) at a site; its page is made when it is new. */
static inline struct ledger_counter *ledger_make_counter(
	struct ledger_make *m, uint32_t thread, uint32_t site)
{
	struct ledger_page page = { thread + 1, site / LEDGER_PAGE_COUNTERS * LEDGER_PAGE_COUNTERS };
	static const char zero[LEDGER_PAGE];
	struct ledger_counter *c;
	uint64_t i, n = m->header->table[LEDGER_PAGES].count;

	for (i = 0; i < n; i++)
		if (!memcmp(ledger_make_at(m, LEDGER_PAGES, i), &page, sizeof(page)))
			break;
	if (i == n) {
		ledger_make_add(m, LEDGER_COUNTERS, zero);
		ledger_make_add(m, LEDGER_PAGES, &page);
	}
	c = ledger_make_at(m, LEDGER_COUNTERS, i);
	return c + site % LEDGER_PAGE_COUNTERS;
}

#endif
