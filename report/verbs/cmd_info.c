/* cmd_info.c - the snapshot as a whole: header, coverage, options, modules, threads,
 * marks, and missed events.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "print/header.h"
#include "print/info.h"
#include "print/misuse.h"
#include "print/csv.h"
#include "print/table.h"
#include "base/units.h"
#include "verb.h"

struct arguments {
	struct options common;
	const char *file;
};

static const char doc[] =
	"Print the header of a snapshot, how much of the process the profiler saw, the options of the run, "
	"and its modules, threads and marks; with -v every module and counter."
	"\v"
	"Examples:\n"
	"  tidemark info app.tide\n"
	"  tidemark info --json app.tide | jq .missed";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	return options_file(key, arg, state, &a->common, &a->file);
}

static const struct argp argp = { NULL, parse_option, "FILE", doc, OPTIONS_CHILD, NULL, NULL };

static void print_heading(struct screen *s, const char *text, size_t count)
{
	screen_print(s, STYLE_HEADING, "\n%s", text);
	if (count)
		screen_print(s, STYLE_DIM, " (%zu)", count);
	fputc('\n', s->out);
}

static void print_field(struct screen *s, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void print_field(struct screen *s, const char *name, const char *format, ...)
{
	char *text = NULL, *fitted;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text && *text) {
		fitted = screen_clean(s, name);
		screen_print(s, STYLE_DIM, strlen(fitted) < 12 ? "  %-12s" : "  %s ", fitted);
		free(fitted);
		fitted = screen_fit(s, text, s->width - 14, *text == '/' ? FIT_MIDDLE : FIT_END);
		fprintf(s->out, "%s\n", fitted);
		free(fitted);
	}
	free(text);
}

static void show_process(struct screen *s, const struct snapshot *snapshot)
{
	const struct tide_process *p = snapshot->process;
	char a[UNITS_TEXT], b[UNITS_TEXT], c[UNITS_TEXT];

	print_heading(s, "Process", 0);
	print_field(s, "exe", "%s", snapshot_string(snapshot, p->exe));
	print_field(s, "directory", "%s", snapshot_string(snapshot, p->directory));
	if (p->flags & PROCESS_CORE) /* which holds neither when it was started nor by whom */
		print_field(s, "process", "%d, user %u", p->pid, p->uid);
	else
		print_field(s, "started", "%s, process %d, child of %d, user %u",
			units_date(a, p->started_wall_ns), p->pid, p->parent_pid, p->uid);
	print_field(s, "allocator", "%s", snapshot_string(snapshot, p->allocator));
	print_field(s, "libc", "%s", snapshot_string(snapshot, p->libc));
	print_field(s, "kernel", "%s", snapshot_string(snapshot, p->kernel));
	print_field(s, "machine", "%s", snapshot_string(snapshot, p->machine));
	if (p->flags & PROCESS_CORE)
		print_field(s, "memory", "%s virtual", units_bytes(c, (int64_t)p->virtual_bytes));
	else if (p->flags & PROCESS_SETTLED)
		print_field(s, "memory",
			"not looked at: a forked child that had freed all its own blocks before it ended");
	else if (p->flags & PROCESS_BRIEF)
		print_field(s, "memory",
			"%s resident, %s virtual; without a map: a child that ended soon after its fork",
			units_bytes(a, (int64_t)p->rss_bytes), units_bytes(c, (int64_t)p->virtual_bytes));
	else
		print_field(s, "memory", "%s resident, %s proportional, %s virtual",
			units_bytes(a, (int64_t)p->rss_bytes), units_bytes(b, (int64_t)p->pss_bytes),
			units_bytes(c, (int64_t)p->virtual_bytes));
	if (p->own_bytes)
		print_field(s, "profiler", "%s resident (its library and tables), included above",
			units_bytes(a, (int64_t)p->own_bytes));
	if (p->flags & PROCESS_UNPREPARED)
		print_field(s, "peak", "unknown: the process was not started with tidemark");
	else if (p->sample_bytes)
		print_field(s, "peak", "%s, an estimate", units_bytes(a, (int64_t)p->peak_bytes));
	else if (info_peak_uncertain(snapshot))
		print_field(s, "peak", "%s, or up to %s more (%zu threads)",
			units_bytes(a, (int64_t)p->peak_bytes),
			units_bytes(b, (int64_t)info_peak_uncertain(snapshot)), snapshot->thread_count);
	else
		print_field(s, "peak", "%s, exact", units_bytes(a, (int64_t)p->peak_bytes));
	if (!(p->flags & PROCESS_UNPREPARED))
		print_field(s, "allocations", "%s, %s of them temporary; %s reallocations",
			units_count(a, (int64_t)p->total_blocks), units_count(b, (int64_t)p->temporary),
			units_count(c, (int64_t)p->reallocations));

	print_heading(s, "Snapshot", 0);
	print_field(s, "complete", "%s", p->complete && !snapshot->damaged ? "yes" : "no");
	print_field(s, "reason", "%s",
		snapshot->damaged ? snapshot->damage : snapshot_string(snapshot, p->incomplete_why));
	print_field(s, "message", "%s", snapshot_string(snapshot, p->abort_message));
	print_field(s, "number", "%u of this process", p->sequence);
	print_field(s, "tool", "%s", snapshot_string(snapshot, p->tool));
	if (!(p->flags & PROCESS_UNPREPARED))
		print_field(s, "stacks", "%s, at most %u frames deep",
			units_many(a, snapshot->site_count ? (int64_t)snapshot->site_count - 1 : 0, "site"),
			p->depth_limit);
	if (p->sample_bytes)
		print_field(s, "sampling", "one sample every %s", units_bytes(a, (int64_t)p->sample_bytes));
	if (p->references)
		print_field(s, "references", "%s, %s between them, %s from roots",
			units_many(a, (int64_t)snapshot->block_count, "block"),
			units_many(b, (int64_t)snapshot->edge_count, "reference"),
			units_count(c, (int64_t)snapshot->root_edge_count));
	else
		print_field(s, "references", "none (counters only)");
	if (p->threads_unknown)
		print_field(s, "pause", "%s, registers of %u of %u threads captured",
			units_duration(a, p->pause_ns), p->threads_stopped,
			p->threads_stopped + p->threads_unknown);
	else if (p->flags & PROCESS_CORE)
		print_field(s, "registers", "of all threads");
	else if (p->references || p->pause_ns)
		print_field(
			s, "pause", "%s, registers of all threads captured", units_duration(a, p->pause_ns));
}

