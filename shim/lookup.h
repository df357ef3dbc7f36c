/* lookup.h - finds symbols in the hash tables of loaded modules, without dlsym.
 *
 * dlsym, dlvsym and dlerror live in libdl before glibc 2.34 and in libc from then
 * on, so a library that refers to them cannot run on both. They also allocate when
 * a name is missing, leave a message for the program's dlerror, and a program may
 * define a dlsym of its own. A lookup here reads memory and does nothing else.
 *
 * LU1  Modules are searched in the order of the loader's list. For what is loaded
 *     with the program this is the order in which references are bound.
 * LU2  As with dlsym, the default version of a symbol is found, an indirect function
 *     is resolved, and hidden symbols are passed over.
 * LU3  Only the namespace of the program is searched, and its vDSO is not.
 *
 * Threads, signals: a module may be unloaded by another thread while the list is
 * read, so these are for start-up and for what a dlclose itself needs. Fork:
 * nothing to do.
 */
#ifndef TIDEMARK_LOOKUP_H
#define TIDEMARK_LOOKUP_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

/* The definition that the program itself would be bound to, or NULL. */
void *lookup_first(const char *name);
/* The module with the first definition. A program that takes the address of a function may have a symbol with an
 * address, but no definition: lookup_first gives that address, as dlsym does. */
const struct link_map *lookup_owner(const char *name);
/* The next definition after this library's own, or NULL. */
void *lookup_next(const char *name);
/* The definition in one module; NULL if it does not define the name. */
void *lookup_in(const struct link_map *module, const char *name);
/* Does any module refer to a symbol of this name that it does not define? */
bool lookup_imported(const char *name);
/* Another number when a module has been loaded or unloaded. */
uint64_t lookup_modules(void);
/* As lookup_in, with the size given in the symbol. */
void *lookup_extent(const struct link_map *module, const char *name, uint64_t *bytes);
/* The loader's record of this library; NULL before the loader lists it. */
const struct link_map *lookup_self(void);

#endif
