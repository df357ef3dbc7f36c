/* html_dominate.c - who owns what, made small enough to look at: the tree of dominators, and the one in which each
 * block is charged to its steadiest owner (analysis/owners.h).
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
#include "print/header.h"
#include "analysis/refs.h"
#include "view/field.h"

#define SMALLEST 5000u

enum kind { KIND_ALL, KIND_ROOT, KIND_GROUP, KIND_KEPT, KIND_SITE };

struct node {
	uint64_t holders; /* bits of roots that reach its own blocks: owners.h */
	uint64_t bytes, blocks, retained, retained_blocks, rest_bytes, rest_blocks, rest;
	struct held {
		uint32_t by, block; /* a node of the tree, GRAPH_NONE: there is none; and what it holds */
	} first, last;
	uint32_t number;
	bool shown;
};

/* Nodes in an order in which parents come first. */
struct owner_tree {
	const uint32_t *node, *parent;
	uint32_t count;
	const struct owners *owners;
};

/* Key: parent, kind, root or group or site. */
static struct html_key make_key(
	const struct html *h, uint32_t node, uint32_t parent, const struct html_set *set)
{
	const struct leaks *l = &h->leaks.leaks;
	uint32_t extra = node - l->graph.blocks, site;

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

static struct node *gather_nodes(const struct html *h, const struct owner_tree *d, struct html_set *set)
{
	uint32_t *of = alloc_bytes((uint64_t)d->count * sizeof(*of) + 1), capacity = 0, before;
	struct node *node = NULL;
	struct html_key all = { { 0, KIND_ALL, 0 } };

	of[0] = html_set_add(set, &all);
	for (uint32_t i = 0; i < d->count; i++) {
		if (i) {
			struct html_key key = make_key(h, d->node[i], of[d->parent[i]], set);

			of[i] = html_set_add(set, &key);
		}
		before = capacity;
		ARRAY_RESERVE(node, capacity, set->count);
		for (; before < capacity; before++)
			node[before] = (struct node){ .first = { .by = GRAPH_NONE } };
		if (i && d->node[i] < h->leaks.leaks.graph.blocks) {
			node[of[i]].holders |= d->owners->holders[d->node[i]];
			node[of[i]].blocks++;
			node[of[i]].bytes += h->view.snapshot->blocks[d->node[i]].bytes;
			if (of[d->parent[i]] != of[i]) {
				node[of[i]].last = (struct held){ d->node[d->parent[i]], d->node[i] };
				if (node[of[i]].first.by == GRAPH_NONE)
					node[of[i]].first = node[of[i]].last;
			}
		}
	}
	free(of);
	return node;
}

/* What the word is called by which one holds the other; to be freed. NULL: it has no name. */
static char *name_word(const struct html *h, const uint32_t *root_edge, const struct held *held)
{
	const struct snapshot *s = h->view.snapshot;
	const struct graph *g = &h->leaks.leaks.graph;
	uint64_t edge;

	if (held->by == GRAPH_NONE)
		return NULL;
	if (held->by < g->blocks) {
		edge = refs_hop_edge(g, held->by, held->block);
		return edge == REFS_NONE || s->edges[edge].flags & EDGE_UNCOUNTED
			? NULL
			: field_text(&h->native.types, s, held->by, edge);
	}
	edge = root_edge[held->block];
	return edge && s->root_edges[edge - 1].root == held->by - g->blocks
		? field_root(&h->native.types, s, h->view.symbols, (uint32_t)edge - 1)
		: NULL;
}

static void write_node(struct html *h, const struct html_key *key, const struct node *n,
	const struct node *parent, const uint32_t *root_edge, bool shared)
{
	char *field =
		html_field_of_both(name_word(h, root_edge, &n->first), name_word(h, root_edge, &n->last));
	const struct snapshot *s = h->view.snapshot;
	struct json *j = &h->json;

	/* [parent, kind, name or row, bytes, blocks, retained bytes and blocks, left out: bytes, blocks, nodes,
	 * the field that holds it, bits of the roots that share it, as text: they do not fit in a number of JavaScript] */
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
	json_text(j, NULL, field);
	if (shared)
		json_address(j, NULL, n->holders);
	json_close_array(j);
	free(field);
}

static void write_tree(
	struct html *h, const char *name, const struct owner_tree *tree, const uint32_t *root_edge)
{
	struct html_set set = { 0 };
	struct node *node;
	uint32_t shown = 0;

	node = gather_nodes(h, tree, &set);
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
	json_open_array(&h->json, name);
	for (uint32_t i = 0; i < set.count; i++)
		if (node[i].shown)
			write_node(h, &set.key[i], &node[i], i ? &node[set.key[i].part[0]] : NULL, root_edge,
				i && !set.key[i].part[0] && set.key[i].part[1] == KIND_SITE);
	json_close_array(&h->json);
	free(node);
	html_set_free(&set);
}

void html_dominate(struct html *h)
{
	const struct dominate *d = &h->retained.d;
	const struct snapshot *s = h->view.snapshot;
	struct json *j = &h->json;
	uint32_t *root_edge;
	struct owners o;

	if (!h->references)
		return;
	/* The first word of a root that holds a block, + 1. */
	root_edge = alloc_zeroed(s->block_count + 1, sizeof(*root_edge));
	for (size_t i = s->root_edge_count < UINT32_MAX ? s->root_edge_count : 0; i--;)
		if (s->root_edges[i].block < s->block_count && !(s->root_edges[i].flags & EDGE_UNCOUNTED))
			root_edge[s->root_edges[i].block] = (uint32_t)i + 1;
	retained_owners(&h->retained, &o);
	write_tree(h, "dominators", &(struct owner_tree){ d->node, d->dominator, d->count, &o }, root_edge);
	write_tree(h, "owners", &(struct owner_tree){ o.node, o.parent, o.count, &o }, root_edge);
	/* Names of the bits. */
	json_open_array(j, "holders");
	for (uint32_t i = 0; i < o.named_count; i++) {
		json_open_array(j, NULL);
		json_text(j, NULL, root_kind_name(s->roots[o.named[i]].kind));
		json_text(j, NULL, symbols_root(h->view.symbols, o.named[i]));
		json_close_array(j);
	}
	json_close_array(j);
	json_bool(j, "wiped", header_wiped(h->view.snapshot));
	owners_free(&o);
	free(root_edge);
}
