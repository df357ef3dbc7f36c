/* snapshot_read.c - maps a .tide file and points into it: snapshot.h, FORMAT.md.
 *
 * Every offset, length, element size and checksum is checked here. What the sections say
 * about each other is checked by snapshot_check.c.
 */
#define XXH_STATIC_LINKING_ONLY /* XXH3_state_t by value */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>
#include "base/alloc.h"
#include "base/ordinary.h"
#include "snapshot_private.h"

/* Where a section's array lives in struct snapshot. */
static const struct binding {
	uint32_t kind, element_bytes;
	size_t pointer, count; /* offsets in struct snapshot; count 0: a single element */
	const char *name;
} bindings[] = {
#define BIND(kind, type, pointer, count, name)                                                               \
	{                                                                                                    \
		kind, sizeof(type), offsetof(struct snapshot, pointer), offsetof(struct snapshot, count),    \
			name                                                                                 \
	}
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
	BIND(SECTION_ROOT_EDGES, struct tide_root_edge, root_edges, root_edge_count, "references from roots"),
	BIND(SECTION_EDGE_STARTS, uint64_t, edge_starts, edge_start_count, "starts of references"),
	BIND(SECTION_EDGES, struct tide_edge, edges, edge_count, "references"),
	BIND(SECTION_WARNINGS, struct tide_warning, warnings, warning_count, "warnings"),
	BIND(SECTION_PERF_MAP, struct tide_jit, jit, jit_count, "perf map"),
	BIND(SECTION_SYMBOLS, struct tide_symbol, symbols, symbol_count, "symbols"),
	BIND(SECTION_MAPPINGS, struct tide_mapping, mappings, mapping_count, "mappings"),
	BIND(SECTION_ROUNDS, struct tide_rounds, rounds, rounds_count, "rounds"),
	BIND(SECTION_COUNTS, struct tide_count, counts, count_count, "counts"),
	BIND(SECTION_COUNT_VALUES, uint8_t, count_values, count_value_count, "values of counts"),
	BIND(SECTION_ERRORS, struct tide_misuse, misuses, misuse_count, "errors"),
	BIND(SECTION_ARENAS, struct tide_arena, arenas, arena_count, "arenas"),
	BIND(SECTION_REGIONS, struct tide_region, regions, region_count, "regions"),
	BIND(SECTION_PAGES, struct tide_pages, pages, page_run_count, "pages"),
	BIND(SECTION_CHUNKS, struct tide_chunk, chunks, chunk_count, "chunks"),
	BIND(SECTION_THREAD_ARENAS, struct tide_thread_arena, thread_arenas, thread_arena_count,
		"arenas of threads"),
	BIND(SECTION_DUPLICATES, struct tide_duplicate, duplicates, duplicate_count, "duplicates"),
	BIND(SECTION_SPARE, struct tide_spare, spare, spare_count, "capacity not used"),
	BIND(SECTION_NATIVE_TYPES, struct tide_native_type, native_types, native_type_count,
		"stored types of blocks"),
	BIND(SECTION_SCANNED_TYPES, struct tide_scanned_type, scanned_types, scanned_type_count,
		"stored types of blocks that are scanned"),
	BIND(SECTION_LAYOUTS, struct tide_layout, layouts, layout_count, "layouts of types"),
	BIND(SECTION_MEMBERS, struct tide_member, members, member_count, "members of types"),
	BIND(SECTION_VARIABLES, struct tide_variable, variables, variable_count, "variables"),
	BIND(SECTION_CODES, struct tide_code, codes, code_count, "code objects"),
	BIND(SECTION_TYPES, struct tide_type, types, type_count, "types"),
	BIND(SECTION_BLOCK_TYPES, struct tide_block_type, block_types, block_type_count, "types of blocks"),
	BIND(SECTION_OWNERS, struct tide_owner, owners, owner_count, "owners of blocks"),
	BIND(SECTION_PYTHON, struct tide_value, python, python_count, "numbers of Python"),
	BIND(SECTION_OBJECTS, struct tide_python_object, python_objects, python_object_count,
		"Python objects"),
	BIND(SECTION_TEXTS, struct tide_python_text, python_texts, python_text_count, "Python texts"),
	BIND(SECTION_POOL_ARENAS, struct tide_python_arena, python_arenas, python_arena_count,
		"arenas of pymalloc"),
	BIND(SECTION_PLACES, struct tide_python_place, python_places, python_place_count, "places of Python"),
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

static void bind_section(struct snapshot *s, const struct binding *b, const void *data, uint64_t count)
{
	*slot_of(s, b) = count ? data : NULL;
	if (b->count)
		*(size_t *)((char *)s + b->count) = count;
}

/* Elements of another length than ours: an older or a newer writer's. */
static void *convert_elements(
	struct snapshot_reader *r, const void *from, uint64_t count, uint32_t theirs, uint32_t ours)
{
	char *to = snapshot_reader_allocate(r, count, ours);
	uint32_t common = theirs < ours ? theirs : ours;

	for (uint64_t i = 0; to && i < count; i++)
		memcpy(to + i * ours, (const char *)from + i * theirs, common);
	return to;
}

const void *snapshot_read_unpacked(struct snapshot_reader *r, const struct tide_section *t, const void *data)
{
	unsigned long long plain = ZSTD_getFrameContentSize(data, t->stored_bytes);
	void *to;

	if (t->encoding != 1 || plain != t->plain_bytes)
		return NULL;
	to = snapshot_reader_allocate(r, plain, 1);
	return to && ZSTD_decompress(to, plain, data, t->stored_bytes) == plain ? to : NULL;
}

#define SUM_AT_ONCE (2u << 20)

/* The sum of bytes of the mapped file. Pages that were read for it alone do not
 * stay in the memory of the process; those of small sections may. */
static uint64_t sum_mapped(const char *data, uint64_t bytes)
{
	XXH3_state_t state;

	if (bytes <= SUM_AT_ONCE)
		return XXH3_64bits(data, bytes);
	XXH3_64bits_reset(&state);
	while (bytes) {
		size_t n = bytes < SUM_AT_ONCE ? bytes : SUM_AT_ONCE;
		uintptr_t first = ((uintptr_t)data + 4095) & ~(uintptr_t)4095,
			  end = (uintptr_t)(data + n) & ~(uintptr_t)4095;

		XXH3_64bits_update(&state, data, n);
		if (end > first)
			madvise((void *)first, end - first, MADV_DONTNEED);
		data += n;
		bytes -= n;
	}
	return XXH3_64bits_digest(&state);
}

/* A fuzzer would never get past a checksum. */
bool snapshot_read_checksum(const void *data, uint64_t bytes, uint64_t checksum)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	(void)sum_mapped, (void)data, (void)bytes, (void)checksum;
	return true;
#else
	return sum_mapped(data, bytes) == checksum;
#endif
}

