/* cmd_snap.c - `tidemark snap PID`: a snapshot of a running process. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "collect.h"
#include "format.h"
#include "ledger_read.h"
#include "options.h"
#include "root_kinds.h"
#include "verb.h"

enum { KEY_NO_REFERENCES = 256, KEY_UNALIGNED, KEY_MASK, KEY_ROOTS };

static const struct argp_option option[] = {
	{ "output", 'o', "FILE", 0, "Write this file (replaced when it is there); default: the output pattern of "
		"the run", 0 },
	{ "no-references", KEY_NO_REFERENCES, NULL, 0, "Counters only: no image, no roots, no lost blocks", 0 },
	{ "unaligned", KEY_UNALIGNED, NULL, 0, "Take words at any byte as references", 0 },
	{ "pointer-mask", KEY_MASK, "MASK", 0, "Clear these bits of a word first: tags in pointers", 0 },
	{ "roots", KEY_ROOTS, "-KIND,...", 0, "Leave out roots of these kinds: -mapping,-register ... (without "
		"minus: only these)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] = "Take a snapshot of a running process that was started with tidemark. The process "
	"stands still for some milliseconds and goes on.\v"
	"Exit status: 0 when the snapshot is complete, 3 when something is missing in it or it could not be "
	"taken.\n\n"
	"Examples:\n"
	"  tidemark snap 4711\n"
	"  tidemark snap -o before.tide 4711\n"
	"  tidemark snap --no-references $(pidof server)";

struct arguments {
	struct options common;
	const char *output;
	uint64_t mask;
	bool no_references, unaligned;
	uint32_t skip_roots;
	int pid;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	struct tide_error e = { 0 };
	char *end;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		break;
	case 'o':
		a->output = arg;
		break;
	case KEY_NO_REFERENCES:
		a->no_references = true;
		break;
	case KEY_UNALIGNED:
		a->unaligned = true;
		break;
	case KEY_MASK:
		errno = 0;
		a->mask = strtoull(arg, &end, 0);
		if (errno || *end || end == arg)
			argp_error(state, "--pointer-mask: '%s' is not a number; write for example 0xff00000000000000",
				arg);
		break;
	case KEY_ROOTS:
		if (root_kinds_parse(arg, &a->skip_roots, &e)) {
			error_print(&e);
			exit(e.code);
		}
		break;
	case ARGP_KEY_ARG:
		if (a->pid)
			argp_error(state, "one process at a time");
		a->pid = (int)strtol(arg, &end, 10);
		if (*end || a->pid <= 0)
			argp_error(state, "'%s' is not a process number", arg);
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which process? give its number");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { option, parse, "PID", doc, OPTIONS_CHILD, NULL, NULL };

int cmd_snap(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct tide_error e = { 0 };
	struct collect c = { .outside = true, .reason = REASON_REQUEST };
	char *path;
	int status = EXIT_FINE;

	options_offer(OFFER_QUIET);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	path = ledger_find(a.pid, &e);
	c.ledger = path;
	c.pid = a.pid;
	c.output = a.output;
	c.overwrite = a.output != NULL;
	c.flags = a.no_references ? REQUEST_FLAG_NO_REFERENCES : 0;
	c.unaligned = a.unaligned;
	c.pointer_mask = a.mask;
	c.skip_roots = a.skip_roots;
	if (!path || collect_snapshot(&c, &e)) {
		error_print(&e);
		status = e.code ? e.code : EXIT_UNMEASURED;
	} else {
		if (!c.complete) {
			fprintf(stderr, "tidemark: the snapshot is not complete: %s\n", c.why);
			status = EXIT_UNMEASURED;
		}
		if (!a.common.quiet)
			fprintf(stderr, "tidemark: %s\n", c.written);
	}
	free(c.written);
	free(path);
	options_free(&a.common);
	return status;
}
