/* symbol_dwarf.c - inline chains and lines of an address.
 *
 * The first address that falls into a compilation unit costs one pass over the
 * unit's DIEs: every subprogram and inlined subroutine with code becomes a
 * scope, and their nested ranges are cut into flat segments, each with its
 * innermost scope. After that a lookup is three binary searches: unit,
 * segment, line. Names and files are made at first use.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/search.h"
#include "symbol_files.h"
#include "symbol_private.h"
#include "symbol_scopes.h"
#include "symbol_units.h"

#define NONE UINT32_MAX
#define NESTING_MAX 200          /* of DIEs; deeper ones are left out */
#define RANGES_MAX 100000        /* of one DIE */
#define INTERVALS_MAX (1u << 23) /* of one unit: many DIEs may share one list of ranges */

struct scope {
	Dwarf_Die die;
	uint32_t parent; /* the scope it is inlined into; NONE: a function of its own */
	bool named;
	const char *name;
};

struct interval {
	uint64_t lo, hi;
	uint32_t scope;
};
struct segment {
	uint64_t start;
	uint32_t scope;
}; /* to the next one's start; NONE: nothing */

struct unit {
	Dwarf_Die line_die; /* has the ranges and lines: the skeleton of split DWARF */
	Dwarf_Die tree_die; /* has the functions */
	bool built;
	struct scope *scopes;
	uint32_t scope_count, scope_capacity;
	struct interval *intervals;
	size_t interval_count, interval_capacity;
	struct segment *segments;
	size_t segment_count;
	Dwarf_Files *files;
	size_t file_count;
	Dwarf_Off visited; /* the last DIE that scopes were read from */
};

struct file_name {
	const char *raw, *shown;
	UT_hash_handle hh;
};

struct symbol_units {
	struct unit *units;
	uint32_t count;
	struct interval *ranges; /* scope: index of the unit */
	size_t range_count, range_capacity;
	struct file_name *files; /* by the pointer libdw gave */
};

static void add_interval(struct interval **list, size_t *count, size_t *capacity, struct interval v)
{
	*ARRAY_ADD(*list, *count, *capacity) = v;
}

static int compare_low(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return x->scope < y->scope ? -1 : x->scope > y->scope;
}

/* Adds the code ranges of a DIE; how many there were. */
static size_t add_ranges(
	Dwarf_Die *die, uint32_t scope, struct interval **list, size_t *count, size_t *capacity)
{
	Dwarf_Addr base = 0, lo, hi;
	ptrdiff_t offset = 0;
	size_t n = 0;

	while (n < RANGES_MAX && *count < INTERVALS_MAX
		&& (offset = dwarf_ranges(die, offset, &base, &lo, &hi)) > 0) {
		/* The linker leaves functions it dropped at address 0 or 1. */
		if (lo >= hi || lo <= 1)
			continue;
		add_interval(list, count, capacity, (struct interval){ lo, hi, scope });
		n++;
	}
	return n;
}

static struct symbol_units *read_units(const char *path, Dwarf *dwarf)
{
	struct symbol_units *all = alloc_zeroed(1, sizeof(*all));
	Dwarf_CU *cu = NULL;
	uint32_t capacity = 0;
	Dwarf_Die die, sub;
	uint8_t type;

	/* Asked for the other halves of split units, this call would open whatever has their names. */
	while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, NULL) == 0) {
		struct unit *u;

		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		ARRAY_RESERVE(all->units, capacity, all->count + 1);
		u = &all->units[all->count];
		*u = (struct unit){ .line_die = die, .tree_die = die };
		if (type == DW_UT_skeleton && symbol_files_split(path, &die)
			&& !dwarf_cu_info(cu, NULL, NULL, NULL, &sub, NULL, NULL, NULL) && sub.addr)
			u->tree_die = sub;
		if (add_ranges(&die, all->count, &all->ranges, &all->range_count, &all->range_capacity))
			all->count++;
	}
	if (all->range_count)
		qsort(all->ranges, all->range_count, sizeof(*all->ranges), compare_low);
	return all;
}

Dwarf *symbol_dwarf(struct symbol_module *m)
{
	if (!m->dwarf_tried && m->module) {
		uint64_t since = clock_ns();
		Dwarf_Addr bias = 0;

		m->dwarf_tried = true;
		if (!symbol_files_unfold(dwfl_module_getelf(m->module, &bias)))
			return NULL;
		m->dwarf = dwfl_module_getdwarf(m->module, &bias);
		if (m->dwarf) {
			const char *file = NULL, *debug = NULL;

			dwfl_module_info(m->module, NULL, NULL, NULL, NULL, NULL, &file, &debug);
			symbol_files_supplement(debug ? debug : file, m->dwarf);
		}
		symbol_server_judge(m, since, m->dwarf != NULL);
		m->dwarf_bias = bias;
		if (m->dwarf) {
			m->units = read_units(m->path, m->dwarf);
			if (m->units->count == 0) /* only .debug_frame or the like */
				m->dwarf = NULL;
		}
	}
	return m->dwarf;
}

