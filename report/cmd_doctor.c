/* cmd_doctor.c - `tidemark doctor [PROGRAM]`. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "error.h"
#include "json_out.h"
#include "screen.h"
#include "verb.h"

static const char doc[] = "What would stop a good profile here, and what to do.\v"
	"With PROGRAM also whether this program can be profiled, and what names its stacks will have. It is "
	"not started.\n\n"
	"Exit status: 0 when a profile would work, 1 when there is a problem.\n\n"
	"Examples:\n"
	"  tidemark doctor\n"
	"  tidemark doctor ./server\n"
	"  tidemark doctor --json python3";

struct arguments {
	struct options common;
	const char *program;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->common;
		break;
	case ARGP_KEY_ARG:
		if (a->program)
			argp_error(state, "one program at a time");
		a->program = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { NULL, parse, "[PROGRAM]", doc, OPTIONS_CHILD, NULL, NULL };

void doctor_say(struct doctor *d, const char *name, enum doctor_level level, const char *format, ...)
{
	struct doctor_check *c;
	va_list arguments;
	char *text, *bar;

	va_start(arguments, format);
	int bytes = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	text = memory_get((uint64_t)(bytes > 0 ? bytes : 0) + 1);
	va_start(arguments, format);
	vsnprintf(text, (size_t)(bytes > 0 ? bytes : 0) + 1, format, arguments);
	va_end(arguments);
	bar = strchr(text, '|');
	d->check = memory_resize(d->check, (d->count + 1) * sizeof(*d->check));
	c = &d->check[d->count++];
	*c = (struct doctor_check){ name, level, text, bar && bar[1] ? memory_string(bar + 1) : NULL };
	if (bar)
		*bar = 0;
}

enum doctor_level doctor_worst(const struct doctor *d)
{
	enum doctor_level worst = DOCTOR_OK;

	for (size_t i = 0; i < d->count; i++)
		if (d->check[i].level > worst)
			worst = d->check[i].level;
	return worst;
}

void doctor_free(struct doctor *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->check[i].text);
		free(d->check[i].hint);
	}
	free(d->check);
	free(d->library);
	memset(d, 0, sizeof(*d));
}

static const char *const level_name[] = { "ok", "warning", "problem" };

static void print_json(const struct doctor *d, const char *program)
{
	json_t *root = json_report(NULL), *list = json_array();

	json_object_set_new(root, "program", json_text(program));
	json_object_set_new(root, "library", json_text(d->library));
	json_object_set_new(root, "works", json_boolean(doctor_worst(d) != DOCTOR_PROBLEM));
	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_check *c = &d->check[i];
		json_t *o = json_object();

		json_object_set_new(o, "check", json_text(c->name));
		json_object_set_new(o, "level", json_text(level_name[c->level]));
		json_object_set_new(o, "message", json_text(c->text));
		json_object_set_new(o, "hint", json_text(c->hint));
		json_array_append_new(list, o);
	}
	json_object_set_new(root, "checks", list);
	json_print(root, stdout);
}

static void print_csv(const struct doctor *d)
{
	fputs("check,level,message,hint\n", stdout);
	for (size_t i = 0; i < d->count; i++) {
		printf("%s,%s,", d->check[i].name, level_name[d->check[i].level]);
		csv_text(stdout, d->check[i].text);
		putchar(',');
		csv_text(stdout, d->check[i].hint);
		putchar('\n');
	}
}

static int print_screen(const struct doctor *d, const struct options *o)
{
	static const enum screen_style style[] = { STYLE_GOOD, STYLE_WARNING, STYLE_BAD };
	struct screen s;
	size_t problems = 0, warnings = 0;

	screen_open(&s, o);
	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_check *c = &d->check[i];
		char *text = screen_clean(&s, c->text), *hint = c->hint ? screen_clean(&s, c->hint) : NULL;

		problems += c->level == DOCTOR_PROBLEM;
		warnings += c->level == DOCTOR_WARNING;
		if (!(o->quiet && c->level == DOCTOR_OK)) {
			char *lead = memory_printf("%-9s", level_name[c->level]);

			screen_paragraph(&s, style[c->level], lead, "%s", text);
			if (hint)
				screen_paragraph(&s, STYLE_DIM, "         -> ", "%s", hint);
			free(lead);
		}
		free(text);
		free(hint);
	}
	if (problems)
		screen_print(&s, STYLE_BAD, "%zu problem%s, %zu warning%s\n", problems, problems == 1 ? "" : "s", warnings,
			warnings == 1 ? "" : "s");
	else
		screen_print(&s, STYLE_GOOD, "a profile works here%s\n", warnings ? "; see the warnings" : "");
	return screen_close(&s);
}

int cmd_doctor(int argc, char **argv)
{
	struct arguments a = { .program = NULL };
	struct doctor d = { .count = 0 };
	int code, broken = 0;

	options_offer(OFFER_JSON | OFFER_CSV | OFFER_SCREEN | OFFER_QUIET);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	doctor_machine(&d);
	doctor_ledgers(&d);
	if (a.program)
		doctor_program(&d, a.program);
	if (a.common.json)
		print_json(&d, a.program);
	else if (a.common.csv)
		print_csv(&d);
	else
		broken = print_screen(&d, &a.common);
	code = doctor_worst(&d) == DOCTOR_PROBLEM ? EXIT_FINDINGS : EXIT_FINE;
	if (broken || fflush(stdout) || ferror(stdout))
		code = EXIT_UNMEASURED;
	doctor_free(&d);
	options_free(&a.common);
	return code;
}
