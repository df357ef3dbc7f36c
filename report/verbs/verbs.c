/* verbs.c - the table of verbs, in the order of the help. */
#include <stddef.h>
#include "verb.h"

const struct verb verbs[] = {
	{ "Measure", "run", "profile a program and its children", cmd_run },
	{ NULL, "snap", "take a snapshot of a running process", cmd_snap },
	{ NULL, "top", "watch a running process", cmd_top },
	{ NULL, "doctor", "check what would get in the way of a good profile", cmd_doctor },
	{ "Inspect a snapshot", "stat", "statistics by site, function, file, module, thread ...", cmd_stat },
	{ NULL, "tree", "call tree, top-down or bottom-up", cmd_tree },
	{ NULL, "timeline", "live bytes and resident memory over time", cmd_timeline },
	{ NULL, "info", "header, coverage, options, modules, threads, marks", cmd_info },
	{ "Find leaks and references", "leaks", "lost blocks, by root leak and root cycle", cmd_leaks },
	{ NULL, "refs", "reference count, referrers, referents, path from a root", cmd_refs },
	{ NULL, "retained", "what each root, site and block keeps alive", cmd_retained },
	{ NULL, "waste", "where resident memory is, and what keeps it from going back", cmd_waste },
	{ NULL, "types", "Python objects by type, lost references, garbage", cmd_types },
	{ "Compare and check", "diff", "compare two snapshots: grown, shrunk, new, gone", cmd_diff },
	{ NULL, "gate", "check for CI: fails only when memory leaks", cmd_gate },
	{ "Export and share", "html", "report in one HTML file", cmd_html },
	{ NULL, "export", "convert to pprof, speedscope, folded, json, csv, perfetto ...", cmd_export },
	{ NULL, "symbolize", "store symbol names in a snapshot, to read it elsewhere", cmd_symbolize },
	{ NULL, "collect", NULL, cmd_collect },
	{ NULL, NULL, NULL, NULL },
};
