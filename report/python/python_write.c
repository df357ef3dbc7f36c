/* python_write.c - the sections of a snapshot that are about Python: report/model/FORMAT.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "python_private.h"

static const char *const part_names[PYTHON_PARTS] = { "off.counts", "off.generations", "off.pymalloc",
	"off.strings", "off.frames" };

struct facts {
	struct snapshot_writer *writer;
	struct tide_value *value;
	uint64_t count, room;
};

static void add_fact(struct facts *f, const char *name, uint64_t value)
{
	*ARRAY_ADD(f->value, f->count, f->room) =
		(struct tide_value){ .name = snapshot_writer_string(f->writer, name), .value = value };
}

static void write_facts(struct python *p, struct snapshot_writer *w)
{
	struct facts f = { .writer = w };
	char name[64];

	add_fact(&f, "version", p->hexversion);
	add_fact(&f, "interpreters", p->interpreters);
	add_fact(&f, "ended", p->ended);
	if (p->without_gil)
		add_fact(&f, "without_gil", 1);
	add_fact(&f, "gc.enabled", p->gc_enabled);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "gc.%d.objects", i);
		add_fact(&f, name, p->generations[i].objects);
		snprintf(name, sizeof(name), "gc.%d.threshold", i);
		add_fact(&f, name, (uint64_t)p->generations[i].threshold);
		snprintf(name, sizeof(name), "gc.%d.count", i);
		add_fact(&f, name, (uint64_t)p->generations[i].count);
	}
	add_fact(&f, "gc.permanent", p->permanent.objects);
	add_fact(&f, "pymalloc.used_bytes", p->small_bytes);
	add_fact(&f, "pymalloc.pools", p->pool_count);
	if (p->left)
		add_fact(&f, "fork.left", p->left);
	for (int i = 0; i < PYTHON_PARTS; i++)
		if (p->off[i] || python_exhausted(p))
			add_fact(&f, part_names[i], 1);
	snapshot_writer_section(w, SECTION_PYTHON, sizeof(*f.value), f.value, f.count, SNAPSHOT_TAKE);
}

/* A class with __slots__ has their names; its subclasses have the slots, too. */
static bool has_slots(struct python *p, const struct python_type *t)
{
	uint64_t at = t->address;

	for (int i = 0; i < 64 && at >= 4096 && !(at & 7) && at < 1ull << 47; i++) {
		uint64_t slots = python_word(p, at + p->layout->type.cached_keys - 16);

		if (!(python_word(p, at + PYTHON_TYPE_FLAGS) & TYPE_HEAP))
			return false;
		if (slots && python_word(p, slots + PYTHON_VAR_SIZE))
			return true;
		at = python_word(p, at + PYTHON_TYPE_BASE);
	}
	return false;
}

static void add_types(struct python *p, struct snapshot_writer *w, struct typing *typing)
{
	for (uint32_t i = 1; i < p->type_count; i++) {
		const struct python_type *t = &p->types[i];

		const struct tide_type type = { .name = snapshot_writer_string(w, t->name),
			.module = snapshot_writer_string(w, t->module ? t->module : ""),
			.language = LANGUAGE_PYTHON,
			.address = t->address,
			.basic_bytes = (uint32_t)t->basic_bytes,
			.item_bytes = (uint32_t)t->item_bytes,
			.flags = (t->heap ? TYPE_FLAG_HEAP : 0) | (t->flags & TYPE_GC ? TYPE_FLAG_GC : 0)
				| (t->dict_offset || (p->minor >= 11 && t->flags & TYPE_MANAGED_DICT)
						? TYPE_FLAG_DICT
						: 0)
				| (t->heap && has_slots(p, t) ? TYPE_FLAG_SLOTS : 0)
				| (t->kind == KIND_STR ? TYPE_FLAG_STR : 0)
				| (t->kind == KIND_DICT ? TYPE_FLAG_DICTIONARY : 0)
				| (t->kind == KIND_TYPE ? TYPE_FLAG_TYPE : 0) };

		typing_add(typing, &type);
	}
}

/* Where in a table its values or entries begin. */
static uint32_t first_of(struct python *p, uint32_t block)
{
	const struct python_slot *s = &p->slot[block];
	uint64_t at = p->blocks[block].address;
	struct python_dict d;

	switch ((enum python_role)s->role) {
	case ROLE_LIST_ITEMS: return s->head;
	case ROLE_DICT_KEYS:
		if (!python_dict_keys(p, at + s->head, &d) || d.entries - at > UINT32_MAX)
			return 0;
		return (uint32_t)(d.entries - at) | (d.stride == 24 ? OWNER_HASHES : 0);
	case ROLE_DICT_VALUES: return (uint32_t)python_values_first(p, block);
	default: return 0;
	}
}

/* `first`: the number of the first type of Python, less 1. */
static void write_block_types(
	struct python *p, struct snapshot_writer *w, struct typing *typing, uint32_t first)
{
	struct tide_owner *owner = NULL;
	uint64_t owners = 0, room = 0;

