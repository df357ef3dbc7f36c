/* symbol.c - the frames of a snapshot as lines; see symbol.h.
 *
 * Many frames of the trie share a return address (the same call under other
 * callers), so lines are kept by (module, address) and frames point to them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/alloc.h"
#include "base/index.h"
#include "base/intern.h"
#include "base/array.h"
#include "demangle.h"
#include "model/perfmap.h"
#include "symbol.h"
#include "symbol_module.h"
#include "symbol_python.h"
#include "wrappers.h"

#define INLINE_MAX 64u          /* lines of one frame */
#define STACK_MAX_FRAMES 65536u /* bounds every walk along parents */

struct lines {
	const struct symbol_line *lines;
	uint32_t count;
};

/* What frames of one address show. */
struct place {
	uint64_t address;
	uint32_t module;
	bool exact;
	struct lines lines;
};

struct module_state {
	uint64_t without_source; /* frames that were looked up */
	struct symbol_module *opened;
	bool tried, shared;
};

/* Beside numbers of modules: the place of a Python frame. */
#define PYTHON_MODULE UINT32_MAX

struct symbols {
	const struct snapshot *s;
	bool plumbing_hidden; /* some stacks have Python frames */
	uint8_t *plumbing;    /* [frames * 2] 0 not asked yet, 1 no, 2 yes */
	uint32_t *alike;      /* NULL: not asked yet */
	struct module_state *modules;
	uint32_t *frames;     /* by frame: its place; 0: not yet asked */
	struct lines *stacks; /* by site; count 0: not yet asked */
	uint32_t *stored;     /* first index + 1 in s->symbols by frame, or NULL */
	struct place *places; /* from 1 on */
	uint32_t place_count, place_capacity, line_count;
	struct index by_address; /* of the places */
	struct symbols_made made, members;
	void **owned;
	size_t owned_count, owned_capacity;
	char **warnings;
	size_t warning_count;
	uint64_t looked_up, without_source;
	struct intern texts; /* symbols_keep_text */
};

static void count_looked_up(struct symbols *y, uint32_t module, bool with_source)
{
	/* Nobody needs the sources of the interpreter to read lines of Python. */
	if (module < y->s->module_count && (y->s->modules[module].flags & MODULE_PYTHON))
		return;
	y->looked_up++;
	if (with_source)
		return;
	y->without_source++;
	if (module < y->s->module_count)
		y->modules[module].without_source++;
}

static void *keep_pointer(struct symbols *y, void *p)
{
	return *ARRAY_ADD(y->owned, y->owned_count, y->owned_capacity) = p;
}

/* Stored lines of a frame stand together, in order; what does not is left out. */
static void index_stored(struct symbols *y)
{
	const struct snapshot *s = y->s;

	if (!s->symbol_count)
		return;
	y->stored = alloc_zeroed(s->frame_count + 1, sizeof(*y->stored));
	for (size_t i = 0; i < s->symbol_count && i < UINT32_MAX - 1; i++) {
		uint32_t frame = s->symbols[i].frame;

		if (frame < s->frame_count && !y->stored[frame])
			y->stored[frame] = (uint32_t)i + 1;
	}
}

struct symbols *symbols_new(const struct snapshot *s)
{
	struct symbols *y = alloc_zeroed(1, sizeof(*y));

	y->s = s;
	y->modules = alloc_zeroed(s->module_count + 1, sizeof(*y->modules));
	y->frames = alloc_zeroed(s->frame_count + 1, sizeof(*y->frames));
	y->stacks = alloc_zeroed(s->site_count + 1, sizeof(*y->stacks));
	y->plumbing_hidden = s->code_count && !symbol_python_shows_plumbing();
	index_stored(y);
	return y;
}

void symbols_free(struct symbols *y)
{
	if (!y)
		return;
	for (size_t i = 0; i < y->s->module_count; i++)
		if (y->modules[i].opened && !y->modules[i].shared)
			symbol_module_release(y->modules[i].opened);
	for (size_t i = 0; i < y->owned_count; i++)
		free(y->owned[i]);
	for (size_t i = 0; i < y->warning_count; i++)
		free(y->warnings[i]);
	free(y->warnings);
	if (y->made.it)
		y->made.release(y->made.it);
	if (y->members.it)
		y->members.release(y->members.it);
	intern_free(&y->texts);
	free(y->plumbing);
	free(y->alike);
	free(y->owned);
	free(y->places);
	index_free(&y->by_address);
	free(y->stored);
	free(y->stacks);
	free(y->frames);
	free(y->modules);
	free(y);
}

