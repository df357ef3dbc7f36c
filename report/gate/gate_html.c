/* gate_html.c - the verdict as one page that needs nothing else. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/version.h"
#include "gate_output.h"
#include "print/options.h"
#include "base/units.h"

static const char style[] =
	"body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;"
	"color:#1c1e21;background:#fff}\n"
	"h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em;border-bottom:1px solid #8885}\n"
	".pass{color:#147a3d}.fail{color:#b3261e}.unmeasured{color:#8a5a00}\n"
	".cards{display:flex;flex-wrap:wrap;gap:.8em;padding:0;list-style:none}\n"
	".cards li{border:1px solid #8885;border-radius:6px;padding:.5em 1em}\n"
	".cards b{display:block;font-size:1.2em}\n"
	"details{border:1px solid #8885;border-radius:6px;margin:.5em 0;padding:.5em .8em}\n"
	"summary{cursor:pointer}summary b{margin-right:.6em}\n"
	".fails{border-left:5px solid #b3261e}.note{border-left:5px solid #8886}\n"
	"code,pre{font:13px/1.5 ui-monospace,monospace}pre{overflow-x:auto;margin:.5em 0}\n"
	".dim{opacity:.7}\n"
	"@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#16181b}"
	".pass{color:#5fd38d}.fail{color:#ff8a80}.unmeasured{color:#ffcc66}}\n"
	"@media print{details{break-inside:avoid}}\n";

static const char *name_class(enum gate_verdict v)
{
	return v == GATE_PASS ? "pass" : v == GATE_FAIL ? "fail" : "unmeasured";
}

static void print_text(FILE *out, const char *before, const char *s, const char *after)
{
	fputs(before, out);
	gate_print_xml(out, s);
	fputs(after, out);
}

static void print_finding(const struct gate_finding *f, FILE *out)
{
	fprintf(out, "<details class=\"%s\"%s><summary><b>%s</b>", f->fails ? "fails" : "note",
		f->fails ? " open" : "", gate_kind[f->kind].name);
	gate_print_xml(out, f->message);
	if (f->function)
		print_text(out, " in <code>", f->function, "</code>");
	fputs("</summary>\n<p>", out);
	if (f->file) {
		char *place = f->line ? alloc_printf("%s:%u", f->file, f->line) : alloc_string(f->file);

		print_text(out, "<code>", place, "</code> ");
		free(place);
	}
	if (f->type)
		print_text(out, "type <code>", f->type, "</code> ");
	if (f->limit)
		print_text(out, "limit <code>", f->limit, "</code> ");
	if (f->owner)
		print_text(out, "owner ", f->owner, " ");
	if (f->suppression)
		print_text(out, "suppression <code>", f->suppression, "</code> ");
	print_text(out, "<span class=dim>", gate_kind[f->kind].help, "</span></p>\n");
	if (f->stack.count) {
		fputs("<pre>", out);
		for (size_t i = 0; i < f->stack.count; i++) {
			const struct gate_frame *frame = &f->stack.frame[i];

			print_text(out, "", frame->function, "");
			if (frame->file) {
				char *place = alloc_printf("  %s:%u", frame->file, frame->line);

				print_text(out, "<span class=dim>", place, "</span>");
				free(place);
			} else if (frame->module) {
				print_text(out, "<span class=dim>  in ", frame->module, "</span>");
			}
			putc('\n', out);
		}
		fputs("</pre>\n", out);
	}
	fputs("</details>\n", out);
}

static void print_scenario(const struct gate_result *r, FILE *out)
{
	char live[UNITS_TEXT], peak[UNITS_TEXT], lost[UNITS_TEXT], sites[UNITS_TEXT];

	print_text(out, "<section>\n<h2>", r->scenario, "");
	fprintf(out, " <span class=\"%s\">%s</span></h2>\n", name_class(r->verdict),
		gate_verdict_name(r->verdict));
	if (r->reason)
		print_text(out, "<p class=unmeasured>", r->reason, "</p>\n");
	else
		fprintf(out,
			"<ul class=cards><li><b>%s</b>lost<li><b>%s</b>live at the end<li><b>%s</b>peak"
			"<li><b>%s</b>sites</ul>\n",
			units_bytes(lost, (int64_t)r->lost_bytes), units_bytes(live, (int64_t)r->live_bytes),
			units_bytes(peak, (int64_t)r->peak_bytes), units_count(sites, (int64_t)r->sites));
	for (size_t i = 0; i < r->finding_count; i++)
		if (!r->reason || r->findings[i].kind != GATE_KIND_UNMEASURED)
			print_finding(&r->findings[i], out);
	if (!r->finding_count)
		fputs("<p>Nothing to report.</p>\n", out);
	if (r->snapshot_count) {
		fputs("<p class=dim>Snapshots:", out);
		for (size_t i = 0; i < r->snapshot_count; i++)
			print_text(out, " <code>", r->snapshots[i], "</code>");
		fputs("</p>\n", out);
	}
	fputs("</section>\n", out);
}

void gate_html(const struct gate_report *g, FILE *out)
{
	const char *name = gate_status_name(g->status);

	fprintf(out,
		"<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
		"<meta name=viewport content=\"width=device-width\">\n<title>Memory gate: %s</title>\n"
		"<style>\n%s</style>\n</head>\n<body>\n",
		name, style);
	fprintf(out, "<h1>Memory gate: <span class=\"%s\">%s</span></h1>\n",
		name_class(g->status == EXIT_FINE            ? GATE_PASS
				: g->status == EXIT_FINDINGS ? GATE_FAIL
							     : GATE_UNMEASURED),
		name);
	for (size_t i = 0; i < g->count; i++)
		print_scenario(&g->results[i], out);
	fprintf(out, "<footer class=dim>tidemark %s</footer>\n</body>\n</html>\n", TIDEMARK_VERSION);
}
