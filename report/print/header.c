/* header.c - see header.h. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/waste_rest.h"
#include "base/alloc.h"
#include "base/path.h"
#include "base/system.h"
#include "header.h"
#include "base/units.h"
#include "analysis/blind.h"
#include "model/missed.h"
#include "symbol/name.h"
#include "symbol/symbol_package.h"

/* Below these a gap is not worth a line above every report; `info` has it all the same.
 * The loader alone makes a dozen allocations before anybody can look. */
#define SHARE_MISSED 0.01
#define COUNT_MISSED 100u
#define SHARE_BROKEN 0.02
#define SHARE_WITHOUT_SOURCE 0.3
#define SHARE_NAMED 0.05 /* of a module that the warning names */
#define MODULES_NAMED 3

const char *header_missed(const char *name, uint64_t n)
{
	size_t count;
	const struct missed_counter *missed = missed_counters(&count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(name, missed[i].name))
			return missed_text(&missed[i], n);
	return NULL;
}

static void print_warning(struct screen *s, unsigned *count, const char *text)
{
	screen_paragraph(s, STYLE_WARNING, "warning: ", "%s", text);
	(*count)++;
}

static void warn_missed(struct screen *s, const struct snapshot *snapshot, unsigned *count)
{
	double events = (double)snapshot->process->total_blocks;
	char number[UNITS_TEXT], *text;
	size_t missed_count;
	const struct missed_counter *missed = missed_counters(&missed_count);

	for (size_t i = 0; i < missed_count; i++) {
		uint64_t n = snapshot_value(snapshot, missed[i].name);

		if (!n || !(missed[i].always || (n > COUNT_MISSED && (double)n > events * SHARE_MISSED)))
			continue;
		/* Told by sites and blocks, in warn_stacks. */
		if (!strcmp(missed[i].name, "missed.truncated") && snapshot->site_count)
			continue;
		text = alloc_printf("%s %s", units_count(number, (int64_t)n), missed_text(&missed[i], n));
		print_warning(s, count, text);
		free(text);
	}
}

/* Which modules have no file and line, and what would bring them. */
static void warn_source(struct screen *s, const struct symbols *symbols, unsigned *count)
{
	struct symbols_share module[MODULES_NAMED];
	size_t modules = symbols_without_source_in(symbols, module, MODULES_NAMED);
	char share[UNITS_TEXT], *shares = NULL, *install = NULL, *build = NULL, *text;

	for (size_t i = 0; i < modules && module[i].share >= SHARE_NAMED; i++) {
		char *package = symbol_package_debug(SYMBOL_PACKAGE_LISTS, module[i].module);
		const char *name = path_base(module[i].module);

		text = alloc_printf("%s (%s)", name, units_percent(share, module[i].share, 1));
		shares = alloc_listed(shares, ", ", text);
		free(text);
		if (!package)
			build = alloc_listed(build, ", ", name);
		else if (!install || !strstr(install, package))
			install = alloc_listed(install, ", ", package);
		free(package);
	}
	text = alloc_printf("%s of the frames looked up have no file and line%s%s: %s%s%s%s%s%sor let "
			    "`tidemark symbolize` fetch debug information (DEBUGINFOD_URLS)",
		units_percent(share, symbols_without_source(symbols), 1), shares ? ", most of them in " : "",
		shares ? shares : "", install ? "install " : "", install ? install : "", install ? ", " : "",
		build ? "build " : "", build ? build : "", build ? " with -g, " : "");
	print_warning(s, count, text);
	free(text);
	free(shares);
	free(install);
	free(build);
}

static void warn_stacks(
	struct screen *s, const struct snapshot *snapshot, const struct symbols *symbols, unsigned *count)
{
	uint64_t all = 0, broken = 0;
	char share[UNITS_TEXT], *text;

	for (size_t i = 0; i < snapshot->site_count; i++) {
		all += snapshot->sites[i].total_blocks;
		if (snapshot->sites[i].flags & SITE_BROKEN)
			broken += snapshot->sites[i].total_blocks;
	}
	if ((double)broken > (double)all * SHARE_BROKEN) {
		text = alloc_printf("%s of the allocations have incomplete call stacks (code without unwind "
				    "tables): their outer callers are unknown",
			units_percent(share, (double)broken, (double)all));
		print_warning(s, count, text);
		free(text);
	}
	if (symbols && symbols_without_source(symbols) > SHARE_WITHOUT_SOURCE)
		warn_source(s, symbols, count);
}

