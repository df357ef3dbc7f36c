/* info.c - see info.h. */
#include <string.h>
#include "analysis/waste_rest.h"
#include "base/intern.h"
#include "header.h"
#include "info.h"
#include "json_report.h"
#include "misuse.h"

const char *info_mark_kind(uint32_t kind)
{
	static const char *const name[] = {
		[MARK_USER] = "mark",
		[MARK_SNAPSHOT] = "snapshot",
		[MARK_TICK] = "tick",
		[MARK_FORK] = "fork",
		[MARK_FREEZE] = "freeze",
		[MARK_SCOPE_BEGIN] = "scope begin",
		[MARK_SCOPE_END] = "scope end",
		[MARK_START] = "start",
		[MARK_STOP] = "stop",
	};

	return kind < sizeof(name) / sizeof(name[0]) && name[kind] ? name[kind] : "unknown";
}

const char *info_registers(uint32_t registers)
{
	static const char *const name[] = { "unknown", "none", "general", "all" };

	return registers < 4 ? name[registers] : "unknown";
}

uint64_t info_peak_uncertain(const struct snapshot *s)
{
	return s->process->flags & PROCESS_THREADED ? (uint64_t)s->thread_count * 2 * PROCESS_HELD_BACK : 0;
}

static void write_process(struct json *j, const struct snapshot *s)
{
	const struct tide_process *p = s->process;
	const struct {
		const char *name;
		uint64_t value;
	} number[] = {
		{ "parent_pid", (uint64_t)(int64_t)p->parent_pid },
		{ "uid", p->uid },
		{ "sequence", p->sequence },
		{ "exit_status", (uint64_t)(int64_t)p->exit_status },
		{ "exit_signal", p->exit_signal },
		{ "threads_stopped", p->threads_stopped },
		{ "threads_unknown", p->threads_unknown },
		{ "depth_limit", p->depth_limit },
		{ "sample_bytes", p->sample_bytes },
		{ "started_wall_ns", p->started_wall_ns },
		{ "taken_wall_ns", p->taken_wall_ns },
		{ "elapsed_ns", p->elapsed_ns },
		{ "pause_ns", p->pause_ns },
		{ "live_bytes", p->live_bytes },
		{ "live_blocks", p->live_blocks },
		{ "peak_bytes", p->peak_bytes },
		{ "peak_elapsed_ns", p->peak_elapsed_ns },
		{ "peak_uncertain_bytes", info_peak_uncertain(s) },
		{ "total_bytes", p->total_bytes },
		{ "total_blocks", p->total_blocks },
		{ "reallocations", p->reallocations },
		{ "temporary", p->temporary },
		{ "rss_bytes", p->rss_bytes },
		{ "pss_bytes", p->pss_bytes },
		{ "virtual_bytes", p->virtual_bytes },
		{ "own_bytes", p->own_bytes },
		{ "birth_now", p->birth_now },
		{ "flags", p->flags },
	};
	const struct {
		const char *name;
		uint32_t value;
	} text[] = {
		{ "command", p->command },
		{ "directory", p->directory },
		{ "libc", p->libc },
		{ "kernel", p->kernel },
		{ "machine", p->machine },
		{ "tool_version", p->tool },
		{ "allocator", p->allocator },
		{ "incomplete_why", p->incomplete_why },
		{ "abort_message", p->abort_message },
	};

	json_open_object(j, "snapshot");
	json_report_snapshot_members(j, s, s->process->complete && !s->damaged);
	for (size_t i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		json_number(j, number[i].name, (int64_t)number[i].value);
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		json_text(j, text[i].name, snapshot_string(s, text[i].value));
	json_bool(j, "references", p->references);
	json_text(j, "damaged", s->damaged ? s->damage : NULL);
	json_close_object(j);
}

/* "missed.early" and "coverage.blocks" without their first words. */
static const char *short_value_name(const char *name)
{
	return !strncmp(name, "missed.", 7) ? name + 7 : !strncmp(name, "coverage.", 9) ? name + 9 : name;
}

/* A name that a strange file holds twice is written once. */
static bool is_new_name(struct intern *seen, const char *name)
{
	size_t before = seen->count;

	return intern_text(seen, name) == before;
}

static void write_values(struct json *j, const char *name, const struct snapshot *s, bool of_missed)
{
	struct intern seen = { 0 };

	json_open_object(j, name);
	for (size_t i = 0; i < s->value_count; i++) {
		const char *value = snapshot_string(s, s->values[i].name);
		bool is_missed = !strncmp(value, "missed.", 7);

		if (is_missed == of_missed && *value && is_new_name(&seen, short_value_name(value)))
			json_number(j, short_value_name(value), (int64_t)s->values[i].value);
	}
	json_close_object(j);
	intern_free(&seen);
}

static void write_options(struct json *j, const struct snapshot *s)
{
	struct intern seen = { 0 };

	json_open_object(j, "options");
	for (size_t i = 0; i < s->option_count; i++) {
		const char *name = snapshot_string(s, s->options[i].name);

		if (is_new_name(&seen, name))
			json_text(j, name, snapshot_string(s, s->options[i].value));
	}
	json_close_object(j);
	intern_free(&seen);
}

static void write_warnings(struct json *j, const struct snapshot *s)
{
	json_open_array(j, "warnings");
	for (size_t i = 0; i < s->warning_count; i++) {
		json_open_object(j, NULL);
		json_text(j, "text", snapshot_string(s, s->warnings[i].text));
		json_text(j, "hint", snapshot_string(s, s->warnings[i].hint));
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_modules(struct json *j, const struct snapshot *s)
{
	json_open_array(j, "modules");
	for (size_t i = 1; i < s->module_count; i++) {
		const struct tide_module *m = &s->modules[i];

		json_open_object(j, NULL);
		json_text(j, "path", snapshot_string(s, m->path));
		json_text(j, "build_id", snapshot_string(s, m->build_id));
		json_address(j, "lo", m->lo);
		json_address(j, "hi", m->hi);
		json_address(j, "bias", m->bias);
		json_number(j, "opened", (int64_t)m->opened);
		json_number(j, "closed", (int64_t)m->closed);
		json_bool(j, "main", m->flags & MODULE_MAIN);
		json_close_object(j);
	}
	json_close_array(j);
}

bool info_thread_live_known(const struct snapshot *s) { return s->birth_count || !s->process->live_blocks; }

static void write_threads(struct json *j, const struct snapshot *s)
{
	json_open_array(j, "threads");
	for (size_t i = 0; i < s->thread_count; i++) {
		const struct tide_thread *t = &s->threads[i];

		json_open_object(j, NULL);
		json_number(j, "tid", t->tid);
		json_text(j, "name", snapshot_string(s, t->name));
		json_bool(j, "alive", !(t->state & THREAD_EXITED));
		json_text(j, "registers", info_registers(t->registers));
		json_number(j, "allocations", (int64_t)t->allocations);
		if (info_thread_live_known(s))
			json_number(j, "live_bytes", (int64_t)t->live_bytes);
		else
			json_none(j, "live_bytes");
		json_number(j, "born", (int64_t)t->born);
		json_number(j, "died", (int64_t)t->died);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_marks(struct json *j, const struct snapshot *s)
{
	json_open_array(j, "marks");
	for (size_t i = 0; i < s->mark_count; i++) {
		const struct tide_mark *m = &s->marks[i];

		json_open_object(j, NULL);
		json_text(j, "name", snapshot_string(s, m->name));
		json_text(j, "kind", info_mark_kind(m->kind));
		json_number(j, "elapsed_ns", (int64_t)m->elapsed_ns);
		json_number(j, "birth", (int64_t)m->birth);
		json_number(j, "live_bytes", m->live_bytes);
		json_number(j, "live_blocks", m->live_blocks);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_sections(struct json *j, const struct snapshot *s)
{
	const struct {
		const char *name;
		size_t count;
	} section[] = {
		{ "modules", s->module_count },
		{ "frames", s->frame_count },
		{ "sites", s->site_count },
		{ "threads", s->thread_count },
		{ "timeline", s->point_count },
		{ "marks", s->mark_count },
		{ "births", s->birth_count },
		{ "blocks", s->block_count },
		{ "roots", s->root_count },
		{ "root_edges", s->root_edge_count },
		{ "edges", s->edge_count },
		{ "symbols", s->symbol_count },
		{ "mappings", s->mapping_count },
		{ "errors", s->misuse_count },
	};

	json_open_object(j, "records");
	for (size_t i = 0; i < sizeof(section) / sizeof(section[0]); i++)
		json_number(j, section[i].name, (int64_t)section[i].count);
	json_close_object(j);
}

static const char *blocks_from(const struct tide_process *p)
{
	return !(p->flags & PROCESS_WALKED)     ? "ledger"
		: p->flags & PROCESS_UNPREPARED ? "walk"
						: "ledger+walk";
}

/* What a walk of the heap has found; null where none was made. */
static void write_heap(struct json *j, const struct snapshot *s)
{
	char text[HEADER_ALLOCATOR];

	json_text(j, "blocks_from", blocks_from(s->process));
	if (!(s->process->flags & PROCESS_WALKED)) {
		json_none(j, "heap");
		return;
	}
	json_open_object(j, "heap");
	json_text(j, "allocator", header_allocator(s, text));
	json_number(j, "arenas", (int64_t)snapshot_value(s, "heap.arenas"));
	json_number(j, "chunks", (int64_t)snapshot_value(s, "heap.chunks"));
	json_number(j, "mapped_chunks", (int64_t)snapshot_value(s, "heap.mapped_chunks"));
	json_open_object(j, "cached");
	json_number(j, "tcache", (int64_t)snapshot_value(s, "heap.tcache"));
	json_number(j, "fast", (int64_t)snapshot_value(s, "heap.fast"));
	json_close_object(j);
	json_number(j, "unsure", (int64_t)snapshot_value(s, "heap.unsure"));
	json_close_object(j);
}

/* What is resident, of live blocks and besides; null where the snapshot does not say. */
static void write_rest(struct json *j, const struct snapshot *s)
{
	struct waste_rest r;

	if (!waste_rest(s, &r)) {
		json_none(j, "live_resident_bytes");
		json_none(j, "not_live");
		return;
	}
	json_number(j, "live_resident_bytes", (int64_t)r.live);
	json_open_object(j, "not_live");
	json_number(j, "bytes", (int64_t)r.all);
	json_number(j, "malloc_bytes", (int64_t)r.heap);
	json_number(j, "files_bytes", (int64_t)r.files);
	json_number(j, "stacks_bytes", (int64_t)r.stacks);
	json_number(j, "globals_bytes", (int64_t)r.globals);
	json_number(j, "mappings_bytes", (int64_t)r.mappings);
	json_number(j, "profiler_bytes", (int64_t)r.profiler);
	json_close_object(j);
}

void info_json(struct json *j, const char *name, const struct snapshot *s)
{
	json_open_object(j, name);
	json_report_tool_members(j);
	write_process(j, s);
	write_heap(j, s);
	write_rest(j, s);
	write_values(j, "coverage", s, false);
	write_values(j, "missed", s, true);
	write_options(j, s);
	write_warnings(j, s);
	write_modules(j, s);
	write_threads(j, s);
	write_marks(j, s);
	write_sections(j, s);
	misuse_json(j, s, NULL);
	json_close_object(j);
}