void symbol_units_free(struct symbol_units *all)
{
	struct file_name *f, *next;

	if (!all)
		return;
	for (uint32_t i = 0; i < all->count; i++) {
		free(all->units[i].scopes);
		free(all->units[i].intervals);
		free(all->units[i].segments);
	}
	HASH_ITER(hh, all->files, f, next)
	{
		HASH_DEL(all->files, f);
		free(f);
	}
	free(all->units);
	free(all->ranges);
	free(all);
}

static uint32_t add_scope(struct unit *u, const Dwarf_Die *die, uint32_t parent)
{
	ARRAY_RESERVE(u->scopes, u->scope_capacity, (uint64_t)u->scope_count + 1);
	u->scopes[u->scope_count] = (struct scope){ .die = *die, .parent = parent };
	return u->scope_count++;
}

/* Scopes below `die`; `parent` is the scope around them. Methods of local
 * classes are inside their class, lambdas inside their function. */
static void read_scopes(struct unit *u, Dwarf_Die *die, uint32_t parent, int depth)
{
	Dwarf_Die child;

	if (depth > NESTING_MAX || dwarf_child(die, &child) != 0)
		return;
	do {
		uint32_t around = parent;

		if (!symbol_scopes_visit(&u->visited, &child))
			return;
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
		case DW_TAG_entry_point:
			around = NONE;
			/* fall through */
		case DW_TAG_inlined_subroutine: {
			uint32_t scope = u->scope_count;

			if (add_ranges(
				    &child, scope, &u->intervals, &u->interval_count, &u->interval_capacity))
				around = add_scope(u, &child, around);
			break;
		}
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_interface_type: around = NONE; break;
		case DW_TAG_lexical_block:
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
		case DW_TAG_with_stmt: break;
		default: continue;
		}
		read_scopes(u, &child, around, depth + 1);
	} while (dwarf_siblingof(&child, &child) == 0);
}

static void add_segment(struct unit *u, uint64_t start, uint32_t scope)
{
	struct segment *last = u->segment_count ? &u->segments[u->segment_count - 1] : NULL;

	if (last && last->start == start)
		last->scope = scope;
	else
		u->segments[u->segment_count++] = (struct segment){ start, scope };
}

/* Cuts nested intervals into flat segments with a stack of the open ones. Each
 * interval opens and closes once, so there are at most two segments for each. */
static void make_segments(struct unit *u)
{
	size_t *open = alloc_bytes((u->interval_count + 1) * sizeof(*open)), depth = 0;
	struct interval *v = u->intervals;

	u->segments = alloc_bytes((2 * u->interval_count + 1) * sizeof(*u->segments));
	if (u->interval_count)
		qsort(v, u->interval_count, sizeof(*v), compare_low);
	for (size_t i = 0; i <= u->interval_count; i++) {
		uint64_t lo = i < u->interval_count ? v[i].lo : UINT64_MAX;

		while (depth && v[open[depth - 1]].hi <= lo) {
			uint64_t end = v[open[--depth]].hi;

			while (depth && v[open[depth - 1]].hi <= end)
				depth--;
			add_segment(u, end, depth ? v[open[depth - 1]].scope : NONE);
		}
		if (i < u->interval_count) {
			add_segment(u, lo, v[i].scope);
			open[depth++] = i;
		}
	}
	free(open);
	free(u->intervals);
	u->intervals = NULL;
}

static void build_unit(struct unit *u)
{
	u->built = true;
	read_scopes(u, &u->tree_die, NONE, 0);
	make_segments(u);
	if (dwarf_getsrcfiles(&u->tree_die, &u->files, &u->file_count) != 0
		&& dwarf_getsrcfiles(&u->line_die, &u->files, &u->file_count) != 0)
		u->files = NULL;
}

static struct unit *find_unit(struct symbol_units *all, uint64_t address)
{
	size_t lo = SEARCH_UP_TO(all->ranges, all->range_count, lo, address);

	/* Units do not overlap; a few steps back for those of odd linkers. */
	for (size_t steps = 0; lo-- > 0 && steps < 8; steps++) {
		if (all->ranges[lo].hi > address) {
			struct unit *u = &all->units[all->ranges[lo].scope];

			if (!u->built)
				build_unit(u);
			return u;
		}
	}
	return NULL;
}

static uint32_t find_scope(const struct unit *u, uint64_t address)
{
	size_t lo = SEARCH_UP_TO(u->segments, u->segment_count, start, address);

	return lo ? u->segments[lo - 1].scope : NONE;
}

