/* field.h - what a reference is called in the language of the program: `key "cache" of dict`, `Session::next_`,
 * `app.cache.head`.
 *
 * FN1 A field is only named where the type of what holds it is known: NULL is the answer in all other cases.
 */
#ifndef TIDEMARK_FIELD_H
#define TIDEMARK_FIELD_H

#include "block_types.h"

/* Of the word that edge `edge` is, in `block`. To be freed. */
char *field_text(const struct block_types *t, const struct snapshot *s, uint32_t block, uint64_t edge);
/* By its offset in a block of native code. */
char *field_at(const struct block_types *t, uint32_t block, uint64_t offset);
/* Of a word of a root. To be freed. */
char *field_root(
	const struct block_types *t, const struct snapshot *s, struct symbols *symbols, uint32_t root_edge);

#endif