static void show_values(struct screen *s, const struct snapshot *snapshot, bool of_missed, bool all)
{
	char number[UNITS_TEXT], *fitted;
	size_t shown = 0;

	for (size_t i = 0; i < snapshot->value_count; i++) {
		const char *name = snapshot_string(snapshot, snapshot->values[i].name), *words;
		uint64_t value = snapshot->values[i].value;
		bool is_missed = !strncmp(name, "missed.", 7), bytes;

		if (is_missed != of_missed || (of_missed && !value && !all))
			continue;
		if (!shown++)
			print_heading(s, of_missed ? "Missed" : "Coverage", 0);
		if (of_missed) {
			words = header_missed(name, value);
			fitted = screen_fit(s, name + 7, 14, FIT_END);
			screen_print(s, STYLE_DIM, "  %-14s", fitted);
			free(fitted);
			screen_print(s, value ? STYLE_WARNING : STYLE_PLAIN, "%9s",
				units_count(number, (int64_t)value));
			fitted = screen_fit(s, words ? words : "", s->width - 27, FIT_END);
			screen_print(s, STYLE_DIM, "  %s\n", fitted);
			free(fitted);
			continue;
		}
		bytes = strstr(name, "bytes") || strstr(name, "rss") || strstr(name, "pss");
		fitted = screen_fit(s, name, 30, FIT_END);
		screen_print(s, STYLE_DIM, "  %-30s", fitted);
		free(fitted);
		fprintf(s->out, "%12s\n",
			bytes ? units_bytes(number, (int64_t)value) : units_count(number, (int64_t)value));
	}
	if (of_missed && !shown) {
		print_heading(s, "Missed", 0);
		screen_print(s, STYLE_GOOD, "  nothing\n");
	}
}

static void show_modules(struct screen *s, const struct snapshot *snapshot, size_t most)
{
	static const struct column column[] = {
		{ "  from", COLUMN_RIGHT, true },
		{ "size", COLUMN_RIGHT, false },
		{ "build id", COLUMN_LEFT, true },
		{ "", COLUMN_LEFT, false },
		{ "module", COLUMN_FIT, false },
	};
	struct table *t;
	char size[UNITS_TEXT];
	size_t left = 0;

	if (snapshot->module_count < 2)
		return;
	print_heading(s, "Modules", snapshot->module_count - 1);
	t = table_new(s, column, 5, NULL);
	for (size_t i = 1; i < snapshot->module_count; i++) {
		const struct tide_module *m = &snapshot->modules[i];

		if (i > most) {
			left++;
			continue;
		}
		table_text(t, STYLE_DIM, "  %" PRIx64, m->lo);
		table_text(t, STYLE_PLAIN, "%s",
			units_bytes(size, m->hi > m->lo ? (int64_t)(m->hi - m->lo) : 0));
		table_text(t, STYLE_DIM, "%.12s", snapshot_string(snapshot, m->build_id));
		table_text(t, STYLE_WARNING, "%s", m->closed ? "closed" : "");
		table_text(t, STYLE_PLAIN, "%s", snapshot_string(snapshot, m->path));
	}
	table_show(t);
	if (left)
		screen_hint(s, "  %zu more: -v", left);
}

