/* collect_core.h - a core as the collector sees a process. */
#ifndef TIDEMARK_COLLECT_CORE_H
#define TIDEMARK_COLLECT_CORE_H

#include "collect_process.h"
#include "process/core.h"
#include "process/image.h"

/* Memory and threads stay the core's. */
void collect_core_image(const struct core *c, struct image *im);
/* The ledger that the process would have had; to be freed like any copy. */
void collect_core_ledger(const struct core *c, struct ledger_copy *copy);
/* SECTION_MAPPINGS, and the size of the process's address space. */
void collect_core_mappings(struct core *c, struct collect_process *p, struct snapshot_writer *w);
/* A line about files that the core needs and that are missing, to be freed; NULL: all were found. */
char *collect_core_missing(struct core *c);
/* Did a thread wait for events? The pointers that belong to them are in the kernel. */
bool collect_core_waits(const struct core *c);

#endif
