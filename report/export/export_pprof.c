/* export_pprof.c - the profile of `go tool pprof`: a protocol buffer, gzipped.
 *
 * A message that is packed in pieces is the same message: fields of the pieces are
 * appended. So samples, locations and functions leave one by one, and only
 * the texts are kept until the end.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/error.h"
#include "base/intern.h"
#include "base/text.h"
#include "export.h"
#include "export_gzip.h"
#include "export/pprof.pb-c.h"
#include "symbol/wrappers.h"

static const struct pprof_type {
	unsigned measure;
	const char *name, *unit;
} types[] = {
	/* The first four as every heap profile has them. */
	{ TOTAL_BLOCKS, "alloc_objects", "count" },
	{ TOTAL_BYTES, "alloc_space", "bytes" },
	{ LIVE_BLOCKS, "inuse_objects", "count" },
	{ LIVE_BYTES, "inuse_space", "bytes" },
	{ PEAK_BLOCKS, "peak_objects", "count" },
	{ PEAK_BYTES, "peak_space", "bytes" },
	{ TEMPORARY, "temporary_objects", "count" },
	{ REALLOCATIONS, "reallocations", "count" },
	{ LOST_BLOCKS, "lost_objects", "count" },
	{ LOST_BYTES, "lost_space", "bytes" },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

struct pprof {
	const struct export *x;
	size_t view_count; /* with those of the base */
	unsigned known;    /* measures: every sample has the same */
	FILE *out;         /* compresses */
	uint8_t *packed;
	size_t packed_room;
	struct intern texts;                /* the string table */
	struct intern functions, locations; /* number + 1 = id */
	struct intern dropped;              /* names of wrappers, as drop_frames has them */
	size_t *first_mapping;              /* of each view: added to the number of a module */
	struct export_stack stack;          /* scratch: the lines of one sample, and */
	uint64_t *id;                       /* their locations */
	size_t id_room;
};

/* Appends the fields that are set in this piece. */
static void put_piece(struct pprof *p, const Pprof__Profile *piece)
{
	size_t bytes = pprof__profile__get_packed_size(piece);

	ARRAY_RESERVE(p->packed, p->packed_room, bytes);
	pprof__profile__pack(piece, p->packed);
	fwrite(p->packed, 1, bytes, p->out);
}

/* Of the C++ library, what containers and smart pointers get memory by; they themselves stay. One pattern, since these have a
 * name for each type, and the reader leaves template arguments out. */
#define ALLOCATING                                                                                                      \
	"(std|__gnu_cxx)::(.*[ :])?(allocate|_M_(allocate|allocate_(node|buckets|map)|get_node|create|create_storage)|" \
	"__allocate_guarded(_obj)?)"

/* The reader compares names without their parameters (profile/prune.go of pprof). */
static void drop_function(struct pprof *p, const char *function)
{
	char *name, *to;
	size_t bytes = 0;

	if (!wrappers_has(function))
		return;
	if (wrappers_is_library(function)) {
		intern_text(&p->dropped, ALLOCATING);
		return;
	}
	while (function[bytes] && (function[bytes] != '(' || !strncmp(function + bytes, "(anonymous", 10)))
		bytes++;
	name = to = alloc_bytes(2 * bytes + 1);
	for (size_t i = 0; i < bytes; i++) {
		if (strchr("\\.+*?()|[]{}^$", function[i]))
			*to++ = '\\';
		*to++ = function[i];
	}
	*to = '\0';
	intern_text(&p->dropped, name);
	free(name);
}

static uint64_t number_function(struct pprof *p, const struct symbol_line *line)
{
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	Pprof__Function function = PPROF__FUNCTION__INIT, *list = &function;
	const char *file = line->file ? line->file : "";
	char *key = alloc_printf("%s\n%s", line->function, file);
	size_t before = p->functions.count;

	function.id = intern_text(&p->functions, key) + UINT64_C(1);
	free(key);
	if (p->functions.count == before)
		return function.id;
	drop_function(p, line->function);
	function.name = function.system_name = intern_text(&p->texts, line->function);
	function.filename = intern_text(&p->texts, file);
	piece.n_function = 1;
	piece.function = &list;
	put_piece(p, &piece);
	return function.id;
}

