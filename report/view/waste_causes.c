/* waste_causes.c - what keeps resident memory, in sentences: waste_view.h.
 *
 * A cause is reported from a twentieth of the resident memory and from a MiB on: smaller amounts go unnoticed,
 * and every program has them.
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/units.h"
#include "symbol/name.h"
#include "waste_view.h"

#define LEAST_BYTES (1ull << 20)
#define LEAST_SHARE 20u

static bool is_worth(const struct waste_view *r, uint64_t bytes)
{
	return bytes >= LEAST_BYTES && bytes >= r->waste.all.resident / LEAST_SHARE;
}

static void add_cause(struct waste_cause *causes, size_t *count, uint64_t bytes, char *what, char *advice)
{
	size_t at;

	if (*count == WASTE_CAUSES) {
		free(what);
		free(advice);
		return;
	}
	for (at = (*count)++; at && causes[at - 1].bytes < bytes; at--)
		causes[at] = causes[at - 1];
	causes[at] = (struct waste_cause){ bytes, what, advice };
}

void waste_causes_free(struct waste_cause *causes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(causes[i].what);
		free(causes[i].advice);
	}
}

/* "312 blocks of insert", or of a size. To free. */
static char *group_name(const struct waste_view *r, uint32_t group)
{
	const struct waste_group *g = &r->waste.groups[group];
	char count[UNITS_TEXT], size[UNITS_TEXT];

	const char *type = waste_names_type(r, r->type_of[group]);

	units_many(count, (int64_t)g->blocks, "block");
	if (r->by_type)
		return alloc_printf("%s (%s) of %s", count, units_bytes(size, (int64_t)g->bytes),
			type ? type : "unknown type");
	if (type && r->s->sites[group].flags & SITE_OF_SIZE)
		return alloc_printf("%s of %s, %s each,", count, type,
			units_bytes(size, (int64_t)r->s->blocks[g->example].bytes));
	if (r->s->sites[group].flags & SITE_OF_SIZE)
		return alloc_printf(
			"%s of %s each", count, units_bytes(size, (int64_t)r->s->blocks[g->example].bytes));
	return alloc_printf("%s (%s) from %s", count, units_bytes(size, (int64_t)g->bytes),
		name_shown(symbols_top(r->symbols, group)));
}

/* Of what could go back, most is at the end of the main arena, where free() would have given it back by itself. */
static bool is_top(const struct waste_view *r, uint64_t bytes)
{
	uint64_t top = 0;

	for (size_t i = 0; i < r->waste.arena_count; i++)
		if (r->s->arenas[i].kind == ARENA_MAIN)
			top += r->waste.arenas[i].top;
	return top > bytes / 2;
}

static void find_returnable(const struct waste_view *r, struct waste_cause *c, size_t *n)
{
	uint64_t bytes = r->waste.part[WASTE_FREE_RETURNABLE].resident;
	char text[UNITS_TEXT];

	if (is_worth(r, bytes))
		add_cause(c, n, bytes,
			alloc_printf("%s of free memory could go back to the system now, in whole pages.",
				units_bytes(text, (int64_t)bytes)),
			alloc_printf("call malloc_trim(0) after the work that frees so much%s",
				is_top(r, bytes) ? ", or lower M_TRIM_THRESHOLD" : ""));
}

/* "", or what it costs not to call malloc_trim(0) before the blocks are freed, too. To free. */
static char *name_order(const struct waste_group *g)
{
	uint64_t lost =
		g->pinned_first < (int64_t)g->pinned ? (uint64_t)((int64_t)g->pinned - g->pinned_first) : 0;
	char text[UNITS_TEXT];

	if (!lost || lost < g->pinned / 10)
		return alloc_string("");
	return alloc_printf(
		"; call it before they are freed as well, or %s of free memory stay at the ends of arenas",
		units_bytes(text, (int64_t)lost));
}

static void find_pins(const struct waste_view *r, struct waste_cause *c, size_t *n)
{
	for (size_t i = 0; i < r->pin_count && i < 3; i++) {
		const struct waste_group *g = &r->waste.groups[r->pins[i]];
		uint64_t bytes = g->pinned_free + g->pinned_top;
		char text[UNITS_TEXT], all[UNITS_TEXT], *name, *order;

		if (!is_worth(r, bytes))
			continue;
		name = group_name(r, r->pins[i]);
		order = name_order(g);
		add_cause(c, n, bytes,
			alloc_printf("%s alone keep%s %s of free memory from going back.", name,
				g->blocks == 1 ? "s" : "", units_bytes(text, (int64_t)bytes)),
			g->pinned_top > g->pinned_free
				? alloc_printf(
					"free these blocks, or allocate them in a pool of their own; what is "
					"freed becomes the top of its threads' arenas, and goes back when one "
					"of these threads next frees a larger block there")
				: alloc_printf(
					"free these blocks, or allocate them before the memory around them "
					"or in a pool of their own: with malloc_trim(0), %s would go back%s",
					units_bytes(all, (int64_t)g->pinned), order));
		free(name);
		free(order);
	}
}

