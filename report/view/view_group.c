/* view_group.c - sums of views by a key (view.h).
 *
 * Keys are compared as 128-bit hashes of their text (XXH3): with 10 million rows
 * the chance of one false match is below 10^-24.
 */
#define XXH_STATIC_LINKING_ONLY /* XXH3_state_t by value */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/alloc.h"
#include "base/index.h"
#include "base/array.h"
#include "base/path.h"
#include "block_types.h"
#include "symbol/name.h"
#include "symbol/symbol_alike.h"
#include "view.h"

struct texts {
	char **text;
	size_t count, room;
};

struct grouper {
	struct view_group *group;
	size_t room;
	XXH128_hash_t *hash; /* of row i */
	size_t hash_room;
	struct index index; /* of the rows */
	/* For whole stacks: of each line of one view's symbols, by its number. */
	const struct symbols *symbols;
	XXH128_hash_t *line_hash; /* zero: not yet made */
	size_t line_room;
	const struct symbol_line **line; /* of one stack */
	XXH128_hash_t *stack;            /* as many */
	size_t stack_room;
};

static const char *keep_text(struct view_group *g, char *text)
{
	struct texts *t = g->texts;

	return *ARRAY_ADD(t->text, t->count, t->room) = text;
}

/* The row of this key; a new one is all zero. */
static struct view_row *find_row(struct grouper *w, XXH128_hash_t hash)
{
	struct view_group *g = w->group;
	struct view_row *row;

	INDEX_EACH(&w->index, hash.low64, probe)
	if (XXH128_isEqual(w->hash[probe.number], hash))
		return &g->row[probe.number];
	index_add(&w->index, hash.low64, (uint32_t)g->count);
	ARRAY_RESERVE(w->hash, w->hash_room, (uint64_t)g->count + 1);
	w->hash[g->count] = hash;
	row = ARRAY_ADD(g->row, g->count, w->room);
	memset(row, 0, sizeof(*row));
	return row;
}

static void add(struct view_row *row, const struct view *v, uint32_t site, const struct measures *m)
{
	int64_t most = row->view && row->site < row->view->snapshot->site_count
		? row->view->site[row->site].of[LIVE_BYTES]
		: INT64_MIN;

	if (row->view != v)
		row->processes++;
	if (!row->view || v->site[site].of[LIVE_BYTES] > most) {
		row->view = v;
		row->site = site;
	}
	row->sites++;
	measures_add(&row->m, m);
}

static void hash_text(XXH3_state_t *state, const char *text)
{
	XXH3_128bits_update(state, text ? text : "", text ? strlen(text) + 1 : 1);
}

static XXH128_hash_t hash_texts(const char *a, const char *b, uint64_t number)
{
	XXH3_state_t state;

	XXH3_128bits_reset(&state);
	hash_text(&state, a);
	hash_text(&state, b);
	XXH3_128bits_update(&state, &number, sizeof(number));
	return XXH3_128bits_digest(&state);
}

/* Across processes a stack is its modules, functions and lines; addresses move. */
static XXH128_hash_t hash_line(struct grouper *w, const struct symbol_line *line)
{
	static const XXH128_hash_t unknown;
	XXH128_hash_t hash = unknown;

	if (line->number < w->line_room)
		hash = w->line_hash[line->number];
	if (!XXH128_isEqual(hash, unknown))
		return hash;
	hash = hash_texts(line->module ? path_base(line->module) : NULL, line->function, line->line);
	if (!line->number)
		return hash;
	if (line->number >= w->line_room) {
		size_t room = line->number * 2u + 1024;

		w->line_hash = alloc_resize(w->line_hash, room * sizeof(*w->line_hash));
		memset(w->line_hash + w->line_room, 0, (room - w->line_room) * sizeof(*w->line_hash));
		w->line_room = room;
	}
	return w->line_hash[line->number] = hash;
}

static XXH128_hash_t hash_stack(struct grouper *w, struct symbols *symbols, uint32_t site)
{
	size_t room = w->stack_room, count = symbols_walk(symbols, site, &w->line, &w->stack_room);

	if (room != w->stack_room)
		w->stack = alloc_resize(w->stack, w->stack_room * sizeof(*w->stack));
	if (w->symbols != symbols) {
		w->symbols = symbols;
		if (w->line_room)
			memset(w->line_hash, 0, w->line_room * sizeof(*w->line_hash));
	}
	for (size_t i = 0; i < count; i++)
		w->stack[i] = hash_line(w, w->line[i]);
	return XXH3_128bits(w->stack, count * sizeof(*w->stack));
}

