/* cmd_symbolize.c - tidemark symbolize: stores the names of a snapshot's frames, and the types of
 * its blocks, inside it, so that it can be read where the program's files are not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/units.h"
#include "print/json_report.h"
#include "print/options.h"
#include "model/ledger_open.h"
#include "model/snapshot.h"
#include "symbol/symbol.h"
#include "symbol/symbol_module.h"
#include "symbol/symbol_sysroot.h"
#include "verb.h"
#include "view/types_keep.h"

struct arguments {
	struct options common;
	const char *file, *output, *sysroot;
};

enum { KEY_SYSROOT = 0x100 };

static const struct argp_option own[] = {
	{ "output", 'o', "FILE", 0, "write to FILE and leave the snapshot unchanged", 0 },
	{ "sysroot", KEY_SYSROOT, "DIR", 0,
		"take the program's files from below DIR: /proc/PID/root of a container, or a copy of one",
		0 },
	{ 0 },
};

static const char doc[] =
	"Store function names, files, lines and types in a snapshot, to read it on another machine.\v"
	"Names come from the files of this machine, their debug files, and debuginfod when "
	"DEBUGINFOD_URLS is set; no other verb asks its servers. Stored names are kept; frames "
	"without a name are looked up again. Types of blocks, and the names of their fields, are "
	"stored, too: `types`, `leaks` and the others read no debug information then.\n\n"
	"  tidemark symbolize run.tide\n"
	"  tidemark symbolize --sysroot=/proc/4711/root snap.tide\n"
	"  DEBUGINFOD_URLS=https://debuginfod.debian.net tidemark symbolize run.tide\n";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'o': a->output = arg; return 0;
	case KEY_SYSROOT: a->sysroot = arg; return 0;
	default: return options_file(key, arg, state, &a->common, &a->file);
	}
}

struct counts {
	uint64_t frames, named, with_source, typed; /* typed: blocks */
};

/* Adds the section. A frame nothing is known of is left out: elsewhere there
 * may be more. */
static void store_symbols(
	struct snapshot_writer *w, const struct snapshot *s, struct symbols *y, struct counts *counts)
{
	struct tide_symbol *list = NULL;
	size_t count = 0, capacity = 0;

	for (uint32_t frame = 1; frame < s->frame_count; frame++) {
		size_t n;
		const struct symbol_line *lines = symbols_frame(y, frame, &n);

		counts->frames++;
		if (!lines[n - 1].has_symbol && !lines[0].file)
			continue;
		counts->named++;
		counts->with_source += lines[0].file != NULL;
		for (size_t i = 0; i < n; i++) {
			*ARRAY_ADD(list, count, capacity) = (struct tide_symbol){
				.frame = frame,
				.line = lines[i].line,
				.function = snapshot_writer_string(w, lines[i].function),
				.file = lines[i].file ? snapshot_writer_string(w, lines[i].file) : 0,
				.flags = lines[i].has_symbol ? 0 : SYMBOL_MADE_FROM_ADDRESS,
			};
		}
	}
	if (count)
		snapshot_writer_section(w, SECTION_SYMBOLS, sizeof(*list), list, count, 1);
	free(list);
}

/* Roots, with their best names. */
static void store_roots(struct snapshot_writer *w, const struct snapshot *s, struct symbols *y)
{
	struct tide_root *roots = alloc_bytes(s->root_count * sizeof(*roots) + 1);

	for (uint32_t i = 0; i < s->root_count; i++) {
		roots[i] = s->roots[i];
		roots[i].name = snapshot_writer_string(w, symbols_root(y, i));
	}
	if (s->root_count)
		snapshot_writer_section(w, SECTION_ROOTS, sizeof(*roots), roots, s->root_count, 1);
	free(roots);
}

static void print_counts(
	const struct arguments *a, const struct snapshot *s, const char *path, const struct counts *counts)
{
	char part[UNITS_TEXT], all[UNITS_TEXT], source[UNITS_TEXT];
	struct json_report report;

	if (a->common.json) {
		json_report_open(&report, stdout);
		json_report_snapshot(&report.json, "snapshot", s);
		json_text(&report.json, "file", path);
		json_number(&report.json, "frames", (int64_t)counts->frames);
		json_number(&report.json, "named", (int64_t)counts->named);
		json_number(&report.json, "with_source", (int64_t)counts->with_source);
		json_number(&report.json, "blocks", (int64_t)s->block_count);
		json_number(&report.json, "typed_blocks", (int64_t)counts->typed);
		json_report_close(&report);
	} else if (!a->common.quiet) {
		printf("%s: %s of %s have a name, %s a file and line", path,
			units_count(part, (int64_t)counts->named),
			units_many(all, (int64_t)counts->frames, "frame"),
			units_count(source, (int64_t)counts->with_source));
		if (s->block_count)
			printf("; %s of %s have a type", units_count(part, (int64_t)counts->typed),
				units_many(all, (int64_t)s->block_count, "block"));
		putchar('\n');
	}
}

static int symbolize_snapshot(const struct arguments *a, struct snapshot *s, struct tide_error *e)
{
	const char *path = a->output ? a->output : a->file, *warning;
	struct snapshot_writer *w;
	struct snapshot bare;
	struct counts counts = { 0 };
	struct symbols *y;
	int failed;

	if (!a->output && ledger_is(a->file))
		return error_set(e, EXIT_USAGE,
			"%s is not rewritten|it is the ledger of a process|"
			"name a file for the snapshot with -o",
			a->file);
	w = snapshot_writer_new();
	if (snapshot_writer_copy(
		    w, s, 1ull << SECTION_SYMBOLS | 1ull << SECTION_ROOTS | TYPES_KEEP_SECTIONS, e)
		!= 0) {
		snapshot_writer_free(w);
		return -1;
	}
	symbol_module_ask_servers();
	bare = *s;
	bare.native_type_count = 0;
	y = symbols_new(&bare);
	store_symbols(w, s, y, &counts);
	store_roots(w, s, y);
	counts.typed = types_keep(&bare, s, y, w);
	failed = snapshot_writer_finish(w, path, e);
	if (!failed)
		print_counts(a, s, path, &counts);
	for (size_t i = 0; !a->common.quiet && (warning = symbols_warning(y, i)) != NULL; i++)
		error_note("%s", warning);
	symbols_free(y);
	free(bare.unused);
	free(bare.typed);
	snapshot_writer_free(w);
	return failed;
}

int cmd_symbolize(int argc, char **argv)
{
	static const struct argp argp = { own, parse_option, "FILE", doc, OPTIONS_CHILD, NULL, NULL };
	struct arguments a = { .file = NULL };
	struct tide_error e = { 0 };
	struct snapshot s;
	int status = EXIT_FINE;

	options_offer(OFFER_JSON | OFFER_QUIET);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if ((a.sysroot && symbol_sysroot_set(a.sysroot, &e) != 0) || snapshot_open(a.file, &s, &e) != 0) {
		error_print(&e);
		status = e.code;
	} else {
		if (symbolize_snapshot(&a, &s, &e) != 0) {
			error_print(&e);
			status = e.code;
		}
		snapshot_close(&s);
	}
	options_free(&a.common);
	return status;
}
