/* html_history.c - the report's older snapshots: what each site held at each. */
#include "html.h"

static void write_values(
	struct json *j, const char *name, const struct history *h, const struct history_row *r)
{
	json_open_array(j, name);
	for (size_t k = 0; k < h->moments; k++)
		json_number(j, NULL, r->value[k].bytes);
	json_close_array(j);
}

/* "rows" and "bytes" are parallel: the row of a site, and its bytes at each moment. */
void html_history(struct html *h)
{
	const struct history *all = &h->history;
	struct json *j = &h->json;

	if (all->moments < 2)
		return;
	json_open_object(j, "history");
	json_open_array(j, "elapsed_ns");
	for (size_t k = 0; k < all->moments; k++)
		json_number(j, NULL, (int64_t)all->moment[k].elapsed_ns);
	json_close_array(j);
	json_open_array(j, "live_bytes");
	for (size_t k = 0; k < all->moments; k++)
		json_number(j, NULL, all->moment[k].all.bytes);
	json_close_array(j);
	json_open_array(j, "rows");
	for (size_t i = 0; i < all->count; i++)
		json_number(j, NULL, html_row(h, all->row[i].site, false));
	json_close_array(j);
	json_open_array(j, "bytes");
	for (size_t i = 0; i < all->count; i++)
		write_values(j, NULL, all, &all->row[i]);
	json_close_array(j);
	write_values(j, "rest_bytes", all, &all->rest);
	json_number(j, "rest_sites", (int64_t)all->rest_sites);
	json_close_object(j);
}
