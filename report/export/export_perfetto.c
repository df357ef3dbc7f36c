/* export_perfetto.c - a trace for https://ui.perfetto.dev and trace_processor: live bytes and resident memory
 * over time, the marks, and three heap profiles at the moment of the snapshot. "malloc" has what was allocated
 * and what of it was freed, so that Perfetto shows live and total; "malloc at the peak" and "lost" are others,
 * for Perfetto knows no more than two numbers of a heap.
 *
 * Packets leave one by one: a trace is the packets of all its pieces.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/intern.h"
#include "base/text.h"
#include "export.h"
#include "export/perfetto.pb-c.h"
#include "export_frames.h"

#define START_NS UINT64_C(1000000000) /* the program's start on the clock of the trace, which has no 0 */
enum { INCREMENTAL_CLEARED = 1, INCREMENTAL_NEEDED = 2 };
enum { CLOCK_ID_REALTIME = 1, CLOCK_ID_MONOTONIC = 3, CLOCK_ID_COARSE = 4, CLOCK_ID_BOOTTIME = 6 };
enum { TRACK_PROCESS = 1, TRACK_LIVE, TRACK_RESIDENT };
enum { EVENT_INSTANT = 3, EVENT_COUNTER = 4 };

struct perfetto {
	const struct export *x;
	FILE *out;
	uint8_t *packed;
	size_t packed_capacity;
	struct intern functions, paths, sources, mappings, frames; /* number + 1 = iid */
	uint64_t *frame;                                           /* scratch: those of one stack */
	size_t frame_capacity;
	uint64_t packets; /* of profiles */
};

static void put_packet(struct perfetto *p, Perfetto__Packet *packet)
{
	Perfetto__Trace trace = PERFETTO__TRACE__INIT;
	size_t bytes;

	packet->trusted_packet_sequence_id = 1;
	trace.n_packet = 1;
	trace.packet = &packet;
	bytes = perfetto__trace__get_packed_size(&trace);
	ARRAY_RESERVE(p->packed, p->packed_capacity, bytes);
	perfetto__trace__pack(&trace, p->packed);
	fwrite(p->packed, 1, bytes, p->out);
}

static void put_interned(struct perfetto *p, Perfetto__InternedData *data)
{
	Perfetto__Packet packet = PERFETTO__PACKET__INIT;

	packet.sequence_flags = INCREMENTAL_NEEDED;
	packet.interned_data = data;
	put_packet(p, &packet);
}

enum table { FUNCTION_NAMES, MAPPING_PATHS, SOURCE_PATHS, BUILD_IDS };

static void put_string(struct perfetto *p, enum table table, uint64_t iid, void *bytes, size_t count)
{
	Perfetto__InternedData data = PERFETTO__INTERNED_DATA__INIT;
	Perfetto__InternedString string = PERFETTO__INTERNED_STRING__INIT, *list = &string;

	string.iid = iid;
	string.str = (ProtobufCBinaryData){ .data = bytes, .len = count };
	switch (table) {
	case FUNCTION_NAMES: data.n_function_names = 1, data.function_names = &list; break;
	case MAPPING_PATHS: data.n_mapping_paths = 1, data.mapping_paths = &list; break;
	case SOURCE_PATHS: data.n_source_paths = 1, data.source_paths = &list; break;
	case BUILD_IDS: data.n_build_ids = 1, data.build_ids = &list; break;
	}
	put_interned(p, &data);
}

static uint64_t number_text(struct perfetto *p, enum table table, struct intern *texts, const char *text)
{
	size_t before = texts->count;
	uint64_t iid = intern_text(texts, text) + UINT64_C(1);

	if (texts->count != before) {
		char *valid = text_utf8(text);

		put_string(p, table, iid, valid, strlen(valid));
		free(valid);
	}
	return iid;
}

