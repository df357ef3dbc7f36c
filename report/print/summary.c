/* summary.c - totals, lost blocks and coverage in a line each: summary.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/path.h"
#include "base/text.h"
#include "analysis/blind.h"
#include "analysis/leaks.h"
#include "model/missed.h"
#include "header.h"
#include "summary.h"
#include "base/units.h"
#include "view/typed_scan.h"

#define GROUPS_MOST 2000000u /* blocks: above, the line does without counts of leaks */
#define FEW 100u             /* events that go unseen while any program starts */

int summary_lost(struct snapshot *s, uint64_t *left, struct summary_lost *out, struct tide_error *e)
{
	struct leaks_options options = { .totals_only = s->block_count > GROUPS_MOST };
	struct leaks l;

	*out = (struct summary_lost){ 0 };
	if (!s->process->references) {
		const char *why = snapshot_string(s, s->process->incomplete_why);

		snprintf(out->why, sizeof(out->why), "%s",
			*why ? why : "the snapshot was taken without references");
		return 0;
	}
	snapshot_verify(s);
	out->plain = !typed_scan_within(s, NULL, left);
	memset(&l, 0, sizeof(l));
	if (leaks_classify(s, &options, &l, e))
		return -1;
	out->known = l.complete;
	out->blocks = l.lost.blocks;
	out->bytes = l.lost.bytes;
	if (options.totals_only) {
		char bytes[UNITS_TEXT], blocks[UNITS_TEXT];

		out->text = l.lost.blocks
			? alloc_printf("%s lost in %s", units_bytes(bytes, (int64_t)l.lost.bytes),
				units_many(blocks, (int64_t)l.lost.blocks, "block"))
			: alloc_string("nothing is lost");
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

	char *name = alloc_string(path_base(snapshot_string(s, p->exe)));

	text_clean(name);
	fprintf(out, "tidemark: %s: %s live in %s at the end, peak %s; %s, %s%s\n", name,
		units_bytes(live, (int64_t)p->live_bytes),
		units_many(blocks, (int64_t)p->live_blocks, "block"),
		units_bytes(peak, (int64_t)p->peak_bytes),
		units_many(events, (int64_t)p->total_blocks, "allocation"),
		units_bytes(total, (int64_t)p->total_bytes),
		p->sample_bytes ? " (estimated from samples)" : "");
	free(name);
}

static unsigned print_warning(FILE *out, const char *text)
{
	char *clean = alloc_string(text);

	text_clean(clean);
	fprintf(out, "tidemark: warning: %s\n", clean);
	free(clean);
	return 1;
}

unsigned summary_coverage(FILE *out, const struct snapshot *s)
{
	size_t count;
	const struct missed_counter *counters = missed_counters(&count);
	const struct tide_process *p = s->process;
	uint64_t missed = 0, truncated = snapshot_value(s, "missed.truncated");
	uint64_t folded = snapshot_value(s, "missed.folded");
	char text[768], share[UNITS_TEXT], *blind;
	unsigned n = 0;

	if (s->damaged) {
		snprintf(text, sizeof(text), "the snapshot is damaged: %s", s->damage);
		n += print_warning(out, text);
	}
	blind = blind_explain(s);
	if (blind)
		n += print_warning(out, blind);
	else if (!p->total_blocks && !p->sample_bytes)
		n += print_warning(
			out, "no allocation was seen; `tidemark doctor PROGRAM` may find the reason");
	free(blind);
	for (size_t i = 0; i < count; i++)
		if (counters[i].events)
			missed += snapshot_value(s, counters[i].name);
	if (missed > FEW && missed * 100 > p->total_blocks) {
		snprintf(text, sizeof(text),
			"%s of the allocations and frees have no call stack; "
			"`tidemark info FILE` shows why",
			units_percent(share, (double)missed, (double)p->total_blocks));
		n += print_warning(out, text);
	}
	if (folded) {
		snprintf(text, sizeof(text), "%s %s", units_count(share, (int64_t)folded),
			header_missed("missed.folded", folded));
		n += print_warning(out, text);
	}
	if (truncated > FEW && truncated * 20 > p->total_blocks) {
		snprintf(text, sizeof(text), "%s of the call stacks are incomplete",
			units_percent(share, (double)truncated, (double)p->total_blocks));
		n += print_warning(out, text);
	}
	return n;
}
