/* cmd_collect.c - the hidden verb that the library starts; a thread of the process
 * waits until we have ended.
 *
 *   tidemark collect --ledger PATH --serial N --reason N --flags N [--output PATH]
 *   tidemark collect --watch --ledger PATH
 */
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "collect/collect.h"
#include "model/format.h"
#include "collect/session_lock.h"
#include "verb.h"
#include "collect/watch.h"

struct arguments {
	struct collect collect;
	bool watch;
};

static const struct argp_option options[] = { { "ledger", 'l', "PATH", 0, "the ledger of the process", 0 },
	{ "serial", 's', "N", 0, "serial number of the request", 0 },
	{ "reason", 'r', "N", 0, "reason for the snapshot (enum tide_reason)", 0 },
	{ "flags", 'f', "N", 0, "REQUEST_FLAG_*", 0 }, { "output", 'o', "PATH", 0, "file to write", 0 },
	{ "watch", 'w', NULL, 0, "take snapshots as --every and --when of `run` ask", 0 }, { 0 } };

static uint32_t parse_number(const char *text, struct argp_state *state)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || !*text || n > UINT32_MAX)
		argp_error(state, "'%s' is not a number", text);
	return (uint32_t)n;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'l': a->collect.ledger = text; break;
	case 's': a->collect.serial = parse_number(text, state); break;
	case 'r': a->collect.reason = parse_number(text, state); break;
	case 'f': a->collect.flags = parse_number(text, state); break;
	case 'o': a->collect.output = text; break;
	case 'w': a->watch = true; break;
	case ARGP_KEY_END:
		if (!a->collect.ledger)
			argp_error(state, "--ledger is missing");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { options, parse_option, NULL,
	"Take a snapshot of the process that owns a ledger. Started by the library.", NULL, NULL, NULL };

/* "x" and "x.tide" are the same name to tide_snapshot. */
static char *add_ending(const char *path)
{
	size_t bytes = strlen(path);

	return bytes > 5 && !strcmp(path + bytes - 5, ".tide") ? alloc_string(path)
							       : alloc_printf("%s.tide", path);
}

int cmd_collect(int argc, char **argv)
{
	struct arguments a = { .collect.reason = REASON_REQUEST };
	struct tide_error e = { 0 };
	int result;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (session_lock_hold(a.collect.ledger))
		return EXIT_UNMEASURED; /* the run is over, and nothing waits for this snapshot */
	if (a.watch) {
		result = watch_process(a.collect.ledger, 0, NULL, &e);
	} else {
		if (a.collect.output)
			a.collect.output = add_ending(a.collect.output);
		result = collect_snapshot(&a.collect, &e);
		free((char *)a.collect.output);
		free(a.collect.written);
	}
	if (!result)
		return EXIT_FINE;
	error_print(&e);
	return EXIT_UNMEASURED;
}
