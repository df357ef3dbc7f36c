/* site_key.c - see site_key.h.
 *
 * Stacks are paths in a trie of frames, so the hash of a frame is made from the hash
 * of its caller and its own names, once: the cost is that of the frames, not
 * of sites times depth.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "demangle.h"
#include "base/alloc.h"
#include "base/array.h"
#include "base/path.h"
#include "site_key.h"

/* Deeper than any stack that is kept; ends a loop of parents in a damaged file. */
#define DEPTH_MAX 65536u
#define NAME_MAX_BYTES 1024u

#define NO_SYMBOL_SEED UINT64_C(0x6d6f64756c65)
#define SITE_SEED UINT64_C(0x73697465)

struct frame_hash {
	uint64_t hash;        /* of this frame and all its callers that count */
	uint32_t bare_module; /* 1 + module when its innermost line has no symbol and no offset */
};

/* What goes into the hash of a line with a symbol, by the line's number. */
struct line_name {
	uint32_t text; /* in `texts`; as many bytes */
	uint16_t bytes;
	uint8_t start; /* 1 + enum start; 0: not yet known */
};

struct site_keys {
	const struct snapshot *snapshot;
	struct symbols *symbols;
	/* Of frames as they are in stacks without Python frames, and, from the number `python` on, as they are in
	 * those with them: what the interpreter puts between its frames does not count there. */
	uint64_t *hash; /* of struct frame_hash */
	uint32_t *bare; /* 1 + bare_module; 0: not yet known */
	size_t python, known;
	struct line_name *name, other; /* `other`: of lines without a number */
	size_t names;
	char *texts;
	uint32_t text_bytes, text_room;
	bool *exact;     /* [module_count]: the same build everywhere */
	bool exact_code; /* the same for code without a module: the same process */
	uint32_t *path;  /* scratch */
	size_t path_room;
};

struct site_keys *site_keys_new(const struct snapshot *s, struct symbols *symbols)
{
	struct site_keys *k = alloc_zeroed(1, sizeof(*k));

	k->snapshot = s;
	k->symbols = symbols;
	k->python = s->code_count ? s->frame_count : 0;
	k->known = s->frame_count + k->python + 1;
	k->hash = alloc_zeroed(k->known, sizeof(*k->hash));
	k->bare = alloc_zeroed(k->known, sizeof(*k->bare));
	k->exact = alloc_zeroed(s->module_count + 1, sizeof(*k->exact));
	return k;
}

void site_keys_free(struct site_keys *k)
{
	if (!k)
		return;
	free(k->hash);
	free(k->bare);
	free(k->name);
	free(k->texts);
	free(k->exact);
	free(k->path);
	free(k);
}

/* Bytes of a module's name without the version: "libz.so.1.2" -> "libz.so". */
static size_t measure_module_name(const char *base)
{
	const char *so = strstr(base, ".so.");

	return so ? (size_t)(so - base) + 3 : strlen(base);
}

static int compare_names(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* "NAME BUILD-ID" of every module with frames, sorted; modules without build id get none. */
static char **build_list(const struct site_keys *k, const bool *used, size_t *count)
{
	const struct snapshot *s = k->snapshot;
	char **list = alloc_bytes((s->module_count + 1) * sizeof(*list));

	*count = 0;
	for (size_t i = 1; i < s->module_count; i++) {
		const char *id = snapshot_string(s, s->modules[i].build_id);

		if (used[i] && *id)
			list[(*count)++] =
				alloc_printf("%s %s", path_base(snapshot_string(s, s->modules[i].path)), id);
	}
	qsort(list, *count, sizeof(*list), compare_names);
	return list;
}

static bool *find_used_modules(const struct snapshot *s)
{
	bool *used = alloc_zeroed(s->module_count + 1, sizeof(*used));

	for (size_t i = 1; i < s->frame_count; i++)
		if (s->frames[i].module < s->module_count)
			used[s->frames[i].module] = true;
	snapshot_trim(s);
	return used;
}

bool site_keys_exact(struct site_keys *const *keys, size_t count)
{
	struct build {
		char **list;
		size_t count;
		bool *used;
	} *build = alloc_bytes(count * sizeof(*build));
	bool all = true, same_process = true;

	for (size_t i = 0; i < count; i++) {
		same_process &= snapshot_same_process(keys[0]->snapshot->process, keys[i]->snapshot->process);
		build[i].used = find_used_modules(keys[i]->snapshot);
		build[i].list = build_list(keys[i], build[i].used, &build[i].count);
	}
	for (size_t i = 0; i < count; i++) {
		const struct snapshot *s = keys[i]->snapshot;

		keys[i]->exact_code = same_process;
		for (size_t m = 1; m < s->module_count; m++) {
			const char *id = snapshot_string(s, s->modules[m].build_id);
			char *text;
			bool exact = same_process || *id;

			if (!build[i].used[m])
				continue;
			text = alloc_printf("%s %s", path_base(snapshot_string(s, s->modules[m].path)), id);
			for (size_t j = 0; j < count && exact && !same_process; j++)
				exact = bsearch(&text, build[j].list, build[j].count, sizeof(char *),
						compare_names)
					!= NULL;
			free(text);
			keys[i]->exact[m] = exact;
			all &= exact;
		}
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < build[i].count; j++)
			free(build[i].list[j]);
		free(build[i].list);
		free(build[i].used);
		/* New zeros, which cost nothing where nothing was known. */
		free(keys[i]->bare);
		keys[i]->bare = alloc_zeroed(keys[i]->known, sizeof(*keys[i]->bare));
	}
	free(build);
	return all;
}

