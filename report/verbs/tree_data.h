/* tree_data.h - `tree` for programs. Nodes below `least` of inclusive[0] are left out. */
#ifndef TIDEMARK_TREE_DATA_H
#define TIDEMARK_TREE_DATA_H

#include <stdio.h>
#include "view/tree.h"

void tree_json(const struct tree *t, int64_t least, const struct snapshot *s, FILE *out);
void tree_csv(const struct tree *t, int64_t least, FILE *out);

#endif
