/* snapshot_check.c - what the sections of a snapshot say about each other: snapshot.h, SN4.
 *
 * The file is mapped privately: a number that is out of range is overwritten in our copy of
 * its page, and the file stays as it is.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "base/alloc.h"
#include "snapshot_private.h"

/* Frames that the stacks of all sites may have together, however often they share them. */
#define STACKS_BASE (4ull << 20)
#define STACKS_SHARE 32u  /* times the length of the file */
#define STACKS_CUT_AT 64u /* frames, where there are more */

/* An array in struct snapshot. */
struct place {
	size_t pointer, count; /* offsets in struct snapshot */
	const char *name;
};
#define PLACE(pointer, count, name)                                                                          \
	{                                                                                                    \
		offsetof(struct snapshot, pointer), offsetof(struct snapshot, count), name                   \
	}

static const struct place strings_of = PLACE(strings, strings_bytes, "strings"),
			  modules = PLACE(modules, module_count, "modules"),
			  frames = PLACE(frames, frame_count, "frames"),
			  sites = PLACE(sites, site_count, "sites"),
			  threads = PLACE(threads, thread_count, "threads"),
			  blocks = PLACE(blocks, block_count, "blocks"),
			  roots = PLACE(roots, root_count, "roots"),
			  starts = PLACE(edge_starts, edge_start_count, "starts of references"),
			  edges = PLACE(edges, edge_count, "references"),
			  rounds = PLACE(rounds, rounds_count, "rounds"),
			  counts = PLACE(counts, count_count, "counts"),
			  misuses = PLACE(misuses, misuse_count, "errors"),
			  arenas = PLACE(arenas, arena_count, "arenas"),
			  regions = PLACE(regions, region_count, "regions"),
			  pages = PLACE(pages, page_run_count, "pages"),
			  chunks = PLACE(chunks, chunk_count, "chunks"),
			  types = PLACE(types, type_count, "types"),
			  block_types = PLACE(block_types, block_type_count, "types of blocks"),
			  owners = PLACE(owners, owner_count, "owners of blocks"),
			  spare = PLACE(spare, spare_count, "capacity not used"),
			  native_types = PLACE(native_types, native_type_count, "stored types of blocks"),
			  scanned_types = PLACE(scanned_types, scanned_type_count,
				  "stored types of blocks that are scanned"),
			  layouts = PLACE(layouts, layout_count, "layouts of types"),
			  members = PLACE(members, member_count, "members of types"),
			  variables = PLACE(variables, variable_count, "variables"),
			  python_objects = PLACE(python_objects, python_object_count, "Python objects"),
			  python_arenas = PLACE(python_arenas, python_arena_count, "arenas of pymalloc"),
			  python_places = PLACE(python_places, python_place_count, "places of Python");

enum beyond {
	BEYOND_ZERO, /* becomes 0, which is "none" or "unknown" everywhere */
	BEYOND_NONE, /* UINT32_MAX is allowed: "none"; others become that */
	BEYOND_DROP, /* the section is left out: there is no harmless number */
};

/* A u32 in the elements of `in` that counts elements of `of`. */
struct rule {
	struct place in;
	size_t element, member; /* bytes an element, offset of the number in it */
	const struct place *of;
	enum beyond beyond;
};
#define RULE(type, pointer, count, name, member, of, beyond)                                                 \
	{                                                                                                    \
		PLACE(pointer, count, name), sizeof(struct type), offsetof(struct type, member), of, beyond  \
	}