static const char *name_module(const struct symbol_line *line)
{
	return line->module ? path_base(line->module) : "(no module)";
}

static void group_site(
	struct grouper *w, const struct view *v, uint32_t site, enum view_key key, bool several)
{
	const struct symbol_line *line = NULL;
	struct view_row *row;
	bool file;

	if (key == KEY_SITE && !several) {
		const uint32_t *alike = symbol_alike(v->symbols);
		uint64_t id = alike ? alike[site] : site;

		add(find_row(w, XXH3_128bits(&id, sizeof(id))), v, site, &v->site[site]);
		return;
	}
	if (key == KEY_SITE || key == KEY_STACK) {
		add(find_row(w, hash_stack(w, v->symbols, site)), v, site, &v->site[site]);
		return;
	}
	line = symbols_top(v->symbols, site);
	file = line->file && *line->file;
	switch (key) {
	case KEY_FUNCTION:
		row = find_row(w,
			hash_texts(
				name_shown(line), line->python && file ? line->file : name_module(line), 0));
		break;
	case KEY_FILE:
		row = find_row(w, hash_texts(file ? line->file : name_module(line), NULL, file));
		break;
	case KEY_LINE:
		row = find_row(w,
			file ? hash_texts(line->file, NULL, line->line)
			     : hash_texts(line->function, name_module(line), UINT64_MAX));
		break;
	default: row = find_row(w, hash_texts(line->module, NULL, 0));
	}
	add(row, v, site, &v->site[site]);
	if (row->key)
		return;
	row->line = *line;
	switch (key) {
	case KEY_FUNCTION:
		row->key = name_shown(line);
		row->line.line = 0;
		break;
	case KEY_FILE:
		row->key = file ? line->file : keep_text(w->group, alloc_printf("[%s]", name_module(line)));
		row->line.function = NULL;
		break;
	case KEY_LINE:
		row->key = keep_text(w->group,
			file ? alloc_printf("%s:%u", line->file, line->line)
			     : alloc_printf("[%s] %s", name_module(line), line->function));
		break;
	default: row->key = line->module ? line->module : "(no module)"; row->line.function = NULL;
	}
}

static void add_to_thread(
	struct grouper *w, const struct view *v, uint32_t thread, uint32_t site, const struct measures *m)
{
	const struct snapshot *s = v->snapshot;
	bool is_known = thread < s->thread_count;
	const char *name = is_known ? snapshot_string(s, s->threads[thread].name) : "";
	int tid = is_known ? s->threads[thread].tid : 0;
	struct view_row *row = find_row(
		w, hash_texts(name, NULL, (uint64_t)(uint32_t)tid << 32 | (uint32_t)s->process->pid));

	add(row, v, site, m);
	if (!row->key)
		row->key = keep_text(w->group,
			!tid ? alloc_string("(unknown thread)")
			     : alloc_printf("%s (%d)", *name ? name : "thread", tid));
}

static void group_threads(struct grouper *w, const struct view *v)
{
	const struct snapshot *s = v->snapshot;
	uint8_t *listed = view_sites_listed(s);

	for (size_t i = 0; i < s->thread_site_count; i++) {
		const struct tide_thread_site *t = &s->thread_sites[i];
		struct measures m = { .of = { [TOTAL_BYTES] = (int64_t)t->total_bytes,
					      [TOTAL_BLOCKS] = (int64_t)t->total_blocks } };

		if (t->site >= s->site_count || !v->kept[t->site])
			continue;
		if (!listed[t->site]) {
			m.of[LIVE_BYTES] = t->live_bytes;
			m.of[LIVE_BLOCKS] = t->live_blocks;
		}
		add_to_thread(w, v, t->thread, t->site, &m);
	}
	for (size_t i = 0; i < s->block_count; i++) {
		const struct tide_block *b = &s->blocks[i];
		struct measures m = { .of = { [LIVE_BYTES] = (int64_t)b->bytes, [LIVE_BLOCKS] = 1 } };

		if (b->site < s->site_count && v->kept[b->site] && listed[b->site])
			add_to_thread(w, v, b->thread, b->site, &m);
	}
	free(listed);
	w->group->known = 1u << LIVE_BYTES | 1u << LIVE_BLOCKS | 1u << TOTAL_BYTES | 1u << TOTAL_BLOCKS;
}