unsigned header_warnings(struct screen *s, const struct snapshot *snapshot, const struct symbols *symbols)
{
	const struct tide_process *p = snapshot->process;
	char size[UNITS_TEXT], *text;
	unsigned count = 0;

	if (snapshot->damaged) {
		text = alloc_printf(
			"the file is damaged (%s): only intact parts are shown", snapshot->damage);
		print_warning(s, &count, text);
		free(text);
	}
	text = blind_own_malloc(snapshot);
	if (text)
		print_warning(s, &count, text);
	free(text);
	if (p->flags & PROCESS_SAMPLED || p->sample_bytes) {
		text = alloc_printf("%s one sample every %s%s",
			p->flags & PROCESS_WALKED ? "sums by call stack are estimates from"
						  : "all numbers are estimates from",
			units_bytes(size, (int64_t)p->sample_bytes),
			p->flags & PROCESS_WALKED ? "; blocks and references are exact" : "");
		print_warning(s, &count, text);
		free(text);
	}
	warn_missed(s, snapshot, &count);
	for (size_t i = 0; i < snapshot->warning_count; i++) {
		const char *what = snapshot_string(snapshot, snapshot->warnings[i].text);
		const char *hint = snapshot_string(snapshot, snapshot->warnings[i].hint);

		text = alloc_printf("%s%s%s", what, *hint ? "; " : "", hint);
		print_warning(s, &count, text);
		free(text);
	}
	warn_stacks(s, snapshot, symbols, &count);
	for (size_t i = 0; symbols && symbols_warning(symbols, i); i++)
		print_warning(s, &count, symbols_warning(symbols, i));
	return count;
}

char *header_reason(const struct snapshot *snapshot)
{
	const struct tide_process *p = snapshot->process;
	const char *text;

	switch (p->reason) {
	case REASON_EXIT:
		text = p->flags & PROCESS_EARLY ? ", before Python was torn down" : "";
		return p->exit_status >= 0 ? alloc_printf("at exit%s, status %d", text, p->exit_status)
					   : alloc_printf("at exit%s", text);
	case REASON_EXEC: return alloc_string("before exec");
	case REASON_ABORT:
		return *snapshot_string(snapshot, p->abort_message)
			? alloc_printf("at abort (%s)", snapshot_string(snapshot, p->abort_message))
			: alloc_string("at abort");
	case REASON_SIGNAL:
		return p->exit_signal ? alloc_printf("on fatal signal %u (SIG%s)", p->exit_signal,
			       p->exit_signal < 64 && system_signal((int)p->exit_signal)
				       ? system_signal((int)p->exit_signal)
				       : "?")
				      : alloc_string("on a fatal signal");
	case REASON_MARK: return alloc_string("at a mark");
	case REASON_API: return alloc_string("requested by the program");
	case REASON_TIMER: return alloc_string("by the timer");
	case REASON_CONDITION: return alloc_string("on a condition");
	case REASON_REQUEST: return alloc_string("on request");
	case REASON_POST_MORTEM: return alloc_string("post mortem, from the ledger");
	case REASON_PYTHON: return alloc_string("before Python was torn down");
	default: return alloc_string("for an unknown reason");
	}
}

static void print_label(struct screen *s, const char *label) { screen_print(s, STYLE_DIM, "%-9s", label); }

static const char *command_of(const struct snapshot *snapshot)
{
	const char *command = snapshot_string(snapshot, snapshot->process->command);

	return *command ? command : snapshot_string(snapshot, snapshot->process->exe);
}

/* "at exit, status 0 after 1.2 s, process 7, 2026-01-31 12:34:56". To free. */
static char *describe_moment(const struct snapshot *snapshot)
{
	const struct tide_process *p = snapshot->process;
	char after[UNITS_TEXT], date[UNITS_TEXT], *reason = header_reason(snapshot), *text;

	text = p->flags & PROCESS_CORE
		? alloc_printf("core of process %d, written %s, %s", p->pid, reason,
			units_date(date, p->taken_wall_ns))
		: alloc_printf("%s after %s, process %d, %s", reason, units_duration(after, p->elapsed_ns),
			p->pid, units_date(date, p->taken_wall_ns));
	free(reason);
	return text;
}