static uint64_t mix_text(uint64_t seed, const char *text, size_t bytes)
{
	return XXH3_64bits_withSeed(text, bytes, seed);
}

static uint64_t mix_number(uint64_t seed, uint64_t number)
{
	return XXH3_64bits_withSeed(&number, sizeof(number), seed);
}

/* Where a program or a thread begins: what calls it is the C library's. */
enum start { START_NOT, START_HERE, START_BELOW };
static enum start start_of(const char *function)
{
	static const char *const below[] = {
		"_start",
		"__libc_start_main",
		"__libc_start_main_impl",
		"__libc_start_call_main",
		"__libc_start_main@@GLIBC_2.34",
		"start_thread",
		"clone",
		"clone3",
		"__clone",
		"__clone3",
		"thread_start",
		"_dl_start_user",
		"_dl_init",
		"call_init",
		"call_init.part.0",
	};

	if (!strcmp(function, "main"))
		return START_HERE;
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		if (!strcmp(function, below[i]))
			return START_BELOW;
	return START_NOT;
}

static bool is_python(const struct symbol_line *line)
{
	return line->language && !strcmp(line->language, "python");
}

static void make_name(struct site_keys *k, const struct symbol_line *line, struct line_name *n)
{
	char *name;

	ARRAY_RESERVE(k->texts, k->text_room, k->text_bytes + NAME_MAX_BYTES);
	*n = (struct line_name){ .text = k->text_bytes, .start = 1 + START_NOT };
	if (!line->has_symbol)
		return;
	n->start = 1 + start_of(line->function);
	if (is_python(line))
		return;
	name = k->texts + k->text_bytes;
	demangle_stable(line->function, name, NAME_MAX_BYTES);
	n->bytes = (uint16_t)demangle_stem(name);
	k->text_bytes += n->bytes;
}

/* Valid until the next call. */
static const struct line_name *name_of(struct site_keys *k, const struct symbol_line *line)
{
	struct line_name *n = &k->other;

	if (line->number >= k->names) {
		size_t room = line->number * 2ull + 1024;

		k->name = alloc_resize(k->name, room * sizeof(*k->name));
		memset(k->name + k->names, 0, (room - k->names) * sizeof(*k->name));
		k->names = room;
	}
	if (line->number)
		n = &k->name[line->number];
	if (!n->start || !line->number)
		make_name(k, line, n);
	return n;
}

static uint64_t hash_name(struct site_keys *k, uint64_t seed, const struct symbol_line *line)
{
	const struct line_name *n;

	if (is_python(line)) {
		seed = mix_text(seed, line->file ? path_base(line->file) : "",
			line->file ? strlen(path_base(line->file)) : 0);
		return mix_text(seed, line->function, strlen(line->function));
	}
	n = name_of(k, line);
	return mix_text(seed, k->texts + n->text, n->bytes);
}

static enum start find_line_start(struct site_keys *k, const struct symbol_line *line)
{
	return line->has_symbol ? name_of(k, line)->start - 1 : START_NOT;
}

/* The hash of lines [0, count) of frame `f` upon `below`, outermost first. */
static uint64_t hash_lines(struct site_keys *k, uint32_t f, const struct symbol_line *line, size_t count,
	const struct frame_hash *below, uint32_t *bare_module)
{
	const struct snapshot *s = k->snapshot;
	uint32_t module = s->frames[f].module < s->module_count ? s->frames[f].module : 0;
	bool exact = module ? k->exact[module] : k->exact_code;
	uint64_t hash = below ? below->hash : 0;

	*bare_module = 0;
	for (size_t i = count; i-- > 0;) {
		enum start start = find_line_start(k, &line[i]);

		if (start == START_BELOW) {
			hash = 0;
			continue;
		}
		if (start == START_HERE)
			hash = 0;
		if (line[i].has_symbol) {
			hash = hash_name(k, hash, &line[i]);
			if (exact)
				hash = mix_number(hash, line[i].line);
		} else if (exact && module) {
			hash = mix_number(
				hash ^ NO_SYMBOL_SEED, s->frames[f].address - s->modules[module].bias);
		} else if (!below || below->bare_module != module + 1) {
			const char *base =
				module ? path_base(snapshot_string(s, s->modules[module].path)) : "";

			hash = mix_text(hash ^ NO_SYMBOL_SEED, base, measure_module_name(base));
		}
	}
	if (count && !line[0].has_symbol && !exact)
		*bare_module = module + 1;
	return hash;
}