static void add_warning(struct symbols *y, char *text)
{
	*ARRAY_APPEND(y->warnings, y->warning_count) = text;
}

/* Without build ids only the time can tell that a file is another build. */
static void warn_newer(struct symbols *y, const char *path)
{
	struct stat st;

	if (y->s->process->taken_wall_ns && stat(path, &st) == 0
		&& (uint64_t)st.st_mtim.tv_sec > y->s->process->taken_wall_ns / 1000000000)
		add_warning(y,
			alloc_printf("%s has no build id and is newer than the snapshot: "
				     "its names may be wrong",
				path));
}

struct symbol_module *symbols_module(struct symbols *y, uint32_t index)
{
	const struct snapshot *s = y->s;
	const struct tide_module *m;
	struct module_state *state;
	const char *path, *build_id;

	if (index == 0 || index >= s->module_count)
		return NULL;
	state = &y->modules[index];
	m = &s->modules[index];
	if (state->tried)
		return state->opened;
	state->tried = true;
	path = snapshot_string(s, m->path);
	build_id = snapshot_string(s, m->build_id);
	if ((m->flags & MODULE_VDSO) || !*path)
		return NULL;
	/* A library that was loaded twice has two entries. */
	for (size_t i = 1; i < s->module_count; i++) {
		if (y->modules[i].opened && !strcmp(path, snapshot_string(s, s->modules[i].path))
			&& !strcmp(build_id, snapshot_string(s, s->modules[i].build_id))) {
			state->shared = true;
			return state->opened = y->modules[i].opened;
		}
	}
	state->opened = symbol_module_share(path, build_id);
	if (!*build_id)
		warn_newer(y, path);
	return state->opened;
}

/* "module+0xOFFSET": of the function's start where that is known, so that all its
 * frames have one name; the line's address says which it is. */
static const char *make_name(struct symbols *y, uint32_t module, uint64_t address, bool exact)
{
	const struct snapshot *s = y->s;
	struct symbol_module *m = symbols_module(y, module);
	const char *path, *slash;
	uint64_t at, start;

	if (module == 0 || module >= s->module_count
		|| !*(path = snapshot_string(s, s->modules[module].path)))
		return keep_pointer(y, alloc_printf("0x%llx", (unsigned long long)address));
	slash = strrchr(path, '/');
	at = address - s->modules[module].bias;
	start = m ? symbol_module_function_start(m, exact ? at : at - 1) : 0;
	return keep_pointer(y,
		alloc_printf("%s+0x%llx", slash && slash[1] ? slash + 1 : path,
			(unsigned long long)(start ? start : at)));
}

/* Made once: names of templates are long, and rules ask for this one again and again. */
static const char *make_plain_name(struct symbols *y, const char *function)
{
	char plain[1024];

	if (!strpbrk(function, "(<[{ "))
		return NULL;
	demangle_plain(function, plain, sizeof(plain));
	return keep_pointer(y, alloc_string(plain));
}

/* A new place with `count` empty lines. */
static struct symbol_line *add_place(struct symbols *y, size_t count, uint32_t *place)
{
	struct symbol_line *lines = keep_pointer(y, alloc_zeroed(count, sizeof(*lines)));

	ARRAY_RESERVE(y->places, y->place_capacity, y->place_count + 2); /* from 1 on */
	*place = ++y->place_count;
	y->places[*place] = (struct place){ .lines = { lines, (uint32_t)count } };
	return lines;
}

