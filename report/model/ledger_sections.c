/* ledger_sections.c - sections of a snapshot out of a copied ledger: ledger.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/version.h"
#include "ledger.h"
#include "ledger_translate.h"
#include "missed.h"

/* Text of a field that need not end. */
static uint32_t add_text(struct snapshot_writer *w, const char *s, size_t room)
{
	char *copy = alloc_printf("%.*s", (int)strnlen(s, room), s);
	uint32_t offset = snapshot_writer_string(w, copy);

	free(copy);
	return offset;
}

static uint32_t add_string(const struct ledger_copy *c, struct snapshot_writer *w, uint32_t index)
{
	return snapshot_writer_string(w, ledger_string(c, index));
}

/* The loader keeps the name it was given: one that is relative is so to the folder
 * in which the program started. */
static uint32_t add_module_path(const struct ledger_copy *c, struct snapshot_writer *w, uint32_t index)
{
	const char *path = ledger_string(c, index), *folder = ledger_string(c, c->header.directory);
	uint32_t offset;
	char *whole;

	if (!strchr(path, '/') || path[0] == '/' || folder[0] != '/')
		return snapshot_writer_string(w, path);
	whole = alloc_printf("%s/%s", folder, strncmp(path, "./", 2) ? path : path + 2);
	offset = snapshot_writer_string(w, whole);
	free(whole);
	return offset;
}

/* --- places ---------------------------------------------------------------- */

static void make_modules(const struct ledger_copy *c, struct snapshot_writer *w, struct ledger_made *m)
{
	const struct ledger_module *from = c->table[LEDGER_MODULES];

	m->module_count = c->count[LEDGER_MODULES] ? c->count[LEDGER_MODULES] : 1;
	m->modules = alloc_zeroed(m->module_count, sizeof(*m->modules));
	for (uint64_t i = 1; i < c->count[LEDGER_MODULES]; i++) {
		char id[41] = "";

		for (uint32_t b = 0; b < from[i].build_id_bytes && b < sizeof(from[i].build_id); b++)
			snprintf(id + 2 * b, 3, "%02x", from[i].build_id[b]);
		m->modules[i] = (struct tide_module){ .lo = from[i].lo,
			.hi = from[i].hi,
			.bias = from[i].bias,
			.path = add_module_path(c, w, from[i].path),
			.build_id = snapshot_writer_string(w, id),
			.opened = from[i].opened,
			.closed = from[i].closed,
			.flags = ledger_module_flags(from[i].flags) };
		if ((c->header.python_flags & LEDGER_PYTHON_FRAMES)
			&& c->header.python_runtime - from[i].lo < from[i].hi - from[i].lo)
			m->modules[i].flags |= MODULE_PYTHON;
	}
}

/* The module loaded now at an address. */
static uint32_t find_module(const struct ledger_made *m, uint64_t address)
{
	for (uint64_t i = m->module_count - 1; i > 0; i--)
		if (address >= m->modules[i].lo && address < m->modules[i].hi && !m->modules[i].closed)
			return (uint32_t)i;
	return 0;
}

_Static_assert(PYTHON_PLACE_LINE_MOST == (1u << 21) - 1 && PYTHON_PLACE_INSTRUCTION_MOST == (1u << 21) - 1,
	"the place of a Python frame is copied as it is");

static void make_codes(const struct ledger_copy *c, struct snapshot_writer *w, struct ledger_made *m)
{
	const struct ledger_code *from = c->table[LEDGER_CODES];

	m->code_count = c->count[LEDGER_CODES];
	m->codes = alloc_zeroed(m->code_count + 1, sizeof(*m->codes));
	for (uint64_t i = 1; i < m->code_count; i++)
		m->codes[i] = (struct tide_code){ .name = add_string(c, w, from[i].name),
			.qualified = add_string(c, w, from[i].qualified),
			.file = add_string(c, w, from[i].file),
			.first_line = from[i].first_line,
			.interpreter = from[i].interpreter };
}

static void make_frames(const struct ledger_copy *c, struct ledger_made *m)
{
	const struct ledger_node *from = c->table[LEDGER_NODES];

	m->frame_count = c->count[LEDGER_NODES] ? c->count[LEDGER_NODES] : 1;
	m->frame_room = m->frame_count + 64;
	m->frames = alloc_bytes(m->frame_room * sizeof(*m->frames));
	memset(m->frames, 0, sizeof(*m->frames));
	for (uint64_t i = 1; i < c->count[LEDGER_NODES]; i++)
		m->frames[i] = (struct tide_frame){ .parent = from[i].parent,
			.module = from[i].module,
			.address = from[i].address,
			.flags = ledger_frame_flags(from[i].flags) };
}

