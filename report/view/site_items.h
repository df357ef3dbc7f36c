/* site_items.h - the sites of a view as items that diff.h compares. */
#ifndef TIDEMARK_SITE_ITEMS_H
#define TIDEMARK_SITE_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include "analysis/diff.h"
#include "symbol/site_key.h"
#include "view.h"

/* One item per kept site that has something of the measure, to be freed. `rebuilt`: with the names of their
 * ends, by which sites that moved are recognised. */
struct diff_item *site_items(const struct view *v, struct site_keys *keys, const struct view_pair *pair,
	bool rebuilt, size_t *count);

#endif
