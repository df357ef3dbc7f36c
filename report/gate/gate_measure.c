/* gate_measure.c - see gate_measure.h: opening, picking, checking, classifying. */
#include "base/alloc.h"
#include "base/array.h"
#include "base/path.h"
#include "gate_refleaks.h"
#include "gate_waste.h"
#include "gate_private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/blind.h"
#include "analysis/leaks.h"
#include "view/block_types.h"
#include "view/typed_scan.h"

static void give_up(struct gate_measure *m, char *why)
{
	if (m->unmeasured)
		free(why);
	else
		m->unmeasured = why;
}

static void close_sources(struct gate_sources *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct gate_process *p = &s->processes[i];

		for (size_t k = 0; k < p->step_count; k++) {
			if (p->symbols[k])
				symbols_free(p->symbols[k]);
			snapshot_close(&p->steps[k]);
		}
		free(p->steps), free(p->symbols);
	}
	free(s->processes), free(s->origins), free(s);
}

static void fill_stack(struct gate_sources *s, struct gate_origin o, struct gate_stack *stack)
{
	struct gate_process *p = &s->processes[o.process];
	size_t count;
	const struct symbol_line *line = symbols_stack(p->symbols[p->step_count - 1], o.site, &count);

	stack->count = count;
	stack->snapshot = alloc_string(p->steps[p->step_count - 1].path);
	stack->frame = alloc_zeroed(count + 1, sizeof *stack->frame);
	for (size_t i = 0; i < count; i++) {
		struct gate_frame *f = &stack->frame[i];

		f->function = alloc_string(line[i].function);
		f->file = line[i].file ? alloc_string(source_root_path(s->roots, line[i].file)) : NULL;
		f->module = line[i].module ? alloc_string(line[i].module) : NULL;
		f->language = line[i].language ? alloc_string(line[i].language) : NULL;
		f->line = line[i].line;
		f->address = line[i].address;
		f->inlined = line[i].inlined;
	}
}

static bool matches_exe(const struct snapshot *s, const char *wanted)
{
	const char *exe = snapshot_string(s, s->process->exe);
	char file[PATH_MAX];

	/* By the name it was started with, or by that of the file behind a link. */
	return !strcmp(exe, wanted) || !strcmp(path_base(exe), wanted)
		|| (realpath(exe, file) && (!strcmp(file, wanted) || !strcmp(path_base(file), wanted)));
}

/* The `sh -c` of a scenario, where it did not become the program. */
static bool is_shell(const struct snapshot *s, pid_t parent)
{
	char shell[PATH_MAX], exe[PATH_MAX];

	return parent && s->process->parent_pid == parent && realpath("/bin/sh", shell)
		&& realpath(snapshot_string(s, s->process->exe), exe) && !strcmp(shell, exe);
}