static uint32_t resolve(struct symbols *y, uint32_t index, uint64_t address, bool exact)
{
	const struct snapshot *s = y->s;
	struct symbol_module *m = symbols_module(y, index);
	struct symbol_place places[INLINE_MAX];
	struct symbol_line *lines;
	const struct tide_jit *jit;
	const char *path = NULL;
	uint64_t pc = exact ? address : address - 1, bias;
	size_t count = 0;
	uint32_t place;

	if (index && index < s->module_count) {
		path = snapshot_string(s, s->modules[index].path);
		bias = s->modules[index].bias;
		if (m)
			count = symbol_module_places(m, pc - bias, places, INLINE_MAX);
		/* Nothing before it, and a function begins here: put as a stack's outermost return address. */
		if (m && !count && !exact
			&& symbol_module_function_start(m, address - bias) == address - bias)
			count = symbol_module_places(m, address - bias, places, INLINE_MAX);
		count_looked_up(y, index, count && places[0].file);
	}
	if (count == 0) {
		jit = path ? NULL : perfmap_find(s->jit, s->jit_count, pc);
		places[0] = (struct symbol_place){ jit ? snapshot_string(s, jit->name) : NULL, NULL, 0 };
		count = 1;
	}
	lines = add_place(y, count, &place);
	for (size_t i = 0; i < count; i++) {
		bool named = places[i].function && *places[i].function;

		lines[i] = (struct symbol_line){
			.function = named       ? places[i].function
				: i + 1 < count ? "[inlined]"
						: make_name(y, index, address, exact),
			.file = places[i].file,
			.line = places[i].line,
			.module = path,
			.address = address,
			.inlined = i + 1 < count,
			.has_symbol = named,
			.language = "native",
			.number = ++y->line_count,
		};
		lines[i].plain = make_plain_name(y, lines[i].function);
		lines[i].wrapper = named && wrappers_has(lines[i].function);
	}
	return place;
}

static uint32_t resolve_python(struct symbols *y, uint64_t at)
{
	uint32_t place;
	struct symbol_line *line = add_place(y, 1, &place);

	symbol_python_line(y->s, at, line);
	line->number = ++y->line_count;
	return place;
}

static uint32_t read_stored_lines(struct symbols *y, uint32_t frame)
{
	const struct snapshot *s = y->s;
	const struct tide_frame *f = &s->frames[frame];
	size_t first = y->stored[frame] - 1, n = 1;
	struct symbol_line *lines;
	uint32_t place;

	while (n < INLINE_MAX && first + n < s->symbol_count && s->symbols[first + n].frame == frame)
		n++;
	lines = add_place(y, n, &place);
	for (size_t i = 0; i < n; i++) {
		const struct tide_symbol *t = &s->symbols[first + i];
		const char *function = snapshot_string(s, t->function), *file = snapshot_string(s, t->file);

		lines[i] = (struct symbol_line){
			.function = *function ? function
					      : make_name(y, f->module, f->address, f->flags & FRAME_SIGNAL),
			.file = *file ? file : NULL,
			.line = t->line,
			.address = f->address,
			.module = f->module && f->module < s->module_count
				? snapshot_string(s, s->modules[f->module].path)
				: NULL,
			.inlined = i + 1 < n,
			.has_symbol = *function && !(t->flags & SYMBOL_MADE_FROM_ADDRESS),
			.language = "native",
			.number = ++y->line_count,
		};
		lines[i].plain = make_plain_name(y, lines[i].function);
		lines[i].wrapper = lines[i].has_symbol && wrappers_has(function);
	}
	count_looked_up(y, f->module, lines[0].file != NULL);
	return place;
}

static uint32_t find_place(struct symbols *y, uint32_t frame)
{
	const struct tide_frame *f = &y->s->frames[frame];
	bool exact = f->flags & FRAME_SIGNAL, python = f->flags & FRAME_PYTHON;
	uint32_t module = python ? PYTHON_MODULE : f->module;
	uint64_t hash = index_hash(f->address ^ (uint64_t)module << 48 ^ (uint64_t)exact << 63);
	struct place *p;
	uint32_t place;

	INDEX_EACH(&y->by_address, hash, probe)
	{
		p = &y->places[probe.number];
		if (p->address == f->address && p->module == module && p->exact == exact)
			return probe.number;
	}
	place = python                          ? resolve_python(y, f->address)
		: y->stored && y->stored[frame] ? read_stored_lines(y, frame)
						: resolve(y, f->module, f->address, exact);
	y->looked_up += python; /* has file and line */
	p = &y->places[place];
	p->address = f->address;
	p->module = module;
	p->exact = exact;
	index_add(&y->by_address, hash, place);
	return place;
}

