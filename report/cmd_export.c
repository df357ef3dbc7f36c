/* cmd_export.c - `tidemark export FILE... --to FORMAT -o OUT`. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "export.h"
#include "leaks.h"
#include "verb.h"

static const struct format {
	const char *name;
	int (*write)(const struct export *, FILE *, struct tide_error *);	/* NULL: by path */
	bool binary, compares;			/* compares: can hold a --base */
	const char *suffix, *second_suffix;	/* of OUT, when there is no --to */
} formats[] = {
	{ "pprof", export_pprof, true, true, ".pb.gz", ".pprof" },
	{ "speedscope", export_speedscope, false, false, ".speedscope.json", ".speedscope" },
	{ "folded", export_folded, false, true, ".folded", ".collapsed" },
	{ "json", export_json, false, false, ".json", NULL },
	{ "csv", export_csv, false, false, ".csv", NULL },
	{ "jsonl", export_jsonl, false, false, ".jsonl", ".ndjson" },
	{ "dot", export_dot, false, false, ".dot", ".gv" },
	{ "massif", export_massif, false, false, ".massif", NULL },
	{ "dhat", export_dhat, false, false, ".dhat", NULL },
	{ "sqlite", NULL, true, false, ".sqlite", ".db" },
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

enum { KEY_TO = 't', KEY_OUTPUT = 'o', KEY_MEASURE = 'm', KEY_BASE = 256 };

static const struct argp_option option[] = {
	{ "to", KEY_TO, "FORMAT", 0, "pprof, speedscope, folded, json, csv, jsonl, dot, massif, dhat or sqlite; without it "
		"the ending of OUT tells", 0 },
	{ "output", KEY_OUTPUT, "OUT", 0, "File to write (default: standard output)", 0 },
	{ "measure", KEY_MEASURE, "MEASURE", 0, "For formats of one number: live_bytes (default), live_blocks, "
		"peak_bytes, total_bytes, total_blocks, temporary, lost_bytes. The others have all, and show this "
		"one first", 0 },
	{ "base", KEY_BASE, "OLD", 0, "pprof and folded: a comparison with this snapshot (given again: with their sum). "
		"pprof subtracts it; folded has two numbers a line", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] = "Write snapshots in the format of another tool. Several snapshots are added up: equal call "
	"stacks become one.\v"
	"Examples:\n"
	"  tidemark export a.tide --to pprof -o a.pb.gz         go tool pprof -http : a.pb.gz\n"
	"  tidemark export a.tide --to folded | flamegraph.pl > a.svg\n"
	"  tidemark export new.tide --base old.tide -o d.pb.gz  go tool pprof -http : d.pb.gz\n"
	"  tidemark export new.tide --base old.tide --to folded | flamegraph.pl > difference.svg\n"
	"  tidemark export a.tide -o a.speedscope.json          https://www.speedscope.app\n"
	"  tidemark export a.tide --to massif -o massif.out     ms_print massif.out\n"
	"  tidemark export a.tide --to dot | dot -Tsvg -o a.svg\n"
	"  tidemark export a.tide -o a.sqlite                   sqlite3 a.sqlite 'select * from callers'\n"
	"  tidemark export worker.*.tide --to json              a fleet as one";

struct arguments {
	struct options common;
	const char **file;	/* [files], the `bases` of --base last */
	size_t files, bases;
	const char **base;
	const struct format *format;
	const char *output;
	unsigned measure;
};

static bool ends_with(const char *text, const char *suffix)
{
	size_t n = strlen(text), m = suffix ? strlen(suffix) : 0;

	return m && n > m && !strcmp(text + n - m, suffix);
}

static const struct format *format_of_output(const char *output)
{
	const char *base = strrchr(output, '/') ? strrchr(output, '/') + 1 : output;

	for (size_t i = 0; i < FORMATS; i++)
		if (ends_with(output, formats[i].suffix) || ends_with(output, formats[i].second_suffix))
			return &formats[i];
	for (size_t i = 0; i < FORMATS; i++)
		if ((!strncmp(base, "massif.out", 10) && !strcmp(formats[i].name, "massif")) ||
		    (!strncmp(base, "dhat.out", 8) && !strcmp(formats[i].name, "dhat")))
			return &formats[i];
	return NULL;
}

static void choose_format(struct arguments *a, struct argp_state *state)
{
	if (!a->format && a->common.json)
		a->format = &formats[3];
	if (!a->format && a->common.csv)
		a->format = &formats[4];
	if (!a->format && a->output)
		a->format = format_of_output(a->output);
	if (!a->format)
		argp_error(state, "say the format with --to");
	if (!a->format->write && (!a->output || !strcmp(a->output, "-")))
		argp_error(state, "a database needs a file: -o OUT.sqlite");
	if (a->format->binary && !a->output && isatty(STDOUT_FILENO))
		argp_error(state, "%s is no text: give a file with -o, or a pipe", a->format->name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		break;
	case KEY_TO:
		for (size_t i = 0; i < FORMATS; i++)
			if (!strcmp(arg, formats[i].name))
				a->format = &formats[i];
		if (!a->format || strcmp(arg, a->format->name))
			argp_error(state, "--to: '%s' is none of pprof, speedscope, folded, json, csv, jsonl, dot, massif, "
				"dhat, sqlite", arg);
		break;
	case KEY_OUTPUT:
		a->output = arg;
		break;
	case KEY_MEASURE:
		if (export_measure_parse(arg, &a->measure))
			argp_error(state, "--measure: '%s' is none of live_bytes, live_blocks, peak_bytes, total_bytes, "
				"total_blocks, temporary, lost_bytes", arg);
		break;
	case ARGP_KEY_ARG:
		a->file = memory_resize(a->file, (a->files + 1) * sizeof(*a->file));
		a->file[a->files++] = arg;
		break;
	case KEY_BASE:
		a->base = memory_resize(a->base, (a->bases + 1) * sizeof(*a->base));
		a->base[a->bases++] = arg;
		break;
	case ARGP_KEY_END:
		if (!a->files)
			argp_error(state, "give at least one snapshot");
		choose_format(a, state);
		if (a->bases && !a->format->compares)
			argp_error(state, "--base: %s holds no comparison; pprof and folded do, and `tidemark diff` with "
				"--json or --csv", a->format->name);
		a->file = memory_resize(a->file, (a->files + a->bases + 1) * sizeof(*a->file));
		for (size_t i = 0; i < a->bases; i++)
			a->file[a->files++] = a->base[i];
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { option, parse, "FILE...", doc, OPTIONS_CHILD, NULL, NULL };

/* Writes beside OUT and renames: what bears the name is whole. */
static int write_file(const struct export *x, const struct format *format, const char *output, struct tide_error *e)
{
	struct stat st;
	bool special = !stat(output, &st) && !S_ISREG(st.st_mode);	/* /dev/null, a fifo */
	char *temporary = special ? memory_string(output) : memory_printf("%s.%d.part", output, (int)getpid());
	FILE *out = NULL;
	int bad;

	if (!format->write) {
		unlink(temporary);
		bad = export_sqlite(x, temporary, e);
	} else if (!(out = fopen(temporary, "w"))) {
		bad = error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|choose another place with -o", output, strerror(errno));
	} else {
		bad = format->write(x, out, e);
		bool broken = ferror(out);
		if ((fclose(out) || broken) && !bad)
			bad = error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|check the free space", output, strerror(errno));
	}
	if (!bad && !special && rename(temporary, output))
		bad = error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|choose another place with -o", output, strerror(errno));
	if (bad && !special)
		unlink(temporary);
	free(temporary);
	return bad;
}

static int write_stdout(const struct export *x, const struct format *format, struct tide_error *e)
{
	if (format->write(x, stdout, e))
		return -1;
	if (fflush(stdout) || ferror(stdout))
		return error_set(e, EXIT_UNMEASURED, "cannot write the export|%s|", strerror(errno));
	return 0;
}

static void lost_free(struct export_lost *lost, size_t count)
{
	for (size_t i = 0; lost && i < count; i++) {
		free(lost[i].bytes);
		free(lost[i].blocks);
	}
	free(lost);
}

/* Lost blocks of each site, where all snapshots hold references; else *out is NULL,
 * which is an error only when they were asked for. */
static int find_lost(const struct arguments *a, const struct view *view, struct export_lost **out, struct tide_error *e)
{
	struct export_lost *lost = memory_get_zeroed(a->files, sizeof(*lost));
	bool asked = a->measure == EXPORT_LOST_BYTES || a->measure == EXPORT_LOST_BLOCKS, known = true;

	for (size_t i = 0; i < a->files && known; i++) {
		const struct snapshot *s = view[i].snapshot;
		struct suppress *suppress = suppress_new();
		struct leaks_options o = { .symbols = view[i].symbols, .suppress = suppress, .totals_only = true };
		struct leaks l;
		bool bad = false;

		for (size_t k = 0; k < a->common.suppressions.count && !bad; k++)
			bad = suppress_read(suppress, a->common.suppressions.item[k], e);
		if (bad) {
			suppress_free(suppress);
			lost_free(lost, a->files);
			return -1;
		}
		/* What was lost between marks, or by one thread, is for `leaks` to say. */
		known = s->process->references && !view[i].by_interval && !view[i].by_thread;
		if (!known || leaks_classify(s, &o, &l, e)) {
			suppress_free(suppress);
			known = false;
			break;
		}
		lost[i].bytes = memory_get_zeroed(s->site_count + 1, sizeof(int64_t));
		lost[i].blocks = memory_get_zeroed(s->site_count + 1, sizeof(int64_t));
		for (size_t r = 0; r < l.record_count; r++) {
			const struct leak_record *record = &l.records[r];

			if (!LEAK_IS_LOST(record->kind) || record->suppression >= 0 || record->site >= s->site_count ||
			    !view[i].kept[record->site])
				continue;
			lost[i].bytes[record->site] += (int64_t)record->bytes;
			lost[i].blocks[record->site] += (int64_t)record->blocks;
		}
		known = l.complete || !asked;
		if (!known)
			error_set(e, EXIT_UNMEASURED, "cannot tell what is lost in %s|%s|", a->file[i], l.why);
		leaks_free(&l);
		suppress_free(suppress);
	}
	if (!known) {
		lost_free(lost, a->files);
		lost = NULL;
	}
	*out = lost;
	if (asked && e->what[0])
		return -1;
	memset(e, 0, sizeof(*e));
	return 0;
}

static int export_files(const struct arguments *a, struct tide_error *e)
{
	struct view *view = memory_get_zeroed(a->files, sizeof(*view));
	struct export_lost *lost = NULL;
	struct export x, base;
	size_t open = 0, news = a->files - a->bases;
	bool damaged = false;
	int bad = 0;

	for (; open < a->files && !bad; open += !bad)
		bad = view_load(&view[open], a->file[open], &a->common, DOMAIN_BLOCKS, e);
	if (!bad)
		bad = find_lost(a, view, &lost, e);
	if (!bad)
		bad = export_make(&x, view, news, lost, a->measure, e);
	if (!bad && a->bases) {
		bad = export_make(&base, view + news, a->bases, lost ? lost + news : NULL, a->measure, e);
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
			bad = write_file(&x, a->format, a->output, e);
		else
			bad = write_stdout(&x, a->format, e);
		if (x.base)
			export_free(&base);
		export_free(&x);
	}
	lost_free(lost, open);
	for (size_t i = 0; i < open; i++) {
		const char *warning;

		for (size_t k = 0; !a->common.quiet && (warning = symbols_warning(view[i].symbols, k)) != NULL; k++)
			fprintf(stderr, "tidemark: %s\n", warning);
		if (view[i].snapshot->damaged) {
			fprintf(stderr, "tidemark: %s is damaged: %s\n", a->file[i], view[i].snapshot->damage);
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

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_FILTER |
		OFFER_MARKS | OFFER_AGE | OFFER_SUPPRESSIONS | OFFER_QUIET);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	code = export_files(&a, &e);
	if (*e.what)
		error_print(&e);
	free(a.file);
	free(a.base);
	options_free(&a.common);
	return code;
}
