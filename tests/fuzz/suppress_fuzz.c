/* Fuzzes the reader of suppressions, and matches what it read against a stack. */
#include <stdint.h>
#include <string.h>

#include "report/analysis/suppress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct suppress *s = suppress_new();
	struct tide_error e;
	struct symbol_line line[3];

	memset(line, 0, sizeof(line));
	for (int i = 0; i < 3; i++) {
		line[i].function = i ? "parse_value" : "xmalloc";
		line[i].file = "src/json.c";
		line[i].module = "/usr/lib/libjson.so";
		line[i].line = 12;
	}
	suppress_parse(s, "fuzz", (const char *)data, bytes, &e);
	suppress_match(s, SUPPRESS_LOST | SUPPRESS_POSSIBLE | SUPPRESS_REACHABLE, line, 3);
	suppress_free(s);
	return 0;
}
