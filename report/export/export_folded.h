/* export_folded.h - stacks as one line of text. */
#ifndef TIDEMARK_EXPORT_FOLDED_H
#define TIDEMARK_EXPORT_FOLDED_H

#include "export.h"

/* "root;...;leaf" with the semicolons of names replaced by colons, and line ends by
 * blanks. To free. */
char *export_folded_stack(const struct export_stack *stack);

#endif
