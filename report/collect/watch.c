/* watch.c - snapshots by time and by condition: watch.h. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "collect.h"
#include "held.h"
#include "model/ledger_map.h"
#include "model/ledger.h"
#include "process/process.h"
#include "process/stop.h"
#include "base/alloc.h"
#include "base/system.h"
#include "base/units.h"
#include "watch.h"

#define LOOK_NS 50000000ull
#define CONDITIONS_MAX 32u
#define SMALL (1ull << 20) /* less growth than this is ignored */
#define MEASURE_REST 100u  /* after a measurement, times what it took (W5) */
#define EXAMPLES "write rss>2G, live>500M, live+20%%, waste>30%% or allocs>1000000"

struct watch {
	struct ledger_header *ledger; /* mapped, shared */
	const struct collect_settings *settings;
	struct collect_settings own; /* when the ledger had to be asked */
	const char *path;
	int pid;
	int pidfd;                  /* readable when the process has ended; -1: not available */
	uint64_t every_ns, next_ns; /* 0: no timer */
	struct watch_condition condition[CONDITIONS_MAX];
	unsigned conditions;
	uint64_t live_before;
	uint64_t measure_ns; /* when free memory is measured next; 0: no condition asks for it */
	struct held held;
	bool blind; /* a snapshot could not be waited for: no more are taken */
};

int watch_parse(const char *text, struct watch_condition *c, struct tide_error *e)
{
	static const struct {
		const char *prefix;
		enum watch_what what;
	} kind[] = {
		{ "rss>", WATCH_RSS },
		{ "live>", WATCH_LIVE },
		{ "allocs>", WATCH_ALLOCATIONS },
		{ "live+", WATCH_LIVE_GROWTH },
		{ "waste>", WATCH_WASTE },
	};

	for (unsigned i = 0; i < sizeof kind / sizeof *kind; i++) {
		const char *value = text + strlen(kind[i].prefix);
		int wrong;

		if (strncmp(text, kind[i].prefix, strlen(kind[i].prefix)))
			continue;
		*c = (struct watch_condition){ .what = kind[i].what };
		if (c->what == WATCH_WASTE && strchr(value, '%'))
			c->what = WATCH_WASTE_SHARE;
		wrong = c->what == WATCH_LIVE_GROWTH || c->what == WATCH_WASTE_SHARE
			? units_parse_percent(value, &c->share)
			: units_parse_bytes(value, &c->limit);
		if (!wrong)
			return 0;
		return error_set(e, EXIT_USAGE, "condition '%s'|'%s' is not a number|" EXAMPLES, text, value);
	}
	return error_set(e, EXIT_USAGE,
		"condition '%s'|it starts with none of rss> live> live+ waste> allocs>|" EXAMPLES, text);
}

bool watch_fires(struct watch_condition *c, const struct watch_values *now, uint64_t live_before)
{
	bool before = c->was_true;

	switch (c->what) {
	case WATCH_RSS: c->was_true = now->rss > c->limit; break;
	case WATCH_LIVE: c->was_true = now->live > c->limit; break;
	case WATCH_ALLOCATIONS: c->was_true = now->allocations > c->limit; break;
	case WATCH_WASTE: c->was_true = now->wasted > c->limit; break;
	case WATCH_WASTE_SHARE:
		c->was_true = now->wasted > SMALL && (double)now->wasted > (double)now->resident * c->share;
		break;
	case WATCH_LIVE_GROWTH:
		/* The snapshot that it triggers sets live_before again. */
		return (double)now->live
			> (double)(live_before > SMALL ? live_before : SMALL) * (1 + c->share);
	}
	return c->was_true && !before;
}

static uint64_t read_rss_bytes(int pid)
{
	unsigned long long pages = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/statm", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * 4096;
}

static bool is_over(const struct watch *w)
{
	uint32_t state = __atomic_load_n(&w->ledger->state, __ATOMIC_ACQUIRE);

	/* The final snapshot of a Python program is taken before its interpreter is torn down, which takes a while. */
	return ledger_map_cut() || state == LEDGER_EXITING || state == LEDGER_FINISHED
		|| state == LEDGER_EXECED || w->ledger->kept[0] || !process_lives(w->pid);
}

static uint64_t read_live(const struct watch *w)
{
	int64_t live = __atomic_load_n(&w->ledger->live_bytes, __ATOMIC_RELAXED);

	return live > 0 ? (uint64_t)live : 0;
}

static int take_one(struct watch *w, uint32_t reason)
{
	struct collect c = {
		.ledger = w->path, .outside = true, .reason = reason, .pid = w->pid, .settings = w->settings
	};
	struct tide_error e = { 0 };
	int result = collect_snapshot(&c, &e);

	if (result && !is_over(w))
		error_print(&e);
	free(c.written);
	return result;
}

/* In a process of its own: when that ends, whatever it may have left traced in the
 * program goes on (W4). */
