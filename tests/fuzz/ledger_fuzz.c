/* Fuzzes the reader of ledgers: the input is a list of changes (16-bit offset in words,
 * 64-bit value) to a ledger with a few sites, threads and marks; what opens must have
 * indices that hold. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report/model/snapshot.h"
#include "tests/lib/ledger_make.h"

#define ROOM 8u
#define CHANGE 10u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void base_write(const char *path)
{
	struct ledger_thread thread = { .tid = 1, .state = LEDGER_THREAD_ALIVE, .name = "main" };
	struct ledger_module module = { .lo = 0x400000, .hi = 0x500000, .build_id_bytes = 20 };
	struct ledger_node node = { .module = 1, .address = 0x400200 };
	struct ledger_sizes sizes = { .count = { 1, 2, 3 } };
	struct ledger_lifetimes lifetimes = { .count = { 1, 2, 3 } };
	struct ledger_point point = { .mono_ns = 1 };
	struct ledger_mark mark = { .birth = 1, .kind = MARK_USER };
	struct ledger_rounds rounds = { .least = { 1 } };
	struct ledger_error error = { .kind = ERROR_DOUBLE_FREE, .count = 1, .address = 0x1010 };
	struct ledger_make m;
	uint32_t site;

	ledger_make_begin(&m, path, ROOM);
	m.header->exe = mark.name = ledger_make_string(&m, "/bin/example");
	m.header->options = ledger_make_string(&m, "TIDEMARK_DEPTH=64\nTIDEMARK_ROUNDS=x\n");
	ledger_make_add(&m, LEDGER_MODULES, &module);
	ledger_make_add(&m, LEDGER_THREADS, &thread);
	ledger_make_add(&m, LEDGER_SIZES, &sizes);
	ledger_make_add(&m, LEDGER_LIFETIMES, &lifetimes);
	ledger_make_add(&m, LEDGER_TIMELINE, &point);
	ledger_make_add(&m, LEDGER_MARKS, &mark);
	ledger_make_add(&m, LEDGER_ROUNDS, &rounds);
	ledger_make_add(&m, LEDGER_ERRORS, &error);
	site = ledger_make_site(&m, ledger_make_add(&m, LEDGER_NODES, &node), 1, 0x400300, 2);
	*ledger_make_counter(&m, 0, site) = (struct ledger_counter){ .live_bytes = 10,
		.live_blocks = 1,
		.total_bytes = 10,
		.total_blocks = 1,
		.sizes = 1,
		.lifetimes = 1,
		.size_class = 4 };
	ledger_make_end(&m);
}

static void require(int holds)
{
	if (!holds)
		abort();
}

static void check(const struct snapshot *s)
{
	for (size_t i = 0; i < s->frame_count; i++)
		require((!s->frames[i].parent || s->frames[i].parent < i)
			&& s->frames[i].module < s->module_count);
	for (size_t i = 0; i < s->site_count; i++)
		require(s->sites[i].frame < s->frame_count);
	for (size_t i = 0; i < s->thread_site_count; i++)
		require(s->thread_sites[i].site < s->site_count
			&& s->thread_sites[i].thread < s->thread_count);
	for (size_t i = 0; i < s->size_count; i++)
		require(s->sizes[i].site < s->site_count && s->sizes[i].class_ < LEDGER_SIZE_CLASSES);
	for (size_t i = 0; i < s->thread_count; i++)
		require(s->threads[i].entry_frame < s->frame_count);
	for (size_t i = 0; i < s->option_count; i++)
		require(*snapshot_string(s, s->options[i].name) || !s->options[i].name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static char path[64], *base;
	static size_t base_bytes;
	static int fd = -1;
	struct snapshot s;
	struct tide_error e;

	if (fd < 0) {
		fd = memfd_create("ledger", 0);
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
		base_write(path);
		base_bytes = (size_t)lseek(fd, 0, SEEK_END);
		base = malloc(base_bytes);
		require(pread(fd, base, base_bytes, 0) == (ssize_t)base_bytes);
	}
	require(pwrite(fd, base, base_bytes, 0) == (ssize_t)base_bytes);
	for (; bytes >= CHANGE; data += CHANGE, bytes -= CHANGE) {
		uint16_t word;

		memcpy(&word, data, sizeof(word));
		require(pwrite(fd, data + 2, 8, (off_t)word * 8 % (off_t)(base_bytes - 8)) == 8);
	}
	if (!snapshot_open(path, &s, &e)) {
		check(&s);
		snapshot_close(&s);
	}
	return 0;
}
