/* top_session.c - what the live view watches, and what things are called: top.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/clock.h"
#include "collect/collect.h"
#include "collect/ledger_find.h"
#include "print/place.h"
#include "symbol/name.h"
#include "top.h"

static const char *const group_name[TOP_GROUPS] = { "site", "function", "module", "thread" };
static const char *const sort_name[TOP_SORTS] = { "live", "count", "growth", "rate", "peak", "total",
	"allocations", "temporary" };

const char *top_group_name(enum top_group group) { return group_name[group]; }

const char *top_sort_name(enum top_sort sort) { return sort_name[sort]; }

static int parse_word(const char *text, const char *const *words, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(text, words[i]))
			return (int)i;
	return -1;
}

int top_group_parse(const char *text, enum top_group *group)
{
	int n = parse_word(text, group_name, TOP_GROUPS);

	if (n >= 0)
		*group = (enum top_group)n;
	return n < 0 ? -1 : 0;
}

int top_sort_parse(const char *text, enum top_sort *sort)
{
	int n = parse_word(text, sort_name, TOP_SORTS);

	if (n >= 0)
		*sort = (enum top_sort)n;
	return n < 0 ? -1 : 0;
}

static uint32_t number_text(struct top *t, const char *text)
{
	return intern_text(&t->texts, text ? text : "");
}

static void drop_symbols(struct top *t)
{
	if (!t->symbols)
		return;
	symbols_free(t->symbols);
	snapshot_close(&t->named);
	t->symbols = NULL;
}

static void free_names(struct top *t)
{
	drop_symbols(t);
	for (size_t i = 0; i < t->name_count; i++)
		free(t->name[i]);
	free(t->name);
	t->name = NULL;
	t->name_count = 0;
	intern_free(&t->texts);
	for (size_t i = 0; i < t->thread_count; i++)
		free(t->thread[i]);
	free(t->thread);
	t->thread = NULL;
	t->thread_count = 0;
}

/* Symbols that know `site`. They take over the latest snapshot, so the next one must be read
 * before another site is named. NULL: no snapshot has the site. */
static struct symbols *find_symbols(struct top *t, uint32_t site)
{
	struct tide_error e;

	if (t->symbols && site < t->named.site_count)
		return t->symbols;
	if (site >= t->latest.site_count)
		return NULL;
	drop_symbols(t);
	if (snapshot_open(t->path, &t->named, &e)) { /* the ledger went: what was read last has it */
		t->named = t->latest;
		t->has_latest = false;
		t->latest = (struct snapshot){ 0 };
	}
	t->symbols = symbols_new(&t->named);
	return t->symbols;
}

static const struct top_name *find_name(struct top *t, uint32_t site)
{
	static const struct top_name nothing = { .line = { .function = "(unknown)", .language = "native" } };
	const struct symbol_line *line;
	struct symbols *symbols;
	struct top_name *n;

	if (site >= t->name_count) {
		size_t count = t->model.sites.count > site ? t->model.sites.count : site + 1;

		t->name = alloc_resize(t->name, count * sizeof(*t->name));
		memset(t->name + t->name_count, 0, (count - t->name_count) * sizeof(*t->name));
		t->name_count = count;
	}
	if (t->name[site])
		return t->name[site];
	symbols = find_symbols(t, site);
	if (!symbols || site >= t->named.site_count)
		return &nothing;
	line = symbols_top(symbols, site);
	n = alloc_zeroed(1, sizeof(*n));
	n->line = *line;
	n->function = number_text(t, name_shown(line));
	n->line.function = t->texts.text[n->function];
	n->line.qualified = NULL; /* it is the name already */
	n->module = number_text(t, line->module && *line->module ? line->module : "(no module)");
	if (line->module)
		n->line.module = t->texts.text[n->module];
	if (line->file) {
		uint32_t file =
			number_text(t, line->file); /* may move t->texts.text: not within its own index */

		n->line.file = t->texts.text[file];
	}
	t->name[site] = n;
	return n;
}

static void name_threads(struct top *t)
{
	const struct snapshot *s = &t->latest;

	if (s->thread_count > t->thread_count) {
		t->thread = alloc_resize(t->thread, s->thread_count * sizeof(*t->thread));
		memset(t->thread + t->thread_count, 0,
			(s->thread_count - t->thread_count) * sizeof(*t->thread));
		t->thread_count = s->thread_count;
	}
	for (size_t i = 0; i < s->thread_count; i++) {
		const char *name = snapshot_string(s, s->threads[i].name);

		free(t->thread[i]);
		t->thread[i] = alloc_printf("%s (%d)%s", *name ? name : "thread", s->threads[i].tid,
			s->threads[i].state & THREAD_EXITED ? ", ended" : "");
	}
}

#define HELD_REST 100u /* after a measurement, times what it took (TW4) */

static void measure_held(struct top *t)
{
	uint64_t begun = clock_read(CLOCK_PROCESS_CPUTIME_ID);
	struct tide_error e = { 0 };

	if (clock_ns() < t->held_ns)
		return;
	t->held_ns = UINT64_MAX;
	if (!held_measure(&t->held, t->path, t->latest.process->pid, &e))
		t->held_ns = clock_ns() + HELD_REST * (clock_read(CLOCK_PROCESS_CPUTIME_ID) - begun);
}

static void take_update(struct top *t, struct snapshot *s)
{
	if (t->has_latest)
		snapshot_close(&t->latest);
	t->latest = *s;
	t->has_latest = true;
	top_model_take(&t->model, &t->latest);
	name_threads(t);
	free(t->exe);
	t->exe = alloc_string(snapshot_string(&t->latest, t->latest.process->exe));
}

