/* site_items.c - see site_items.h. */
#include "base/alloc.h"
#include "site_items.h"

struct diff_item *site_items(const struct view *v, struct site_keys *keys, const struct view_pair *pair,
	bool rebuilt, size_t *count)
{
	struct diff_item *item = alloc_zeroed(v->kept_count + 1, sizeof(*item));

	*count = 0;
	for (uint32_t site = 0; site < v->snapshot->site_count; site++) {
		struct diff_item *i = &item[*count];

		if (!v->kept[site])
			continue;
		i->bytes = view_value(&v->site[site], pair->bytes);
		i->blocks = view_value(&v->site[site], pair->blocks);
		/* Names are looked up only for sites that can be part of the answer. */
		if (!i->bytes && !i->blocks)
			continue;
		i->key = site_key(keys, site);
		if (rebuilt)
			site_key_ends(keys, site, &i->leaf, &i->caller);
		i->origin = site;
		(*count)++;
	}
	return item;
}
