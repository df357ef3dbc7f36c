/* make_snapshot.c - writes a snapshot with known content (snapshot_make.h), or a large one.
 *
 *   make_snapshot FILE                  the small one
 *   make_snapshot FILE BLOCKS SITES     BLOCKS live blocks of SITES sites of 16 frames
 *                                       (shared in pairs), each referring to the next two
 *
 * Built by `make build/tests/lib/make_snapshot`.
 */
#include <stdio.h>
#include <stdlib.h>
#include "report/base/alloc.h"
#include "tests/lib/snapshot_make.h"

#define DEPTH 16u

static struct snapshot_writer *large(uint64_t block_count, uint32_t site_count)
{
	struct snapshot_writer *w = snapshot_writer_new();
	struct tide_process process = { .pid = 4711,
		.reason = REASON_EXIT,
		.complete = 1,
		.references = 1,
		.sequence = 1,
		.live_blocks = block_count,
		.total_blocks = block_count };
	struct tide_module modules[2] = { { 0 }, { .lo = 0x400000, .hi = 0x40000000, .bias = 0x400000 } };
	uint64_t frame_count = 1 + (uint64_t)site_count * DEPTH / 2 + site_count, at = 1;
	struct tide_frame *frames = alloc_zeroed(frame_count, sizeof(*frames));
	struct tide_site *sites = alloc_zeroed(site_count + 4, sizeof(*sites));
	struct tide_block *blocks = alloc_zeroed(block_count, sizeof(*blocks));
	uint64_t *starts = alloc_bytes((block_count + 1) * sizeof(*starts));
	struct tide_edge *edges = alloc_zeroed(block_count * 2, sizeof(*edges));
	struct tide_root root = { .kind = ROOT_GLOBAL,
		.address = 0x500000,
		.bytes = 8,
		.module = 1,
		.thread = UINT32_MAX,
		.name = snapshot_writer_string(w, "head") };
	struct tide_root_edge root_edge = { .address = 0x500000 };

	process.exe = modules[1].path = snapshot_writer_string(w, "/bin/large");
	for (uint32_t i = 0, parent = 0; i < site_count; i++) {
		if (i % 2 == 0)
			for (uint32_t d = parent = 0; d < DEPTH; d++) {
				frames[at] = (struct tide_frame){
					.parent = parent, .module = 1, .address = 0x400000 + at * 16
				};
				parent = (uint32_t)at++;
			}
		frames[at] =
			(struct tide_frame){ .parent = parent, .module = 1, .address = 0x400000 + at * 16 };
		sites[i + 4].frame = (uint32_t)at++;
		sites[i + 4].depth = DEPTH + 1;
	}
	for (uint64_t i = 0; i < block_count; i++) {
		struct tide_site *s = &sites[4 + i % site_count];

		blocks[i] = (struct tide_block){ .address = 0x10000000 + i * 64,
			.bytes = 48,
			.site = (uint32_t)(4 + i % site_count),
			.birth = (uint32_t)(i >> 8) };
		s->live_blocks++, s->total_blocks++, s->peak_blocks++;
		s->live_bytes += 48, s->total_bytes += 48, s->peak_bytes += 48;
		process.live_bytes += 48, process.total_bytes += 48, process.peak_bytes += 48;
		starts[i] = i * 2;
		edges[i * 2].block = (uint32_t)((i + 1) % block_count);
		edges[i * 2 + 1] =
			(struct tide_edge){ .block = (uint32_t)((i + 2) % block_count), .offset = 8 };
	}
	starts[block_count] = block_count * 2;
	snapshot_writer_section(w, SECTION_PROCESS, sizeof(process), &process, 1, SNAPSHOT_COPY);
	snapshot_writer_section(w, SECTION_MODULES, sizeof(modules[0]), modules, 2, SNAPSHOT_COPY);
	snapshot_writer_section(w, SECTION_FRAMES, sizeof(*frames), frames, at, SNAPSHOT_TAKE);
	snapshot_writer_section(w, SECTION_SITES, sizeof(*sites), sites, site_count + 4, SNAPSHOT_TAKE);
	snapshot_writer_section(w, SECTION_BLOCKS, sizeof(*blocks), blocks, block_count, SNAPSHOT_TAKE);
	snapshot_writer_section(
		w, SECTION_EDGE_STARTS, sizeof(*starts), starts, block_count + 1, SNAPSHOT_TAKE);
	snapshot_writer_section(w, SECTION_EDGES, sizeof(*edges), edges, block_count * 2, SNAPSHOT_TAKE);
	snapshot_writer_section(w, SECTION_ROOTS, sizeof(root), &root, 1, SNAPSHOT_COPY);
	snapshot_writer_section(w, SECTION_ROOT_EDGES, sizeof(root_edge), &root_edge, 1, SNAPSHOT_COPY);
	return w;
}

int main(int argc, char **argv)
{
	uint64_t blocks = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t sites = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	struct snapshot_writer *w;
	struct tide_error e;
	int result;

	if (argc < 2 || (argc > 2 && (!blocks || !sites || sites > 1u << 22 || blocks > 1u << 30))) {
		fprintf(stderr, "usage: make_snapshot FILE [BLOCKS [SITES]]\n");
		return 2;
	}
	w = argc > 2 ? large(blocks, (uint32_t)sites) : snapshot_make();
	result = snapshot_writer_finish(w, argv[1], &e);
	if (result)
		error_print(&e);
	snapshot_writer_free(w);
	return result ? 1 : 0;
}
