/* native_private.h - the evidence that native.c puts together. */
#ifndef TIDEMARK_NATIVE_PRIVATE_H
#define TIDEMARK_NATIVE_PRIVATE_H

#include "native.h"

/* A quick look: aligned, and in file-backed memory that is not executable. */
bool vtable_may_be(struct remote *memory, uint64_t word);
/* The demangled name of the class whose address point this is, to be freed; NULL: not a vtable. */
char *vtable_class(struct remote *memory, uint64_t address);

#endif
