/* refs_json.c - `refs` for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "json_out.h"
#include "refs.h"
#include "view.h"

/* {"kind":"root",...} */
static json_t *json_root(const struct refs *r, uint32_t root_edge, bool word)
{
	const struct tide_root_edge *e = &r->snapshot.root_edges[root_edge];
	const struct tide_root *root = &r->snapshot.roots[e->root];
	json_t *o = json_object();

	json_object_set_new(o, "kind", json_text("root"));
	json_object_set_new(o, "root", json_text(refs_root_kind(root->kind)));
	json_object_set_new(o, "name", json_text(symbols_root(r->symbols, e->root)));
	if (!word)
		return o;
	json_object_set_new(o, "address", root->address ? json_address(e->address) : json_null());
	json_object_set_new(o, "offset", json_integer(root->address && e->address >= root->address ?
		(json_int_t)(e->address - root->address) : 0));
	json_object_set_new(o, "to_offset", json_integer(e->to_offset));
	json_object_set_new(o, "stack", json_array());
	return o;
}

static json_t *json_block(const struct refs *r, uint32_t block)
{
	json_t *o = json_object();

	json_object_set_new(o, "kind", json_text("block"));
	json_object_set_new(o, "address", json_address(r->snapshot.blocks[block].address));
	json_object_set_new(o, "site", json_integer(r->snapshot.blocks[block].site));
	return o;
}

static json_t *json_referrers(const struct refs *r, size_t i)
{
	json_t *array = json_array();

	for (uint64_t k = r->word_start[i]; k < r->word_start[i + 1]; k++) {
		const struct refs_word *w = &r->word[k];
		json_t *o;

		if (w->root) {
			json_array_append_new(array, json_root(r, (uint32_t)w->edge, true));
			continue;
		}
		o = json_block(r, w->source);
		json_object_set_new(o, "offset", json_integer(r->snapshot.edges[w->edge].offset));
		json_object_set_new(o, "to_offset", json_integer(r->snapshot.edges[w->edge].to_offset));
		json_object_set_new(o, "stack", json_stack(r->symbols, r->snapshot.blocks[w->source].site));
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *json_referents(const struct refs *r, uint32_t block)
{
	json_t *array = json_array();
	uint64_t first, end;

	graph_words(&r->leaks.graph, block, &first, &end);
	for (; first < end; first++) {
		const struct tide_edge *e = &r->snapshot.edges[first];
		json_t *o;

		if (e->block >= r->leaks.graph.blocks)
			continue;
		o = json_block(r, e->block);
		json_object_set_new(o, "offset", json_integer(e->offset));
		json_object_set_new(o, "to_offset", json_integer(e->to_offset));
		json_object_set_new(o, "stack", json_stack(r->symbols, r->snapshot.blocks[e->block].site));
		json_array_append_new(array, o);
	}
	return array;
}

/* Hops told at each end of a path, where many blocks are asked for: the paths of a
 * long list, told whole, would be as long as its length squared. */
#define PATH_END 16u

static json_t *json_path(const struct refs *r, uint32_t block)
{
	json_t *array = json_array();
	uint32_t root_edge, *path;
	size_t count;

	path = reach_path(&r->reach, &r->leaks.graph, block, &count, &root_edge);
	if (root_edge != GRAPH_NONE)
		json_array_append_new(array, json_root(r, root_edge, false));
	for (size_t i = 0; i < count; i++) {
		json_t *o;

		if (r->count > 1 && count > 2 * PATH_END && i == PATH_END) {
			o = json_object();
			json_object_set_new(o, "kind", json_text("more"));
			json_object_set_new(o, "hops", json_integer((json_int_t)(count - 2 * PATH_END)));
			json_array_append_new(array, o);
			i = count - PATH_END;
		}
		o = json_block(r, path[i]);
		json_object_set_new(o, "offset", i + 1 < count ? json_integer(refs_hop(r, path[i], path[i + 1])) :
			json_null());
		json_object_set_new(o, "stack", json_stack(r->symbols, r->snapshot.blocks[path[i]].site));
		json_array_append_new(array, o);
	}
	free(path);
	return array;
}

static json_t *json_record(const struct refs *r, size_t i)
{
	const struct tide_block *b = &r->snapshot.blocks[r->block[i]];
	struct leak_sum retained = retained_block(&r->retained, r->block[i]);
	struct refs_found found = refs_found(r, i);
	json_t *o = json_object(), *f = json_object();

	json_object_set_new(o, "address", json_address(b->address));
	json_object_set_new(o, "bytes", json_integer((json_int_t)b->bytes));
	json_object_set_new(o, "site", json_integer(b->site));
	json_object_set_new(o, "state", json_text(leaks_kind_name(r->leaks.kind[r->block[i]] & LEAK_KIND_MASK)));
	json_object_set_new(f, "roots", json_integer((json_int_t)found.roots));
	json_object_set_new(f, "blocks", json_integer((json_int_t)found.blocks));
	json_object_set_new(f, "interior", json_integer((json_int_t)found.inside));
	json_object_set_new(o, "found", f);
	json_object_set_new(o, "stored", r->stored && r->stored[i] >= 0 ? json_integer(r->stored[i]) : json_null());
	json_object_set_new(o, "referrers", json_referrers(r, i));
	json_object_set_new(o, "referents", json_referents(r, r->block[i]));
	json_object_set_new(o, "path", json_path(r, r->block[i]));
	json_object_set_new(o, "retained_bytes", json_integer((json_int_t)retained.bytes));
	json_object_set_new(o, "retained_blocks", json_integer((json_int_t)retained.blocks));
	json_object_set_new(o, "stack", json_stack(r->symbols, b->site));
	return o;
}

void refs_json(struct refs *r)
{
	size_t rows = options_rows(&r->common, SIZE_MAX);
	struct json_stream stream;

	json_stream_begin(&stream, stdout, json_report(&r->snapshot), "records");
	for (size_t i = 0; i < r->count && i < rows; i++)
		json_stream_record(&stream, json_record(r, i));
	json_stream_end(&stream);
}

void refs_csv(struct refs *r)
{
	size_t rows = options_rows(&r->common, SIZE_MAX);

	puts("address,bytes,site,state,found_roots,found_blocks,found_interior,stored,retained_bytes,retained_blocks,"
		"function,file,line,module");
	for (size_t i = 0; i < r->count && i < rows; i++) {
		const struct tide_block *b = &r->snapshot.blocks[r->block[i]];
		const struct symbol_line *line = view_caller(r->symbols, b->site);
		struct leak_sum retained = retained_block(&r->retained, r->block[i]);
		struct refs_found found = refs_found(r, i);

		printf("0x%" PRIx64 ",%" PRIu64 ",%u,%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", b->address, b->bytes, b->site,
			leaks_kind_name(r->leaks.kind[r->block[i]] & LEAK_KIND_MASK), found.roots, found.blocks, found.inside);
		if (r->stored && r->stored[i] >= 0)
			printf("%" PRId64, r->stored[i]);
		printf(",%" PRIu64 ",%" PRIu64 ",", retained.bytes, retained.blocks);
		csv_text(stdout, line->function);
		putchar(',');
		csv_text(stdout, line->file);
		printf(",%u,", line->line);
		csv_text(stdout, line->module);
		putchar('\n');
	}
}
