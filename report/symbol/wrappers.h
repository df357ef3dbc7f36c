/* wrappers.h - which functions only allocate on behalf of their caller.
 *
 * One-line views and sites named by function start at the first line that is
 * none of these; full stacks show them. Names are compared plain (demangle.h):
 * without parameters and template arguments.
 *
 * The environment variable TIDEMARK_WRAPPERS adds names: globs, with commas
 * between: "my_alloc,pool_*,app::Arena::*".
 */
#ifndef TIDEMARK_WRAPPERS_H
#define TIDEMARK_WRAPPERS_H

#include <stdbool.h>

/* `function` as shown: demangled or a C name. */
bool wrappers_has(const char *function);

/* Of the C++ or Rust library: a container or smart pointer that works for its caller. */
bool wrappers_is_library(const char *function);

/* Further globs in the manner of TIDEMARK_WRAPPERS; the text is copied. */
void wrappers_add(const char *globs);

#endif
