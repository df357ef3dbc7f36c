/* html_types.c - what blocks are: the figures of `types`, and the commonest type of each site. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "html.h"
#include "view/native_types.h"
#include "view/types_view.h"

#define MOST_TYPES 2000u  /* rows; HT2 */
#define MOST_STRINGS 200u /* duplicated ones */
#define MOST_HOLDERS 100u

/* --- native ------------------------------------------------------------------------ */

static void write_native(struct html *h, const struct native_types *n)
{
	struct json *j = &h->json;

	json_open_object(j, "native");
	json_number(j, "blocks", (int64_t)n->blocks);
	json_number(j, "bytes", (int64_t)n->bytes);
	json_number(j, "typed_blocks", (int64_t)n->typed_blocks);
	json_number(j, "typed_bytes", (int64_t)n->typed_bytes);
	json_number(j, "all", (int64_t)n->row_count);
	json_open_array(j, "evidence");
	for (int i = EVIDENCE_VTABLE; i < EVIDENCE_HEADER; i++)
		json_text(j, NULL, block_types_evidence((enum tide_evidence)i));
	json_close_array(j);
	/* [type, language, blocks, bytes, retained, lost blocks, [blocks by evidence], [[row, blocks] ...]] */
	json_open_array(j, "rows");
	for (size_t i = 0; i < n->row_count && i < MOST_TYPES; i++) {
		const struct native_types_row *r = &n->row[i];

		json_open_array(j, NULL);
		json_text(j, NULL, r->type);
		json_text(j, NULL, r->language);
		json_number(j, NULL, (int64_t)r->blocks);
		json_number(j, NULL, (int64_t)r->bytes);
		json_number(j, NULL, (int64_t)r->retained_bytes);
		json_number(j, NULL, (int64_t)r->lost_blocks);
		json_open_array(j, NULL);
		for (int k = EVIDENCE_VTABLE; k < EVIDENCE_HEADER; k++)
			json_number(j, NULL, (int64_t)r->evidence[k]);
		json_close_array(j);
		json_open_array(j, NULL);
		for (size_t k = 0; k < NATIVE_TYPES_SITES && r->site[k].blocks; k++) {
			json_open_array(j, NULL);
			json_number(j, NULL, html_row(h, r->site[k].site, false));
			json_number(j, NULL, (int64_t)r->site[k].blocks);
			json_close_array(j);
		}
		json_close_array(j);
		json_close_array(j);
	}
	json_close_array(j);
	json_close_object(j);
}

/* What native types had in the older snapshot: [type, blocks, bytes]. */
static void write_old_native(struct html *h)
{
	struct native_types n = { 0 };
	struct tide_error e = { 0 };
	struct json *j = &h->json;

	if (!h->has_old || !h->old.snapshot->process->references
		|| native_types_find(&n, h->old.snapshot, h->old.symbols, &e)) {
		native_types_free(&n);
		return;
	}
	json_open_array(j, "old_native");
	for (size_t i = 0; i < n.row_count && i < MOST_TYPES; i++) {
		json_open_array(j, NULL);
		json_text(j, NULL, n.row[i].type);
		json_number(j, NULL, (int64_t)n.row[i].blocks);
		json_number(j, NULL, (int64_t)n.row[i].bytes);
		json_close_array(j);
	}
	json_close_array(j);
	native_types_free(&n);
}

struct of_site {
	uint64_t bytes, all;
	uint32_t type; /* + 1; 0: none */
};

/* The type that most bytes of a site have, for rows of other views; -1 where that is less than half of them. */
static void write_sites(struct html *h, const struct block_types *t)
{
	const struct snapshot *s = h->view.snapshot;
	struct of_site *of = alloc_zeroed(s->site_count + 1, sizeof(*of));

	/* The majority vote of Boyer and Moore by bytes, and what the winner really has. */
	for (size_t i = 0; i < s->block_count; i++) {
		struct of_site *o = &of[s->blocks[i].site < s->site_count ? s->blocks[i].site : 0];
		uint64_t bytes = s->blocks[i].bytes;

		if (o->type == t->of[i]) {
			o->bytes += bytes;
		} else if (o->bytes >= bytes) {
			o->bytes -= bytes;
		} else {
			o->type = t->of[i];
			o->bytes = bytes - o->bytes;
		}
	}
	for (size_t i = 0; i < s->site_count; i++)
		of[i].bytes = 0;
	for (size_t i = 0; i < s->block_count; i++) {
		struct of_site *o = &of[s->blocks[i].site < s->site_count ? s->blocks[i].site : 0];

		o->all += s->blocks[i].bytes;
		o->bytes += o->type == t->of[i] ? s->blocks[i].bytes : 0;
	}
	json_open_array(&h->json, "row_type");
	for (uint32_t i = 0; i < h->rows; i++) {
		const struct of_site *o = &of[h->row[i].site];

		json_number(&h->json, NULL,
			!(h->row[i].flags & HTML_ROW_OLD) && o->type && o->bytes >= o->all - o->bytes
				? (int64_t)intern_text(&h->text, t->names.text[o->type - 1])
				: -1);
	}
	json_close_array(&h->json);
	free(of);
}

