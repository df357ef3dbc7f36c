/* gate_junit.c - JUnit XML: one test case per scenario and limit. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "gate_output.h"

/* The outcome of one test case. */
struct outcome {
	const struct gate_finding *first;    /* failing; NULL */
	const struct gate_finding *accepted; /* not measured, and passed by the gate file; NULL */
	bool error;
};

struct counts {
	unsigned tests, failures, errors, skipped;
};

/* Findings of limit `key`; -1: what belongs to no limit (suppressions). */
static bool belongs_to(const struct gate_finding *f, int key)
{
	return f->limit_key == key && f->kind != GATE_KIND_SUPPRESSED && f->kind != GATE_KIND_UNMEASURED;
}

static struct outcome judge_case(const struct gate_result *r, int key)
{
	struct outcome o = { .error = r->verdict == GATE_UNMEASURED };

	for (size_t i = 0; i < r->finding_count && !o.first; i++)
		if (r->findings[i].fails && belongs_to(&r->findings[i], key))
			o.first = &r->findings[i];
	for (size_t i = 0; i < r->finding_count && !o.error; i++)
		if (r->findings[i].kind == GATE_KIND_UNMEASURED && r->findings[i].limit_key == key)
			o.accepted = &r->findings[i];
	return o;
}

/* A scenario has one case for each limit in force, and `suppressions` where there are findings about them. */
static bool has_case(const struct gate_result *r, int key)
{
	if (key >= 0)
		return r->judged[key] || key == GATE_MISSED;
	for (size_t i = 0; i < r->finding_count; i++)
		if (belongs_to(&r->findings[i], -1) && r->findings[i].kind != GATE_KIND_MOVED
			&& r->findings[i].kind != GATE_KIND_IMPROVED)
			return true;
	return false;
}

static void count_result(const struct gate_result *r, struct counts *c)
{
	for (int key = -1; key < GATE_LIMIT_KEYS; key++) {
		struct outcome o = judge_case(r, key);

		if (!has_case(r, key))
			continue;
		c->tests++;
		c->errors += o.error;
		c->failures += !o.error && o.first;
		c->skipped += o.accepted != NULL;
	}
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].kind == GATE_KIND_SUPPRESSED)
			c->tests++, c->skipped++;
}

static void print_attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	gate_print_xml(out, value);
	putc('"', out);
}

static void print_finding(FILE *out, const struct gate_finding *f)
{
	char *head = alloc_printf("%s: %s%s%s%s%s\n", gate_kind[f->kind].name, f->message,
		f->type ? "\ntype: " : "", f->type ? f->type : "", f->owner ? "\nowner: " : "",
		f->owner ? f->owner : "");

	gate_print_xml(out, head);
	free(head);
	for (size_t i = 0; i < f->stack.count; i++) {
		const struct gate_frame *frame = &f->stack.frame[i];
		char *text = frame->file
			? alloc_printf("    %s %s:%u\n", frame->function, frame->file, frame->line)
			: alloc_printf("    %s%s%s\n", frame->function, frame->module ? " in " : "",
				frame->module ? frame->module : "");

		gate_print_xml(out, text);
		free(text);
	}
}

static void print_case(FILE *out, const struct gate_report *g, const struct gate_result *r, int key)
{
	struct outcome o = judge_case(r, key);
	const char *name = key < 0 ? "suppressions" : gate_limit_name[key];
	unsigned line;

	fputs("    <testcase", out);
	print_attribute(out, "classname", r->scenario);
	print_attribute(out, "name", name);
	if (o.first && !o.error) {
		const char *file = gate_place(g, r, o.first, &line);

		print_attribute(out, "file", file);
		fprintf(out, " line=\"%u\"", line);
	}
	/* The program ran once for all limits, so its time is given once, in the first case. */
	fprintf(out, " time=\"%.3f\"", key == GATE_MISSED ? (double)r->elapsed_ms / 1000 : 0.0);
	if (o.error) {
		fputs(">\n      <error", out);
		print_attribute(out, "message", r->reason ? r->reason : "");
		print_attribute(out, "type", "cannot-measure");
		fputs("/>\n    </testcase>\n", out);
		return;
	}
	if (o.accepted) {
		fputs(">\n      <skipped", out);
		print_attribute(out, "message", o.accepted->message);
		fputs("/>\n    </testcase>\n", out);
		return;
	}
	if (!o.first) {
		fputs("/>\n", out);
		return;
	}
	fputs(">\n      <failure", out);
	print_attribute(out, "message", o.first->message);
	print_attribute(out, "type", gate_kind[o.first->kind].name);
	putc('>', out);
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].fails && belongs_to(&r->findings[i], key))
			print_finding(out, &r->findings[i]);
	fputs("</failure>\n    </testcase>\n", out);
}

static void print_suppressed(FILE *out, const struct gate_result *r, const struct gate_finding *f)
{
	char *name = alloc_printf("suppressed: %s", f->suppression);

	fputs("    <testcase", out);
	print_attribute(out, "classname", r->scenario);
	print_attribute(out, "name", name);
	fputs(" time=\"0.000\">\n      <skipped", out);
	print_attribute(out, "message", f->message);
	fputs("/>\n    </testcase>\n", out);
	free(name);
}

static void print_counts(FILE *out, const struct counts *c, double seconds)
{
	fprintf(out, " tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%.3f\">\n", c->tests,
		c->failures, c->errors, c->skipped, seconds);
}

void gate_junit(const struct gate_report *g, FILE *out)
{
	struct counts c = { 0, 0, 0, 0 };
	double seconds = 0;

	for (size_t i = 0; i < g->count; i++) {
		count_result(&g->results[i], &c);
		seconds += (double)g->results[i].elapsed_ms / 1000;
	}
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tidemark\"", out);
	print_counts(out, &c, seconds);
	fputs("  <testsuite name=\"tidemark\"", out);
	print_counts(out, &c, seconds);
	for (size_t i = 0; i < g->count; i++) {
		const struct gate_result *r = &g->results[i];

		for (int key = GATE_LIMIT_KEYS - 1; key >= -1; key--)
			if (has_case(r, key))
				print_case(out, g, r, key);
		for (size_t k = 0; k < r->finding_count; k++)
			if (r->findings[k].kind == GATE_KIND_SUPPRESSED)
				print_suppressed(out, r, &r->findings[k]);
	}
	fputs("  </testsuite>\n</testsuites>\n", out);
}
