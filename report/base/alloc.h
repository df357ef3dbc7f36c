/* alloc.h - memory that is there, or the command ends.
 *
 * When memory runs out, the command prints one line and exits with EXIT_UNMEASURED,
 * so the code of the verbs has no checks for it. The collector uses these functions
 * too: it is a process of its own, and its end is counted as a snapshot not taken.
 */
#ifndef TIDEMARK_ALLOC_H
#define TIDEMARK_ALLOC_H

#include <stdint.h>

/* Each result is to be freed with free(). */
void *alloc_bytes(uint64_t bytes);
void *alloc_zeroed(uint64_t count, uint64_t size);
void *alloc_resize(void *p, uint64_t bytes);
/* As alloc_resize; a product that does not fit in 64 bits counts as memory that is not there. */
void *alloc_resize_array(void *p, uint64_t count, uint64_t size);
char *alloc_string(const char *s);
/* Makes the list "a, b" longer by `item`, and frees `list`, which may be NULL. */
char *alloc_listed(char *list, const char *between, const char *item);
char *alloc_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
