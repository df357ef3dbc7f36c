/* symtab.h - functions of the executable that it does not export: its symbol table, from its file.
 *
 * A linker exports a function of an executable only if a library on its command line
 * refers to it, so a function that a program defines for a preloaded runtime is not in any
 * table that is loaded. Stripped executables do not have a symbol table.
 *
 * Threads, signals: uses nothing but system calls and its own stack. Fork: nothing to do.
 */
#ifndef TIDEMARK_SYMTAB_H
#define TIDEMARK_SYMTAB_H

/* Addresses of the functions of these names, NULL if not found. The names begin with
 * `prefix`, for which the text of the table is searched first. */
void symtab_find(const char *prefix, const char *const *names, void **addresses, unsigned count);

#endif
