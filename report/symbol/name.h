/* name.h - shorter forms of a function's name, for readers. */
#ifndef TIDEMARK_NAME_H
#define TIDEMARK_NAME_H

#include <stdbool.h>
#include "symbol.h"

/* The name of a line for readers: of Python code with its class or function, where that is known. */
const char *name_shown(const struct symbol_line *line);
/* The same, shorter: a Python name without ".<locals>" where `without_templates`, others by name_function. To be
 * freed. */
char *name_line(const struct symbol_line *line, bool without_templates);

/* Behind "std::", and behind the inline namespace that libc++ has in it: its own, Android's, Chromium's. NULL: the name
 * begins with something else. */
const char *name_behind_std(const char *name);
/* "std::vector<int>" of "std::__1::vector<int>", and "f" of "f[abi:v15007]": as the source has it. To be freed. */
char *name_without_inline(const char *name);

/* A C++ or Rust name without return type and parameters, and with `without_templates` also without
 * template arguments and inline namespaces ("std::vector<>::push_back"). To be freed. */
char *name_function(const char *function, bool without_templates);

#endif
