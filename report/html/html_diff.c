/* html_diff.c - the report's differences against an older snapshot: the rows of `diff`. */
#include <stdlib.h>
#include "analysis/diff.h"
#include "html.h"
#include "symbol/site_key.h"
#include "view/site_items.h"

void html_diff(struct html *h)
{
	const struct view_pair live = view_pair_of(LIVE_BYTES);
	struct json *j = &h->json;
	struct site_keys *keys[2];
	struct diff_item *item[2];
	size_t count[2];
	struct diff d;
	bool rebuilt;

	if (!h->has_old)
		return;
	keys[0] = site_keys_new(h->old.snapshot, h->old.symbols);
	keys[1] = site_keys_new(h->view.snapshot, h->view.symbols);
	rebuilt = !site_keys_exact(keys, 2);
	item[0] = site_items(&h->old, keys[0], &live, rebuilt, &count[0]);
	item[1] = site_items(&h->view, keys[1], &live, rebuilt, &count[1]);
	diff_make(&d, item[0], count[0], item[1], count[1], rebuilt);
	/* [kind, row, old bytes, old blocks, new bytes, new blocks], largest change first */
	json_open_object(j, "diff");
	json_bool(j, "rebuilt", rebuilt);
	json_open_array(j, "kinds");
	for (int k = 0; k < DIFF_KINDS; k++)
		json_text(j, NULL, diff_kind_name(k));
	json_close_array(j);
	json_open_array(j, "rows");
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
	json_close_object(j);
	diff_free(&d);
	for (int i = 0; i < 2; i++) {
		free(item[i]);
		site_keys_free(keys[i]);
	}
}