static bool is_put_off(const struct binding *b)
{
	switch (b->kind) {
	case SECTION_BLOCKS:
	case SECTION_ROOTS:
	case SECTION_ROOT_EDGES:
	case SECTION_EDGE_STARTS:
	case SECTION_EDGES: return true;
	}
	return false;
}

static void read_section(struct snapshot *s, struct snapshot_reader *r, const struct tide_section *t)
{
	const struct binding *b = binding_of(t->kind);
	const char *data;
	uint64_t count;

	if (!b || r->seen >> b->kind & 1)
		return;
	r->seen |= 1ull << b->kind;
	if (t->offset > r->map_bytes || t->stored_bytes > r->map_bytes - t->offset) {
		snapshot_reader_damage(s, "the %s are cut off", b->name);
		return;
	}
	data = (const char *)r->map + t->offset;
	if (!t->element_bytes || t->element_bytes > 1 << 16 || t->element_bytes * 16 < b->element_bytes
		|| t->plain_bytes % t->element_bytes || (!t->encoding && t->plain_bytes != t->stored_bytes)) {
		snapshot_reader_damage(s, "the table entry of the %s is impossible", b->name);
		return;
	}
	if (is_put_off(b) && r->map_bytes > SNAPSHOT_EAGER_BYTES && !t->encoding && !s->damaged
		&& r->later_count < sizeof(r->later) / sizeof(r->later[0])) {
		r->later[r->later_count++] =
			(struct snapshot_later){ data, t->stored_bytes, t->checksum, b->name };
	} else if (!snapshot_read_checksum(data, t->stored_bytes, t->checksum)) {
		snapshot_reader_damage(s, "the %s are damaged", b->name);
		return;
	}
	count = t->plain_bytes / t->element_bytes;
	if (t->encoding && count)
		data = snapshot_read_unpacked(r, t, data);
	if (data && count && (t->element_bytes != b->element_bytes || (uintptr_t)data % 8))
		data = convert_elements(r, data, count, t->element_bytes, b->element_bytes);
	if (!data && count)
		snapshot_reader_damage(
			s, "the %s cannot be unpacked, or only to more memory than is allowed", b->name);
	else
		bind_section(s, b, data, count);
}

