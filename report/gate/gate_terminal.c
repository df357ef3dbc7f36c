/* gate_terminal.c - the verdict as text, for terminals and logs.
 *
 * No line begins with a name: a log of GitHub Actions takes a line that begins with "::", behind any
 * blanks, as a command, and names come from the program.
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "gate_output.h"
#include "base/units.h"

#define TERMINAL_FRAMES 5
#define TERMINAL_MOST 20 /* findings per scenario */

static void print_line(struct screen *s, enum screen_style style, const char *indent, char *text)
{
	char *clean = screen_clean(s, text);

	screen_print(s, style, "%s%s", indent, clean);
	screen_print(s, STYLE_PLAIN, "\n");
	free(clean);
	free(text);
}

static char *format_frame(const struct gate_frame *f)
{
	if (f->file)
		return alloc_printf("%s  %s:%u", f->function, f->file, f->line);
	return f->module ? alloc_printf("%s  [%s]", f->function, f->module) : alloc_string(f->function);
}

static void print_finding(struct screen *s, const struct gate_finding *f)
{
	char *head = alloc_printf("%s  %s", gate_kind[f->kind].name, f->message);

	print_line(s, f->fails ? STYLE_BAD : STYLE_PLAIN, f->fails ? "  x " : "  - ", head);
	if (f->function) {
		char *where = !f->file ? alloc_string(f->function)
			: f->line      ? alloc_printf("%s  %s:%u", f->function, f->file, f->line)
				       : alloc_printf("%s  %s", f->function, f->file);

		print_line(s, STYLE_NAME, "      at ", where);
	}
	if (f->type)
		print_line(s, STYLE_PLAIN, "      of type ", alloc_string(f->type));
	if (f->fails && (f->limit || f->owner))
		print_line(s, STYLE_PLAIN, "      ",
			alloc_printf("%s%s%s%s%s", f->limit ? "limit " : "", f->limit ? f->limit : "",
				f->limit && f->owner ? ", " : "", f->owner ? "owner " : "",
				f->owner ? f->owner : ""));
	for (size_t i = 0; f->fails && i < f->stack.count && i < TERMINAL_FRAMES; i++)
		print_line(s, STYLE_DIM, "        at ", format_frame(&f->stack.frame[i]));
	if (f->fails && f->stack.count > TERMINAL_FRAMES)
		screen_print(s, STYLE_DIM, "        %s %zu more\n", screen_ellipsis(s),
			f->stack.count - TERMINAL_FRAMES);
}

/* The command that shows more of the worst finding. */
static void print_next_command(struct screen *s, const struct gate_result *r)
{
	for (size_t i = 0; i < r->finding_count; i++) {
		const struct gate_finding *f = &r->findings[i];

		if (!f->fails || !f->stack.snapshot)
			continue;
		print_line(s, STYLE_DIM, "      ",
			alloc_printf("more: tidemark %s %s",
				f->limit_key == GATE_LEAKED || f->limit_key == GATE_ERRORS ? "leaks"
					: f->limit_key == GATE_REFLEAKS                    ? "types"
											   : "stat",
				f->stack.snapshot));
		return;
	}
}

static void print_scenario(struct screen *s, const struct gate_result *r)
{
	static const char *const word[] = { "pass", "FAIL", "????" };
	static const enum screen_style style[] = { STYLE_GOOD, STYLE_BAD, STYLE_WARNING };
	char live[UNITS_TEXT], peak[UNITS_TEXT], lost[UNITS_TEXT], time[UNITS_TEXT];

	screen_print(s, style[r->verdict], "%s", word[r->verdict]);
	if (r->reason) {
		print_line(s, STYLE_STRONG, "  ", alloc_printf("%s: could not measure", r->scenario));
		print_line(s, STYLE_PLAIN, "      because: ", alloc_string(r->reason));
		return;
	}
	print_line(s, STYLE_STRONG, "  ",
		alloc_printf("%s  lost %s, live %s, peak %s%s%s", r->scenario,
			units_bytes(lost, (int64_t)r->lost_bytes), units_bytes(live, (int64_t)r->live_bytes),
			units_bytes(peak, (int64_t)r->peak_bytes), r->elapsed_ms ? ", " : "",
			r->elapsed_ms ? units_duration(time, r->elapsed_ms * 1000000) : ""));
	for (size_t i = 0; i < r->finding_count && i < TERMINAL_MOST; i++)
		print_finding(s, &r->findings[i]);
	if (r->finding_count > TERMINAL_MOST)
		screen_print(s, STYLE_DIM, "      %zu more findings: see --json, --html\n",
			r->finding_count - TERMINAL_MOST);
	if (r->verdict == GATE_FAIL)
		print_next_command(s, r);
}

void gate_terminal(const struct gate_report *g, struct screen *s)
{
	size_t failed = 0, unmeasured = 0;

	for (size_t i = 0; i < g->count; i++) {
		if (!(s->quiet && g->results[i].verdict == GATE_PASS))
			print_scenario(s, &g->results[i]);
		failed += g->results[i].verdict == GATE_FAIL;
		unmeasured += g->results[i].verdict == GATE_UNMEASURED;
	}
	if (g->status == EXIT_FINE && s->quiet)
		return;
	if (g->status == EXIT_FINE)
		screen_print(s, STYLE_GOOD, "gate: pass\n");
	else if (g->status == EXIT_FINDINGS)
		screen_print(s, STYLE_BAD, "gate: fail: %zu of %zu scenarios\n", failed, g->count);
	else
		screen_print(s, STYLE_WARNING, "gate: could not measure %zu of %zu scenarios%s\n", unmeasured,
			g->count, failed ? ", and others fail" : "");
}
