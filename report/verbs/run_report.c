/* run_report.c - see run_report.h. */
#include "run_report.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "analysis/blind.h"
#include "base/alloc.h"
#include "base/path.h"
#include "base/units.h"
#include "view/typed_scan.h"
#include "model/snapshot.h"
#include "print/misuse.h"
#include "print/summary.h"

#define LARGEST 3u                                  /* processes that are named by their size */
#define LEAKING 10u                                 /* processes that are named because they leak */
#define TYPES_MOST ((uint64_t)4 * TYPED_SCAN_QUICK) /* for the summary alone */
#define EXAMINED 200u /* processes whose blocks are classified for the summary alone */

/* Shorter than the absolute path where the file lies below the working folder. */
static const char *shorten(const char *path)
{
	static char folder[PATH_MAX];
	size_t bytes;

	if (!getcwd(folder, sizeof(folder)))
		return path;
	bytes = strlen(folder);
	return !strncmp(path, folder, bytes) && path[bytes] == '/' ? path + bytes + 1 : path;
}

bool run_report_is_last(const struct run_snapshot *s)
{
	return s->reason == REASON_EXIT || s->reason == REASON_ABORT || s->reason == REASON_SIGNAL
		|| s->reason == REASON_POST_MORTEM;
}

/* Another run with the same pattern and -f may have replaced the file. */
static int open_own(const struct run_snapshot *from, struct snapshot *s, struct tide_error *e)
{
	if (snapshot_open(from->path, s, e))
		return -1;
	if (s->process->pid == from->pid)
		return 0;
	snapshot_close(s);
	return error_set(e, EXIT_UNMEASURED,
		"%s is of another process|another run has replaced it|put %%p into the pattern of -o",
		from->path);
}

/* What is known of one process from its last snapshot. */
static void examine(struct run_process *p, const struct run_snapshot *from, uint64_t *types_left)
{
	struct tide_error e = { 0 };
	struct snapshot s;

	*p = (struct run_process){ .snapshot = from };
	if (open_own(from, &s, &e)) {
		p->why = alloc_printf("%s%s%s", e.what, *e.why ? ": " : "", e.why);
		return;
	}
	p->name = alloc_string(path_base(snapshot_string(&s, s.process->exe)));
	p->allocations = s.process->total_blocks + s.process->live_blocks;
	p->peak_bytes = s.process->peak_bytes;
	p->blind = blind_explain(&s);
	p->known = !summary_lost(&s, types_left, &p->lost, &e) && p->lost.known && !s.damaged;
	p->errors = misuse_total(&s);
	if (!p->known)
		p->why = alloc_printf("%s: %s", p->name,
			s.damaged              ? s.damage
				: *p->lost.why ? p->lost.why
					       : e.what);
	snapshot_close(&s);
}

void run_report_examine(struct run_report *r, bool all)
{
	const struct run_session *s = r->session;
	uint64_t types_left = all ? UINT64_MAX : TYPES_MOST;

	r->processes = alloc_zeroed(s->count + 1, sizeof(*r->processes));
	/* The program itself first, as long as time is left for types. */
	for (int others = 0; others <= 1; others++)
		for (size_t i = 0; i < s->count && (all || r->count < EXAMINED); i++)
			if ((s->snapshots[i].pid != r->pid) == others && run_report_is_last(&s->snapshots[i]))
				examine(&r->processes[r->count++], &s->snapshots[i], &types_left);
}

void run_report_free(struct run_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->processes[i].name);
		free(r->processes[i].blind);
		free(r->processes[i].why);
		free(r->processes[i].lost.text);
	}
	free(r->processes);
	r->processes = NULL;
	r->count = 0;
}

/* The program's own snapshot, else the first. The last one of its end counts, and before any of that those of moments
 * during the run: one that was asked for while the program ended may come later. */
static const struct run_snapshot *find_main(const struct run_session *s, int pid)
{
	const struct run_snapshot *found = NULL;

	for (size_t i = 0; i < s->count; i++)
		if (s->snapshots[i].pid == pid
			&& (!found || run_report_is_last(&s->snapshots[i]) || !run_report_is_last(found)))
			found = &s->snapshots[i];
	return found ? found : s->count ? &s->snapshots[0] : NULL;
}

