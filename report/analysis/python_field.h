/* python_field.h - what a word in a Python object, or a root, is to a Python programmer.
 *
 * HF1  A place is only named where the snapshot proves it: NULL is the answer in all other cases.
 * HF2  A table (items of a list, keys of a dict) belongs to its object: its words are named as the object's.
 */
#ifndef TIDEMARK_PYTHON_FIELD_H
#define TIDEMARK_PYTHON_FIELD_H

#include <stdbool.h>
#include "model/snapshot.h"

/* "Session"; of what belongs to an object that object's type. NULL: not Python's. */
const char *python_field_type(const struct snapshot *s, uint32_t block);
/* The block of the object that a block is or belongs to; itself where it is not Python's. */
uint32_t python_field_object(const struct snapshot *s, uint32_t block);
/* id() of the object in a block; 0: there is not one. */
uint64_t python_field_id(const struct snapshot *s, uint32_t block);
/* "module app", "dict of module app", "function handler"; NULL. */
const char *python_field_label(const struct snapshot *s, uint32_t block);
/* The stored reference count of the object in a block; -1: there is not one, or it never dies. */
int64_t python_field_stored(const struct snapshot *s, uint32_t block);
/* `element 3 of list`, `key "cache" of dict`, `dict of module app, key "cache"`, `attribute mine of Session`: of the
 * word that edge `edge` is, in `block`. To be freed; NULL: not known. */
char *python_field_text(const struct snapshot *s, uint32_t block, uint64_t edge);
/* `element of list` of `element 3 of list`, and `key of dict`; keys of modules stay: they are names of variables. */
void python_field_without_numbers(char *text);
/* `frame worker line 41, local buf`: of a word of a root; NULL. */
const char *python_field_root(const struct snapshot *s, const struct tide_root_edge *e);
/* Where a Python programmer begins to look: blocks of the dicts of modules, that of the program first, and edges from
 * frames that run. Both to be freed. */
struct python_starts {
	uint32_t *block, *edge;
	uint32_t blocks, edges;
};
void python_field_starts(const struct snapshot *s, struct python_starts *to);
/* "app", for the label "dict of module app"; NULL. */
const char *python_field_module(const char *label);
/* Whether the label is that of a frame which runs. */
bool python_field_runs(const char *label);
/* Whether the edge is a link of the collector: the program has no such reference. */
bool python_field_is_link(const struct snapshot *s, uint32_t block, const struct tide_edge *e);

#endif
