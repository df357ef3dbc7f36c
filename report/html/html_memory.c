/* html_memory.c - where resident memory is: the figures of `waste`, and a map of the heaps. */
#include <stdlib.h>
#include "analysis/waste_map.h"
#include "analysis/waste_rest.h"
#include "html.h"
#include "view/waste_view.h"

#define MOST_ROWS 1000u /* of a table; HT2 */

static void write_parts(struct json *j, const struct waste *w)
{
	json_number(j, "resident", (int64_t)w->all.resident);
	json_number(j, "swapped", (int64_t)w->all.swapped);
	json_number(j, "virtual", (int64_t)w->all.virtual_);
	json_number(j, "huge", (int64_t)w->huge);
	json_bool(j, "walked", w->walked);
	json_bool(j, "core", w->s->process->flags & PROCESS_CORE);
	json_bool(j, "python", w->python);
	/* [name, words, resident, swapped, virtual] */
	json_open_array(j, "parts");
	for (int i = 0; i < WASTE_PARTS; i++) {
		json_open_array(j, NULL);
		json_text(j, NULL, waste_part_name(i));
		json_text(j, NULL, waste_names_part(i));
		json_number(j, NULL, (int64_t)w->part[i].resident);
		json_number(j, NULL, (int64_t)w->part[i].swapped);
		json_number(j, NULL, (int64_t)w->part[i].virtual_);
		json_close_array(j);
	}
	json_close_array(j);
}

static void write_causes(struct json *j, const struct waste_view *v)
{
	struct waste_cause causes[WASTE_CAUSES];
	size_t count = waste_causes(v, causes);

	/* [bytes, what, advice] */
	json_open_array(j, "causes");
	for (size_t i = 0; i < count; i++) {
		json_open_array(j, NULL);
		json_number(j, NULL, (int64_t)causes[i].bytes);
		json_text(j, NULL, causes[i].what);
		json_text(j, NULL, causes[i].advice);
		json_close_array(j);
	}
	json_close_array(j);
	waste_causes_free(causes, count);
}

static void write_arenas(struct html *h, const struct waste_view *v)
{
	struct json *j = &h->json;

	json_open_array(j, "arenas");
	for (size_t i = 0; i < v->waste.arena_count; i++) {
		const struct waste_arena *a = &v->waste.arenas[i];
		size_t count;
		const char **names = waste_names_threads(v, i, &count);

		json_open_object(j, NULL);
		json_number(j, "arena", (int64_t)i);
		json_bool(j, "main", v->s->arenas[i].kind == ARENA_MAIN);
		json_number(j, "bytes", (int64_t)a->bytes);
		json_number(j, "live", (int64_t)a->live);
		json_number(j, "free", (int64_t)a->free);
		json_number(j, "free_resident", (int64_t)a->free_resident);
		json_number(j, "returnable", (int64_t)a->returnable);
		json_number(j, "top", (int64_t)a->top);
		json_open_array(j, "threads");
		for (size_t k = 0; k < count; k++)
			json_text(j, NULL, names[k]);
		json_close_array(j);
		if (a->last != SNAPSHOT_NONE)
			json_number(j, "stopped_by", html_row(h, v->s->blocks[a->last].site, false));
		json_close_object(j);
		free(names);
	}
	json_close_array(j);
}

enum columns { PINS, SLACK, UNTOUCHED };

