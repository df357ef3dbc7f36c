/* snapshot_read.c - maps a .tide file and points into it: snapshot.h, FORMAT.md.
 *
 * What the file says is checked here once: every offset, length, element size and
 * checksum. Indices inside elements are checked by who follows them.
 */
#define XXH_STATIC_LINKING_ONLY	/* XXH3_state_t by value */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>
#include "../shim/ledger.h"
#include "ledger_read.h"
#include "snapshot_private.h"

#define PLAIN_PER_STORED (1u << 17)	/* no zstd frame of ours is denser: refuses bombs */

struct later { const void *data; uint64_t bytes, checksum; const char *name; };

struct reader {
	void *map;
	uint64_t map_bytes;
	void **owned;			/* sections that could not be used in place */
	size_t owned_count;
	struct later later[8];		/* checksums that snapshot_verify looks at */
	size_t later_count;
	struct snapshot_writer *writer;	/* of snapshot_of_writer */
};

/* Where a section's array lives in struct snapshot. */
static const struct binding {
	uint32_t kind, element_bytes;
	size_t pointer, count;		/* offsets in struct snapshot; count 0: a single element */
	const char *name;
} bindings[] = {
#define BIND(kind, type, pointer, count, name) { kind, sizeof(type), \
	offsetof(struct snapshot, pointer), offsetof(struct snapshot, count), name }
	BIND(SECTION_STRINGS, char, strings, strings_bytes, "strings"),
	{ SECTION_PROCESS, sizeof(struct tide_process), offsetof(struct snapshot, process), 0, "process" },
	BIND(SECTION_COVERAGE, struct tide_value, values, value_count, "coverage"),
	BIND(SECTION_OPTIONS, struct tide_option, options, option_count, "options"),
	BIND(SECTION_MODULES, struct tide_module, modules, module_count, "modules"),
	BIND(SECTION_FRAMES, struct tide_frame, frames, frame_count, "frames"),
	BIND(SECTION_SITES, struct tide_site, sites, site_count, "sites"),
	BIND(SECTION_SIZES, struct tide_bin, sizes, size_count, "sizes"),
	BIND(SECTION_LIFETIMES, struct tide_bin, lifetimes, lifetime_count, "lifetimes"),
	BIND(SECTION_BIRTHS, struct tide_birth, births, birth_count, "births"),
	BIND(SECTION_THREADS, struct tide_thread, threads, thread_count, "threads"),
	BIND(SECTION_TIMELINE, struct tide_point, timeline, point_count, "timeline"),
	BIND(SECTION_MARKS, struct tide_mark, marks, mark_count, "marks"),
	BIND(SECTION_THREAD_SITES, struct tide_thread_site, thread_sites, thread_site_count,
		"sites of threads"),
	BIND(SECTION_BLOCKS, struct tide_block, blocks, block_count, "blocks"),
	BIND(SECTION_ROOTS, struct tide_root, roots, root_count, "roots"),
	BIND(SECTION_ROOT_EDGES, struct tide_root_edge, root_edges, root_edge_count,
		"references from roots"),
	BIND(SECTION_EDGE_STARTS, uint64_t, edge_starts, edge_start_count, "starts of references"),
	BIND(SECTION_EDGES, struct tide_edge, edges, edge_count, "references"),
	BIND(SECTION_WARNINGS, struct tide_warning, warnings, warning_count, "warnings"),
	BIND(SECTION_PERF_MAP, struct tide_jit, jit, jit_count, "perf map"),
	BIND(SECTION_SYMBOLS, struct tide_symbol, symbols, symbol_count, "symbols"),
	BIND(SECTION_MAPPINGS, struct tide_mapping, mappings, mapping_count, "mappings"),
	BIND(SECTION_ROUNDS, struct tide_rounds, rounds, rounds_count, "rounds"),
	BIND(SECTION_COUNTS, struct tide_count, counts, count_count, "counts"),
	BIND(SECTION_COUNT_VALUES, uint8_t, count_values, count_value_count, "values of counts"),
#undef BIND
};

