/* collect_options.h - what a run has asked for, as its processes pass it on in their ledgers. */
#ifndef TIDEMARK_COLLECT_OPTIONS_H
#define TIDEMARK_COLLECT_OPTIONS_H

#include "model/ledger.h"
#include "process/image.h"

/* Is an option there, and not 0? */
bool collect_option_set(const struct ledger_copy *c, const char *name);
/* Are references wanted? */
bool collect_options_references(const struct ledger_copy *c);
/* What counts as a pointer, and the roots that are left out. */
void collect_options_image(const struct ledger_copy *c, struct image_options *o);
/* The sentence about roots that were left out; to free. */
char *collect_options_skipped(uint32_t roots);
/* Removes the program's arguments, because all strings of the ledger go into the snapshot. */
void collect_options_hide_command(struct ledger_copy *c);

#endif