void header_side(struct screen *s, const char *label, const struct snapshot *snapshot)
{
	char date[UNITS_TEXT], *reason = header_reason(snapshot), *when, *fitted;
	unsigned room = s->width > 9 ? s->width - 9 : 1, used;

	when = alloc_printf(", %s, %s", units_date(date, snapshot->process->taken_wall_ns), reason);
	free(reason);
	if (!s->quiet) {
		/* The time distinguishes two runs of one command, so the command is shortened first. */
		used = screen_columns(s, when);
		fitted = screen_fit(s, command_of(snapshot), used + 12 < room ? room - used : 12, FIT_MIDDLE);
		print_label(s, label);
		screen_print(s, STYLE_STRONG, "%s", fitted);
		used = screen_columns(s, fitted);
		free(fitted);
		fitted = screen_fit(s, when, used < room ? room - used : 1, FIT_END);
		fprintf(s->out, "%s\n", fitted);
		free(fitted);
	}
	free(when);
}

static void print_line(struct screen *s, const char *label, char *text)
{
	char *fitted = screen_fit(s, text, s->width - 9, FIT_END);

	print_label(s, label);
	fprintf(s->out, "%s\n", fitted);
	free(fitted);
	free(text);
}

const char *header_allocator(const struct snapshot *snapshot, char text[HEADER_ALLOCATOR])
{
	const char *libc = snapshot_string(snapshot, snapshot->process->libc);
	bool number = *libc >= '0' && *libc <= '9';

	snprintf(text, HEADER_ALLOCATOR, "%s%s", number ? "glibc " : "", *libc ? libc : "glibc");
	return text;
}

/* Samples among the blocks. */
static int64_t count_known(const struct snapshot *s)
{
	int64_t known = 0;

	for (size_t i = 0; i < s->block_count; i++)
		known += s->blocks[i].site < s->site_count && s->sites[s->blocks[i].site].frame;
	return known;
}

/* Bytes of such blocks are more than was asked for, which is not to be missed on any screen. */
static void print_walked(struct screen *s, const struct snapshot *snapshot)
{
	const struct tide_process *p = snapshot->process;

	char in[HEADER_ALLOCATOR], known[UNITS_TEXT], all[UNITS_TEXT];

	if (!(p->flags & PROCESS_WALKED))
		return;
	header_allocator(snapshot, in);
	if (p->flags & PROCESS_UNPREPARED || !p->sample_bytes)
		print_line(s, "blocks",
			alloc_printf("walked in the heap of %s: usable bytes%s", in,
				p->flags & PROCESS_UNPREPARED ? ", no call stacks" : ""));
	else
		print_line(s, "blocks",
			alloc_printf("%s walked in the heap of %s: usable bytes; %s %s call stacks",
				units_count(all, (int64_t)snapshot->block_count), in,
				units_count(known, count_known(snapshot)),
				count_known(snapshot) == 1 ? "sample has" : "samples have"));
}

void header_who(struct screen *s, const struct snapshot *snapshot)
{
	const struct tide_process *p = snapshot->process;
	char a[UNITS_TEXT], b[UNITS_TEXT], c[UNITS_TEXT];
	char *text, *fitted;

	if (s->quiet)
		return;
	fitted = screen_fit(s, command_of(snapshot), s->width - 9, FIT_END);
	print_label(s, "program");
	screen_print(s, STYLE_STRONG, "%s\n", fitted);
	free(fitted);

	text = describe_moment(snapshot);
	fitted = screen_fit(s, text, s->width - 9, FIT_END);
	print_label(s, "snapshot");
	fprintf(s->out, "%s\n", fitted);
	free(fitted);
	free(text);

	units_bytes(a, p->live_bytes < INT64_MAX ? (int64_t)p->live_bytes : 0);
	text = alloc_printf(p->flags & PROCESS_UNPREPARED ? " in %s"
			: p->sample_bytes                 ? " in %s, estimated; at the peak "
							  : " in %s; at the peak ",
		units_many(b, (int64_t)p->live_blocks, "block"));
	if (p->flags & PROCESS_UNPREPARED)
		*c = 0;
	else
		units_bytes(c, (int64_t)p->peak_bytes);
	print_label(s, "live");
	screen_print(s, STYLE_STRONG, "%s", a);
	if (9 + strlen(a) + strlen(text) + strlen(c) <= s->width) {
		unsigned used = (unsigned)(9 + strlen(a) + strlen(text) + strlen(c));

		fputs(text, s->out);
		screen_print(s, STYLE_STRONG, "%s", c);
		units_duration(a, p->peak_elapsed_ns);
		if (*c && p->peak_elapsed_ns && used + strlen(", after ") + strlen(a) <= s->width)
			fprintf(s->out, ", after %s", a);
	}
	fputc('\n', s->out);
	free(text);
	print_walked(s, snapshot);
}