/* By process, then in the order they were taken. */
static int compare_processes(const void *x, const void *y)
{
	const struct tide_process *a = ((const struct snapshot *)x)->process;
	const struct tide_process *b = ((const struct snapshot *)y)->process;

	if (a->started_wall_ns != b->started_wall_ns)
		return a->started_wall_ns < b->started_wall_ns ? -1 : 1;
	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	if (a->taken_wall_ns != b->taken_wall_ns)
		return a->taken_wall_ns < b->taken_wall_ns ? -1 : 1;
	return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

/* Opens what counts, and sorts it into processes. */
static void open_snapshots(const struct gate_source *source, struct gate_sources *s, struct gate_measure *m)
{
	struct snapshot *all = alloc_bytes((source->count + 1) * sizeof *all);
	size_t count = 0, shells = 0, others = 0;

	for (size_t i = 0; i < source->count; i++) {
		struct tide_error e = { 0 };

		if (snapshot_open(source->paths[i], &all[count], &e)) {
			give_up(m, alloc_printf("%s%s%s", e.what, *e.why ? ": " : "", e.why));
			continue;
		}
		if (is_shell(&all[count], source->shell_parent))
			shells++;
		else if (source->exe && !matches_exe(&all[count], source->exe))
			others++;
		else {
			count++;
			continue;
		}
		snapshot_close(&all[count]);
	}
	if (!count && others)
		give_up(m,
			alloc_printf("no snapshot of `%s`, %zu of other programs: check exe =", source->exe,
				others));
	if (!count)
		give_up(m,
			alloc_printf(
				"no snapshot was left: a static or setuid program, or one killed early%s; "
				"tidemark doctor PROGRAM says more",
				shells ? " (only the shell was seen)" : ""));
	if (count)
		qsort(all, count, sizeof *all, compare_processes);
	s->processes = alloc_zeroed(count + 1, sizeof *s->processes);
	for (size_t i = 0, next; i < count; i = next) {
		struct gate_process *p = &s->processes[s->count++];

		for (next = i + 1; next < count && snapshot_same_process(all[i].process, all[next].process);)
			next++;
		p->step_count = next - i;
		p->steps = alloc_bytes(p->step_count * sizeof *p->steps);
		memcpy(p->steps, all + i, p->step_count * sizeof *p->steps);
		p->symbols = alloc_zeroed(p->step_count, sizeof *p->symbols);
	}
	free(all);
}

/* Why the last snapshot of a process cannot be judged; NULL: it can. To free. */
static char *explain_unfit(struct snapshot *s)
{
	const struct tide_process *p = s->process;
	const char *exe = path_base(snapshot_string(s, p->exe));
	const char *why = snapshot_string(s, p->incomplete_why);
	uint64_t rounds = snapshot_value(s, "rounds");

	snapshot_verify(s);
	if (s->damaged)
		return alloc_printf("%s is damaged: %s", s->path, s->damage);
	if (rounds && !growth_fits(TIDE_ROUND_BUCKETS, rounds, snapshot_value(s, "rounds.width")))
		return alloc_printf("%s is damaged: its number of rounds is impossible", s->path);
	if (p->exit_signal) {
		char *error = gate_errors_of_dead(s),
		     *text = alloc_printf("%s (pid %d) was ended by signal %u (%s)%s%s", exe, p->pid,
			     p->exit_signal, strsignal((int)p->exit_signal), error ? ": " : "",
			     error ? error : "");

		free(error);
		return text;
	}
	if (p->reason == REASON_POST_MORTEM)
		return alloc_printf(
			"%s (pid %d) ended without a snapshot of its own: killed, or _exit", exe, p->pid);
	if (!p->references)
		return alloc_printf("the snapshot of %s (pid %d) has no references%s%s", exe, p->pid,
			*why ? ": " : "", why);
	if (!p->complete)
		return alloc_printf(
			"the snapshot of %s (pid %d) is incomplete%s%s", exe, p->pid, *why ? ": " : "", why);
	return NULL;
}

/* GM3: the birth number of the last fork this process came from. */
static uint32_t find_last_fork(const struct snapshot *s)
{
	uint32_t birth = 0;

	for (size_t i = 0; i < s->mark_count; i++)
		if (s->marks[i].kind == MARK_FORK && s->marks[i].birth > birth)
			birth = s->marks[i].birth;
	return birth;
}

static uint64_t count_missed(const struct snapshot *s)
{
	/* Counters that mean "an event was not charged to its block or site". Cut stacks and
	 * what is only late or nested are recorded elsewhere. */
	static const char *const name[] = { "missed.sites_full", "missed.blocks", "missed.frees",
		"missed.no_memory" };
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
		sum += snapshot_value(s, name[i]);
	return sum;
}

/* Adds what a suppression took, under its name in the gate file. */
static void note_suppressed(
	const struct gate_source *source, const struct leak_record *r, struct gate_measure *m)
{
	int owner = r->suppression >= 0 && (size_t)r->suppression < source->rules->owner_count
		? source->rules->owner[r->suppression]
		: GATE_BUILT_IN;
	const struct gate_config *c = source->config;
	const char *name = "built-in", *why = "libc, the loader or libstdc++ keep it";
	struct gate_suppressed *s;
	size_t i = 0;

	if (owner >= 0 && (size_t)owner < c->suppression_count) {
		name = c->suppressions[owner].name;
		why = c->suppressions[owner].why;
		source->rules->used[owner] = true;
	} else if (r->suppression >= 0
		&& suppress_is_of_program(&source->rules->suppress->rules[r->suppression])) {
		name = source->rules->suppress->rules[r->suppression].name;
		why = "the program says so to LeakSanitizer";
	} else if (owner >= 0) {
		name = source->rules->suppress->rules[r->suppression].name;
		why = "from a file of --suppressions";
	}
	while (i < m->suppressed_count && strcmp(m->suppressed[i].name, name))
		i++;
	if (i == m->suppressed_count) {
		*ARRAY_ADD(m->suppressed, m->suppressed_count, m->suppressed_capacity) =
			(struct gate_suppressed){ alloc_string(name), alloc_string(why), 0, 0 };
	}
	s = &m->suppressed[i];
	s->blocks += r->blocks;
	s->bytes += r->bytes;
}

static void add_record(const struct leak_record *r, struct gate_lost *lost)
{
	struct gate_lost *to = &lost[r->site];

	to->lost_blocks += r->blocks;
	to->lost_bytes += r->bytes;
	if (r->kind == LEAK_UNREFERENCED) {
		to->unreferenced_blocks += r->blocks;
		to->unreferenced_bytes += r->bytes;
	} else if (r->kind == LEAK_CYCLE) {
		to->cycle_blocks += r->blocks;
		to->cycle_bytes += r->bytes;
	}
}

/* What hangs below root leaks and cycles. Of the groups: a ring of two sites is in the records of both. */
static void add_below(const struct leak_group *g, struct gate_lost *to)
{
	if (g->suppression >= 0 || g->retained_blocks <= g->blocks)
		return;
	to->below_blocks += g->retained_blocks - g->blocks;
	to->below_bytes += g->retained_bytes > g->bytes ? g->retained_bytes - g->bytes : 0;
}

/* What the lost blocks of each site are. */
static void add_types(const struct snapshot *s, struct symbols *symbols, const struct leaks *l,
	struct gate_lost *lost, struct gate_measure *m)
{
	struct block_types types;

	if (!l->lost.blocks)
		return;
	block_types_find(&types, s, symbols);
	for (size_t i = 0; i < s->block_count; i++) {
		const char *name = block_types_name(&types, i);
		unsigned kind = l->kind[i] & LEAK_KIND_MASK;

		if (!LEAK_IS_LOST(kind) || l->kind[i] & (LEAK_SUPPRESSED | LEAK_LEFT_OUT))
			continue;
		gate_type_add(&lost[s->blocks[i].site].types.of[kind],
			name ? intern_text(&m->types, name) + 1 : GATE_TYPE_UNKNOWN);
	}
	block_types_free(&types);
}

static struct gate_lost *classify_lost(
	const struct gate_source *source, struct gate_process *p, struct gate_measure *m)
{
	struct snapshot *s = &p->steps[p->step_count - 1];
	struct gate_lost *lost = alloc_zeroed(s->site_count + 1, sizeof *lost);
	struct leaks_options o = { .symbols = p->symbols[p->step_count - 1],
		.suppress = source->rules->suppress,
		.since = find_last_fork(s) };
	struct tide_error e = { 0 };
	size_t rules = source->rules->suppress->count;
	struct leaks l;

	typed_scan(s, o.symbols);
	if (leaks_classify(s, &o, &l, &e)) {
		give_up(m, alloc_printf("%s: %s%s%s", s->path, e.what, *e.why ? ": " : "", e.why));
		return lost;
	}
	if (!l.complete)
		give_up(m, alloc_printf("%s: %s", s->path, *l.why ? l.why : "what is lost is not sure"));
	for (size_t i = 0; i < l.record_count; i++) {
		const struct leak_record *r = &l.records[i];

		if (!LEAK_IS_LOST(r->kind) || r->site >= s->site_count)
			continue;
		if (r->suppression >= 0)
			note_suppressed(source, r, m);
		else
			add_record(r, lost);
	}
	for (size_t i = 0; i < l.group_count; i++)
		if (l.groups[i].site < s->site_count)
			add_below(&l.groups[i], &lost[l.groups[i].site]);
	add_types(s, o.symbols, &l, lost, m);
	leaks_free(&l);
	/* What this program leaves out does not hold for the next one. */
	suppress_cut(source->rules->suppress, rules);
	return lost;
}

/* The most that was resident at any point that the snapshot knows, without what the profiler itself takes. */
static uint64_t resident_most(const struct snapshot *s)
{
	uint64_t most = s->process->rss_bytes, own = s->process->own_bytes;

	for (size_t i = 0; i < s->point_count; i++)
		if (s->timeline[i].rss_bytes > most)
			most = s->timeline[i].rss_bytes;
	return most > own ? most - own : 0;
}

/* What the whole scenario has, from the judged snapshots. */
static void sum_processes(
	const struct gate_sources *s, const struct gate_source *source, struct gate_measure *m)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct gate_process *p = &s->processes[i];
		const struct snapshot *last = &p->steps[p->step_count - 1];
		uint64_t rounds = snapshot_value(last, "rounds");

		if (!i) {
			m->exe = alloc_string(source->exe
					? path_base(source->exe)
					: path_base(snapshot_string(last, last->process->exe)));
			m->arch = alloc_string(snapshot_string(last, last->process->machine));
			m->libc = alloc_string(snapshot_string(last, last->process->libc));
		}
		m->live_blocks += last->process->live_blocks;
		m->live_bytes += last->process->live_bytes;
		if (last->process->peak_bytes > m->peak_bytes)
			m->peak_bytes = last->process->peak_bytes;
		if (resident_most(last) > m->rss_bytes)
			m->rss_bytes = resident_most(last);
		gate_waste_measure(last, m);
		m->events += last->process->total_blocks;
		m->missed += count_missed(last);
		if (source->series && !rounds)
			rounds = p->step_count;
		if (rounds > m->rounds && (source->rounds || source->series)) {
			m->rounds = rounds;
			m->rounds_missed = snapshot_value(last, "missed.rounds");
		}
	}
}

