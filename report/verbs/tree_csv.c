/* tree_csv.c - the tree for spreadsheets and databases: one row per node, parents before
 * their children. `parent` is the number of a row above. */
#include <inttypes.h>

#include "print/csv.h"
#include "tree_data.h"

static void print_row(const struct tree *t, uint32_t n, FILE *out)
{
	const struct tree_node *node = &t->node[n];

	fprintf(out, "%" PRIu32 ",", n);
	if (n)
		fprintf(out, "%" PRIu32, node->parent);
	fprintf(out, ",%" PRIu32, node->depth);
	for (unsigned k = 0; k < 2; k++)
		fprintf(out, ",%" PRId64 ",%" PRId64, node->inclusive[k], node->self[k]);
	fputc(',', out);
	csv_place(out, node->line);
	fputc('\n', out);
}

void tree_csv(const struct tree *t, int64_t least, FILE *out)
{
	const char *name[2] = { view_measure_name(t->measure[0]), view_measure_name(t->measure[1]) };
	uint32_t n = 0;

	fprintf(out,
		"node,parent,depth,inclusive_%s,self_%s,inclusive_%s,self_%s,function,file,line,module\n",
		name[0], name[0], name[1], name[1]);
	/* Siblings are largest first: behind a small one all are small. */
	while (1) {
		const struct tree_node *node = &t->node[n];
		uint32_t next = node->first_child;

		print_row(t, n, out);
		while (!next || t->node[next].inclusive[0] < least) {
			if (!n)
				return;
			next = t->node[n].next_sibling;
			if (!next || t->node[next].inclusive[0] < least) {
				n = t->node[n].parent;
				next = 0;
				if (!n)
					return;
			}
		}
		n = next;
	}
}