/* After exec the process has another ledger, in which all numbers begin again. */
static bool follow_exec(struct top *t)
{
	struct tide_error e;
	struct snapshot s;
	char *path = t->pid ? ledger_find(t->pid, &e) : NULL;

	if (!path || !strcmp(path, t->path) || snapshot_open(path, &s, &e)) {
		free(path);
		return false;
	}
	free(t->path);
	t->path = path;
	free_names(t);
	top_model_free(&t->model);
	t->held = (struct held){ 0 };
	t->held_ns = 0;
	take_update(t, &s);
	return true;
}

void top_session_look(struct top *t)
{
	struct tide_error e;
	struct snapshot s;

	if (!t->live)
		return;
	if (snapshot_open(t->path, &s, &e)) {
		if (follow_exec(t))
			return;
		t->live = false;
		snprintf(t->ended, sizeof(t->ended), "the process has ended; this is its last state");
		return;
	}
	if (s.process->reason == REASON_POST_MORTEM && follow_exec(t)) {
		snapshot_close(&s);
		return;
	}
	take_update(t, &s);
	if (t->latest.process->reason == REASON_POST_MORTEM) {
		t->live = false;
		snprintf(t->ended, sizeof(t->ended), "the process has ended");
	} else {
		measure_held(t);
	}
}

int top_session_open(struct top *t, const char *target, struct tide_error *e)
{
	struct snapshot s;
	char *end;
	long pid;

	errno = 0;
	pid = strtol(target, &end, 10);
	if (!*end && end != target && pid > 0 && pid < 1 << 30 && !errno) {
		t->pid = (int)pid;
		t->path = ledger_find(t->pid, e);
		if (!t->path)
			return -1;
	} else {
		t->path = alloc_string(target);
	}
	if (snapshot_open(t->path, &s, e))
		return -1;
	take_update(t, &s);
	t->live = t->latest.process->reason == REASON_REQUEST && strlen(t->path) > 7
		&& !strcmp(t->path + strlen(t->path) - 7, ".ledger");
	if (t->live)
		measure_held(t);
	else
		snprintf(t->ended, sizeof(t->ended), "%s",
			t->pid || t->latest.process->reason == REASON_POST_MORTEM ? "the process has ended"
										  : "a snapshot");
	return 0;
}

void top_session_close(struct top *t)
{
	free_names(t);
	if (t->has_latest)
		snapshot_close(&t->latest);
	t->has_latest = false;
	top_model_free(&t->model);
	free(t->path);
	free(t->exe);
	t->path = t->exe = NULL;
}

static bool matches(const struct top_name *n, const char *search)
{
	return strcasestr(n->line.function, search) || (n->line.file && strcasestr(n->line.file, search))
		|| (n->line.module && strcasestr(n->line.module, search));
}

struct top_row *top_session_rows(struct top *t, size_t *count)
{
	struct top_query q = { .group = t->group, .sort = t->sort };
	size_t n = t->group == TOP_THREAD ? t->model.threads.count : t->model.sites.count;
	bool by_name = t->group == TOP_FUNCTION || t->group == TOP_MODULE;
	uint32_t *name = by_name ? alloc_zeroed(n, sizeof(*name)) : NULL;
	bool *keep = t->search && *t->search ? alloc_zeroed(n, sizeof(*keep)) : NULL;
	struct top_row *row;

	for (uint32_t i = 0; (by_name || keep) && i < n; i++) {
		const struct top_name *found;

		if (t->group == TOP_THREAD) {
			keep[i] = i < t->thread_count && t->thread[i] && strcasestr(t->thread[i], t->search);
			continue;
		}
		if (!t->model.sites.now[i].total_blocks && !t->model.sites.now[i].live_blocks)
			continue;
		found = find_name(t, i);
		if (by_name)
			name[i] = t->group == TOP_MODULE ? found->module : found->function;
		if (keep)
			keep[i] = matches(found, t->search);
	}
	q.name = name;
	q.name_count = t->texts.count;
	q.keep = keep;
	row = top_model_rows(&t->model, &q, count);
	free(name);
	free(keep);
	return row;
}

const struct symbol_line *top_session_line(struct top *t, const struct top_row *row)
{
	return t->group == TOP_SITE || t->group == TOP_FUNCTION ? &find_name(t, row->site)->line : NULL;
}

const char *top_session_text(struct top *t, const struct top_row *row)
{
	if (t->group == TOP_THREAD)
		return row->key < t->thread_count && t->thread[row->key] ? t->thread[row->key] : "(unknown)";
	return t->group == TOP_MODULE && row->key < t->texts.count ? t->texts.text[row->key]
								   : find_name(t, row->site)->line.function;
}

const struct symbol_line *top_session_stack(struct top *t, const struct top_row *row, size_t *count)
{
	struct symbols *symbols = t->group == TOP_THREAD ? NULL : find_symbols(t, row->site);

	*count = 0;
	return symbols && row->site < t->named.site_count ? symbols_stack(symbols, row->site, count) : NULL;
}

char *top_session_snap(struct top *t)
{
	struct collect c = { .outside = true, .reason = REASON_REQUEST, .ledger = t->path, .pid = t->pid };
	struct tide_error e;
	char *said;

	if (!t->live || !t->pid)
		return alloc_string("no snapshot: the process is not running");
	if (collect_snapshot(&c, &e))
		said = alloc_printf("no snapshot: %s%s%s", e.what, *e.why ? ": " : "", e.why);
	else if (!c.complete)
		said = alloc_printf("%s (incomplete: %s)", c.written, c.why);
	else
		said = alloc_printf("snapshot: %s", c.written);
	free(c.written);
	return said;
}
