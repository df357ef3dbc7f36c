/* Fuzzes the reader of snapshots and ledgers: opens the bytes as a file, looks
 * at every element the way the verbs do, and sums sites with names resolved. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report/model/snapshot.h"
#include "report/view/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static volatile uint64_t sum;

#define TOUCH(array, count)                                                                                  \
	do {                                                                                                 \
		const unsigned char *at_ = (const unsigned char *)(array);                                   \
		for (size_t i_ = 0; i_ < (count) * sizeof(*(array)); i_ += 16)                               \
			sum += at_[i_];                                                                      \
	} while (0)

static void touch(const struct snapshot *s)
{
	TOUCH(s->values, s->value_count);
	TOUCH(s->modules, s->module_count);
	TOUCH(s->frames, s->frame_count);
	TOUCH(s->sites, s->site_count);
	TOUCH(s->sizes, s->size_count);
	TOUCH(s->lifetimes, s->lifetime_count);
	TOUCH(s->births, s->birth_count);
	TOUCH(s->threads, s->thread_count);
	TOUCH(s->thread_sites, s->thread_site_count);
	TOUCH(s->timeline, s->point_count);
	TOUCH(s->marks, s->mark_count);
	TOUCH(s->blocks, s->block_count);
	TOUCH(s->roots, s->root_count);
	TOUCH(s->root_edges, s->root_edge_count);
	TOUCH(s->edge_starts, s->edge_start_count);
	TOUCH(s->edges, s->edge_count);
	TOUCH(s->jit, s->jit_count);
	TOUCH(s->symbols, s->symbol_count);
	TOUCH(s->mappings, s->mapping_count);
	TOUCH(s->rounds, s->rounds_count);
	for (uint32_t i = 0; i < 64; i++)
		sum += strlen(snapshot_string(s, i * 7));
	sum += strlen(snapshot_string(s, UINT32_MAX)) + snapshot_value(s, "missed.frees");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static int fd = -1;
	static char path[64];
	struct snapshot s;
	struct tide_error e;
	struct selection o;
	struct view v;

	if (fd < 0) {
		fd = memfd_create("fuzz", 0);
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	}
	if (ftruncate(fd, 0) || pwrite(fd, data, bytes, 0) != (ssize_t)bytes)
		return 0;
	if (snapshot_open(path, &s, &e) == 0) {
		snapshot_verify(&s);
		touch(&s);
		snapshot_close(&s);
	}
	memset(&o, 0, sizeof(o));
	if (view_load(&v, path, &o, DOMAIN_ALL, &e) == 0)
		view_close(&v);
	return 0;
}
