/* retained_growth.c - what retains more than it did in an older snapshot, matched by kind and name. */
#include <stdlib.h>
#include <string.h>
#include "retained_command.h"

/* The name of a row, but for the line at which a frame is: "frame NAME line N, local NAME". */
static int compare_names(const char *x, const char *y)
{
	const char *frame = "frame ", *line = " line ";
	const char *a = strncmp(x, frame, strlen(frame)) ? NULL : strstr(x, line);
	const char *b = strncmp(y, frame, strlen(frame)) ? NULL : strstr(y, line);

	if (!a || !b || a - x != b - y || strncmp(x, y, (size_t)(a - x)) != 0)
		return strcmp(x, y);
	a += strlen(line);
	b += strlen(line);
	return strcmp(a + strspn(a, "0123456789"), b + strspn(b, "0123456789"));
}

static int compare_keys(const struct retained_row *x, const struct retained_row *y)
{
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return compare_names(x->name, y->name);
}

/* Rows of the same name, as locals of several threads have it, are matched in the order of their sizes. */
static int compare_rows(const void *a, const void *b)
{
	const struct retained_row *x = a, *y = b;
	int order = compare_keys(x, y);

	if (order)
		return order;
	if (x->retained.bytes != y->retained.bytes)
		return x->retained.bytes > y->retained.bytes ? -1 : 1;
	return x->which < y->which ? -1 : x->which > y->which;
}

static int compare_growth(const void *a, const void *b)
{
	const struct retained_row *x = a, *y = b;

	if (x->grown_bytes != y->grown_bytes)
		return x->grown_bytes > y->grown_bytes ? -1 : 1;
	return compare_rows(a, b);
}

static void sort_by_name(struct retained_command *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (!t->rows[i].name)
			t->rows[i].name = retained_rows_name(t, &t->rows[i]);
	if (t->count)
		qsort(t->rows, t->count, sizeof(*t->rows), compare_rows);
}

void retained_growth_find(struct retained_command *t, struct retained_command *old)
{
	size_t k = 0, kept = 0;

	sort_by_name(t);
	sort_by_name(old);
	for (size_t i = 0; i < t->count; i++) {
		struct retained_row *r = &t->rows[i];

		while (k < old->count && compare_keys(&old->rows[k], r) < 0)
			k++;
		r->grown_bytes = (int64_t)r->retained.bytes;
		r->grown_blocks = (int64_t)r->retained.blocks;
		if (k < old->count && !compare_keys(&old->rows[k], r)) {
			r->grown_bytes -= (int64_t)old->rows[k].retained.bytes;
			r->grown_blocks -= (int64_t)old->rows[k].retained.blocks;
			k++;
		}
		if (r->grown_bytes > 0 || r->grown_blocks > 0)
			t->rows[kept++] = *r;
		else
			free(r->name);
	}
	t->count = kept;
	if (kept)
		qsort(t->rows, kept, sizeof(*t->rows), compare_growth);
}