static void show_threads(struct screen *s, const struct snapshot *snapshot, size_t most)
{
	static const struct column column[] = {
		{ "     tid", COLUMN_RIGHT, false },
		{ "allocations", COLUMN_RIGHT, false },
		{ "live", COLUMN_RIGHT, false },
		{ "state", COLUMN_LEFT, false },
		{ "registers", COLUMN_LEFT, true },
		{ "name", COLUMN_FIT, false },
	};
	struct table *t;
	char text[UNITS_TEXT];
	size_t left = 0;

	if (!snapshot->thread_count)
		return;
	print_heading(s, "Threads", snapshot->thread_count);
	t = table_new(s, column, 6, NULL);
	for (size_t i = 0; i < snapshot->thread_count; i++) {
		const struct tide_thread *th = &snapshot->threads[i];

		if (i >= most) {
			left++;
			continue;
		}
		table_text(t, STYLE_PLAIN, "%d", th->tid);
		table_text(t, STYLE_PLAIN, "%s", units_count(text, (int64_t)th->allocations));
		table_text(t, STYLE_PLAIN, "%s",
			info_thread_live_known(snapshot) ? units_bytes(text, (int64_t)th->live_bytes) : "-");
		table_text(t, STYLE_DIM, "%s", th->state & THREAD_EXITED ? "ended" : "alive");
		table_text(t, STYLE_DIM, "%s", info_registers(th->registers));
		table_text(t, STYLE_NAME, "%s", snapshot_string(snapshot, th->name));
	}
	table_show(t);
	if (left)
		screen_hint(s, "  %zu more: -v", left);
}

static void show_marks(struct screen *s, const struct snapshot *snapshot, size_t most)
{
	static const struct column column[] = {
		{ "   #", COLUMN_RIGHT, false },
		{ "after", COLUMN_RIGHT, false },
		{ "live", COLUMN_RIGHT, false },
		{ "blocks", COLUMN_RIGHT, false },
		{ "kind", COLUMN_LEFT, false },
		{ "name", COLUMN_FIT, false },
	};
	struct table *t;
	char text[UNITS_TEXT];

	if (!snapshot->mark_count)
		return;
	print_heading(s, "Marks", snapshot->mark_count);
	t = table_new(s, column, 6, NULL);
	for (size_t i = 0; i < snapshot->mark_count && i < most; i++) {
		const struct tide_mark *m = &snapshot->marks[i];

		table_text(t, STYLE_DIM, "%zu", i + 1);
		table_text(t, STYLE_PLAIN, "%s", units_duration(text, m->elapsed_ns));
		table_text(t, STYLE_PLAIN, "%s", units_bytes(text, m->live_bytes));
		table_text(t, STYLE_PLAIN, "%s", units_count(text, m->live_blocks));
		table_text(t, STYLE_DIM, "%s", info_mark_kind(m->kind));
		table_text(t, STYLE_NAME, "%s", snapshot_string(snapshot, m->name));
	}
	table_show(t);
	if (snapshot->mark_count > most)
		screen_hint(s, "  %zu more: -v", snapshot->mark_count - most);
}

static int print_screen(const struct arguments *a, const struct snapshot *snapshot)
{
	size_t most = a->common.rows ? options_rows(&a->common, 12) : a->common.verbose ? SIZE_MAX : 12;
	struct screen s;

	screen_open(&s, &a->common);
	header_warnings(&s, snapshot, NULL);
	header_print(&s, snapshot);
	show_process(&s, snapshot);
	show_values(&s, snapshot, false, true);
	show_values(&s, snapshot, true, a->common.verbose);
	if (snapshot->option_count) {
		print_heading(&s, "Options", 0);
		for (size_t i = 0; i < snapshot->option_count; i++)
			print_field(&s, snapshot_string(snapshot, snapshot->options[i].name), "%s",
				snapshot_string(snapshot, snapshot->options[i].value));
	}
	if (snapshot->misuse_count) {
		struct symbols *symbols = symbols_new(snapshot);

		fputc('\n', s.out);
		misuse_screen(&s, snapshot, symbols, a->common.source_root, a->common.verbose);
		symbols_free(symbols);
	}
	show_marks(&s, snapshot, most);
	show_threads(&s, snapshot, most);
	show_modules(&s, snapshot, most);
	return screen_close(&s) ? EXIT_UNMEASURED : EXIT_FINE;
}

static void print_json(const struct snapshot *s)
{
	struct json j = { .out = stdout };

	info_json(&j, NULL, s);
	putchar('\n');
}

static void print_csv(const struct snapshot *s)
{
	puts("name,value");
	for (size_t i = 0; i < s->value_count; i++) {
		csv_text(stdout, snapshot_string(s, s->values[i].name));
		printf(",%" PRIu64 "\n", s->values[i].value);
	}
}

int cmd_info(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct snapshot s = { 0 };
	struct tide_error e;
	int code;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_SCREEN | OFFER_QUIET | OFFER_VERBOSE);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (snapshot_open(a.file, &s, &e)) {
		error_print(&e);
		return e.code;
	}
	if (a.common.json)
		print_json(&s);
	else if (a.common.csv)
		print_csv(&s);
	code = a.common.json || a.common.csv ? EXIT_FINE : print_screen(&a, &s);
	if (code == EXIT_FINE)
		code = header_code(&s);
	snapshot_close(&s);
	options_free(&a.common);
	return code;
}