static const struct run_process *find_process(const struct run_report *r, const struct run_snapshot *of)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->processes[i].snapshot == of)
			return &r->processes[i];
	return NULL;
}

/* One line about lost blocks; with several processes it names the one that it is about. */
static void print_lost(const struct run_report *r, const struct run_snapshot *of, struct snapshot *s)
{
	const struct run_process *p = find_process(r, of);
	struct summary_lost own = { 0 };
	const struct summary_lost *lost = p ? &p->lost : &own;
	uint64_t types_left = TYPED_SCAN_QUICK;
	struct tide_error e = { 0 };
	const char *name = r->count > 1 ? path_base(snapshot_string(s, s->process->exe)) : "";
	const char *colon = *name ? ": " : "";

	if (!p && summary_lost(s, &types_left, &own, &e))
		error_print(&e);
	if (lost->text)
		error_note("%s%s%s%s%s%s%s", name, colon, lost->text,
			lost->known ? "" : " (not sure: ", lost->known ? "" : lost->why,
			lost->known ? "" : ")", lost->plain ? TYPED_SCAN_PLAIN : "");
	else if (*lost->why)
		error_note("%s%slost blocks are not known: %s", name, colon, lost->why);
	free(own.text);
}

static int compare_sizes(const void *x, const void *y)
{
	const struct run_process *a = *(struct run_process *const *)x, *b = *(struct run_process *const *)y;

	if (a->peak_bytes != b->peak_bytes)
		return a->peak_bytes > b->peak_bytes ? -1 : 1;
	return (a->snapshot > b->snapshot) - (a->snapshot < b->snapshot);
}

static int compare_losses(const void *x, const void *y)
{
	const struct run_process *a = *(struct run_process *const *)x, *b = *(struct run_process *const *)y;

	if (a->lost.bytes != b->lost.bytes)
		return a->lost.bytes > b->lost.bytes ? -1 : 1;
	return (a->snapshot > b->snapshot) - (a->snapshot < b->snapshot);
}

/* The three largest processes, and each that leaks. Returns the snapshot to look at next. */
static const struct run_snapshot *print_processes(const struct run_report *r, const struct run_snapshot *main)
{
	struct run_process **order = alloc_bytes((r->count + 1) * sizeof(*order));
	const struct run_snapshot *next = main;
	char size[UNITS_TEXT], blocks[UNITS_TEXT], *largest = NULL;
	size_t leaking = 0;

	for (size_t i = 0; i < r->count; i++)
		order[i] = &r->processes[i];
	qsort(order, r->count, sizeof(*order), compare_sizes);
	for (size_t i = 0; i < r->count && i < LARGEST; i++) {
		char *longer = alloc_printf("%s%s %s (%d) %s", largest ? largest : "", largest ? "," : "",
			order[i]->name ? order[i]->name : "?", order[i]->snapshot->pid,
			units_bytes(size, (int64_t)order[i]->peak_bytes));

		free(largest);
		largest = longer;
	}
	error_note("%zu processes; the largest at their peak:%s", r->count, largest);
	free(largest);
	if (r->count)
		next = order[0]->snapshot;
	qsort(order, r->count, sizeof(*order), compare_losses);
	for (; leaking < r->count && order[leaking]->lost.blocks; leaking++) {
		struct run_process *p = order[leaking];

		if (!leaking)
			next = p->snapshot;
		if (leaking < LEAKING)
			error_note("%s (%d) lost %s in %s: %s", p->name, p->snapshot->pid,
				units_bytes(size, (int64_t)p->lost.bytes),
				units_many(blocks, (int64_t)p->lost.blocks, "block"),
				shorten(p->snapshot->path));
	}
	if (leaking > LEAKING)
		error_note("%zu more processes lost blocks", leaking - LEAKING);
	for (size_t i = 0; i < r->count; i++)
		if (r->processes[i].errors && r->processes[i].snapshot != main)
			error_note("%s (%d) made %s: %s", r->processes[i].name, r->processes[i].snapshot->pid,
				units_many(blocks, (int64_t)r->processes[i].errors, "error"),
				shorten(r->processes[i].snapshot->path));
	for (size_t i = 0; i < r->count; i++)
		if (r->processes[i].blind && r->processes[i].snapshot != main)
			error_note("warning: %s", r->processes[i].blind);
	free(order);
	return next;
}

