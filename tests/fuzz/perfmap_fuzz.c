/* Fuzzes the reader of perf maps; what comes out must be sorted and apart. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report/model/perfmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char *text = malloc(bytes + 1);
	struct perfmap map;

	memcpy(text, data, bytes);
	perfmap_parse(text, bytes, &map);
	for (size_t i = 0; i < map.count; i++) {
		const struct perfmap_entry *e = &map.entries[i];

		if (e->bytes == 0 || e->address + e->bytes < e->address || strlen(e->name) == 0)
			abort();
		if (i && e[-1].address + e[-1].bytes > e->address)
			abort();
	}
	perfmap_free(&map);
	free(text);
	return 0;
}
