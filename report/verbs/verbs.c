/* verbs.c - the table of verbs, in the order of the help. */
#include <stddef.h>
#include "verb.h"

const struct verb verbs[] = {
	{ "Measure", "run", "profile a program and its children", cmd_run, SANDBOX_NONE },
	{ NULL, "snap", "take a snapshot of a running process", cmd_snap, SANDBOX_NONE },
	{ NULL, "top", "watch a running process", cmd_top, SANDBOX_NONE },
	{ NULL, "doctor", "check what would get in the way of a good profile", cmd_doctor, SANDBOX_NONE },
	{ "Inspect a snapshot", "stat", "statistics by site, function, file, module, thread ...", cmd_stat,
		SANDBOX_READ },
	{ NULL, "tree", "call tree, top-down or bottom-up", cmd_tree, SANDBOX_READ },
	{ NULL, "timeline", "live bytes and resident memory over time", cmd_timeline, SANDBOX_READ },
	{ NULL, "info", "header, coverage, options, modules, threads, marks", cmd_info, SANDBOX_READ },
	{ "Find leaks and references", "leaks", "lost blocks, by root leak and root cycle", cmd_leaks,
		SANDBOX_READ },
	{ NULL, "refs", "reference count, referrers, referents, path from a root", cmd_refs, SANDBOX_READ },
	{ NULL, "retained", "what each root, site and block keeps alive", cmd_retained, SANDBOX_READ },
	{ NULL, "waste", "where resident memory is, and what keeps it from going back", cmd_waste,
		SANDBOX_READ },
	{ NULL, "types", "Python objects by type, lost references, garbage", cmd_types, SANDBOX_READ },
	{ "Compare and check", "diff", "compare two snapshots: grown, shrunk, new, gone", cmd_diff,
		SANDBOX_READ },
	{ NULL, "gate", "check for CI: fails only when memory leaks", cmd_gate, SANDBOX_NONE },
	{ "Export and share", "html", "report in one HTML file", cmd_html, SANDBOX_WRITE },
	{ NULL, "export", "convert to pprof, speedscope, folded, json, csv, perfetto ...", cmd_export,
		SANDBOX_WRITE },
	{ NULL, "symbolize", "store names and types in a snapshot, to read it elsewhere", cmd_symbolize,
		SANDBOX_NONE },
	{ NULL, "collect", NULL, cmd_collect, SANDBOX_NONE },
	{ NULL, NULL, NULL, NULL, SANDBOX_NONE },
};
