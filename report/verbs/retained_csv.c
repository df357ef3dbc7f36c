/* retained_csv.c - `retained` as CSV. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "model/root_kinds.h"
#include "print/csv.h"
#include "retained_command.h"

void retained_csv(const struct retained_command *t)
{
	size_t rows = options_rows(&t->a->common, SIZE_MAX);

	puts("kind,root,name,address,blocks,bytes,retained_blocks,retained_bytes,function,file,line,module");
	for (size_t i = 0; i < t->count && i < rows; i++) {
		const struct retained_row *r = &t->rows[i];
		const struct symbol_line *line =
			retained_rows_have_site(r) ? symbols_top(t->symbols, retained_rows_site(t, r)) : NULL;
		char *name = retained_rows_name(t, r);

		printf("%s,%s,", retained_rows_kind[r->kind],
			r->kind == RETAINED_ROOT ? root_kind_name(t->snapshot.roots[r->which].kind) : "");
		csv_text(stdout, name);
		free(name);
		putchar(',');
		if (r->kind == RETAINED_BLOCK || r->kind == RETAINED_MODULE || r->kind == RETAINED_VARIABLE)
			printf("0x%" PRIx64, t->snapshot.blocks[r->which].address);
		printf(",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", r->own.blocks, r->own.bytes,
			r->retained.blocks, r->retained.bytes);
		csv_place(stdout, line);
		putchar('\n');
	}
}
