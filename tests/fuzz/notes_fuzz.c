/* Fuzzes the search for a build id in ELF notes, as the library does it in the
 * memory of programs. The notes end where readable memory does. */
#include <stdlib.h>

#include "shim/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	uint8_t *copy = malloc(bytes);
	uint32_t length = 0;
	const uint8_t *id;
	unsigned sum = 0;

	memcpy(copy, data, bytes);
	id = note_build_id(copy, bytes, 32, &length);
	if (id && (length > 32 || id < copy || id + length > copy + bytes))
		abort();
	for (uint32_t i = 0; id && i < length; i++)
		sum += id[i];
	__asm__ volatile("" : : "r"(sum));
	free(copy);
	return 0;
}
