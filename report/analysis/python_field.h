/* python_field.h - the place of a word in a Python object, as a Python programmer calls it.
 *
 * HF1  A place is only named where the snapshot proves it: a key where a str lies beside a value that is not
 *      a str itself. NULL is the answer in all other cases.
 */
#ifndef TIDEMARK_PYTHON_FIELD_H
#define TIDEMARK_PYTHON_FIELD_H

#include "model/snapshot.h"

/* "Session"; of what belongs to an object that object's type. NULL: not Python's. */
const char *python_field_type(const struct snapshot *s, uint32_t block);
/* The stored reference count of the object in a block; -1: there is not one, or it never dies. */
int64_t python_field_stored(const struct snapshot *s, uint32_t block);
/* `element 3 of list`, `key "cache" of dict`, `type of Session`: of the word that edge `edge` is, in `block`. To
 * be freed; NULL: not known. */
char *python_field_text(const struct snapshot *s, uint32_t block, uint64_t edge);

#endif
