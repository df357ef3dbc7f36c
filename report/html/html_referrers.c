/* html_referrers.c - who refers to the blocks of each site: other sites and roots, by the number of their words, with the
 * field where all words of one referrer have the same name.
 *
 * Words that keep nothing alive are left out: those of weak blocks, and those that Python does not count.
 */
#include <stdlib.h>
#include <string.h>
#include "analysis/python_field.h"
#include "base/array.h"
#include "html.h"
#include "model/root_kinds.h"
#include "view/field.h"

#define MOST_REFERRERS 8u /* of a site that are named */

/* What one site or root has of the words that refer to a site. */
struct pair {
	uint64_t words, first, last; /* edges */
	uint32_t first_block, last_block;
	bool other_offsets;
};

/* Key: site referred to, site or root that refers, is it a root. */
struct pairs {
	struct html_set set;
	struct pair *pair;
	uint32_t capacity;
};

static struct pair *add_word(struct pairs *p, uint32_t to, uint32_t from, bool root, uint64_t edge)
{
	uint32_t before = p->set.count;
	struct html_key key = { { to, from, root } };
	uint32_t i = html_set_add(&p->set, &key);

	ARRAY_RESERVE(p->pair, p->capacity, p->set.count);
	if (p->set.count != before)
		p->pair[i] = (struct pair){ .first = edge };
	p->pair[i].words++;
	p->pair[i].last = edge;
	return &p->pair[i];
}

static uint32_t find_site(const struct snapshot *s, uint32_t block)
{
	return s->blocks[block].site < s->site_count ? s->blocks[block].site : 0;
}

static void add_blocks(struct pairs *p, const struct graph *g, const struct snapshot *s)
{
	uint64_t edge, end;

	for (uint32_t block = 0; block < g->blocks; block++) {
		if (graph_weak(g, block))
			continue;
		for (graph_words(g, block, &edge, &end); edge < end; edge++) {
			const struct tide_edge *e = &s->edges[edge];
			struct pair *pair;

			if (e->block >= g->blocks || e->flags & EDGE_UNCOUNTED || snapshot_unused(s, edge))
				continue;
			pair = add_word(p, find_site(s, e->block), find_site(s, block), false, edge);
			if (pair->first == edge)
				pair->first_block = block;
			pair->last_block = block;
			pair->other_offsets |= s->edges[pair->first].offset != e->offset;
		}
	}
}

static void add_roots(struct pairs *p, const struct graph *g, const struct snapshot *s)
{
	for (uint64_t edge = 0; edge < s->root_edge_count; edge++) {
		const struct tide_root_edge *e = &s->root_edges[edge];

		if (e->block < g->blocks && e->root < g->roots && !(e->flags & EDGE_UNCOUNTED))
			add_word(p, find_site(s, e->block), e->root, true, edge);
	}
}

/* One of many like it: "table[4204]" becomes "table[]", `key "a" of dict` "key of dict", "element 3 of list" "element
 * of list". */
static void drop_index(char *field)
{
	char *to = field, *key = strstr(field, ", key ");

	if (key)
		key[strlen(", key")] = '\0';
	python_field_without_numbers(field);
	for (const char *from = field; *from;) {
		size_t digits = *from == '[' ? strspn(from + 1, "0123456789") : 0;

		if (digits && from[digits + 1] == ']') {
			*to++ = '[';
			*to++ = ']';
			from += digits + 2;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

char *html_field_of_both(char *first, char *last)
{
	if (first && last && strcmp(first, last)) {
		drop_index(first);
		drop_index(last);
	}
	if (first && (!last || strcmp(first, last))) {
		free(first);
		first = NULL;
	}
	free(last);
	return first;
}

/* The name of the field that all of the words are in; NULL where they are in several, or it has none. To be freed. */
static char *find_field(const struct snapshot *s, const struct block_types *types, const struct pair *pair)
{
	char *first = field_text(types, s, pair->first_block, pair->first);

	if (!first)
		return pair->other_offsets ? NULL : alloc_printf("+%u", s->edges[pair->first].offset);
	if (pair->words == 1)
		return first;
	return html_field_of_both(first, field_text(types, s, pair->last_block, pair->last));
}

static const struct pairs *sorted; /* for qsort: the verbs have one thread */

/* By the site referred to, then by words; those that have equally many as they came. */
static int compare_pairs(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
	uint32_t to_a = sorted->set.key[a].part[0], to_b = sorted->set.key[b].part[0];
	uint64_t words_a = sorted->pair[a].words, words_b = sorted->pair[b].words;

	if (to_a != to_b)
		return to_a < to_b ? -1 : 1;
	if (words_a != words_b)
		return words_a > words_b ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* [row, or -1 - the number of a root in "referrer_roots"; words; text of the field, or -1] */
static void write_pair(
	struct html *h, const struct html_key *key, const struct pair *pair, struct html_set *roots)
{
	struct json *j = &h->json;
	struct html_key root = { { key->part[1] } };
	char *field = key->part[2] ? NULL : find_field(h->view.snapshot, &h->native.types, pair);

	json_open_array(j, NULL);
	if (key->part[2])
		json_number(j, NULL, -1 - (int64_t)html_set_add(roots, &root));
	else
		json_number(j, NULL, html_row(h, key->part[1], false));
	json_number(j, NULL, (int64_t)pair->words);
	json_number(j, NULL, field ? (int64_t)intern_text(&h->text, field) : -1);
	json_close_array(j);
	free(field);
}

static void write_roots(struct html *h, const struct html_set *roots)
{
	struct json *j = &h->json;

	json_open_array(j, "referrer_roots");
	for (uint32_t i = 0; i < roots->count; i++) {
		uint32_t root = roots->key[i].part[0];

		json_open_array(j, NULL);
		json_text(j, NULL, root_kind_name(h->view.snapshot->roots[root].kind));
		json_text(j, NULL, symbols_root(h->view.symbols, root));
		json_close_array(j);
	}
	json_close_array(j);
}

void html_referrers(struct html *h)
{
	const struct graph *g = &h->leaks.leaks.graph;
	struct html_set roots = { 0 };
	struct pairs p = { 0 };
	struct json *j = &h->json;
	uint32_t *order, end;

	add_blocks(&p, g, h->view.snapshot);
	add_roots(&p, g, h->view.snapshot);
	order = alloc_bytes((uint64_t)p.set.count * sizeof(*order) + 1);
	for (uint32_t i = 0; i < p.set.count; i++)
		order[i] = i;
	sorted = &p;
	if (p.set.count)
		qsort(order, p.set.count, sizeof(*order), compare_pairs);
	/* [row; words of all referrers; referrers; the largest of them ...] */
	json_open_array(j, "referrers");
	for (uint32_t i = 0; i < p.set.count; i = end) {
		uint32_t site = p.set.key[order[i]].part[0];
		uint64_t words = 0;

		for (end = i; end < p.set.count && p.set.key[order[end]].part[0] == site; end++)
			words += p.pair[order[end]].words;
		json_open_array(j, NULL);
		json_number(j, NULL, html_row(h, site, false));
		json_number(j, NULL, (int64_t)words);
		json_number(j, NULL, end - i);
		for (uint32_t k = i; k < end && k < i + MOST_REFERRERS; k++)
			write_pair(h, &p.set.key[order[k]], &p.pair[order[k]], &roots);
		json_close_array(j);
	}
	json_close_array(j);
	write_roots(h, &roots);
	html_set_free(&roots);
	html_set_free(&p.set);
	free(p.pair);
	free(order);
}