static const struct binding *binding_of(uint32_t kind)
{
	for (size_t i = 0; i < sizeof(bindings) / sizeof(bindings[0]); i++)
		if (bindings[i].kind == kind)
			return &bindings[i];
	return NULL;
}

static const void **slot_of(struct snapshot *s, const struct binding *b)
{
	return (const void **)((char *)s + b->pointer);
}

/* Only the first damage is told: the others follow from it, as a rule. */
static void damage(struct snapshot *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void damage(struct snapshot *s, const char *format, ...)
{
	va_list list;

	if (s->damaged++)
		return;
	va_start(list, format);
	vsnprintf(s->damage, sizeof(s->damage), format, list);
	va_end(list);
}

static void *own(struct reader *r, void *p)
{
	r->owned = memory_resize(r->owned, (r->owned_count + 1) * sizeof(*r->owned));
	return r->owned[r->owned_count++] = p;
}

static void bind(struct snapshot *s, const struct binding *b, const void *data, uint64_t count)
{
	*slot_of(s, b) = count ? data : NULL;
	if (b->count)
		*(size_t *)((char *)s + b->count) = count;
}

/* Elements of another length than ours: an older or a newer writer's. */
static void *elements_convert(const void *from, uint64_t count, uint32_t theirs, uint32_t ours)
{
	char *to = calloc(count, ours);
	uint32_t common = theirs < ours ? theirs : ours;

	for (uint64_t i = 0; to && i < count; i++)
		memcpy(to + i * ours, (const char *)from + i * theirs, common);
	return to;
}

static void *section_unpack(const struct tide_section *t, const void *data)
{
	unsigned long long plain = ZSTD_getFrameContentSize(data, t->stored_bytes);
	void *to;

	if (t->encoding != 1 || plain != t->plain_bytes || plain / PLAIN_PER_STORED > t->stored_bytes)
		return NULL;
	to = malloc(plain ? plain : 1);
	if (to && ZSTD_decompress(to, plain, data, t->stored_bytes) != plain) {
		free(to);
		to = NULL;
	}
	return to;
}

#define SUM_AT_ONCE (2u << 20)

/* The sum of bytes of the mapped file. Pages that were read for it alone do not
 * stay in the memory of the process; those of small sections may. */
static uint64_t mapped_sum(const char *data, uint64_t bytes)
{
	XXH3_state_t state;

	if (bytes <= SUM_AT_ONCE)
		return XXH3_64bits(data, bytes);
	XXH3_64bits_reset(&state);
	while (bytes) {
		size_t n = bytes < SUM_AT_ONCE ? bytes : SUM_AT_ONCE;
		uintptr_t first = ((uintptr_t)data + 4095) & ~(uintptr_t)4095, end = (uintptr_t)(data + n) & ~(uintptr_t)4095;

		XXH3_64bits_update(&state, data, n);
		if (end > first)
			madvise((void *)first, end - first, MADV_DONTNEED);
		data += n;
		bytes -= n;
	}
	return XXH3_64bits_digest(&state);
}

/* A fuzzer would never get past a checksum. */
static bool checksum_holds(const void *data, uint64_t bytes, uint64_t checksum)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	(void)data, (void)bytes, (void)checksum;
	return true;
#else
	return mapped_sum(data, bytes) == checksum;
#endif
}

static bool put_off(const struct binding *b)
{
	switch (b->kind) {
	case SECTION_BLOCKS: case SECTION_ROOTS: case SECTION_ROOT_EDGES: case SECTION_EDGE_STARTS:
	case SECTION_EDGES:
		return true;
	}
	return false;
}

