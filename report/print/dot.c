/* dot.c - see dot.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/text.h"
#include "dot.h"

#define LABEL_BYTES 1000u /* Graphviz reads strings up to 16384 bytes, and nobody reads longer ones */

void dot_text(FILE *out, const char *text)
{
	size_t bytes = strlen(text);
	char *clean = alloc_printf("%.*s%s", (int)(bytes < LABEL_BYTES ? bytes : LABEL_BYTES), text,
		bytes > LABEL_BYTES ? "..." : "");

	text_clean(clean);
	for (const char *c = clean; *c; c++) {
		if (*c == '"' || *c == '\\')
			putc('\\', out);
		putc(*c, out);
	}
	free(clean);
}
