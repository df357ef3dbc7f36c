/* gate_github.c - workflow commands: lines that GitHub shows in the changed files. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "gate_output.h"

/* GitHub shows ten of a kind in a step; the rest is in the step summary. */
#define GITHUB_MOST 10

/* Data: % CR LF. Properties: also : and , (they part properties). */
static void print_escaped(FILE *out, const char *text, bool property)
{
	char *clean = gate_utf8(text);

	for (const char *p = clean; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ',')))
			fprintf(out, "%%%02X", c);
		else
			putc(c < 0x20 || c == 0x7f ? '?' : c, out); /* the log is also read at terminals */
	}
	free(clean);
}

static void print_annotation(
	const struct gate_report *g, const struct gate_result *r, const struct gate_finding *f, FILE *out)
{
	char *text = gate_sentence(r, f), *title = alloc_printf("tidemark: %s", gate_kind[f->kind].name);
	unsigned line;
	const char *file = f->file || g->config ? gate_place(g, r, f, &line) : NULL;

	fputs(f->fails ? "::error " : "::warning ", out);
	if (file) {
		fputs("file=", out);
		print_escaped(out, file, true);
		fprintf(out, ",line=%u,", line);
	}
	fputs("title=", out);
	print_escaped(out, title, true);
	fputs("::", out);
	print_escaped(out, text, false);
	if (f->owner) {
		fputs(" owner ", out);
		print_escaped(out, f->owner, false);
	}
	putc('\n', out);
	free(text), free(title);
}

struct entry {
	const struct gate_result *r;
	const struct gate_finding *f;
	size_t order;
};

static int compare_findings(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;

	if (a->f->fails != b->f->fails)
		return a->f->fails ? -1 : 1;
	if (a->f->bytes != b->f->bytes)
		return a->f->bytes > b->f->bytes ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

void gate_github(const struct gate_report *g, FILE *out)
{
	struct entry *list = NULL;
	size_t count = 0, all = 0;

	for (size_t i = 0; i < g->count; i++)
		all += g->results[i].finding_count;
	list = alloc_bytes((all + 1) * sizeof *list);
	for (size_t i = 0; i < g->count; i++)
		for (size_t k = 0; k < g->results[i].finding_count; k++)
			if (gate_is_problem(&g->results[i].findings[k])) {
				list[count] =
					(struct entry){ &g->results[i], &g->results[i].findings[k], count };
				count++;
			}
	qsort(list, count, sizeof *list, compare_findings);
	for (size_t i = 0; i < count && i < GITHUB_MOST; i++)
		print_annotation(g, list[i].r, list[i].f, out);
	free(list);
}