/* The trace has build ids as bytes. */
static uint64_t put_build_id(struct perfetto *p, uint64_t iid, const char *hex)
{
	uint8_t bytes[64];
	size_t count = 0;
	unsigned byte;

	while (count < sizeof(bytes) && hex[0] && hex[1] && sscanf(hex, "%2x", &byte) == 1) {
		bytes[count++] = (uint8_t)byte;
		hex += 2;
	}
	if (!count)
		return 0;
	put_string(p, BUILD_IDS, iid, bytes, count);
	return iid;
}

static uint64_t number_mapping(
	struct perfetto *p, const struct view *v, size_t module, const struct symbol_line *line)
{
	const struct snapshot *s = v->snapshot;
	const struct tide_module *m = &s->modules[module];
	const char *path = module ? snapshot_string(s, m->path) : line->python ? "[python]" : "[unknown]";
	char *key = alloc_printf("%zu %zu %s", module ? (size_t)(v - p->x->view) : 0, module, path);
	Perfetto__InternedData data = PERFETTO__INTERNED_DATA__INIT;
	Perfetto__Mapping mapping = PERFETTO__MAPPING__INIT, *list = &mapping;
	size_t before = p->mappings.count;
	uint64_t name;

	mapping.iid = intern_text(&p->mappings, key) + UINT64_C(1);
	free(key);
	if (p->mappings.count == before)
		return mapping.iid;
	/* The reader puts a slash before each part. */
	name = number_text(p, MAPPING_PATHS, &p->paths, path + (*path == '/'));
	mapping.n_path_string_ids = 1;
	mapping.path_string_ids = &name;
	if (module) {
		mapping.build_id = put_build_id(p, mapping.iid, snapshot_string(s, m->build_id));
		mapping.start = m->lo;
		mapping.end = m->hi;
	}
	data.n_mappings = 1;
	data.mappings = &list;
	put_interned(p, &data);
	return mapping.iid;
}

static uint64_t number_frame(struct perfetto *p, const struct view *v, const struct symbol_line *line)
{
	Perfetto__InternedData data = PERFETTO__INTERNED_DATA__INIT;
	Perfetto__Frame frame = PERFETTO__FRAME__INIT, *list = &frame;
	size_t before = p->frames.count, module;
	char key[48];

	snprintf(key, sizeof(key), "%zu %" PRIu32, (size_t)(v - p->x->view), line->number);
	frame.iid = intern_text(&p->frames, key) + UINT64_C(1);
	if (p->frames.count == before)
		return frame.iid;
	module = export_module(v, line);
	frame.mapping_id = number_mapping(p, v, module, line);
	frame.function_name_id = number_text(p, FUNCTION_NAMES, &p->functions, line->function);
	/* Without a module, frames differ by their numbers alone. */
	frame.rel_pc = module ? line->address - v->snapshot->modules[module].lo : frame.iid;
	if (line->file) {
		frame.source_path_iid = number_text(p, SOURCE_PATHS, &p->sources, line->file);
		frame.line_number = line->line;
	}
	data.n_frames = 1;
	data.frames = &list;
	put_interned(p, &data);
	return frame.iid;
}

static void put_callstacks(struct perfetto *p)
{
	struct export_stack stack = { 0 };

	for (size_t i = 0; i < p->x->count; i++) {
		const struct export_site *site = &p->x->site[i];
		Perfetto__InternedData data = PERFETTO__INTERNED_DATA__INIT;
		Perfetto__Callstack callstack = PERFETTO__CALLSTACK__INIT, *list = &callstack;

		export_stack(&stack, site);
		ARRAY_RESERVE(p->frame, p->frame_capacity, stack.lines);
		for (size_t k = 0; k < stack.lines; k++)
			p->frame[k] = number_frame(p, site->view, stack.line[stack.lines - 1 - k]);
		callstack.iid = i + 1;
		callstack.n_frame_ids = stack.lines;
		callstack.frame_ids = p->frame;
		data.n_callstacks = 1;
		data.callstacks = &list;
		put_interned(p, &data);
	}
	export_stack_free(&stack);
}

