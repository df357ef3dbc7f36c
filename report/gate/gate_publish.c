/* gate_publish.c - see gate_publish.h. */
#include "gate_publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/output.h"

static void (*const writer[GATE_FORMATS])(const struct gate_report *, FILE *) = {
	[GATE_JUNIT] = gate_junit,
	[GATE_SARIF] = gate_sarif,
	[GATE_GITLAB] = gate_gitlab,
	[GATE_MARKDOWN] = gate_markdown,
	[GATE_HTML] = gate_html,
};

static int complain(const char *path, const char *why)
{
	error_note("cannot write %s: %s; treating the gate as failed to measure", path, why);
	return -1;
}

/* Whole or not at all, and through no link that others have laid (output.h). */
static int write_file(
	const struct gate_report *g, const char *path, void (*write)(const struct gate_report *, FILE *))
{
	struct tide_error e = { 0 };
	struct output o;

	if (output_open(&o, path, 0666, &e))
		return complain(path, *e.why ? e.why : e.what);
	write(g, o.file);
	if (output_close(&o, 0, &e))
		return complain(path, *e.why ? e.why : e.what);
	return 0;
}

/* To a file of the host's that is there already. */
static int append_file(
	const struct gate_report *g, const char *path, void (*write)(const struct gate_report *, FILE *))
{
	FILE *f = fopen(path, "ae");

	if (f)
		write(g, f);
	if (!f || ferror(f) | fclose(f))
		return complain(path, strerror(errno));
	return 0;
}

static int print_screen(const struct gate_publish *p, const struct gate_report *g)
{
	struct screen s;

	screen_open(&s, p->options);
	if (p->out == stdout) {
		gate_terminal(g, &s);
		return screen_close(&s);
	}
	s.out = p->out;
	gate_terminal(g, &s);
	return 0;
}

bool gate_publish_all_stacks(const struct gate_publish *p)
{
	return p->options->json || p->file[GATE_SARIF] || p->file[GATE_HTML];
}

int gate_publish(const struct gate_publish *p, const struct gate_report *g)
{
	const char *actions = getenv("GITHUB_ACTIONS"), *summary = getenv("GITHUB_STEP_SUMMARY");
	int result = 0;

	if (p->options->json)
		gate_json(g, p->out);
	else
		result |= print_screen(p, g);
	if (p->github || (actions && !strcmp(actions, "true"))) {
		gate_github(g, p->options->json ? stderr : p->out);
		if (summary && *summary)
			result |= append_file(g, summary, gate_markdown);
	}
	for (int i = 0; i < GATE_FORMATS; i++)
		if (p->file[i])
			result |= write_file(g, p->file[i], writer[i]);
	if (fflush(p->out) || ferror(p->out)) {
		error_note("cannot write the verdict: %s", strerror(errno));
		result = -1;
	}
	return result;
}
