/* html_diff.c - the report's differences against an older snapshot: the rows of `diff`. */
#include <inttypes.h>
#include <stdlib.h>
#include "diff.h"
#include "html.h"
#include "site_key.h"

void html_diff(struct html *h)
{
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
	item[0] = site_key_items(&h->old, keys[0], rebuilt, &count[0]);
	item[1] = site_key_items(&h->view, keys[1], rebuilt, &count[1]);
	diff_make(&d, item[0], count[0], item[1], count[1], rebuilt);
	/* [kind, row, old bytes, old blocks, new bytes, new blocks], largest change first */
	fprintf(h->out, "\"diff\":{\"rebuilt\":%s,\"kinds\":[", rebuilt ? "true" : "false");
	for (int k = 0; k < DIFF_KINDS; k++)
		fprintf(h->out, "%s\"%s\"", k ? "," : "", diff_kind_name(k));
	fputs("],\"rows\":[", h->out);
	for (size_t i = 0; i < d.count; i++) {
		const struct diff_row *r = &d.row[i];
		bool old = r->new.origin == DIFF_NO_ORIGIN;

		fprintf(h->out, "%s[%d,%" PRIu32 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "]", i ? ",\n" : "",
			(int)r->kind, html_row(h, old ? r->old.origin : r->new.origin, old), r->old.bytes, r->old.blocks,
			r->new.bytes, r->new.blocks);
	}
	fputs("]},\n", h->out);
	diff_free(&d);
	for (int i = 0; i < 2; i++) {
		free(item[i]);
		site_keys_free(keys[i]);
	}
}
