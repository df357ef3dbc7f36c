/* verb.h - the table of verbs: one cmd_<verb>.c each, listed in verbs.c.
 *
 * A verb parses its own arguments (argv[0] is "tidemark VERB") with argp and
 * the common options of options.h, and returns an exit code of error.h.
 */
#ifndef TIDEMARK_VERB_H
#define TIDEMARK_VERB_H

#include "base/sandbox.h"

struct verb {
	const char *heading; /* printed above the verb in `tidemark --help`; NULL: none */
	const char *name;
	const char *summary; /* one line of `tidemark --help`; NULL: hidden */
	int (*run)(int argc, char **argv);
	enum sandbox sandbox; /* of verbs that only read snapshots */
};

int cmd_run(int argc, char **argv);
int cmd_snap(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_tree(int argc, char **argv);
int cmd_timeline(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_leaks(int argc, char **argv);
int cmd_refs(int argc, char **argv);
int cmd_retained(int argc, char **argv);
int cmd_waste(int argc, char **argv);
int cmd_types(int argc, char **argv);
int cmd_gate(int argc, char **argv);
int cmd_html(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_symbolize(int argc, char **argv);
int cmd_collect(int argc, char **argv); /* hidden: started by the shim */

/* In the order of the help, hidden ones too; the last has no name. */
extern const struct verb verbs[];

/* Completions of these verbs for a shell. Hidden: the build runs it. */
int cmd_completions(const struct verb *all, int argc, char **argv);

#endif
