/* refs_json.c - `refs --json`. */
#include <stdio.h>
#include <stdlib.h>
#include "analysis/python_field.h"
#include "model/root_kinds.h"
#include "print/json_report.h"
#include "view/field.h"
#include "view/view.h"
#include "refs_view.h"

/* {"kind":"root",...} */
static void write_root(struct json *j, const struct refs *r, uint32_t root_edge, bool word)
{
	const struct tide_root_edge *e = &r->snapshot.root_edges[root_edge];
	const struct tide_root *root = &r->snapshot.roots[e->root];
	char *field = field_root(&r->types, &r->snapshot, r->symbols, root_edge);

	json_open_object(j, NULL);
	json_text(j, "kind", "root");
	json_text(j, "root", root_kind_name(root->kind));
	json_text(j, "name", symbols_root(r->symbols, e->root));
	json_text(j, "field", field);
	free(field);
	if (word) {
		if (root->address)
			json_address(j, "address", e->address);
		else
			json_none(j, "address");
		json_number(j, "offset",
			root->address && e->address >= root->address ? (int64_t)(e->address - root->address)
								     : 0);
		json_number(j, "to_offset", e->to_offset);
		json_open_array(j, "stack");
		json_close_array(j);
	}
	json_close_object(j);
}

static void write_type(struct json *j, const struct refs *r, uint32_t block)
{
	const char *type = block_types_name(&r->types, block);

	json_text(j, "type", type);
	json_text(j, "evidence", type ? block_types_evidence(r->types.evidence[block]) : NULL);
}

/* id() of the object that a block is or belongs to, and what Python calls it; null: not Python's. */
static void write_object(struct json *j, const struct refs *r, uint32_t block)
{
	uint32_t object = python_field_object(&r->snapshot, block);
	uint64_t id = python_field_id(&r->snapshot, object);

	if (id)
		json_address(j, "object", id);
	else
		json_none(j, "object");
	json_text(j, "label", python_field_label(&r->snapshot, object));
}

/* Opens the object of a block. */
static void open_block(struct json *j, const struct refs *r, uint32_t block)
{
	json_open_object(j, NULL);
	json_text(j, "kind", "block");
	json_address(j, "address", r->snapshot.blocks[block].address);
	write_object(j, r, block);
	json_number(j, "site", r->snapshot.blocks[block].site);
	write_type(j, r, block);
}

/* What the word is in its object; null where that is not known. */
static void write_field(struct json *j, const struct refs *r, uint32_t block, uint64_t edge)
{
	char *field = edge == REFS_NONE ? NULL : field_text(&r->types, &r->snapshot, block, edge);

	json_text(j, "field", field);
	json_bool(j, "counted",
		edge == REFS_NONE
			|| !(r->snapshot.edges[edge].flags & EDGE_UNCOUNTED
				|| snapshot_unused(&r->snapshot, edge)));
	json_text(j, "unused", edge == REFS_NONE ? NULL : typed_scan_why(&r->snapshot, edge));
	free(field);
}

