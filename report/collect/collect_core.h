/* collect_core.h - a core as the collector sees a process. */
#ifndef TIDEMARK_COLLECT_CORE_H
#define TIDEMARK_COLLECT_CORE_H

#include "collect_process.h"
#include "process/core.h"
#include "process/image.h"

/* Memory and threads stay the core's. */
void collect_core_image(const struct core *c, struct image *im);
/* The ledger that there would have been; to be freed as any copy. */
void collect_core_ledger(const struct core *c, struct ledger_copy *copy);
/* SECTION_MAPPINGS, and what the process had of addresses. */
void collect_core_mappings(struct core *c, struct collect_process *p, struct snapshot_writer *w);
/* A line about files that the core needs and that are not to be had, to be freed; NULL: there are none. */
char *collect_core_missing(struct core *c);
/* A thread waited for events: the pointers that belong to them are the kernel's. */
bool collect_core_waits(const struct core *c);

#endif
