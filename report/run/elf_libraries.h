/* elf_libraries.h - the libraries that a program would load, found without the loader.
 *
 * The loader of a hostile program, and the auditing libraries it names, are code of that
 * program. So its libraries are looked for in files here: DT_NEEDED, breadth first, by
 * DT_RPATH, LD_LIBRARY_PATH, DT_RUNPATH, ld.so.cache and the usual folders (ld.so(8)).
 *
 * EL1 Nothing is executed. Every file is read as elf_probe.h reads it, and not trusted.
 * EL2 Folders of glibc-hwcaps are not searched: their libraries have the same names and
 *     call the same functions.
 */
#ifndef TIDEMARK_ELF_LIBRARIES_H
#define TIDEMARK_ELF_LIBRARIES_H

#include <stddef.h>
#include "symbol/elf_probe.h"

struct elf_libraries {
	char **path; /* in the order of loading */
	size_t count, capacity;
	char *missing;   /* the first that was not found; NULL */
	char *wanted_by; /* the file that needs it */
};

void elf_libraries_find(const struct elf_probe *program, struct elf_libraries *l);
void elf_libraries_free(struct elf_libraries *l);

#endif
