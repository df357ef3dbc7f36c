/* gate_markdown.c - the verdict for a pull request or a step summary. */
#include <stdlib.h>
#include <string.h>
#include "gate_output.h"
#include "units.h"

/* GitHub drops a summary above 1 MiB: so many findings with their stacks stay below. */
#define MARKDOWN_MOST 200
#define MARKDOWN_FRAMES 12

/* Text in a table cell: no markup of its own. */
static void cell(FILE *out, const char *text)
{
	char *clean = gate_utf8(text);

	for (const char *p = clean; *p; p++) {
		if (strchr("\\`*_{}[]<>()#!|~&@", *p))
			fprintf(out, "&#%d;", *p);
		else
			putc((unsigned char)*p < ' ' ? ' ' : *p, out);
	}
	free(clean);
}

/* Between backquotes nothing is markup but backquotes, and in a table `|`. */
static void code(FILE *out, const char *text)
{
	char *clean = gate_utf8(text);

	putc('`', out);
	for (const char *p = clean; *p; p++) {
		if (*p == '|')
			fputs("\\|", out);
		else
			putc(*p == '`' ? '\'' : (unsigned char)*p < ' ' ? ' ' : *p, out);
	}
	putc('`', out);
	free(clean);
}

static void row(const struct gate_finding *f, FILE *out)
{
	fprintf(out, "| %s | %s | ", f->fails ? "**fails**" : "", gate_kind[f->kind].name);
	if (f->function)
		code(out, f->function);
	if (f->file) {
		char *place = memory_printf("%s:%u", f->file, f->line);

		fputs(f->function ? "<br>" : "", out);
		code(out, place);
		free(place);
	}
	fputs(" | ", out);
	cell(out, f->message);
	fputs(" | ", out);
	if (f->limit)
		code(out, f->limit);
	fputs(" | ", out);
	if (f->owner)
		fputs(f->owner, out);	/* a mention is meant to work */
	fputs(" |\n", out);
}

static void stack(const struct gate_finding *f, FILE *out)
{
	/* HTML, not a code fence: text with backquotes cannot end it. */
	fputs("<details><summary>", out);
	gate_print_xml(out, f->function ? f->function : f->message);
	fputs("</summary><pre>\n", out);
	for (size_t i = 0; i < f->stack.count && i < MARKDOWN_FRAMES; i++) {
		const struct gate_frame *frame = &f->stack.frame[i];

		gate_print_xml(out, frame->function);
		if (frame->file) {
			char *place = memory_printf(" %s:%u", frame->file, frame->line);

			gate_print_xml(out, place);
			free(place);
		}
		putc('\n', out);
	}
	if (f->stack.count > MARKDOWN_FRAMES)
		fprintf(out, "... %zu more\n", f->stack.count - MARKDOWN_FRAMES);
	fputs("</pre></details>\n\n", out);
}

static const char *word(enum gate_verdict v)
{
	return v == GATE_PASS ? "passed" : v == GATE_FAIL ? "failed" : "could not be measured";
}

static void scenario(const struct gate_result *r, FILE *out, size_t *printed)
{
	char live[UNITS_TEXT], peak[UNITS_TEXT], lost[UNITS_TEXT];

	fputs("### ", out);
	cell(out, r->scenario);
	fprintf(out, ": %s\n\n", word(r->verdict));
	if (r->reason) {
		cell(out, r->reason);
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
		row(&r->findings[i], out);
	putc('\n', out);
	for (size_t i = 0; i < r->finding_count && *printed < MARKDOWN_MOST; i++, ++*printed)
		if (r->findings[i].fails && r->findings[i].stack.count)
			stack(&r->findings[i], out);
	if (*printed >= MARKDOWN_MOST)
		fputs("More findings are in the other outputs.\n\n", out);
}

void gate_markdown(const struct gate_report *g, FILE *out)
{
	size_t printed = 0, failing = 0;

	for (size_t i = 0; i < g->count; i++)
		failing += gate_failing(&g->results[i]);
	fprintf(out, "## Memory gate %s\n\n", word(g->status == EXIT_FINE ? GATE_PASS :
		g->status == EXIT_FINDINGS ? GATE_FAIL : GATE_UNMEASURED));
	if (g->status == EXIT_FINDINGS)
		fprintf(out, "%zu finding%s.\n\n", failing, failing == 1 ? "" : "s");
	for (size_t i = 0; i < g->count; i++)
		scenario(&g->results[i], out, &printed);
}
