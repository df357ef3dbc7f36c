/* core_private.h - what the parts of core.h share. */
#ifndef TIDEMARK_CORE_PRIVATE_H
#define TIDEMARK_CORE_PRIVATE_H

#include <elf.h>
#include "core.h"

#define CORE_HEADERS_MAX 64u /* program headers of a module */
#define CORE_ID_BYTES 20u    /* longest build id that counts */

/* A mapping of a file, as NT_FILE or the loader's list has it. */
struct core_range {
	uint64_t lo, hi, offset;
	const char *path;
	uint64_t inode; /* made from the path: equal paths have equal ones; never 0 */
};

enum core_file_state { CORE_FILE_UNKNOWN, CORE_FILE_OPEN, CORE_FILE_REFUSED };
struct core_file {
	uint64_t lo, hi; /* from its first mapping, where its header is, to the end of its segments */
	uint64_t inode;  /* of its mappings */
	const char *path;
	uint8_t id[CORE_ID_BYTES];
	size_t id_bytes;
	enum core_file_state state;
	const char *why; /* refused */
	int descriptor;
	uint64_t bytes;
};

/* The ELF header and the segments; *notes_at and *notes_bytes are where the notes lie. */
int core_segments_read(
	struct core *c, const char *path, uint64_t *notes_at, uint64_t *notes_bytes, struct tide_error *e);
/* The next memory at or above *from that is in the file; as remote_source.run. */
bool core_run(struct core *c, uint64_t *from, uint64_t *end, uint64_t to);
/* Reads what the core itself has; as remote_source.read. */
uint64_t core_read(const struct core *c, uint64_t address, void *to, uint64_t bytes);
const struct core_segment *core_segment_at(const struct core *c, uint64_t address);
/* Adds a reason to c->why. */
void core_doubt(struct core *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

uint64_t core_inode(const char *path);
/* Reads the notes in [offset, offset + bytes) of the file. Ranges are added to a growing list; their
 * paths lie in c->memory.text. */
void core_notes_read(struct core *c, uint64_t offset, uint64_t bytes, struct core_range **ranges,
	size_t *count, size_t *room);

/* Program headers of a module whose header is at `lo` in memory; their count. */
size_t core_headers(struct core *c, uint64_t lo, Elf64_Phdr *to);
/* Fills c->files from the mappings, and what may be done with mappings that no segment describes. */
void core_files_find(struct core *c);
/* Reads pages that the core does not have; as remote_source.read. */
uint64_t core_files_read(struct core *c, uint64_t address, void *to, uint64_t bytes);
/* May the pages at `address` come from a file? *end: up to where. */
bool core_files_hold(struct core *c, uint64_t address, uint64_t *end);
void core_files_close(struct core *c);

/* Mappings of modules by the loader's list. */
void core_links_read(struct core *c, struct core_range **ranges, size_t *count, size_t *room);

/* A compressed core (systemd's) as a file without a name. Returns the descriptor that replaces
 * `descriptor`; the same one when it is not compressed; -1 after an error. */
int core_unpack(int descriptor, const char *path, struct tide_error *e);

#endif
