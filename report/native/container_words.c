/* container_words.c - every word that points to the start of a block, and what its neighbours say; see container.h. */
#include <stdlib.h>
#include "base/alloc.h"
#include "container_private.h"

#define TEXT_BYTES 17u /* the shortest text outside the object, with its NUL */

static bool may_be_text(const struct references *g, const struct typing *typing, uint32_t block)
{
	return !typing->of[block].evidence && g->blocks[block].bytes >= TEXT_BYTES;
}

void container_words(struct remote *memory, const struct references *g, struct snapshot_writer *w,
	struct typing *typing, uint32_t *text, const struct container_libraries *libraries)
{
	struct container_window *window = alloc_zeroed(2, sizeof(*window));

	window[0].memory = window[1].memory = memory;
	window[0].to = window[1].to = UINT64_MAX;
	for (uint64_t i = 0, n = 0; i < g->edge_count + g->root_edge_count; i++) {
		uint64_t address, to_offset, spare;
		uint32_t block;

		if (i < g->edge_count) {
			while (g->edge_starts[n + 1] <= i)
				n++;
			block = g->edges[i].block;
			to_offset = g->edges[i].to_offset;
			address = g->blocks[n].address + g->edges[i].offset;
			/* The rest of a header lies in the same block: behind it the allocator has its own words. */
			window[0].from = g->blocks[n].address;
			window[0].to = g->blocks[n].address + g->blocks[n].bytes;
		} else {
			const struct tide_root_edge *r = &g->root_edges[i - g->edge_count];

			block = r->block;
			to_offset = r->to_offset;
			address = r->address;
			window[0].from = 0;
			window[0].to = UINT64_MAX;
		}
		if (to_offset)
			continue;
		if (may_be_text(g, typing, block)
			&& container_is_string(
				&window[0], &window[1], libraries, g, address, block, &spare)) {
			if (!*text)
				*text = container_add_type(w, typing, CONTAINER_TEXT);
			typing->of[block] =
				(struct tide_block_type){ .type = *text, .evidence = EVIDENCE_SHAPE };
			typing_spare(typing, block, SPARE_STRING, spare);
		} else if (g->blocks[block].bytes >= SPARE_LEAST) {
			container_spare(&window[0], &window[1], g, typing, address, block, libraries);
		}
	}
	free(window);
}
