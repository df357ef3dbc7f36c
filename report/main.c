/* main.c - the command: finds the verb and runs it. Everything a verb does is
 * in cmd_<verb>.c; the order of the table is the order of the help.
 */
#include <argp.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "options.h"
#include "verb.h"

/* A verb that is not linked in has the address NULL and does not exist: a build
 * without one of the libraries leaves out the verb and nothing else. */
#pragma weak cmd_run
#pragma weak cmd_snap
#pragma weak cmd_top
#pragma weak cmd_stat
#pragma weak cmd_tree
#pragma weak cmd_timeline
#pragma weak cmd_diff
#pragma weak cmd_leaks
#pragma weak cmd_refs
#pragma weak cmd_retained
#pragma weak cmd_gate
#pragma weak cmd_html
#pragma weak cmd_export
#pragma weak cmd_info
#pragma weak cmd_doctor
#pragma weak cmd_symbolize
#pragma weak cmd_collect
#pragma weak cmd_completions

static const struct {
	const char *heading;		/* printed before the verb */
	struct verb verb;
} table[] = {
	{ "Measure", { "run", "run a program, follow its children, leave snapshots", cmd_run } },
	{ NULL, { "snap", "take a snapshot of a running process, which goes on", cmd_snap } },
	{ NULL, { "top", "live view of a running process", cmd_top } },
	{ NULL, { "doctor", "what would stop a good profile here, and what to do", cmd_doctor } },
	{ "Look at a snapshot", { "stat", "statistics by site, function, file, module, thread ...",
		cmd_stat } },
	{ NULL, { "tree", "call tree, from the top down or from the bottom up", cmd_tree } },
	{ NULL, { "timeline", "live bytes and resident memory over time", cmd_timeline } },
	{ NULL, { "info", "header, coverage, options, modules, threads, marks", cmd_info } },
	{ "Find what is lost, and who holds the rest", { "leaks",
		"lost blocks by root leak and root cycle", cmd_leaks } },
	{ NULL, { "refs", "reference count, referrers, referents, path from a root", cmd_refs } },
	{ NULL, { "retained", "what each root, site and block keeps alive", cmd_retained } },
	{ "Compare and judge", { "diff", "two snapshots: grown, shrunk, new, gone", cmd_diff } },
	{ NULL, { "gate", "a verdict for CI: fails when memory leaks, and only then", cmd_gate } },
	{ "Hand on", { "html", "a report in one file for any browser", cmd_html } },
	{ NULL, { "export", "pprof, speedscope, folded, json, csv, dot, massif ...", cmd_export } },
	{ NULL, { "symbolize", "store names in a snapshot, to read it elsewhere", cmd_symbolize } },
	{ NULL, { "collect", NULL, cmd_collect } },
	{ NULL, { "completions", NULL, cmd_completions } },
};
#define VERBS (sizeof(table) / sizeof(table[0]))

const struct verb *verb_at(size_t index)
{
	return index < VERBS ? &table[index].verb : NULL;
}

static const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (table[i].verb.run && !strcmp(table[i].verb.name, name))
			return &table[i].verb;
	return NULL;
}

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

