/* snapshot_private.h - shared by the parts that read and write .tide files.
 *
 *   snapshot_open.c    which reader a path needs
 *   snapshot_read.c    maps a file, checks its table, binds its sections
 *   snapshot_check.c   checks, once, what the sections say about each other
 *   snapshot_reader.c  memory of an open snapshot, and damage found in it
 *   snapshot_copy.c    sections of one file in another
 *   snapshot_write.c   makes files
 *   snapshot_patch.c   changes the process in one
 */
#ifndef TIDEMARK_SNAPSHOT_PRIVATE_H
#define TIDEMARK_SNAPSHOT_PRIVATE_H

#include <stdbool.h>
#include "base/fault.h"
#include "base/index.h"
#include "snapshot.h"

#define SNAPSHOT_ALIGN 64u /* sections start at multiples of this */
#define SNAPSHOT_SECTIONS_MAX 4096u

/* Memory for sections that cannot be used in place, because they are compressed or their elements have
 * another length: at most this much, and so many times the length of the file. The writer never
 * compresses further than SNAPSHOT_PACKED_MOST, so what it writes is always within the limit. */
#define SNAPSHOT_MEMORY_BASE (64ull << 20)
#define SNAPSHOT_MEMORY_SHARE 64u
#define SNAPSHOT_PACKED_MOST 32u
#define SNAPSHOT_PACKED_FREE                                                                                 \
	(1u << 20) /* sections up to this may be denser: the base has room for all kinds */

/* --- reading ------------------------------------------------------------------ */

struct snapshot_reader {
	/* What was read of a file that is cut off may be half a truth, and every check of an index is void: that ends
	 * the command. */
	struct fault_range fault;
	void *map;
	uint64_t map_bytes;
	uint64_t memory_left; /* bytes that sections may still take */
	void **owned;         /* sections that could not be used in place */
	size_t owned_count, owned_capacity;
	uint64_t seen; /* kinds that the table has named: 1 << kind */
	struct snapshot_later {
		const void *data;
		uint64_t bytes, checksum;
		const char *name;
	} later[8]; /* checksums that snapshot_verify looks at */
	size_t later_count;
	bool graph_checked;             /* snapshot_check_graph is done */
	struct snapshot_writer *writer; /* of snapshot_of_writer */
};

/* A .tide file; snapshot_open hands the path on. */
int snapshot_read_file(const char *path, struct snapshot *s, struct tide_error *e);
/* The section table; NULL when there is nothing that could be one. */
const struct tide_section *snapshot_read_table(
	struct snapshot *s, const struct snapshot_reader *r, uint32_t *count, struct tide_error *e);
/* A section, decoded; belongs to the reader. NULL: it cannot be, or takes more memory than is left. */
const void *snapshot_read_unpacked(struct snapshot_reader *r, const struct tide_section *t, const void *data);
/* Zeroed memory for a section, of what the snapshot may take. NULL: so much is not left. */
void *snapshot_reader_allocate(struct snapshot_reader *r, uint64_t count, uint64_t element);
/* Memory that lives as long as the snapshot. */
void *snapshot_reader_own(struct snapshot_reader *r, void *p);
bool snapshot_read_checksum(const void *data, uint64_t bytes, uint64_t checksum);
/* Notes damage. Only the first is kept: the others follow from it, as a rule. */
void snapshot_reader_damage(struct snapshot *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* After these, every index in the sections is below the number of elements that it counts, the parent of a
 * frame is an earlier frame, and rows of references lie one after the other (SN4). What breaks a rule is
 * mended or left out, and is damage. */
void snapshot_check(struct snapshot *s, struct snapshot_reader *r);
/* The same for blocks, roots and references. Reads all of them. */
void snapshot_check_graph(struct snapshot *s, struct snapshot_reader *r);

/* --- writing ------------------------------------------------------------------ */

struct writer_section {
	uint32_t kind, element_bytes;
	const void *data;
	uint64_t count;
	void *owned; /* data, when it was copied */
};

struct snapshot_writer {
	struct writer_section *sections;
	uint32_t section_count, section_capacity;
	char *strings; /* the string section in the making */
	uint64_t strings_bytes, strings_capacity;
	struct index interned;   /* strings by their texts; their numbers are their offsets */
	uint64_t compress_bytes; /* sections above are compressed; 0 = none */
	int compress_level;
};

/* The string section, as if it had been added like the others. */
struct writer_section snapshot_writer_strings(const struct snapshot_writer *w);
/* Starts the string section of a new writer with that of another snapshot: all
 * its offsets stay good. */
void snapshot_writer_strings_from(struct snapshot_writer *w, const char *strings, uint64_t bytes);

#endif
