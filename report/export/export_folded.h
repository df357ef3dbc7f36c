/* export_folded.h - stacks as one line of text. */
#ifndef TIDEMARK_EXPORT_FOLDED_H
#define TIDEMARK_EXPORT_FOLDED_H

#include "export.h"
#include "export_frames.h"

/* "root;...;leaf" with the semicolons of names replaced by colons, and line ends by
 * blanks; long names are short ones (export_frames_name). To free. `names` begins as
 * EXPORT_FOLDED_NAMES and serves stack after stack. */
#define EXPORT_FOLDED_NAMES ((struct export_frames){ .make_key = export_folded_name })
char *export_folded_stack(struct export_frames *names, const struct export_stack *stack);
char *export_folded_name(const struct symbol_line *line);

#endif
