/* gate_publish.c - see gate_publish.h. */
#include "gate_publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void (*const writer[GATE_FORMATS])(const struct gate_report *, FILE *) = {
	[GATE_JUNIT] = gate_junit,
	[GATE_SARIF] = gate_sarif,
	[GATE_GITLAB] = gate_gitlab,
	[GATE_MARKDOWN] = gate_markdown,
	[GATE_HTML] = gate_html,
};

static int write_file(const struct gate_report *g, const char *path, const char *mode,
	void (*write)(const struct gate_report *, FILE *))
{
	FILE *f = fopen(path, mode);

	if (f)
		write(g, f);
	if (!f || ferror(f) | fclose(f)) {
		error_note(
			"cannot write %s: %s; treating the gate as failed to measure", path, strerror(errno));
		return -1;
	}
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
			result |= write_file(g, summary, "ae", gate_markdown);
	}
	for (int i = 0; i < GATE_FORMATS; i++)
		if (p->file[i])
			result |= write_file(g, p->file[i], "we", writer[i]);
	if (fflush(p->out) || ferror(p->out)) {
		error_note("cannot write the verdict: %s", strerror(errno));
		result = -1;
	}
	return result;
}