const struct symbol_line *symbols_frame(struct symbols *y, uint32_t frame, size_t *count)
{
	static const struct symbol_line nothing = { .function = "[unknown]", .language = "native" };
	uint32_t *place;

	if (frame == 0 || frame >= y->s->frame_count) {
		*count = 1;
		return &nothing;
	}
	place = &y->frames[frame];
	if (!*place)
		*place = find_place(y, frame);
	*count = y->places[*place].lines.count;
	return y->places[*place].lines.lines;
}

/* The one line of a site that has no frames. */
static const struct symbol_line *name_without_frames(struct symbols *y, uint32_t site)
{
	static const struct symbol_line unknown = { .function = "[unknown]", .language = "native" };
	struct lines *known = site < y->s->site_count ? &y->stacks[site] : NULL;
	const char *label = snapshot_site_label(site);
	struct symbol_line *line;

	if (!known || known->count)
		return known ? known->lines : &unknown;
	if (y->s->sites[site].flags & SITE_OF_SIZE)
		label = keep_pointer(
			y, alloc_printf("(blocks of %llu bytes)", 8ull * y->s->sites[site].depth));
	if (!label)
		return &unknown;
	line = keep_pointer(y, alloc_zeroed(1, sizeof(*line)));
	*line = (struct symbol_line){ .function = label, .language = "native", .number = ++y->line_count };
	*known = (struct lines){ line, 1 };
	return line;
}

/* The innermost frame of a site that is not the profiler's own. */
static uint32_t find_first_frame(const struct symbols *y, uint32_t site)
{
	const struct snapshot *s = y->s;
	uint32_t first = site < s->site_count ? s->sites[site].frame : 0, frame = first;

	for (size_t n = 0; frame && frame < s->frame_count && n < STACK_MAX_FRAMES; n++) {
		uint32_t module = s->frames[frame].module;

		if (module >= s->module_count || !(s->modules[module].flags & MODULE_SHIM))
			return frame;
		frame = s->frames[frame].parent;
	}
	return first;
}

uint32_t **symbols_alike_kept(struct symbols *y) { return y->plumbing_hidden ? &y->alike : NULL; }

struct walk {                   /* over the frames of a site that are shown, innermost first */
	uint32_t frame, frames; /* 0: at the end; how many so far */
	bool hides;
};

/* Names are matched once for each frame: a frame of the interpreter is in thousands of stacks. */
bool symbols_is_plumbing(struct symbols *y, uint32_t frame, bool python)
{
	uint8_t *known;
	size_t n;

	if (!y->plumbing)
		y->plumbing = alloc_zeroed(y->s->frame_count * 2 + 1, sizeof(*y->plumbing));
	known = &y->plumbing[frame * 2ull + python];
	if (!*known)
		*known = symbol_python_plumbing(python, y->s, frame, symbols_frame(y, frame, &n), &n) ? 2 : 1;
	return *known == 2;
}

bool symbols_has_python(const struct symbols *y, uint32_t site)
{
	return y->s->code_count && symbol_python_runs(y->s, find_first_frame(y, site));
}

static void walk_skip(struct symbols *y, struct walk *w)
{
	if (w->frame >= y->s->frame_count || ++w->frames > STACK_MAX_FRAMES)
		w->frame = 0;
	while (y->plumbing_hidden && w->frame && symbols_is_plumbing(y, w->frame, w->hides)) {
		uint32_t parent = y->s->frames[w->frame].parent;

		/* A stack that was cut may end in the eval loop, but no stack is empty. */
		if (parent - 1 >= w->frame - 1 && w->frames == 1)
			break;
		w->frame = parent - 1 < w->frame - 1 ? parent : 0;
	}
}

static struct walk walk_start(struct symbols *y, uint32_t site)
{
	uint32_t frame = find_first_frame(y, site);
	struct walk w = { frame, 0, y->plumbing_hidden && symbol_python_runs(y->s, frame) };

	walk_skip(y, &w);
	return w;
}

static void walk_to_next(struct symbols *y, struct walk *w)
{
	w->frame = y->s->frames[w->frame].parent;
	walk_skip(y, w);
}