static void list_snapshots(const struct gate_source *source, struct gate_measure *m)
{
	m->snapshots = alloc_bytes((source->count + 1) * sizeof *m->snapshots);
	for (size_t i = 0; i < source->count; i++)
		m->snapshots[m->snapshot_count++] = alloc_string(source->paths[i]);
}

/* Where one program alone counts, others may be unseen. "PATH (why)". */
static bool is_counted(const struct gate_source *source)
{
	const char *name = path_base(source->unseen), *exe = source->exe ? path_base(source->exe) : NULL;

	return !exe || (!strncmp(name, exe, strlen(exe)) && name[strlen(exe)] == ' ');
}

void gate_measure_take(const struct gate_source *source, struct gate_measure *m)
{
	struct gate_sources *s = alloc_zeroed(1, sizeof *s);
	struct gate_lost **lost;

	memset(m, 0, sizeof *m);
	m->keeps_rss = source->keeps_rss;
	m->keeps_waste = source->keeps_waste;
	m->sources = s;
	s->roots = source->roots;
	list_snapshots(source, m);
	open_snapshots(source, s, m);
	sum_processes(s, source, m);
	for (size_t i = 0; i < s->count; i++) {
		char *why = explain_unfit(&s->processes[i].steps[s->processes[i].step_count - 1]);

		if (why)
			give_up(m, why);
		if (!m->blind)
			m->blind = blind_explain(&s->processes[i].steps[s->processes[i].step_count - 1]);
	}
	if (s->count && !m->blind && !m->events && !m->live_blocks)
		m->blind = alloc_printf("no allocation of %s was seen", m->exe);
	if (!m->blind && source->unseen && is_counted(source))
		m->blind = alloc_printf("nothing was seen of %s", source->unseen);
	if (m->unmeasured)
		return;
	lost = alloc_zeroed(s->count + 1, sizeof *lost);
	for (size_t i = 0; i < s->count; i++) {
		struct gate_process *p = &s->processes[i];

		for (size_t k = 0; k < p->step_count; k++)
			if (k + 1 == p->step_count || source->series)
				p->symbols[k] = symbols_new(&p->steps[k]);
		lost[i] = classify_lost(source, p, m);
	}
	gate_sites_merge(s, lost, source, m);
	gate_errors_collect(s, m);
	if (source->refleaks)
		gate_refleaks_collect(s, source->series, m);
	for (size_t i = 0; i < s->count; i++)
		free(lost[i]);
	free(lost);
}