static void section_bind(struct snapshot *s, struct reader *r, const struct tide_section *t)
{
	const struct binding *b = binding_of(t->kind);
	const char *data;
	uint64_t count;

	if (!b || *slot_of(s, b))
		return;
	if (t->offset > r->map_bytes || t->stored_bytes > r->map_bytes - t->offset) {
		damage(s, "the %s are cut off", b->name);
		return;
	}
	data = (const char *)r->map + t->offset;
	if (!t->element_bytes || t->element_bytes > 1 << 16 || t->element_bytes * 16 < b->element_bytes ||
	    t->plain_bytes % t->element_bytes || (!t->encoding && t->plain_bytes != t->stored_bytes)) {
		damage(s, "the table entry of the %s is impossible", b->name);
		return;
	}
	if (put_off(b) && r->map_bytes > SNAPSHOT_EAGER_BYTES && !t->encoding && !s->damaged) {
		r->later[r->later_count++] = (struct later) { data, t->stored_bytes, t->checksum, b->name };
	} else if (!checksum_holds(data, t->stored_bytes, t->checksum)) {
		damage(s, "the %s are damaged", b->name);
		return;
	}
	count = t->plain_bytes / t->element_bytes;
	if (t->encoding && count)
		data = section_unpack(t, data);
	if (t->encoding && count && data)
		own(r, (void *)data);
	if (data && count && (t->element_bytes != b->element_bytes || (uintptr_t)data % 8)) {
		data = elements_convert(data, count, t->element_bytes, b->element_bytes);
		if (data)
			own(r, (void *)data);
	}
	if (!data && count)
		damage(s, "the %s cannot be unpacked", b->name);
	else
		bind(s, b, data, count);
}

/* What every user relies on: a last NUL in the strings, a process, starts that fit. */
static void invariants(struct snapshot *s, struct reader *r)
{
	struct tide_process *p;

	if (s->strings_bytes && s->strings[s->strings_bytes - 1]) {
		char *copy = own(r, memory_get(s->strings_bytes));

		memcpy(copy, s->strings, s->strings_bytes);
		copy[s->strings_bytes - 1] = '\0';
		s->strings = copy;
		damage(s, "the strings do not end");
	}
	if (!s->process)
		damage(s, "the section on the process is missing");
	if (!s->strings)
		damage(s, "the strings are missing");
	if (s->edge_start_count && s->edge_start_count != s->block_count + 1) {
		damage(s, "references and blocks do not fit each other");
		s->edge_start_count = 0;
		s->edge_starts = NULL;
	}
	if (!s->damaged)
		return;
	p = own(r, memory_get_zeroed(1, sizeof(*p)));
	if (s->process)
		*p = *s->process;
	p->complete = 0;
	s->process = p;
}

/* The section table; NULL when there is nothing that could be one. */
static const struct tide_section *table_find(struct snapshot *s, const struct reader *r,
	uint32_t *count, struct tide_error *e)
{
	const struct tide_file_header *h = r->map;
	const struct tide_section *table;
	uint64_t room;

	if (r->map_bytes < sizeof(*h)) {
		error_set(e, EXIT_UNMEASURED, "%s is cut off|%llu bytes are left of it|take the snapshot again",
			s->path, (unsigned long long)r->map_bytes);
		return NULL;
	}
	if (h->version > TIDE_VERSION) {
		error_set(e, EXIT_UNMEASURED, "cannot read %s|it has format version %u, this command knows "
			"up to %u|read it with a newer tidemark", s->path, h->version, TIDE_VERSION);
		return NULL;
	}
	if (!checksum_holds(h, offsetof(struct tide_file_header, header_checksum), h->header_checksum))
		damage(s, "the file header is damaged");
	if (h->file_bytes > r->map_bytes)
		damage(s, "%llu of %llu bytes are missing at the end",
			(unsigned long long)(h->file_bytes - r->map_bytes), (unsigned long long)h->file_bytes);
	else if (h->file_bytes < r->map_bytes)
		damage(s, "something was added at the end");
	if (h->table_offset > r->map_bytes || h->table_offset % 8 || !h->section_count) {
		error_set(e, EXIT_UNMEASURED, "%s is damaged|it has no section table|take the snapshot again",
			s->path);
		return NULL;
	}
	room = (r->map_bytes - h->table_offset) / sizeof(*table);
	*count = h->section_count;
	table = (const void *)((const char *)r->map + h->table_offset);
	if (*count > room || *count > SNAPSHOT_SECTIONS_MAX) {
		damage(s, "the section table is cut off");
		*count = room < SNAPSHOT_SECTIONS_MAX ? (uint32_t)room : SNAPSHOT_SECTIONS_MAX;
	} else if (!checksum_holds(table, *count * sizeof(*table), h->table_checksum)) {
		damage(s, "the section table is damaged");
	}
	return table;
}

