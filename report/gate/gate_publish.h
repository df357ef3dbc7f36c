/* gate_publish.h - shows a verdict in every form that was asked for. Used by `gate` and `run --gate`.
 *
 * GP1 A form that cannot be written is reported on stderr and fails: a verdict that
 *     nobody can read must not pass.
 */
#ifndef TIDEMARK_GATE_PUBLISH_H
#define TIDEMARK_GATE_PUBLISH_H

#include "gate_output.h"

enum gate_format { GATE_JUNIT, GATE_SARIF, GATE_GITLAB, GATE_MARKDOWN, GATE_HTML, GATE_FORMATS };

struct gate_publish {
	const struct options *options;
	FILE *out;                      /* for the terminal's text, or JSON with options->json */
	bool github;                    /* annotations; also where GITHUB_ACTIONS is "true" */
	const char *file[GATE_FORMATS]; /* paths; NULL: not asked for */
};

/* Whether any form shows call stacks of findings that do not fail. */
bool gate_publish_all_stacks(const struct gate_publish *p);
/* 0, or -1 after a message on stderr. */
int gate_publish(const struct gate_publish *p, const struct gate_report *g);

#endif