static void print_unseen(const struct run_session *s)
{
	for (size_t i = 0; i < s->unseen_count && i < LARGEST; i++)
		error_note("warning: nothing was seen of %s", s->unseen[i]);
	if (s->unseen_count > LARGEST)
		error_note("warning: nothing was seen of %zu more programs", s->unseen_count - LARGEST);
}

static void print_others(const struct run_report *r, const struct run_snapshot *main)
{
	const struct run_session *s = r->session;

	if (s->count > 1)
		error_note("%zu snapshots; the program's own is %s", s->count, shorten(main->path));
	for (size_t i = 0; r->verbose && i < s->count; i++)
		error_note("  %s (process %d, %s)", shorten(s->snapshots[i].path), s->snapshots[i].pid,
			snapshot_reason(s->snapshots[i].reason));
	print_unseen(s);
	if (s->still_running)
		error_note("%zu process%s still run%s, and will leave snapshots when they end",
			s->still_running, s->still_running == 1 ? "" : "es",
			s->still_running == 1 ? "s" : "");
	if (*s->why.what)
		error_print(&s->why);
}

static bool has_findings(const struct run_report *r, const struct run_snapshot *of)
{
	const struct run_process *p = find_process(r, of);

	return p && (p->lost.blocks || p->errors);
}

void run_report(const struct run_report *r)
{
	const struct run_session *s = r->session;
	const struct run_snapshot *one = find_main(s, r->pid), *next = one;
	struct tide_error e = { 0 };
	struct snapshot snapshot;

	if (!one) {
		print_unseen(s);
		if (*s->why.what)
			error_print(&s->why);
		else if (!r->obstacle && !s->unseen_count)
			error_note("no snapshot was written; `tidemark doctor %s` may find the reason",
				r->program);
		return;
	}
	if (open_own(one, &snapshot, &e)) {
		error_print(&e);
		return;
	}
	summary_totals(stderr, &snapshot);
	misuse_lines(stderr, &snapshot);
	print_lost(r, one, &snapshot);
	summary_coverage(stderr, &snapshot);
	print_others(r, one);
	if (r->count > 1)
		next = print_processes(r, one);
	error_note("next: tidemark %s %s", has_findings(r, next) ? "leaks" : "stat", shorten(next->path));
	snapshot_close(&snapshot);
}

int run_report_leaks(const struct run_report *r, int code, bool allow_blind)
{
	const struct run_session *s = r->session;
	const char *why = NULL;
	char *unseen = NULL;
	uint64_t lost = 0, allocations = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct run_process *p = &r->processes[i];

		lost += p->lost.blocks;
		allocations += p->allocations;
		if (!why && !p->known)
			why = p->why;
		if (!why && !allow_blind)
			why = p->blind;
	}
	if (lost)
		return code;
	if (!r->count && !why && s->unseen_count)
		why = unseen = alloc_printf("nothing was seen of %s", s->unseen[0]);
	if (!r->count && !why)
		why = *s->why.what ? s->why.what : "no process left a snapshot";
	if (!allocations && !why && !allow_blind)
		why = "no allocation was seen";
	if (s->failed && !why)
		why = "of some processes nothing could be kept";
	if (s->still_running && !why)
		why = "processes of the run have not ended";
	if (!why && s->unseen_count && !allow_blind)
		why = unseen = alloc_printf("nothing was seen of %s", s->unseen[0]);
	if (!why)
		return 0;
	error_note("--leak-exit: cannot tell whether blocks are lost: %s", why);
	free(unseen);
	return RUN_FAILED;
}
