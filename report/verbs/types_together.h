/* types_together.h - the types of several processes, summed. Private to the parts of `types`. */
#ifndef TIDEMARK_TYPES_TOGETHER_H
#define TIDEMARK_TYPES_TOGETHER_H

#include "types_command.h"

/* Sites of several processes with one key, and values with one text. */
struct together_site {
	uint64_t key, objects;
	size_t process; /* whose stack is shown */
	uint32_t site;
};

struct together_value {
	char *text;
	uint64_t objects;
};

struct together_row {
	struct types_row sum;         /* its sites and values are not used; verdict: the worst of all */
	size_t processes, last;       /* how many have it; the last one, + 1 */
	struct together_site *site;   /* commonest first, at most TYPES_VIEW_TOP */
	struct together_value *value; /* as these */
	size_t site_count, value_count;
};

struct together_native {
	const char *type, *language;
	uint64_t blocks, bytes, lost_blocks;
	size_t processes, last;
};

struct types_together {
	struct types_command *process; /* one of each file */
	size_t count;
	struct together_row *row; /* worst first, then by bytes */
	size_t row_count, row_room;
	struct together_native *native; /* most bytes first */
	size_t native_count, native_room;
	struct index rows, natives;
	size_t with_python, leaking; /* processes */
	uint64_t leaked_types, leaked_objects, leaked_references;
	uint64_t left_objects, left_references;
	struct types_cycles awaiting, pinned;
	uint64_t garbage_bytes;
	uint64_t native_bytes, typed_bytes;
};

/* Why the objects of a process are not in the sums; NULL: they are. */
const char *types_together_missing(const struct snapshot *s);
void types_together_sum(struct types_together *t);
void types_together_free(struct types_together *t);
/* In types_together_print.c; -1 after a message when it could not be written. */
int types_together_screen(struct types_together *t, const struct options *o);
void types_together_json(struct types_together *t, const struct options *o);

#endif
