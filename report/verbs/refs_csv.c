/* refs_csv.c - `refs --csv`: one row per block asked for. */
#include <inttypes.h>
#include <stdio.h>
#include "analysis/python_field.h"
#include "print/csv.h"
#include "refs_view.h"

void refs_csv(struct refs *r)
{
	size_t rows = options_rows(&r->common, SIZE_MAX);

	puts("address,bytes,site,state,found_roots,found_blocks,found_interior,stored,retained_bytes,retained_blocks,"
	     "function,file,line,module,type,object_bytes,native_bytes,native_blocks");
	for (size_t i = 0; i < r->count && i < rows; i++) {
		const struct tide_block *b = &r->snapshot.blocks[r->block[i]];
		const struct symbol_line *line = symbols_top(r->symbols, b->site);
		struct leak_sum retained = retained_block(&r->retained, r->block[i]);
		struct refs_found found = refs_view_found(r, i);
		struct leak_sum native = refs_view_native(r, r->block[i]);
		int64_t stored = python_field_stored(&r->snapshot, r->block[i]);
		const char *python = python_field_type(&r->snapshot, r->block[i]);
		const char *type = python ? python : block_types_name(&r->types, r->block[i]);

		printf("0x%" PRIx64 ",%" PRIu64 ",%u,%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", b->address,
			b->bytes, b->site, leaks_kind_name(r->leaks.kind[r->block[i]] & LEAK_KIND_MASK),
			found.roots, found.blocks, found.inside);
		if (stored < 0 && r->stored)
			stored = r->stored[i];
		if (stored >= 0)
			printf("%" PRId64, stored);
		printf(",%" PRIu64 ",%" PRIu64 ",", retained.bytes, retained.blocks);
		csv_place(stdout, line);
		putchar(',');
		csv_text(stdout, type);
		printf(",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", refs_view_bytes(r, r->block[i]),
			native.bytes, native.blocks);
	}
}
