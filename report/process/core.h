/* core.h - the core file of a process as its memory and its threads.
 *
 *   core.c           opens it: mappings with their names, and the whole as a struct remote
 *   core_segments.c  what memory is in the file, and where
 *   core_notes.c     what the notes say: threads, files that were mapped, the kernel's vector
 *   core_files.c     pages that the core left out because they are in files
 *   core_links.c     modules by the loader's list, where the notes name no files
 *   core_unpack.c    compressed cores
 *
 * CO1 Nothing is read ahead of need: an open core costs its headers and notes.
 * CO2 Each size and offset in the file may be any number. What lies beyond the end of
 *     the file is missing (`missing_bytes`), and what is there is used.
 * CO3 A page that is not in the core comes from a file only when that is a regular file
 *     whose build id is the one that the process had in memory. Writable memory and
 *     files other than programs and libraries never come from anywhere else.
 * CO4 Segments do not overlap, and lie below 2^47.
 */
#ifndef TIDEMARK_CORE_H
#define TIDEMARK_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "remote.h"
#include "stop.h"

/* Memory, and how much of it the file has. */
struct core_segment {
	uint64_t lo, hi;
	uint64_t offset, bytes; /* bytes may be less than hi - lo, and 0 */
	uint32_t flags;         /* PF_* */
};

struct core_file;
struct core {
	int descriptor;
	uint64_t file_bytes;
	struct core_segment *segments; /* by address */
	size_t segment_count;
	struct core_file *files; /* programs and libraries that were mapped, by address */
	size_t file_count;
	uint64_t run_lo, run_hi; /* memory that was seen to be in the file */

	struct remote memory;
	struct stop stop; /* all threads, with their registers */
	int pid;
	uint32_t user;
	int signal;         /* that ended the process; 0: none */
	char name[17];      /* pr_fname */
	char command[81];   /* pr_psargs: the first 80 bytes of the command line */
	const char *exe;    /* path of the program; "" unknown */
	int64_t written_ns; /* when the core was last written, since 1970 */
	uint64_t entry, headers, header_count, base, vdso; /* AT_*; 0 unknown */
	uint64_t program;       /* AT_EXECFN: a path, on the stack of the first thread */
	bool has_files;         /* NT_FILE is there */
	uint64_t missing_bytes; /* promised by the headers, beyond the end of the file */
	char why[512];          /* what is not known; "" = all is there */
};

/* 0, or -1 when this core cannot be used: not a core, of another machine, of a program
 * without a loader, too short. core_close is safe afterwards. */
int core_open(struct core *c, const char *path, struct tide_error *e);
void core_close(struct core *c);

/* A program or library whose file could not be used, `at` = 0, 1...; NULL: there are no more. */
const char *core_file_missing(struct core *c, size_t at, const char **why);

#endif
