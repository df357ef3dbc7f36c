/* symbol_files.h - which files a program's debug information may lead to. Private to symbol/.
 *
 * A program names other files: its debug file, and the other halves of split units. libdw
 * opens what is there, whatever it is, and unfolds what is compressed, however long it gets.
 *
 * SF1  Only regular files are opened (base/ordinary.h).
 * SF2  A debug file beside the program has its build id, or the checksum of its debug link.
 *      Supplements (.gnu_debugaltlink) are looked for below /usr/lib/debug only.
 * SF3  Compressed sections may unfold to 64 MiB and 32 times the length of their file; and so may
 *      .gnu_debugdata, together with what is compressed in the file that it holds.
 */
#ifndef TIDEMARK_SYMBOL_FILES_H
#define TIDEMARK_SYMBOL_FILES_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>

/* The debug file of `file` in its folder or in .debug below it: a descriptor, and its path in
 * `found`, to be freed; or -1. `link` may be NULL: then it is called FILE.debug. */
int symbol_files_debug(
	Dwfl_Module *module, const char *file, const char *link, uint32_t checksum, char **found);
/* Whether what is compressed in a file may be unfolded (SF3). */
bool symbol_files_unfold(Elf *elf);
/* Whether its .gnu_debugdata may be unpacked; true where there is none. */
bool symbol_files_unpack(Elf *elf);
/* Keeps libdw from a supplement that is elsewhere than SF2 says. `file` is the path of the file with the DWARF. */
void symbol_files_supplement(const char *file, Dwarf *dwarf);
/* Whether the other half of a split unit may be looked for. `program` is the path of its file. */
bool symbol_files_split(const char *program, Dwarf_Die *unit);

#endif
