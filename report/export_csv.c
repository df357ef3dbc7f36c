/* export_csv.c - a row a site: all measures, the caller of the allocator, and the
 * stack as "root;...;leaf". The head names the columns as the JSON fields. */
#include <stdlib.h>

#include "error.h"
#include "export.h"
#include "export_folded.h"
#include "json_out.h"

int export_csv(const struct export *x, FILE *out, struct tide_error *e)
{
	(void)e;
	for (unsigned m = 0; m < EXPORT_MEASURES; m++)
		if (x->known & 1u << m)
			fprintf(out, "%s,", export_measure_name(m));
	fputs("processes,function,file,line,module,stack\n", out);
	for (size_t i = 0; i < x->count; i++) {
		const struct export_site *site = &x->site[i];
		const struct symbol_line *line = &site->line[site->caller];
		char *stack = export_folded_stack(site);

		for (unsigned m = 0; m < EXPORT_MEASURES; m++)
			if (x->known & 1u << m)
				fprintf(out, "%lld,", (long long)site->of[m]);
		fprintf(out, "%u,", site->processes);
		csv_text(out, line->function);
		fputc(',', out);
		csv_text(out, line->file);
		fprintf(out, ",%u,", line->line);
		csv_text(out, line->module);
		fputc(',', out);
		csv_text(out, stack);
		fputc('\n', out);
		free(stack);
	}
	return 0;
}
