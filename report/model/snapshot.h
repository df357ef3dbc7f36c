/* snapshot.h - a snapshot in memory, and the way to and from the file.
 *
 * A reader maps the file and points into it: opening costs what is looked at.
 * Arrays are exactly the elements of format.h.
 *
 *   snapshot_open ──▶ struct snapshot ──▶ verbs
 *   ledger_open   ──▶ struct snapshot (post-mortem)
 *   collector     ──▶ struct snapshot_writer ──▶ file
 *
 * SN1 snapshot_open succeeds on a damaged file when something whole is left;
 *     then `damaged` is set, `damage` says what is missing, and the verb ends
 *     with EXIT_UNMEASURED after it has printed what there is.
 * SN2 A section that is absent has count 0 and a NULL pointer.
 * SN3 All memory belongs to the snapshot until snapshot_close.
 * SN4 What sections say about each other is checked when the file is opened, for blocks, roots and
 *     references by snapshot_verify: an index of an element is one that exists (or UINT32_MAX where
 *     format.h says so), the parent of a frame is an earlier frame, stacks are of a length that a
 *     program can have, rows of references do not overlap. Module, frame and site 0 always exist.
 */
#ifndef TIDEMARK_SNAPSHOT_H
#define TIDEMARK_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "format.h"

struct snapshot {
	const struct tide_process *process; /* never NULL after a successful open */
	const char *strings;
	size_t strings_bytes;
	const struct tide_value *values;
	size_t value_count;
	const struct tide_option *options;
	size_t option_count;
	const struct tide_warning *warnings;
	size_t warning_count;
	const struct tide_module *modules;
	size_t module_count;
	const struct tide_frame *frames;
	size_t frame_count;
	const struct tide_site *sites;
	size_t site_count;
	const struct tide_bin *sizes;
	size_t size_count;
	const struct tide_bin *lifetimes;
	size_t lifetime_count;
	const struct tide_birth *births;
	size_t birth_count;
	const struct tide_thread *threads;
	size_t thread_count;
	const struct tide_thread_site *thread_sites;
	size_t thread_site_count;
	const struct tide_point *timeline;
	size_t point_count;
	const struct tide_mark *marks;
	size_t mark_count;
	const struct tide_block *blocks;
	size_t block_count;
	const struct tide_root *roots;
	size_t root_count;
	const struct tide_root_edge *root_edges;
	size_t root_edge_count;
	const uint64_t *edge_starts;
	size_t edge_start_count;
	const struct tide_edge *edges;
	size_t edge_count;
	const struct tide_jit *jit;
	size_t jit_count;
	const struct tide_symbol *symbols;
	size_t symbol_count;
	const struct tide_mapping *mappings;
	size_t mapping_count;
	const struct tide_rounds *rounds;
	size_t rounds_count;
	const struct tide_count *counts;
	size_t count_count;
	const uint8_t *count_values;
	size_t count_value_count;
	const struct tide_misuse *misuses;
	size_t misuse_count;
	const struct tide_arena *arenas;
	size_t arena_count;
	const struct tide_region *regions;
	size_t region_count;
	const struct tide_pages *pages;
	size_t page_run_count;
	const struct tide_chunk *chunks;
	size_t chunk_count;
	const struct tide_thread_arena *thread_arenas;
	size_t thread_arena_count;
	const struct tide_duplicate *duplicates;
	size_t duplicate_count;
	const struct tide_spare *spare;
	size_t spare_count;
	const struct tide_native_type *native_types;
	size_t native_type_count;
	const struct tide_scanned_type *scanned_types;
	size_t scanned_type_count;
	const struct tide_layout *layouts;
	size_t layout_count;
	const struct tide_member *members;
	size_t member_count;
	const struct tide_variable *variables;
	size_t variable_count;
	const struct tide_code *codes;
	size_t code_count;
	const struct tide_type *types;
	size_t type_count;
	const struct tide_block_type *block_types;
	size_t block_type_count;
	const struct tide_owner *owners;
	size_t owner_count;
	const struct tide_value *python;
	size_t python_count;
	const struct tide_python_object *python_objects;
	size_t python_object_count;
	const struct tide_python_text *python_texts;
	size_t python_text_count;
	const struct tide_python_arena *python_arenas;
	size_t python_arena_count;
	const struct tide_python_place *python_places;
	size_t python_place_count;
	/* Not of the file: [edges] enum snapshot_unused, why a word that reads like a reference does
	 * not count as one (view/typed_scan.h); NULL: all count. */
	uint8_t *unused;
	uint8_t *
		typed; /* [blocks] 1: the type of the block says which of its words are pointers; NULL: of none */
	char *path;
	int damaged;
	char damage[256];
	void *private_; /* of snapshot_read.c / ledger_read.c */
};