/* One frame: `count` lines, all but the last inlined into the next. */
static uint64_t number_location(
	struct pprof *p, const struct view *v, const struct symbol_line *const *line, size_t count)
{
	const struct symbol_line *last = line[count - 1];
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	Pprof__Location location = PPROF__LOCATION__INIT, *list = &location;
	size_t before = p->locations.count, module;
	/* An address is a place in one process; other processes have their own. */
	char key[48];

	snprintf(key, sizeof(key), "%zu %" PRIu32, (size_t)(v - p->x->view), last->number);
	location.id = intern_text(&p->locations, key) + UINT64_C(1);
	if (p->locations.count == before)
		return location.id;
	location.address = last->address;
	module = export_module(v, last);
	location.mapping_id = module ? p->first_mapping[v - p->x->view] + module : 0;
	location.n_line = count;
	location.line = alloc_bytes(count * sizeof(*location.line));
	Pprof__Line *lines = alloc_bytes(count * sizeof(*lines));
	for (size_t i = 0; i < count; i++) {
		pprof__line__init(&lines[i]);
		lines[i].function_id = number_function(p, line[i]);
		lines[i].line = line[i]->line;
		location.line[i] = &lines[i];
	}
	piece.n_location = 1;
	piece.location = &list;
	put_piece(p, &piece);
	free(location.line);
	free(lines);
	return location.id;
}

/* A sample of the base counts against the others, as `pprof -diff_base` has it. */
static void put_sample(struct pprof *p, const struct export_site *site, bool base)
{
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	Pprof__Sample sample = PPROF__SAMPLE__INIT, *list = &sample;
	Pprof__Label label = PPROF__LABEL__INIT, *labels = &label;
	int64_t value[TYPES];

	for (size_t t = 0; t < TYPES; t++)
		if (p->known & 1u << types[t].measure)
			value[sample.n_value++] =
				base ? -site->of[types[t].measure] : site->of[types[t].measure];
	if (base) {
		label.key = intern_text(&p->texts, "pprof::base");
		label.str = intern_text(&p->texts, "true");
		sample.n_label = 1;
		sample.label = &labels;
	}
	export_stack(&p->stack, site);
	ARRAY_RESERVE(p->id, p->id_room, p->stack.lines);
	for (size_t i = 0, end; i < p->stack.lines; i = end) {
		for (end = i; end + 1 < p->stack.lines && p->stack.line[end]->inlined;)
			end++;
		end++;
		p->id[sample.n_location_id++] = number_location(p, site->view, p->stack.line + i, end - i);
	}
	sample.value = value;
	sample.location_id = p->id;
	piece.n_sample = 1;
	piece.sample = &list;
	put_piece(p, &piece);
}

static void put_mapping(struct pprof *p, const struct snapshot *s, size_t module, uint64_t id)
{
	const struct tide_module *m = &s->modules[module];
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	Pprof__Mapping mapping = PPROF__MAPPING__INIT, *list = &mapping;

	mapping.id = id;
	mapping.memory_start = m->lo;
	mapping.memory_limit = m->hi;
	mapping.filename = intern_text(&p->texts, snapshot_string(s, m->path));
	mapping.build_id = intern_text(&p->texts, snapshot_string(s, m->build_id));
	/* The names are here: pprof must not look for them again. */
	mapping.has_functions = mapping.has_filenames = mapping.has_line_numbers = mapping.has_inline_frames =
		1;
	piece.n_mapping = 1;
	piece.mapping = &list;
	put_piece(p, &piece);
}

