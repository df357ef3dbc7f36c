/* types_command.h - shared by the parts of `tidemark types`. */
#ifndef TIDEMARK_TYPES_COMMAND_H
#define TIDEMARK_TYPES_COMMAND_H

#include "print/json_report.h"
#include "print/options.h"
#include "print/screen.h"
#include "print/table.h"
#include "symbol/symbol.h"
#include "view/native_types.h"
#include "view/types_view.h"

struct types_command {
	struct options common;
	const char **files;
	size_t file_count;
	const char *file, *old_file, *prefix;
	bool show_static;
	bool together; /* --together: several processes, summed by type */
	struct snapshot snapshot, old;
	struct symbols *symbols;
	struct types_view view, old_view;
	struct native_types native;
};

void types_native_json(struct json_report *report, const struct types_command *c);
void types_native_screen(struct screen *s, const struct types_command *c);
void types_json(struct types_command *c);
void types_json_left(struct json *j, uint64_t objects, uint64_t references);

/* The numbers beside the live objects of a type: how many are not in order, in which way. */
#define TYPES_COUNTS 4u
struct types_count {
	const char *head;
	enum screen_style style;
	uint64_t (*count)(const struct types_row *r);
};

/* Adds up what is counted. */
static inline void types_counts_add(struct types_row *sum, const struct types_row *r)
{
	sum->excess_objects += r->excess_objects;
	sum->excess_references += r->excess_references;
	sum->unsure_objects += r->unsure_objects;
	sum->awaiting += r->awaiting;
	sum->pinned += r->pinned;
}

/* Those that there are in a sum of all rows. */
size_t types_counts(const struct types_row *sum, struct types_count counted[TYPES_COUNTS]);
/* Nothing for 0: most rows have none. */
void types_counts_cells(
	struct table *t, const struct types_count *counted, size_t counts, const struct types_row *r);
/* All of them, as members of an object. */
void types_counts_json(struct json *j, const struct types_row *r);
/* What may have been held by threads that did not survive a fork; nothing without them. */
void types_screen_left(struct screen *s, uint64_t left_objects, uint64_t left_references);
/* What waits for gc, `garbage` bytes with all that only it holds, and what a lost reference keeps. */
void types_screen_cycles(struct screen *s, const struct types_cycles *awaiting,
	const struct types_cycles *pinned, uint64_t garbage, bool disabled);
/* "" for builtins: Python itself leaves this one out. */
const char *types_screen_module(const char *module);
/* A note on the row, where most of the bytes are memory of C. */
void types_screen_native(struct table *t, const struct types_row *r);

/* -1 after a message when it could not be written. */
int types_screen(struct types_command *c);

#endif
