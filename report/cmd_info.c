/* cmd_info.c - what a snapshot says of itself: header, coverage, options, modules,
 * threads, marks, and what was missed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "header.h"
#include "info.h"
#include "json_out.h"
#include "shim/ledger.h"
#include "table.h"
#include "units.h"
#include "verb.h"

struct arguments {
	struct options common;
	const char *file;
};

static const char doc[] =
	"The header of a snapshot, how much of the process the profiler saw, the options of the run, "
	"and its modules, threads and marks. With -v every library and counter."
	"\v"
	"Examples:\n"
	"  tidemark info app.tide\n"
	"  tidemark info --json app.tide | jq .missed";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	return options_file(key, arg, state, &a->common, &a->file);
}

static const struct argp argp = { NULL, parse, "FILE", doc, OPTIONS_CHILD, NULL, NULL };

static const char *mark_kind(uint32_t kind)
{
	static const char *const name[] = {
		[MARK_USER] = "mark", [MARK_SNAPSHOT] = "snapshot", [MARK_TICK] = "tick", [MARK_FORK] = "fork",
		[MARK_FREEZE] = "freeze", [MARK_SCOPE_BEGIN] = "scope begin", [MARK_SCOPE_END] = "scope end",
		[MARK_START] = "start", [MARK_STOP] = "stop",
	};

	return kind < sizeof(name) / sizeof(name[0]) && name[kind] ? name[kind] : "unknown";
}

static const char *registers_known(uint32_t registers)
{
	static const char *const name[] = { "unknown", "none", "general", "all" };

	return registers < 4 ? name[registers] : "unknown";
}

static void set(json_t *o, const char *name, uint64_t value)
{
	json_object_set_new(o, name, json_integer((json_int_t)value));
}

/* How much greater the true peak may be: shim/count.h, K1. */
static uint64_t peak_bound(const struct snapshot *s)
{
	return s->process->flags & LEDGER_FLAG_THREADED ? (uint64_t)s->thread_count * 2 * LEDGER_HELD_BACK : 0;
}

static json_t *process_json(const struct snapshot *s)
{
	const struct tide_process *p = s->process;
	const struct { const char *name; uint64_t value; } number[] = {
		{ "parent_pid", (uint64_t)(int64_t)p->parent_pid }, { "uid", p->uid }, { "sequence", p->sequence },
		{ "exit_status", (uint64_t)(int64_t)p->exit_status }, { "exit_signal", p->exit_signal },
		{ "threads_stopped", p->threads_stopped }, { "threads_unknown", p->threads_unknown },
		{ "depth_limit", p->depth_limit }, { "sample_bytes", p->sample_bytes },
		{ "started_wall_ns", p->started_wall_ns }, { "taken_wall_ns", p->taken_wall_ns },
		{ "elapsed_ns", p->elapsed_ns }, { "pause_ns", p->pause_ns },
		{ "live_bytes", p->live_bytes }, { "live_blocks", p->live_blocks },
		{ "peak_bytes", p->peak_bytes }, { "peak_elapsed_ns", p->peak_elapsed_ns },
		{ "peak_uncertain_bytes", peak_bound(s) },
		{ "total_bytes", p->total_bytes }, { "total_blocks", p->total_blocks },
		{ "reallocations", p->reallocations }, { "temporary", p->temporary },
		{ "rss_bytes", p->rss_bytes }, { "pss_bytes", p->pss_bytes },
		{ "virtual_bytes", p->virtual_bytes }, { "own_bytes", p->own_bytes },
		{ "birth_now", p->birth_now }, { "flags", p->flags },
	};
	const struct { const char *name; uint32_t value; } text[] = {
		{ "command", p->command }, { "directory", p->directory }, { "libc", p->libc },
		{ "kernel", p->kernel }, { "machine", p->machine }, { "tool_version", p->tool },
		{ "allocator", p->allocator }, { "incomplete_why", p->incomplete_why },
	};
	json_t *o = json_snapshot(s);

	for (size_t i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		set(o, number[i].name, number[i].value);
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		json_object_set_new(o, text[i].name, json_text(snapshot_string(s, text[i].value)));
	json_object_set_new(o, "references", json_boolean(p->references));
	json_object_set_new(o, "damaged", s->damaged ? json_text(s->damage) : json_null());
	return o;
}

/* The counters whose names begin with `prefix`, without it. */
static json_t *values_json(const struct snapshot *s, bool of_missed)
{
	json_t *o = json_object();

	for (size_t i = 0; i < s->value_count; i++) {
		const char *name = snapshot_string(s, s->values[i].name);
		bool is_missed = !strncmp(name, "missed.", 7);

		if (is_missed == of_missed && *name)
			json_object_set_new(o, is_missed ? name + 7 : !strncmp(name, "coverage.", 9) ? name + 9 : name,
				json_integer((json_int_t)s->values[i].value));
	}
	return o;
}

static json_t *module_json(const struct snapshot *s, const struct tide_module *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "path", json_text(snapshot_string(s, m->path)));
	json_object_set_new(o, "build_id", json_text(snapshot_string(s, m->build_id)));
	json_object_set_new(o, "lo", json_address(m->lo));
	json_object_set_new(o, "hi", json_address(m->hi));
	json_object_set_new(o, "bias", json_address(m->bias));
	set(o, "opened", m->opened);
	set(o, "closed", m->closed);
	json_object_set_new(o, "main", json_boolean(m->flags & LEDGER_MODULE_MAIN));
	return o;
}

