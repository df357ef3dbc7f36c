/* Fuzzes the reader of cores: headers, notes, mappings, files, stacks, and the walk of the heap in them. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report/heap/heap.h"
#include "report/process/core.h"
#include "report/process/unwinder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define RUNS 1000u
#define FRAMES 64u

static void read_all(struct remote *m)
{
	uint64_t from = 0, end, word;
	char text[64];

	for (unsigned n = 0; n < RUNS && remote_run(m, &from, &end, UINT64_MAX); n++, from = end) {
		remote_word(m, from, &word);
		remote_word(m, end - 4, &word);
		remote_text(m, from, text, sizeof(text));
	}
	for (size_t i = 0; i < m->mapping_count && i < RUNS; i++)
		remote_word(m, m->mappings[i].lo, &word);
}

static void walk(struct core *c)
{
	uint64_t pointers[4];
	size_t n = 0;
	struct heap heap;

	for (size_t i = 0; i < c->stop.count && n < 4; i++)
		pointers[n++] = c->stop.threads[i].registers.fs_base;
	heap_walk(&heap, &c->memory, pointers, n);
	heap_end(&heap);
}

static void unwind(struct core *c)
{
	struct unwinder *u = unwinder_new(&c->memory);
	struct unwind_frame frames[FRAMES];

	for (size_t i = 0; i < c->stop.count && i < 4; i++)
		unwinder_walk(u, &c->stop.threads[i].registers, true, frames, NULL, FRAMES);
	unwinder_free(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static int fd = -1;
	static char path[64];
	struct tide_error e = { 0 };
	struct core c;

	if (fd < 0) {
		fd = memfd_create("fuzz", 0);
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	}
	if (ftruncate(fd, 0) || pwrite(fd, data, bytes, 0) != (ssize_t)bytes)
		return 0;
	if (core_open(&c, path, &e))
		return 0;
	read_all(&c.memory);
	walk(&c);
	unwind(&c);
	core_close(&c);
	return 0;
}
