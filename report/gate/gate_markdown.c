/* gate_markdown.c - the verdict for a pull request or a step summary. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/text.h"
#include "gate_output.h"
#include "base/units.h"

/* GitHub drops a summary above 1 MiB: so many findings with their stacks stay below. */
#define MARKDOWN_MOST 200
#define MARKDOWN_FRAMES 12

/* One line without control characters and marks that turn the writing direction. */
static char *copy_clean(const char *text)
{
	char *clean = alloc_string(text ? text : "");

	text_clean(clean);
	return clean;
}

/* Text in a table cell: no markup of its own. */
static void print_cell(FILE *out, const char *text)
{
	char *clean = copy_clean(text);

	for (const char *p = clean; *p; p++) {
		if (strchr("\\`*_{}[]<>()#!|~&@", *p))
			fprintf(out, "&#%d;", *p);
		else
			putc(*p, out);
	}
	free(clean);
}

/* Between backquotes nothing is markup but backquotes, and in a table `|`. */
static void print_code(FILE *out, const char *text)
{
	char *clean = copy_clean(text);

	putc('`', out);
	for (const char *p = clean; *p; p++) {
		if (*p == '|')
			fputs("\\|", out);
		else
			putc(*p == '`' ? '\'' : *p, out);
	}
	putc('`', out);
	free(clean);
}

static void print_row(const struct gate_finding *f, FILE *out)
{
	fprintf(out, "| %s | %s | ", f->fails ? "**fails**" : "", gate_kind[f->kind].name);
	if (f->function)
		print_code(out, f->function);
	if (f->file) {
		char *place = f->line ? alloc_printf("%s:%u", f->file, f->line) : alloc_string(f->file);

		fputs(f->function ? "<br>" : "", out);
		print_code(out, place);
		free(place);
	}
	fputs(" | ", out);
	print_cell(out, f->message);
	if (f->type) {
		fputs("<br>of type ", out);
		print_code(out, f->type);
	}
	fputs(" | ", out);
	if (f->limit)
		print_code(out, f->limit);
	fputs(" | ", out);
	if (f->owner)
		fputs(f->owner, out); /* a mention is meant to work */
	fputs(" |\n", out);
}

/* Inside <pre>: one line, because an empty one would end the HTML block and what follows would be markup. */
static void print_name(FILE *out, const char *text)
{
	char *clean = copy_clean(text);

	gate_print_xml(out, clean);
	free(clean);
}

static void print_stack(const struct gate_finding *f, FILE *out)
{
	/* HTML, not a code fence: text with backquotes cannot end it. */
	fputs("<details><summary><code>", out);
	print_name(out, f->function ? f->function : f->message);
	fputs("</code></summary><pre>\n", out);
	for (size_t i = 0; i < f->stack.count && i < MARKDOWN_FRAMES; i++) {
		const struct gate_frame *frame = &f->stack.frame[i];

		print_name(out, frame->function);
		if (frame->file) {
			char *place = alloc_printf(" %s:%u", frame->file, frame->line);

			print_name(out, place);
			free(place);
		}
		putc('\n', out);
	}
	if (f->stack.count > MARKDOWN_FRAMES)
		fprintf(out, "... %zu more\n", f->stack.count - MARKDOWN_FRAMES);
	fputs("</pre></details>\n\n", out);
}

static const char *name_verdict(enum gate_verdict v)
{
	return v == GATE_PASS ? "passed" : v == GATE_FAIL ? "failed" : "could not be measured";
}

static void print_scenario(const struct gate_result *r, FILE *out, size_t *printed)
{
	char live[UNITS_TEXT], peak[UNITS_TEXT], lost[UNITS_TEXT];

	fputs("### ", out);
	print_cell(out, r->scenario);
	fprintf(out, ": %s\n\n", name_verdict(r->verdict));
	if (r->reason) {
		print_cell(out, r->reason);
		fputs("\n\n", out);
		return;
	}
	fprintf(out, "lost %s, live %s, peak %s, %llu sites\n\n", units_bytes(lost, (int64_t)r->lost_bytes),
		units_bytes(live, (int64_t)r->live_bytes), units_bytes(peak, (int64_t)r->peak_bytes),
		(unsigned long long)r->sites);
	if (!r->finding_count || *printed >= MARKDOWN_MOST)
		return;
	fputs("| | kind | site | what | limit | owner |\n|---|---|---|---|---|---|\n", out);
	for (size_t i = 0; i < r->finding_count && *printed + i < MARKDOWN_MOST; i++)
		print_row(&r->findings[i], out);
	putc('\n', out);
	for (size_t i = 0; i < r->finding_count && *printed < MARKDOWN_MOST; i++, ++*printed)
		if (r->findings[i].fails && r->findings[i].stack.count)
			print_stack(&r->findings[i], out);
	if (*printed >= MARKDOWN_MOST)
		fputs("More findings are in the other outputs.\n\n", out);
}

void gate_markdown(const struct gate_report *g, FILE *out)
{
	size_t printed = 0, failing = 0;

	for (size_t i = 0; i < g->count; i++)
		failing += gate_failing(&g->results[i]);
	fprintf(out, "## Memory gate %s\n\n",
		name_verdict(g->status == EXIT_FINE          ? GATE_PASS
				: g->status == EXIT_FINDINGS ? GATE_FAIL
							     : GATE_UNMEASURED));
	if (g->status == EXIT_FINDINGS)
		fprintf(out, "%zu finding%s.\n\n", failing, failing == 1 ? "" : "s");
	for (size_t i = 0; i < g->count; i++)
		print_scenario(&g->results[i], out, &printed);
}
