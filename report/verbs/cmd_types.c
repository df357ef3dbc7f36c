/* cmd_types.c - `tidemark types FILE [OLD]`: the objects of a CPython process by type, reference counts that do
 * not add up, garbage, arenas, strings. */
#include <stdio.h>
#include <string.h>
#include "print/header.h"
#include "types_command.h"
#include "verb.h"
#include "view/typed_scan.h"

enum { KEY_STRINGS = 256, KEY_SHOW };

static const struct argp_option option[] = { { "strings", KEY_STRINGS, "PREFIX", 0,
						     "count the strings that begin with PREFIX, too", 0 },
	{ "show", KEY_SHOW, "static", 0,
		"list the small ints that the interpreter keeps, too; C code holds references to them", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 } };

static const char doc[] =
	"Print what blocks are. Of native ones: classes of C++ by their vtables, and types that allocators and source "
	"lines prove. Of a Python process: objects by type, how many there are, which of them have reference counts "
	"that nothing accounts for (a forgotten Py_DECREF), and which wait for gc.\v"
	"With a second snapshot, an older one, each type shows what it has grown by. No Python module is needed in the "
	"process: everything is read from its memory.\n\n"
	"Examples:\n"
	"  tidemark run -o app.tide python3 app.py && tidemark types app.tide\n"
	"  tidemark types late.tide early.tide\n"
	"  tidemark types --strings config/ app.tide";

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
	case ARGP_KEY_ARG:
		if (c->old_file)
			argp_error(state, "too many arguments: types takes a snapshot and an older one");
		if (c->file)
			c->old_file = arg;
		else
			c->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!c->file)
			argp_error(state, "name a snapshot");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { option, parse_option, "FILE [OLD]", doc, OPTIONS_CHILD, NULL, NULL };

static int load(const char *file, struct snapshot *s, struct tide_error *e)
{
	if (snapshot_open(file, s, e))
		return -1;
	snapshot_verify(s);
	if (s->process->references)
		return 0;
	return error_set(e, EXIT_UNMEASURED,
		"no references in %s|the snapshot holds counters only|take one without --no-references",
		file);
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
	types_view_find(&c->view, &c->snapshot, c->prefix);
	if (c->old_file) {
		types_view_find(&c->old_view, &c->old, NULL);
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
}

int cmd_types(int argc, char **argv)
{
	struct types_command c = { 0 };
	struct tide_error e = { 0 };
	int code = EXIT_FINE, bad = 0;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_SOURCES | OFFER_SCREEN | OFFER_QUIET | OFFER_SCAN);
	argp_parse(&argp, argc, argv, 0, NULL, &c);
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
