/* leaks_view.c - see leaks_view.h. */
#include "leaks_view.h"

void leaks_view_close(struct leaks_view *v)
{
	leaks_free(&v->leaks);
	leaks_free(&v->old_leaks);
	declared_free(&v->declared);
	suppress_free(v->suppress);
	symbols_free(v->symbols);
	symbols_free(v->old_symbols);
	if (v->snapshot.process)
		snapshot_close(&v->snapshot);
	if (v->old.process)
		snapshot_close(&v->old);
}

size_t leaks_view_next_record(const struct leaks_view *v, size_t i)
{
	for (; i < v->leaks.record_count; i++) {
		const struct leak_record *r = &v->leaks.records[i];
		bool shown = v->show[r->kind] || LEAK_IS_LOST(r->kind)
			|| (r->kind == LEAK_POSSIBLE && v->possible);

		if (shown && (r->suppression < 0 || v->show_suppressed))
			break;
	}
	return i;
}

size_t leaks_view_next_group(const struct leaks_view *v, size_t i)
{
	for (; i < v->leaks.group_count; i++) {
		const struct leak_group *g = &v->leaks.groups[i];

		if (g->suppression >= 0 ? v->show_suppressed : g->retained_blocks > 0)
			break;
	}
	return i;
}