const struct symbol_line *symbols_stack(struct symbols *y, uint32_t site, size_t *count)
{
	struct symbol_line *stack;
	const struct symbol_line *from;
	size_t n = 0, lines, at = 0;
	struct walk first = walk_start(y, site), w;

	if (!first.frame) {
		*count = 1;
		return name_without_frames(y, site);
	}
	if (y->stacks[site].count) {
		*count = y->stacks[site].count;
		return y->stacks[site].lines;
	}
	for (w = first; w.frame; walk_to_next(y, &w)) {
		symbols_frame(y, w.frame, &lines);
		n += lines;
	}
	stack = keep_pointer(y, alloc_bytes(n * sizeof(*stack)));
	for (w = first; w.frame; walk_to_next(y, &w)) {
		from = symbols_frame(y, w.frame, &lines);
		memcpy(stack + at, from, lines * sizeof(*stack));
		at += lines;
	}
	y->stacks[site] = (struct lines){ stack, (uint32_t)n };
	*count = n;
	return stack;
}

size_t symbols_walk(struct symbols *y, uint32_t site, const struct symbol_line ***line, size_t *room)
{
	size_t count = 0, lines = 1;
	struct walk w = walk_start(y, site);
	const struct symbol_line *from = w.frame ? NULL : name_without_frames(y, site);

	do {
		if (w.frame)
			from = symbols_frame(y, w.frame, &lines);
		ARRAY_RESERVE(*line, *room, count + lines);
		for (size_t i = 0; i < lines; i++)
			(*line)[count++] = &from[i];
		if (w.frame)
			walk_to_next(y, &w);
	} while (w.frame);
	return count;
}

const struct symbol_line *symbols_beyond(struct symbols *y, uint32_t site, symbols_passed *passed,
	const void *context, size_t *index, uint32_t *at)
{
	const struct symbol_line *line = NULL;
	struct walk w = walk_start(y, site);
	bool python = y->s->code_count && symbol_python_runs(y->s, w.frame);
	size_t before = 0, lines = 1;

	*index = *at = 0;
	if (!w.frame)
		return name_without_frames(y, site);
	for (; w.frame; walk_to_next(y, &w)) {
		line = symbols_frame(y, w.frame, &lines);
		for (size_t i = 0; i < lines; i++) {
			*index = before + i;
			if (!line[i].python
				&& (line[i].wrapper || (passed && passed(context, &line[i]))
					|| (python && symbol_python_says_more(y->s, w.frame, &line[i]))))
				continue;
			*at = w.frame;
			return &line[i];
		}
		before += lines;
	}
	return &line[lines - 1];
}

const struct snapshot *symbols_snapshot(const struct symbols *y) { return y->s; }

struct symbols_made *symbols_made(struct symbols *y) { return &y->made; }

struct symbols_made *symbols_members(struct symbols *y) { return &y->members; }

const char *symbols_warning(const struct symbols *y, size_t index)
{
	if (index < y->warning_count)
		return y->warnings[index];
	index -= y->warning_count;
	for (size_t i = 0; i < y->s->module_count; i++) {
		const struct module_state *m = &y->modules[i];

		if (m->opened && !m->shared && symbol_module_warning(m->opened) && index-- == 0)
			return symbol_module_warning(m->opened);
	}
	return NULL;
}

double symbols_without_source(const struct symbols *y)
{
	return y->looked_up ? (double)y->without_source / (double)y->looked_up : 0;
}

size_t symbols_without_source_in(const struct symbols *y, struct symbols_share *list, size_t capacity)
{
	size_t count = 0;

	for (size_t i = 1; i < y->s->module_count; i++) {
		struct symbols_share share = { snapshot_string(y->s, y->s->modules[i].path),
			(double)y->modules[i].without_source / (double)(y->looked_up + !y->looked_up) };
		size_t at = count;

		for (; at && list[at - 1].share < share.share; at--)
			if (at < capacity)
				list[at] = list[at - 1];
		if (at < capacity && share.share > 0) {
			list[at] = share;
			count += count < capacity;
		}
	}
	return count;
}

const char *symbols_keep_text(struct symbols *y, const char *text)
{
	uint32_t number = intern_text(&y->texts, text);

	return y->texts.text[number];
}
