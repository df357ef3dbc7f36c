/* site_type.h - what the blocks of a site are, by the calls that made them.
 *
 * YT1 A frame of an allocator that was made for a type has that type among its template arguments: the frame
 *     of std::__new_allocator<Foo>::allocate is exact with any compiler. Of an array the type is its
 *     element's.
 * YT2 A line of the source counts where it is unambiguous: all that it allocates is of one type, in a file no
 *     newer than the program. `new T` counts only in functions outside namespaces and classes, since the
 *     names that are visible inside them are not known here.
 * YT3 Everything else has no type.
 */
#ifndef TIDEMARK_SITE_TYPE_H
#define TIDEMARK_SITE_TYPE_H

#include "symbol.h"

enum site_evidence { SITE_EVIDENCE_NONE, SITE_EVIDENCE_LINE, SITE_EVIDENCE_ALLOCATOR };

/* Reads each file of source once, and 64 MiB of them at most. */
struct site_types;
struct site_types *site_types_new(struct symbols *symbols);
void site_types_free(struct site_types *t);
/* To be freed; NULL where nothing is known. `text`, to be freed: the line of the call, for those who know more of the
 * names on it; NULL. */
char *site_types_find(struct site_types *t, uint32_t site, enum site_evidence *evidence, char **text);

/* The parts, for tests: by one function's name, and by one line of C or C++. */
char *site_type_of_function(const char *function);
char *site_type_of_line(const char *text, bool in_namespace);

/* What a line says that does not name its type as a whole. To be freed; NULL.
 * Of "list->items = malloc(n * sizeof *list->items)": "list->items". */
char *site_type_target_of_line(const char *line);
/* Of "next = new Node(n)": "Node", whatever scopes it is in. */
char *site_type_new_of_line(const char *line);

#endif
