/* config.h - what the environment asks for, read once, without getenv.
 *
 * Names are TIDEMARK_*; README lists them. Unknown ones are ignored here and
 * reported by `tidemark run`.
 */
#ifndef TIDEMARK_CONFIG_H
#define TIDEMARK_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

struct config {
	uint32_t depth;			/* frames kept, 1..WALK_DEPTH_MAX; 64 */
	uint64_t sample;		/* mean bytes between samples; 0 = all */
	int32_t root;			/* pid that is followed whatever `children` says; 0 = any */
	bool references;		/* default of snapshots: with an image */
	bool watch;			/* TIDEMARK_EVERY or TIDEMARK_WHEN is set */
	bool verbose, at_exec, start_stopped;
	bool wipe;			/* wipe.h */
	char session[300];		/* folder of ledgers; "" = default */
	char collector[300];		/* path of the command; "" = next to the library */
	char children[300];		/* all | none | NAME[,NAME...] */
	char output[600];
	char oracle[300];		/* oracle.c: file for differences */
	char rounds[100];		/* mark that ends a round */
	char everything[4096];		/* all TIDEMARK_* lines, for the collector */
};
extern struct config config;

void config_read(char *const *environment);

/* Is a program of this name to be profiled, as a child? */
bool config_follows(const char *exe);

#endif