static const struct rule at_once[] = {
	RULE(tide_frame, frames, frame_count, "frames", module, &modules, BEYOND_ZERO),
	RULE(tide_site, sites, site_count, "sites", frame, &frames, BEYOND_ZERO),
	RULE(tide_bin, sizes, size_count, "sizes", site, &sites, BEYOND_ZERO),
	RULE(tide_bin, lifetimes, lifetime_count, "lifetimes", site, &sites, BEYOND_ZERO),
	RULE(tide_birth, births, birth_count, "births", site, &sites, BEYOND_ZERO),
	RULE(tide_thread, threads, thread_count, "threads", entry_frame, &frames, BEYOND_ZERO),
	RULE(tide_thread_site, thread_sites, thread_site_count, "sites of threads", thread, &threads,
		BEYOND_DROP),
	RULE(tide_thread_site, thread_sites, thread_site_count, "sites of threads", site, &sites,
		BEYOND_ZERO),
	RULE(tide_symbol, symbols, symbol_count, "symbols", frame, &frames, BEYOND_ZERO),
	RULE(tide_rounds, rounds, rounds_count, "rounds", site, &sites, BEYOND_ZERO),
	RULE(tide_count, counts, count_count, "counts", site, &sites, BEYOND_ZERO),
	RULE(tide_misuse, misuses, misuse_count, "errors", free_site, &sites, BEYOND_ZERO),
	RULE(tide_misuse, misuses, misuse_count, "errors", allocation_site, &sites, BEYOND_ZERO),
	RULE(tide_misuse, misuses, misuse_count, "errors", first_site, &sites, BEYOND_ZERO),
	RULE(tide_misuse, misuses, misuse_count, "errors", thread, &threads, BEYOND_NONE),
	RULE(tide_layout, layouts, layout_count, "layouts of types", of, &layouts, BEYOND_ZERO),
	RULE(tide_member, members, member_count, "members of types", layout, &layouts, BEYOND_DROP),
	RULE(tide_chunk, chunks, chunk_count, "chunks", arena, &arenas, BEYOND_NONE),
	RULE(tide_thread_arena, thread_arenas, thread_arena_count, "arenas of threads", thread, &threads,
		BEYOND_DROP),
	RULE(tide_thread_arena, thread_arenas, thread_arena_count, "arenas of threads", arena, &arenas,
		BEYOND_DROP),
};

static const struct rule in_the_graph[] = {
	RULE(tide_block, blocks, block_count, "blocks", site, &sites, BEYOND_ZERO),
	RULE(tide_block, blocks, block_count, "blocks", thread, &threads, BEYOND_NONE),
	RULE(tide_root, roots, root_count, "roots", module, &modules, BEYOND_ZERO),
	RULE(tide_root, roots, root_count, "roots", thread, &threads, BEYOND_NONE),
	RULE(tide_root, roots, root_count, "roots", frame, &frames, BEYOND_ZERO),
	RULE(tide_root_edge, root_edges, root_edge_count, "references from roots", root, &roots, BEYOND_DROP),
	RULE(tide_root_edge, root_edges, root_edge_count, "references from roots", block, &blocks,
		BEYOND_DROP),
	RULE(tide_edge, edges, edge_count, "references", block, &blocks, BEYOND_DROP),
	RULE(tide_duplicate, duplicates, duplicate_count, "duplicates", block, &blocks, BEYOND_DROP),
	RULE(tide_spare, spare, spare_count, "capacity not used", block, &blocks, BEYOND_DROP),
	RULE(tide_block_type, block_types, block_type_count, "types of blocks", type, &types, BEYOND_ZERO),
	RULE(tide_native_type, native_types, native_type_count, "stored types of blocks", layout, &layouts,
		BEYOND_ZERO),
	RULE(tide_scanned_type, scanned_types, scanned_type_count, "stored types of blocks that are scanned",
		block, &blocks, BEYOND_DROP),
	RULE(tide_scanned_type, scanned_types, scanned_type_count, "stored types of blocks that are scanned",
		layout, &layouts, BEYOND_ZERO),
	RULE(tide_variable, variables, variable_count, "variables", root, &roots, BEYOND_DROP),
	RULE(tide_variable, variables, variable_count, "variables", layout, &layouts, BEYOND_ZERO),
	RULE(tide_owner, owners, owner_count, "owners of blocks", block, &blocks, BEYOND_DROP),
	RULE(tide_owner, owners, owner_count, "owners of blocks", owner, &blocks, BEYOND_DROP),
	RULE(tide_python_object, python_objects, python_object_count, "Python objects", block, &blocks,
		BEYOND_DROP),
};

static void **pointer_of(struct snapshot *s, const struct place *p)
{
	return (void **)((char *)s + p->pointer);
}

static size_t *count_of(struct snapshot *s, const struct place *p)
{
	return (size_t *)((char *)s + p->count);
}

static void drop_section(struct snapshot *s, const struct place *p)
{
	*pointer_of(s, p) = NULL;
	*count_of(s, p) = 0;
}

/* The array, to be written to; NULL when that cannot be. */
static char *make_writable(struct snapshot *s, struct snapshot_reader *r, const struct place *p, size_t bytes)
{
	char *data = *pointer_of(s, p), *map = r->map;
	uintptr_t first = (uintptr_t)data & ~(uintptr_t)4095;

	if (data < map || data >= map + r->map_bytes)
		return data; /* memory of our own */
	return mprotect((void *)first, (uintptr_t)data + bytes - first, PROT_READ | PROT_WRITE) ? NULL : data;
}