/* Whose the live blocks are is in the block list only. */
static bool thread_live_known(const struct snapshot *s)
{
	return s->birth_count || !s->process->live_blocks;
}

static json_t *thread_json(const struct snapshot *s, const struct tide_thread *t)
{
	json_t *o = json_object();

	json_object_set_new(o, "tid", json_integer(t->tid));
	json_object_set_new(o, "name", json_text(snapshot_string(s, t->name)));
	json_object_set_new(o, "alive", json_boolean(!(t->state & LEDGER_THREAD_EXITED)));
	json_object_set_new(o, "registers", json_text(registers_known(t->registers)));
	set(o, "allocations", t->allocations);
	json_object_set_new(o, "live_bytes", thread_live_known(s) ? json_integer((json_int_t)t->live_bytes) : json_null());
	set(o, "born", t->born);
	set(o, "died", t->died);
	return o;
}

static json_t *mark_json(const struct snapshot *s, const struct tide_mark *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_text(snapshot_string(s, m->name)));
	json_object_set_new(o, "kind", json_text(mark_kind(m->kind)));
	set(o, "elapsed_ns", m->elapsed_ns);
	set(o, "birth", m->birth);
	set(o, "live_bytes", (uint64_t)m->live_bytes);
	set(o, "live_blocks", (uint64_t)m->live_blocks);
	return o;
}

static json_t *sections_json(const struct snapshot *s)
{
	const struct { const char *name; size_t count; } section[] = {
		{ "modules", s->module_count }, { "frames", s->frame_count }, { "sites", s->site_count },
		{ "threads", s->thread_count }, { "timeline", s->point_count }, { "marks", s->mark_count },
		{ "births", s->birth_count }, { "blocks", s->block_count }, { "roots", s->root_count },
		{ "root_edges", s->root_edge_count }, { "edges", s->edge_count }, { "symbols", s->symbol_count },
		{ "mappings", s->mapping_count },
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(section) / sizeof(section[0]); i++)
		set(o, section[i].name, section[i].count);
	return o;
}

json_t *info_json(const struct snapshot *s)
{
	json_t *head = json_report(NULL), *list;

	json_object_set_new(head, "snapshot", process_json(s));
	json_object_set_new(head, "coverage", values_json(s, false));
	json_object_set_new(head, "missed", values_json(s, true));
	list = json_object();
	for (size_t i = 0; i < s->option_count; i++)
		json_object_set_new(list, snapshot_string(s, s->options[i].name),
			json_text(snapshot_string(s, s->options[i].value)));
	json_object_set_new(head, "options", list);
	json_object_set_new(head, "warnings", list = json_array());
	for (size_t i = 0; i < s->warning_count; i++)
		json_array_append_new(list, json_pack("{s:o,s:o}",
			"text", json_text(snapshot_string(s, s->warnings[i].text)),
			"hint", json_text(snapshot_string(s, s->warnings[i].hint))));
	json_object_set_new(head, "modules", list = json_array());
	for (size_t i = 1; i < s->module_count; i++)
		json_array_append_new(list, module_json(s, &s->modules[i]));
	json_object_set_new(head, "threads", list = json_array());
	for (size_t i = 0; i < s->thread_count; i++)
		json_array_append_new(list, thread_json(s, &s->threads[i]));
	json_object_set_new(head, "marks", list = json_array());
	for (size_t i = 0; i < s->mark_count; i++)
		json_array_append_new(list, mark_json(s, &s->marks[i]));
	json_object_set_new(head, "records", sections_json(s));
	return head;
}

static void heading(struct screen *s, const char *text, size_t count)
{
	screen_print(s, STYLE_HEADING, "\n%s", text);
	if (count)
		screen_print(s, STYLE_DIM, " (%zu)", count);
	fputc('\n', s->out);
}

