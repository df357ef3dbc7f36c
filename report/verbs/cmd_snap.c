/* cmd_snap.c - `tidemark snap PID`: a snapshot of a running process. */
#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "collect/collect.h"
#include "model/format.h"
#include "collect/ledger_find.h"
#include "print/options.h"
#include "model/root_kinds.h"
#include "roots/pointer_mask.h"
#include "verb.h"

enum {
	KEY_NO_REFERENCES = 256,
	KEY_UNALIGNED,
	KEY_MASK,
	KEY_ROOTS,
	KEY_NO_COMMAND_LINE,
	KEY_NO_CONTENTS,
	KEY_WALK,
	KEY_CORE
};

static const struct argp_option option[] = {
	{ "output", 'o', "FILE", 0, "write to FILE and replace it (default: the output pattern of the run)",
		0 },
	{ "core", KEY_CORE, "FILE", 0,
		"of a core that gcore or the kernel has written, in place of a process", 0 },
	{ "no-references", KEY_NO_REFERENCES, NULL, 0, "counters only: no image, no roots, no lost blocks",
		0 },
	{ "no-contents", KEY_NO_CONTENTS, NULL, 0,
		"keep neither characters of Python strings nor values of numbers in the snapshot, nor words that "
		"may be reference counts",
		0 },
	{ "no-command-line", KEY_NO_COMMAND_LINE, NULL, 0,
		"leave the program's arguments out of the snapshot: they may hold passwords", 0 },
	{ "walk", KEY_WALK, NULL, 0,
		"list the blocks by a walk of glibc's heap, even where the library is in the process", 0 },
	{ "unaligned", KEY_UNALIGNED, NULL, 0, "look for references at every byte, not only at aligned words",
		0 },
	{ "pointer-mask", KEY_MASK, "MASK", 0,
		"bits to clear in a word before it is taken as a pointer: tags", 0 },
	{ "roots", KEY_ROOTS, "-KIND,...", 0,
		"ignore roots of these kinds: -mapping,-register ... (without minus: use only these)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] =
	"Take a snapshot of a running process. The process pauses for a few milliseconds. Of one that was not "
	"started with tidemark, the heap is walked: blocks then have no call stacks, and their bytes are "
	"usable bytes, a little more than was asked for.\v"
	"Exit status: 0 when the snapshot is complete, 3 when it is incomplete or could not be taken.\n\n"
	"Examples:\n"
	"  tidemark snap 4711\n"
	"  tidemark snap -o before.tide 4711\n"
	"  tidemark snap --core core.4711\n"
	"  tidemark snap --no-references $(pidof server)";

struct arguments {
	struct options common;
	const char *output, *core;
	uint64_t mask;
	bool no_references, no_command_line, no_contents, unaligned, walk;
	uint32_t skip_roots;
	int pid;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	struct tide_error e = { 0 };
	long number;
	char *end;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; break;
	case 'o': a->output = arg; break;
	case KEY_CORE: a->core = arg; break;
	case KEY_NO_REFERENCES: a->no_references = true; break;
	case KEY_NO_CONTENTS: a->no_contents = true; break;
	case KEY_NO_COMMAND_LINE: a->no_command_line = true; break;
	case KEY_WALK: a->walk = true; break;
	case KEY_UNALIGNED: a->unaligned = true; break;
	case KEY_MASK:
		if (pointer_mask_parse(arg, &a->mask, &e))
			options_refuse(&e);
		break;
	case KEY_ROOTS:
		if (root_kinds_parse(arg, &a->skip_roots, &e))
			options_refuse(&e);
		break;
	case ARGP_KEY_ARG:
		if (a->pid)
			argp_error(state, "one process at a time");
		number = strtol(arg, &end, 10);
		a->pid = number > 0 && number <= INT_MAX ? (int)number : 0;
		if (*end || !a->pid)
			argp_error(state, "'%s' is not a process number", arg);
		break;
	case ARGP_KEY_NO_ARGS:
		if (!a->core)
			argp_error(state, "name the process by its number");
		break;
	case ARGP_KEY_END:
		if (a->core && a->pid)
			argp_error(state, "a process or a core, not both");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { option, parse_option, "PID", doc, OPTIONS_CHILD, NULL, NULL };

int cmd_snap(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct tide_error e = { 0 };
	struct collect c = { .outside = true, .reason = REASON_REQUEST };
	char *path;
	int status = EXIT_FINE;

	options_offer(OFFER_QUIET);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	path = a.core ? NULL : ledger_find(a.pid, &e);
	/* A process that does not say where its ledger is is read from outside, as far as that is allowed. */
	e = (struct tide_error){ 0 };
	c.ledger = path;
	c.core = a.core;
	c.walk = a.walk;
	c.pid = a.pid;
	c.output = a.output;
	c.overwrite = a.output != NULL;
	c.no_references = a.no_references;
	c.no_command_line = a.no_command_line;
	c.no_contents = a.no_contents;
	c.unaligned = a.unaligned;
	c.pointer_mask = a.mask;
	c.skip_roots = a.skip_roots;
	if (collect_snapshot(&c, &e)) {
		error_print(&e);
		status = e.code ? e.code : EXIT_UNMEASURED;
	} else {
		if (!c.complete) {
			error_note("the snapshot is incomplete: %s", c.why);
			status = EXIT_UNMEASURED;
		}
		if (c.note)
			error_note("%s", c.note);
		if (!a.common.quiet)
			error_note("%s", c.written);
		if (!a.common.quiet && c.contained)
			error_note("its files are in a container: while it runs, `tidemark symbolize "
				   "--sysroot=/proc/%d/root %s` stores names and types",
				a.pid, c.written);
	}
	free(c.written);
	free(c.note);
	free(path);
	options_free(&a.common);
	return status;
}
