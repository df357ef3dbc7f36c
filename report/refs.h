/* refs.h - who refers to a block, to whom it refers, and what holds it.
 *
 * F1  Referrers and referents are words: two words that point to one block are two entries.
 * F2  Weak blocks are listed: a reference is a reference, whatever it keeps alive.
 */
#ifndef TIDEMARK_REFS_H
#define TIDEMARK_REFS_H

#include "leaks.h"
#include "options.h"
#include "reach.h"
#include "retained.h"
#include "screen.h"

struct refs_word {
	uint32_t source;	/* block, or root edge where `root` */
	bool root;
	uint64_t edge;		/* index in edges, or in root_edges */
};

struct refs {
	struct options common;
	const char *file, *what;	/* ADDRESS or SITE */
	struct snapshot snapshot;
	struct symbols *symbols;
	struct leaks leaks;
	struct reach reach;
	struct retained retained;
	uint32_t *block;	size_t count;	/* asked for, by address */
	uint64_t *word_start;	/* [count + 1] */
	struct refs_word *word;	/* roots first, then blocks by address */
	int64_t *stored;	/* [count] a declared count, -1 none; NULL: none at all */
};

/* Fills word_start and word for the blocks asked for: one pass over all references. */
void refs_find_words(struct refs *r);
/* Words from roots and from blocks, and those of them that go inside. */
struct refs_found { uint64_t roots, blocks, inside; };
struct refs_found refs_found(const struct refs *r, size_t i);

const char *refs_root_kind(uint32_t kind);	/* "global" ... */
/* Block that covers an address; GRAPH_NONE. */
uint32_t refs_block_at(const struct snapshot *s, uint64_t address);
/* The word by which a path goes from `from` to `to`: its offset in `from`. */
uint32_t refs_hop(const struct refs *r, uint32_t from, uint32_t to);

/* refs_screen.c, refs_json.c, refs_dot.c */
int refs_screen(struct refs *r);
void refs_json(struct refs *r);
void refs_csv(struct refs *r);
void refs_dot(struct refs *r);

#endif