static void apply_rule(struct snapshot *s, struct snapshot_reader *r, const struct rule *rule)
{
	size_t count = *count_of(s, &rule->in), limit = *count_of(s, rule->of);
	char *data = *pointer_of(s, &rule->in);
	bool writable = false;

	for (size_t i = 0; i < count; i++) {
		uint32_t value;

		memcpy(&value, data + i * rule->element + rule->member, sizeof(value));
		if (value < limit || (rule->beyond == BEYOND_NONE && value == UINT32_MAX))
			continue;
		snapshot_reader_damage(s, "the %s name %s that are not there", rule->in.name, rule->of->name);
		if (!writable && rule->beyond != BEYOND_DROP) {
			data = make_writable(s, r, &rule->in, count * rule->element);
			writable = data;
		}
		if (!writable) {
			drop_section(s, &rule->in);
			return;
		}
		value = rule->beyond == BEYOND_NONE ? UINT32_MAX : 0;
		memcpy(data + i * rule->element + rule->member, &value, sizeof(value));
	}
}

/* Element 0 is reserved in these, and there is always one to point to. */
static void reserve_first(struct snapshot *s)
{
	static const struct tide_module no_module;
	static const struct tide_frame no_frame;
	static const struct tide_site no_site;
	static const struct tide_type no_type;
	static const struct tide_layout no_layout;

	if (!s->module_count)
		s->modules = &no_module, s->module_count = 1;
	if (!s->frame_count)
		s->frames = &no_frame, s->frame_count = 1;
	if (!s->site_count)
		s->sites = &no_site, s->site_count = 1;
	if (!s->type_count)
		s->types = &no_type, s->type_count = 1;
	if (!s->layout_count)
		s->layouts = &no_layout, s->layout_count = 1;
}

static void check_strings(struct snapshot *s, struct snapshot_reader *r)
{
	char *last;

	if (!s->strings)
		snapshot_reader_damage(s, "the strings are missing");
	if (!s->strings_bytes || !s->strings[s->strings_bytes - 1])
		return;
	snapshot_reader_damage(s, "the strings do not end");
	last = make_writable(s, r, &strings_of, s->strings_bytes);
	if (last)
		last[s->strings_bytes - 1] = '\0';
	else
		drop_section(s, &strings_of);
}

static void set_parent(struct snapshot *s, struct snapshot_reader *r, size_t frame, uint32_t parent)
{
	struct tide_frame *f = (void *)make_writable(s, r, &frames, s->frame_count * sizeof(*f));

	if (f)
		f[frame].parent = parent;
	else
		drop_section(s, &frames);
}

/* Stacks end, and all together are not much longer than the file could make them: otherwise a few
 * kilobytes of frames and sites keep a reader busy for hours. */
static void check_stacks(struct snapshot *s, struct snapshot_reader *r)
{
	uint32_t *depth = alloc_zeroed(s->frame_count, sizeof(*depth));
	uint64_t all = 0, most = STACKS_BASE + r->map_bytes * STACKS_SHARE;

	for (size_t i = 1; i < s->frame_count; i++) {
		if (s->frames[i].parent >= i) {
			snapshot_reader_damage(s, "the stacks go round in circles");
			set_parent(s, r, i, 0);
		}
		if (s->frame_count)
			depth[i] = depth[s->frames[i].parent] + 1;
	}
	for (size_t i = 0; i < s->site_count && all <= most; i++)
		all += s->sites[i].frame < s->frame_count ? depth[s->sites[i].frame] : 0;
	if (all > most)
		snapshot_reader_damage(s, "the stacks are longer than a program's can be");
	for (size_t i = 1; all > most && i < s->frame_count; i++)
		if (depth[i] % STACKS_CUT_AT == 0)
			set_parent(s, r, i, 0);
	free(depth);
}

static void check_rounds(struct snapshot *s)
{
	uint64_t n = snapshot_value(s, "rounds"), width = snapshot_value(s, "rounds.width");

	if (!s->rounds_count || (width && n && (n - 1) / width < TIDE_ROUND_BUCKETS))
		return;
	snapshot_reader_damage(s, "there are more rounds than the section on them holds");
	drop_section(s, &rounds);
}

static void check_counts(struct snapshot *s)
{
	for (size_t i = 0; i < s->count_count; i++) {
		const struct tide_count *c = &s->counts[i];

		if (c->first <= s->count_value_count && c->blocks <= s->count_value_count - c->first)
			continue;
		snapshot_reader_damage(s, "the counts name values that are not there");
		drop_section(s, &counts);
	}
}