static int sections_bind(struct snapshot *s, struct reader *r, struct tide_error *e)
{
	const struct tide_section *table;
	uint32_t count;

	table = table_find(s, r, &count, e);
	if (!table)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		section_bind(s, r, &table[i]);
	invariants(s, r);
	if (s->damaged && !s->site_count && !s->block_count)
		return error_set(e, EXIT_UNMEASURED, "%s is damaged|%s, and nothing whole is left|"
			"take the snapshot again", s->path, s->damage);
	return 0;
}

static int file_map(const char *path, struct reader *r, struct tide_error *e)
{
	/* O_NONBLOCK: opening a FIFO must not wait for its other end. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return error_set(e, EXIT_UNMEASURED, "cannot open %s|%s|%s", path, strerror(errno),
			errno == ENOENT ? "`tidemark run PROGRAM` makes a snapshot" : "");
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		error_set(e, EXIT_UNMEASURED, "%s is no snapshot|it is %s|give a .tide file", path,
			S_ISDIR(st.st_mode) ? "a folder" : S_ISFIFO(st.st_mode) ? "a pipe" : "no ordinary file");
	} else if (!st.st_size) {
		error_set(e, EXIT_UNMEASURED, "%s is no snapshot|it is empty|take the snapshot again", path);
	} else {
		r->map_bytes = (uint64_t)st.st_size;
		r->map = mmap(NULL, r->map_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
		if (r->map == MAP_FAILED) {
			r->map = NULL;
			error_set(e, EXIT_UNMEASURED, "cannot read %s|%s|", path, strerror(errno));
		}
	}
	close(fd);
	return r->map ? 0 : -1;
}

static int magic_check(const struct snapshot *s, const struct reader *r, struct tide_error *e)
{
	size_t bytes = r->map_bytes < 8 ? r->map_bytes : 8;

	if (!memcmp(r->map, TIDE_MAGIC, bytes))
		return 0;
	/* PNG's trick: the magic holds what careless transfers change. */
	if (bytes == 8 && !memcmp((const char *)r->map + 1, "TIDE", 4))
		return error_set(e, EXIT_UNMEASURED, "%s is damaged|it looks as if it had been sent as text|"
			"transfer it as binary", s->path);
	return error_set(e, EXIT_UNMEASURED, "%s is no snapshot|it does not begin like a .tide file|"
		"give a file that `tidemark run` or `snap` has written", s->path);
}

int snapshot_open(const char *path, struct snapshot *s, struct tide_error *e)
{
	struct reader *r = memory_get_zeroed(1, sizeof(*r));

	*s = (struct snapshot) { .path = memory_string(path), .private_ = r };
	if (file_map(path, r, e))
		goto failed;
	if (r->map_bytes >= 8 && !memcmp(r->map, LEDGER_MAGIC, 8)) {
		snapshot_close(s);
		return ledger_open(path, s, e);
	}
	if (!magic_check(s, r, e) && !sections_bind(s, r, e))
		return 0;
failed:
	snapshot_close(s);
	return -1;
}

int snapshot_of_writer(struct snapshot_writer *w, struct snapshot *s, struct tide_error *e)
{
	struct reader *r = memory_get_zeroed(1, sizeof(*r));
	struct writer_section strings = snapshot_writer_strings(w);

	*s = (struct snapshot) { .path = memory_string(""), .private_ = r };
	r->writer = w;
	bind(s, binding_of(SECTION_STRINGS), strings.data, strings.count);
	for (uint32_t i = 0; i < w->section_count; i++) {
		const struct binding *b = binding_of(w->sections[i].kind);

		if (b && w->sections[i].element_bytes == b->element_bytes)
			bind(s, b, w->sections[i].data, w->sections[i].count);
	}
	if (s->process)
		return 0;
	snapshot_close(s);
	return error_set(e, EXIT_UNMEASURED, "no snapshot|it lacks the section on the process|");
}

