/* gate_result.c - findings of a scenario: confirming, sorting, settling. See gate.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "gate.h"

const struct gate_kind_name gate_kind[GATE_KINDS] = {
	{ "leaked", "Lost blocks",
		"Nothing reaches these blocks any more: the last reference is gone "
		"and they were not freed." },
	{ "cycle", "Lost blocks that keep each other alive",
		"These blocks refer to each other, and nothing "
		"else refers to them: a reference count never falls to zero." },
	{ "growing", "A site that holds more and more",
		"The least number of live blocks rose in five "
		"windows of the run after its warm-up: something is added and never removed." },
	{ "over-budget", "More memory than the limit", "A limit of the gate file is exceeded." },
	{ "over-baseline", "More memory than the baseline",
		"More than the committed baseline and its "
		"allowance." },
	{ "expired", "A suppression past its date",
		"The suppression is void: fix the leak, or give a new "
		"date and say why." },
	{ "moved", "A site under a new name",
		"The same blocks and bytes as a site of the baseline that is "
		"gone. Not a failure." },
	{ "improved", "Better than the baseline", "Lower the baseline with --ratchet, so that it stays so." },
	{ "suppressed", "Suppressed", "Left out on purpose, for the reason given." },
	{ "flaky", "Failed once, not twice", "The second run did not fail for this site." },
	{ "unused-suppression", "A suppression that matched nothing", "Delete it: what it covered is gone." },
	{ "cannot-measure", "Could not be measured",
		"No verdict: the measurement is missing or incomplete." },
	{ "error", "An error with memory",
		"A block is freed twice, a pointer is freed that malloc never returned or that leads into a block, or a "
		"block is freed by a function that does not belong to the one that allocated it." },
};

const char *gate_verdict_name(enum gate_verdict v)
{
	return v == GATE_PASS ? "pass" : v == GATE_FAIL ? "fail" : "cannot-measure";
}

struct gate_finding *gate_finding_add(struct gate_result *r, enum gate_kind kind, bool fails)
{
	struct gate_finding *f = ARRAY_ADD(r->findings, r->finding_count, r->finding_capacity);

	*f = (struct gate_finding){ .kind = kind, .fails = fails, .limit_key = -1, .site = GATE_NO_SITE };
	return f;
}

static void free_stack(struct gate_stack *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->frame[i].function), free(s->frame[i].file);
		free(s->frame[i].module), free(s->frame[i].language);
	}
	free(s->frame), free(s->snapshot);
}

void gate_result_free(struct gate_result *r)
{
	for (size_t i = 0; i < r->finding_count; i++) {
		struct gate_finding *f = &r->findings[i];

		free(f->message), free(f->limit), free(f->key), free(f->function);
		free(f->type), free(f->file), free(f->owner), free(f->suppression);
		free_stack(&f->stack);
	}
	for (size_t i = 0; i < r->snapshot_count; i++)
		free(r->snapshots[i]);
	free(r->scenario), free(r->reason), free(r->snapshots), free(r->findings);
	memset(r, 0, sizeof *r);
}

/* Whether `other` is the same failure: same site, or the same limit of the whole. */
static bool is_same_failure(const struct gate_finding *f, const struct gate_finding *other)
{
	if (!other->fails)
		return false;
	if (f->key && other->key)
		return !strcmp(f->key, other->key);
	return !f->key && !other->key && f->kind == other->kind && f->limit_key == other->limit_key;
}

