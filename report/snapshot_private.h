/* snapshot_private.h - shared by snapshot_write.c and snapshot_read.c only. */
#ifndef TIDEMARK_SNAPSHOT_PRIVATE_H
#define TIDEMARK_SNAPSHOT_PRIVATE_H

#include "snapshot.h"

#define SNAPSHOT_ALIGN 64u		/* sections start at multiples of this */
#define SNAPSHOT_SECTIONS_MAX 4096u

struct writer_section {
	uint32_t kind, element_bytes;
	const void *data;
	uint64_t count;
	void *owned;			/* data, when it was copied */
};

struct writer_string;			/* interned: snapshot_write.c */

struct snapshot_writer {
	struct writer_section *sections;
	uint32_t section_count, section_room;
	char *strings;			/* the string section in the making */
	uint64_t strings_bytes, strings_room;
	struct writer_string *interned;
	uint64_t compress_bytes;	/* sections above are compressed; 0 = none */
	int compress_level;
};

/* The string section, as if it had been added like the others. */
struct writer_section snapshot_writer_strings(const struct snapshot_writer *w);
/* Starts the string section of a new writer with that of another snapshot: all
 * its offsets stay good. */
void snapshot_writer_strings_from(struct snapshot_writer *w, const char *strings, uint64_t bytes);

#endif