uint32_t ledger_made_frame(struct ledger_made *m, uint32_t parent, uint64_t address, uint32_t flags)
{
	uint64_t hash;

	if (parent >= m->frame_count)
		parent = 0;
	hash = index_hash(index_hash(address) + ((uint64_t)parent << 32 | flags));
	INDEX_EACH(&m->added_frames, hash, probe)
	{
		const struct tide_frame *f = &m->frames[probe.number];

		if (f->address == address && f->parent == parent && f->flags == flags)
			return probe.number;
	}
	index_add(&m->added_frames, hash, (uint32_t)m->frame_count);
	/* A return address may be the first byte after its module's code. */
	*ARRAY_ADD(m->frames, m->frame_count, m->frame_room) = (struct tide_frame){ .parent = parent,
		.address = address,
		.flags = flags,
		.module = find_module(m, address - !(flags & FRAME_SIGNAL)) };
	return (uint32_t)m->frame_count - 1;
}

uint32_t ledger_made_module(struct ledger_made *m, const struct tide_module *module)
{
	*ARRAY_ADD(m->modules, m->module_count, m->module_capacity) = *module;
	return (uint32_t)m->module_count - 1;
}

/* --- threads, times ---------------------------------------------------------- */

static void make_threads(const struct ledger_copy *c, struct snapshot_writer *w, struct ledger_made *m)
{
	const struct ledger_thread *from = c->table[LEDGER_THREADS];

	m->thread_count = c->count[LEDGER_THREADS];
	m->threads = alloc_zeroed(m->thread_count, sizeof(*m->threads));
	for (uint64_t i = 0; i < m->thread_count; i++)
		m->threads[i] = (struct tide_thread){ .tid = from[i].tid,
			.state = ledger_thread_state(from[i].state),
			.name = add_text(w, from[i].name, sizeof(from[i].name)),
			.born = from[i].born,
			.died = from[i].died,
			.allocations = from[i].allocations };
}

static void write_timeline(const struct ledger_copy *c, struct snapshot_writer *w)
{
	const struct ledger_point *from = c->table[LEDGER_TIMELINE];
	uint64_t n = c->count[LEDGER_TIMELINE];
	struct tide_point *to = alloc_bytes(n * sizeof(*to));

	for (uint64_t i = 0; i < n; i++)
		to[i] = (struct tide_point){ .elapsed_ns = from[i].mono_ns,
			.live_bytes = from[i].live_bytes,
			.live_blocks = from[i].live_blocks,
			.rss_bytes = from[i].rss_bytes,
			.total_blocks = from[i].total_blocks,
			.private_bytes = from[i].private_bytes };
	snapshot_writer_section(w, SECTION_TIMELINE, sizeof(*to), to, n, SNAPSHOT_TAKE);
}

static void write_marks(const struct ledger_copy *c, struct snapshot_writer *w)
{
	const struct ledger_mark *from = c->table[LEDGER_MARKS];
	uint64_t n = c->count[LEDGER_MARKS];
	struct tide_mark *to = alloc_bytes(n * sizeof(*to));

	for (uint64_t i = 0; i < n; i++)
		to[i] = (struct tide_mark){ .elapsed_ns = from[i].mono_ns,
			.birth = from[i].birth,
			.name = add_string(c, w, from[i].name),
			.kind = ledger_mark_kind(from[i].kind),
			.thread = from[i].thread,
			.live_bytes = from[i].live_bytes,
			.live_blocks = from[i].live_blocks };
	snapshot_writer_section(w, SECTION_MARKS, sizeof(*to), to, n, SNAPSHOT_TAKE);
}

static void write_rounds(const struct ledger_copy *c, struct snapshot_writer *w)
{
	const struct ledger_rounds *from = c->table[LEDGER_ROUNDS];
	uint64_t used = 0, n = c->count[LEDGER_ROUNDS];
	struct tide_rounds *to = alloc_bytes(n * sizeof(*to));

	for (uint64_t i = 0; i < n; i++) {
		uint32_t any = 0;

		for (uint32_t b = 0; b < LEDGER_ROUND_BUCKETS; b++)
			any |= from[i].least[b];
		if (!any)
			continue;
		to[used] = (struct tide_rounds){ .site = (uint32_t)i };
		memcpy(to[used++].least, from[i].least, sizeof(to->least));
	}
	snapshot_writer_section(w, SECTION_ROUNDS, sizeof(*to), to, used, SNAPSHOT_TAKE);
}

