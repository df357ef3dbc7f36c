/* collect_threads.h - which threads of the snapshot are alive, and what is known of their registers. */
#ifndef TIDEMARK_COLLECT_THREADS_H
#define TIDEMARK_COLLECT_THREADS_H

#include "model/ledger.h"
#include "process/stop.h"

/* Adds what the stop has found to the threads in `made`. */
void collect_threads(const struct stop *stop, struct ledger_made *made);

#endif
