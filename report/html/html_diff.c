/* html_diff.c - the report's differences against an older snapshot: the rows of `diff`. */
#include <stdlib.h>
#include "analysis/diff.h"
#include "html.h"
#include "symbol/site_key.h"
#include "view/site_items.h"

/* [kind, row, old bytes, old blocks, new bytes, new blocks], largest change first */
static void write_rows(
	struct html *h, const char *name, struct site_keys **keys, bool rebuilt, enum view_measure measure)
{
	const struct view_pair pair = view_pair_of(measure);
	struct json *j = &h->json;
	struct diff_item *item[2];
	size_t count[2];
	struct diff d;

	item[0] = site_items(&h->old, keys[0], &pair, rebuilt, &count[0]);
	item[1] = site_items(&h->view, keys[1], &pair, rebuilt, &count[1]);
	diff_make(&d, item[0], count[0], item[1], count[1], rebuilt);
	json_open_array(j, name);
	for (size_t i = 0; i < d.count; i++) {
		const struct diff_row *r = &d.row[i];
		bool old = r->new.origin == DIFF_NO_ORIGIN;

		json_open_array(j, NULL);
		json_number(j, NULL, r->kind);
		json_number(j, NULL, html_row(h, old ? r->old.origin : r->new.origin, old));
		json_number(j, NULL, r->old.bytes);
		json_number(j, NULL, r->old.blocks);
		json_number(j, NULL, r->new.bytes);
		json_number(j, NULL, r->new.blocks);
		json_close_array(j);
	}
	json_close_array(j);
	diff_free(&d);
	free(item[0]);
	free(item[1]);
}

void html_diff(struct html *h)
{
	static const enum view_measure others[] = { PEAK_BYTES, TOTAL_BYTES, TEMPORARY };
	struct json *j = &h->json;
	struct site_keys *keys[2];
	bool rebuilt;

	if (!h->has_old)
		return;
	keys[0] = site_keys_new(h->old.snapshot, h->old.symbols);
	keys[1] = site_keys_new(h->view.snapshot, h->view.symbols);
	rebuilt = !site_keys_exact(keys, 2);
	json_open_object(j, "diff");
	json_bool(j, "rebuilt", rebuilt);
	json_open_array(j, "kinds");
	for (int k = 0; k < DIFF_KINDS; k++)
		json_text(j, NULL, diff_kind_name(k));
	json_close_array(j);
	write_rows(h, "rows", keys, rebuilt, LIVE_BYTES);
	/* By other measures, where both snapshots know them. */
	json_open_object(j, "by");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (h->view.known & h->old.known & 1u << others[i])
			write_rows(h, view_measure_name(others[i]), keys, rebuilt, others[i]);
	json_close_object(j);
	json_close_object(j);
	site_keys_free(keys[0]);
	site_keys_free(keys[1]);
}
