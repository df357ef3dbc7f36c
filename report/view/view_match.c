/* view_match.c - see view_match.h. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/path.h"
#include "symbol/demangle.h"
#include "symbol/name.h"
#include "view.h"
#include "view_match.h"

struct pattern pattern_parse(const char *text)
{
	static const struct {
		const char *prefix;
		enum pattern_kind kind;
	} prefix[] = {
		{ "fn:", PATTERN_FUNCTION },
		{ "function:", PATTERN_FUNCTION },
		{ "file:", PATTERN_FILE },
		{ "module:", PATTERN_MODULE },
		{ "thread:", PATTERN_THREAD },
	};
	struct pattern p = { PATTERN_ANY, NULL, 0 };
	const char *colon;

	for (size_t i = 0; i < sizeof(prefix) / sizeof(prefix[0]); i++)
		if (!strncmp(text, prefix[i].prefix, strlen(prefix[i].prefix))) {
			p.kind = prefix[i].kind;
			text += strlen(prefix[i].prefix);
			break;
		}
	colon = strrchr(text, ':');
	if ((p.kind == PATTERN_ANY || p.kind == PATTERN_FILE) && colon && colon > text && colon[-1] != ':'
		&& colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
		p.kind = PATTERN_LINE;
		p.line = (unsigned)strtoul(colon + 1, NULL, 10);
		p.glob = alloc_printf("%.*s", (int)(colon - text), text);
	} else {
		p.glob = alloc_string(text);
	}
	return p;
}

void pattern_free(struct pattern *p)
{
	free(p->glob);
	p->glob = NULL;
}

static bool glob(const char *pattern, const char *text) { return !fnmatch(pattern, text, 0); }

static bool file_matches(const char *pattern, const char *file)
{
	if (glob(pattern, file))
		return true;
	for (const char *slash = strchr(file, '/'); slash; slash = strchr(slash + 1, '/'))
		if (glob(pattern, slash + 1))
			return true;
	return false;
}

static bool module_matches(const char *pattern, const char *module)
{
	const char *base = path_base(module), *so = strstr(base, ".so");
	char stem[256];

	if (glob(pattern, module) || glob(pattern, base))
		return true;
	if (!so || (size_t)(so - base) + 4 > sizeof(stem))
		return false;
	memcpy(stem, base, (size_t)(so - base) + 3);
	stem[so - base + 3] = '\0';
	if (glob(pattern, stem)) /* libfoo.so */
		return true;
	stem[so - base] = '\0';
	return glob(pattern, stem); /* libfoo */
}

static bool function_matches(const char *pattern, const char *function)
{
	char plain[1024], *shorter;
	bool found;

	if (glob(pattern, function) || !strcmp(pattern, function))
		return true;
	if (!strpbrk(function, "(<"))
		return false;
	demangle_plain(function, plain, sizeof(plain));
	if (glob(pattern, plain) || !strcmp(pattern, plain))
		return true;
	shorter = name_function(function, false);
	found = glob(pattern, shorter) || !strcmp(pattern, shorter);
	free(shorter);
	return found;
}

bool pattern_matches(const struct pattern *p, const struct symbol_line *line)
{
	switch (p->kind) {
	case PATTERN_FUNCTION: return function_matches(p->glob, line->function);
	case PATTERN_FILE: return line->file && file_matches(p->glob, line->file);
	case PATTERN_MODULE: return line->module && module_matches(p->glob, line->module);
	case PATTERN_LINE: return line->file && line->line == p->line && file_matches(p->glob, line->file);
	case PATTERN_THREAD: return false;
	default:
		return function_matches(p->glob, line->function)
			|| (line->file && file_matches(p->glob, line->file))
			|| (line->module && module_matches(p->glob, line->module));
	}
}

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

static void patterns_parse(struct patterns *to, const struct selection_list *from)
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

static bool frames_match(const struct patterns *p, const struct symbol_line *line)
{
	for (size_t i = 0; i < p->frames; i++)
		if (pattern_matches(&p->item[i], line))
			return true;
	return false;
}

static bool thread_matches(const struct patterns *p, const char *name)
{
	for (size_t i = p->frames; i < p->count; i++)
		if (glob(p->item[i].glob, name))
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
	patterns_parse(&m->keep, &o->filter);
	patterns_parse(&m->drop, &o->exclude);
	if (m->all_frames)
		m->frame = alloc_zeroed(s->frame_count + 1, 1);
	if (m->keep.frames == m->keep.count && m->drop.frames == m->drop.count)
		return m;
	m->thread = alloc_zeroed(s->thread_count + 1, sizeof(*m->thread));
	for (size_t i = 0; i < s->thread_count; i++) {
		const char *name = snapshot_string(s, s->threads[i].name);

		m->thread[i] = (m->keep.frames == m->keep.count || thread_matches(&m->keep, name))
			&& !thread_matches(&m->drop, name);
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

static void patterns_free(struct patterns *p)
{
	for (size_t i = 0; i < p->count; i++)
		pattern_free(&p->item[i]);
	free(p->item);
}

void match_free(struct match *m)
{
	patterns_free(&m->keep);
	patterns_free(&m->drop);
	free(m->thread);
	free(m->frame);
	free(m);
}

bool match_threads(const struct match *m) { return m->thread; }

bool match_thread(const struct match *m, uint32_t thread)
{
	return !m->thread || (thread < m->snapshot->thread_count && m->thread[thread]);
}

static uint8_t frame_look(struct match *m, uint32_t frame)
{
	const struct symbol_line *line;
	size_t count;

	if (m->frame[frame])
		return m->frame[frame];
	m->frame[frame] = FRAME_KNOWN;
	line = symbols_frame(m->symbols, frame, &count);
	for (size_t i = 0; i < count; i++) {
		if (frames_match(&m->keep, &line[i]))
			m->frame[frame] |= FRAME_KEEP;
		if (frames_match(&m->drop, &line[i]))
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
		return (!m->keep.frames || frames_match(&m->keep, line)) && !frames_match(&m->drop, line);
	}
	frame = site < s->site_count ? s->sites[site].frame : 0;
	/* `steps` ends a cycle in a damaged trie. */
	for (size_t steps = 0; frame && frame < s->frame_count && steps < s->frame_count; steps++) {
		seen |= frame_look(m, frame);
		frame = s->frames[frame].parent;
	}
	return (!m->keep.frames || seen & FRAME_KEEP) && !(seen & FRAME_DROP);
}