static void take(struct watch *w, uint32_t reason)
{
	pid_t child, got;
	int status;

	if (w->blind || is_over(w))
		return;
	fflush(NULL);
	child = fork();
	if (!child)
		_exit(take_one(w, reason) ? EXIT_UNMEASURED : EXIT_FINE);
	if (child < 0)
		fprintf(stderr, "tidemark: cannot take a snapshot: %s\n", strerror(errno));
	else if (child > 0) {
		do
			got = waitpid(child, &status, 0);
		while (got < 0 && errno == EINTR);
		/* Collectors would pile up: each stops the program for a while. */
		if (got < 0) {
			fprintf(stderr,
				"tidemark: cannot wait for a snapshot: %s; no more are taken by time or condition\n",
				strerror(errno));
			w->blind = true;
		}
	}
	w->live_before = read_live(w);
}

/* Waits until the next look, or the end of the process. */
static void wait_look(const struct watch *w, uint64_t ns)
{
	struct timespec pause = { 0, (long)ns };
	struct pollfd p = { .fd = w->pidfd, .events = POLLIN };

	ppoll(&p, w->pidfd >= 0, &pause, NULL);
}

static void measure_held(struct watch *w)
{
	uint64_t begun = clock_read(CLOCK_PROCESS_CPUTIME_ID);
	struct tide_error e = { 0 };

	if (held_measure(&w->held, w->path, w->pid, &e) && !is_over(w)) {
		error_print(&e);
		w->measure_ns = 0; /* it would fail again */
		return;
	}
	w->measure_ns = clock_ns() + MEASURE_REST * (clock_read(CLOCK_PROCESS_CPUTIME_ID) - begun);
}

static void look(struct watch *w)
{
	struct watch_values now = { .rss = read_rss_bytes(w->pid),
		.live = read_live(w),
		.allocations = __atomic_load_n(&w->ledger->events, __ATOMIC_RELAXED) };
	bool fires = false;

	if (w->measure_ns && clock_ns() >= w->measure_ns)
		measure_held(w);
	now.wasted = w->held.wasted;
	now.resident = w->held.resident;
	for (unsigned i = 0; i < w->conditions; i++)
		fires |= watch_fires(&w->condition[i], &now, w->live_before);
	if (fires)
		take(w, REASON_CONDITION);
	if (w->every_ns && clock_ns() >= w->next_ns) {
		take(w, REASON_TIMER);
		while (w->next_ns <= clock_ns())
			w->next_ns += w->every_ns;
	}
}

/* `every` and `when` as the environment has them; both may be empty or NULL. */
static int read_occasions(struct watch *w, const char *every, const char *when, struct tide_error *e)
{
	char *list = alloc_string(when ? when : ""), *rest = NULL;
	int failed = 0;

	if (every && *every && (units_parse_duration(every, &w->every_ns) || !w->every_ns))
		failed = error_set(
			e, EXIT_USAGE, "interval '%s'|it is not a duration|write 10s, 500ms or 5m", every);
	for (char *word = strtok_r(list, ",; ", &rest); word && !failed;
		word = strtok_r(NULL, ",; ", &rest)) {
		if (w->conditions == CONDITIONS_MAX)
			failed = error_set(
				e, EXIT_USAGE, "too many conditions|%u is the limit|", CONDITIONS_MAX);
		else
			failed = watch_parse(word, &w->condition[w->conditions++], e);
	}
	free(list);
	return failed;
}

/* What the process was started with, for a watcher that the library has started. */
static int read_ledger(struct watch *w, struct tide_error *e)
{
	struct ledger_copy copy;
	char *every, *when;
	int failed;

	if (ledger_copy_file(&copy, w->path, e)) {
		ledger_copy_free(&copy);
		return -1;
	}
	every = ledger_option(&copy, "EVERY");
	when = ledger_option(&copy, "WHEN");
	failed = read_occasions(w, every, when, e);
	collect_settings_of(&w->own, &copy);
	w->settings = &w->own;
	w->pid = copy.header.pid;
	free(every);
	free(when);
	ledger_copy_free(&copy);
	return failed;
}

int watch_process(const char *ledger, int pid, const struct collect_settings *settings, struct tide_error *e)
{
	struct watch w = { .path = ledger, .pid = pid, .settings = settings };
	uint64_t pause = LOOK_NS;
	struct ledger_map map;
	int result = ledger_map_open(&map, ledger, e);

	w.ledger = map.header;
	if (!result)
		result = settings ? read_occasions(&w, settings->every, settings->when, e)
				  : read_ledger(&w, e);
	if (result) {
		ledger_map_close(&map);
		collect_settings_free(&w.own);
		return -1;
	}
	w.next_ns = clock_ns() + w.every_ns;
	for (unsigned i = 0; i < w.conditions; i++)
		if (w.condition[i].what == WATCH_WASTE || w.condition[i].what == WATCH_WASTE_SHARE)
			w.measure_ns = 1;
	if (w.every_ns && w.every_ns < LOOK_NS)
		pause = w.every_ns > 1000000 ? w.every_ns : 1000000;
	w.pidfd = (int)syscall(SYS_pidfd_open, w.pid, 0);
	for (; !w.blind && !is_over(&w); wait_look(&w, pause))
		look(&w);
	if (w.pidfd >= 0)
		close(w.pidfd);
	ledger_map_close(&map);
	collect_settings_free(&w.own);
	return 0;
}
