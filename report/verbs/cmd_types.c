/* cmd_types.c - `tidemark types FILE [OLD]`: the objects of a CPython process by type, reference counts that do
 * not add up, garbage, arenas, strings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "print/header.h"
#include "types_command.h"
#include "types_together.h"
#include "verb.h"
#include "view/typed_scan.h"

enum { KEY_STRINGS = 256, KEY_SHOW, KEY_TOGETHER };

static const struct argp_option option[] = { { "strings", KEY_STRINGS, "PREFIX", 0,
						     "count the strings that begin with PREFIX, too", 0 },
	{ "show", KEY_SHOW, "static", 0,
		"list the small ints that the interpreter keeps, too; C code holds references to them", 0 },
	{ "together", KEY_TOGETHER, NULL, 0,
		"sum the files, the processes of one run, by type; implied by three or more files", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 } };

static const char doc[] =
	"Print what blocks are. Of native ones: classes of C++ by their vtables, and types that allocators and source "
	"lines prove. Of a Python process: objects by type, how many there are, which of them have reference counts "
	"that nothing accounts for (a forgotten Py_DECREF), and which wait for gc.\v"
	"With a second snapshot, an older one, each type shows what it has grown by. No Python module is needed in the "
	"process: everything is read from its memory. Of several processes, such as the workers of a server, the types "
	"are summed, with the number of processes that have them.\n\n"
	"Examples:\n"
	"  tidemark run -o app.tide python3 app.py && tidemark types app.tide\n"
	"  tidemark types late.tide early.tide\n"
	"  tidemark types --strings config/ app.tide\n"
	"  tidemark types worker.*.tide";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct types_command *c = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &c->common; return 0;
	case KEY_STRINGS: c->prefix = arg; return 0;
	case KEY_SHOW:
		if (strcmp(arg, "static") != 0)
			argp_error(state, "--show: '%s' is unknown; there is 'static'", arg);
		c->show_static = true;
		return 0;
	case KEY_TOGETHER: c->together = true; return 0;
	case ARGP_KEY_ARG: *ARRAY_APPEND(c->files, c->file_count) = arg; return 0;
	case ARGP_KEY_END:
		if (!c->file_count)
			argp_error(state, "name a snapshot");
		c->together |= c->file_count > 2;
		if (c->together && (c->prefix || c->show_static))
			argp_error(state, "--strings and --show are of one process: name one file");
		c->file = c->files[0];
		if (!c->together && c->file_count == 2)
			c->old_file = c->files[1];
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { option, parse_option, "FILE [OLD]\nFILE FILE...", doc, OPTIONS_CHILD, NULL,
	NULL };

static int load(const char *file, struct snapshot *s, struct tide_error *e)
{
	if (snapshot_open(file, s, e))
		return -1;
	snapshot_verify(s);
	return snapshot_needs_references(s, e);
}

static int load_both(struct types_command *c, struct tide_error *e)
{
	if (load(c->file, &c->snapshot, e) || (c->old_file && load(c->old_file, &c->old, e)))
		return -1;
	c->symbols = symbols_new(&c->snapshot);
	if (!c->common.plain)
		typed_scan(&c->snapshot, c->symbols);
	if (native_types_find(&c->native, &c->snapshot, c->symbols, e))
		return -1;
	types_view_find(&c->view, &c->snapshot, c->symbols, c->prefix);
	if (c->old_file) {
		types_view_find(&c->old_view, &c->old, NULL, NULL);
		types_view_compare(&c->view, &c->old_view);
	}
	return 0;
}

static void unload(struct types_command *c)
{
	native_types_free(&c->native);
	types_view_free(&c->view);
	types_view_free(&c->old_view);
	if (c->symbols)
		symbols_free(c->symbols);
	if (c->snapshot.process)
		snapshot_close(&c->snapshot);
	if (c->old.process)
		snapshot_close(&c->old);
	options_free(&c->common);
	free(c->files);
}

/* The processes of one run. */
static int run_together(struct types_command *c)
{
	struct types_together t = { .process = alloc_zeroed(c->file_count, sizeof(*t.process)) };
	struct tide_error e = { 0 };
	int code = EXIT_FINE, bad = 0;

	for (; t.count < c->file_count && !bad; t.count++) {
		t.process[t.count] = (struct types_command){ .file = c->files[t.count] };
		t.process[t.count].common.plain = c->common.plain;
		bad = load_both(&t.process[t.count], &e);
	}
	if (bad) {
		error_print(&e);
		code = e.code;
	} else {
		types_together_sum(&t);
		if (c->common.json)
			types_together_json(&t, &c->common);
		else
			bad = types_together_screen(&t, &c->common);
		if (fflush(stdout) || ferror(stdout))
			bad = -1;
		for (size_t i = 0; i < t.count; i++)
			if (header_code(&t.process[i].snapshot) != EXIT_FINE || bad)
				code = EXIT_UNMEASURED;
	}
	types_together_free(&t);
	for (size_t i = 0; i < t.count; i++)
		unload(&t.process[i]);
	free(t.process);
	return code;
}

int cmd_types(int argc, char **argv)
{
	struct types_command c = { 0 };
	struct tide_error e = { 0 };
	int code = EXIT_FINE, bad = 0;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_SOURCES | OFFER_SCREEN | OFFER_QUIET | OFFER_SCAN);
	argp_parse(&argp, argc, argv, 0, NULL, &c);
	if (c.together) {
		code = run_together(&c);
		unload(&c);
		return code;
	}
	if (load_both(&c, &e)) {
		error_print(&e);
		unload(&c);
		return e.code;
	}
	if (c.common.json)
		types_json(&c);
	else
		bad = types_screen(&c);
	if (fflush(stdout) || ferror(stdout))
		bad = -1;
	code = header_code(&c.snapshot);
	if (c.old_file && header_code(&c.old) != EXIT_FINE)
		code = EXIT_UNMEASURED;
	if (bad)
		code = EXIT_UNMEASURED;
	unload(&c);
	return code;
}
