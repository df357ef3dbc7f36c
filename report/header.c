/* header.c - see header.h. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "header.h"
#include "leaks.h"
#include "shim/ledger.h"
#include "units.h"

/* Below these a gap is not worth a line above every report; `info` has it all the same.
 * The loader alone makes a dozen allocations before anybody can look. */
#define SHARE_MISSED 0.01
#define COUNT_MISSED 100u
#define SHARE_BROKEN 0.02
#define SHARE_WITHOUT_SOURCE 0.3

static const struct { const char *name, *text; bool always; } missed[] = {
	{ "missed.nested", "events came from signal handlers inside the profiler: they have no stack", false },
	{ "missed.early", "events came before the profiler was ready", false },
	{ "missed.sites_full", "events have no stack: the table of sites was full", true },
	{ "missed.threads_full", "threads have no record of their own: the table was full", false },
	{ "missed.blocks", "blocks were not entered: no memory for the block map", true },
	{ "missed.frees", "frees were not seen", false },
	{ "missed.foreign_frees", "frees of blocks that were never seen being made", false },
	{ "missed.truncated", "stacks end early: no rule leads further", false },
	{ "missed.modules_full", "libraries have no name: the table was full", true },
	{ "missed.strings_full", "names were not kept: the table was full", true },
	{ "missed.mappings_full", "mappings were not entered: the table was full", true },
	{ "missed.timeline", "points of the timeline were left out", false },
	{ "missed.no_memory", "times the profiler could not get memory", true },
	{ "missed.snapshots", "snapshots were asked for and not taken", true },
	{ "missed.fork_tables", "forked children could not be followed", true },
	{ "missed.seccomp", "steps were left out because of a seccomp filter", false },
	{ "missed.rounds", "entries of rounds were not noted", false },
};

const char *header_missed(const char *name)
{
	for (size_t i = 0; i < sizeof(missed) / sizeof(missed[0]); i++)
		if (!strcmp(name, missed[i].name))
			return missed[i].text;
	return NULL;
}

static void warn(struct screen *s, unsigned *count, const char *text)
{
	screen_paragraph(s, STYLE_WARNING, "warning: ", "%s", text);
	(*count)++;
}

static void warn_missed(struct screen *s, const struct snapshot *snapshot, unsigned *count)
{
	double events = (double)snapshot->process->total_blocks;
	char number[UNITS_TEXT], *text;

	for (size_t i = 0; i < sizeof(missed) / sizeof(missed[0]); i++) {
		uint64_t n = snapshot_value(snapshot, missed[i].name);

		if (!n || !(missed[i].always || (n > COUNT_MISSED && (double)n > events * SHARE_MISSED)))
			continue;
		/* Told by sites and blocks, in warn_stacks. */
		if (!strcmp(missed[i].name, "missed.truncated") && snapshot->site_count)
			continue;
		text = memory_printf("%s %s", units_count(number, (int64_t)n), missed[i].text);
		warn(s, count, text);
		free(text);
	}
}

static void warn_stacks(struct screen *s, const struct snapshot *snapshot,
	const struct symbols *symbols, unsigned *count)
{
	uint64_t all = 0, broken = 0;
	char share[UNITS_TEXT], *text;

	for (size_t i = 0; i < snapshot->site_count; i++) {
		all += snapshot->sites[i].total_blocks;
		if (snapshot->sites[i].flags & LEDGER_SITE_BROKEN)
			broken += snapshot->sites[i].total_blocks;
	}
	if ((double)broken > (double)all * SHARE_BROKEN) {
		text = memory_printf("the stacks of %s of the allocations end early (code without unwind "
			"tables): their outer callers are unknown", units_percent(share, (double)broken, (double)all));
		warn(s, count, text);
		free(text);
	}
	if (symbols && symbols_without_source(symbols) > SHARE_WITHOUT_SOURCE) {
		text = memory_printf("%s of the frames shown have no file and line: build with -g, install "
			"debug packages (-dbgsym), or set DEBUGINFOD_URLS",
			units_percent(share, symbols_without_source(symbols), 1));
		warn(s, count, text);
		free(text);
	}
}

