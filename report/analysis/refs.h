/* refs.h - the words that refer to a block.
 *
 * RF1  Two words that refer to one block are two entries.
 * RF2  Words of weak blocks are listed: a reference is a reference, whether or not it
 *      keeps its target alive.
 */
#ifndef TIDEMARK_REFS_H
#define TIDEMARK_REFS_H

#include <stdbool.h>
#include "graph.h"

struct refs_word {
	uint32_t source; /* block, or root edge where `root` */
	bool root;
	uint64_t edge; /* index in edges, or in root_edges */
};

/* The words that refer to block[0 .. count), in one pass over all references: those of block[i] are
 * word[start[i]] .. word[start[i + 1]], roots first, then blocks by address. Both to be freed. */
void refs_find_words(const struct graph *g, const uint32_t *block, size_t count, uint64_t **start,
	struct refs_word **word);

/* How many of these words are in roots and in blocks, and how many point to the interior; without those that Python
 * does not count. */
struct refs_found {
	uint64_t roots, blocks, inside;
};
struct refs_found refs_count_words(const struct graph *g, const struct refs_word *word, uint64_t count);

/* The block that covers an address; GRAPH_NONE. */
uint32_t refs_block_at(const struct snapshot *s, uint64_t address);
/* The edge by which a path goes from one block to the next; REFS_NONE. */
#define REFS_NONE UINT64_MAX
uint64_t refs_hop_edge(const struct graph *g, uint32_t from, uint32_t to);
/* The offset in `from` of the word by which a path goes on to `to`. */
uint32_t refs_hop(const struct graph *g, uint32_t from, uint32_t to);

#endif
