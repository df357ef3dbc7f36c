/* types_together.c - see types_together.h. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/alloc.h"
#include "base/array.h"
#include "symbol/site_key.h"
#include "types_together.h"

static uint64_t hash_names(const char *a, const char *b)
{
	return XXH3_64bits(a, strlen(a)) ^ index_hash(XXH3_64bits(b, strlen(b)));
}

static struct together_row *find_row(struct types_together *t, const struct types_row *r)
{
	uint64_t hash = hash_names(r->type, r->module);
	struct together_row *to;

	INDEX_EACH(&t->rows, hash, probe)
	{
		to = &t->row[probe.number];
		if (!strcmp(to->sum.type, r->type) && !strcmp(to->sum.module, r->module))
			return to;
	}
	to = ARRAY_ADD(t->row, t->row_count, t->row_room);
	*to = (struct together_row){ .sum = { .type = r->type, .module = r->module } };
	index_add(&t->rows, hash, (uint32_t)t->row_count - 1);
	return to;
}

static struct together_native *find_native(struct types_together *t, const struct native_types_row *r)
{
	uint64_t hash = hash_names(r->type, r->language);
	struct together_native *to;

	INDEX_EACH(&t->natives, hash, probe)
	{
		to = &t->native[probe.number];
		if (!strcmp(to->type, r->type) && !strcmp(to->language, r->language))
			return to;
	}
	to = ARRAY_ADD(t->native, t->native_count, t->native_room);
	*to = (struct together_native){ .type = r->type, .language = r->language };
	index_add(&t->natives, hash, (uint32_t)t->native_count - 1);
	return to;
}

static void add_sites(
	struct together_row *to, size_t process, struct site_keys *keys, const struct types_row *r)
{
	for (unsigned i = 0; i < TYPES_VIEW_TOP && r->site[i].objects; i++) {
		uint64_t key = site_key(keys, r->site[i].site);
		size_t k = 0;

		while (k < to->site_count && to->site[k].key != key)
			k++;
		if (k == to->site_count)
			*ARRAY_APPEND(to->site, to->site_count) = (struct together_site){
				.key = key, .process = process, .site = r->site[i].site
			};
		to->site[k].objects += r->site[i].objects;
	}
}

static void add_values(struct together_row *to, const struct snapshot *s, const struct types_row *r)
{
	for (unsigned i = 0; i < TYPES_VIEW_TOP && r->value[i].objects; i++) {
		char *text = types_repr(s, r->value[i].object);
		size_t k = 0;

		if (!text)
			continue;
		while (k < to->value_count && strcmp(to->value[k].text, text) != 0)
			k++;
		if (k == to->value_count)
			*ARRAY_APPEND(to->value, to->value_count) = (struct together_value){ .text = text };
		else
			free(text);
		to->value[k].objects += r->value[i].objects;
	}
}

static void add_row(struct together_row *to, size_t process, const struct types_row *r)
{
	struct types_row *sum = &to->sum;

	sum->live += r->live;
	sum->native_bytes += r->native_bytes;
	sum->native_blocks += r->native_blocks;
	sum->bytes += r->bytes;
	sum->reachable += r->reachable;
	sum->unreachable += r->unreachable;
	types_counts_add(sum, r);
	if (r->verdict > sum->verdict)
		sum->verdict = r->verdict;
	to->processes += to->last != process + 1;
	to->last = process + 1;
}

static void add_cycles(struct types_cycles *to, const struct types_cycles *c)
{
	to->components += c->components;
	to->objects += c->objects;
	to->bytes += c->bytes;
	to->excess += c->excess;
}

const char *types_together_missing(const struct snapshot *s)
{
	if (!python_heap_present(s))
		return "no Python";
	if (snapshot_python(s, "ended"))
		return "Python had shut down";
	return !python_heap_off(s, "counts")        ? NULL
		: snapshot_python(s, "without_gil") ? "Python without the GIL"
						    : "unknown build of Python";
}

static void add_process(struct types_together *t, size_t process)
{
	const struct types_command *c = &t->process[process];
	const struct types_view *v = &c->view;
	struct site_keys *keys = site_keys_new(&c->snapshot, c->symbols);
	bool missing = types_together_missing(&c->snapshot) != NULL;
	uint32_t rows = missing ? 0 : v->row_count;

	for (uint32_t i = 0; i < rows; i++)
		if (v->row[i].live)
			add_row(find_row(t, &v->row[i]), process, &v->row[i]);
	/* A row without excess says where its live objects were made. */
	for (uint32_t i = 0; i < rows; i++)
		if (v->row[i].excess_objects) {
			add_sites(find_row(t, &v->row[i]), process, keys, &v->row[i]);
			add_values(find_row(t, &v->row[i]), &c->snapshot, &v->row[i]);
		}
	for (size_t i = 0; i < c->native.row_count; i++) {
		const struct native_types_row *r = &c->native.row[i];
		struct together_native *to = find_native(t, r);

		to->blocks += r->blocks;
		to->bytes += r->bytes;
		to->lost_blocks += r->lost_blocks;
		to->processes += to->last != process + 1;
		to->last = process + 1;
	}
	t->native_bytes += c->native.bytes;
	t->typed_bytes += c->native.typed_bytes;
	site_keys_free(keys);
	if (missing)
		return;
	t->with_python++;
	t->leaking += v->refleak_objects != 0;
	t->left_objects += v->left_objects;
	t->left_references += v->left_references;
	add_cycles(&t->awaiting, &v->awaiting);
	add_cycles(&t->pinned, &v->pinned);
	t->garbage_bytes += v->garbage.bytes;
}