const struct tide_section *snapshot_read_table(
	struct snapshot *s, const struct snapshot_reader *r, uint32_t *count, struct tide_error *e)
{
	const struct tide_file_header *h = r->map;
	const struct tide_section *table;
	uint64_t room;

	if (r->map_bytes < sizeof(*h)) {
		error_set(e, EXIT_UNMEASURED,
			"%s is cut off|%llu bytes are left of it|take the snapshot again", s->path,
			(unsigned long long)r->map_bytes);
		return NULL;
	}
	if (h->version > TIDE_VERSION) {
		error_set(e, EXIT_UNMEASURED,
			"cannot read %s|it has format version %u, this command knows "
			"up to %u|read it with a newer tidemark",
			s->path, h->version, TIDE_VERSION);
		return NULL;
	}
	if (!snapshot_read_checksum(
		    h, offsetof(struct tide_file_header, header_checksum), h->header_checksum))
		snapshot_reader_damage(s, "the file header is damaged");
	if (h->file_bytes > r->map_bytes)
		snapshot_reader_damage(s, "%llu of %llu bytes are missing at the end",
			(unsigned long long)(h->file_bytes - r->map_bytes),
			(unsigned long long)h->file_bytes);
	else if (h->file_bytes < r->map_bytes)
		snapshot_reader_damage(s, "something was added at the end");
	if (h->table_offset > r->map_bytes || h->table_offset % 8 || !h->section_count) {
		error_set(e, EXIT_UNMEASURED, "%s is damaged|it has no section table|take the snapshot again",
			s->path);
		return NULL;
	}
	room = (r->map_bytes - h->table_offset) / sizeof(*table);
	*count = h->section_count;
	table = (const void *)((const char *)r->map + h->table_offset);
	if (*count > room || *count > SNAPSHOT_SECTIONS_MAX) {
		snapshot_reader_damage(s, "the section table is cut off");
		*count = room < SNAPSHOT_SECTIONS_MAX ? (uint32_t)room : SNAPSHOT_SECTIONS_MAX;
	} else if (!snapshot_read_checksum(table, *count * sizeof(*table), h->table_checksum)) {
		snapshot_reader_damage(s, "the section table is damaged");
	}
	return table;
}

static int read_sections(struct snapshot *s, struct snapshot_reader *r, struct tide_error *e)
{
	const struct tide_section *table;
	uint32_t count;
	bool empty;

	table = snapshot_read_table(s, r, &count, e);
	if (!table)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		read_section(s, r, &table[i]);
	empty = !s->site_count && !s->block_count;
	snapshot_check(s, r);
	if (r->map_bytes <= SNAPSHOT_EAGER_BYTES)
		snapshot_check_graph(s, r);
	if (s->damaged && empty)
		return error_set(e, EXIT_UNMEASURED,
			"%s is damaged|%s, and nothing whole is left|"
			"take the snapshot again",
			s->path, s->damage);
	return 0;
}

