/* ledger.h - from a ledger (shim/ledger.h) to the sections of a snapshot.
 *
 *   ledger_copy_file ──▶ struct ledger_copy ──ledger_sections──▶ snapshot_writer
 *
 * The ledger is shared with a process that goes on, was killed, or is hostile.
 *
 * Q1  What is used is copied first; nothing is read twice from the shared file.
 * Q2  The copy's tables are as long as its counts say, its indices are checked,
 *     the parent of a node is an earlier node.
 */
#ifndef TIDEMARK_MODEL_LEDGER_H
#define TIDEMARK_MODEL_LEDGER_H

#include <stdbool.h>
#include "base/index.h"
#include "shim/ledger.h"
#include "snapshot.h"

struct ledger_copy {
	struct ledger_header header;
	void *table[LEDGER_TABLES];    /* NULL when empty */
	uint64_t count[LEDGER_TABLES]; /* elements that are there */
	uint64_t cut;                  /* elements the ledger claims and the file does not hold */
	uint64_t room;                 /* bytes that more tables may take */
};

/* Copies the used part of a ledger file. */
int ledger_copy_file(struct ledger_copy *c, const char *path, struct tide_error *e);
/* Of the tables those in `tables`, 1 << enum ledger_table_kind; the others are empty. */
int ledger_copy_descriptor(
	struct ledger_copy *c, int fd, uint32_t tables, const char *path, struct tide_error *e);
#define LEDGER_COPY_ALL (~0u)
/* Out of anything that can be read: bytes that could be read from an offset. */
typedef uint64_t ledger_read_at(void *context, void *to, uint64_t bytes, uint64_t offset);
int ledger_copy_from(struct ledger_copy *c, ledger_read_at *read_at, void *context, uint64_t bytes,
	const char *path, struct tide_error *e);
void ledger_copy_free(struct ledger_copy *c);
/* A string of the ledger; "" for a bad index. */
const char *ledger_string(const struct ledger_copy *c, uint32_t index);
/* Value of TIDEMARK_<name> in the options of the run; NULL when not set. */
char *ledger_option(const struct ledger_copy *c, const char *name);

/* Sections that are made from the ledger: all but process, coverage, blocks, roots, edges.
 * Indices are the ledger's: site i, frame i (node i), module i, thread i. */
struct ledger_made {
	struct tide_frame *frames; /* ledger_made_frame adds more */
	uint64_t frame_count, frame_room;
	struct index added_frames; /* those that ledger_made_frame added, by content */
	struct tide_module *modules;
	uint64_t module_count, module_capacity;
	struct tide_site *sites;
	uint64_t site_count, site_capacity;
	struct tide_thread *threads;
	uint64_t thread_count;
	struct tide_code *codes; /* by their numbers in the ledger */
	uint64_t code_count;
	struct tide_process process; /* what the ledger knows of it */
};
void ledger_sections(const struct ledger_copy *c, struct snapshot_writer *w, struct ledger_made *m);
/* A killed process does not note when it ended: take the last moment that it noted. */
void ledger_sections_dead(const struct ledger_copy *c, struct ledger_made *m);
/* SECTION_ERRORS. `dead`: the process ended in the middle of something, so a call that was under way is
 * what it died in. */
void ledger_sections_errors(const struct ledger_copy *c, struct snapshot_writer *w, bool dead);
/* The part of ledger_sections that sums counters: sites, totals, histograms, sites of threads. */
void ledger_counters(const struct ledger_copy *c, struct snapshot_writer *w, struct ledger_made *m);
/* Adds frames, modules, sites, threads and process as they then are. The writer
 * owns the arrays from then on. */
void ledger_sections_finish(struct ledger_made *m, struct snapshot_writer *w);
/* A frame more, called by `parent` (0: none); its number. Found or made. */
uint32_t ledger_made_frame(struct ledger_made *m, uint32_t parent, uint64_t address, uint32_t flags);
/* A module more; its number. */
uint32_t ledger_made_module(struct ledger_made *m, const struct tide_module *module);
/* SECTION_COVERAGE: missed.*, and what the caller adds. */
void ledger_coverage(const struct ledger_copy *c, struct snapshot_writer *w, const struct tide_value *more,
	size_t more_count);

#endif