/* There is no harmless number for a kind or a function, and no writer makes another. */
static void check_misuses(struct snapshot *s)
{
	for (size_t i = 0; i < s->misuse_count; i++) {
		const struct tide_misuse *m = &s->misuses[i];

		if (m->kind && m->kind < MISUSE_KINDS && m->allocated_by < TIDE_FUNCTIONS
			&& m->freed_by < TIDE_FUNCTIONS && m->place <= MISUSE_PLACE_MAPPING)
			continue;
		snapshot_reader_damage(s, "the errors are of kinds that do not exist");
		drop_section(s, &misuses);
	}
}

/* What is sorted by address and does not overlap is so, and ends where addresses end. */
static void check_memory(struct snapshot *s)
{
	const uint64_t most = 1ull << 48;
	uint64_t end = 0;

	for (size_t i = 0; i < s->region_count; i++) {
		const struct tide_region *r = &s->regions[i];

		const char *wrong = r->lo < end || r->hi <= r->lo || r->hi > most ? "overlap"
			: r->resident_bytes > most || r->swapped_bytes > most || r->huge_bytes > most
			? "are larger than any memory"
			: r->kind == REGION_HEAP && r->item >= s->arena_count
			? "name arenas that are not there"
			: NULL;

		if (wrong) {
			snapshot_reader_damage(s, "the regions of memory %s", wrong);
			drop_section(s, &regions);
			break;
		}
		end = r->hi;
	}
	end = 0;
	for (size_t i = 0; i < s->page_run_count; i++) {
		const struct tide_pages *p = &s->pages[i];

		if (p->address < end || p->address > most) {
			snapshot_reader_damage(s, "the runs of pages overlap");
			drop_section(s, &pages);
			break;
		}
		end = p->address + p->pages * 4096ull;
	}
	end = 0;
	for (size_t i = 0; i < s->chunk_count; i++) {
		const struct tide_chunk *c = &s->chunks[i];

		if (c->address < end || c->address > most || c->bytes > most) {
			snapshot_reader_damage(s, "the chunks of the heap overlap");
			drop_section(s, &chunks);
			break;
		}
		end = c->address + c->bytes;
	}
}

/* Members are those of one type, lie in it, and are sorted. */
static const char *find_wrong_layout(const struct snapshot *s)
{
	uint64_t next = 0;

	for (size_t i = 0; i < s->layout_count; i++) {
		const struct tide_layout *l = &s->layouts[i];
		uint64_t last = 0;

		if (l->kind >= LAYOUT_KINDS || (!i && l->kind))
			return "are of kinds that do not exist";
		if (!l->count)
			continue;
		if (l->member < next || l->member > s->member_count || l->count > s->member_count - l->member)
			return "name members that are not there";
		next = (uint64_t)l->member + l->count;
		for (uint32_t k = 0; k < l->count; k++) {
			const struct tide_member *m = &s->members[l->member + k];

			if (m->offset < last || m->offset > l->bytes)
				return "have members that lie elsewhere";
			last = m->offset;
		}
	}
	return NULL;
}

/* What is inside of blocks is then not known; their types have names all the same. */
static void check_layouts(struct snapshot *s)
{
	const char *wrong = find_wrong_layout(s);

	if (!wrong)
		return;
	snapshot_reader_damage(s, "the layouts of types %s", wrong);
	drop_section(s, &layouts);
	drop_section(s, &members);
	reserve_first(s);
}

/* Where there are references, there is a row of them for each block. */
static void check_starts(struct snapshot *s)
{
	if (!s->edge_start_count && !s->edge_count)
		return;
	if (s->edge_start_count != s->block_count + 1) {
		snapshot_reader_damage(s, "references and blocks do not fit each other");
		drop_section(s, &starts);
		drop_section(s, &edges);
		return;
	}
	for (size_t i = 0; i < s->edge_start_count; i++)
		if (s->edge_starts[i] > s->edge_count || (i && s->edge_starts[i] < s->edge_starts[i - 1])) {
			snapshot_reader_damage(s, "the rows of references overlap");
			drop_section(s, &starts);
			drop_section(s, &edges);
			return;
		}
}

static bool is_before(const struct tide_variable *a, const struct tide_variable *b)
{
	return a->root != b->root ? a->root < b->root : a->address < b->address;
}

