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
#include "collect_output.h"
#include "elf_probe.h"
#include "gate_config.h"
#include "options.h"
#include "root_kinds.h"
#include "run.h"
#include "summary.h"
#include "units.h"
#include "verb.h"
#include "watch.h"

struct arguments {
	const char *output, *children, *rounds, *gate, *roots;
	uint64_t depth, sample, every_ns, pointer_mask;
	const char **when;
	size_t when_count;
	bool no_references, unaligned, stable, overwrite, quiet, verbose, at_exec, wipe;
	bool obstacle;			/* said already: it cannot be profiled */
	int leak_exit;			/* -1: not asked for */
	char **program;
	char **environment;
	size_t environment_count;
};


enum { KEY_DEPTH = 0x100, KEY_SAMPLE, KEY_EVERY, KEY_WHEN, KEY_NO_REFERENCES, KEY_UNALIGNED, KEY_MASK,
	KEY_CHILDREN, KEY_STABLE, KEY_LEAK_EXIT, KEY_AT_EXEC, KEY_ROUNDS, KEY_GATE, KEY_ROOTS, KEY_WIPE };

static const struct argp_option options[] = {
	{ "output", 'o', "PATTERN", 0, "name of the snapshots: %e program, %p process, %n sequence, "
		"%t time (default " OUTPUT_DEFAULT ")", 0 },
	{ NULL, 'f', NULL, 0, "replace snapshots of the same name", 0 },
	{ "depth", KEY_DEPTH, "N", 0, "frames kept per stack (default 64)", 1 },
	{ "sample", KEY_SAMPLE, "BYTES", 0, "take a sample each BYTES on average; "
		"default: every allocation", 1 },
	{ "every", KEY_EVERY, "DURATION", 0, "a snapshot every 10s, 5m ... besides the one at the end", 2 },
	{ "when", KEY_WHEN, "EXPR", 0, "a snapshot at rss>2G, live>500M, live+20%, allocs>1000000; "
		"may be repeated", 2 },
	{ "at-exec", KEY_AT_EXEC, NULL, 0, "a snapshot of a program that replaces itself (exec), too", 2 },
	{ "rounds", KEY_ROUNDS, "MARK", 0, "the program's marks of this name end rounds; "
		"what grows from round to round is kept", 2 },
	{ "no-references", KEY_NO_REFERENCES, NULL, 0, "counters only: no image, no lost blocks", 3 },
	{ "unaligned", KEY_UNALIGNED, NULL, 0, "take words at any byte as references", 3 },
	{ "pointer-mask", KEY_MASK, "MASK", 0, "clear these tag bits of words first", 3 },
	{ "wipe", KEY_WIPE, NULL, 0, "clear old pointers out of new blocks: they may hide what is lost, or hold it in "
		"appearance (a program that reads what it has not written may behave otherwise)", 3 },
	{ "roots", KEY_ROOTS, "-KIND,...", 0, "leave out roots of these kinds: -mapping,-register ... (without "
		"minus: only these)", 3 },
	{ "leak-exit", KEY_LEAK_EXIT, "CODE", 0, "exit with CODE when blocks are lost and the program "
		"itself succeeded", 3 },
	{ "gate", KEY_GATE, "FILE", 0, "judge the snapshots by this gate file; where the program itself "
		"succeeded, exit as `tidemark gate` does", 3 },
	{ "children", KEY_CHILDREN, "all|none|NAME,...", 0, "which child programs to follow (default all)", 4 },
	{ "stable", KEY_STABLE, NULL, 0, "reproducible counts: fixed hash seeds, fixed addresses", 4 },
	{ "quiet", 'q', NULL, 0, "print nothing after the run", 5 },
	{ "verbose", 'v', NULL, 0, "tell more, also from the collector", 5 },
	{ 0 }
};

static uint64_t number(const char *text, uint64_t most, struct argp_state *state, const char *what)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 0);

	if (*end || *text < '0' || *text > '9' || n > most)
		argp_error(state, "%s: '%s' is not a number up to %llu", what, text, (unsigned long long)most);
	return n;
}

