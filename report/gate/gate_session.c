/* gate_session.c - see gate_session.h. */
#include "base/alloc.h"
#include "base/array.h"
#include "base/path.h"
#include "gate_value.h"
#include "gate_session.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/ini.h"
#include "base/path.h"
#include "base/text.h"
#include "gate_measure.h"
#include "gate_run.h"
#include "gate_waste.h"

static uint32_t read_date(void)
{
	time_t now = time(NULL);
	struct tm t;

	localtime_r(&now, &t);
	return (uint32_t)((t.tm_year + 1900) * 10000 + (t.tm_mon + 1) * 100 + t.tm_mday);
}

int gate_session_open(struct gate_session *s, struct tide_error *e)
{
	char *here = getcwd(NULL, 0);
	const char *given[] = { s->options->source_root };
	const char *usual[] = { s->config->folder, here };

	s->roots = s->options->source_root ? source_root_new(given, 1) : source_root_new(usual, 2);
	free(here);
	if (!s->today)
		s->today = read_date();
	return gate_rules_make(&s->rules, s->config, s->today, s->options->suppressions.item,
		s->options->suppressions.count, e);
}

void gate_session_close(struct gate_session *s)
{
	for (size_t i = 0; i < s->count; i++)
		gate_result_free(&s->results[i]);
	free(s->results);
	gate_rules_free(&s->rules);
	source_root_free(s->roots);
}

static struct gate_result *add_result(struct gate_session *s)
{
	struct gate_result *r = ARRAY_APPEND(s->results, s->count);

	*r = (struct gate_result){ 0 };
	return r;
}

/* A limit "above the baseline" without a baseline can never hold. */
static int check_limits(const struct gate_session *s, const struct gate_scenario *scenario, bool has_baseline,
	struct tide_error *e)
{
	const char *path = s->config->path ? s->config->path : "tidemark gate";
	char what[300];

	for (int k = 0; k < GATE_LIMIT_KEYS && !has_baseline; k++) {
		if (!gate_limit_is_relative(&scenario->limits.of[k]))
			continue;
		snprintf(what, sizeof what, "scenario `%.100s`: %s = %.60s", scenario->name,
			gate_limit_name[k], scenario->limits.of[k].text);
		return ini_error(e, path, scenario->line, what, "there is no baseline to compare with",
			"add baseline = FILE to the scenario, or give a size");
	}
	for (size_t i = 0; i < s->config->site_count && !has_baseline; i++) {
		if (!gate_limit_is_relative(&s->config->sites[i].limits.of[GATE_LIVE]))
			continue;
		snprintf(what, sizeof what, "[site %.100s]: live = %.60s", s->config->sites[i].text,
			s->config->sites[i].limits.of[GATE_LIVE].text);
		return ini_error(e, path, s->config->sites[i].line, what,
			"there is no baseline to compare with",
			"add baseline = FILE to the scenario, or give a size");
	}
	return 0;
}

/* Loads what the scenario is judged against. 1: there is one, 0: none, -1: an error. */
static int load_baseline(const struct gate_session *s, const struct gate_scenario *scenario,
	struct gate_baseline *b, struct tide_error *e)
{
	memset(b, 0, sizeof *b);
	if (!scenario->baseline)
		return 0;
	if (s->accept && access(scenario->baseline, F_OK))
		return 0;
	/* A baseline that --accept replaces need not be readable, unless parts of it are kept. */
	if (gate_baseline_load(b, scenario->baseline, e)) {
		if (!s->accept || s->accept_site_count)
			return -1;
		memset(b, 0, sizeof *b);
		return 0;
	}
	return 1;
}

static bool is_selected(const struct gate_session *s, const struct gate_scenario *scenario)
{
	for (size_t i = 0; i < s->only_count; i++)
		if (!strcmp(s->only[i], scenario->name))
			return true;
	return !s->only_count;
}

