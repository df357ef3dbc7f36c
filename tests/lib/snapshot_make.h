/* snapshot_make.h - a small snapshot with known content, for tests.
 *
 * Three sites in two functions of one module, one mark, two threads, blocks:
 *
 *   site 4 (depth 2): blocks 0, 1 of 100 bytes; 0 -> 1, 1 -> 0: a ring nobody holds
 *   site 5 (depth 2): block 2 of 50 bytes, held by the global "cache"; 2 -> 3 (interior)
 *   site 6 (depth 1): block 3 of 64 bytes
 */
#ifndef TIDEMARK_TESTS_SNAPSHOT_MAKE_H
#define TIDEMARK_TESTS_SNAPSHOT_MAKE_H

#include <string.h>
#include "report/model/snapshot.h"

static inline struct snapshot_writer *snapshot_make(void)
{
	struct snapshot_writer *w = snapshot_writer_new();
	struct tide_process process = { .pid = 4711,
		.parent_pid = 1,
		.reason = REASON_EXIT,
		.complete = 1,
		.references = 1,
		.sequence = 1,
		.live_bytes = 314,
		.live_blocks = 4,
		.peak_bytes = 400,
		.total_bytes = 1000,
		.total_blocks = 10,
		.depth_limit = 64,
		.elapsed_ns = 1000000 };
	struct tide_module modules[2] = { { 0 }, { .lo = 0x400000, .hi = 0x500000, .bias = 0x400000 } };
	struct tide_frame frames[5] = { { 0 }, { .module = 1, .address = 0x400100 },
		{ .parent = 1, .module = 1, .address = 0x400200 },
		{ .parent = 1, .module = 1, .address = 0x400300 }, { .module = 1, .address = 0x400400 } };
	struct tide_site sites[7] = { { 0 }, { 0 }, { 0 }, { 0 },
		{ .frame = 2,
			.depth = 2,
			.live_bytes = 200,
			.live_blocks = 2,
			.peak_bytes = 300,
			.peak_blocks = 3,
			.total_bytes = 800,
			.total_blocks = 8,
			.temporary = 2 },
		{ .frame = 3,
			.depth = 2,
			.live_bytes = 50,
			.live_blocks = 1,
			.peak_bytes = 50,
			.peak_blocks = 1,
			.total_bytes = 50,
			.total_blocks = 1 },
		{ .frame = 4,
			.depth = 1,
			.live_bytes = 64,
			.live_blocks = 1,
			.total_bytes = 150,
			.total_blocks = 1 } };
	struct tide_thread threads[2] = { { .tid = 4711, .allocations = 9 },
		{ .tid = 4712, .allocations = 1 } };
	struct tide_mark marks[1] = { { .elapsed_ns = 500, .birth = 10, .kind = 1 } };
	struct tide_birth births[3] = { { 4, 0, 1, 100 }, { 4, 1, 1, 100 }, { 5, 1, 1, 50 } };
	struct tide_bin sizes[3] = { { 4, 7, 8 }, { 5, 6, 1 }, { 6, 7, 1 } };
	struct tide_block blocks[4] = { { 0x10000, 100, 4, 5, 0, 0 }, { 0x10080, 100, 4, 20, 0, 0 },
		{ 0x10100, 50, 5, 21, 0, 0 }, { 0x10140, 64, 6, 22, 1, 0 } };
	struct tide_root roots[1] = {
		{ .kind = ROOT_GLOBAL, .address = 0x480000, .bytes = 8, .module = 1, .thread = UINT32_MAX }
	};
	struct tide_root_edge root_edges[1] = { { .root = 0, .block = 2, .address = 0x480000 } };
	uint64_t starts[5] = { 0, 1, 2, 3, 3 };
	struct tide_edge edges[3] = { { .block = 1 }, { .block = 0, .offset = 8 },
		{ .block = 3, .offset = 16, .to_offset = 8, .flags = EDGE_INTERIOR } };
	struct tide_value values[1] = { { .value = 3 } };
	struct tide_option options[1];

	process.exe = snapshot_writer_string(w, "/bin/example");
	process.command = snapshot_writer_string(w, "example --fast");
	modules[1].path = snapshot_writer_string(w, "/bin/example");
	modules[1].build_id = snapshot_writer_string(w, "0123abcd");
	threads[0].name = snapshot_writer_string(w, "example");
	threads[1].name = snapshot_writer_string(w, "worker");
	marks[0].name = snapshot_writer_string(w, "warm");
	roots[0].name = snapshot_writer_string(w, "cache");
	values[0].name = snapshot_writer_string(w, "missed.early");
	options[0] =
		(struct tide_option){ snapshot_writer_string(w, "depth"), snapshot_writer_string(w, "64") };
#define ADD(kind, array)                                                                                     \
	snapshot_writer_section(                                                                             \
		w, kind, sizeof((array)[0]), array, sizeof(array) / sizeof((array)[0]), SNAPSHOT_COPY)
	snapshot_writer_section(w, SECTION_PROCESS, sizeof(process), &process, 1, SNAPSHOT_COPY);
	ADD(SECTION_MODULES, modules);
	ADD(SECTION_FRAMES, frames);
	ADD(SECTION_SITES, sites);
	ADD(SECTION_THREADS, threads);
	ADD(SECTION_MARKS, marks);
	ADD(SECTION_BIRTHS, births);
	ADD(SECTION_SIZES, sizes);
	ADD(SECTION_BLOCKS, blocks);
	ADD(SECTION_ROOTS, roots);
	ADD(SECTION_ROOT_EDGES, root_edges);
	ADD(SECTION_EDGE_STARTS, starts);
	ADD(SECTION_EDGES, edges);
	ADD(SECTION_COVERAGE, values);
	ADD(SECTION_OPTIONS, options);
#undef ADD
	return w;
}

#endif
