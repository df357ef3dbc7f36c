/* note.h - the build id in a segment of ELF notes.
 *
 * The segment is the program's and may hold anything: nothing outside it is
 * read, whatever lengths it states.
 */
#ifndef TIDEMARK_NOTE_H
#define TIDEMARK_NOTE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The id's bytes in the segment, and their number in *length, at most `most`; NULL if there is no id. */
static inline const uint8_t *note_build_id(const uint8_t *at, size_t bytes, uint32_t most, uint32_t *length)
{
	while (bytes >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr n;
		memcpy(&n, at, sizeof n);
		at += sizeof n;
		bytes -= sizeof n;
		uint64_t name = ((uint64_t)n.n_namesz + 3) & ~3ull,
			 content = ((uint64_t)n.n_descsz + 3) & ~3ull;
		if (name + content > bytes)
			break;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && n.n_descsz <= most
			&& memcmp(at, "GNU", 4) == 0) {
			*length = n.n_descsz;
			return at + name;
		}
		at += name + content;
		bytes -= name + content;
	}
	return NULL;
}

#endif
