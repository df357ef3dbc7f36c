/* main.c - the command: finds the verb and runs it. Everything a verb does is in
 * cmd_<verb>.c; verbs.c lists them.
 */
#include <argp.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "base/version.h"
#include "print/options.h"
#include "verb.h"

static const struct verb *find_verb(const char *name)
{
	for (const struct verb *v = verbs; v->name; v++)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

/* Guesses what was meant: a snapshot, a program, or a misspelt verb. */
static int report_unknown_verb(const char *name)
{
	const char *best = NULL;
	unsigned best_distance = 3;
	size_t length = strlen(name);

	for (const struct verb *v = verbs; v->name; v++) {
		unsigned d;

		if (!v->summary)
			continue;
		d = strncmp(v->name, name, length) ? text_distance(name, v->name) : 0;
		/* Of a short word too much would be replaced. */
		if (d < best_distance && d * 2 < length) {
			best = v->name;
			best_distance = d;
		}
	}
	if (length > 5 && !strcmp(name + length - 5, ".tide"))
		error_note("unknown verb '%s': the verb comes before the snapshot; try `tidemark stat %s`",
			name, name);
	else if (best)
		error_note("unknown verb '%s': did you mean `tidemark %s`? `tidemark --help` lists the verbs",
			name, best);
	else if (!access(name, X_OK) && strchr(name, '/'))
		error_note("unknown verb '%s': the verb comes before the program; try `tidemark run %s`",
			name, name);
	else
		error_note("unknown verb '%s'; `tidemark --help` lists the verbs", name);
	return EXIT_USAGE;
}

static void print_help(FILE *out)
{
	fputs("tidemark - who allocated this memory, who holds it, and what leaked\n\n"
	      "Usage: tidemark VERB [OPTION...] [ARGUMENT...]\n",
		out);
	for (const struct verb *v = verbs; v->name; v++) {
		if (v->heading)
			fprintf(out, "\n%s\n", v->heading);
		if (v->summary)
			fprintf(out, "  %-11s%s\n", v->name, v->summary);
	}
	fputs("\nFirst steps\n"
	      "  tidemark run PROGRAM [ARGUMENT...]   writes tidemark.PROGRAM.PID.tide\n"
	      "  tidemark stat FILE.tide              shows who allocated\n"
	      "  tidemark help VERB                   lists the options of a verb, with examples\n"
	      "\nExit status: 0 fine, 1 findings, 2 usage error, 3 could not measure;\n"
	      "`run` returns the program's own.\n",
		out);
}

static int run_verb(const struct verb *v, int argc, char **argv)
{
	char *name = alloc_printf("tidemark %s", v->name);
	enum sandbox sandbox = v->sandbox;
	int code;

	/* Large reports in large pieces; people at a terminal see lines at once. */
	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	else if (sandbox == SANDBOX_READ)
		sandbox = SANDBOX_PAGER;
	sandbox_enter(sandbox);
	fault_start();
	argv[0] = name; /* what argp and getopt print before a message */
	code = v->run(argc, argv);
	free(name);
	errno = 0;
	if ((fflush(stdout) || ferror(stdout)) && code <= EXIT_FINDINGS) {
		error_note("cannot write the output: %s", strerror(errno ? errno : EIO));
		code = EXIT_UNMEASURED;
	}
	/* `run` and the collector end as the program, or the library, expects. */
	if (fault_seen() && code <= EXIT_FINDINGS && v->summary && v->run != cmd_run)
		code = EXIT_UNMEASURED;
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
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts(argp_program_version);
		return EXIT_FINE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || (!strcmp(argv[1], "help") && argc == 2)) {
		print_help(stdout);
		return EXIT_FINE;
	}
	if (!strcmp(argv[1], "help")) {
		char *words[] = { argv[2], (char *)"--help", NULL };

		v = find_verb(argv[2]);
		return v ? run_verb(v, 2, words) : report_unknown_verb(argv[2]);
	}
	if (argv[1][0] == '-') {
		error_note("unknown option '%s': options come after the verb; "
			   "`tidemark --help` lists the verbs",
			argv[1]);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "completions"))
		return cmd_completions(verbs, argc - 1, argv + 1);
	v = find_verb(argv[1]);
	if (!v)
		return report_unknown_verb(argv[1]);
	return run_verb(v, argc - 1, argv + 1);
}
