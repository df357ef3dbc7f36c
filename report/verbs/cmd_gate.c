/* cmd_gate.c - the verb `gate`: arguments, outputs, self-test. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "gate/gate_publish.h"
#include "gate/gate_session.h"
#include "print/options.h"
#include "verb.h"

enum {
	OPT_SCENARIO = 0x2000,
	OPT_ACCEPT,
	OPT_WHY,
	OPT_SITE,
	OPT_RATCHET,
	OPT_LIMIT,
	OPT_STRICT,
	OPT_OUTPUT,
	OPT_SNAPSHOTS,
	OPT_AGAINST,
	OPT_GITHUB,
	OPT_SELF_TEST,
	OPT_FILE /* + enum gate_format */
};

struct list {
	char **item;
	size_t count;
};

struct arguments {
	struct options common;
	const char *config, *output, *why, *against;
	struct list scenarios, sites, limits, snapshots;
	bool accept, ratchet, strict, github, self_test;
	const char *file[GATE_FORMATS];
	char **program;
};

static void add_item(struct list *l, char *item) { *ARRAY_APPEND(l->item, l->count) = item; }

static const struct argp_option own[] = { { "config", 'c', "FILE", 0, "the gate file (default tidemark.gate)",
						  1 },
	{ "scenario", OPT_SCENARIO, "NAME", 0, "only this one; repeatable", 1 },
	{ "limit", OPT_LIMIT, "KEY=VALUE", 0,
		"leaked, growth, live, peak, missed, blind, errors, rss; wins over the file", 1 },
	{ "strict", OPT_STRICT, NULL, 0, "flaky, unused suppressions and \"improved\" fail too", 1 },
	{ "output", OPT_OUTPUT, "DIR", 0, "where snapshots are kept (default tidemark-gate/)", 1 },
	{ "snapshots", OPT_SNAPSHOTS, "NEW...", 0, "judge snapshots that exist", 2 },
	{ "against", OPT_AGAINST, "OLD", 0, "a snapshot or a baseline; leaks that it holds do not fail", 2 },
	{ "accept", OPT_ACCEPT, NULL, 0, "write the baselines from this run", 3 },
	{ "why", OPT_WHY, "TEXT", 0, "the reason, kept in the baseline", 3 },
	{ "site", OPT_SITE, "GLOB", 0, "accept these functions only; repeatable", 3 },
	{ "ratchet", OPT_RATCHET, NULL, 0, "lower baselines where things got better", 3 },
	{ "junit", OPT_FILE + GATE_JUNIT, "FILE", 0, "JUnit XML", 4 },
	{ "sarif", OPT_FILE + GATE_SARIF, "FILE", 0, "SARIF 2.1.0", 4 },
	{ "gitlab", OPT_FILE + GATE_GITLAB, "FILE", 0, "GitLab code quality", 4 },
	{ "markdown", OPT_FILE + GATE_MARKDOWN, "FILE", 0, "a comment for a pull request", 4 },
	{ "html", OPT_FILE + GATE_HTML, "FILE", 0, "a page that needs nothing else", 4 },
	{ "github", OPT_GITHUB, NULL, 0, "annotations and step summary; by itself in GitHub Actions", 4 },
	{ "self-test", OPT_SELF_TEST, NULL, 0, "run a known leak: exit 0 only when the gate goes red for it",
		5 },
	{ 0 } };

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; return 0;
	case 'c': a->config = arg; return 0;
	case OPT_SCENARIO: add_item(&a->scenarios, arg); return 0;
	case OPT_LIMIT: add_item(&a->limits, arg); return 0;
	case OPT_SITE: add_item(&a->sites, arg); return 0;
	case OPT_SNAPSHOTS: add_item(&a->snapshots, arg); return 0;
	case OPT_AGAINST: a->against = arg; return 0;
	case OPT_ACCEPT: a->accept = true; return 0;
	case OPT_WHY: a->why = arg; return 0;
	case OPT_RATCHET: a->ratchet = true; return 0;
	case OPT_STRICT: a->strict = true; return 0;
	case OPT_OUTPUT: a->output = arg; return 0;
	case OPT_GITHUB: a->github = true; return 0;
	case OPT_SELF_TEST: a->self_test = true; return 0;
	case ARGP_KEY_ARG:
		/* `--snapshots A B C`; anything else begins the program, whose options are its own. */
		if (a->snapshots.count) {
			add_item(&a->snapshots, arg);
			return 0;
		}
		a->program = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		if (a->accept && !(a->why && *a->why))
			argp_error(state, "--accept: the reason is missing; add --why TEXT");
		if (!a->accept && (a->why || a->sites.count))
			argp_error(state, "--why and --site belong to --accept");
		if (a->accept && a->ratchet)
			argp_error(state, "--accept and --ratchet: choose one");
		if (a->against && !a->snapshots.count)
			argp_error(state, "--against belongs to --snapshots");
		if (a->program && (a->accept || a->ratchet))
			argp_error(state, "baselines belong to scenarios; write a gate file");
		if (a->program && (a->scenarios.count || a->self_test))
			argp_error(state, "a program, or scenarios of a file: choose one");
		return 0;
	default:
		if (key >= OPT_FILE && key < OPT_FILE + GATE_FORMATS) {
			a->file[key - OPT_FILE] = arg;
			return 0;
		}
		return ARGP_ERR_UNKNOWN;
	}
}

