/* line_types.h - types by a line of source whose names only debug information explains. Private to view/.
 *
 * LY1 "x->all = malloc(n * sizeof *x->all)" allocates what x->all points to, by the variables of the function that the
 *     call is in. Where it has several variables of that name, of different types, nothing is known.
 * LY2 "new Node" in "net::List::add" is net::List::Node, net::Node or Node: it is known where one of them alone is
 *     defined, and one object of it has the size of the block.
 */
#ifndef TIDEMARK_LINE_TYPES_H
#define TIDEMARK_LINE_TYPES_H

#include "members/members.h"

/* `text`: the line of the call that made the blocks of the site; `size`: that of one of them. 0: not known. */
uint32_t line_types_find(struct members *m, const struct snapshot *s, struct symbols *y, uint32_t site,
	const char *text, struct members_size size);

#endif
