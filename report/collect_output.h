/* collect_output.h - where a snapshot goes.
 *
 * The pattern of the run (DESIGN 4: %e exe, %p pid, %n sequence, %t time, %%) relative
 * to the folder in which the program was started. So that several snapshots of one run
 * do not meet under one name, what the pattern lacks is put before ".tide":
 *
 *   %p  in processes other than the one that `run` started
 *   %n  in snapshots from which the program goes on
 */
#ifndef TIDEMARK_COLLECT_OUTPUT_H
#define TIDEMARK_COLLECT_OUTPUT_H

#include "ledger_read.h"

#define OUTPUT_DEFAULT "tidemark.%e.%p.tide"

/* To be freed. */
char *collect_output(const struct ledger_copy *c, uint32_t reason, uint32_t sequence);
/* `run` listens: a line in the file "snapshots" of its session folder, when there is one. */
void collect_announce(const char *ledger, int pid, uint32_t reason, int complete, const char *path);
/* The same for a snapshot that could not be written: complete is -1, the text stands for the path. */
void collect_announce_failure(const char *ledger, int pid, const struct tide_error *e);

#endif