/* "0", "1", "2-3", "4-7" ...: bytes, for scripts. */
static char *name_class(unsigned class_)
{
	if (class_ < 2)
		return alloc_string(class_ ? "1" : "0");
	return alloc_printf("%" PRIu64 "-%" PRIu64, UINT64_C(1) << (class_ - 1),
		(UINT64_C(1) << (class_ - 1)) - 1 + (UINT64_C(1) << (class_ - 1)));
}

static struct view_row *find_numbered_row(struct grouper *w, uint64_t number)
{
	return find_row(w, hash_texts(NULL, NULL, number));
}

static void find_size_row(
	struct grouper *w, const struct view *v, uint32_t site, unsigned class_, const struct measures *m)
{
	struct view_row *row = find_numbered_row(w, class_);

	add(row, v, site, m);
	if (!row->key) {
		row->key = keep_text(w->group, name_class(class_));
		row->line.address = class_; /* the order of the screen */
	}
}

static bool is_block_selected(const struct view *v, const struct tide_block *b)
{
	const struct snapshot *s = v->snapshot;

	if (b->site >= s->site_count || !v->has_blocks[b->site])
		return false;
	return selection_has(&v->span, b->birth);
}

static int group_sizes(struct grouper *w, const struct view *v, struct tide_error *e)
{
	const struct snapshot *s = v->snapshot;

	if (!s->size_count && !s->block_count && s->process->total_blocks)
		return error_set(e, EXIT_UNMEASURED,
			"cannot group by size|the snapshot has neither size "
			"histograms nor a list of blocks|");
	for (size_t i = 0; i < s->size_count; i++) {
		const struct tide_bin *b = &s->sizes[i];
		struct measures m = { .of = { [TOTAL_BLOCKS] = (int64_t)b->count } };

		if (b->site < s->site_count && v->kept[b->site])
			find_size_row(w, v, b->site, b->class_ < 64 ? b->class_ : 63, &m);
	}
	for (size_t i = 0; i < s->block_count; i++) {
		const struct tide_block *b = &s->blocks[i];
		struct measures m = { .of = { [LIVE_BYTES] = (int64_t)b->bytes, [LIVE_BLOCKS] = 1 } };

		if (is_block_selected(v, b))
			find_size_row(
				w, v, b->site, b->bytes ? 64u - (unsigned)__builtin_clzll(b->bytes) : 0, &m);
	}
	w->group->known = (s->size_count ? 1u << TOTAL_BLOCKS : 0)
		| (s->block_count ? 1u << LIVE_BYTES | 1u << LIVE_BLOCKS : 0);
	return 0;
}

static char *name_interval(const struct snapshot *s, uint32_t interval)
{
	const char *from = interval && interval <= s->mark_count
		? snapshot_string(s, s->marks[interval - 1].name)
		: "start";
	const char *to = interval < s->mark_count ? snapshot_string(s, s->marks[interval].name) : "snapshot";

	if (!s->mark_count)
		return alloc_string("since start (no marks)");
	return alloc_printf("%s .. %s (%u survived)", *from ? from : "mark", *to ? to : "mark",
		interval < s->mark_count ? (unsigned)(s->mark_count - interval) : 0);
}

static int group_ages(struct grouper *w, const struct view *v, struct tide_error *e)
{
	const struct snapshot *s = v->snapshot;

	if (!s->birth_count && s->process->live_blocks)
		return error_set(e, EXIT_UNMEASURED,
			"cannot group by age|the snapshot does not say when "
			"blocks were born|%s",
			s->process->flags & PROCESS_UNPREPARED
				? "start the program with tidemark run"
				: "take it from the running process, not after a kill");
	for (size_t i = 0; i < s->birth_count; i++) {
		const struct tide_birth *b = &s->births[i];
		struct measures m = { .of = { [LIVE_BYTES] = (int64_t)b->live_bytes,
					      [LIVE_BLOCKS] = (int64_t)b->live_blocks } };
		struct view_row *row;

		if (b->site >= s->site_count || !v->kept[b->site] || b->interval < v->span.first
			|| b->interval > v->span.last)
			continue;
		row = find_numbered_row(w, b->interval);
		add(row, v, b->site, &m);
		if (!row->key) {
			row->key = keep_text(w->group, name_interval(s, b->interval));
			row->line.address = b->interval;
		}
	}
	w->group->known = 1u << LIVE_BYTES | 1u << LIVE_BLOCKS;
	return 0;
}