/* "/a/b/../c/./d" -> "/a/c/d"; leading ".." stay. */
static void simplify_path(char *path)
{
	char *out = path, *floor = path + (*path == '/');
	const char *p = path;

	while (*p) {
		size_t n = strcspn(p, "/");

		if (n == 1 && p[0] == '.') {
			if (p == path) { /* "./x" of a relative build stays as it is */
				*out++ = '.';
				if (p[1] == '/')
					*out++ = '/';
				floor = out;
			}
		} else if (n == 2 && p[0] == '.' && p[1] == '.' && out > floor) {
			out--;
			while (out > floor && out[-1] != '/')
				out--;
		} else if (n || p == path) {
			memmove(out, p, n);
			out += n;
			if (p[n] == '/')
				*out++ = '/';
			if (n == 2 && p[0] == '.' && p[1] == '.')
				floor = out;
		}
		p += n;
		while (*p == '/')
			p++;
	}
	*out = '\0';
}

static const char *show_file(struct symbol_module *m, const struct unit *u, const char *raw)
{
	Dwarf_Die die = u->line_die;
	Dwarf_Attribute attribute;
	const char *directory;
	struct file_name *f;
	char *path;

	if (!raw)
		return NULL;
	HASH_FIND_PTR(m->units->files, &raw, f);
	if (f)
		return f->shown;
	directory = *raw != '/' && dwarf_attr(&die, DW_AT_comp_dir, &attribute) ? dwarf_formstring(&attribute)
										: NULL;
	/* libdw has already put it before some. */
	if (directory && strncmp(raw, directory, strlen(directory)) == 0)
		directory = NULL;
	path = directory ? alloc_printf("%s/%s", directory, raw) : alloc_string(raw);
	simplify_path(path);
	f = alloc_bytes(sizeof(*f));
	f->raw = raw;
	f->shown = *path && strcmp(raw, "???") != 0 ? symbol_pool_copy(&m->pool, path) : NULL;
	HASH_ADD_PTR(m->units->files, raw, f);
	free(path);
	return f->shown;
}

static void find_call_place(
	struct symbol_module *m, const struct unit *u, struct scope *s, struct symbol_place *place)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (u->files && dwarf_attr(&s->die, DW_AT_call_file, &attribute)
		&& dwarf_formudata(&attribute, &value) == 0 && value < u->file_count)
		place->file = show_file(m, u, dwarf_filesrc(u->files, value, NULL, NULL));
	if (dwarf_attr(&s->die, DW_AT_call_line, &attribute) && dwarf_formudata(&attribute, &value) == 0)
		place->line = (unsigned)value;
}

size_t symbol_module_places(
	struct symbol_module *m, uint64_t address, struct symbol_place *places, size_t max)
{
	Dwarf *dwarf = symbol_dwarf(m);
	uint64_t at = address + m->bias - m->dwarf_bias;
	struct unit *u = dwarf ? find_unit(m->units, at) : NULL;
	uint32_t scope = u ? find_scope(u, at) : NONE;
	size_t count = 1;

	if (max == 0)
		return 0;
	places[0] = (struct symbol_place){ NULL, NULL, 0 };
	if (u) {
		Dwarf_Line *line = dwarf_getsrc_die(&u->line_die, at);
		int number;

		if (line) {
			places[0].file = show_file(m, u, dwarf_linesrc(line, NULL, NULL));
			if (dwarf_lineno(line, &number) == 0 && number > 0)
				places[0].line = (unsigned)number;
		}
	}
	while (scope != NONE) {
		struct scope *s = &u->scopes[scope];

		if (!s->named)
			s->name = symbol_die_name(m, &s->die);
		s->named = true;
		places[count - 1].function = s->name;
		scope = s->parent;
		if (scope == NONE || count == max)
			break;
		places[count] = (struct symbol_place){ NULL, NULL, 0 };
		find_call_place(m, u, s, &places[count]);
		count++;
	}
	if (!places[count - 1].function) {
		struct symbol_entry *e = symbol_table_function(m, address);

		places[count - 1].function = e ? symbol_entry_shown(m, e) : NULL;
	}
	if (count == 1 && !places[0].function && !places[0].file)
		return 0;
	return count;
}

bool symbol_unit_function(struct symbol_module *m, uint64_t address, unsigned inlined, Dwarf_Die *die)
{
	Dwarf *dwarf = symbol_dwarf(m);
	uint64_t at = address + m->bias - m->dwarf_bias;
	struct unit *u = dwarf ? find_unit(m->units, at) : NULL;
	uint32_t scope = u ? find_scope(u, at) : NONE;

	while (scope != NONE && inlined--)
		scope = u->scopes[scope].parent;
	if (scope == NONE)
		return false;
	*die = u->scopes[scope].die;
	return true;
}