void gate_measure_stacks(const struct gate_measure *m, struct gate_result *r, bool all)
{
	for (size_t i = 0; i < r->finding_count; i++) {
		struct gate_finding *f = &r->findings[i];

		if (f->stack.frame || !(all || f->fails))
			continue;
		if (f->has_origin)
			fill_stack(m->sources, f->origin, &f->stack);
		else if (f->site < m->site_count)
			fill_stack(m->sources, m->sources->origins[m->sites[f->site].origin], &f->stack);
	}
}

char *gate_measure_death(char *const *paths, size_t count)
{
	char *text = NULL;

	for (size_t i = 0; i < count && !text; i++) {
		struct tide_error e = { 0 };
		struct snapshot s;

		if (snapshot_open(paths[i], &s, &e))
			continue;
		if (s.process->exit_signal)
			text = gate_errors_of_dead(&s);
		snapshot_close(&s);
	}
	return text;
}

void gate_measure_free(struct gate_measure *m)
{
	gate_refleaks_free(m);
	for (size_t i = 0; i < m->site_count; i++) {
		free(m->sites[i].key), free(m->sites[i].function);
		free(m->sites[i].caller), free(m->sites[i].file);
		for (size_t k = 0; k < m->sites[i].line_count; k++)
			free(m->sites[i].lines[k].file);
		free(m->sites[i].lines);
	}
	for (size_t i = 0; i < m->error_count; i++) {
		free(m->errors[i].message), free(m->errors[i].key);
		gate_spot_free(&m->errors[i].spot);
	}
	free(m->errors);
	intern_free(&m->types);
	if (m->sources)
		close_sources(m->sources);
	for (size_t i = 0; i < m->suppressed_count; i++)
		free(m->suppressed[i].name), free(m->suppressed[i].why);
	for (size_t i = 0; i < m->snapshot_count; i++)
		free(m->snapshots[i]);
	free(m->unmeasured), free(m->blind), free(m->exe), free(m->arch), free(m->libc);
	free(m->snapshots), free(m->sites), free(m->suppressed);
	memset(m, 0, sizeof *m);
}
