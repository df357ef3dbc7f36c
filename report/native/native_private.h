/* native_private.h - the evidence that native.c puts together. */
#ifndef TIDEMARK_NATIVE_PRIVATE_H
#define TIDEMARK_NATIVE_PRIVATE_H

#include "native.h"

/* A quick look: aligned, and in memory that a file backs and nobody executes. */
bool vtable_may_be(struct remote *memory, uint64_t word);
/* The class whose address point this is, demangled, to be freed; NULL: not a vtable. */
char *vtable_class(struct remote *memory, uint64_t address);

#endif
