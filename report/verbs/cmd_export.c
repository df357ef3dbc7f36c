/* cmd_export.c - `tidemark export FILE... --to FORMAT -o OUT`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/error.h"
#include "base/output.h"
#include "export/export.h"
#include "analysis/leaks.h"
#include "print/options.h"
#include "verb.h"

enum { KEY_TO = 't', KEY_OUTPUT = 'o', KEY_MEASURE = 'm', KEY_BASE = 256 };

static const struct argp_option option[] = {
	{ "to", KEY_TO, "FORMAT", 0,
		"pprof, speedscope, folded, json, csv, jsonl, perfetto, dot, massif, dhat or sqlite "
		"(default: from the extension of OUT)",
		0 },
	{ "output", KEY_OUTPUT, "OUT", 0,
		"write to OUT (default: standard output); a text format is compressed when OUT ends in .gz",
		0 },
	{ "measure", KEY_MEASURE, "MEASURE", 0,
		"measure for formats that hold a single one: live_bytes (default), live_blocks, "
		"peak_bytes, total_bytes, total_blocks, temporary, lost_bytes; other formats hold all of them and "
		"show this one first",
		0 },
	{ "base", KEY_BASE, "OLD", 0,
		"compare with this snapshot (repeatable: with the sum of these); pprof subtracts it, "
		"folded has two numbers per line",
		0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] =
	"Convert snapshots to the format of another tool. Several snapshots are added up by call stack.\v"
	"Examples:\n"
	"  tidemark export a.tide -o a.pb.gz              go tool pprof -http=: a.pb.gz\n"
	"  tidemark export a.tide --to folded | flamegraph.pl >a.svg\n"
	"  tidemark export new.tide --base old.tide -o grown.pb.gz\n"
	"  tidemark export new.tide --base old.tide -o grown.folded\n"
	"  tidemark export a.tide -o a.speedscope.json.gz https://www.speedscope.app\n"
	"  tidemark export a.tide -o a.perfetto-trace     https://ui.perfetto.dev\n"
	"  tidemark export a.tide -o dhat.out.json        https://profiler.firefox.com\n"
	"  tidemark export a.tide -o massif.out           ms_print massif.out\n"
	"  tidemark export a.tide --to dot | dot -Tsvg -o a.svg\n"
	"  tidemark export a.tide -o a.sqlite             sqlite3 a.sqlite .schema\n"
	"  tidemark export worker.*.tide --to json        a fleet as one profile";

struct arguments {
	struct options common;
	const char **file; /* [files], the `bases` of --base last */
	size_t files, bases;
	const char **base;
	const struct export_format *format;
	const char *output;
	enum view_measure measure;
};