/* Said before the run, not by a collector in the middle of it. */
static void check_when(const char *text, struct argp_state *state)
{
	char *copy = memory_string(text), *rest = NULL, *word = strtok_r(copy, ",; ", &rest);
	struct watch_condition condition;
	struct tide_error e = { 0 };

	if (!word || strchr(text, '\n'))
		argp_error(state, "--when: '%s' is no condition; write rss>2G, live>500M, live+20%% or allocs>1000000", text);
	for (; word; word = strtok_r(NULL, ",; ", &rest))
		if (watch_parse(word, &condition, &e))
			argp_error(state, "--when: %s: %s; %s", e.what, e.why, e.hint);
	free(copy);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *a = state->input;
	struct tide_error e = { 0 };
	uint32_t skip_roots;

	switch (key) {
	case 'o':
		if (!*text)
			argp_error(state, "--output: the pattern is empty");
		a->output = text;
		break;
	case 'f': a->overwrite = true; break;
	case 'q': a->quiet = true; break;
	case 'v': a->verbose = true; break;
	case KEY_DEPTH:
		a->depth = number(text, 1024, state, "--depth");
		if (!a->depth)
			argp_error(state, "--depth: at least one frame must be kept");
		break;
	case KEY_SAMPLE:
		if (units_parse_bytes(text, &a->sample))
			argp_error(state, "--sample: '%s' is not a size such as 512K", text);
		break;
	case KEY_EVERY:
		if (units_parse_duration(text, &a->every_ns) || a->every_ns < 1000000)
			argp_error(state, "--every: '%s' is not a duration such as 10s or 5m", text);
		break;
	case KEY_WHEN:
		check_when(text, state);
		a->when = memory_resize(a->when, (a->when_count + 1) * sizeof(*a->when));
		a->when[a->when_count++] = text;
		break;
	case KEY_NO_REFERENCES: a->no_references = true; break;
	case KEY_UNALIGNED: a->unaligned = true; break;
	case KEY_MASK: a->pointer_mask = number(text, UINT64_MAX, state, "--pointer-mask"); break;
	case KEY_ROOTS:
		if (root_kinds_parse(text, &skip_roots, &e)) {
			error_print(&e);
			exit(e.code);
		}
		a->roots = text;
		break;
	case KEY_CHILDREN: a->children = text; break;
	case KEY_WIPE: a->wipe = true; break;
	case KEY_STABLE: a->stable = true; break;
	case KEY_AT_EXEC: a->at_exec = true; break;
	case KEY_ROUNDS: a->rounds = text; break;
	case KEY_GATE: a->gate = text; break;
	case KEY_LEAK_EXIT: a->leak_exit = (int)number(text, 255, state, "--leak-exit"); break;
	case ARGP_KEY_ARG:
		a->program = &state->argv[state->next - 1];
		state->next = state->argc;
		break;
	case ARGP_KEY_END:
		if (!a->program)
			argp_error(state, "which program? `tidemark run [OPTION...] [--] PROGRAM [ARGUMENT...]`");
		if (a->leak_exit >= 0 && (a->no_references || a->sample))
			argp_error(state, "--leak-exit needs references: not with --no-references or --sample");
		if (a->gate && (a->no_references || a->sample || a->leak_exit >= 0))
			argp_error(state, "--gate: not with --no-references, --sample or --leak-exit");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { options, parse, "[--] PROGRAM [ARGUMENT...]",
	"Runs a program, follows its children, leaves a snapshot of each."
	"\vThe exit status is the program's own (128+N after signal N); 125 when we failed, 126 when the "
	"program cannot be executed, 127 when there is none.\n\n"
	"Examples:\n"
	"  tidemark run python3 script.py\n"
	"  tidemark run -o server.tide --every 10m -- ./server --port 80\n"
	"  tidemark run --leak-exit 23 ./tests && echo clean",
	NULL, NULL, NULL };

/* --- environment of the program ------------------------------------------------- */

static void set(struct arguments *a, char *assignment)
{
	a->environment = memory_resize(a->environment, (a->environment_count + 1) * sizeof(char *));
	a->environment[a->environment_count++] = assignment;
}

/* What the caller has set himself stays. */
static void set_unless(struct arguments *a, const char *name, const char *value)
{
	if (!getenv(name))
		set(a, memory_printf("%s=%s", name, value));
}

/* Children may work in other folders: the pattern means ours. */
static void set_output(struct arguments *a)
{
	const char *pattern = a->output ? a->output : getenv("TIDEMARK_OUTPUT");
	char folder[PATH_MAX], escaped[2 * PATH_MAX], *to = escaped;

	if (!pattern || !*pattern)
		pattern = OUTPUT_DEFAULT;
	if (*pattern == '/' || !getcwd(folder, sizeof(folder))) {
		set(a, memory_printf("TIDEMARK_OUTPUT=%s", pattern));
		return;
	}
	for (const char *from = folder; *from; from++) {
		if (*from == '%')
			*to++ = '%';
		*to++ = *from;
	}
	*to = '\0';
	set(a, memory_printf("TIDEMARK_OUTPUT=%s/%s", escaped, pattern));
}

/* Before a long run, not only after it. What the pattern makes of its folders is not known yet. */
static void warn_of_folder(const struct arguments *a)
{
	const char *slash = a->output ? strrchr(a->output, '/') : NULL;
	char *folder = !slash ? memory_string(".") : slash == a->output ? memory_string("/") :
		memory_printf("%.*s", (int)(slash - a->output), a->output);

	if (!strchr(folder, '%') && access(folder, W_OK))
		fprintf(stderr, "tidemark: cannot write to %s: %s; the program runs all the same, choose another folder "
			"with -o\n", folder, strerror(errno));
	free(folder);
}

static void environment_make(struct arguments *a, const char *library, const char *session)
{
	const char *before = getenv("LD_PRELOAD");
	char *command = run_command(), *all;

	set(a, *(before ? before : "") ? memory_printf("LD_PRELOAD=%s:%s", library, before) :
		memory_printf("LD_PRELOAD=%s", library));
	/* One that the caller names is used; that of a run around this one may be of another build. */
	if (command && (!getenv("TIDEMARK_COLLECTOR") || getenv("TIDEMARK_SESSION")))
		set(a, memory_printf("TIDEMARK_COLLECTOR=%s", command));
	free(command);
	if (session)
		set(a, memory_printf("TIDEMARK_SESSION=%s", session));
	set_output(a);
	if (a->depth)
		set(a, memory_printf("TIDEMARK_DEPTH=%llu", (unsigned long long)a->depth));
	if (a->sample)
		set(a, memory_printf("TIDEMARK_SAMPLE=%llu", (unsigned long long)a->sample));
	if (a->every_ns)
		set(a, memory_printf("TIDEMARK_EVERY=%llums", (unsigned long long)(a->every_ns / 1000000)));
	all = NULL;
	for (size_t i = 0; i < a->when_count; i++) {
		char *longer = memory_printf("%s%s%s", all ? all : "", all ? ";" : "", a->when[i]);

		free(all);
		all = longer;
	}
	if (all)
		set(a, memory_printf("TIDEMARK_WHEN=%s", all));
	free(all);
	if (a->no_references)
		set(a, memory_string("TIDEMARK_REFERENCES=0"));
	if (a->unaligned)
		set(a, memory_string("TIDEMARK_UNALIGNED=1"));
	if (a->pointer_mask)
		set(a, memory_printf("TIDEMARK_POINTER_MASK=0x%llx", (unsigned long long)a->pointer_mask));
	if (a->wipe)
		set(a, memory_string("TIDEMARK_WIPE=1"));
	if (a->roots)
		set(a, memory_printf("TIDEMARK_ROOTS=%s", a->roots));
	if (a->children)
		set(a, memory_printf("TIDEMARK_CHILDREN=%s", a->children));
	if (a->rounds)
		set(a, memory_printf("TIDEMARK_ROUNDS=%s", a->rounds));
	if (a->at_exec)
		set(a, memory_string("TIDEMARK_AT_EXEC=1"));
	if (a->overwrite)
		set(a, memory_string("TIDEMARK_OVERWRITE=1"));
	if (a->verbose)
		set(a, memory_string("TIDEMARK_VERBOSE=1"));
	/* A child built with AddressSanitizer refuses to start behind a preloaded library. */
	all = getenv("ASAN_OPTIONS");
	set(a, memory_printf("ASAN_OPTIONS=%s%sverify_asan_link_order=0", all ? all : "", all ? ":" : ""));
}

static void stable(struct arguments *a)
{
	set_unless(a, "PYTHONHASHSEED", "0");
	set_unless(a, "PERL_HASH_SEED", "0");
	set_unless(a, "PERL_PERTURB_KEYS", "0");
	set_unless(a, "QT_HASH_SEED", "0");
	set_unless(a, "GLIBC_TUNABLES", "glibc.malloc.arena_max=1");
}

/* --- before and after -------------------------------------------------------------- */

/* The library, or NULL with the reason said: the program runs all the same. `*code`:
 * it cannot be run at all. */
static char *library_for(struct arguments *a, int *code)
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
		fprintf(stderr, "tidemark: %s\n", obstacle);
	/* A static program does not mind, and what it starts may be profiled. */
	if (!probe.bits32 && !probe.other_machine && !probe.musl && !probe.foreign_loader &&
	    !probe.privileged && !probe.sanitizer) {
		library = run_library();
		if (!library)
			fprintf(stderr, "tidemark: libtidemark.so is missing: it should lie beside this command; "
				"the program runs without it\n");
		else if (strpbrk(library, " :")) {
			fprintf(stderr, "tidemark: cannot load %s: the loader takes no path with a space or a colon; "
				"move it; the program runs without it\n", library);
			free(library);
			library = NULL;
		}
	}
	elf_probe_free(&probe);
	return library;
}

/* The program's own snapshot, else the first. The last one counts: earlier ones are
 * of moments during the run. */
static const struct run_snapshot *main_snapshot(const struct run_session *s, int pid)
{
	const struct run_snapshot *found = NULL;

	for (size_t i = 0; i < s->count; i++)
		if (s->snapshots[i].pid == pid)
			found = &s->snapshots[i];
	return found ? found : s->count ? &s->snapshots[0] : NULL;
}

/* Shorter than the absolute path where the file lies below the working folder. */
static const char *shown(const char *path)
{
	static char folder[PATH_MAX];
	size_t bytes;

	if (!getcwd(folder, sizeof(folder)))
		return path;
	bytes = strlen(folder);
	return !strncmp(path, folder, bytes) && path[bytes] == '/' ? path + bytes + 1 : path;
}

static bool is_last(uint32_t reason)
{
	return reason == REASON_EXIT || reason == REASON_ABORT || reason == REASON_SIGNAL ||
		reason == REASON_POST_MORTEM;
}

/* Blocks lost in all processes of the run; -1: cannot tell. */
static int64_t lost_in_all(const struct run_session *s)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct summary_lost lost = { 0 };
		struct tide_error e = { 0 };
		struct snapshot one;
		bool known;

		if (!is_last(s->snapshots[i].reason))
			continue;
		if (snapshot_open(s->snapshots[i].path, &one, &e))
			return -1;
		known = !summary_lost(&one, &lost, &e) && lost.known && !one.damaged;
		sum += (int64_t)lost.blocks;
		free(lost.text);
		snapshot_close(&one);
		if (!known)
			return lost.blocks ? 1 : -1;
	}
	return s->count && !s->failed && !s->still_running ? sum : sum ? sum : -1;
}