static int check_only(const struct gate_session *s, struct tide_error *e)
{
	for (size_t i = 0; i < s->only_count; i++) {
		size_t k = 0;

		while (k < s->config->scenario_count && strcmp(s->config->scenarios[k].name, s->only[i]))
			k++;
		if (k == s->config->scenario_count)
			return error_set(e, EXIT_USAGE, "no scenario `%s`|%s has none of that name|",
				s->only[i], s->config->path ? s->config->path : "the command line");
	}
	return 0;
}

/* Reports everything that can be wrong before the first program runs. */
static int check_all(struct gate_session *s, struct tide_error *e)
{
	size_t chosen = 0;

	if (check_only(s, e))
		return -1;
	for (size_t i = 0; i < s->config->scenario_count; i++) {
		const struct gate_scenario *scenario = &s->config->scenarios[i];
		struct gate_baseline b;
		int has;

		if (!is_selected(s, scenario))
			continue;
		chosen++;
		if ((s->accept || s->ratchet) && !scenario->baseline)
			return ini_error(e, s->config->path, scenario->line, "this scenario has no baseline",
				"there is nothing to write", "add baseline = FILE");
		has = load_baseline(s, scenario, &b, e);
		if (has < 0)
			return -1;
		gate_baseline_free(&b);
		if (check_limits(s, scenario, scenario->baseline != NULL, e))
			return -1;
	}
	if (!chosen)
		return ini_error(e, s->config->path, 0, "no scenario", "there is nothing to run",
			"add [scenario NAME] with command = ...");
	return 0;
}

static void measure_run(struct gate_session *s, const struct gate_scenario *scenario,
	const struct gate_run *run, bool shell, struct gate_measure *m)
{
	struct gate_source source = { .paths = run->snapshots,
		.count = run->snapshot_count,
		.exe = scenario->exe,
		.shell_parent = shell ? run->pid : 0,
		.unseen = run->unseen,
		.rounds = scenario->rounds,
		.min_rounds = scenario->min_rounds,
		.keeps_rss = gate_limit_is_relative(&scenario->limits.of[GATE_RSS]),
		.keeps_waste = gate_waste_is_relative(scenario),
		.refleaks = gate_limit_holds(&scenario->limits.of[GATE_REFLEAKS]),
		.rules = &s->rules,
		.config = s->config,
		.roots = s->roots };
	char *death;

	if (!run->reason) {
		gate_measure_take(&source, m);
		return;
	}
	memset(m, 0, sizeof *m);
	death = gate_measure_death(run->snapshots, run->snapshot_count);
	m->unmeasured = alloc_printf("%s%s%s", run->reason, death ? "; " : "", death ? death : "");
	free(death);
	m->snapshots = alloc_bytes((run->snapshot_count + 1) * sizeof *m->snapshots);
	for (size_t i = 0; i < run->snapshot_count; i++)
		m->snapshots[m->snapshot_count++] = alloc_string(run->snapshots[i]);
}

