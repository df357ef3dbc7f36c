/* gate_session.h - one call of the gate: which scenarios, which snapshots, what happens to baselines.
 *
 *   gate_session_scenarios   run, judge, run again what failed       ┐
 *   gate_session_program     run once, judge                         ├─▶ results
 *   gate_session_snapshots   judge what exists                       ┘
 *   gate_session_finish      suppressions, --strict, exit status
 *
 * Each returns -1 with EXIT_USAGE before anything was run, or with EXIT_UNMEASURED
 * when its own work could not be done. A program that could not be measured is a result.
 */
#ifndef TIDEMARK_GATE_SESSION_H
#define TIDEMARK_GATE_SESSION_H

#include "gate.h"
#include "gate_suppress.h"
#include "print/options.h"
#include "symbol/source_root.h"

struct gate_session {
	/* Set by the caller. */
	struct gate_config *config;
	const struct options *options;
	char *const *only;
	size_t only_count; /* --scenario */
	bool self_test;    /* only lost blocks are judged: nothing is compared with a baseline */
	bool accept, ratchet, strict;
	const char *why;
	char *const *accept_sites;
	size_t accept_site_count;
	const char *against; /* --against */
	const char *output;
	const char *unseen; /* a program of the run that could not be followed; NULL: none is known */
	bool all_stacks;    /* stacks also of findings that do not fail: an output shows them */
	uint32_t today;     /* 20270331; 0: the date of gate_session_open */
	/* Filled. */
	struct gate_rules rules;
	struct source_root *roots;
	struct gate_result *results;
	size_t count;
	int status;
};

int gate_session_open(struct gate_session *s, struct tide_error *e);
int gate_session_scenarios(struct gate_session *s, struct tide_error *e);
int gate_session_program(struct gate_session *s, char *const *program, struct tide_error *e);
int gate_session_snapshots(struct gate_session *s, char *const *paths, size_t count, struct tide_error *e);
void gate_session_finish(struct gate_session *s);
void gate_session_close(struct gate_session *s);

#endif
