/* counted.h - the graph of a program with Python by the references that it counts: who holds what. */
#ifndef TIDEMARK_COUNTED_H
#define TIDEMARK_COUNTED_H

#include "graph.h"

/* A copy without the words that Python does not count, as links of its collector and weak references, and without
 * references to what belongs to another object. What may be old counts as a reference to the interior does; words of
 * roots count where the references between objects do not explain the count. To be freed as `from` is. */
void counted_graph(struct graph *to, const struct graph *from);

#endif