static void check_native_types(struct snapshot *s)
{
	bool wrong = s->native_type_count && s->native_type_count != s->block_count;

	if (wrong)
		snapshot_reader_damage(s, "stored types and blocks do not fit each other");
	for (size_t i = 0; i < s->native_type_count && !wrong; i++)
		if ((wrong = s->native_types[i].evidence > EVIDENCE_HEADER))
			snapshot_reader_damage(s, "the stored types have evidence that does not exist");
	for (size_t i = 0; i < s->scanned_type_count && !wrong; i++) {
		const struct tide_scanned_type *t = &s->scanned_types[i];

		if ((wrong = t->evidence > EVIDENCE_HEADER || (i && t->block <= t[-1].block)))
			snapshot_reader_damage(s, "the stored types of blocks are not sorted");
	}
	for (size_t i = 1; i < s->variable_count && !wrong; i++)
		if ((wrong = !is_before(&s->variables[i - 1], &s->variables[i])))
			snapshot_reader_damage(s, "the variables are not sorted");
	if (wrong || !s->native_type_count) {
		drop_section(s, &native_types);
		drop_section(s, &scanned_types);
		drop_section(s, &variables);
	}
}

/* One type for each block, or none at all; objects and what they own are sorted by block. */
static void check_types(struct snapshot *s)
{
	if (s->block_type_count && s->block_type_count != s->block_count) {
		snapshot_reader_damage(s, "types and blocks do not fit each other");
		drop_section(s, &block_types);
	}
	for (size_t i = 1; i < s->python_object_count; i++)
		if (s->python_objects[i].block <= s->python_objects[i - 1].block) {
			snapshot_reader_damage(s, "the Python objects are not sorted");
			drop_section(s, &python_objects);
		}
	for (size_t i = 1; i < s->owner_count; i++)
		if (s->owners[i].block <= s->owners[i - 1].block) {
			snapshot_reader_damage(s, "the owners of blocks are not sorted");
			drop_section(s, &owners);
		}
	for (size_t i = 1; i < s->spare_count; i++)
		if (s->spare[i].block < s->spare[i - 1].block
			|| (s->spare[i].block == s->spare[i - 1].block
				&& s->spare[i].kind <= s->spare[i - 1].kind)) {
			snapshot_reader_damage(s, "the blocks with capacity that is not used are not sorted");
			drop_section(s, &spare);
		}
	for (size_t i = 0; i < s->python_arena_count; i++) {
		const struct tide_python_arena *a = &s->python_arenas[i];
		uint64_t most = i + 1 < s->python_arena_count ? a[1].address : UINT64_MAX;

		if (a->address > most || a->bytes > most - a->address) {
			snapshot_reader_damage(s, "the arenas of pymalloc overlap");
			drop_section(s, &python_arenas);
		}
	}
	for (size_t i = 1; i < s->python_place_count; i++)
		if (s->python_places[i].address < s->python_places[i - 1].address) {
			snapshot_reader_damage(s, "the places of Python are not sorted");
			drop_section(s, &python_places);
		}
	for (size_t i = 0; i < s->python_object_count; i++)
		if (s->python_objects[i].flags & PYTHON_VALUE_TEXT
			&& s->python_objects[i].value >= s->python_text_count) {
			snapshot_reader_damage(s, "the Python objects name texts that are not there");
			drop_section(s, &python_objects);
		}
}

/* A snapshot that is damaged is not complete, and always says which process it is of. */
static void check_process(struct snapshot *s, struct snapshot_reader *r)
{
	struct tide_process *p;

	if (!s->process)
		snapshot_reader_damage(s, "the section on the process is missing");
	if (!s->damaged || (s->process && !s->process->complete))
		return;
	p = snapshot_reader_own(r, alloc_zeroed(1, sizeof(*p)));
	if (s->process)
		*p = *s->process;
	p->complete = 0;
	s->process = p;
}

void snapshot_check(struct snapshot *s, struct snapshot_reader *r)
{
	check_strings(s, r);
	reserve_first(s);
	check_stacks(s, r);
	reserve_first(s);
	for (size_t i = 0; i < sizeof(at_once) / sizeof(at_once[0]); i++)
		apply_rule(s, r, &at_once[i]);
	reserve_first(s);
	check_rounds(s);
	check_counts(s);
	check_misuses(s);
	check_memory(s);
	check_layouts(s);
	/* References of other blocks are of no use, and cheap to see. */
	if (s->edge_start_count != s->block_count + 1)
		check_starts(s);
	check_process(s, r);
}

void snapshot_check_graph(struct snapshot *s, struct snapshot_reader *r)
{
	if (r->graph_checked)
		return;
	r->graph_checked = true;
	for (size_t i = 0; i < sizeof(in_the_graph) / sizeof(in_the_graph[0]); i++)
		apply_rule(s, r, &in_the_graph[i]);
	check_starts(s);
	check_types(s);
	check_native_types(s);
	check_process(s, r);
}