unsigned header_warnings(struct screen *s, const struct snapshot *snapshot,
	const struct symbols *symbols)
{
	const struct tide_process *p = snapshot->process;
	char size[UNITS_TEXT], *text;
	unsigned count = 0;

	if (snapshot->damaged) {
		text = memory_printf("the file is damaged (%s): what follows is what is whole",
			snapshot->damage);
		warn(s, &count, text);
		free(text);
	}
	if (p->flags & LEDGER_FLAG_OWN_MALLOC)
		warn(s, &count, "the program brings an allocator of its own: what that hands out is not seen here");
	if (p->flags & LEDGER_FLAG_SAMPLED || p->sample_bytes) {
		text = memory_printf("all numbers are estimates: one sample every %s",
			units_bytes(size, (int64_t)p->sample_bytes));
		warn(s, &count, text);
		free(text);
	}
	warn_missed(s, snapshot, &count);
	for (size_t i = 0; i < snapshot->warning_count; i++) {
		const char *what = snapshot_string(snapshot, snapshot->warnings[i].text);
		const char *hint = snapshot_string(snapshot, snapshot->warnings[i].hint);

		text = memory_printf("%s%s%s", what, *hint ? "; " : "", hint);
		warn(s, &count, text);
		free(text);
	}
	warn_stacks(s, snapshot, symbols, &count);
	for (size_t i = 0; symbols && symbols_warning(symbols, i); i++)
		warn(s, &count, symbols_warning(symbols, i));
	return count;
}

char *header_reason(const struct snapshot *snapshot)
{
	const struct tide_process *p = snapshot->process;

	switch (p->reason) {
	case REASON_EXIT:
		return p->exit_status >= 0 ? memory_printf("at exit, status %d", p->exit_status) :
			memory_string("at exit");
	case REASON_EXEC: return memory_string("before exec");
	case REASON_ABORT: return memory_string("at abort");
	case REASON_SIGNAL:
		return p->exit_signal ? memory_printf("on fatal signal %u (SIG%s)", p->exit_signal,
			p->exit_signal < 64 && sigabbrev_np((int)p->exit_signal) ?
			sigabbrev_np((int)p->exit_signal) : "?") : memory_string("on a fatal signal");
	case REASON_MARK: return memory_string("at a mark");
	case REASON_API: return memory_string("asked for by the program");
	case REASON_TIMER: return memory_string("by the timer");
	case REASON_CONDITION: return memory_string("on a condition");
	case REASON_REQUEST: return memory_string("asked for while it ran");
	case REASON_POST_MORTEM: return memory_string("after its death, from what was left");
	default: return memory_string("for an unknown reason");
	}
}

static void line_lead(struct screen *s, const char *label)
{
	screen_print(s, STYLE_DIM, "%-9s", label);
}

static const char *command_of(const struct snapshot *snapshot)
{
	const char *command = snapshot_string(snapshot, snapshot->process->command);

	return *command ? command : snapshot_string(snapshot, snapshot->process->exe);
}

/* "at exit, status 0 after 1.2 s, process 7, 2026-01-31 12:34:56". To free. */
static char *moment(const struct snapshot *snapshot)
{
	const struct tide_process *p = snapshot->process;
	char after[UNITS_TEXT], date[UNITS_TEXT], *reason = header_reason(snapshot), *text;

	text = memory_printf("%s after %s, process %d, %s", reason, units_duration(after, p->elapsed_ns),
		p->pid, units_date(date, p->taken_wall_ns));
	free(reason);
	return text;
}

void header_side(struct screen *s, const char *label, const struct snapshot *snapshot)
{
	char date[UNITS_TEXT], *reason = header_reason(snapshot), *when, *fitted;
	unsigned room = s->width > 9 ? s->width - 9 : 1, used;

	when = memory_printf(", %s, %s", units_date(date, snapshot->process->taken_wall_ns), reason);
	free(reason);
	if (!s->quiet) {
		/* The moment tells two runs of one command apart: the command gives way, to a point. */
		used = screen_columns(s, when);
		fitted = screen_fit(s, command_of(snapshot), used + 12 < room ? room - used : 12, FIT_MIDDLE);
		line_lead(s, label);
		screen_print(s, STYLE_STRONG, "%s", fitted);
		used = screen_columns(s, fitted);
		free(fitted);
		fitted = screen_fit(s, when, used < room ? room - used : 1, FIT_END);
		fprintf(s->out, "%s\n", fitted);
		free(fitted);
	}
	free(when);
}

