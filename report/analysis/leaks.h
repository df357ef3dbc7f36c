/* leaks.h - what is lost, sorted into kinds, sites and root leaks.
 *
 *   leaks_classify ──▶ struct leaks: totals per kind
 *                                    records: blocks of one kind from one site
 *                                    groups:  root leaks and root cycles, merged where equal
 *
 * Used by `leaks`, `run` (its last lines, --leak-exit), `gate`, exports and html.
 *
 * LK1  Each live block has exactly one kind. The sum of the records is the totals.
 * LK2  A block is suppressed when every way to it from root leaks that are not
 *     suppressed leads through one whose stack a suppression matches: a
 *     suppression covers everything under its root.
 * LK3  Selection (birth, site, thread) leaves blocks out of the sums; it never changes a kind.
 * LK4  What could not be determined is in `complete` and `why`: totals of zero mean
 *     "no leak" only with `complete`.
 * LK5  Results do not depend on addresses but for the order of what is equal.
 */
#ifndef TIDEMARK_LEAKS_H
#define TIDEMARK_LEAKS_H

#include <stdbool.h>
#include "components.h"
#include "graph.h"
#include "suppress.h"
#include "symbol/symbol.h"

enum leak_kind { LEAK_UNREFERENCED, LEAK_CYCLE, LEAK_INDIRECT, LEAK_POSSIBLE, LEAK_REACHABLE, LEAK_KINDS };
#define LEAK_IS_LOST(kind) ((kind) <= LEAK_INDIRECT)

/* What the groups are sorted by, the largest first. */
enum leaks_order { LEAKS_BY_RETAINED, LEAKS_BY_BLOCKS, LEAKS_BY_ITSELF, LEAKS_BY_LEAKS };

struct leaks_options {
	struct symbols *symbols;   /* of this snapshot; NULL: made, used and freed here */
	struct suppress *suppress; /* NULL: the built-in ones only */
	const uint32_t *weak_sites;
	size_t weak_count;           /* --weak */
	uint32_t skip_roots;         /* --roots: 1 << enum tide_root_kind that keep nothing alive */
	uint32_t since, until;       /* --since, --until: only births in (since, until]; until 0: no end */
	const bool *site_left_out;   /* [sites] --filter, --exclude; NULL: none */
	const bool *thread_left_out; /* [threads] thread: patterns of these; NULL: none */
	bool baseline;               /* ignore tide_freeze: count what lived before it, too */
	bool totals_only;            /* no groups and no retained sizes: cheaper */
	enum leaks_order order;
	bool live; /* retained sizes of possible and reachable records too: dearer */
};

struct leak_sum {
	uint64_t blocks, bytes;
};

/* Blocks of one kind from one site; records are sorted by kind, then retained bytes. */
struct leak_record {
	enum leak_kind kind;
	uint32_t site;
	uint64_t blocks, bytes;
	uint64_t retained_blocks, retained_bytes; /* what would go with them: themselves included */
	uint32_t group;                           /* where unreferenced or cycle; else GRAPH_NONE */
	uint32_t example;                         /* the oldest of these blocks */
	bool cyclic;                              /* some are members of a cycle */
	bool container;                           /* the cycle is within one data structure */
	bool self;                                /* some refer to themselves */
	int suppression; /* index in `suppress`; -1 none. Suppressed records come last */
};

/* Root leaks from one site, or root cycles with the same sites: a line of the report. */
struct leak_group {
	enum leak_kind kind;    /* LEAK_UNREFERENCED or LEAK_CYCLE */
	uint32_t site;          /* of the head */
	uint32_t head;          /* block: the head of the oldest of these */
	uint64_t roots;         /* root leaks or root cycles merged here */
	uint64_t blocks, bytes; /* the root leaks themselves; members of the cycles */
	uint64_t retained_blocks, retained_bytes;
	uint32_t sites;      /* distinct sites in one cycle */
	uint64_t nodes_most; /* members of the largest cycle */
	bool container, self;
	int suppression;
};

struct leaks {
	bool complete;
	char why[512]; /* what could not be determined; "" */
	struct leak_sum total[LEAK_KINDS];
	struct leak_sum lost; /* the first three */
	struct leak_sum suppressed;
	struct leak_sum before; /* lost blocks older than tide_freeze's baseline: in no other sum */
	struct leak_sum shared; /* indirect blocks that two or more groups hold: retained by none */
	uint64_t root_cycles, root_leaks;
	struct leak_record *records;
	size_t record_count;
	struct leak_group *groups;
	size_t group_count;        /* in their order: leaks_options */
	struct suppress *suppress; /* with use counts; `own_suppress`: freed by leaks_free */
	bool own_suppress;
	/* Intermediate results, for retained.h, declared.h and html. */
	struct graph graph;
	uint8_t *kind;      /* [blocks] enum leak_kind | LEAK_* below */
	uint32_t *group_of; /* [blocks] group of a root leak or cycle member; NULL with totals_only */
	struct components components; /* of lost blocks */
	uint32_t *same_site;          /* [sites] first of the sites that read the same: function by function,
					 * line by line (an unrolled loop calls from several addresses) */
};
#define LEAK_KIND_MASK 7u
#define LEAK_IN_CYCLE 8u
#define LEAK_SUPPRESSED 16u
#define LEAK_LEFT_OUT 32u /* not selected, LK3, or before the baseline */
#define LEAK_SELF 64u     /* refers to itself */

/* -1 with EXIT_UNMEASURED: the snapshot holds no references. */
int leaks_classify(
	const struct snapshot *s, const struct leaks_options *o, struct leaks *out, struct tide_error *e);
void leaks_free(struct leaks *l);

/* "retained", "blocks", "itself", "leaks". -1: none of these. */
int leaks_order_parse(const char *text, enum leaks_order *order);
/* What counts of a group in this order. */
uint64_t leaks_order_value(enum leaks_order order, uint64_t roots, uint64_t bytes, uint64_t retained_blocks,
	uint64_t retained_bytes);
const char *leaks_kind_name(enum leak_kind kind); /* "unreferenced" ... */
/* "1 root leak and 2 root cycles lose 12 blocks, 3.2 KiB" or "nothing is lost": without an end of line. */
char *leaks_summary(const struct leaks *l); /* to free */

#endif