/* What the resident memory holds beside live blocks: by size, without empty rows. */
static void print_rest(struct screen *s, const struct snapshot *snapshot)
{
	struct waste_rest r;

	if (!waste_rest(snapshot, &r))
		return;
	struct {
		const char *name;
		uint64_t bytes;
	} part[] = {
		{ "of allocators (free, slack, headers)", r.heap },
		{ "files", r.files },
		{ "mappings", r.mappings },
		{ "globals", r.globals },
		{ "stacks", r.stacks },
	};
	const size_t count = sizeof(part) / sizeof(part[0]);
	char *text = NULL, size[UNITS_TEXT];

	for (size_t shown = 0; shown < count; shown++) {
		size_t best = 0;
		char *longer;

		for (size_t i = 1; i < count; i++)
			best = part[i].bytes > part[best].bytes ? i : best;
		if (!part[best].bytes)
			break;
		longer = alloc_printf("%s%s%s %s", text ? text : "", text ? ", " : "",
			units_bytes(size, (int64_t)part[best].bytes), part[best].name);
		free(text);
		text = longer;
		part[best].bytes = 0;
	}
	if (text)
		print_line(s, "the rest", text);
}

void header_print(struct screen *s, const struct snapshot *snapshot)
{
	const struct tide_process *p = snapshot->process;
	char a[UNITS_TEXT], b[UNITS_TEXT], c[UNITS_TEXT];
	struct waste_rest rest;
	uint64_t own = p->own_bytes, live = p->live_bytes;
	char absent[UNITS_TEXT + 40] = "";

	header_who(s, snapshot);
	if (s->quiet)
		return;
	if (!(p->flags & PROCESS_UNPREPARED)) {
		units_percent(c, (double)p->temporary, (double)p->total_blocks);
		print_line(s, "total",
			alloc_printf("%s in %s%s%s%s", units_bytes(a, (int64_t)p->total_bytes),
				units_many(b, (int64_t)p->total_blocks, "allocation"),
				p->total_blocks ? ", " : "", p->total_blocks ? c : "",
				p->total_blocks ? " temporary" : ""));
	}
	if (!p->rss_bytes)
		return;
	/* As `waste` has it, where the parts are known: so they add up to what is resident. */
	if (waste_rest(snapshot, &rest)) {
		own = rest.profiler;
		live = rest.live;
		if (rest.absent >= p->live_bytes / 100 && rest.absent)
			snprintf(absent, sizeof(absent), " (%s of it is not resident)",
				units_bytes(c, (int64_t)rest.absent));
	}
	units_bytes(c, (int64_t)own);
	print_line(s, "memory",
		alloc_printf("%s resident, %s of it live heap%s%s%s%s", units_bytes(a, (int64_t)p->rss_bytes),
			units_percent(b, (double)live, (double)p->rss_bytes), absent, own ? ", " : "",
			own ? c : "", own ? " profiler overhead" : ""));
	print_rest(s, snapshot);
}

int header_code(const struct snapshot *snapshot)
{
	if (!snapshot->damaged)
		return EXIT_FINE;
	error_note("%s is damaged: %s; the output above is incomplete",
		snapshot->path ? snapshot->path : "the snapshot", snapshot->damage);
	return EXIT_UNMEASURED;
}

bool header_wiped(const struct snapshot *s)
{
	if (s->process->sample_bytes) /* the variable may be set, and the library does not do it */
		return false;
	for (size_t i = 0; i < s->option_count; i++)
		if (!strcmp(snapshot_string(s, s->options[i].name), "wipe")
			&& strcmp(snapshot_string(s, s->options[i].value), "0") != 0)
			return true;
	return false;
}

void header_stale(struct screen *s, const struct snapshot *snapshot)
{
	if (!header_wiped(snapshot))
		screen_hint(s,
			snapshot->process->sample_bytes
				? "Stale words in reused memory may hold blocks: tidemark run --wipe, without --sample"
				: "Stale words in reused memory may hold blocks: tidemark run --wipe");
}

void header_unsure(
	struct screen *s, const struct snapshot *snapshot, struct symbols *symbols, const struct unsure *u)
{
	char size[UNITS_TEXT], count[UNITS_TEXT], *place;
	uint32_t site;

	if (!u->matters)
		return;
	site = snapshot->blocks[u->holder].site;
	place = name_function(symbols_top(symbols, site)->function, true);
	screen_hint(s,
		"%s in %s %s held only by words that may be older than the block they lie in, most of them by one from %s "
		"(#%u): tidemark run --wipe zeroes stale words",
		units_bytes(size, (int64_t)u->sum.bytes), units_many(count, (int64_t)u->sum.blocks, "block"),
		u->sum.blocks == 1 ? "is" : "are", place, site);
	free(place);
}
