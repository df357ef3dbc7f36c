/* config.h - what the environment asks for, read once, without getenv.
 *
 * `tidemark run` sets these variables from its options; a user who preloads the
 * library by hand sets them by hand, too (report/man/tidemark-environment.7). Numbers
 * take a suffix K, M or G; a switch is on unless it is empty or 0. Unknown variables
 * are ignored.
 *
 *   TIDEMARK_OUTPUT       pattern of snapshot names             --output
 *   TIDEMARK_DEPTH        frames kept per stack                 --depth
 *   TIDEMARK_SITES        sites before stacks are folded        --sites
 *   TIDEMARK_SAMPLE       mean bytes between samples            --sample
 *   TIDEMARK_REFERENCES   0: snapshots without an image         --no-references
 *   TIDEMARK_CHILDREN     all, none or NAME[,NAME...]           --children
 *   TIDEMARK_ROUNDS       name of the mark that ends a round    --rounds
 *   TIDEMARK_AT_EXEC      switch: a snapshot before each exec   --at-exec
 *   TIDEMARK_WIPE         switch: no stale pointers in blocks   --wipe
 *   TIDEMARK_PYTHON_OBJECTS   no: small objects are not blocks  --python-objects
 *   TIDEMARK_NO_COMMAND_LINE  switch: no arguments in snapshots --no-command-line
 *   TIDEMARK_VERBOSE      switch: keep the collector's stderr   --verbose
 *   TIDEMARK_STOPPED      switch: record from tide_start on
 *   TIDEMARK_COLLECTOR    path of the command; else it is next to the library
 *   TIDEMARK_SESSION      folder of the ledgers                 set by run only
 *   TIDEMARK_ROOT         pid of the program that run started   set by run only
 *   TIDEMARK_ORACLE       file for differences                  oracle.c only
 *   TIDEMARK_FAIL         system calls that fail                fail.c only
 *   TIDEMARK_FAIL_MARK                                          fail.c only
 *
 * The collector reads its own variables from the ledger (struct config,
 * everything): TIDEMARK_EVERY, TIDEMARK_WHEN, TIDEMARK_UNALIGNED,
 * TIDEMARK_POINTER_MASK, TIDEMARK_ROOTS, TIDEMARK_OVERWRITE, TIDEMARK_COMPRESS;
 * the command itself reads TIDEMARK_WRAPPERS.
 */
#ifndef TIDEMARK_CONFIG_H
#define TIDEMARK_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define CONFIG_SITES_BY_PROGRAM UINT64_MAX /* fold.h */

struct config {
	uint32_t depth;  /* frames kept, 1..WALK_DEPTH_MAX; 64 */
	uint64_t sites;  /* 0: stacks are never folded (fold.h) */
	uint64_t sample; /* mean bytes between samples; 0 = all */
	int32_t root;    /* pid that is always profiled, regardless of `children`; 0 = unset */
	bool references; /* default of snapshots: with an image */
	bool watch;      /* TIDEMARK_EVERY or TIDEMARK_WHEN is set */
	bool verbose, at_exec, start_stopped;
	bool wipe;            /* wipe.h */
	bool python_objects;  /* small objects of CPython are blocks */
	bool no_command_line; /* keep only the first of the program's arguments */
	char session[300];    /* folder of ledgers; "" = default */
	char collector[300];  /* path of the command; "" = next to the library */
	char children[300];   /* all | none | NAME[,NAME...] */
	char output[600];
	char oracle[300];      /* oracle.c: file for differences */
	char rounds[100];      /* mark that ends a round */
	char everything[4096]; /* all TIDEMARK_* lines, for the collector */
};
extern struct config config;

void config_read(char *const *environment);

/* Should a child that runs a program of this name be profiled? */
bool config_follows(const char *exe);

#endif