static void field(struct screen *s, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void field(struct screen *s, const char *name, const char *format, ...)
{
	char *text = NULL, *fitted;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text && *text) {
		fitted = screen_fit(s, text, s->width - 14, *text == '/' ? FIT_MIDDLE : FIT_END);
		screen_print(s, STYLE_DIM, "  %-12s", name);
		fprintf(s->out, "%s\n", fitted);
		free(fitted);
	}
	free(text);
}

static void show_process(struct screen *s, const struct snapshot *snapshot)
{
	const struct tide_process *p = snapshot->process;
	char a[UNITS_TEXT], b[UNITS_TEXT], c[UNITS_TEXT];

	heading(s, "Process", 0);
	field(s, "exe", "%s", snapshot_string(snapshot, p->exe));
	field(s, "directory", "%s", snapshot_string(snapshot, p->directory));
	field(s, "started", "%s, process %d, child of %d, user %u", units_date(a, p->started_wall_ns), p->pid,
		p->parent_pid, p->uid);
	field(s, "allocator", "%s", snapshot_string(snapshot, p->allocator));
	field(s, "libc", "%s", snapshot_string(snapshot, p->libc));
	field(s, "kernel", "%s", snapshot_string(snapshot, p->kernel));
	field(s, "machine", "%s", snapshot_string(snapshot, p->machine));
	field(s, "memory", "%s resident, %s proportional, %s virtual", units_bytes(a, (int64_t)p->rss_bytes),
		units_bytes(b, (int64_t)p->pss_bytes), units_bytes(c, (int64_t)p->virtual_bytes));
	if (p->own_bytes)
		field(s, "profiler", "%s resident: its tables and its library, part of the above",
			units_bytes(a, (int64_t)p->own_bytes));
	if (p->sample_bytes)
		field(s, "peak", "%s, an estimate", units_bytes(a, (int64_t)p->peak_bytes));
	else if (peak_bound(snapshot))
		field(s, "peak", "%s, or up to %s more: %zu threads", units_bytes(a, (int64_t)p->peak_bytes),
			units_bytes(b, (int64_t)peak_bound(snapshot)), snapshot->thread_count);
	else
		field(s, "peak", "%s, exact", units_bytes(a, (int64_t)p->peak_bytes));
	field(s, "allocations", "%s, %s of them temporary; %s reallocations",
		units_count(a, (int64_t)p->total_blocks), units_count(b, (int64_t)p->temporary),
		units_count(c, (int64_t)p->reallocations));

	heading(s, "Snapshot", 0);
	field(s, "complete", "%s", p->complete && !snapshot->damaged ? "yes" : "no");
	field(s, "why not", "%s", snapshot->damaged ? snapshot->damage :
		snapshot_string(snapshot, p->incomplete_why));
	field(s, "number", "%u of the process", p->sequence);
	field(s, "tool", "%s", snapshot_string(snapshot, p->tool));
	field(s, "stacks", "%s sites, at most %u frames deep", units_count(a, snapshot->site_count ?
		(int64_t)snapshot->site_count - 1 : 0), p->depth_limit);
	if (p->sample_bytes)
		field(s, "sampling", "one sample every %s", units_bytes(a, (int64_t)p->sample_bytes));
	if (p->references)
		field(s, "references", "%s blocks, %s references between them, %s from roots",
			units_count(a, (int64_t)snapshot->block_count), units_count(b, (int64_t)snapshot->edge_count),
			units_count(c, (int64_t)snapshot->root_edge_count));
	else
		field(s, "references", "none: counters only");
	if (p->references || p->pause_ns)
		field(s, "pause", "%s, registers of %u threads known, of %u not",
			units_duration(a, p->pause_ns), p->threads_stopped, p->threads_unknown);
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
			heading(s, of_missed ? "Missed" : "Coverage", 0);
		if (of_missed) {
			words = header_missed(name);
			screen_print(s, STYLE_DIM, "  %-14s", name + 7);
			screen_print(s, value ? STYLE_WARNING : STYLE_PLAIN, "%9s", units_count(number, (int64_t)value));
			fitted = screen_fit(s, words ? words : "", s->width - 27, FIT_END);
			screen_print(s, STYLE_DIM, "  %s\n", fitted);
			free(fitted);
			continue;
		}
		bytes = strstr(name, "bytes") || strstr(name, "rss") || strstr(name, "pss");
		screen_print(s, STYLE_DIM, "  %-30.30s", name);
		fprintf(s->out, "%12s\n", bytes ? units_bytes(number, (int64_t)value) :
			units_count(number, (int64_t)value));
	}
	if (of_missed && !shown) {
		heading(s, "Missed", 0);
		screen_print(s, STYLE_GOOD, "  nothing\n");
	}
}