/* Free memory in small pieces, for which no single site is to blame. */
static void find_spread(const struct waste_view *r, struct waste_cause *c, size_t *n)
{
	uint64_t bytes = r->waste.part[WASTE_FREE_PINNED].resident - r->waste.python_free, top = 0, most;
	char text[UNITS_TEXT], share[UNITS_TEXT];

	for (size_t i = 0; i < r->waste.arena_count; i++)
		if (r->s->arenas[i].kind != ARENA_MAIN)
			top += r->waste.arenas[i].free_resident - r->waste.arenas[i].returnable;
	most = r->pin_count ? r->waste.groups[r->pins[0]].pinned_free + r->waste.groups[r->pins[0]].pinned_top
			    : 0;
	if (!is_worth(r, bytes) || most > bytes / 4 || top > bytes / 2)
		return;
	add_cause(c, n, bytes - most,
		most ? alloc_printf(
			"%s of free memory lie between live blocks, and no single site is to blame: the one that pins "
			"most keeps %s.",
			units_bytes(text, (int64_t)bytes), units_bytes(share, (int64_t)most))
		     : alloc_printf(
			     "%s of free memory lie between live blocks of many sites, in pieces smaller than "
			     "a page.",
			     units_bytes(text, (int64_t)bytes)),
		alloc_printf(
			"new blocks of these sizes will use it again; to get rid of it, keep blocks that "
			"live long apart from those that do not"));
}

static void find_arenas(const struct waste_view *r, struct waste_cause *c, size_t *n)
{
	uint64_t bytes = 0;
	size_t count = 0;
	char text[UNITS_TEXT];

	for (size_t i = 0; i < r->waste.arena_count; i++)
		if (r->s->arenas[i].kind != ARENA_MAIN && r->waste.arenas[i].free_resident) {
			bytes += r->waste.arenas[i].free_resident;
			count++;
		}
	if (count > 1 && is_worth(r, bytes))
		add_cause(c, n, bytes,
			alloc_printf(
				"%zu arenas of threads hold %s of free memory that other threads do not use.",
				count, units_bytes(text, (int64_t)bytes)),
			alloc_printf(
				"try MALLOC_ARENA_MAX=2 (fewer arenas share what is free), or malloc_trim(0) "
				"after a burst"));
}

static void find_slack(const struct waste_view *r, struct waste_cause *c, size_t *n)
{
	for (size_t i = 0; i < r->slack_count && i < 2; i++) {
		const struct waste_group *g = &r->waste.groups[r->slack[i]];
		char text[UNITS_TEXT], *name;

		if (!is_worth(r, g->slack) || r->waste.part[WASTE_SLACK].resident < g->slack / 2)
			continue;
		name = group_name(r, r->slack[i]);
		add_cause(c, n, g->slack,
			alloc_printf("%s have %s more than was asked for: sizes are rounded up.", name,
				units_bytes(text, (int64_t)g->slack)),
			alloc_printf("ask for sizes of 16 n + 8 bytes, or put several such blocks into one"));
		free(name);
	}
}

static void find_caches(const struct waste_view *r, struct waste_cause *c, size_t *n)
{
	const struct waste_group *g = &r->waste.caches;
	uint64_t bytes = g->pinned_free + r->waste.cached;
	char text[UNITS_TEXT], count[UNITS_TEXT];

	if (is_worth(r, bytes))
		add_cause(c, n, bytes,
			alloc_printf("%s in the threads' caches keep %s of free memory from going back.",
				units_many(count, (int64_t)r->waste.cached_blocks, "free block"),
				units_bytes(text, (int64_t)bytes)),
			alloc_printf(
				"threads that end give them back; GLIBC_TUNABLES=glibc.malloc.tcache_count=0 "
				"does without them, at a price"));
}

/* ", and 312 str from load keep 12 MiB of that", or "". To free. */
static char *name_python_pins(const struct waste_view *r)
{
	const struct waste_python_row *row = r->python.rows;
	const char *type = r->python.count ? waste_names_type(r, row->type) : NULL;
	char text[UNITS_TEXT], count[UNITS_TEXT];

	if (!r->python.count || row->free < r->waste.python_free / 4)
		return alloc_string("");
	return alloc_printf("; %s%s%s%s%s lie in arenas where %s are free",
		units_many(count, (int64_t)row->blocks, "block"), type ? " of " : "", type ? type : "",
		r->s->sites[row->site].flags & SITE_OF_SIZE ? "" : " from ",
		r->s->sites[row->site].flags & SITE_OF_SIZE ? ""
							    : name_shown(symbols_top(r->symbols, row->site)),
		units_bytes(text, (int64_t)row->free));
}