enum snapshot_unused {
	UNUSED_NOT,
	UNUSED_PADDING,  /* it lies between the members of its object */
	UNUSED_TEXT_END, /* in the part of a std::string that holds nothing */
	UNUSED_SPARE,    /* in the part of a vector's or deque's memory that has no elements */
};

struct snapshot_writer;

/* Opens a .tide file, or the ledger of a process that is alive or dead. */
int snapshot_open(const char *path, struct snapshot *s, struct tide_error *e);
void snapshot_close(struct snapshot *s);

/* Checks what snapshot_open has put off: in a file above SNAPSHOT_EAGER_BYTES checksums
 * and content (SN4) of blocks, roots and edges. To be called before these are used; sets
 * `damaged`. Cheap when there is nothing to do. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define SNAPSHOT_EAGER_BYTES 2048u
#else
#define SNAPSHOT_EAGER_BYTES (64u << 20)
#endif
void snapshot_verify(struct snapshot *s);
/* Drops the pages that were read so far (MADV_DONTNEED); they are read again on demand. For
 * one-pass readers of large files. */
void snapshot_trim(const struct snapshot *s);
/* The same view of what a writer holds, without a file. Takes the writer. */
int snapshot_of_writer(struct snapshot_writer *w, struct snapshot *s, struct tide_error *e);

static inline enum snapshot_unused snapshot_unused(const struct snapshot *s, uint64_t edge)
{
	return s->unused ? (enum snapshot_unused)s->unused[edge] : UNUSED_NOT;
}

/* A string of the snapshot; "" for any bad offset. */
const char *snapshot_string(const struct snapshot *s, uint32_t offset);
/* A named coverage value; 0 when absent. */
uint64_t snapshot_value(const struct snapshot *s, const char *name);
/* A named number about Python; 0 when absent. */
uint64_t snapshot_python(const struct snapshot *s, const char *name);
/* Name of enum tide_reason as in the JSON contract ("exit", "post-mortem"...). */
const char *snapshot_reason(uint32_t reason);
/* -1 when it has no references: the error says why, and how to get a snapshot that has them. */
int snapshot_needs_references(const struct snapshot *s, struct tide_error *e);
/* "double-free" ..., as in the JSON contract; "new[]" ... of enum tide_function, "" where it is unknown. */
const char *snapshot_misuse(uint32_t kind);
const char *snapshot_function(uint32_t function);
/* What stands for the stack of a site that has none by design ("(inside a signal
 * handler)" ...): a site number below SITE_FIRST. NULL for all others. */
const char *snapshot_site_label(uint32_t site);

/* Are they of one process? One that was not prepared says when it started to 10 ms, and a number is not given to another
 * process within a second. */
bool snapshot_same_process(const struct tide_process *a, const struct tide_process *b);

/* The block that an address lies in, of blocks sorted by address; SNAPSHOT_NONE. Blocks of
 * no bytes are found at their start. */
#define SNAPSHOT_NONE UINT64_MAX
uint64_t snapshot_block_at(const struct tide_block *blocks, uint64_t count, uint64_t address);

/* Writing: add sections in any order, then finish. The file appears under its
 * name only when it is whole (temporary name in the same folder, mode 0600,
 * rename). A section's bytes must stay valid until finish unless `copy`. */
enum snapshot_keep { SNAPSHOT_KEEP, SNAPSHOT_COPY, SNAPSHOT_TAKE }; /* `copy`; TAKE: to be freed */
struct snapshot_writer *snapshot_writer_new(void);
uint32_t snapshot_writer_string(struct snapshot_writer *w, const char *s); /* interned */
void snapshot_writer_section(struct snapshot_writer *w, uint32_t kind, uint32_t element_bytes,
	const void *data, uint64_t count, int copy);
/* Takes over all sections of `s` (those this version does not know too) but of the
 * kinds whose bits are set in `except`, with their strings. To be called first, on a new
 * writer; `s` must stay open until finish. Fails on a snapshot that is damaged. */
int snapshot_writer_copy(
	struct snapshot_writer *w, struct snapshot *s, uint64_t except, struct tide_error *e);
int snapshot_writer_finish(struct snapshot_writer *w, const char *path, struct tide_error *e);
/* Puts `process` in place of the one in the file, which is of the same process; the rest of the file stays, and its
 * strings keep their offsets. False: the file is not of this version, or damaged, and stays as it is. */
bool snapshot_patch_process(const char *path, const struct tide_process *process);
/* The same, but a file that exists stays: "x.tide" becomes "x.1.tide", "x.2.tide" ...
 * The path taken (to be freed), or NULL. */
char *snapshot_writer_finish_unused(struct snapshot_writer *w, const char *path, struct tide_error *e);
/* Sections above `bytes` are stored compressed (zstd, `level`). Default: none. */
void snapshot_writer_compress(struct snapshot_writer *w, uint64_t bytes, int level);
void snapshot_writer_free(struct snapshot_writer *w);

#endif
