/* source_root.h - files of the debug information as paths in a source tree.
 *
 * Where the program was built and where its sources are looked at are often
 * different places: a container, a CI job, a package build. A file belongs to a
 * root when it lies below it, or when the end of its path is a file there; of
 * several ends the longest counts. Results are kept: asking twice costs a hash.
 *
 *   root /home/me/app     /builds/42/app/src/db/page.c  ->  src/db/page.c
 */
#ifndef TIDEMARK_SOURCE_ROOT_H
#define TIDEMARK_SOURCE_ROOT_H

#include <stddef.h>

struct source_root;

/* Roots are asked in the order given; NULL and "" are passed over. */
struct source_root *source_root_new(const char *const *folders, size_t count);
void source_root_free(struct source_root *r);

/* The path relative to the first root that has the file; NULL when none has.
 * The string lives as long as `r`. */
const char *source_root_relative(struct source_root *r, const char *file);

/* For printing: the relative path where there is one, else the file as it is. */
const char *source_root_path(struct source_root *r, const char *file);

#endif