void gate_confirm(struct gate_result *r, struct gate_result *again)
{
	size_t had = r->snapshot_count;

	/* A second run that could not be measured confirms nothing and clears nothing. */
	if (again->verdict == GATE_UNMEASURED) {
		free(r->reason);
		r->reason = alloc_printf("the second run: %s", again->reason);
		gate_finding_add(r, GATE_KIND_UNMEASURED, true)->message = alloc_string(r->reason);
	}
	for (size_t i = 0; i < r->finding_count && again->verdict != GATE_UNMEASURED; i++) {
		struct gate_finding *f = &r->findings[i];
		bool confirmed = false;
		char *message;

		for (size_t k = 0; k < again->finding_count && f->fails; k++)
			confirmed |= is_same_failure(f, &again->findings[k]);
		if (!f->fails || confirmed)
			continue;
		message = alloc_printf("%s: %s; not so when run again", gate_kind[f->kind].name, f->message);
		free(f->message);
		f->message = message;
		f->kind = GATE_KIND_FLAKY;
		f->fails = false;
	}
	r->snapshots =
		alloc_resize_array(r->snapshots, had + again->snapshot_count + 1, sizeof *r->snapshots);
	for (size_t i = 0; i < again->snapshot_count; i++)
		r->snapshots[r->snapshot_count++] = again->snapshots[i];
	again->snapshot_count = 0;
	r->elapsed_ms += again->elapsed_ms;
	gate_result_free(again);
	gate_settle(r);
}

void gate_judge_suppressions(
	const struct gate_config *c, struct gate_result *r, size_t count, const bool *used, uint32_t today)
{
	bool all_measured = true;

	if (!count)
		return;
	for (size_t i = 0; i < count; i++)
		all_measured &= r[i].verdict != GATE_UNMEASURED;
	for (size_t i = 0; i < c->suppression_count; i++) {
		const struct gate_suppression *s = &c->suppressions[i];
		bool expired = s->until && today >= s->until;
		struct gate_finding *f;

		/* Expired ones go to the first scenario; unused ones are known only after the last. */
		if (!expired && (used[i] || !all_measured))
			continue;
		f = gate_finding_add(expired ? &r[0] : &r[count - 1],
			expired ? GATE_KIND_EXPIRED : GATE_KIND_UNUSED, expired);
		f->suppression = alloc_string(s->name);
		f->config_line = s->line;
		if (expired)
			f->message = alloc_printf(
				"suppression `%s` expired on %04u-%02u-%02u (%s): fix the leak, "
				"or give a new date",
				s->name, s->until / 10000, s->until / 100 % 100, s->until % 100, s->why);
		else
			f->message = alloc_printf("suppression `%s` matched nothing: delete it", s->name);
	}
	gate_settle(&r[0]);
	gate_settle(&r[count - 1]);
}

void gate_strict(struct gate_result *r)
{
	for (size_t i = 0; i < r->finding_count; i++) {
		enum gate_kind k = r->findings[i].kind;

		if (k == GATE_KIND_FLAKY || k == GATE_KIND_UNUSED || k == GATE_KIND_IMPROVED)
			r->findings[i].fails = true;
	}
	gate_settle(r);
}

static int compare_findings(const void *x, const void *y)
{
	const struct gate_finding *a = x, *b = y;
	int order;

	if (a->fails != b->fails)
		return a->fails ? -1 : 1;
	if (!a->fails && a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	order = strcmp(a->function ? a->function : "", b->function ? b->function : "");
	if (!order)
		order = strcmp(a->key ? a->key : "", b->key ? b->key : "");
	return order ? order : (int)a->kind - (int)b->kind;
}

void gate_sort(struct gate_result *r)
{
	if (r->finding_count)
		qsort(r->findings, r->finding_count, sizeof *r->findings, compare_findings);
}

void gate_settle(struct gate_result *r)
{
	r->verdict = GATE_PASS;
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].fails)
			r->verdict = GATE_FAIL;
	if (r->reason)
		r->verdict = GATE_UNMEASURED;
	gate_sort(r);
}

int gate_status(const struct gate_result *r, size_t count)
{
	int status = EXIT_FINE;

	for (size_t i = 0; i < count; i++) {
		if (r[i].verdict == GATE_UNMEASURED)
			return EXIT_UNMEASURED;
		if (r[i].verdict == GATE_FAIL)
			status = EXIT_FINDINGS;
	}
	/* Nothing judged is not a pass. */
	return count ? status : EXIT_UNMEASURED;
}
