/* summary.c - totals, lost blocks and coverage in a line each: summary.h. */
#include <stdlib.h>
#include <string.h>
#include "../shim/ledger.h"
#include "leaks.h"
#include "summary.h"
#include "units.h"

#define GROUPS_MOST 2000000u		/* blocks: above, the line does without counts of leaks */
#define FEW 100u			/* events that go unseen while any program starts */

static const char *short_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int summary_lost(const struct snapshot *s, struct summary_lost *out, struct tide_error *e)
{
	struct leaks_options options = { .totals_only = s->block_count > GROUPS_MOST };
	struct leaks l;

	*out = (struct summary_lost) { 0 };
	if (!s->process->references) {
		const char *why = snapshot_string(s, s->process->incomplete_why);

		snprintf(out->why, sizeof(out->why), "%s", *why ? why : s->process->sample_bytes ?
			"samples say who allocated, not who holds" : "only counters were asked for");
		return 0;
	}
	memset(&l, 0, sizeof(l));
	if (leaks_classify(s, &options, &l, e))
		return -1;
	out->known = l.complete;
	out->blocks = l.lost.blocks;
	out->bytes = l.lost.bytes;
	if (options.totals_only) {
		char bytes[UNITS_TEXT], blocks[UNITS_TEXT];

		out->text = l.lost.blocks ? memory_printf("%s lost in %s blocks",
			units_bytes(bytes, (int64_t)l.lost.bytes),
			units_count(blocks, (int64_t)l.lost.blocks)) : memory_string("nothing is lost");
	} else {
		out->text = leaks_summary(&l);
	}
	snprintf(out->why, sizeof(out->why), "%s", l.why);
	leaks_free(&l);
	return 0;
}

void summary_totals(FILE *out, const struct snapshot *s)
{
	const struct tide_process *p = s->process;
	char live[UNITS_TEXT], blocks[UNITS_TEXT], peak[UNITS_TEXT], events[UNITS_TEXT], total[UNITS_TEXT];

	fprintf(out, "tidemark: %s: %s live in %s at the end, peak %s; %s, %s%s\n",
		short_name(snapshot_string(s, p->exe)), units_bytes(live, (int64_t)p->live_bytes),
		units_many(blocks, (int64_t)p->live_blocks, "block"), units_bytes(peak, (int64_t)p->peak_bytes),
		units_many(events, (int64_t)p->total_blocks, "allocation"), units_bytes(total, (int64_t)p->total_bytes),
		p->sample_bytes ? " (estimated from samples)" : "");
}

static unsigned warn(FILE *out, const char *text)
{
	fprintf(out, "tidemark: warning: %s\n", text);
	return 1;
}

unsigned summary_coverage(FILE *out, const struct snapshot *s)
{
	static const char *const events[] = { "missed.nested", "missed.early", "missed.sites_full",
		"missed.blocks", "missed.foreign_frees" };
	const struct tide_process *p = s->process;
	uint64_t missed = 0, truncated = snapshot_value(s, "missed.truncated");
	char text[768], share[UNITS_TEXT];
	unsigned n = 0;

	if (s->damaged) {
		snprintf(text, sizeof(text), "the snapshot is damaged: %s", s->damage);
		n += warn(out, text);
	}
	if (p->flags & LEDGER_FLAG_OWN_MALLOC)
		n += warn(out, "the program brings an allocator of its own: its calls were not seen");
	else if (!p->total_blocks)
		n += warn(out, "no allocation was seen; `tidemark doctor PROGRAM` tells what may be wrong");
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		missed += snapshot_value(s, events[i]);
	if (missed > FEW && missed * 100 > p->total_blocks) {
		snprintf(text, sizeof(text), "%s of the allocations and frees have no call stack; "
			"`tidemark info FILE` tells why",
			units_percent(share, (double)missed, (double)p->total_blocks));
		n += warn(out, text);
	}
	if (truncated > FEW && truncated * 20 > p->total_blocks) {
		snprintf(text, sizeof(text), "%s of the call stacks end early",
			units_percent(share, (double)truncated, (double)p->total_blocks));
		n += warn(out, text);
	}
	return n;
}
