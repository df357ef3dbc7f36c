/* elf_probe.h - what a program is, and whether it can be profiled.
 *
 * Reads the file only; nothing is executed. Used by `run` (one line before the
 * program starts) and by `doctor`.
 *
 * EP1 The file that is judged is the one the kernel maps in the end: scripts are
 *     followed through `#!`, also through `#!/usr/bin/env NAME`.
 * EP2 Nothing in the file is trusted: a damaged ELF file is an obstacle, not a crash.
 * EP3 All strings belong to the probe until elf_probe_free.
 */
#ifndef TIDEMARK_ELF_PROBE_H
#define TIDEMARK_ELF_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"

struct elf_probe {
	char *path;         /* of the ELF file that runs */
	char *script;       /* the script that led to it; NULL when there was none */
	bool elf;           /* false: neither ELF nor a script; nothing below is set */
	bool other_machine; /* not x86-64 */
	bool bits32;
	bool is_static;  /* no program interpreter: no dynamic loader, nothing is preloaded */
	bool library;    /* a shared object, not a program */
	bool pie;        /* says that it is a program that loads at any address (DF_1_PIE) */
	bool privileged; /* the kernel makes the loader ignore LD_PRELOAD (for this user) */
	bool musl;       /* a loader other than glibc's: `loader` says which */
	bool foreign_loader;
	bool own_malloc;             /* defines malloc itself: calls do not leave the program */
	bool symbols;                /* has a symbol table (.symtab) */
	bool debug_info;             /* has DWARF inside */
	bool unwind_table;           /* has .eh_frame_hdr: its frames can be walked */
	bool go;                     /* made by Go's compiler: its heap is not malloc's */
	bool python;                 /* CPython is inside */
	bool without_gil;            /* it is a build of CPython without the GIL, 3.13 or later */
	char *loader;                /* PT_INTERP; NULL when static */
	const char *inner_allocator; /* "jemalloc", "tcmalloc", "mimalloc" found inside; NULL */
	const char *sanitizer;       /* "AddressSanitizer"..., whose allocator must come first; NULL */
	char *linked_allocator;      /* first NEEDED library that is an allocator; NULL */
	char *build_id;              /* hex; "" when there is none */
	char *debug_link;            /* file name in .gnu_debuglink; NULL */
	char **needed;               /* DT_NEEDED names */
	size_t needed_count;
	char *rpath, *runpath; /* DT_RPATH, DT_RUNPATH; NULL */
	char *audit;           /* DT_AUDIT or DT_DEPAUDIT: code that runs before the program; NULL */
	char obstacle[512];    /* "" when there is none */
};

/* Finds `program` as execvp does and reads it. 0; or -1 with e->code 127 (there is
 * no such program) or 126 (it is there and cannot be executed). Whatever it
 * returned, elf_probe_free is safe afterwards. */
int elf_probe(const char *program, struct elf_probe *p, struct tide_error *e);
void elf_probe_free(struct elf_probe *p);
/* As elf_probe, of a file as it is, such as a library. */
void elf_probe_file(const char *path, struct elf_probe *p);

/* One line that says why it cannot be profiled and what to do; NULL when it can. */
const char *elf_probe_obstacle(const struct elf_probe *p);

/* Where DWARF of this file can be found on this machine: the file itself, or a
 * separate file by build id or debug link below `root` ("/usr/lib/debug" when NULL).
 * The caller frees; NULL when there is none. */
char *elf_probe_debug_file(const struct elf_probe *p, const char *root);

#endif
