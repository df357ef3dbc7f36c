/* cmd_html.c - `tidemark html FILE [OLD] -o report.html`: a report in one file, for any browser. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "generations.h"
#include "header.h"
#include "html.h"
#include "verb.h"
#include "view_match.h"

static const struct argp_option option[] = {
	{ "output", 'o', "OUT", 0, "Write to OUT (default: FILE with the ending .html; - is standard output)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] = "A report to look at: flame graph, sites with stacks, leaks with their rings, what keeps what "
	"alive, timeline, histograms, threads; with OLD also what has changed since. One file, which opens in any "
	"browser and needs no network.\v"
	"Examples:\n"
	"  tidemark html app.tide -o report.html\n"
	"  tidemark html after.tide before.tide -o report.html\n"
	"  tidemark html --since warm server.tide -o report.html";

struct arguments {
	struct options common;
	const char *file, *old_file, *output;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->old_file)
			argp_error(state, "too many files: html takes a snapshot and an older one");
		*(a->file ? &a->old_file : &a->file) = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->file)
			argp_error(state, "which snapshot? `tidemark html FILE [OLD] -o report.html`");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { option, parse, "FILE [OLD]", doc, OPTIONS_CHILD, NULL, NULL };

/* References, leaks and dominators; a snapshot without them has a report all the same. */
static int find_leaks(struct html *h, struct tide_error *e)
{
	struct leaks_view *v = &h->leaks;
	struct leaks_options o = { .symbols = v->symbols, .suppress = v->suppress };

	if (leaks_select(&o, &v->snapshot, v->symbols, h->options, e))
		return -1;
	if (!v->snapshot.process->references) {
		const char *why = snapshot_string(&v->snapshot, v->snapshot.process->incomplete_why);

		snprintf(h->why, sizeof(h->why), "%s", *why ? why : "the snapshot was taken without references");
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

static int load(struct html *h, const struct arguments *a, struct tide_error *e)
{
	struct leaks_view *v = &h->leaks;

	v->file = a->file;
	v->old_file = a->old_file;
	v->common = a->common;
	if (snapshot_open(a->file, &v->snapshot, e))
		return -1;
	snapshot_verify(&v->snapshot);
	v->symbols = symbols_new(&v->snapshot);
	v->suppress = suppress_new();
	for (size_t i = 0; i < a->common.suppressions.count; i++)
		if (suppress_read(v->suppress, a->common.suppressions.item[i], e))
			return -1;
	if (view_select(&h->view, &v->snapshot, v->symbols, &a->common, DOMAIN_BLOCKS, e))
		return -1;
	if (a->old_file && view_load(&h->old, a->old_file, &a->common, DOMAIN_BLOCKS, e))
		return -1;
	h->has_old = a->old_file != NULL;
	return find_leaks(h, e);
}

static void unload(struct html *h)
{
	struct leaks_view *v = &h->leaks;

	html_names_free(h);
	if (h->references) {
		retained_free(&h->retained);
		leaks_free(&v->leaks);
	}
	if (h->view.snapshot)
		view_close(&h->view);
	if (h->has_old)
		view_close(&h->old);
	suppress_free(v->suppress);
	if (v->symbols)
		symbols_free(v->symbols);
	if (v->snapshot.process)
		snapshot_close(&v->snapshot);
}

/* Writes beside OUT and renames: what bears the name is whole. */
static int write_report(struct html *h, const char *output, struct tide_error *e)
{
	struct stat st;
	bool special = !strcmp(output, "-") || (!stat(output, &st) && !S_ISREG(st.st_mode));
	char *temporary = special ? memory_string(output) : memory_printf("%s.%d.part", output, (int)getpid());
	bool broken;
	int bad;

	h->out = !strcmp(output, "-") ? stdout : fopen(temporary, "w");
	if (!h->out) {
		bad = error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|choose another place with -o", output, strerror(errno));
		free(temporary);
		return bad;
	}
	bad = html_page(h, e);
	broken = fflush(h->out) || ferror(h->out);
	if (h->out != stdout && fclose(h->out))
		broken = true;
	if (!bad && broken)
		bad = error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|check the free space", output, strerror(errno));
	if (!bad && !special && rename(temporary, output))
		bad = error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|choose another place with -o", output, strerror(errno));
	if (bad && !special)
		unlink(temporary);
	free(temporary);
	return bad;
}

static char *default_output(const char *file)
{
	size_t bytes = strlen(file);

	if (bytes > 5 && !strcmp(file + bytes - 5, ".tide"))
		bytes -= 5;
	return memory_printf("%.*s.html", (int)bytes, file);
}

int cmd_html(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct html h = { .options = &a.common };
	struct tide_error e = { 0 };
	char *output = NULL;
	int code = EXIT_FINE;

	options_offer(OFFER_FILTER | OFFER_MARKS | OFFER_AGE |
		OFFER_SUPPRESSIONS | OFFER_SOURCES | OFFER_QUIET);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	output = a.output ? memory_string(a.output) : default_output(a.file);
	if ((!html_page_known() && html_page(&h, &e)) || load(&h, &a, &e) || write_report(&h, output, &e)) {
		error_print(&e);
		code = e.code;
	} else {
		if (!a.common.quiet && strcmp(output, "-"))
			fprintf(stderr, "tidemark: wrote %s\n", output);
		code = header_code(&h.leaks.snapshot);
		if (h.has_old && header_code(h.old.snapshot))
			code = EXIT_UNMEASURED;
	}
	free(output);
	unload(&h);
	options_free(&a.common);
	return code;
}
