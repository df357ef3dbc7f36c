/* verb.h - the table of verbs: one cmd_<verb>.c each, listed in main.c.
 *
 * A verb parses its own arguments (argv[0] is "tidemark VERB") with argp and
 * the common options of options.h, and returns an exit code of error.h.
 */
#ifndef TIDEMARK_VERB_H
#define TIDEMARK_VERB_H

#include <stddef.h>

struct verb {
	const char *name;
	const char *summary;	/* one line of `tidemark --help`; NULL: hidden */
	int (*run)(int argc, char **argv);
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
int cmd_gate(int argc, char **argv);
int cmd_html(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_symbolize(int argc, char **argv);
int cmd_collect(int argc, char **argv);	/* hidden: started by the shim */
int cmd_completions(int argc, char **argv);	/* hidden: run by the build */

/* The verbs in the order of the help, hidden ones too; NULL behind the last. One that
 * is not in this build has no `run`. */
const struct verb *verb_at(size_t index);

#endif
