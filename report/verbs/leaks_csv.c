/* leaks_csv.c - `leaks --csv`: one row per record. */
#include <stdio.h>
#include "leaks_command.h"
#include "print/csv.h"

void leaks_csv(struct leaks_command *c)
{
	const struct leaks_view *v = &c->view;
	const struct leaks *l = &v->leaks;
	size_t rows = options_rows(&c->common, SIZE_MAX);

	puts("kind,site,blocks,bytes,retained_blocks,retained_bytes,cyclic,container,suppressed,function,file,line,module");
	for (size_t i = leaks_view_next_record(v, 0); i < l->record_count && rows;
		i = leaks_view_next_record(v, i + 1), rows--) {
		const struct leak_record *r = &l->records[i];
		const struct symbol_line *line = symbols_top(v->symbols, r->site);

		printf("%s,%u,%llu,%llu,%llu,%llu,%d,%d,", leaks_kind_name(r->kind), r->site,
			(unsigned long long)r->blocks, (unsigned long long)r->bytes,
			(unsigned long long)r->retained_blocks, (unsigned long long)r->retained_bytes,
			r->cyclic, r->container);
		csv_text(stdout, r->suppression < 0 ? NULL : l->suppress->rules[r->suppression].name);
		putchar(',');
		csv_place(stdout, line);
		putchar('\n');
	}
}
