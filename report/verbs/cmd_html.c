/* cmd_html.c - `tidemark html FILE [OLD] -o report.html`: a report in one file, for any browser. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/output.h"
#include "print/options.h"
#include "print/header.h"
#include "html/html.h"
#include "verb.h"
#include "view/match.h"
#include "view/typed_scan.h"

enum { KEY_SOURCE = 256 };

static const struct argp_option option[] = {
	{ "output", 'o', "OUT", 0,
		"write to OUT (default: FILE with the extension .html; - is standard output)", 0 },
	{ "with-source", KEY_SOURCE, NULL, 0,
		"put lines of source text into the report, where the files can be read: those around the lines of call "
		"stacks",
		0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] =
	"Write a report for the browser: flame graph, sites with stacks, leaks with their cycles, owners, "
	"memory, types, timeline, histograms, threads; with OLD also what has changed since. Of more snapshots of one process, in "
	"any order, the report is that of the newest: it is compared with the earliest, and its timeline shows which sites "
	"held memory at each. The report is one file and needs no network.\v"
	"Examples:\n"
	"  tidemark html app.tide -o report.html\n"
	"  tidemark html after.tide before.tide -o report.html\n"
	"  tidemark html app.tide app.*.tide -o report.html    all of a run --every\n"
	"  tidemark html --since warm server.tide -o report.html\n"
	"  tidemark html --with-source app.tide -o report.html";

struct arguments {
	struct options common;
	const char **file; /* of several the newest first; of two as they are named */
	size_t files;
	const char *output;
	bool with_source;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; return 0;
	case 'o': a->output = arg; return 0;
	case KEY_SOURCE: a->with_source = true; return 0;
	case ARGP_KEY_ARG: *ARRAY_APPEND(a->file, a->files) = arg; return 0;
	case ARGP_KEY_END:
		if (!a->files)
			argp_error(state, "which snapshot? `tidemark html FILE [OLD] -o report.html`");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { option, parse_option, "FILE [OLD...]", doc, OPTIONS_CHILD, NULL, NULL };

/* References, leaks and dominators; a snapshot without them has a report all the same. */
static int find_leaks(struct html *h, struct tide_error *e)
{
	struct leaks_view *v = &h->leaks;
	struct leaks_options o = { .symbols = v->symbols, .suppress = v->suppress };

	if (leaks_select(&o, &v->snapshot, v->symbols, &h->options->selection, e))
		return -1;
	if (!v->snapshot.process->references) {
		const char *why = snapshot_string(&v->snapshot, v->snapshot.process->incomplete_why);

		snprintf(h->why, sizeof(h->why), "%s",
			*why ? why : "the snapshot was taken without references");
		leaks_select_free(&o);
		return 0;
	}
	h->references = !leaks_classify(&v->snapshot, &o, &v->leaks, e);
	leaks_select_free(&o);
	if (h->references)
		retained_find(&h->retained, &v->snapshot, &v->leaks);
	else
		snprintf(h->why, sizeof(h->why), "%s", e->why[0] ? e->why : e->what);
	memset(e, 0, sizeof(*e));
	return 0;
}

static int load_report(struct html *h, struct arguments *a, struct tide_error *e)
{
	struct leaks_view *v = &h->leaks;

	h->with_source = a->with_source;
	if (a->files > 2 && history_order(a->file, &a->files, a->common.quiet, e))
		return -1;
	v->file = a->file[0];
	v->old_file = a->files > 1 ? a->file[a->files - 1] : NULL;
	if (snapshot_open(v->file, &v->snapshot, e))
		return -1;
	snapshot_verify(&v->snapshot);
	v->symbols = symbols_new(&v->snapshot);
	if (!a->common.plain)
		typed_scan(&v->snapshot, v->symbols);
	v->suppress = suppress_new();
	for (size_t i = 0; i < a->common.suppressions.count; i++)
		if (suppress_read(v->suppress, a->common.suppressions.item[i], e))
			return -1;
	if (view_select(&h->view, &v->snapshot, v->symbols, &a->common.selection, DOMAIN_BLOCKS, e))
		return -1;
	if (v->old_file && view_load(&h->old, v->old_file, &a->common.selection, DOMAIN_BLOCKS, e))
		return -1;
	h->has_old = v->old_file != NULL;
	if (h->has_old)
		symbols_learn_together((struct symbols *const[]){ h->view.symbols, h->old.symbols }, 2);
	if (h->has_old && snapshot_same_process(v->snapshot.process, h->old.snapshot->process)
		&& v->snapshot.process->elapsed_ns >= h->old.snapshot->process->elapsed_ns
		&& history_load(&h->history, &h->view, a->file, a->files, e))
		return -1;
	return find_leaks(h, e);
}

static void unload_report(struct html *h)
{
	html_names_free(h);
	history_free(&h->history);
	native_types_free(&h->native);
	if (h->references)
		retained_free(&h->retained);
	if (h->view.snapshot)
		view_close(&h->view);
	if (h->has_old)
		view_close(&h->old);
	leaks_view_close(&h->leaks);
}

/* The report holds what the snapshot holds, and is as private. */
static int write_report(struct html *h, const struct arguments *a, const char *path, struct tide_error *e)
{
	struct output output;

	if (!strcmp(path, "-")) {
		h->json.out = stdout;
		if (html_page(h, e))
			return -1;
		return fflush(stdout) || ferror(stdout)
			? error_set(e, EXIT_UNMEASURED, "cannot write the report|%s|", strerror(errno))
			: 0;
	}
	if (output_open(&output, path, output_mode(a->file, a->files), e))
		return -1;
	h->json.out = output.file;
	return output_close(&output, html_page(h, e), e);
}

static char *choose_output(const struct arguments *a)
{
	const char *file = a->file[0];
	size_t bytes = strlen(file);

	if (a->output)
		return alloc_string(a->output);
	if (bytes > 5 && !strcmp(file + bytes - 5, ".tide"))
		bytes -= 5;
	return alloc_printf("%.*s.html", (int)bytes, file);
}

int cmd_html(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct html h = { .options = &a.common, .json.in_html = true };
	struct tide_error e = { 0 };
	char *output = NULL;
	int code = EXIT_FINE;

	options_offer(OFFER_FILTER | OFFER_MARKS | OFFER_AGE | OFFER_SUPPRESSIONS | OFFER_SOURCES
		| OFFER_QUIET | OFFER_SCAN);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if ((!html_page_known() && html_page(&h, &e)) || load_report(&h, &a, &e)
		|| write_report(&h, &a, output = choose_output(&a), &e)) {
		error_print(&e);
		code = e.code;
	} else {
		if (!a.common.quiet && strcmp(output, "-"))
			error_note("wrote %s", output);
		code = header_code(&h.leaks.snapshot);
		if (h.has_old && header_code(h.old.snapshot))
			code = EXIT_UNMEASURED;
	}
	free(output);
	unload_report(&h);
	free(a.file);
	options_free(&a.common);
	return code;
}