void ledger_sections_errors(const struct ledger_copy *c, struct snapshot_writer *w, bool dead)
{
	const struct ledger_error *from = c->table[LEDGER_ERRORS];
	uint64_t used = 0, n = c->count[LEDGER_ERRORS], sites = c->count[LEDGER_SITES];
	struct tide_misuse *to = alloc_bytes(n * sizeof(*to));

	for (uint64_t i = 0; i < n; i++) {
		const struct ledger_error *e = &from[i];

		/* The ledger is the program's to write: what no library of ours wrote is left out. */
		if (!e->count || !e->kind || e->kind >= MISUSE_KINDS || e->allocated_by >= TIDE_FUNCTIONS
			|| e->freed_by >= TIDE_FUNCTIONS || e->place > MISUSE_PLACE_MAPPING
			|| (e->flags & LEDGER_ERROR_UNSURE && !(dead && e->flags & LEDGER_ERROR_INSIDE)))
			continue;
		to[used++] = (struct tide_misuse){ .address = e->address,
			.block = e->block,
			.bytes = e->bytes,
			.count = e->count,
			.kind = e->kind,
			.flags = e->flags & LEDGER_ERROR_INSIDE ? MISUSE_INSIDE : 0,
			.free_site = e->free_site < sites ? e->free_site : 0,
			.allocation_site = e->allocation_site < sites ? e->allocation_site : 0,
			.first_site = e->first_site < sites ? e->first_site : 0,
			.thread = e->thread < c->count[LEDGER_THREADS] ? e->thread : UINT32_MAX,
			.birth = e->birth,
			.allocated_by = e->allocated_by,
			.freed_by = e->freed_by,
			.place = e->place };
	}
	snapshot_writer_section(w, SECTION_ERRORS, sizeof(*to), to, used, SNAPSHOT_TAKE);
}