/* --- Python ------------------------------------------------------------------------ */

static void write_version(struct json *j, const struct snapshot *s)
{
	static const char *const parts[] = { "counts", "generations", "pymalloc", "strings", "frames" };
	char text[PYTHON_HEAP_VERSION];

	json_text(j, "version", python_heap_version(text, s));
	json_open_array(j, "off");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (python_heap_off(s, parts[i]))
			json_text(j, NULL, parts[i]);
	json_close_array(j);
}

static void write_row(struct html *h, const struct types_row *r)
{
	struct json *j = &h->json;

	json_open_object(j, NULL);
	json_text(j, "type", r->type);
	json_text(j, "module", r->module);
	json_number(j, "live", (int64_t)r->live);
	json_number(j, "bytes", (int64_t)r->bytes);
	json_number(j, "native_bytes", (int64_t)r->native_bytes);
	json_number(j, "native_blocks", (int64_t)r->native_blocks);
	json_number(j, "unreachable", (int64_t)r->unreachable);
	json_number(j, "awaiting", (int64_t)r->awaiting);
	json_number(j, "pinned", (int64_t)r->pinned);
	json_number(j, "excess_objects", (int64_t)r->excess_objects);
	json_number(j, "excess_references", (int64_t)r->excess_references);
	json_number(j, "unsure_objects", (int64_t)r->unsure_objects);
	json_number(j, "cyclic", (int64_t)r->cyclic);
	json_text(j, "attributes", types_view_attributes(r));
	json_text(j, "verdict", types_view_verdict(r));
	json_number(j, "slots_save", (int64_t)types_view_slots_save(r));
	json_number(j, "live_diff", r->live_diff);
	json_number(j, "bytes_diff", r->bytes_diff);
	json_number(j, "excess_diff", r->excess_references_diff);
	json_open_array(j, "values");
	for (unsigned i = 0; i < TYPES_VIEW_TOP && r->value[i].objects; i++) {
		char *text = types_repr(h->view.snapshot, r->value[i].object);

		json_open_array(j, NULL);
		json_text(j, NULL, text ? text : "");
		json_number(j, NULL, (int64_t)r->value[i].objects);
		json_close_array(j);
		free(text);
	}
	json_close_array(j);
	json_open_array(j, "sites");
	for (unsigned i = 0; i < TYPES_VIEW_TOP && r->site[i].objects; i++) {
		json_open_array(j, NULL);
		json_number(j, NULL, html_row(h, r->site[i].site, false));
		json_number(j, NULL, (int64_t)r->site[i].objects);
		json_close_array(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static void write_cycles(struct json *j, const char *name, const struct types_cycles *c)
{
	json_open_object(j, name);
	json_number(j, "components", (int64_t)c->components);
	json_number(j, "objects", (int64_t)c->objects);
	json_number(j, "bytes", (int64_t)c->bytes);
	json_number(j, "excess", (int64_t)c->excess);
	json_close_object(j);
}

static void write_gc(struct json *j, const struct snapshot *s)
{
	static const char *const what[] = { "objects", "threshold", "count" };
	char name[64];

	if (python_heap_off(s, "generations"))
		return;
	json_open_object(j, "gc");
	json_bool(j, "enabled", snapshot_python(s, "gc.enabled"));
	json_number(j, "permanent", (int64_t)snapshot_python(s, "gc.permanent"));
	json_open_array(j, "generations");
	for (unsigned i = 0; i < 3; i++) {
		json_open_array(j, NULL);
		for (size_t k = 0; k < sizeof(what) / sizeof(what[0]); k++) {
			snprintf(name, sizeof(name), "gc.%u.%s", i, what[k]);
			json_number(j, NULL, (int64_t)snapshot_python(s, name));
		}
		json_close_array(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static void write_pymalloc(struct html *h, const struct types_view *v)
{
	struct json *j = &h->json;

	if (python_heap_off(h->view.snapshot, "pymalloc"))
		return;
	json_open_object(j, "pymalloc");
	json_number(j, "arenas", (int64_t)h->view.snapshot->python_arena_count);
	json_number(j, "arena_bytes", (int64_t)v->arena_bytes);
	json_number(j, "used_bytes", (int64_t)v->used_bytes);
	json_number(j, "sparse", (int64_t)v->sparse_arenas);
	/* [type, row, blocks, bytes of arenas] */
	json_open_array(j, "held_by");
	for (uint64_t i = 0; i < v->holder_count && i < MOST_HOLDERS; i++) {
		const struct types_holder *o = &v->holder[i];

		json_open_array(j, NULL);
		json_text(j, NULL, o->row == PYTHON_HEAP_NONE ? "" : v->row[o->row].type);
		json_number(j, NULL, html_row(h, o->site, false));
		json_number(j, NULL, (int64_t)o->blocks);
		json_number(j, NULL, (int64_t)o->arena_bytes);
		json_close_array(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static void write_strings(struct json *j, const struct types_view *v)
{
	json_open_object(j, "strings");
	json_number(j, "objects", (int64_t)v->strings);
	json_number(j, "bytes", (int64_t)v->string_bytes);
	json_number(j, "interned", (int64_t)v->interned);
	json_number(j, "all", (int64_t)v->duplicate_count);
	/* [text, length, copies, wasted] */
	json_open_array(j, "duplicates");
	for (uint64_t i = 0; i < v->duplicate_count && i < MOST_STRINGS; i++) {
		json_open_array(j, NULL);
		json_text(j, NULL, v->duplicate[i].text);
		json_number(j, NULL, (int64_t)v->duplicate[i].length);
		json_number(j, NULL, (int64_t)v->duplicate[i].copies);
		json_number(j, NULL, (int64_t)v->duplicate[i].wasted);
		json_close_array(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static void write_python(struct html *h)
{
	const struct snapshot *s = h->view.snapshot;
	struct json *j = &h->json;
	struct types_view v = { 0 }, old = { 0 };
	size_t shown = 0, all = 0;

	if (!python_heap_present(s))
		return;
	json_open_object(j, "python");
	write_version(j, s);
	if (!python_heap_off(s, "counts")) {
		types_view_find(&v, s, h->view.symbols, NULL);
		if (h->has_old && h->old.snapshot->process->references
			&& python_heap_present(h->old.snapshot)) {
			types_view_find(&old, h->old.snapshot, NULL, NULL);
			types_view_compare(&v, &old);
			json_bool(j, "compared", true);
		}
		json_open_array(j, "rows");
		for (uint32_t i = 0; i < v.row_count; i++) {
			const struct types_row *r = &v.row[v.order[i]];

			if (!r->live && !r->live_diff)
				continue;
			all++;
			if (shown < MOST_TYPES) {
				write_row(h, r);
				shown++;
			}
		}
		json_close_array(j);
		json_number(j, "all", (int64_t)all);
		json_number(j, "refleak_types", (int64_t)v.refleak_types);
		json_number(j, "refleak_objects", (int64_t)v.refleak_objects);
		json_number(j, "refleak_references", (int64_t)v.refleak_references);
		json_number(j, "left_objects", (int64_t)v.left_objects);
		json_number(j, "left_references", (int64_t)v.left_references);
		write_cycles(j, "awaiting", &v.awaiting);
		write_cycles(j, "pinned", &v.pinned);
		write_gc(j, s);
		write_pymalloc(h, &v);
		write_strings(j, &v);
	}
	types_view_free(&v);
	types_view_free(&old);
	json_close_object(j);
}

void html_types_find(struct html *h)
{
	if (h->view.snapshot->process->references)
		native_types_find(&h->native, h->view.snapshot, h->view.symbols, &h->types_error);
}

void html_types(struct html *h)
{
	const struct native_types *n = &h->native;
	const struct tide_error *e = &h->types_error;
	struct json *j = &h->json;

	json_open_object(j, "types");
	if (!h->view.snapshot->process->references) {
		json_text(j, "why", h->why);
	} else if (!n->types.of) {
		json_text(j, "why", e->why[0] ? e->why : e->what);
	} else {
		write_native(h, n);
		write_old_native(h);
		write_python(h);
	}
	json_close_object(j);
	if (n->types.of && h->references)
		html_referrers(h);
	if (n->types.of)
		write_sites(h, &n->types);
}