static const char doc[] = "A verdict for CI: fails only when memory leaks."
			  "\vExit status: 0 pass, 1 failed, 2 usage or gate file, 3 could not measure.\n\n"
			  "Examples:\n"
			  "  tidemark gate -- ./server --selftest        nothing may be lost\n"
			  "  tidemark gate --junit leaks.xml             the scenarios of tidemark.gate\n"
			  "  tidemark gate --accept --why 'plugin table' write the baseline\n"
			  "  tidemark gate --snapshots new.tide --against old.tide\n";
static const struct argp argp = { own, parse_option, "[-- PROGRAM [ARG...]]\n--snapshots NEW...", doc,
	OPTIONS_CHILD, NULL, NULL };

/* Of a gate file: "FILE:LINE: what: why; try this", as compilers do, for editors and logs. */
static int print_error(const struct tide_error *e)
{
	if (e->code == EXIT_USAGE && strchr(e->what, ':'))
		error_print_place(e);
	else
		error_print(e);
	return e->code ? e->code : EXIT_UNMEASURED;
}

/* Loads the file that was given, or the usual one where `wanted`, or where it exists. */
static int load_config(const struct arguments *a, bool wanted, struct gate_config *c, struct tide_error *e)
{
	static const char usual[] = "tidemark.gate";

	if (a->config)
		return gate_config_load(c, a->config, e);
	if (wanted || (!a->program && !access(usual, F_OK)))
		return gate_config_load(c, usual, e);
	gate_config_init(c);
	return 0;
}

/* The program of --self-test: three blocks that nothing refers to when it ends. */
static __attribute__((noinline)) void leak_on_purpose(void)
{
	for (int i = 0; i < 3; i++) {
		volatile char *block = malloc(100);

		block[0] = 1;
	}
}

/* Overwrites what the calls before have left below the stack pointer. */
static __attribute__((noinline)) int wipe_stack(void)
{
	volatile char rubbish[16384];

	for (size_t i = 0; i < sizeof rubbish; i++)
		rubbish[i] = 1;
	return rubbish[77] - 1;
}

static const char leak_option[] = "--leak-on-purpose";

static int run_self_test(struct gate_session *s, struct tide_error *e)
{
	char *program[] = { "/proc/self/exe", "gate", (char *)leak_option, NULL };
	bool red = false;

	program[0] = realpath("/proc/self/exe", NULL);
	if (gate_session_program(s, program, e))
		return -1;
	free(program[0]);
	gate_session_finish(s);
	for (size_t i = 0; i < s->results[0].finding_count; i++)
		red |= s->results[0].findings[i].fails && s->results[0].findings[i].limit_key == GATE_LEAKED;
	s->status = red && s->status == EXIT_FINDINGS ? EXIT_FINE : EXIT_UNMEASURED;
	return 0;
}

static int judge_and_publish(struct arguments *a, struct gate_session *s)
{
	struct tide_error e = { 0 };
	struct gate_publish p = { .options = &a->common, .out = stdout, .github = a->github };
	struct gate_report g;
	int result = gate_session_open(s, &e);

	if (!result && a->self_test) {
		if (run_self_test(s, &e))
			return print_error(&e);
		if (s->status == EXIT_FINE)
			printf("self-test: the gate goes red for a known leak\n");
		else
			printf("self-test: a known leak went unseen: %s\n",
				s->results[0].reason ? s->results[0].reason
						     : "a suppression or a limit covers everything");
		return s->status;
	}
	memcpy(p.file, a->file, sizeof p.file);
	s->all_stacks = gate_publish_all_stacks(&p);
	if (!result)
		result = a->program ? gate_session_program(s, a->program, &e)
			: a->snapshots.count
			? gate_session_snapshots(s, a->snapshots.item, a->snapshots.count, &e)
			: gate_session_scenarios(s, &e);
	if (result)
		return print_error(&e);
	gate_session_finish(s);
	g = (struct gate_report){ s->results, s->count, s->status, s->config->path };
	return gate_publish(&p, &g) ? EXIT_UNMEASURED : s->status;
}

int cmd_gate(int argc, char **argv)
{
	struct arguments a = { .output = "tidemark-gate" };
	struct gate_config c;
	struct gate_session s = { .config = &c, .options = &a.common };
	struct tide_error e = { 0 };
	int status;

	if (argc == 2 && !strcmp(argv[1], leak_option)) {
		leak_on_purpose();
		return wipe_stack();
	}
	options_offer(OFFER_JSON | OFFER_SUPPRESSIONS | OFFER_SOURCES | OFFER_SCREEN | OFFER_QUIET);
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &a);
	if (load_config(&a, !a.program && !a.snapshots.count && !a.self_test, &c, &e))
		return print_error(&e);
	for (size_t i = 0; i < a.limits.count; i++)
		if (gate_config_limit(&c, a.limits.item[i], &e))
			return print_error(&e);
	s.only = a.scenarios.item, s.only_count = a.scenarios.count;
	s.self_test = a.self_test;
	s.accept = a.accept, s.ratchet = a.ratchet, s.strict = a.strict, s.why = a.why;
	s.accept_sites = a.sites.item, s.accept_site_count = a.sites.count;
	s.against = a.against, s.output = a.output;
	status = judge_and_publish(&a, &s);
	gate_session_close(&s);
	gate_config_free(&c);
	options_free(&a.common);
	free(a.scenarios.item), free(a.sites.item), free(a.limits.item), free(a.snapshots.item);
	return status;
}
