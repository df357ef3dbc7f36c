/* block_types.c - see block_types.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "block_types.h"
#include "line_types.h"
#include "symbol/site_type.h"
#include "typed_pointers.h"

#define CALLS_MOST 8u /* of an allocator inside itself */

/* What is known of a site; made when its first block is met. */
struct of_site {
	uint32_t type;
	uint8_t evidence;
	bool known, made_by_new;
};

const char *block_types_evidence(enum tide_evidence evidence)
{
	static const char *const name[] = { "none", "vtable", "call_site", "allocator_frame", "pointer",
		"shape", "header" };

	return evidence < sizeof(name) / sizeof(name[0]) ? name[evidence] : name[0];
}

static bool has_stack(const struct snapshot *s, uint32_t site)
{
	return site >= SITE_FIRST && site < s->site_count && s->sites[site].frame;
}

static bool has_new(struct symbols *y, uint32_t site)
{
	size_t count, caller = symbols_allocated(y, site);
	const struct symbol_line *line = symbols_stack(y, site, &count);

	for (size_t i = 0; i < count && i <= caller; i++)
		if (!strncmp(line[i].function, "operator new", 12)
			|| strstr(line[i].function, "::operator new"))
			return true;
	return false;
}

/* The type that the compiler says one of the calls allocates, from the innermost to that of the allocator; NULL. */
static char *find_allocated(struct members *m, const struct snapshot *s, struct symbols *y, uint32_t site)
{
	uint32_t frame = s->sites[site].frame, last, type;
	size_t index;

	symbols_beyond(y, site, NULL, NULL, &index, &last);
	for (unsigned n = 0; n < CALLS_MOST && frame && frame < s->frame_count; n++) {
		const struct tide_frame *f = &s->frames[frame];

		type = f->flags & (FRAME_SIGNAL | FRAME_PYTHON) ? 0
								: members_allocated(m, f->module, f->address);
		if (type && *members_type_name(m, type))
			return alloc_string(members_type_name(m, type));
		if (frame == last)
			break;
		frame = f->parent;
	}
	return NULL;
}

static void look_at_site(struct block_types *t, const struct snapshot *s, struct site_types *sites,
	struct symbols *y, const struct tide_block *block, struct of_site *to)
{
	enum site_evidence evidence;
	uint32_t site = block->site, type = 0;
	char *text, *name = site_types_find(sites, site, &evidence, &text), *said;

	*to = (struct of_site){ .known = true, .made_by_new = has_new(y, site) };
	if (evidence != SITE_EVIDENCE_ALLOCATOR && (said = find_allocated(t->members, s, y, site))) {
		free(name);
		name = said;
	}
	/* A name that a using-directive or an alias gives its meaning. */
	if (name && evidence == SITE_EVIDENCE_LINE && strstr(text, "new ")
		&& !members_may_have(t->members, name)) {
		free(name);
		name = NULL;
	}
	if (!name && text)
		type = line_types_find(t->members, s, y, site, text,
			(struct members_size){ block->bytes, s->process->flags & PROCESS_WALKED });
	if (type && *members_type_name(t->members, type))
		name = alloc_string(members_type_name(t->members, type));
	free(text);
	if (!name)
		return;
	to->type = intern_text(&t->names, name) + 1;
	to->evidence = evidence == SITE_EVIDENCE_ALLOCATOR ? EVIDENCE_ALLOCATOR_FRAME : EVIDENCE_CALL_SITE;
	free(name);
}

/* "collections.OrderedDict", "dict"; C++ and Rust names are whole as they are. */
static uint32_t name_of_type(struct block_types *t, const struct snapshot *s, const struct tide_type *type)
{
	const char *module = snapshot_string(s, type->module), *name = snapshot_string(s, type->name);
	char *whole;
	uint32_t number;

	if (!*module || !strcmp(module, "builtins"))
		return intern_text(&t->names, name) + 1;
	whole = alloc_printf("%s.%s", module, name);
	number = intern_text(&t->names, whole) + 1;
	free(whole);
	return number;
}

/* --- types that the snapshot has stored ------------------------------------------------------ */

struct stored {
	struct block_types *t;
	const struct snapshot *s;
	struct of_string {
		uint32_t string, name;
	} * name;
	uint32_t count, room;
	struct index names; /* by string */
};