static void write_referrers(struct json_report *report, const struct refs *r, size_t i)
{
	struct json *j = &report->json;

	json_open_array(j, "referrers");
	for (uint64_t k = r->word_start[i]; k < r->word_start[i + 1]; k++) {
		const struct refs_word *w = &r->word[k];

		if (w->root) {
			write_root(j, r, (uint32_t)w->edge, true);
			continue;
		}
		open_block(j, r, w->source);
		json_number(j, "offset", r->snapshot.edges[w->edge].offset);
		json_number(j, "to_offset", r->snapshot.edges[w->edge].to_offset);
		write_field(j, r, w->source, w->edge);
		json_report_stack(report, r->symbols, r->snapshot.blocks[w->source].site);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_referents(struct json_report *report, const struct refs *r, uint32_t block)
{
	struct json *j = &report->json;
	uint64_t first, end;

	json_open_array(j, "referents");
	graph_words(&r->leaks.graph, block, &first, &end);
	for (; first < end; first++) {
		const struct tide_edge *e = &r->snapshot.edges[first];

		if (e->block >= r->leaks.graph.blocks)
			continue;
		open_block(j, r, e->block);
		json_number(j, "offset", e->offset);
		json_number(j, "to_offset", e->to_offset);
		write_field(j, r, block, first);
		json_report_stack(report, r->symbols, r->snapshot.blocks[e->block].site);
		json_close_object(j);
	}
	json_close_array(j);
}

/* Hops at each end of a path that are written when there are many blocks: complete paths of a
 * long list would add up to the square of its length. */
#define PATH_END 16u

static void write_path(struct json_report *report, const struct refs *r, uint32_t block)
{
	struct json *j = &report->json;
	uint32_t root_edge, *path;
	size_t count;

	json_open_array(j, "path");
	path = reach_path(&r->reach, r->graph, block, &count, &root_edge);
	if (root_edge != GRAPH_NONE)
		write_root(j, r, root_edge, false);
	for (size_t i = 0; i < count; i++) {
		if (r->count > 1 && count > 2 * PATH_END && i == PATH_END) {
			json_open_object(j, NULL);
			json_text(j, "kind", "more");
			json_number(j, "hops", (int64_t)(count - 2 * PATH_END));
			json_close_object(j);
			i = count - PATH_END;
		}
		open_block(j, r, path[i]);
		if (i + 1 < count) {
			json_number(j, "offset", refs_hop(r->graph, path[i], path[i + 1]));
			write_field(j, r, path[i], refs_hop_edge(r->graph, path[i], path[i + 1]));
		} else {
			json_none(j, "offset");
			json_none(j, "field");
		}
		json_report_stack(report, r->symbols, r->snapshot.blocks[path[i]].site);
		json_close_object(j);
	}
	json_close_array(j);
	free(path);
}

static void write_record(struct json_report *report, const struct refs *r, size_t i)
{
	const struct tide_block *b = &r->snapshot.blocks[r->block[i]];
	struct leak_sum retained = retained_block(&r->retained, r->block[i]);
	struct refs_found found = refs_view_found(r, i);
	struct json *j = &report->json;

	json_open_object(j, NULL);
	json_address(j, "address", b->address);
	write_object(j, r, r->block[i]);
	json_number(j, "bytes", (int64_t)b->bytes);
	if (python_field_stored(&r->snapshot, r->block[i]) >= 0) {
		struct leak_sum native = refs_view_native(r, r->block[i]);
		json_number(j, "object_bytes", (int64_t)refs_view_bytes(r, r->block[i]));
		json_number(j, "native_bytes", (int64_t)native.bytes);
		json_number(j, "native_blocks", (int64_t)native.blocks);
	}
	json_number(j, "site", b->site);
	write_type(j, r, r->block[i]);
	json_text(j, "state", leaks_kind_name(r->leaks.kind[r->block[i]] & LEAK_KIND_MASK));
	json_open_object(j, "found");
	json_number(j, "roots", (int64_t)found.roots);
	json_number(j, "blocks", (int64_t)found.blocks);
	json_number(j, "interior", (int64_t)found.inside);
	json_close_object(j);
	if (python_field_stored(&r->snapshot, r->block[i]) >= 0)
		json_number(j, "stored", python_field_stored(&r->snapshot, r->block[i]));
	else if (r->stored && r->stored[i] >= 0)
		json_number(j, "stored", r->stored[i]);
	else
		json_none(j, "stored");
	write_referrers(report, r, i);
	write_referents(report, r, r->block[i]);
	write_path(report, r, r->block[i]);
	json_number(j, "retained_bytes", (int64_t)retained.bytes);
	json_number(j, "retained_blocks", (int64_t)retained.blocks);
	json_report_stack(report, r->symbols, b->site);
	json_close_object(j);
}

void refs_json(struct refs *r)
{
	size_t rows = options_rows(&r->common, SIZE_MAX);
	struct json_report report;
	struct json *j = &report.json;

	json_report_open(&report, stdout);
	json_report_snapshot(j, "snapshot", &r->snapshot);
	json_open_array(j, "records");
	for (size_t i = 0; i < r->count && i < rows; i++)
		write_record(&report, r, i);
	json_close_array(j);
	json_report_close(&report);
}
