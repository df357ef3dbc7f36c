/* suppress_mangled.h - patterns of linker names, "_ZN3foo3ba*", made patterns of readable names.
 *
 * Valgrind's suppressions are matched with linker names; stacks here have readable ones. What the
 * pattern says of parameters and template arguments is dropped: names are compared without.
 */
#ifndef TIDEMARK_SUPPRESS_MANGLED_H
#define TIDEMARK_SUPPRESS_MANGLED_H

#include <stddef.h>

/* "foo::ba*" in `out`; 0 when the pattern is not a linker name of C++, or not understood;
 * 2 when names within that one match as well: "_ZN3foo*" is foo, and foo::f. */
int suppress_mangled(const char *pattern, char *out, size_t bytes);

#endif