static void tell_lost(const struct snapshot *s, struct summary_lost *lost)
{
	struct tide_error e = { 0 };

	if (summary_lost(s, lost, &e))
		error_print(&e);
	if (lost->text)
		fprintf(stderr, "tidemark: %s%s%s%s\n", lost->text, lost->known ? "" : " (not sure: ",
			lost->known ? "" : lost->why, lost->known ? "" : ")");
	else if (*lost->why)
		fprintf(stderr, "tidemark: lost blocks are not known: %s\n", lost->why);
}

static void tell_others(const struct arguments *a, const struct run_session *s,
	const struct run_snapshot *told)
{
	if (s->count > 1)
		fprintf(stderr, "tidemark: %zu snapshots; the program's own is %s\n", s->count,
			shown(told->path));
	for (size_t i = 0; a->verbose && i < s->count; i++)
		fprintf(stderr, "tidemark:   %s (process %d, %s)\n", shown(s->snapshots[i].path),
			s->snapshots[i].pid, snapshot_reason(s->snapshots[i].reason));
	if (s->still_running)
		fprintf(stderr, "tidemark: %zu process%s still run%s, and will leave snapshots when they end\n",
			s->still_running, s->still_running == 1 ? "" : "es", s->still_running == 1 ? "s" : "");
	if (*s->why.what)
		error_print(&s->why);
}

