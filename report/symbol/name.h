/* name.h - shorter forms of a function's name, for readers. */
#ifndef TIDEMARK_NAME_H
#define TIDEMARK_NAME_H

#include <stdbool.h>

/* A C++ or Rust name without return type and parameters, and with `without_templates` also without
 * template arguments ("std::vector<>::push_back"). To be freed. */
char *name_function(const char *function, bool without_templates);

#endif
