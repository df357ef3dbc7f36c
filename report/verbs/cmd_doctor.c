/* cmd_doctor.c - `tidemark doctor [PROGRAM]`. */
#include <stdlib.h>
#include <string.h>

#include "run/doctor.h"
#include "base/alloc.h"
#include "base/error.h"
#include "print/csv.h"
#include "print/json_report.h"
#include "print/screen.h"
#include "verb.h"

static const char doc[] =
	"What would stop a good profile here, and what to do.\v"
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

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; break;
	case ARGP_KEY_ARG:
		if (a->program)
			argp_error(state, "one program at a time");
		a->program = arg;
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { NULL, parse_option, "[PROGRAM]", doc, OPTIONS_CHILD, NULL, NULL };

static const char *const level_name[] = { "ok", "warning", "problem" };

static void print_json(const struct doctor *d, const char *program)
{
	struct json_report report;
	struct json *j = &report.json;

	json_report_open(&report, stdout);
	json_text(j, "program", program);
	json_text(j, "library", d->library);
	json_bool(j, "works", doctor_worst(d) != DOCTOR_PROBLEM);
	json_open_array(j, "checks");
	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_check *c = &d->check[i];

		json_open_object(j, NULL);
		json_text(j, "check", c->name);
		json_text(j, "level", level_name[c->level]);
		json_text(j, "message", c->text);
		json_text(j, "hint", c->hint);
		json_close_object(j);
	}
	json_close_array(j);
	json_report_close(&report);
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
			char *lead = alloc_printf("%-9s", level_name[c->level]);

			screen_paragraph(&s, style[c->level], lead, "%s", text);
			if (hint)
				screen_paragraph(&s, STYLE_DIM, "         -> ", "%s", hint);
			free(lead);
		}
		free(text);
		free(hint);
	}
	if (problems)
		screen_print(&s, STYLE_BAD, "%zu problem%s, %zu warning%s\n", problems,
			problems == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
	else
		screen_print(
			&s, STYLE_GOOD, "a profile works here%s\n", warnings ? "; see the warnings" : "");
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
