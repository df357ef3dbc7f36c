/* match.c - which sites and threads --filter and --exclude select: match.h. */
#include <fnmatch.h>
#include <stdlib.h>
#include "base/alloc.h"
#include "match.h"
#include "pattern.h"

struct patterns {
	struct pattern *item;
	size_t count;  /* frames first ... */
	size_t frames; /* ... so many; then threads */
};

struct match {
	const struct snapshot *snapshot;
	struct symbols *symbols;
	bool all_frames;
	struct patterns keep, drop;
	bool *thread; /* selected threads; NULL: all */
	/* With all_frames: what each frame of the trie matches, looked up once. */
	uint8_t *frame; /* FRAME_KNOWN | FRAME_KEEP | FRAME_DROP */
};
#define FRAME_KNOWN 1u
#define FRAME_KEEP 2u
#define FRAME_DROP 4u

static void parse_patterns(struct patterns *to, const struct selection_list *from)
{
	to->item = alloc_zeroed(from->count + 1, sizeof(*to->item));
	for (int threads = 0; threads < 2; threads++) {
		for (size_t i = 0; i < from->count; i++) {
			struct pattern p = pattern_parse(from->item[i]);

			if ((p.kind == PATTERN_THREAD) == threads)
				to->item[to->count++] = p;
			else
				pattern_free(&p);
		}
		if (!threads)
			to->frames = to->count;
	}
}

static bool matches_frames(const struct patterns *p, const struct symbol_line *line)
{
	for (size_t i = 0; i < p->frames; i++)
		if (pattern_matches(&p->item[i], line))
			return true;
	return false;
}

static bool matches_thread(const struct patterns *p, const char *name)
{
	for (size_t i = p->frames; i < p->count; i++)
		if (!fnmatch(p->item[i].glob, name, 0))
			return true;
	return false;
}

struct match *match_new(
	const struct snapshot *s, struct symbols *symbols, const struct selection *o, struct tide_error *e)
{
	struct match *m = alloc_zeroed(1, sizeof(*m));
	size_t selected = 0;

	m->snapshot = s;
	m->symbols = symbols;
	m->all_frames = o->all_frames;
	parse_patterns(&m->keep, &o->filter);
	parse_patterns(&m->drop, &o->exclude);
	if (m->all_frames)
		m->frame = alloc_zeroed(s->frame_count + 1, 1);
	if (m->keep.frames == m->keep.count && m->drop.frames == m->drop.count)
		return m;
	m->thread = alloc_zeroed(s->thread_count + 1, sizeof(*m->thread));
	for (size_t i = 0; i < s->thread_count; i++) {
		const char *name = snapshot_string(s, s->threads[i].name);

		m->thread[i] = (m->keep.frames == m->keep.count || matches_thread(&m->keep, name))
			&& !matches_thread(&m->drop, name);
		selected += m->thread[i];
	}
	if (!selected) {
		error_set(e, EXIT_USAGE,
			"no thread is left by the thread: patterns|the snapshot has %zu "
			"threads|`tidemark info` lists their names",
			s->thread_count);
		match_free(m);
		return NULL;
	}
	return m;
}

static void free_patterns(struct patterns *p)
{
	for (size_t i = 0; i < p->count; i++)
		pattern_free(&p->item[i]);
	free(p->item);
}

void match_free(struct match *m)
{
	free_patterns(&m->keep);
	free_patterns(&m->drop);
	free(m->thread);
	free(m->frame);
	free(m);
}

bool match_threads(const struct match *m) { return m->thread; }

bool match_thread(const struct match *m, uint32_t thread)
{
	return !m->thread || (thread < m->snapshot->thread_count && m->thread[thread]);
}

static uint8_t look_at_frame(struct match *m, uint32_t frame)
{
	const struct symbol_line *line;
	size_t count;

	if (m->frame[frame])
		return m->frame[frame];
	m->frame[frame] = FRAME_KNOWN;
	line = symbols_frame(m->symbols, frame, &count);
	for (size_t i = 0; i < count; i++) {
		if (matches_frames(&m->keep, &line[i]))
			m->frame[frame] |= FRAME_KEEP;
		if (matches_frames(&m->drop, &line[i]))
			m->frame[frame] |= FRAME_DROP;
	}
	return m->frame[frame];
}

bool match_site(struct match *m, uint32_t site)
{
	const struct snapshot *s = m->snapshot;
	const struct symbol_line *line;
	uint8_t seen = 0;
	uint32_t frame;

	if (!m->keep.frames && !m->drop.frames)
		return true;
	if (!m->all_frames) {
		line = symbols_top(m->symbols, site);
		return (!m->keep.frames || matches_frames(&m->keep, line)) && !matches_frames(&m->drop, line);
	}
	frame = site < s->site_count ? s->sites[site].frame : 0;
	/* `steps` ends a cycle in a damaged trie. */
	for (size_t steps = 0; frame && frame < s->frame_count && steps < s->frame_count; steps++) {
		seen |= look_at_frame(m, frame);
		frame = s->frames[frame].parent;
	}
	return (!m->keep.frames || seen & FRAME_KEEP) && !(seen & FRAME_DROP);
}
