/* answer.h - questions of a program about its own references.
 *
 * tide_collect, tide_refcount, tide_referrers and tide_referents (shim/api.c) ask
 * through the ledger (query_kind, query_address); the collector answers in
 * LEDGER_ANSWERS instead of writing a file.
 */
#ifndef TIDEMARK_ANSWER_H
#define TIDEMARK_ANSWER_H

#include "shim/ledger.h"
#include "model/snapshot.h"

/* Takes the writer. The ledger is mapped writable and is `bytes` long; its content is not trusted. */
int answer_query(
	struct ledger_header *ledger, uint64_t bytes, struct snapshot_writer *w, struct tide_error *e);

#endif
