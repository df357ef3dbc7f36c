/* symtab.h - functions of the executable that it does not export: its symbol table, from its file.
 *
 * A linker exports a function of an executable only where a library that it links asks for
 * it, so what a program defines for a runtime that is preloaded is in no table that is
 * loaded. Stripped executables have none.
 *
 * Threads, signals: uses nothing but system calls and its own stack. Fork: nothing to do.
 */
#ifndef TIDEMARK_SYMTAB_H
#define TIDEMARK_SYMTAB_H

/* Addresses of the functions of these names, NULL where there is none. The names begin with
 * `prefix`, for which the text of the table is searched first. */
void symtab_find(const char *prefix, const char *const *names, void **addresses, unsigned count);

#endif
