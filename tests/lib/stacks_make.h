/* stacks_make.h - snapshots of known stacks, made without a process.
 *
 *   struct stacks t = { .build_id = "aa" };
 *   stacks_site(&t, 300, 3, "inner@x.c:3|fill@x.c:10;main@x.c:20");
 *   stacks_open(&t, &snapshot);          names are stored in it: no module is opened
 *
 * Frames are innermost first, parted by ';'; in a frame lines are parted by '|',
 * the inlined ones first; "?0x123" is a frame without symbol at this offset. A name
 * may hold '\1', which becomes a ';'.
 */
#ifndef TIDEMARK_TESTS_STACKS_MAKE_H
#define TIDEMARK_TESTS_STACKS_MAKE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "report/model/snapshot.h"

#define STACKS_BIAS 0x10000u
#define STACKS_SIZE 0x1000000u
#define STACKS_MAX 512

struct stacks {
	const char *build_id; /* "" none */
	uint64_t bias;        /* 0: STACKS_BIAS */
	int pid;              /* 0: 100 */
	struct {
		int64_t bytes, blocks, peak_bytes, peak_blocks;
		uint64_t total_bytes, total_blocks, temporary;
		char stack[512];
	} site[STACKS_MAX];
	size_t count;
};

/* live, with peak = live and total = twice live. */
static inline void stacks_site(struct stacks *t, int64_t bytes, int64_t blocks, const char *stack)
{
	assert_true(t->count < STACKS_MAX && strlen(stack) < sizeof(t->site[0].stack));
	t->site[t->count].bytes = t->site[t->count].peak_bytes = bytes;
	t->site[t->count].blocks = t->site[t->count].peak_blocks = blocks;
	t->site[t->count].total_bytes = 2 * (uint64_t)bytes;
	t->site[t->count].total_blocks = 2 * (uint64_t)blocks;
	strcpy(t->site[t->count++].stack, stack);
}

static inline struct snapshot_writer *stacks_write(const struct stacks *t)
{
	static struct tide_frame frame[STACKS_MAX * 16];
	static struct tide_symbol symbol[STACKS_MAX * 32];
	static struct tide_site site[STACKS_MAX + SITE_FIRST];
	struct snapshot_writer *w = snapshot_writer_new();
	uint64_t bias = t->bias ? t->bias : STACKS_BIAS;
	size_t frames = 1, symbols = 0;
	struct tide_process p = { .pid = t->pid ? t->pid : 100,
		.reason = 1,
		.complete = 1,
		.sequence = 1,
		.started_wall_ns = UINT64_C(1700000000000000000) + (uint64_t)t->pid,
		.elapsed_ns = 2000000000,
		.peak_elapsed_ns = 1000000000,
		.exit_status = 0 };
	struct tide_module module[2] = { { .lo = 0 },
		{ .lo = bias,
			.hi = bias + STACKS_SIZE,
			.bias = bias,
			.path = snapshot_writer_string(w, "/opt/server"),
			.build_id = snapshot_writer_string(w, t->build_id ? t->build_id : ""),
			.flags = MODULE_MAIN } };
	struct tide_point points[2] = { { .elapsed_ns = 500000000, .live_bytes = 100, .live_blocks = 1 },
		{ .elapsed_ns = 1500000000, .live_bytes = 200, .live_blocks = 2 } };

	memset(frame, 0, sizeof(frame));
	memset(site, 0, sizeof(site));
	p.exe = snapshot_writer_string(w, "/opt/server");
	p.command = snapshot_writer_string(w, "/opt/server --fast");
	for (size_t i = 0; i < t->count; i++) {
		char text[512], *frames_save, *list[64], *word;
		size_t depth = 0;
		struct tide_site *s = &site[SITE_FIRST + i];

		strcpy(text, t->site[i].stack);
		for (word = strtok_r(text, ";", &frames_save); word; word = strtok_r(NULL, ";", &frames_save))
			list[depth++] = word;
		s->depth = (uint32_t)depth;
		/* Outermost first: a frame's caller has a smaller number. */
		uint32_t parent = 0;
		while (depth--) {
			char *lines_save, *line;
			struct tide_frame *f = &frame[frames];

			f->parent = parent;
			f->module = 1;
			f->address = bias + 0x100 * frames;
			if (list[depth][0] == '?') {
				f->address = bias + strtoull(list[depth] + 1, NULL, 0);
				symbol[symbols++] = (struct tide_symbol){ .frame = (uint32_t)frames,
					.flags = SYMBOL_MADE_FROM_ADDRESS,
					.function = snapshot_writer_string(w, "server+0x1") };
			} else {
				for (line = strtok_r(list[depth], "|", &lines_save); line;
					line = strtok_r(NULL, "|", &lines_save)) {
					char *at = strrchr(line, '@'), *colon = at ? strrchr(at, ':') : NULL;

					if (at)
						*at = 0;
					if (colon)
						*colon = 0;
					for (char *c = line; *c; c++)
						*c = *c == 1 ? ';' : *c;
					symbol[symbols++] = (struct tide_symbol){ .frame = (uint32_t)frames,
						.function = snapshot_writer_string(w, line),
						.file = at ? snapshot_writer_string(w, at + 1) : 0,
						.line = colon ? (uint32_t)atoi(colon + 1) : 0 };
				}
			}
			parent = (uint32_t)frames++;
		}
		s->frame = parent;
		s->live_bytes = t->site[i].bytes;
		s->live_blocks = t->site[i].blocks;
		s->peak_bytes = t->site[i].peak_bytes;
		s->peak_blocks = t->site[i].peak_blocks;
		s->total_bytes = t->site[i].total_bytes;
		s->total_blocks = t->site[i].total_blocks;
		s->temporary = t->site[i].temporary;
		p.live_bytes += (uint64_t)s->live_bytes;
		p.live_blocks += (uint64_t)s->live_blocks;
		p.peak_bytes += (uint64_t)s->peak_bytes;
		p.total_bytes += s->total_bytes;
		p.total_blocks += s->total_blocks;
	}
	snapshot_writer_section(w, SECTION_PROCESS, sizeof(p), &p, 1, 1);
	snapshot_writer_section(w, SECTION_MODULES, sizeof(module[0]), module, 2, 1);
	snapshot_writer_section(w, SECTION_FRAMES, sizeof(frame[0]), frame, frames, 1);
	snapshot_writer_section(w, SECTION_SYMBOLS, sizeof(symbol[0]), symbol, symbols, 1);
	snapshot_writer_section(w, SECTION_SITES, sizeof(site[0]), site, SITE_FIRST + t->count, 1);
	snapshot_writer_section(w, SECTION_TIMELINE, sizeof(points[0]), points, 2, 1);
	return w;
}

static inline void stacks_open(const struct stacks *t, struct snapshot *s)
{
	struct tide_error e = { 0 };

	if (snapshot_of_writer(stacks_write(t), s, &e))
		fail_msg("%s: %s", e.what, e.why);
}

static inline void stacks_save(const struct stacks *t, const char *path)
{
	struct tide_error e = { 0 };
	struct snapshot_writer *w = stacks_write(t);

	if (snapshot_writer_finish(w, path, &e))
		fail_msg("%s: %s", e.what, e.why);
	snapshot_writer_free(w);
}

#endif