/* Levenshtein distance; names beyond the buffer are "far". */
static int distance(const char *a, const char *b)
{
	int row[64];
	size_t n = strlen(b);

	if (n >= 64 || strlen(a) >= 64)
		return 64;
	for (size_t j = 0; j <= n; j++)
		row[j] = (int)j;
	for (size_t i = 1; a[i - 1]; i++) {
		int diagonal = row[0];

		row[0] = (int)i;
		for (size_t j = 1; j <= n; j++) {
			int above = row[j];

			row[j] = smaller(smaller(above, row[j - 1]) + 1,
				diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[n];
}

/* What was meant by a word that is no verb: a snapshot, a program, a misspelt verb? */
static int unknown_verb(const char *name)
{
	const char *best = NULL;
	int best_distance = 3;
	size_t length = strlen(name);

	for (size_t i = 0; i < VERBS; i++) {
		const struct verb *v = &table[i].verb;
		int d;

		if (!v->run || !v->summary)
			continue;
		d = strncmp(v->name, name, length) ? distance(name, v->name) : 0;
		/* Of a short word too much would be replaced. */
		if (d < best_distance && (size_t)d * 2 < length) {
			best = v->name;
			best_distance = d;
		}
	}
	if (length > 5 && !strcmp(name + length - 5, ".tide"))
		fprintf(stderr, "tidemark: no verb '%s': a verb comes before the snapshot; try `tidemark stat %s`\n", name, name);
	else if (best)
		fprintf(stderr, "tidemark: no verb '%s': did you mean `tidemark %s`? `tidemark --help` lists all\n", name, best);
	else if (!access(name, X_OK) && strchr(name, '/'))
		fprintf(stderr, "tidemark: no verb '%s': a verb comes before the program; try `tidemark run %s`\n", name, name);
	else
		fprintf(stderr, "tidemark: no verb '%s'; `tidemark --help` lists all\n", name);
	return EXIT_USAGE;
}

static void help(FILE *out)
{
	const char *heading = NULL;

	fputs("tidemark - who allocated this memory, who holds it, and what leaked\n\n"
		"Usage: tidemark VERB [OPTION...] [ARGUMENT...]\n", out);
	for (size_t i = 0; i < VERBS; i++) {
		const struct verb *v = &table[i].verb;

		if (table[i].heading)
			heading = table[i].heading;
		if (!v->run || !v->summary)
			continue;
		if (heading)
			fprintf(out, "\n%s\n", heading);
		heading = NULL;
		fprintf(out, "  %-11s%s\n", v->name, v->summary);
	}
	fputs("\nFirst steps\n"
		"  tidemark run PROGRAM [ARGUMENT...]   leaves tidemark.PROGRAM.PID.tide\n"
		"  tidemark stat FILE.tide              who allocated\n"
		"  tidemark help VERB                   options of a verb, with examples\n"
		"\nExit status: 0 fine, 1 findings, 2 wrong use, 3 could not measure;\n"
		"`run` returns the program's own.\n", out);
}

static int run_verb(const struct verb *v, int argc, char **argv)
{
	char *name = memory_printf("tidemark %s", v->name);
	int code;

	/* Large reports in large pieces; people at a terminal see lines at once. */
	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	argv[0] = name;		/* what argp and getopt print before a message */
	code = v->run(argc, argv);
	free(name);
	errno = 0;
	if ((fflush(stdout) || ferror(stdout)) && code <= EXIT_FINDINGS) {
		fprintf(stderr, "tidemark: cannot write the output: %s\n", strerror(errno ? errno : EIO));
		code = EXIT_UNMEASURED;
	}
	return code;
}

int main(int argc, char **argv)
{
	const struct verb *v;

	/* Only the character set: numbers in JSON and CSV have a point everywhere. */
	setlocale(LC_CTYPE, "");
	argp_err_exit_status = EXIT_USAGE;
	argp_program_version = "tidemark " TIDEMARK_VERSION;

	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts(argp_program_version);
		return EXIT_FINE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    (!strcmp(argv[1], "help") && argc == 2)) {
		help(stdout);
		return EXIT_FINE;
	}
	if (!strcmp(argv[1], "help")) {
		char *words[] = { argv[2], (char *)"--help", NULL };

		v = verb_find(argv[2]);
		return v ? run_verb(v, 2, words) : unknown_verb(argv[2]);
	}
	if (argv[1][0] == '-') {
		fprintf(stderr, "tidemark: unknown option '%s': options come after the verb; "
			"`tidemark --help` lists the verbs\n", argv[1]);
		return EXIT_USAGE;
	}
	v = verb_find(argv[1]);
	if (!v)
		return unknown_verb(argv[1]);
	return run_verb(v, argc - 1, argv + 1);
}