enum heap { HEAP_MALLOC, HEAP_PEAK, HEAP_LOST };

static uint64_t positive(int64_t n) { return n > 0 ? (uint64_t)n : 0; }

static bool fill_sample(Perfetto__HeapSample *sample, enum heap heap, const int64_t *of)
{
	switch (heap) {
	case HEAP_MALLOC:
		sample->self_allocated = positive(of[TOTAL_BYTES]);
		sample->self_freed = positive(of[TOTAL_BYTES] - of[LIVE_BYTES]);
		sample->alloc_count = positive(of[TOTAL_BLOCKS]);
		sample->free_count = positive(of[TOTAL_BLOCKS] - of[LIVE_BLOCKS]);
		return sample->self_allocated || sample->alloc_count;
	case HEAP_PEAK:
		sample->self_max = positive(of[PEAK_BYTES]);
		sample->self_max_count = positive(of[PEAK_BLOCKS]);
		return sample->self_max;
	default:
		sample->self_allocated = positive(of[LOST_BYTES]);
		sample->alloc_count = positive(of[LOST_BLOCKS]);
		return sample->self_allocated || sample->alloc_count;
	}
}

static void put_heap(struct perfetto *p, enum heap heap, const char *name, bool last)
{
	const struct tide_process *process = p->x->view[0].snapshot->process;
	Perfetto__HeapSample *sample = alloc_bytes((p->x->count + 1) * sizeof(*sample));
	Perfetto__HeapSample **list = alloc_bytes((p->x->count + 1) * sizeof(*list));
	Perfetto__ProcessHeapSamples dump = PERFETTO__PROCESS_HEAP_SAMPLES__INIT, *dumps = &dump;
	Perfetto__ProfilePacket profile = PERFETTO__PROFILE_PACKET__INIT;
	Perfetto__Packet packet = PERFETTO__PACKET__INIT;

	for (size_t i = 0; i < p->x->count; i++) {
		Perfetto__HeapSample *to = &sample[dump.n_samples];

		perfetto__heap_sample__init(to);
		to->callstack_id = i + 1;
		if (fill_sample(to, heap, p->x->site[i].of))
			list[dump.n_samples++] = to;
	}
	dump.pid = (uint32_t)process->pid;
	dump.samples = list;
	dump.from_startup = true;
	dump.timestamp = packet.timestamp = START_NS + process->elapsed_ns;
	dump.heap_name = (char *)name;
	dump.sampling_interval_bytes = dump.orig_sampling_interval_bytes =
		process->sample_bytes ? process->sample_bytes : 1;
	profile.n_process_dumps = 1;
	profile.process_dumps = &dumps;
	profile.continued = !last;
	profile.index = p->packets++;
	packet.sequence_flags = INCREMENTAL_NEEDED;
	packet.profile_packet = &profile;
	put_packet(p, &packet);
	free(sample);
	free(list);
}

static void put_heaps(struct perfetto *p)
{
	bool lost = p->x->known & 1u << LOST_BYTES, peak = p->x->known & 1u << PEAK_BYTES;

	put_callstacks(p);
	if (peak)
		put_heap(p, HEAP_PEAK, "malloc at the peak", false);
	if (lost)
		put_heap(p, HEAP_LOST, "lost", false);
	put_heap(p, HEAP_MALLOC, "malloc", true);
}

