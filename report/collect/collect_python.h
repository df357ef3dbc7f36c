/* collect_python.h - the objects of a Python interpreter, in the snapshot that is being taken.
 *
 * CY1  A process without Python is left as it is: all of this does nothing with NULL.
 */
#ifndef TIDEMARK_COLLECT_PYTHON_H
#define TIDEMARK_COLLECT_PYTHON_H

#include "blockmap.h"
#include "python/python.h"
#include "roots/references.h"

/* Adds the small objects that the block list does not have to it. NULL: there is no interpreter. To be freed by
 * python_free. */
struct python *collect_python_blocks(struct remote *m, struct blockmap *b);
/* Why stacks have no frames of Python, until the next call; NULL: they have them, or there is no Python. */
const char *collect_python_blind(const struct ledger_copy *c);
/* Names code objects as their classes and functions do, where the ledger could not. */
void collect_python_codes(
	struct python *p, const struct ledger_copy *c, struct snapshot_writer *w, struct ledger_made *made);
/* Marks which of the references count. */
void collect_python_words(struct python *p, struct references *g);

#endif