/* Of objects the type is in the list of blocks: counters do not know it. */
static int group_types(struct grouper *w, const struct view *v, struct tide_error *e)
{
	const struct snapshot *s = v->snapshot;
	struct block_types types;

	snapshot_verify(v->snapshot); /* what it has stored of types is checked there */
	if (!s->block_count && s->process->live_blocks)
		return error_set(e, EXIT_UNMEASURED,
			"cannot group by type|the snapshot has no list of blocks|"
			"take it with references");
	block_types_find(&types, s, v->symbols);
	for (size_t i = 0; i < s->block_count; i++) {
		const struct tide_block *b = &s->blocks[i];
		struct measures m = { .of = { [LIVE_BYTES] = (int64_t)b->bytes, [LIVE_BLOCKS] = 1 } };
		const char *name = block_types_name(&types, i);
		struct view_row *row;

		if (!is_block_selected(v, b))
			continue;
		row = find_row(w, hash_texts(name, NULL, name != NULL));
		add(row, v, b->site, &m);
		if (!row->key)
			row->key = keep_text(w->group, alloc_string(name ? name : "(type unknown)"));
	}
	block_types_free(&types);
	w->group->known = 1u << LIVE_BYTES | 1u << LIVE_BLOCKS;
	return 0;
}

static void learn_together(const struct view *views, size_t count)
{
	struct symbols **symbols = alloc_bytes(count * sizeof(struct symbols *));

	for (size_t i = 0; i < count; i++)
		symbols[i] = views[i].symbols;
	symbols_learn_together(symbols, count);
	free(symbols);
}

int view_group(struct view_group *g, const struct view *views, size_t view_count, enum view_key key,
	struct tide_error *e)
{
	struct grouper w = { .group = g };
	int bad = 0;

	memset(g, 0, sizeof(*g));
	g->key = key;
	g->known = ~0u;
	g->texts = alloc_zeroed(1, sizeof(struct texts));
	if (view_count > 1)
		learn_together(views, view_count);
	for (size_t i = 0; i < view_count && !bad; i++) {
		const struct view *v = &views[i];

		g->known &= v->known;
		if (key == KEY_THREAD)
			group_threads(&w, v);
		else if (key == KEY_SIZE)
			bad = group_sizes(&w, v, e);
		else if (key == KEY_AGE)
			bad = group_ages(&w, v, e);
		else if (key == KEY_TYPE)
			bad = group_types(&w, v, e);
		else
			for (uint32_t site = 0; site < v->snapshot->site_count; site++)
				if (v->kept[site])
					group_site(&w, v, site, key, view_count > 1);
	}
	free(w.hash);
	index_free(&w.index);
	free(w.line_hash);
	free(w.line);
	free(w.stack);
	if (bad)
		view_group_free(g);
	return bad;
}

void view_row_name(struct view_row *row)
{
	if (!row->line.function)
		row->line = *symbols_top(row->view->symbols, row->site);
}

struct order {
	enum view_measure by;
	enum view_key key;
};

static int compare_rows(const void *a, const void *b, void *arg)
{
	static const enum view_measure next[] = { LIVE_BYTES, PEAK_BYTES, TOTAL_BYTES, TOTAL_BLOCKS };
	const struct view_row *x = a, *y = b;
	const struct order *o = arg;

	if (x->m.of[o->by] != y->m.of[o->by])
		return x->m.of[o->by] < y->m.of[o->by] ? 1 : -1;
	for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++)
		if (x->m.of[next[i]] != y->m.of[next[i]])
			return x->m.of[next[i]] < y->m.of[next[i]] ? 1 : -1;
	if (x->key && y->key && strcmp(x->key, y->key))
		return strcmp(x->key, y->key);
	return x->site < y->site ? -1 : x->site > y->site;
}

void view_sort(struct view_group *g, enum view_measure by)
{
	struct order o = { by, g->key };

	if (g->count)
		qsort_r(g->row, g->count, sizeof(*g->row), compare_rows, &o);
}

void view_group_free(struct view_group *g)
{
	struct texts *t = g->texts;

	for (size_t i = 0; t && i < t->count; i++)
		free(t->text[i]);
	if (t)
		free(t->text);
	free(t);
	free(g->row);
	memset(g, 0, sizeof(*g));
}