static int compare_rows(const void *a, const void *b)
{
	const struct together_row *x = a, *y = b;
	int order;

	if (x->sum.verdict != y->sum.verdict)
		return x->sum.verdict > y->sum.verdict ? -1 : 1;
	if (x->sum.excess_references != y->sum.excess_references)
		return x->sum.excess_references > y->sum.excess_references ? -1 : 1;
	if (x->sum.bytes != y->sum.bytes)
		return x->sum.bytes > y->sum.bytes ? -1 : 1;
	order = strcmp(x->sum.type, y->sum.type);
	return order ? order : strcmp(x->sum.module, y->sum.module);
}

static int compare_natives(const void *a, const void *b)
{
	const struct together_native *x = a, *y = b;
	int order;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	order = strcmp(x->type, y->type);
	return order ? order : strcmp(x->language, y->language);
}

static int compare_sites(const void *a, const void *b)
{
	const struct together_site *x = a, *y = b;

	if (x->objects != y->objects)
		return x->objects > y->objects ? -1 : 1;
	return (x->key > y->key) - (x->key < y->key);
}

static int compare_values(const void *a, const void *b)
{
	const struct together_value *x = a, *y = b;

	if (x->objects != y->objects)
		return x->objects > y->objects ? -1 : 1;
	return strcmp(x->text, y->text);
}

static void order_tops(struct together_row *r)
{
	if (r->site_count)
		qsort(r->site, r->site_count, sizeof(*r->site), compare_sites);
	if (r->value_count)
		qsort(r->value, r->value_count, sizeof(*r->value), compare_values);
	if (r->site_count > TYPES_VIEW_TOP)
		r->site_count = TYPES_VIEW_TOP;
	while (r->value_count > TYPES_VIEW_TOP)
		free(r->value[--r->value_count].text);
}

void types_together_sum(struct types_together *t)
{
	for (size_t i = 0; i < t->count; i++)
		add_process(t, i);
	for (size_t i = 0; i < t->row_count; i++) {
		struct together_row *r = &t->row[i];

		order_tops(r);
		t->leaked_types += r->sum.excess_objects != 0;
		t->leaked_objects += r->sum.excess_objects;
		t->leaked_references += r->sum.excess_references;
	}
	if (t->row_count)
		qsort(t->row, t->row_count, sizeof(*t->row), compare_rows);
	if (t->native_count)
		qsort(t->native, t->native_count, sizeof(*t->native), compare_natives);
}

void types_together_free(struct types_together *t)
{
	for (size_t i = 0; i < t->row_count; i++) {
		for (size_t k = 0; k < t->row[i].value_count; k++)
			free(t->row[i].value[k].text);
		free(t->row[i].value);
		free(t->row[i].site);
	}
	free(t->row);
	free(t->native);
	index_free(&t->rows);
	index_free(&t->natives);
}