static uint32_t name_of_string(struct stored *f, uint32_t string)
{
	uint64_t hash = index_hash(string);
	struct of_string *new;

	INDEX_EACH(&f->names, hash, probe)
	if (f->name[probe.number].string == string)
		return f->name[probe.number].name;
	index_add(&f->names, hash, f->count);
	new = ARRAY_ADD(f->name, f->count, f->room);
	*new = (struct of_string){ string, intern_text(&f->t->names, snapshot_string(f->s, string)) + 1 };
	return new->name;
}

static void take_type(struct stored *f, size_t block, uint32_t name, uint32_t layout, uint32_t evidence)
{
	f->t->of[block] = evidence ? name_of_string(f, name) : 0;
	f->t->evidence[block] = (uint8_t)evidence;
	f->t->inside[block] = layout;
}

/* Warnings are about the names that were looked up: those of all stacks here, as when types are found by them. */
static void look_up_names(const struct snapshot *s, struct symbols *symbols)
{
	bool *known = alloc_zeroed(s->site_count + 1, sizeof(*known));
	size_t count;

	for (size_t i = 0; i < s->block_count; i++) {
		uint32_t site = s->blocks[i].site;

		if (s->native_types[i].evidence == EVIDENCE_HEADER || !has_stack(s, site) || known[site])
			continue;
		known[site] = true;
		symbols_stack(symbols, site, &count);
	}
	free(known);
}

static void take_stored(struct block_types *t, const struct snapshot *s, struct symbols *symbols)
{
	struct stored f = { .t = t, .s = s };

	look_up_names(s, symbols);

	for (size_t i = 0; i < s->block_count; i++) {
		const struct tide_native_type *n = &s->native_types[i];

		take_type(&f, i, n->name, n->layout, n->evidence);
	}
	for (size_t i = 0; s->typed && i < s->scanned_type_count; i++) {
		const struct tide_scanned_type *n = &s->scanned_types[i];

		take_type(&f, n->block, n->name, n->layout, n->evidence);
	}
	free(f.name);
	index_free(&f.names);
}

/* --- types that are found --------------------------------------------------------------------- */

static void find_types(struct block_types *t, const struct snapshot *s, struct symbols *symbols)
{
	struct site_types *sites = site_types_new(symbols);
	struct of_site *of_site = alloc_zeroed(s->site_count + 1, sizeof(*of_site));
	uint32_t *stored = alloc_zeroed(s->type_count + 1, sizeof(*stored));

	for (size_t i = 1; i < s->type_count; i++)
		stored[i] = name_of_type(t, s, &s->types[i]);
	for (size_t i = 0; i < s->block_count; i++) {
		uint32_t site = s->blocks[i].site, type = 0;
		struct of_site *of = NULL;
		uint8_t evidence = EVIDENCE_NONE;

		if (i < s->block_type_count && s->block_types[i].type < s->type_count) {
			type = stored[s->block_types[i].type];
			evidence = s->block_types[i].evidence;
		}
		if (has_stack(s, site) && evidence != EVIDENCE_HEADER) {
			of = &of_site[site];
			if (!of->known)
				look_at_site(t, s, sites, symbols, &s->blocks[i], of);
			if ((evidence == EVIDENCE_VTABLE || evidence == EVIDENCE_SHAPE) && !of->made_by_new)
				type = 0;
			if (of->evidence == EVIDENCE_ALLOCATOR_FRAME
				|| (of->evidence && (!type || evidence == EVIDENCE_SHAPE))) {
				type = of->type;
				evidence = of->evidence;
			}
		}
		t->of[i] = type;
		t->evidence[i] = type ? evidence : EVIDENCE_NONE;
	}
	free(stored);
	free(of_site);
	site_types_free(sites);
	typed_pointers_find(t, s);
}

void block_types_find(struct block_types *t, const struct snapshot *s, struct symbols *symbols)
{
	*t = (struct block_types){ .of = alloc_zeroed(s->block_count + 1, sizeof(*t->of)),
		.evidence = alloc_zeroed(s->block_count + 1, sizeof(*t->evidence)),
		.inside = alloc_zeroed(s->block_count + 1, sizeof(*t->inside)),
		.members = members_shared(symbols) };
	if (s->native_type_count)
		take_stored(t, s, symbols);
	else
		find_types(t, s, symbols);
}

void block_types_free(struct block_types *t)
{
	intern_free(&t->names);
	free(t->of);
	free(t->evidence);
	free(t->inside);
	memset(t, 0, sizeof(*t));
}

const char *block_types_name(const struct block_types *t, size_t block)
{
	return t->of[block] ? t->names.text[t->of[block] - 1] : NULL;
}
