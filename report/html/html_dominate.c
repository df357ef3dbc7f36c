/* html_dominate.c - the tree of dominators, made small enough to look at.
 *
 * A node represents all blocks of one site below one node (a list of a million blocks is one node, since
 * a site below itself is the same node); the first level are roots and root leaks. Nodes that retain less than
 * a 5000th of the heap are added up in their parent.
 */
#include <stdlib.h>
#include <string.h>
#include "model/root_kinds.h"
#include "base/array.h"
#include "html.h"
#include "analysis/refs.h"

#define SMALLEST 5000u

enum kind { KIND_ALL, KIND_ROOT, KIND_GROUP, KIND_KEPT, KIND_SITE };

struct node {
	uint64_t bytes, blocks, retained, retained_blocks, rest_bytes, rest_blocks, rest;
	uint32_t number;
	bool shown;
};

/* Key: parent, kind, root or group or site. */
static struct html_key make_key(const struct html *h, uint32_t i, uint32_t parent, const struct html_set *set)
{
	const struct leaks *l = &h->leaks.leaks;
	uint32_t node = h->retained.d.node[i], extra = node - l->graph.blocks, site;

	if (node < l->graph.blocks) {
		site = h->view.snapshot->blocks[node].site;
		if (set->key[parent].part[1] == KIND_SITE && set->key[parent].part[2] == site)
			return set->key[parent];
		return (struct html_key){ { parent, KIND_SITE, site } };
	}
	if (extra < l->graph.roots)
		return (struct html_key){ { parent, KIND_ROOT, extra } };
	extra -= l->graph.roots;
	if (extra < l->group_count)
		return (struct html_key){ { parent, KIND_GROUP, extra } };
	return (struct html_key){ { parent, KIND_KEPT, 0 } };
}

static struct node *gather_nodes(const struct html *h, struct html_set *set)
{
	const struct dominate *d = &h->retained.d;
	uint32_t *of = alloc_bytes((uint64_t)d->count * sizeof(*of) + 1), capacity = 0, before;
	struct node *node = NULL;
	struct html_key all = { { 0, KIND_ALL, 0 } };

	of[0] = html_set_add(set, &all);
	for (uint32_t i = 0; i < d->count; i++) {
		if (i) {
			struct html_key key = make_key(h, i, of[d->dominator[i]], set);

			of[i] = html_set_add(set, &key);
		}
		before = capacity;
		ARRAY_RESERVE(node, capacity, set->count);
		memset(node + before, 0, (capacity - before) * sizeof(*node));
		if (i && d->node[i] < h->leaks.leaks.graph.blocks) {
			node[of[i]].blocks++;
			node[of[i]].bytes += h->view.snapshot->blocks[d->node[i]].bytes;
		}
	}
	free(of);
	return node;
}

static void write_node(
	struct html *h, const struct html_key *key, const struct node *n, const struct node *parent)
{
	const struct snapshot *s = h->view.snapshot;
	struct json *j = &h->json;

	/* [parent, kind, name or row, bytes, blocks, retained bytes and blocks, left out: bytes, blocks, nodes] */
	json_open_array(j, NULL);
	json_number(j, NULL, parent ? (int64_t)parent->number : -1);
	json_number(j, NULL, key->part[1]);
	switch (key->part[1]) {
	case KIND_SITE: json_number(j, NULL, html_row(h, key->part[2], false)); break;
	case KIND_ROOT:
		json_open_array(j, NULL);
		json_text(j, NULL, root_kind_name(s->roots[key->part[2]].kind));
		json_text(j, NULL, symbols_root(h->view.symbols, key->part[2]));
		json_close_array(j);
		break;
	case KIND_GROUP:
		json_number(j, NULL, html_row(h, h->leaks.leaks.groups[key->part[2]].site, false));
		break;
	default: json_number(j, NULL, 0);
	}
	json_number(j, NULL, (int64_t)n->bytes);
	json_number(j, NULL, (int64_t)n->blocks);
	json_number(j, NULL, (int64_t)n->retained);
	json_number(j, NULL, (int64_t)n->retained_blocks);
	json_number(j, NULL, (int64_t)n->rest_bytes);
	json_number(j, NULL, (int64_t)n->rest_blocks);
	json_number(j, NULL, (int64_t)n->rest);
	json_close_array(j);
}

void html_dominate(struct html *h)
{
	struct html_set set = { 0 };
	struct node *node;
	uint32_t shown = 0;

	if (!h->references)
		return;
	node = gather_nodes(h, &set);
	/* A parent's number is below its children's. */
	for (uint32_t i = set.count; i--;) {
		struct node *n = &node[i], *up = &node[set.key[i].part[0]];

		n->retained += n->bytes;
		n->retained_blocks += n->blocks;
		if (i) {
			up->retained += n->retained;
			up->retained_blocks += n->retained_blocks;
		}
	}
	for (uint32_t i = 0; i < set.count; i++) {
		struct node *n = &node[i], *up = &node[set.key[i].part[0]];

		n->shown = !i || (up->shown && n->retained && n->retained >= node[0].retained / SMALLEST);
		if (n->shown) {
			n->number = shown++;
		} else if (up->shown && n->retained_blocks) {
			up->rest_bytes += n->retained;
			up->rest_blocks += n->retained_blocks;
			up->rest++;
		}
	}
	json_open_array(&h->json, "dominators");
	for (uint32_t i = 0; i < set.count; i++)
		if (node[i].shown)
			write_node(h, &set.key[i], &node[i], i ? &node[set.key[i].part[0]] : NULL);
	json_close_array(&h->json);
	free(node);
	html_set_free(&set);
}