void header_who(struct screen *s, const struct snapshot *snapshot)
{
	const struct tide_process *p = snapshot->process;
	char a[UNITS_TEXT], b[UNITS_TEXT], c[UNITS_TEXT];
	char *text, *fitted;

	if (s->quiet)
		return;
	fitted = screen_fit(s, command_of(snapshot), s->width - 9, FIT_END);
	line_lead(s, "program");
	screen_print(s, STYLE_STRONG, "%s\n", fitted);
	free(fitted);

	text = moment(snapshot);
	fitted = screen_fit(s, text, s->width - 9, FIT_END);
	line_lead(s, "snapshot");
	fprintf(s->out, "%s\n", fitted);
	free(fitted);
	free(text);

	units_bytes(a, p->live_bytes < INT64_MAX ? (int64_t)p->live_bytes : 0);
	text = memory_printf(" in %s; at the peak ", units_many(b, (int64_t)p->live_blocks, "block"));
	units_bytes(c, (int64_t)p->peak_bytes);
	line_lead(s, "live");
	screen_print(s, STYLE_STRONG, "%s", a);
	if (9 + strlen(a) + strlen(text) + strlen(c) <= s->width) {
		unsigned used = (unsigned)(9 + strlen(a) + strlen(text) + strlen(c));

		fputs(text, s->out);
		screen_print(s, STYLE_STRONG, "%s", c);
		units_duration(a, p->peak_elapsed_ns);
		if (p->peak_elapsed_ns && used + strlen(", after ") + strlen(a) <= s->width)
			fprintf(s->out, ", after %s", a);
	}
	fputc('\n', s->out);
	free(text);
}

static void line_text(struct screen *s, const char *label, char *text)
{
	char *fitted = screen_fit(s, text, s->width - 9, FIT_END);

	line_lead(s, label);
	fprintf(s->out, "%s\n", fitted);
	free(fitted);
	free(text);
}

void header_print(struct screen *s, const struct snapshot *snapshot)
{
	const struct tide_process *p = snapshot->process;
	char a[UNITS_TEXT], b[UNITS_TEXT], c[UNITS_TEXT];

	header_who(s, snapshot);
	if (s->quiet)
		return;
	units_percent(c, (double)p->temporary, (double)p->total_blocks);
	line_text(s, "total", memory_printf("%s in %s%s%s%s", units_bytes(a, (int64_t)p->total_bytes),
		units_many(b, (int64_t)p->total_blocks, "allocation"), p->total_blocks ? ", " : "",
		p->total_blocks ? c : "", p->total_blocks ? " temporary" : ""));
	if (!p->rss_bytes)
		return;
	units_bytes(c, (int64_t)p->own_bytes);
	line_text(s, "memory", memory_printf("%s resident, %s of it tracked%s%s%s", units_bytes(a, (int64_t)p->rss_bytes),
		units_percent(b, (double)p->live_bytes, (double)p->rss_bytes), p->own_bytes ? ", " : "",
		p->own_bytes ? c : "", p->own_bytes ? " the profiler's own" : ""));
}

#define LOST_BLOCKS_MOST 300000u	/* about a fifth of a second */

int64_t header_lost(struct screen *s, const struct snapshot *snapshot, struct symbols *symbols)
{
	struct leaks_options options = { .symbols = symbols, .totals_only = true };
	char bytes[UNITS_TEXT], blocks[UNITS_TEXT];
	struct tide_error e;
	struct leaks l;
	int64_t lost;

	if (s->quiet || !snapshot->process->references || snapshot->block_count > LOST_BLOCKS_MOST)
		return -1;
	memset(&l, 0, sizeof(l));
	if (leaks_classify(snapshot, &options, &l, &e))
		return -1;
	line_lead(s, "lost");
	if (l.lost.blocks)
		screen_print(s, STYLE_BAD, "%s in %s", units_bytes(bytes, (int64_t)l.lost.bytes),
			units_many(blocks, (int64_t)l.lost.blocks, "block"));
	else
		screen_print(s, l.complete ? STYLE_GOOD : STYLE_PLAIN, "nothing");
	fprintf(s->out, "%s\n", l.complete ? "" : ", but the check is not complete: see `tidemark leaks`");
	lost = l.complete || l.lost.blocks ? (int64_t)l.lost.blocks : -1;
	leaks_free(&l);
	return lost;
}

int header_code(const struct snapshot *snapshot)
{
	if (!snapshot->damaged)
		return EXIT_FINE;
	fprintf(stderr, "tidemark: %s is damaged: %s; the numbers above are not the whole truth\n",
		snapshot->path ? snapshot->path : "the snapshot", snapshot->damage);
	return EXIT_UNMEASURED;
}