void snapshot_verify(struct snapshot *s)
{
	struct reader *r = s->private_;

	for (size_t i = 0; i < r->later_count; i++)
		if (!checksum_holds(r->later[i].data, r->later[i].bytes, r->later[i].checksum))
			damage(s, "the %s are damaged", r->later[i].name);
	r->later_count = 0;
	if (s->damaged && s->process->complete)
		invariants(s, r);
}

void snapshot_trim(const struct snapshot *s)
{
	const struct reader *r = s->private_;

	if (r && r->map)
		madvise(r->map, r->map_bytes, MADV_DONTNEED);
}

void snapshot_close(struct snapshot *s)
{
	struct reader *r = s->private_;

	if (r) {
		if (r->map)
			munmap(r->map, r->map_bytes);
		for (size_t i = 0; i < r->owned_count; i++)
			free(r->owned[i]);
		free(r->owned);
		snapshot_writer_free(r->writer);
		free(r);
	}
	free(s->path);
	*s = (struct snapshot) { 0 };
}

/* One section of the file as it is there, whatever its kind. */
static int section_copy(struct snapshot_writer *w, struct snapshot *s, const struct tide_section *t)
{
	struct reader *r = s->private_;
	const char *data = (const char *)r->map + t->offset;

	if (t->offset > r->map_bytes || t->stored_bytes > r->map_bytes - t->offset || !t->element_bytes ||
	    t->plain_bytes % t->element_bytes || (!t->encoding && t->plain_bytes != t->stored_bytes) ||
	    XXH3_64bits(data, t->stored_bytes) != t->checksum)
		return -1;
	if (t->encoding && t->plain_bytes) {
		data = section_unpack(t, data);
		if (!data)
			return -1;
		own(r, (void *)data);
	}
	snapshot_writer_section(w, t->kind, t->element_bytes, data, t->plain_bytes / t->element_bytes, 0);
	return 0;
}

static bool is_among(uint32_t kind, uint64_t kinds)
{
	return kind < 64 && kinds >> kind & 1;
}

int snapshot_writer_copy(struct snapshot_writer *w, struct snapshot *s, uint64_t except,
	struct tide_error *e)
{
	const struct tide_section *table = NULL;
	struct reader *r = s->private_;
	uint32_t count = 0;

	snapshot_verify(s);
	if (r->map)
		table = table_find(s, r, &count, e);
	if (s->damaged || (r->map && !table))
		return error_set(e, EXIT_UNMEASURED, "%s cannot be copied|%s|", s->path, s->damage);
	snapshot_writer_strings_from(w, s->strings, s->strings_bytes);
	for (uint32_t i = 0; i < count; i++)
		if (table[i].kind != SECTION_STRINGS && !is_among(table[i].kind, except) && section_copy(w, s, &table[i]))
			return error_set(e, EXIT_UNMEASURED, "%s cannot be copied|a section is damaged|",
				s->path);
	for (uint32_t i = 0; r->writer && i < r->writer->section_count; i++) {
		const struct writer_section *from = &r->writer->sections[i];

		if (!is_among(from->kind, except))
			snapshot_writer_section(w, from->kind, from->element_bytes, from->data, from->count, 0);
	}
	return 0;
}

/* --- questions ------------------------------------------------------------- */

const char *snapshot_string(const struct snapshot *s, uint32_t offset)
{
	return offset < s->strings_bytes ? s->strings + offset : "";
}

uint64_t snapshot_value(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->value_count; i++)
		if (!strcmp(snapshot_string(s, s->values[i].name), name))
			return s->values[i].value;
	return 0;
}

const char *snapshot_reason(uint32_t reason)
{
	static const char *const names[] = { "unknown", "exit", "exec", "abort", "signal", "mark", "api",
		"timer", "condition", "request", "post-mortem" };

	return names[reason < sizeof(names) / sizeof(names[0]) ? reason : 0];
}

const char *snapshot_site_label(uint32_t site)
{
	switch (site) {
	case LEDGER_SITE_NESTED: return "(inside a signal handler)";
	case LEDGER_SITE_OVERFLOW: return "(site table full)";
	case LEDGER_SITE_BOOT: return "(before start-up was finished)";
	}
	return NULL;
}