static void put_mappings(struct pprof *p)
{
	uint64_t next = 0;

	for (size_t i = 0; i < p->view_count; i++) {
		const struct snapshot *s = p->x->view[i].snapshot;

		p->first_mapping[i] = next;
		for (int main_first = 1; main_first >= 0; main_first--)
			for (size_t m = 1; m < s->module_count; m++)
				if (!!(s->modules[m].flags & MODULE_MAIN) == main_first)
					put_mapping(p, s, m, next + m);
		next += s->module_count;
	}
}

static void put_head(struct pprof *p)
{
	const struct tide_process *process = p->x->view[0].snapshot->process;
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	Pprof__ValueType type[TYPES], *list[TYPES], period = PPROF__VALUE_TYPE__INIT;
	int64_t comment = intern_text(&p->texts, export_command(p->x));
	size_t count = 0;

	for (size_t t = 0; t < TYPES; t++) {
		if (!(p->known & 1u << types[t].measure))
			continue;
		pprof__value_type__init(&type[count]);
		type[count].type = intern_text(&p->texts, types[t].name);
		type[count].unit = intern_text(&p->texts, types[t].unit);
		if (types[t].measure == p->x->measure)
			piece.default_sample_type = type[count].type;
		list[count] = &type[count];
		count++;
	}
	piece.n_sample_type = count;
	piece.sample_type = list;
	period.type = intern_text(&p->texts, "space");
	period.unit = intern_text(&p->texts, "bytes");
	piece.period_type = &period;
	piece.period = process->sample_bytes ? (int64_t)process->sample_bytes : 1;
	piece.time_nanos = (int64_t)process->started_wall_ns;
	piece.duration_nanos = (int64_t)process->elapsed_ns;
	piece.comment = &comment;
	piece.n_comment = 1;
	put_piece(p, &piece);
}

/* So that `-top` names who called operator new, and not operator new. */
static void put_dropped(struct pprof *p)
{
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	char *all = NULL;

	for (size_t i = 0; i < p->dropped.count; i++) {
		char *longer = alloc_printf("%s%s%s", all ? all : "", all ? "|" : "", p->dropped.text[i]);

		free(all);
		all = longer;
	}
	if (!all)
		return;
	piece.drop_frames = intern_text(&p->texts, all);
	put_piece(p, &piece);
	free(all);
}

static void put_texts(struct pprof *p)
{
	for (size_t i = 0; i < p->texts.count; i++) {
		Pprof__Profile piece = PPROF__PROFILE__INIT;

		/* Strings of proto3 are UTF-8. */
		char *text = text_utf8(p->texts.text[i]);

		piece.n_string_table = 1;
		piece.string_table = &text;
		put_piece(p, &piece);
		free(text);
	}
}

int export_pprof(const struct export *x, FILE *out, struct tide_error *e)
{
	struct pprof p = {
		.x = x, .out = export_gzip_open(out), .view_count = x->view_count, .known = x->known
	};

	if (!p.out)
		return error_set(e, EXIT_UNMEASURED, "cannot compress the profile|no memory|");
	if (x->base) {
		p.view_count += x->base->view_count;
		p.known &= x->base->known;
	}
	p.first_mapping = alloc_zeroed(p.view_count, sizeof(*p.first_mapping));
	intern_text(&p.texts, "");
	put_head(&p);
	put_mappings(&p);
	for (size_t i = 0; i < x->count; i++)
		put_sample(&p, &x->site[i], false);
	for (size_t i = 0; x->base && i < x->base->count; i++)
		put_sample(&p, &x->base->site[i], true);
	put_dropped(&p);
	put_texts(&p);
	fclose(p.out);
	intern_free(&p.texts);
	intern_free(&p.functions);
	intern_free(&p.locations);
	intern_free(&p.dropped);
	free(p.first_mapping);
	free(p.packed);
	free(p.id);
	export_stack_free(&p.stack);
	return 0;
}
