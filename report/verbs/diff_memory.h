/* diff_memory.h - which part of the resident memory grew between two snapshots (`diff`). */
#ifndef TIDEMARK_DIFF_MEMORY_H
#define TIDEMARK_DIFF_MEMORY_H

#include "model/snapshot.h"
#include "print/json.h"
#include "print/screen.h"

/* A line of the head; nothing where one of the snapshots does not say. */
void diff_memory_screen(struct screen *s, const struct snapshot *old, const struct snapshot *new);
/* The member "resident"; null where one of them does not say. */
void diff_memory_json(struct json *j, const struct snapshot *old, const struct snapshot *new);

#endif