static void put_track(struct perfetto *p, uint64_t uuid, const char *name)
{
	const struct tide_process *process = p->x->view[0].snapshot->process;
	Perfetto__Packet packet = PERFETTO__PACKET__INIT;
	Perfetto__TrackDescriptor track = PERFETTO__TRACK_DESCRIPTOR__INIT;
	Perfetto__ProcessDescriptor whole = PERFETTO__PROCESS_DESCRIPTOR__INIT;
	Perfetto__CounterDescriptor counter = PERFETTO__COUNTER_DESCRIPTOR__INIT;
	char *text = text_utf8(name);

	track.uuid = uuid;
	if (uuid == TRACK_PROCESS) {
		whole.pid = process->pid;
		whole.process_name = text;
		track.process = &whole;
	} else {
		track.name = text;
		track.parent_uuid = TRACK_PROCESS;
		counter.unit = 3;
		track.counter = &counter;
	}
	packet.track_descriptor = &track;
	put_packet(p, &packet);
	free(text);
}

/* An event with a name is an instant; one without is the value of a counter. */
static void put_event(
	struct perfetto *p, uint64_t track, uint64_t elapsed_ns, const char *name, int64_t value)
{
	Perfetto__Packet packet = PERFETTO__PACKET__INIT;
	Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;
	char *text = name ? text_utf8(name) : NULL;

	event.type = name ? EVENT_INSTANT : EVENT_COUNTER;
	event.track_uuid = track;
	if (text) {
		event.name = text;
	} else {
		event.value_case = PERFETTO__TRACK_EVENT__VALUE_COUNTER_VALUE;
		event.counter_value = value;
	}
	packet.timestamp = START_NS + elapsed_ns;
	packet.track_event = &event;
	put_packet(p, &packet);
	free(text);
}

static void put_clocks(struct perfetto *p)
{
	static const uint32_t id[] = { CLOCK_ID_REALTIME, CLOCK_ID_MONOTONIC, CLOCK_ID_COARSE,
		CLOCK_ID_BOOTTIME };
	Perfetto__Packet packet = PERFETTO__PACKET__INIT;
	Perfetto__ClockSnapshot snapshot = PERFETTO__CLOCK_SNAPSHOT__INIT;
	Perfetto__Clock clock[4], *list[4];

	for (size_t i = 0; i < 4; i++) {
		perfetto__clock__init(&clock[i]);
		clock[i].clock_id = id[i];
		clock[i].timestamp = START_NS;
		list[i] = &clock[i];
	}
	clock[0].timestamp = p->x->view[0].snapshot->process->started_wall_ns;
	snapshot.n_clocks = 4;
	snapshot.clocks = list;
	packet.clock_snapshot = &snapshot;
	packet.timestamp = START_NS;
	packet.sequence_flags = INCREMENTAL_CLEARED;
	put_packet(p, &packet);
}

/* Of one process; several have no common clock. */
static void put_timeline(struct perfetto *p)
{
	const struct snapshot *s = p->x->view[0].snapshot;

	if (p->x->view_count > 1)
		return;
	put_track(p, TRACK_LIVE, "live heap");
	put_track(p, TRACK_RESIDENT, "resident memory");
	for (size_t i = 0; i < s->point_count; i++) {
		put_event(p, TRACK_LIVE, s->timeline[i].elapsed_ns, NULL, s->timeline[i].live_bytes);
		if (s->timeline[i].rss_bytes)
			put_event(p, TRACK_RESIDENT, s->timeline[i].elapsed_ns, NULL,
				(int64_t)s->timeline[i].rss_bytes);
	}
	for (size_t i = 0; i < s->mark_count; i++)
		if (s->marks[i].kind == MARK_USER)
			put_event(p, TRACK_PROCESS, s->marks[i].elapsed_ns,
				snapshot_string(s, s->marks[i].name), 0);
}

int export_perfetto(const struct export *x, FILE *out, struct tide_error *e)
{
	struct perfetto p = { .x = x, .out = out };

	(void)e;
	put_clocks(&p);
	put_track(&p, TRACK_PROCESS, export_command(x));
	put_timeline(&p);
	put_heaps(&p);
	intern_free(&p.functions);
	intern_free(&p.paths);
	intern_free(&p.sources);
	intern_free(&p.mappings);
	intern_free(&p.frames);
	free(p.packed);
	free(p.frame);
	return 0;
}