	for (uint64_t i = 0; i < p->block_count; i++) {
		const struct python_slot *s = &p->slot[i];

		if (s->role == ROLE_OBJECT)
			typing->of[i] = (struct tide_block_type){ .type = s->type ? first + s->type : 0,
				.evidence = EVIDENCE_HEADER,
				.head = s->head };
		if (s->owner != PYTHON_NONE)
			*ARRAY_ADD(owner, owners, room) = (struct tide_owner){ (uint32_t)i, s->owner,
				s->role == ROLE_DEQUE_BLOCK ? ROLE_SET_TABLE : s->role,
				first_of(p, (uint32_t)i) };
	}
	snapshot_writer_section(w, SECTION_OWNERS, sizeof(*owner), owner, owners, SNAPSHOT_TAKE);
}

#define MODULE_NAME 48 /* md_name of PyModuleObject, Objects/moduleobject.c */

static bool is_text(struct python *p, uint64_t object, const char *wanted)
{
	char text[16];

	return python_string(p, object, text, sizeof(text)) && !strcmp(text, wanted);
}

/* The first warning loses one more each, up to 3.10: of the strings that is_internal_frame makes
 * (Python/_warnings.c). */
static bool is_lost_by_warnings(struct python *p, uint64_t object)
{
	return p->minor <= 10 && python_count(p, python_word(p, object)) > 1
		&& !python_string_state(p, object)
		&& (is_text(p, object, "importlib") || is_text(p, object, "_bootstrap"));
}

/* References that nobody holds because 3.8 loses them while it starts, one each: the results of _PyBuiltin_Init,
 * of _PyWarnings_Init and of _PySys_Create (Python/pylifecycle.c), and the name in a filter (Python/_warnings.c).
 * No program can fix that. */
static int64_t lost_at_start(struct python *p, const struct python_slot *s, uint64_t object)
{
	static const char *const modules[] = { "sys", "builtins", "_warnings" };
	const struct python_type *t = &p->types[s->type];
	char text[16];

	if (t->kind == KIND_STR && is_lost_by_warnings(p, object))
		return 1;
	if (p->minor != 8)
		return 0;
	if (t->kind == KIND_STR)
		return python_string_state(p, object) == 1 && is_text(p, object, "__main__");
	if (strcmp(t->name, "module")
		|| !python_string(p, python_word(p, object + MODULE_NAME), text, sizeof(text)))
		return 0;
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (!strcmp(text, modules[i]))
			return 1;
	return 0;
}

static void write_objects(struct python *p, struct snapshot_writer *w)
{
	struct tide_python_object *to = NULL;
	uint64_t count = 0, room = 0;

	for (uint64_t i = 0; i < p->block_count; i++) {
		const struct python_slot *s = &p->slot[i];
		struct tide_python_object *o;
		int64_t stored;

		if (s->role != ROLE_OBJECT)
			continue;
		stored = python_count(p, python_word(p, python_object(p, (uint32_t)i)));
		if (stored > 0)
			stored -= lost_at_start(p, s, python_object(p, (uint32_t)i));
		o = ARRAY_ADD(to, count, room);
		*o = (struct tide_python_object){ .block = (uint32_t)i,
			.stored = stored < 0 ? 0 : (uint64_t)stored,
			.flags = (stored < 0 ? PYTHON_IMMORTAL : 0)
				| (s->flags & SLOT_TRACKED ? PYTHON_TRACKED : 0)
				| (s->flags & SLOT_PERMANENT ? PYTHON_PERMANENT : 0)
				| (uint32_t)(s->flags & SLOT_GENERATION) >> SLOT_GENERATION_SHIFT
						<< PYTHON_GENERATION_SHIFT };
	}
	python_values_write(p, to, count, w);
	snapshot_writer_section(w, SECTION_OBJECTS, sizeof(*to), to, count, SNAPSHOT_TAKE);
}

static void write_arenas(struct python *p, struct snapshot_writer *w)
{
	struct tide_python_arena *to = alloc_bytes((p->arena_count + 1) * sizeof(*to));

	for (uint64_t i = 0; i < p->arena_count; i++)
		to[i] = (struct tide_python_arena){ p->arenas[i].address, p->arenas[i].bytes,
			p->arenas[i].used_bytes, p->arenas[i].used_blocks };
	snapshot_writer_section(w, SECTION_POOL_ARENAS, sizeof(*to), to, p->arena_count, SNAPSHOT_TAKE);
}

void python_hide_contents(struct python *p, bool hide)
{
	if (p)
		p->no_contents = hide;
}

void python_left(struct python *p, uint32_t birth)
{
	if (p)
		p->left = birth;
}

void python_write(struct python *p, struct snapshot_writer *w, struct typing *typing)
{
	uint32_t first = typing->count - 1;

	write_facts(p, w);
	if (!p->layout)
		return;
	add_types(p, w, typing);
	write_block_types(p, w, typing, first);
	write_objects(p, w);
	write_arenas(p, w);
	python_spare(p, typing);
	python_places_write(p, w);
}
