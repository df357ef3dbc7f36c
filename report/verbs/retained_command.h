/* retained_command.h - shared by the parts of `tidemark retained`. */
#ifndef TIDEMARK_RETAINED_COMMAND_H
#define TIDEMARK_RETAINED_COMMAND_H

#include "analysis/retained.h"
#include "analysis/unsure.h"
#include "print/options.h"
#include "symbol/symbol.h"
#include "view/block_types.h"

/* All objects of a type; the last two are of Python: the dict of a module, what one variable leads to. */
enum retained_kind {
	RETAINED_ROOT,
	RETAINED_SITE,
	RETAINED_BLOCK,
	RETAINED_TYPE,
	RETAINED_MODULE,
	RETAINED_VARIABLE,
	RETAINED_KINDS
};
extern const char *const retained_rows_kind[RETAINED_KINDS];

struct retained_arguments {
	struct options common;
	const char *file, *old_file, *drop, *weak;
	bool by[RETAINED_KINDS], by_given;
};

struct retained_row {
	enum retained_kind kind;
	uint32_t which; /* root, site, block, type; of modules and variables the block */
	struct leak_sum own, retained;
	int64_t grown_bytes, grown_blocks; /* since the older snapshot */
	char *name;                        /* of modules, variables and types of native code */
};

struct retained_command {
	const struct retained_arguments *a;
	bool by[RETAINED_KINDS];
	struct snapshot snapshot;
	struct symbols *symbols;
	struct leaks leaks;
	struct retained retained;
	struct unsure unsure;
	struct retained_row *rows;
	size_t count, room;
	struct leak_sum drop, drop_own;
	uint32_t *child_first, *child; /* of the tree of dominators, once it was asked for */
	bool typed;
	struct block_types types; /* once they were asked for */
};

/* Fills t->rows, the largest first. */
int retained_rows_find(struct retained_command *t, struct tide_error *e);
bool retained_rows_have_site(const struct retained_row *r);
uint32_t retained_rows_site(const struct retained_command *t, const struct retained_row *r);
/* What a row is called that has no place of its own; to be freed. NULL: it has one. */
char *retained_rows_name(const struct retained_command *t, const struct retained_row *r);

/* What has grown since `old`, the most first; what has not is removed. */
void retained_growth_find(struct retained_command *t, struct retained_command *old);

/* What all blocks are; found once. */
const struct block_types *retained_way_types(struct retained_command *t);
/* What a block or a variable of Python is; NULL: not known, or the row is of another kind. */
const char *retained_way_type(struct retained_command *t, const struct retained_row *r);
/* How most of what a block or a variable of Python retains is held: "attribute handlers of Logger > element 0 of list",
 * "Server::sessions_". To be freed; NULL: directly. */
char *retained_way_text(struct retained_command *t, const struct retained_row *r);

void retained_json(struct retained_command *t);
void retained_csv(const struct retained_command *t);
/* -1 after a message when it could not be written. */
int retained_screen(struct retained_command *t);

#endif