static void tell(const struct arguments *a, const struct run_session *s, int pid)
{
	const struct run_snapshot *one = main_snapshot(s, pid);
	struct summary_lost lost = { 0 };
	struct tide_error e = { 0 };
	struct snapshot snapshot;

	if (!one) {
		if (*s->why.what)
			error_print(&s->why);
		else if (!a->obstacle)
			fprintf(stderr, "tidemark: no snapshot was written; `tidemark doctor %s` tells what may "
				"be wrong\n", a->program[0]);
		return;
	}
	if (snapshot_open(one->path, &snapshot, &e)) {
		error_print(&e);
		return;
	}
	summary_totals(stderr, &snapshot);
	tell_lost(&snapshot, &lost);
	summary_coverage(stderr, &snapshot);
	tell_others(a, s, one);
	fprintf(stderr, "tidemark: next: tidemark %s %s\n", lost.blocks ? "leaks" : "stat",
		shown(one->path));
	free(lost.text);
	snapshot_close(&snapshot);
}

static int leak_code(const struct arguments *a, const struct run_session *s, int code)
{
	int64_t lost;

	if (a->leak_exit < 0 || code)
		return code;
	lost = lost_in_all(s);
	if (lost < 0)
		fprintf(stderr, "tidemark: --leak-exit: cannot tell whether blocks are lost\n");
	return lost < 0 ? RUN_FAILED : lost ? a->leak_exit : code;
}

