/* cmd_run.c - runs a program under the library and leaves snapshots: run.h. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "collect/collect_output.h"
#include "symbol/elf_probe.h"
#include "gate/gate_publish.h"
#include "gate/gate_session.h"
#include "print/options.h"
#include "model/root_kinds.h"
#include "roots/pointer_mask.h"
#include "run/run.h"
#include "base/units.h"
#include "run_report.h"
#include "verb.h"
#include "collect/watch.h"

struct arguments {
	struct run_options run;
	const char *gate, *unseen;
	bool quiet, allow_blind;
	bool obstacle;                  /* printed already: why it cannot be profiled */
	int leak_exit;                  /* -1: not asked for */
	struct gate_config gate_config; /* of --gate */
	char **program;
};

enum {
	KEY_DEPTH = 0x100,
	KEY_SITES,
	KEY_SAMPLE,
	KEY_EVERY,
	KEY_WHEN,
	KEY_NO_REFERENCES,
	KEY_UNALIGNED,
	KEY_MASK,
	KEY_CHILDREN,
	KEY_STABLE,
	KEY_LEAK_EXIT,
	KEY_ALLOW_BLIND,
	KEY_AT_EXEC,
	KEY_ROUNDS,
	KEY_UNSEEN,
	KEY_GATE,
	KEY_ROOTS,
	KEY_WIPE,
	KEY_NO_COMMAND_LINE,
	KEY_NO_CONTENTS,
	KEY_PYTHON_OBJECTS
};

static const struct argp_option own[] = {
	{ "output", 'o', "PATTERN", 0,
		"name of the snapshots: %e program, %p process, %n sequence, "
		"%t time (default " OUTPUT_DEFAULT ")",
		0 },
	{ NULL, 'f', NULL, 0, "replace snapshots of the same name", 0 },
	{ "depth", KEY_DEPTH, "N", 0, "frames kept per stack (default 64)", 1 },
	{ "sites", KEY_SITES, "N", 0,
		"fold new call stacks, so that recursion is shown once, from that many on (default 200000, of Python 500000; 0: never)",
		1 },
	{ "sample", KEY_SAMPLE, "BYTES", 0,
		"take a sample each BYTES on average: sums are estimates, leaks stay exact; "
		"default: every allocation",
		1 },
	{ "every", KEY_EVERY, "DURATION", 0, "a snapshot every 10s, 5m ... besides the one at the end", 2 },
	{ "when", KEY_WHEN, "EXPR", 0,
		"a snapshot at rss>2G, live>500M, live+20%, waste>30%, allocs>1000000; "
		"may be repeated",
		2 },
	{ "at-exec", KEY_AT_EXEC, NULL, 0, "a snapshot of a program that replaces itself (exec), too", 2 },
	{ "rounds", KEY_ROUNDS, "MARK", 0, "each tide_mark(MARK) ends a round; record growth per round", 2 },
	{ "no-references", KEY_NO_REFERENCES, NULL, 0, "counters only: no image, no lost blocks", 3 },
	{ "no-contents", KEY_NO_CONTENTS, NULL, 0,
		"keep neither characters of Python strings nor values of numbers in snapshots, nor words that "
		"may be reference counts",
		0 },
	{ "no-command-line", KEY_NO_COMMAND_LINE, NULL, 0,
		"leave the arguments of the programs out of the snapshots: they may hold passwords", 3 },
	{ "unaligned", KEY_UNALIGNED, NULL, 0, "take words at any byte as references", 3 },
	{ "pointer-mask", KEY_MASK, "MASK", 0, "clear these tag bits of words first", 3 },
	{ "wipe", KEY_WIPE, NULL, 0,
		"zero stale pointers in new blocks, so that they cannot hide leaks; not with --sample (may change programs that read "
		"uninitialised memory)",
		3 },
	{ "python-objects", KEY_PYTHON_OBJECTS, "yes|no", 0,
		"small objects of Python programs are blocks with stacks (default yes); no: Python's own allocator "
		"takes their memory in pieces of up to 1 MiB, and only larger objects are seen",
		3 },
	{ "roots", KEY_ROOTS, "-KIND,...", 0,
		"leave out roots of these kinds: -mapping,-register ... (without "
		"minus: only these)",
		3 },
	{ "leak-exit", KEY_LEAK_EXIT, "CODE", 0,
		"exit with CODE when blocks are lost and the program "
		"itself succeeded",
		3 },
	{ "allow-blind", KEY_ALLOW_BLIND, NULL, 0,
		"with --leak-exit: accept processes whose memory was not seen (an allocator of their own; a static, "
		"32-bit or setuid program that the run has started)",
		3 },
	{ "gate", KEY_GATE, "FILE", 0,
		"judge the snapshots by this gate file; where the program itself "
		"succeeded, exit as `tidemark gate` does",
		3 },
	{ "children", KEY_CHILDREN, "all|none|NAME,...", 0,
		"which programs that it starts to follow (default all); its own forked copies are always followed",
		4 },
	{ "stable", KEY_STABLE, NULL, 0,
		"reproducible counts: fixed hash seeds, and no address randomisation for the program and "
		"all that it starts",
		4 },
	{ "quiet", 'q', NULL, 0, "print nothing after the run", 5 },
	/* For `tidemark gate`: where to list the programs that could not be followed. */
	{ "unseen", KEY_UNSEEN, "FILE", OPTION_HIDDEN, NULL, 5 },
	{ "verbose", 'v', NULL, 0, "print more, from the collector too", 5 }, { 0 }
};

