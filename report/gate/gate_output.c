/* gate_output.c - what the formats of gate_output.h share. */
#include "base/alloc.h"
#include "gate_output.h"

#include <stdlib.h>
#include <string.h>
#include "base/text.h"

const char *gate_status_name(int status)
{
	return gate_verdict_name(status == EXIT_FINE ? GATE_PASS
			: status == EXIT_FINDINGS    ? GATE_FAIL
						     : GATE_UNMEASURED);
}

bool gate_is_problem(const struct gate_finding *f)
{
	return f->fails
		|| (f->kind != GATE_KIND_MOVED && f->kind != GATE_KIND_IMPROVED
			&& f->kind != GATE_KIND_SUPPRESSED);
}

const char *gate_place(const struct gate_report *g, const struct gate_result *r, const struct gate_finding *f,
	unsigned *line)
{
	if (f->file) {
		*line = f->line ? f->line : 1;
		return f->file;
	}
	if (g->config && (f->config_line || r->config_line)) {
		*line = (unsigned)(f->config_line ? f->config_line : r->config_line);
		return g->config;
	}
	*line = 1;
	return r->scenario;
}

char *gate_sentence(const struct gate_result *r, const struct gate_finding *f)
{
	return alloc_printf("%s: %s%s%s%s%s%s%s%s", r->scenario, f->message, f->type ? ", of type " : "",
		f->type ? f->type : "", f->function ? " in " : "", f->function ? f->function : "",
		f->limit ? " (limit " : "", f->limit ? f->limit : "", f->limit ? ")" : "");
}

size_t gate_failing(const struct gate_result *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->finding_count; i++)
		n += r->findings[i].fails;
	return n;
}

char *gate_utf8(const char *text) { return text_utf8(text ? text : ""); }

void gate_print_xml(FILE *out, const char *text)
{
	char *clean = gate_utf8(text);

	for (const unsigned char *p = (const unsigned char *)clean; *p; p++) {
		switch (*p) {
		case '&': fputs("&amp;", out); break;
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '"': fputs("&quot;", out); break;
		case '\'': fputs("&#39;", out); break;
		case '\n':
		case '\t': putc(*p, out); break;
		default:
			/* XML 1.0 has no control characters, not even escaped, nor U+FFFE, U+FFFF. */
			if (*p < ' ')
				fputs("\xef\xbf\xbd", out);
			else if (*p == 0xef && p[1] == 0xbf && p[2] >= 0xbe)
				fputs("\xef\xbf\xbd", out), p += 2;
			else
				putc(*p, out);
		}
	}
	free(clean);
}