/* The gate's own words go to stderr: stdout is the program's. */
static int gate_code(const struct arguments *a, const struct run_session *s, int code)
{
	const char **argv;
	int argc = 0, result;

	if (!a->gate || code)
		return code;
	argv = memory_get((s->count + 6) * sizeof(*argv));
	argv[argc++] = "tidemark gate";
	argv[argc++] = "--config";
	argv[argc++] = a->gate;
	for (size_t i = 0; i < s->count; i++) {
		if (!is_last(s->snapshots[i].reason))
			continue;
		if (argc == 3)
			argv[argc++] = "--snapshots";
		argv[argc++] = s->snapshots[i].path;
	}
	argv[argc] = NULL;
	if (argc == 3) {
		fprintf(stderr, "tidemark: --gate: no snapshot to judge\n");
		result = EXIT_UNMEASURED;
	} else {
		fflush(stdout);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		result = cmd_gate(argc, (char **)argv);
	}
	free(argv);
	return result;
}

/* A gate file that cannot be read is said before the program runs. Its rounds are the run's. */
static int gate_prepare(struct arguments *a)
{
	struct gate_config c;
	struct tide_error e = { 0 };

	if (!a->gate)
		return 0;
	if (gate_config_load(&c, a->gate, &e)) {
		fprintf(stderr, "%s%s%s%s%s\n", e.what, *e.why ? ": " : "", e.why, *e.hint ? "; " : "", e.hint);
		return -1;
	}
	if (!a->rounds && c.scenario_count == 1 && c.scenarios[0].rounds)
		a->rounds = memory_string(c.scenarios[0].rounds);	/* lives as long as the run */
	gate_config_free(&c);
	return 0;
}

static int status_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int cmd_run(int argc, char **argv)
{
	struct arguments a = { .leak_exit = -1 };
	struct run_session session = { 0 };
	struct run_child child = { 0 };
	struct tide_error e = { 0 };
	char *library;
	int code = 0;

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &a);
	if (gate_prepare(&a))
		return EXIT_USAGE;
	library = library_for(&a, &code);
	if (code)
		return code;
	if (library) {
		if (run_session_begin(&session, &e))
			error_print(&e);
		environment_make(&a, library, session.folder);
		warn_of_folder(&a);
	}
	if (a.stable)
		stable(&a);
	child = (struct run_child) { .argv = a.program, .environment = a.environment,
		.environment_count = a.environment_count, .fixed_addresses = a.stable };
	if (run_child(&child, &e)) {
		error_print(&e);
		code = e.code;
		run_session_end(&session, 0, 0);
	} else {
		code = status_code(child.status);
		run_session_end(&session, child.pid, child.status);
		if (library && !a.quiet)
			tell(&a, &session, child.pid);
		code = gate_code(&a, &session, leak_code(&a, &session, code));
	}
	run_session_free(&session);
	for (size_t i = 0; i < a.environment_count; i++)
		free(a.environment[i]);
	free(a.environment);
	free(a.when);
	free(library);
	return code;
}