/* With a bar before each line: what the program has printed must not be a command of the log's reader. */
static void show_log(const struct gate_session *s, const struct gate_run *run)
{
	char *tail, *rest = NULL;

	if (s->options->quiet || s->options->json)
		return;
	tail = gate_run_tail(run, 10);
	if (*tail)
		error_note("the end of %s:", run->log);
	for (char *line = strtok_r(tail, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		text_clean(line);
		fprintf(stderr, "  | %s\n", line);
	}
	free(tail);
}

static int accept_baseline(struct gate_session *s, const struct gate_scenario *scenario,
	const struct gate_measure *m, struct gate_baseline *b, struct tide_error *e)
{
	struct gate_baseline fresh;
	int result;

	if (s->accept_site_count)
		gate_baseline_merge(&fresh, b, m, s->accept_sites, s->accept_site_count, s->why);
	else
		gate_baseline_take(&fresh, m, s->why);
	gate_baseline_free(b);
	*b = fresh;
	result = gate_baseline_save(b, scenario->baseline, e);
	if (!result && !s->options->quiet)
		error_note("%s: %zu sites accepted", scenario->baseline, b->site_count);
	return result;
}

static int ratchet_baseline(struct gate_session *s, const struct gate_scenario *scenario,
	const struct gate_measure *m, struct gate_baseline *b, struct tide_error *e)
{
	size_t changed = gate_baseline_ratchet(b, m);

	if (changed && gate_baseline_save(b, scenario->baseline, e))
		return -1;
	if (!s->options->quiet)
		error_note("%s: %zu lines lowered", scenario->baseline, changed);
	return 0;
}

/* --accept passes with any findings: they were accepted. */
static void excuse_findings(struct gate_result *r)
{
	for (size_t i = 0; i < r->finding_count; i++)
		r->findings[i].fails &= r->findings[i].kind == GATE_KIND_UNMEASURED;
	gate_settle(r);
}

/* Runs and judges once. */
static int run_and_judge(struct gate_session *s, const struct gate_scenario *scenario, char *const *program,
	bool again, struct gate_result *r, struct tide_error *e)
{
	struct gate_baseline b = { 0 };
	struct gate_measure m;
	struct gate_run run;
	int has = load_baseline(s, scenario, &b, e), result = 0;

	if (has < 0)
		return -1;
	if (gate_run(s->config, scenario, program, s->output, again, s->options->json, &run, e)) {
		gate_baseline_free(&b);
		return -1;
	}
	measure_run(s, scenario, &run, !program, &m);
	if (s->accept && !m.unmeasured) {
		result = accept_baseline(s, scenario, &m, &b, e);
		has = 1;
	}
	gate_judge(s->config, scenario, &m, has ? &b : NULL, r);
	gate_measure_stacks(&m, r, s->all_stacks);
	r->elapsed_ms = run.elapsed_ms;
	if (s->accept)
		excuse_findings(r);
	if (!result && s->ratchet && r->verdict != GATE_UNMEASURED)
		result = ratchet_baseline(s, scenario, &m, &b, e);
	if (r->verdict == GATE_UNMEASURED)
		show_log(s, &run);
	gate_measure_free(&m);
	gate_run_free(&run);
	gate_baseline_free(&b);
	return result;
}

int gate_session_scenarios(struct gate_session *s, struct tide_error *e)
{
	if (check_all(s, e))
		return -1;
	for (size_t i = 0; i < s->config->scenario_count; i++) {
		const struct gate_scenario *scenario = &s->config->scenarios[i];
		struct gate_result r, again;

		if (!is_selected(s, scenario))
			continue;
		if (run_and_judge(s, scenario, NULL, false, &r, e))
			return -1;
		/* A leak that does not come back is flaky: see GATE_KIND_FLAKY. */
		if (r.verdict == GATE_FAIL && !s->ratchet) {
			if (run_and_judge(s, scenario, NULL, true, &again, e)) {
				gate_result_free(&r);
				return -1;
			}
			gate_confirm(&r, &again);
		}
		*add_result(s) = r;
	}
	return 0;
}

int gate_session_program(struct gate_session *s, char *const *program, struct tide_error *e)
{
	struct gate_scenario *scenario = gate_config_scenario(s->config, path_base(program[0]));
	struct gate_result r;

	if ((!s->self_test && check_limits(s, scenario, false, e))
		|| run_and_judge(s, scenario, program, false, &r, e))
		return -1;
	*add_result(s) = r;
	return 0;
}

/* OLD is a baseline, or a snapshot that serves as one. */
static int load_against(struct gate_session *s, const struct gate_scenario *scenario, struct gate_baseline *b,
	struct tide_error *e)
{
	char *path = (char *)s->against, first[8] = "";
	struct gate_source source = { .paths = &path,
		.count = 1,
		.exe = scenario->exe,
		.rules = &s->rules,
		.config = s->config,
		.roots = s->roots };
	struct gate_measure m;
	FILE *f = fopen(path, "re");
	int result;

	if (!f)
		return error_set(e, EXIT_USAGE, "cannot open %s|it was given with --against|", path);
	if (fread(first, 1, sizeof first - 1, f) && *first == '#') {
		fclose(f);
		return gate_baseline_load(b, path, e);
	}
	fclose(f);
	source.keeps_rss = source.keeps_waste = true;
	gate_measure_take(&source, &m);
	if (m.unmeasured)
		error_set(e, EXIT_UNMEASURED, "%s cannot be compared with|%s|", path, m.unmeasured);
	else
		gate_baseline_take(b, &m, "--against");
	result = m.unmeasured ? -1 : 0;
	gate_measure_free(&m);
	return result;
}

/* Which scenario's limits and baseline hold: the one named, or the only one there is. */
static struct gate_scenario *choose_scenario(struct gate_session *s, struct tide_error *e)
{
	struct gate_config *c = s->config;

	if (check_only(s, e))
		return NULL;
	if (s->only_count > 1) {
		error_set(e, EXIT_USAGE,
			"several --scenario with --snapshots|snapshots are of one scenario|"
			"name one");
		return NULL;
	}
	for (size_t i = 0; i < c->scenario_count; i++)
		if (s->only_count ? is_selected(s, &c->scenarios[i]) : c->scenario_count == 1)
			return &c->scenarios[i];
	return gate_config_scenario(c, "snapshots");
}

int gate_session_snapshots(struct gate_session *s, char *const *paths, size_t count, struct tide_error *e)
{
	struct gate_scenario *scenario = choose_scenario(s, e);
	struct gate_source source = { .paths = paths,
		.count = count,
		.series = true,
		.unseen = s->unseen,
		.rules = &s->rules,
		.config = s->config,
		.roots = s->roots };
	struct gate_baseline b = { 0 };
	struct gate_measure m;
	struct gate_result r;
	int has, result = 0;

	if (!scenario)
		return -1;
	source.exe = scenario->exe;
	source.rounds = scenario->rounds;
	source.keeps_rss = gate_limit_is_relative(&scenario->limits.of[GATE_RSS]);
	source.keeps_waste = gate_waste_is_relative(scenario);
	source.refleaks = gate_limit_holds(&scenario->limits.of[GATE_REFLEAKS]);
	source.min_rounds = scenario->rounds ? scenario->min_rounds : 0;
	if ((s->accept || s->ratchet) && !scenario->baseline)
		return error_set(e, EXIT_USAGE,
			"no baseline to write|the scenario has none|"
			"add baseline = FILE to the gate file and name the scenario with --scenario");
	has = s->against ? (load_against(s, scenario, &b, e) ? -1 : 1) : load_baseline(s, scenario, &b, e);
	if (has < 0)
		return -1;
	if (check_limits(s, scenario, has || s->accept, e)) {
		gate_baseline_free(&b);
		return -1;
	}
	gate_measure_take(&source, &m);
	if (s->accept && !m.unmeasured) {
		result = accept_baseline(s, scenario, &m, &b, e);
		has = 1;
	}
	gate_judge(s->config, scenario, &m, has ? &b : NULL, &r);
	gate_measure_stacks(&m, &r, s->all_stacks);
	if (s->accept)
		excuse_findings(&r);
	if (!result && s->ratchet && r.verdict != GATE_UNMEASURED)
		result = ratchet_baseline(s, scenario, &m, &b, e);
	*add_result(s) = r;
	gate_measure_free(&m);
	gate_baseline_free(&b);
	return result;
}

void gate_session_finish(struct gate_session *s)
{
	bool *used = s->rules.used, all = !s->only_count;

	/* Of some scenarios only, nobody knows what the others would have used. */
	for (size_t i = 0; i < s->config->suppression_count && !all; i++)
		used[i] = true;
	gate_judge_suppressions(s->config, s->results, s->count, used, s->today);
	for (size_t i = 0; i < s->count; i++) {
		if (s->strict)
			gate_strict(&s->results[i]);
		if (s->accept)
			excuse_findings(&s->results[i]);
	}
	s->status = gate_status(s->results, s->count);
}