static uint64_t parse_number(const char *text, uint64_t most, struct argp_state *state, const char *what)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 0);

	if (*end || *text < '0' || *text > '9' || n > most)
		argp_error(
			state, "%s: '%s' is not a number up to %llu", what, text, (unsigned long long)most);
	return n;
}

/* 0 means something else than no option. */
static const char *parse_sites(const char *text, struct argp_state *state)
{
	parse_number(text, UINT32_MAX, state, "--sites");
	return text;
}

/* Checked before the run, not by a collector in the middle of it. */
static void check_when(const char *text, struct argp_state *state)
{
	char *copy = alloc_string(text), *rest = NULL, *word = strtok_r(copy, ",; ", &rest);
	struct watch_condition condition;
	struct tide_error e = { 0 };

	if (!word || strchr(text, '\n'))
		argp_error(state,
			"--when: '%s' is not a condition; write rss>2G, live>500M, live+20%%, waste>30%% or "
			"allocs>1000000",
			text);
	for (; word; word = strtok_r(NULL, ",; ", &rest))
		if (watch_parse(word, &condition, &e))
			argp_error(state, "--when: %s: %s; %s", e.what, e.why, e.hint);
	free(copy);
}

/* What cannot be asked for at once. */
static void check_options(const struct arguments *a, const struct argp_state *state)
{
	if (a->leak_exit >= 0 && a->run.no_references)
		argp_error(state, "--leak-exit needs references: not with --no-references");
	if (a->gate && (a->run.no_references || a->leak_exit >= 0))
		argp_error(state, "--gate: not with --no-references or --leak-exit");
	if (a->run.wipe && a->run.sample)
		argp_error(state,
			"--wipe: it needs a look at each new block, and --sample looks at some of them only");
	if (a->run.wipe && a->run.no_references)
		argp_error(state, "--wipe needs references: not with --no-references");
	for (size_t i = 0; i < a->run.when_count && a->run.sample; i++)
		if (strstr(a->run.when[i], "waste>"))
			argp_error(state,
				"--when: waste needs all blocks, and --sample records only some of them");
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct arguments *a = state->input;
	struct tide_error e = { 0 };
	uint32_t skip_roots;

	switch (key) {
	case 'o':
		if (!*text)
			argp_error(state, "--output: the pattern is empty");
		a->run.output = text;
		break;
	case 'f': a->run.overwrite = true; break;
	case 'q': a->quiet = true; break;
	case 'v': a->run.verbose = true; break;
	case KEY_DEPTH:
		a->run.depth = parse_number(text, 1024, state, "--depth");
		if (!a->run.depth)
			argp_error(state, "--depth: at least one frame must be kept");
		break;
	case KEY_SITES: a->run.sites = parse_sites(text, state); break;
	case KEY_SAMPLE:
		if (units_parse_bytes(text, &a->run.sample))
			argp_error(state, "--sample: '%s' is not a size such as 512K", text);
		break;
	case KEY_EVERY:
		if (units_parse_duration(text, &a->run.every_ns) || a->run.every_ns < 1000000)
			argp_error(state, "--every: '%s' is not a duration such as 10s or 5m", text);
		break;
	case KEY_WHEN:
		check_when(text, state);
		*ARRAY_ADD(a->run.when, a->run.when_count, a->run.when_capacity) = text;
		break;
	case KEY_NO_REFERENCES: a->run.no_references = true; break;
	case KEY_NO_CONTENTS: a->run.no_contents = true; break;
	case KEY_NO_COMMAND_LINE: a->run.no_command_line = true; break;
	case KEY_UNALIGNED: a->run.unaligned = true; break;
	case KEY_MASK:
		if (pointer_mask_parse(text, &a->run.pointer_mask, &e))
			options_refuse(&e);
		break;
	case KEY_ROOTS:
		if (root_kinds_parse(text, &skip_roots, &e))
			options_refuse(&e);
		a->run.roots = text;
		break;
	case KEY_CHILDREN: a->run.children = text; break;
	case KEY_WIPE: a->run.wipe = true; break;
	case KEY_PYTHON_OBJECTS:
		if (strcmp(text, "yes") && strcmp(text, "no"))
			argp_error(state, "--python-objects: '%s' is not one of yes, no", text);
		a->run.no_python_objects = !strcmp(text, "no");
		break;
	case KEY_STABLE: a->run.stable = true; break;
	case KEY_AT_EXEC: a->run.at_exec = true; break;
	case KEY_ROUNDS: a->run.rounds = text; break;
	case KEY_UNSEEN: a->unseen = text; break;
	case KEY_GATE: a->gate = text; break;
	case KEY_ALLOW_BLIND: a->allow_blind = true; break;
	case KEY_LEAK_EXIT: a->leak_exit = (int)parse_number(text, 255, state, "--leak-exit"); break;
	case ARGP_KEY_ARG:
		a->program = &state->argv[state->next - 1];
		state->next = state->argc;
		break;
	case ARGP_KEY_END:
		if (!a->program)
			argp_error(state,
				"which program? `tidemark run [OPTION...] [--] PROGRAM [ARGUMENT...]`");
		check_options(a, state);
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { own, parse_option, "[--] PROGRAM [ARGUMENT...]",
	"Profile a program and its children, and leave a snapshot of each."
	"\vThe exit status is the program's own (128+N after signal N); 125 when tidemark itself failed, 126 when the "
	"program cannot be executed, 127 when there is none.\n\n"
	"Examples:\n"
	"  tidemark run python3 script.py\n"
	"  tidemark run -o server.tide --every 10m -- ./server --port 80\n"
	"  tidemark run --leak-exit 23 ./tests && echo clean",
	NULL, NULL, NULL };

/* The library, or NULL with the reason said: the program runs all the same. `*code`:
 * it cannot be run at all. */
static char *find_library(struct arguments *a, int *code)
{
	struct tide_error e = { 0 };
	struct elf_probe probe;
	const char *obstacle;
	char *library = NULL;

	if (elf_probe(a->program[0], &probe, &e)) {
		error_print(&e);
		*code = e.code == RUN_NOT_FOUND ? RUN_NOT_FOUND : RUN_CANNOT_EXECUTE;
		elf_probe_free(&probe);
		return NULL;
	}
	obstacle = elf_probe_obstacle(&probe);
	a->obstacle = obstacle;
	if (obstacle)
		error_note("%s", obstacle);
	/* A static program does not mind, and what it starts may be profiled. */
	if (!probe.bits32 && !probe.other_machine && !probe.musl && !probe.foreign_loader && !probe.privileged
		&& !probe.sanitizer) {
		library = run_library();
		if (!library)
			error_note("libtidemark.so is missing: it should lie beside this command; "
				   "the program runs without it");
		else if (strpbrk(library, " :")) {
			error_note("cannot load %s: the loader takes no path with a space or a colon; "
				   "move it; the program runs without it",
				library);
			free(library);
			library = NULL;
		}
	}
	elf_probe_free(&probe);
	return library;
}

/* The gate file of --gate, read before the program runs; its rounds are the run's. */
static int load_gate(struct arguments *a)
{
	struct gate_config *c = &a->gate_config;
	struct tide_error e = { 0 };

	if (!a->gate)
		return 0;
	if (gate_config_load(c, a->gate, &e)) {
		error_print_place(&e);
		return -1;
	}
	if (!a->run.rounds && c->scenario_count == 1)
		a->run.rounds = c->scenarios[0].rounds;
	return 0;
}

/* Judges the last snapshot of each process. The verdict goes to stderr: stdout is the program's. */
static int judge_snapshots(struct arguments *a, const struct run_session *s, char *const *paths, size_t count)
{
	struct options options = { .no_pager = true, .quiet = a->quiet };
	struct gate_session session = { .config = &a->gate_config,
		.options = &options,
		.unseen = s->unseen_count ? s->unseen[0] : NULL };
	struct gate_publish publish = { .options = &options, .out = stderr };
	struct tide_error e = { 0 };
	int result = EXIT_UNMEASURED;

	if (gate_session_open(&session, &e) || gate_session_snapshots(&session, paths, count, &e)) {
		error_print(&e);
		result = e.code ? e.code : EXIT_UNMEASURED;
	} else {
		gate_session_finish(&session);
		if (!gate_publish(&publish,
			    &(struct gate_report){ session.results, session.count, session.status, a->gate }))
			result = session.status;
	}
	gate_session_close(&session);
	return result;
}

static int judge_session(struct arguments *a, const struct run_session *s)
{
	char **paths = alloc_bytes((s->count + 1) * sizeof(*paths));
	size_t count = 0;
	int code = EXIT_UNMEASURED;

	for (size_t i = 0; i < s->count; i++)
		if (run_report_is_last(&s->snapshots[i]))
			paths[count++] = s->snapshots[i].path;
	if (count)
		code = judge_snapshots(a, s, paths, count);
	else
		error_note("--gate: no snapshot to judge");
	free(paths);
	return code;
}

static void list_unseen(const char *path, const struct run_session *s)
{
	FILE *f = fopen(path, "wxe");

	for (size_t i = 0; f && i < s->unseen_count; i++)
		fprintf(f, "%s\n", s->unseen[i]);
	if (f)
		fclose(f);
}

/* Makes the folder of the pattern, as far as it is the same for all snapshots. What cannot be written there is
 * said before a long run, not only after it. */
static void make_folder(const char *pattern)
{
	char *folder = alloc_string(pattern), *slash;

	folder[strcspn(folder, "%")] = '\0';
	slash = strrchr(folder, '/'); /* the pattern is absolute */
	slash[slash == folder] = '\0';
	for (char *p = folder + 1; slash != folder; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		mkdir(folder, 0777);
		*p = c;
		if (!c)
			break;
	}
	if (access(folder, W_OK))
		error_note("cannot write to %s: %s; the program runs all the same, choose another folder "
			   "with -o",
			folder, strerror(errno));
	free(folder);
}

static int status_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The program's number is known only now; requests that came before wait in the socket. */
static void start_server(void *context, int pid)
{
	struct run_session *session = context;

	session->settings.root = pid;
	if (run_collector_named())
		server_stop(&session->server);
	else if (session->folder)
		server_start(&session->server, session->folder, &session->settings);
}

static void take_last(void *context, int pid) { run_last(context, pid); }

int cmd_run(int argc, char **argv)
{
	struct arguments a = { .leak_exit = -1 };
	struct run_session session = { 0 };
	struct run_child child = { 0 };
	struct run_report report = { .session = &session };
	struct tide_error e = { 0 };
	char *library;
	int code = 0;

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &a);
	child.argv = a.program;
	child.started = start_server;
	child.context = &session;
	report.program = a.program[0];
	report.verbose = a.run.verbose;
	if (load_gate(&a))
		return EXIT_USAGE;
	library = find_library(&a, &code);
	if (code)
		return code;
	if (library) {
		if (run_session_begin(&session, &e))
			error_print(&e);
		run_settings(&session.settings, &a.run);
		run_environment(&child, &a.run, library, &session);
		make_folder(session.settings.pattern);
	}
	if (library)
		child.ending = take_last;
	if (a.run.stable)
		run_environment_stable(&child);
	if (run_child(&child, &e)) {
		error_print(&e);
		code = e.code;
		run_session_end(&session, 0, 0);
	} else {
		code = status_code(child.status);
		run_session_end(&session, child.pid, child.status);
		report.pid = child.pid;
		report.obstacle = a.obstacle;
		if ((library && !a.quiet) || a.leak_exit >= 0)
			run_report_examine(&report, a.leak_exit >= 0);
		if (library && !a.quiet)
			run_report(&report);
		if (a.unseen && session.unseen_count)
			list_unseen(a.unseen, &session);
		if (!code && a.leak_exit >= 0)
			code = run_report_leaks(&report, a.leak_exit, a.allow_blind);
		if (!code && a.gate)
			code = judge_session(&a, &session);
	}
	run_report_free(&report);
	run_session_free(&session);
	run_child_free(&child);
	free(a.run.when);
	if (a.gate)
		gate_config_free(&a.gate_config);
	free(library);
	return code;
}