static void write_rows(struct html *h, const struct waste_view *v, const char *name, const uint32_t *list,
	size_t count, enum columns columns)
{
	struct json *j = &h->json;

	json_open_object(j, name);
	json_number(j, "all", (int64_t)count);
	/* [row, blocks, bytes, oldest, what the table is about ...] */
	json_open_array(j, "rows");
	for (size_t i = 0; i < count && i < MOST_ROWS; i++) {
		const struct waste_group *g = &v->waste.groups[list[i]];

		json_open_array(j, NULL);
		json_number(j, NULL, html_row(h, list[i], false));
		json_number(j, NULL, (int64_t)g->blocks);
		json_number(j, NULL, (int64_t)g->bytes);
		json_text(j, NULL, waste_names_age(v->s, g->oldest));
		if (columns == PINS) {
			json_number(j, NULL, (int64_t)g->pinned);
			json_number(j, NULL, (int64_t)g->pinned_free);
			json_number(j, NULL, (int64_t)g->pinned_top);
		} else if (columns == SLACK) {
			json_number(j, NULL, (int64_t)g->slack);
		} else {
			json_number(j, NULL, (int64_t)g->untouched);
			json_number(j, NULL, (int64_t)g->untouched_blocks);
		}
		json_close_array(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static void write_copies(struct html *h, const struct waste_copies *c)
{
	struct json *j = &h->json;

	json_open_object(j, "duplicates");
	json_number(j, "all", (int64_t)c->count);
	json_number(j, "wasted", (int64_t)c->wasted);
	/* [rows of its sites, copies, bytes of one, wasted] */
	json_open_array(j, "rows");
	for (size_t i = 0; i < c->count && i < MOST_ROWS; i++) {
		const struct waste_content *r = &c->rows[i];

		json_open_array(j, NULL);
		json_open_array(j, NULL);
		for (size_t k = 0; k < r->site_count && k < 20; k++)
			json_number(j, NULL, html_row(h, r->sites[k], false));
		json_close_array(j);
		json_number(j, NULL, (int64_t)r->copies);
		json_number(j, NULL, (int64_t)r->bytes);
		json_number(j, NULL, (int64_t)r->wasted);
		json_close_array(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static void write_spare(struct html *h, const struct waste_spare *p)
{
	struct json *j = &h->json;

	json_open_object(j, "oversized");
	json_number(j, "all", (int64_t)p->count);
	json_number(j, "wasted", (int64_t)p->bytes);
	/* [row, blocks, bytes, used, container] */
	json_open_array(j, "rows");
	for (size_t i = 0; i < p->count && i < MOST_ROWS; i++) {
		json_open_array(j, NULL);
		json_number(j, NULL, html_row(h, p->rows[i].site, false));
		json_number(j, NULL, (int64_t)p->rows[i].blocks);
		json_number(j, NULL, (int64_t)p->rows[i].bytes);
		json_number(j, NULL, (int64_t)p->rows[i].used);
		json_text(j, NULL, waste_spare_name(p->rows[i].kind));
		json_close_array(j);
	}
	json_close_array(j);
	json_close_object(j);
}

/* Arenas of pymalloc by how full they are, and what lies in those that are less than half full. */
static void write_python(struct html *h, const struct waste_view *v)
{
	const struct waste_python *p = &v->python;
	struct json *j = &h->json;

	if (!v->s->python_arena_count)
		return;
	json_open_object(j, "pools");
	json_number(j, "all", (int64_t)p->count);
	/* [arenas, bytes, used], emptiest first */
	json_open_array(j, "steps");
	for (unsigned i = 0; i < WASTE_PYTHON_STEPS; i++) {
		json_open_array(j, NULL);
		json_number(j, NULL, (int64_t)p->step[i].arenas);
		json_number(j, NULL, (int64_t)p->step[i].bytes);
		json_number(j, NULL, (int64_t)p->step[i].used);
		json_close_array(j);
	}
	json_close_array(j);
	/* [row, blocks, arenas, bytes that are free there, type] */
	json_open_array(j, "rows");
	for (size_t i = 0; i < p->count && i < MOST_ROWS; i++) {
		const char *type = waste_names_type(v, p->rows[i].type);

		json_open_array(j, NULL);
		json_number(j, NULL, html_row(h, p->rows[i].site, false));
		json_number(j, NULL, (int64_t)p->rows[i].blocks);
		json_number(j, NULL, (int64_t)p->rows[i].arenas);
		json_number(j, NULL, (int64_t)p->rows[i].free);
		json_text(j, NULL, type ? type : "(no object)");
		json_close_array(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static int64_t cell_live(const void *p) { return (int64_t)((const struct waste_cell *)p)->live; }
static int64_t cell_resident(const void *p) { return (int64_t)((const struct waste_cell *)p)->resident; }
static int64_t cell_swapped(const void *p) { return (int64_t)((const struct waste_cell *)p)->swapped; }
static int64_t cell_blocks(const void *p) { return ((const struct waste_cell *)p)->blocks; }

static void write_map(struct html *h, const struct snapshot *s)
{
	struct json *j = &h->json;
	struct waste_map m;
	size_t at = 0;

	waste_map_find(&m, s);
	json_open_object(j, "map");
	json_number(j, "cell", (int64_t)m.cell_bytes);
	/* [arena or -1, cells, address, bytes] */
	json_open_array(j, "strips");
	for (size_t i = 0; i < m.strip_count; at += m.strips[i++].cells) {
		const struct waste_strip *t = &m.strips[i];
		const struct waste_cell *last = &m.cells[at + t->cells - 1];

		json_open_array(j, NULL);
		json_number(j, NULL, t->arena == UINT32_MAX ? -1 : (int64_t)t->arena);
		json_number(j, NULL, t->cells);
		json_address(j, NULL, m.cells[at].address);
		json_number(j, NULL, (int64_t)(last->address + last->bytes - m.cells[at].address));
		json_close_array(j);
	}
	json_close_array(j);
	html_column(h, "live", m.cells, m.cell_count, sizeof(*m.cells), cell_live);
	html_column(h, "resident", m.cells, m.cell_count, sizeof(*m.cells), cell_resident);
	html_column(h, "swapped", m.cells, m.cell_count, sizeof(*m.cells), cell_swapped);
	html_column(h, "blocks", m.cells, m.cell_count, sizeof(*m.cells), cell_blocks);
	/* The row of each site with most bytes in the cell. */
	json_open_array(j, "sites");
	for (size_t i = 0; i < m.cell_count; i++) {
		json_open_array(j, NULL);
		for (unsigned k = 0; k < WASTE_MAP_SITES && m.cells[i].site[k] != UINT32_MAX; k++)
			json_number(j, NULL, html_row(h, m.cells[i].site[k], false));
		json_close_array(j);
	}
	json_close_array(j);
	json_close_object(j);
	waste_map_free(&m);
}

void html_memory(struct html *h)
{
	const struct snapshot *s = h->view.snapshot;
	struct json *j = &h->json;
	struct tide_error e = { 0 };
	struct waste_view v = { 0 };

	json_open_object(j, "memory");
	if (waste_view_find(&v, s, h->view.symbols, false, &e)) {
		json_text(j, "why", e.why[0] ? e.why : e.what);
	} else {
		h->has_memory = true;
		h->resident = v.waste.all.resident;
		h->resident_live = v.waste.part[WASTE_LIVE].resident;
		write_parts(j, &v.waste);
		if (v.waste.unseen)
			json_text(j, "unseen", waste_names_allocator(&v));
		write_causes(j, &v);
		write_arenas(h, &v);
		write_rows(h, &v, "pins", v.pins, v.pin_count, PINS);
		write_rows(h, &v, "slack", v.slack, v.slack_count, SLACK);
		write_rows(h, &v, "untouched", v.untouched, v.untouched_count, UNTOUCHED);
		write_copies(h, &v.copies);
		write_spare(h, &v.spare);
		write_python(h, &v);
		json_number(j, "cached", (int64_t)v.waste.cached);
		json_number(j, "cached_blocks", (int64_t)v.waste.cached_blocks);
		write_map(h, s);
	}
	waste_view_free(&v);
	json_close_object(j);
}

/* What resident memory is besides live blocks: a member of the head. */
void html_memory_rest(struct html *h)
{
	struct json *j = &h->json;
	struct waste_rest rest;
	uint64_t others;

	if (!h->has_memory || !waste_rest(h->view.snapshot, &rest))
		return;
	json_number(j, "resident", (int64_t)h->resident);
	json_number(j, "live_resident", (int64_t)h->resident_live);
	json_open_object(j, "rest");
	others = rest.files + rest.stacks + rest.globals + rest.mappings + rest.profiler + h->resident_live;
	json_number(j, "heap_free", h->resident > others ? (int64_t)(h->resident - others) : 0);
	json_number(j, "files", (int64_t)rest.files);
	json_number(j, "stacks", (int64_t)rest.stacks);
	json_number(j, "globals", (int64_t)rest.globals);
	json_number(j, "mappings", (int64_t)rest.mappings);
	json_number(j, "profiler", (int64_t)rest.profiler);
	json_number(j, "all", (int64_t)rest.all);
	json_close_object(j);
}
