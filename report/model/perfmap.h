/* perfmap.h - /tmp/perf-PID.map: names of code that was made at run time.
 *
 * Lines "START SIZE NAME", hexadecimal, in the order the code was made. The
 * collector copies the map into the snapshot; symbol.c looks frames up in it.
 *
 * P1  The file belongs to the program: nothing in it is trusted, a line that
 *     does not parse is skipped and counted. Only a regular file of the
 *     process's user (or root) is read, never through a symbolic link.
 * P2  Entries do not overlap and are sorted by address: where the program
 *     reused the space of code, the later line wins.
 */
#ifndef TIDEMARK_PERFMAP_H
#define TIDEMARK_PERFMAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "format.h"

struct snapshot_writer;

struct perfmap_entry {
	uint64_t address, bytes;
	const char *name;
};
struct perfmap {
	struct perfmap_entry *entries;
	size_t count, skipped;
	char *text; /* the names point into it */
};

/* The map of a process, dead or alive; of a live one looked for in its own /tmp and
 * pid namespace first. A file last written before `since_ns` (wall clock; 0: any) is
 * that of an earlier process with the number. Where there is no map, this returns
 * 0 with count 0. */
int perfmap_read_process(pid_t pid, uint64_t since_ns, struct perfmap *map, struct tide_error *e);
int perfmap_read(const char *path, uid_t owner, uint64_t since_ns, struct perfmap *map, struct tide_error *e);

/* Parses `bytes` of text, which is changed and must live as long as the map. */
void perfmap_parse(char *text, size_t bytes, struct perfmap *map);
void perfmap_free(struct perfmap *map);

/* Adds SECTION_PERF_MAP to a snapshot; nothing for an empty map. */
void perfmap_store(const struct perfmap *map, struct snapshot_writer *w);

/* The entry that covers an address, or NULL. */
const struct tide_jit *perfmap_find(const struct tide_jit *sorted, size_t count, uint64_t address);

#endif