/* The frame's hash with all its lines; frame 0 is the end of every stack. `python`: the stack has Python frames. */
static struct frame_hash hash_frame(struct site_keys *k, uint32_t f, bool python)
{
	uint64_t *hash = k->hash + (python ? k->python : 0);
	uint32_t *known = k->bare + (python ? k->python : 0);
	const struct snapshot *s = k->snapshot;
	struct frame_hash below = { 0 };
	size_t depth = 0;

	for (uint32_t at = f; at && at < s->frame_count && depth < DEPTH_MAX; at = s->frames[at].parent) {
		if (known[at]) {
			below = (struct frame_hash){ hash[at], known[at] - 1 };
			break;
		}
		*ARRAY_ADD(k->path, depth, k->path_room) = at;
	}
	while (depth) {
		uint32_t at = k->path[--depth], bare;
		size_t count;
		const struct symbol_line *line = symbols_frame(k->symbols, at, &count);

		if (!python || !symbols_is_plumbing(k->symbols, at, true)) {
			below.hash = hash_lines(k, at, line, count, &below, &bare);
			below.bare_module = bare;
		}
		hash[at] = below.hash;
		known[at] = below.bare_module + 1;
	}
	return below;
}

/* The innermost line that is not a wrapper's: its frame, and its place there. The
 * innermost of all when there are only wrappers. */
static uint32_t find_caller_line(struct site_keys *k, uint32_t site, bool python, size_t *place)
{
	const struct snapshot *s = k->snapshot;
	uint32_t f = s->sites[site].frame;
	size_t steps = 0;

	for (; f && f < s->frame_count && steps < DEPTH_MAX; f = s->frames[f].parent, steps++) {
		size_t count;
		const struct symbol_line *line = symbols_frame(k->symbols, f, &count);

		if (python && symbols_is_plumbing(k->symbols, f, true))
			continue;
		for (size_t i = 0; i < count; i++)
			if (!line[i].wrapper) {
				*place = i;
				return f;
			}
	}
	*place = 0;
	f = s->sites[site].frame;
	return f < s->frame_count ? f : 0;
}

uint64_t site_key(struct site_keys *k, uint32_t site)
{
	const struct snapshot *s = k->snapshot;
	const struct symbol_line *line;
	struct frame_hash below;
	uint32_t f, bare, kind;
	size_t place, count;
	uint64_t hash;
	bool python;

	if (site >= s->site_count)
		return 0;
	python = symbols_has_python(k->symbols, site);
	kind = s->sites[site].flags & (SITE_MAPPING | SITE_TRACKED);
	f = find_caller_line(k, site, python, &place);
	if (!f && s->sites[site].flags & SITE_OF_SIZE)
		return mix_number(SITE_SEED, SITE_FIRST + s->sites[site].depth);
	if (!f)
		return mix_number(SITE_SEED, site < SITE_FIRST ? site : 0);
	if (!place) {
		hash = hash_frame(k, f, python).hash;
	} else {
		below = hash_frame(k, s->frames[f].parent, python);
		line = symbols_frame(k->symbols, f, &count);
		hash = hash_lines(k, f, line + place, count - place, &below, &bare);
	}
	return kind ? mix_number(hash, kind) : hash;
}

void site_key_ends(struct site_keys *k, uint32_t site, uint64_t *leaf, uint64_t *caller)
{
	const struct snapshot *s = k->snapshot;
	uint64_t *to = leaf;
	size_t place = 0, steps = 0;
	bool python = site < s->site_count && symbols_has_python(k->symbols, site);
	uint32_t f = site < s->site_count ? find_caller_line(k, site, python, &place) : 0;

	*leaf = *caller = 0;
	for (; f && f < s->frame_count && steps < DEPTH_MAX; f = s->frames[f].parent, steps++, place = 0) {
		size_t count;
		const struct symbol_line *line = symbols_frame(k->symbols, f, &count);

		if (python && symbols_is_plumbing(k->symbols, f, true))
			continue;
		for (; place < count; place++) {
			/* "libfoo.so" says too little to recognise a site by. */
			if (line[place].has_symbol && find_line_start(k, &line[place]) != START_BELOW)
				*to = hash_name(k, 1, &line[place]);
			if (to == caller)
				return;
			to = caller;
		}
	}
}

char *site_key_text(uint64_t key, char text[SITE_KEY_TEXT])
{
	snprintf(text, SITE_KEY_TEXT, "%016" PRIx64, key);
	return text;
}