static int map_file(
	const char *path, const struct snapshot *s, struct snapshot_reader *r, struct tide_error *e)
{
	struct stat st;
	int fd = ordinary_open(path);

	if (fd < 0 && errno != EINVAL)
		return error_set(e, EXIT_UNMEASURED, "cannot open %s|%s|%s", path, strerror(errno),
			errno == ENOENT ? "`tidemark run PROGRAM` makes a snapshot" : "");
	if (fd < 0) {
		if (stat(path, &st))
			st.st_mode = 0;
		error_set(e, EXIT_UNMEASURED, "%s is not a snapshot|it is %s|give a .tide file", path,
			S_ISDIR(st.st_mode)            ? "a folder"
				: S_ISFIFO(st.st_mode) ? "a pipe"
						       : "not a regular file");
	} else if (fstat(fd, &st) || !st.st_size) {
		error_set(
			e, EXIT_UNMEASURED, "%s is not a snapshot|it is empty|take the snapshot again", path);
	} else {
		r->map_bytes = (uint64_t)st.st_size;
		r->map = mmap(NULL, r->map_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
		if (r->map == MAP_FAILED) {
			r->map = NULL;
			error_set(e, EXIT_UNMEASURED, "cannot read %s|%s|", path, strerror(errno));
		} else {
			r->fault =
				(struct fault_range){ .at = r->map, .bytes = r->map_bytes, .path = s->path };
			fault_add(&r->fault);
		}
	}
	if (fd >= 0)
		close(fd);
	return r->map ? 0 : -1;
}

static int check_magic(const struct snapshot *s, const struct snapshot_reader *r, struct tide_error *e)
{
	size_t bytes = r->map_bytes < 8 ? r->map_bytes : 8;

	if (!memcmp(r->map, TIDE_MAGIC, bytes))
		return 0;
	/* PNG's trick: the magic holds what careless transfers change. */
	if (bytes == 8 && !memcmp((const char *)r->map + 1, "TIDE", 4))
		return error_set(e, EXIT_UNMEASURED,
			"%s is damaged|it looks as if it had been sent as text|"
			"transfer it as binary",
			s->path);
	return error_set(e, EXIT_UNMEASURED,
		"%s is not a snapshot|it does not begin like a .tide file|"
		"give a file that `tidemark run` or `snap` has written",
		s->path);
}

int snapshot_read_file(const char *path, struct snapshot *s, struct tide_error *e)
{
	struct snapshot_reader *r = alloc_zeroed(1, sizeof(*r));

	*s = (struct snapshot){ .path = alloc_string(path), .private_ = r };
	if (!map_file(path, s, r, e)) {
		r->memory_left = SNAPSHOT_MEMORY_BASE + SNAPSHOT_MEMORY_SHARE * r->map_bytes;
		if (!check_magic(s, r, e) && !read_sections(s, r, e))
			return 0;
	}
	snapshot_close(s);
	return -1;
}

int snapshot_of_writer(struct snapshot_writer *w, struct snapshot *s, struct tide_error *e)
{
	struct snapshot_reader *r = alloc_zeroed(1, sizeof(*r));
	struct writer_section strings = snapshot_writer_strings(w);

	*s = (struct snapshot){ .path = alloc_string(""), .private_ = r };
	r->writer = w;
	r->graph_checked = true; /* ours, or out of a ledger that was checked */
	bind_section(s, binding_of(SECTION_STRINGS), strings.data, strings.count);
	for (uint32_t i = 0; i < w->section_count; i++) {
		const struct binding *b = binding_of(w->sections[i].kind);

		if (b && w->sections[i].element_bytes == b->element_bytes)
			bind_section(s, b, w->sections[i].data, w->sections[i].count);
	}
	if (s->process)
		return 0;
	snapshot_close(s);
	return error_set(e, EXIT_UNMEASURED, "no snapshot|it lacks the section on the process|");
}

void snapshot_verify(struct snapshot *s)
{
	struct snapshot_reader *r = s->private_;

	for (size_t i = 0; i < r->later_count; i++)
		if (!snapshot_read_checksum(r->later[i].data, r->later[i].bytes, r->later[i].checksum))
			snapshot_reader_damage(s, "the %s are damaged", r->later[i].name);
	r->later_count = 0;
	snapshot_check_graph(s, r);
}

void snapshot_trim(const struct snapshot *s)
{
	const struct snapshot_reader *r = s->private_;

	/* Pages that were mended would come back as they are in the file. */
	if (r && r->map && !s->damaged)
		madvise(r->map, r->map_bytes, MADV_DONTNEED);
}

void snapshot_close(struct snapshot *s)
{
	struct snapshot_reader *r = s->private_;

	if (r) {
		if (r->map) {
			fault_remove(&r->fault);
			munmap(r->map, r->map_bytes);
		}
		for (size_t i = 0; i < r->owned_count; i++)
			free(r->owned[i]);
		free(r->owned);
		snapshot_writer_free(r->writer);
		free(r);
	}
	free(s->unused);
	free(s->typed);
	free(s->path);
	*s = (struct snapshot){ 0 };
}