static void choose_format(struct arguments *a, struct argp_state *state)
{
	char *names = export_format_names();

	if (!a->format && a->common.json)
		a->format = export_format_find("json");
	if (!a->format && a->common.csv)
		a->format = export_format_find("csv");
	if (!a->format && a->output)
		a->format = export_format_of_file(a->output);
	if (!a->format && a->output)
		argp_error(state, "cannot tell the format from the name '%s': use --to with one of %s",
			a->output, names);
	if (!a->format)
		argp_error(state, "name the format with --to: one of %s", names);
	if (!a->format->write && (!a->output || !strcmp(a->output, "-")))
		argp_error(state,
			"a database cannot be written to standard output: name a file with -o OUT.sqlite");
	if (a->format->binary && !a->output && isatty(STDOUT_FILENO))
		argp_error(state, "%s is a binary format: name a file with -o, or pipe the output",
			a->format->name);
	free(names);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; break;
	case KEY_TO:
		a->format = export_format_find(arg);
		if (!a->format)
			argp_error(state, "--to: '%s' is not one of %s", arg, export_format_names());
		break;
	case KEY_OUTPUT: a->output = arg; break;
	case KEY_MEASURE:
		if (view_measure_parse(arg, &a->measure))
			argp_error(state,
				"--measure: '%s' is not one of live_bytes, live_blocks, peak_bytes, total_bytes, "
				"total_blocks, temporary, lost_bytes",
				arg);
		break;
	case ARGP_KEY_ARG: *ARRAY_APPEND(a->file, a->files) = arg; break;
	case KEY_BASE: *ARRAY_APPEND(a->base, a->bases) = arg; break;
	case ARGP_KEY_END:
		if (!a->files)
			argp_error(state, "name at least one snapshot");
		choose_format(a, state);
		if (a->bases && !a->format->compares)
			argp_error(state,
				"--base: %s cannot hold a comparison; pprof and folded can, and so can "
				"`tidemark diff` with --json or --csv",
				a->format->name);
		for (size_t i = 0; i < a->bases; i++)
			*ARRAY_APPEND(a->file, a->files) = a->base[i];
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { option, parse_option, "FILE...", doc, OPTIONS_CHILD, NULL, NULL };

/* An export holds what the snapshots hold, and is as private as they all are. */
static int write_file(const struct export *x, const struct arguments *a, struct tide_error *e)
{
	struct output output;
	int failed;

	if (output_open(&output, a->output, output_mode(a->file, a->files), e))
		return -1;
	if (a->format->write)
		failed = export_format_write(a->format, x, a->output, output.file, e);
	else
		failed = export_sqlite(x, output.temporary ? output.temporary : a->output, e);
	return output_close(&output, failed, e);
}

static int write_stdout(const struct export *x, const struct export_format *format, struct tide_error *e)
{
	if (format->write(x, stdout, e))
		return -1;
	if (fflush(stdout) || ferror(stdout))
		return error_set(e, EXIT_UNMEASURED, "cannot write the export|%s|", strerror(errno));
	return 0;
}

/* Lost memory is exported where all snapshots know it; that one does not is an error only when it was
 * asked for. */
static int find_lost(const struct arguments *a, struct view *view, struct tide_error *e)
{
	bool asked = view_measure_is_lost(a->measure);

	for (size_t i = 0; i < a->files; i++) {
		struct suppress *suppress = suppress_new();
		int bad = 0;

		for (size_t k = 0; k < a->common.suppressions.count && !bad; k++)
			bad = suppress_read(suppress, a->common.suppressions.item[k], e);
		if (!bad && view_find_lost(&view[i], suppress, e) && asked)
			bad = -1;
		suppress_free(suppress);
		if (bad)
			return -1;
	}
	memset(e, 0, sizeof(*e));
	return 0;
}

static int export_files(const struct arguments *a, struct tide_error *e)
{
	struct view *view = alloc_zeroed(a->files, sizeof(*view));
	struct export x, base;
	size_t open = 0, news = a->files - a->bases;
	bool damaged = false;
	int bad = 0;

	for (; open < a->files && !bad; open += !bad)
		bad = view_load(&view[open], a->file[open], &a->common.selection, DOMAIN_BLOCKS, e);
	if (!bad)
		bad = find_lost(a, view, e);
	if (!bad)
		bad = export_make(&x, view, news, a->measure, e);
	if (!bad && a->bases) {
		bad = export_make(&base, view + news, a->bases, a->measure, e);
		if (bad)
			export_free(&x);
		else
			x.base = &base;
	}
	if (!bad) {
		if (a->common.rows > 0)
			x.rows = (size_t)a->common.rows;
		else if (a->common.rows < 0)
			x.rows = SIZE_MAX - 1;
		if (a->output && strcmp(a->output, "-"))
			bad = write_file(&x, a, e);
		else
			bad = write_stdout(&x, a->format, e);
		if (x.base)
			export_free(&base);
		export_free(&x);
	}
	for (size_t i = 0; i < open; i++) {
		const char *warning;

		for (size_t k = 0;
			!a->common.quiet && (warning = symbols_warning(view[i].symbols, k)) != NULL; k++)
			error_note("%s", warning);
		if (view[i].snapshot->damaged) {
			error_note("%s is damaged: %s", a->file[i], view[i].snapshot->damage);
			damaged = true;
		}
		view_close(&view[i]);
	}
	free(view);
	return bad ? e->code : damaged ? EXIT_UNMEASURED : EXIT_FINE;
}

int cmd_export(int argc, char **argv)
{
	struct arguments a = { .measure = LIVE_BYTES };
	struct tide_error e = { 0 };
	int code;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_FILTER | OFFER_MARKS | OFFER_AGE
		| OFFER_SUPPRESSIONS | OFFER_QUIET);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	code = export_files(&a, &e);
	if (*e.what)
		error_print(&e);
	free(a.file);
	free(a.base);
	options_free(&a.common);
	return code;
}