/* NAME=VALUE lines; what only the run itself needs is left out. */
static void write_options(const struct ledger_copy *c, struct snapshot_writer *w)
{
	char *all = alloc_string(ledger_string(c, c->header.options)), *save = NULL;
	struct tide_option *to = NULL;
	uint64_t n = 0, capacity = 0;

	for (char *line = strtok_r(all, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, '=');

		if (strncmp(line, "TIDEMARK_", 9) || !value)
			continue;
		*value++ = '\0';
		line += 9;
		if (!strcmp(line, "SESSION") || !strcmp(line, "COLLECTOR") || !strcmp(line, "ROOT"))
			continue;
		for (char *p = line; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		*ARRAY_ADD(to, n, capacity) = (struct tide_option){ snapshot_writer_string(w, line),
			snapshot_writer_string(w, value) };
	}
	/* What the program says to LeakSanitizer, beside what the run says to us. */
	if (c->header.lsan_suppressions) {
		*ARRAY_ADD(to, n, capacity) =
			(struct tide_option){ snapshot_writer_string(w, "lsan_suppressions"),
				add_string(c, w, c->header.lsan_suppressions) };
	}
	if (c->header.flags & LEDGER_FLAG_LEAKS_OFF) {
		*ARRAY_ADD(to, n, capacity) =
			(struct tide_option){ snapshot_writer_string(w, "lsan_is_turned_off"),
				snapshot_writer_string(w, "1") };
	}
	snapshot_writer_section(w, SECTION_OPTIONS, sizeof(*to), to, n, SNAPSHOT_TAKE);
	free(all);
}

/* From the start to now, or to the last thing known of a process that has ended. */
static uint64_t elapsed_ns_of(const struct ledger_copy *c)
{
	const struct ledger_header *h = &c->header;
	const struct ledger_point *p = c->table[LEDGER_TIMELINE];
	uint64_t n = c->count[LEDGER_TIMELINE], now = clock_ns();

	if (h->ended_mono_ns > h->started_mono_ns)
		return h->ended_mono_ns - h->started_mono_ns;
	if (h->state == LEDGER_FINISHED || h->state == LEDGER_EXECED || now < h->started_mono_ns)
		return n ? p[n - 1].mono_ns : 0;
	return now - h->started_mono_ns;
}

static void make_process(const struct ledger_copy *c, struct snapshot_writer *w, struct tide_process *p)
{
	const struct ledger_header *h = &c->header;
	uint64_t n = c->count[LEDGER_TIMELINE];
	const struct ledger_point *points = c->table[LEDGER_TIMELINE];
	struct utsname u;

	uname(&u);
	p->pid = h->pid;
	p->parent_pid = h->parent_pid;
	p->uid = h->uid;
	p->sequence = h->request_serial ? h->request_serial : 1;
	p->exit_status = h->exit_status;
	p->depth_limit = h->depth_limit;
	p->sample_bytes = h->sample_bytes;
	p->started_wall_ns = h->started_wall_ns;
	p->elapsed_ns = elapsed_ns_of(c);
	p->taken_wall_ns = h->started_wall_ns + p->elapsed_ns;
	p->peak_bytes = h->peak_bytes > 0 ? (uint64_t)h->peak_bytes : 0;
	p->peak_elapsed_ns = h->peak_birth <= BIRTH_MAX ? birth_to_ns(h->peak_birth) : 0;
	p->rss_bytes = n ? points[n - 1].rss_bytes : 0;
	p->birth_now = h->birth_now;
	p->flags = ledger_process_flags(h->flags);
	p->exe = add_string(c, w, h->exe);
	p->command = add_string(c, w, h->command);
	p->directory = add_string(c, w, h->directory);
	p->libc = add_string(c, w, h->libc);
	p->allocator = add_string(c, w, h->allocator);
	p->abort_message = add_string(c, w, h->abort_message);
	p->kernel = snapshot_writer_string(w, u.release);
	p->machine = snapshot_writer_string(w, u.machine);
	p->tool = snapshot_writer_string(w, "tidemark " TIDEMARK_VERSION);
}

/* --- all of it --------------------------------------------------------------- */

void ledger_sections(const struct ledger_copy *c, struct snapshot_writer *w, struct ledger_made *m)
{
	memset(m, 0, sizeof(*m));
	make_modules(c, w, m);
	make_frames(c, m);
	make_codes(c, w, m);
	make_threads(c, w, m);
	make_process(c, w, &m->process);
	ledger_counters(c, w, m);
	write_timeline(c, w);
	write_marks(c, w);
	write_rounds(c, w);
	write_options(c, w);
}

void ledger_sections_dead(const struct ledger_copy *c, struct ledger_made *m)
{
	const struct ledger_header *h = &c->header;
	const struct ledger_point *p = c->table[LEDGER_TIMELINE];
	uint64_t n = c->count[LEDGER_TIMELINE], last = n ? p[n - 1].mono_ns : 0;

	if (h->ended_mono_ns > h->started_mono_ns)
		last = h->ended_mono_ns - h->started_mono_ns;
	if (last < m->process.peak_elapsed_ns)
		last = m->process.peak_elapsed_ns;
	m->process.elapsed_ns = last;
	m->process.taken_wall_ns = m->process.started_wall_ns + last;
}

void ledger_sections_finish(struct ledger_made *m, struct snapshot_writer *w)
{
	index_free(&m->added_frames);
	snapshot_writer_section(w, SECTION_PROCESS, sizeof(m->process), &m->process, 1, SNAPSHOT_COPY);
	snapshot_writer_section(
		w, SECTION_MODULES, sizeof(*m->modules), m->modules, m->module_count, SNAPSHOT_TAKE);
	snapshot_writer_section(
		w, SECTION_FRAMES, sizeof(*m->frames), m->frames, m->frame_count, SNAPSHOT_TAKE);
	snapshot_writer_section(w, SECTION_SITES, sizeof(*m->sites), m->sites, m->site_count, SNAPSHOT_TAKE);
	snapshot_writer_section(
		w, SECTION_THREADS, sizeof(*m->threads), m->threads, m->thread_count, SNAPSHOT_TAKE);
	snapshot_writer_section(w, SECTION_CODES, sizeof(*m->codes), m->codes, m->code_count, SNAPSHOT_TAKE);
	m->frames = NULL;
	m->codes = NULL;
	m->modules = NULL;
	m->sites = NULL;
	m->threads = NULL;
}

void ledger_coverage(const struct ledger_copy *c, struct snapshot_writer *w, const struct tide_value *more,
	size_t more_count)
{
	size_t count;
	const struct missed_counter *missed = missed_counters(&count);
	struct tide_value *to = alloc_bytes((count + 8 + more_count) * sizeof(*to));
	uint64_t n = 0;

	for (size_t i = 0; i < count; i++)
		to[n++] = (struct tide_value){ .name = snapshot_writer_string(w, missed[i].name),
			.value = c->header.missed[i] };
	to[n++] = (struct tide_value){ .name = snapshot_writer_string(w, "missed.ledger"), .value = c->cut };
	if (c->header.rounds_name) {
		to[n++] = (struct tide_value){ .name = snapshot_writer_string(w, "rounds"),
			.value = c->header.rounds };
		to[n++] = (struct tide_value){ .name = snapshot_writer_string(w, "rounds.width"),
			.value = c->header.rounds_width };
	}
	if (more_count)
		memcpy(to + n, more, more_count * sizeof(*to));
	snapshot_writer_section(w, SECTION_COVERAGE, sizeof(*to), to, n + more_count, SNAPSHOT_TAKE);
}