static void find_python(const struct waste_view *r, struct waste_cause *c, size_t *n)
{
	char text[UNITS_TEXT];

	char *who = name_python_pins(r);

	if (is_worth(r, r->waste.python_free))
		add_cause(c, n, r->waste.python_free,
			alloc_printf("%s of Python's arenas for small objects hold no object%s.",
				units_bytes(text, (int64_t)r->waste.python_free), who),
			alloc_printf(
				"an arena (256 KiB, from 3.10 on 1 MiB) goes back only when its last object "
				"is freed: free what outlived the peak, or do such work in a process of "
				"its own"));
}

static void find_copies(const struct waste_view *r, struct waste_cause *c, size_t *n)
{
	const struct waste_content *row = r->copies.rows;
	bool known = r->copies.count && !(r->s->sites[row->sites[0]].flags & SITE_OF_SIZE);
	char text[UNITS_TEXT], all[UNITS_TEXT], count[UNITS_TEXT];

	if (!is_worth(r, r->copies.wasted))
		return;
	add_cause(c, n, r->copies.wasted,
		alloc_printf(
			"%s lie in blocks whose content another block has as well; most in %s of %s%s%s.",
			units_bytes(all, (int64_t)r->copies.wasted),
			units_many(count, (int64_t)row->copies, "block"),
			units_bytes(text, (int64_t)row->bytes), known ? " from " : "",
			known ? name_shown(symbols_top(r->symbols, row->sites[0])) : ""),
		alloc_printf(
			"keep one of each (interning, a table of strings) where they are never changed"));
}

/* Memory of an allocator that cannot be walked. */
static void find_foreign(const struct waste_view *r, struct waste_cause *c, size_t *n)
{
	const char *name = waste_names_allocator(r);
	char text[UNITS_TEXT];

	if (is_worth(r, r->waste.foreign))
		add_cause(c, n, r->waste.foreign,
			alloc_printf(
				"%s of the memory of %s hold no block: what it keeps free, and tables of its own. It "
				"cannot be walked, so how much is free is not known.",
				units_bytes(text, (int64_t)r->waste.foreign), name),
			alloc_printf("%s",
				strstr(name, "jemalloc")
					? "MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0 makes jemalloc give free pages back at "
					  "once; malloc_stats_print tells active from mapped memory"
					: strstr(name, "tcmalloc")
					? "MallocExtension::ReleaseFreeMemory or TCMALLOC_RELEASE_RATE=10 makes tcmalloc give "
					  "free pages back; MallocExtension::GetStats shows how much that is"
					: strstr(name, "mimalloc")
					? "mi_collect(true) makes mimalloc give free pages back; MIMALLOC_SHOW_STATS=1 shows how "
					  "much that is"
					: "ask the allocator for its own statistics, and to give free memory back"));
}

/* What to do so that a container does not keep what it does not use. */
static const char *shrink(uint32_t kind)
{
	switch (kind) {
	case SPARE_BUCKETS: return "call rehash(0) after many elements were erased, or swap with a new table";
	case SPARE_LIST: return "make a tuple, or a copy (list[:]), of a list that grows no more";
	case SPARE_DICT:
	case SPARE_SET:
		return "replace the table with a copy of itself after many deletions: a table never shrinks";
	case SPARE_BYTEARRAY: return "make bytes of a bytearray that grows no more";
	case SPARE_ARRAY: return "make a copy of an array that grows no more";
	case SPARE_RUST:
	case SPARE_RING:
		return "call shrink_to_fit when it has its final size, or create it with_capacity of what it needs";
	default:
		return "call shrink_to_fit when a container has its final size, or reserve what it needs before it "
		       "grows";
	}
}

/* Capacity counts from the size of a cause on, though some of it may not have been touched. */
static void find_room(const struct waste_view *r, struct waste_cause *c, size_t *n)
{
	const struct waste_spare_row *row = r->spare.rows;
	char spare[UNITS_TEXT], all[UNITS_TEXT], count[UNITS_TEXT];

	bool known;

	if (!is_worth(r, r->spare.bytes))
		return;
	known = r->s->sites[row->site].frame;
	add_cause(c, n, r->spare.bytes,
		alloc_printf("%s are capacity that containers do not use; most in %s (%s) of %s%s%s.",
			units_bytes(spare, (int64_t)r->spare.bytes),
			units_many(count, (int64_t)row->blocks, "block"), waste_spare_name(row->kind),
			units_bytes(all, (int64_t)row->bytes), known ? " from " : "",
			known ? name_shown(symbols_top(r->symbols, row->site)) : ""),
		alloc_printf("%s", shrink(row->kind)));
}

size_t waste_causes(const struct waste_view *r, struct waste_cause causes[WASTE_CAUSES])
{
	size_t count = 0;

	find_returnable(r, causes, &count);
	find_pins(r, causes, &count);
	find_spread(r, causes, &count);
	find_arenas(r, causes, &count);
	find_slack(r, causes, &count);
	find_caches(r, causes, &count);
	find_python(r, causes, &count);
	find_copies(r, causes, &count);
	find_foreign(r, causes, &count);
	find_room(r, causes, &count);
	return count;
}