static void show_modules(struct screen *s, const struct snapshot *snapshot, size_t most)
{
	static const struct column column[] = {
		{ "  from", COLUMN_RIGHT, true }, { "size", COLUMN_RIGHT, false }, { "build id", COLUMN_LEFT, true },
		{ "", COLUMN_LEFT, false }, { "module", COLUMN_FIT, false },
	};
	struct table *t;
	char size[UNITS_TEXT];
	size_t left = 0;

	if (snapshot->module_count < 2)
		return;
	heading(s, "Modules", snapshot->module_count - 1);
	t = table_new(s, column, 5, NULL);
	for (size_t i = 1; i < snapshot->module_count; i++) {
		const struct tide_module *m = &snapshot->modules[i];

		if (i > most) {
			left++;
			continue;
		}
		table_text(t, STYLE_DIM, "  %" PRIx64, m->lo);
		table_text(t, STYLE_PLAIN, "%s", units_bytes(size, m->hi > m->lo ? (int64_t)(m->hi - m->lo) : 0));
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
		{ "     tid", COLUMN_RIGHT, false }, { "allocations", COLUMN_RIGHT, false },
		{ "live", COLUMN_RIGHT, false }, { "state", COLUMN_LEFT, false },
		{ "registers", COLUMN_LEFT, true }, { "name", COLUMN_FIT, false },
	};
	struct table *t;
	char text[UNITS_TEXT];
	size_t left = 0;

	if (!snapshot->thread_count)
		return;
	heading(s, "Threads", snapshot->thread_count);
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
			thread_live_known(snapshot) ? units_bytes(text, (int64_t)th->live_bytes) : "-");
		table_text(t, STYLE_DIM, "%s", th->state & LEDGER_THREAD_EXITED ? "ended" : "alive");
		table_text(t, STYLE_DIM, "%s", registers_known(th->registers));
		table_text(t, STYLE_NAME, "%s", snapshot_string(snapshot, th->name));
	}
	table_show(t);
	if (left)
		screen_hint(s, "  %zu more: -v", left);
}

static void show_marks(struct screen *s, const struct snapshot *snapshot, size_t most)
{
	static const struct column column[] = {
		{ "   #", COLUMN_RIGHT, false }, { "after", COLUMN_RIGHT, false }, { "live", COLUMN_RIGHT, false },
		{ "blocks", COLUMN_RIGHT, false }, { "kind", COLUMN_LEFT, false }, { "name", COLUMN_FIT, false },
	};
	struct table *t;
	char text[UNITS_TEXT];

	if (!snapshot->mark_count)
		return;
	heading(s, "Marks", snapshot->mark_count);
	t = table_new(s, column, 6, NULL);
	for (size_t i = 0; i < snapshot->mark_count && i < most; i++) {
		const struct tide_mark *m = &snapshot->marks[i];

		table_text(t, STYLE_DIM, "%zu", i + 1);
		table_text(t, STYLE_PLAIN, "%s", units_duration(text, m->elapsed_ns));
		table_text(t, STYLE_PLAIN, "%s", units_bytes(text, m->live_bytes));
		table_text(t, STYLE_PLAIN, "%s", units_count(text, m->live_blocks));
		table_text(t, STYLE_DIM, "%s", mark_kind(m->kind));
		table_text(t, STYLE_NAME, "%s", snapshot_string(snapshot, m->name));
	}
	table_show(t);
	if (snapshot->mark_count > most)
		screen_hint(s, "  %zu more: -v", snapshot->mark_count - most);
}

static int show(const struct arguments *a, const struct snapshot *snapshot)
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
		heading(&s, "Options", 0);
		for (size_t i = 0; i < snapshot->option_count; i++)
			field(&s, snapshot_string(snapshot, snapshot->options[i].name), "%s",
				snapshot_string(snapshot, snapshot->options[i].value));
	}
	show_marks(&s, snapshot, most);
	show_threads(&s, snapshot, most);
	show_modules(&s, snapshot, most);
	return screen_close(&s) ? EXIT_UNMEASURED : EXIT_FINE;
}

static int csv(const struct snapshot *s)
{
	puts("name,value");
	for (size_t i = 0; i < s->value_count; i++) {
		csv_text(stdout, snapshot_string(s, s->values[i].name));
		printf(",%" PRIu64 "\n", s->values[i].value);
	}
	return EXIT_FINE;
}

int cmd_info(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct snapshot s = { 0 };
	struct tide_error e;
	int code;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV |
		OFFER_SCREEN | OFFER_QUIET | OFFER_VERBOSE);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (snapshot_open(a.file, &s, &e)) {
		error_print(&e);
		return e.code;
	}
	if (a.common.json)
		json_print(info_json(&s), stdout);
	code = a.common.json ? EXIT_FINE : a.common.csv ? csv(&s) : show(&a, &s);
	if (code == EXIT_FINE)
		code = header_code(&s);
	snapshot_close(&s);
	options_free(&a.common);
	return code;
}
