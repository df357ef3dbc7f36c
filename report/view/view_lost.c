/* view_lost.c - lost memory as a measure of sites (view.h). */
#include <stdlib.h>
#include "analysis/leaks.h"
#include "base/error.h"
#include "typed_scan.h"
#include "view.h"

int view_find_lost(struct view *v, struct suppress *suppress, struct tide_error *e)
{
	const struct snapshot *s = v->snapshot;
	struct leaks_options o = { .symbols = v->symbols, .suppress = suppress, .totals_only = true };
	struct leaks l;
	int bad = 0;

	if (!s->process->references)
		return error_set(e, EXIT_UNMEASURED,
			"cannot determine what is lost in %s|it has no references|take it without "
			"--no-references, and from a process that runs",
			s->path ? s->path : "the snapshot");
	if (v->span.given || v->by_thread)
		return error_set(e, EXIT_USAGE,
			"cannot determine what is lost|marks, ages and threads select here|tidemark leaks "
			"takes --since, --until and thread: filters");
	snapshot_verify(v->snapshot);
	typed_scan(v->snapshot, v->symbols);
	if (leaks_classify(s, &o, &l, e))
		return -1;
	for (size_t i = 0; i < l.record_count; i++) {
		const struct leak_record *r = &l.records[i];
		struct measures lost = {
			.of = { [LOST_BYTES] = (int64_t)r->bytes, [LOST_BLOCKS] = (int64_t)r->blocks }
		};

		if (!LEAK_IS_LOST(r->kind) || r->suppression >= 0 || r->site >= s->site_count
			|| !v->kept[r->site])
			continue;
		measures_add(&v->site[r->site], &lost);
		measures_add(&v->total, &lost);
	}
	v->known |= 1u << LOST_BYTES | 1u << LOST_BLOCKS;
	if (!l.complete)
		bad = error_set(e, EXIT_UNMEASURED, "cannot determine what is lost in %s|%s|",
			s->path ? s->path : "the snapshot", l.why);
	leaks_free(&l);
	return bad;
}
