/* members_scan.c - see members_scan.h. What a type begins with is known by the address of that type's DIE; the names of
 * the unit's types are kept until its end to resolve it.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/search.h"
#include "members_scan.h"

#define NAME_MOST 4096u
#define NAMED_MOST (1u << 20) /* names that are kept from unit to unit */

/* A type of the unit that is being read: its key, or the DIE that it stands for. */
struct local {
	uint64_t at, value;
	enum { LOCAL_NAMED, LOCAL_SAME, LOCAL_POINTER, LOCAL_LATE } kind;
};
/* An entry begins with the type at an address; 0: void. */
struct pending {
	uint64_t type;
	uint32_t entry;
	const void *first;
};

/* A name in a scope. In most units the same names follow each other, and a linker keeps each text once: a name that was
 * met is not even looked at. */
struct named {
	uint32_t scope;  /* that it is in; 0: of the unit */
	uint32_t length; /* of the whole; NAME_MOST: too long to be one */
	const char *name;
	uint64_t key; /* members_key of the whole; 0: not made yet, or there is none */
};

/* A DIE whose children are being read. */
struct frame {
	unsigned tag;               /* DW_TAG_subprogram, too, for what is inside one */
	uint32_t scope;             /* named */
	bool late;                  /* its name is not known */
	bool first;                 /* the first member is still to come */
	uint32_t entry, late_entry; /* + 1: the type's own */
};

struct members_scanner {
	struct die_reader *reader;
	const struct die_unit *unit;
	struct members_scan *to;
	uint64_t shift;
	bool scoped;
	struct local *local;
	uint32_t local_count, local_room;
	struct pending *pending;
	uint32_t pending_count, pending_room;
	struct frame frame[MEMBERS_NESTING + 1];
	struct named *named; /* the first is the unit */
	uint32_t named_count, named_room;
	struct index names;
};

struct members_scanner *members_scanner_new(void)
{
	static const unsigned wanted[] = { DW_TAG_compile_unit, DW_TAG_partial_unit, DW_TAG_type_unit,
		DW_TAG_skeleton_unit, DW_TAG_variable, DW_TAG_namespace, DW_TAG_module, DW_TAG_structure_type,
		DW_TAG_class_type, DW_TAG_union_type, DW_TAG_typedef, DW_TAG_const_type, DW_TAG_volatile_type,
		DW_TAG_restrict_type, DW_TAG_atomic_type, DW_TAG_pointer_type, DW_TAG_reference_type,
		DW_TAG_base_type, DW_TAG_subprogram, DW_TAG_call_site, DW_TAG_lexical_block,
		DW_TAG_inlined_subroutine, DW_TAG_member, DW_TAG_inheritance };
	struct members_scanner *s = alloc_zeroed(1, sizeof(*s));

	s->reader = die_reader_new(wanted, sizeof(wanted) / sizeof(wanted[0]));
	return s;
}

void members_scanner_free(struct members_scanner *s)
{
	if (!s)
		return;
	die_reader_free(s->reader);
	free(s->local);
	free(s->pending);
	free(s->named);
	index_free(&s->names);
	free(s);
}

/* --- what was found ---------------------------------------------------------------------- */

static bool has_entry(const struct members_module *to, uint64_t key, uint64_t bytes)
{
	INDEX_EACH(&to->entries, key, probe)
	if (to->entry[probe.number].key == key && to->entry[probe.number].bytes == bytes)
		return true;
	return false;
}

bool members_add_entry(struct members_module *to, uint64_t key, uint64_t bytes, struct members_die die)
{
	if (to->entry_count >= MEMBERS_ENTRIES_MOST || has_entry(to, key, bytes))
		return false;
	index_add(&to->entries, key, to->entry_count);
	*ARRAY_ADD(to->entry, to->entry_count, to->entry_room) =
		(struct members_entry){ .key = key, .bytes = bytes, .die = die };
	return true;
}

void members_add_variable(struct members_module *to, uint64_t address, struct members_die die)
{
	if (to->variable_count < MEMBERS_ENTRIES_MOST)
		*ARRAY_ADD(to->variable, to->variable_count, to->variable_room) =
			(struct members_variable){ address, die };
}

static struct members_die place_of(const struct members_scanner *s, const void *at)
{
	return (struct members_die){ at, s->unit->cu };
}

static struct members_late *add_late(struct members_scanner *s, enum members_late_kind kind, const void *at)
{
	struct members_late *l = ARRAY_ADD(s->to->late, s->to->late_count, s->to->late_room);

	*l = (struct members_late){ .kind = kind, .die = place_of(s, at) };
	return l;
}

static void add_local(struct members_scanner *s, const struct die *die, int kind, uint64_t value)
{
	if (!value && kind != LOCAL_NAMED && die_has(die, DIE_TYPE))
		kind = LOCAL_LATE; /* of another unit */
	*ARRAY_ADD(s->local, s->local_count, s->local_room) =
		(struct local){ .at = (uintptr_t)die->at, .value = value, .kind = kind };
}

static uint64_t type_of(const struct members_scanner *s, const struct die *die)
{
	return (uintptr_t)die_reference(s->unit, die, DIE_TYPE);
}

/* --- names -------------------------------------------------------------------------------- */

static uint64_t make_key(const struct members_scanner *s, const struct named *n)
{
	char text[NAME_MOST + 1];
	size_t at = n->length;

	text[at] = 0;
	for (;; n = &s->named[n->scope]) {
		size_t bytes = strlen(n->name);

		at -= bytes;
		memcpy(text + at, n->name, bytes);
		if (!n->scope)
			return members_key(text);
		at -= 2;
		memcpy(text + at, "::", 2);
	}
}

static uint64_t key_of_name(struct members_scanner *s, uint32_t named)
{
	struct named *n = &s->named[named];

	if (!n->key && named && n->length < NAME_MOST)
		n->key = make_key(s, n);
	return n->key;
}

/* The number of a name in a scope; 0: it is empty. */
static uint32_t find_named(struct members_scanner *s, uint32_t scope, const char *name)
{
	uint64_t hash = index_hash((uintptr_t)name ^ (uint64_t)scope << 44);
	struct named n = { .scope = scope, .name = name };
	size_t length;

	if (!name)
		return 0;
	INDEX_EACH(&s->names, hash, probe)
	if (s->named[probe.number].name == name && s->named[probe.number].scope == scope)
		return probe.number;
	if (!*name)
		return 0;
	length = strlen(name) + (scope ? s->named[scope].length + 2 : 0);
	n.length = length < NAME_MOST ? (uint32_t)length : NAME_MOST;
	index_add(&s->names, hash, s->named_count);
	*ARRAY_ADD(s->named, s->named_count, s->named_room) = n;
	return s->named_count - 1;
}

/* Its own name, in the scope around it. */
static uint32_t name_of(struct members_scanner *s, const struct die *die)
{
	return find_named(s, s->frame[die->depth - 1].scope, die_text(s->unit, die, DIE_NAME));
}

static void forget_names(struct members_scanner *s)
{
	s->named_count = 0;
	index_clear(&s->names);
	*ARRAY_ADD(s->named, s->named_count, s->named_room) = (struct named){ .name = "" };
}

/* Begins what is inside a DIE. `named`: 0 for one without a name. */
static void enter(struct members_scanner *s, const struct die *die, uint32_t named, bool late)
{
	const struct frame *around = &s->frame[die->depth - 1];

	s->frame[die->depth] = (struct frame){ .tag = die->tag,
		.scope = s->scoped && named ? named : around->scope,
		.late = s->scoped && (around->late || late) };
}

/* --- types ---------------------------------------------------------------------------------- */

/* Parts of std::tuple, std::unique_ptr and the like that hold one element: no block is of such a type itself, so what it
 * begins with stays what it is. Programs may not use these names. */
static bool is_holder(const char *name)
{
	static const char *const holder[] = { "__compressed_pair_elem<", "__tuple_leaf<", "_Head_base<",
		"_Tuple_impl<" };

	for (size_t i = 0; *name == '_' && i < sizeof(holder) / sizeof(holder[0]); i++)
		if (!strncmp(name, holder[i], strlen(holder[i])))
			return true;
	return false;
}

static void read_type(struct members_scanner *s, const struct die *die, uint32_t named)
{
	const struct frame *around = &s->frame[die->depth - 1];
	bool late = s->scoped && (around->late || die_has(die, DIE_SPECIFICATION));
	uint64_t bytes = 0, key = late ? 0 : key_of_name(s, named);
	uint32_t entry = 0, late_entry = 0;

	if (named && (key || late))
		add_local(s, die, late ? LOCAL_LATE : LOCAL_NAMED, key);
	die_constant(die, DIE_BYTES, &bytes);
	if (!die_flag(die, DIE_DECLARATION) || die_has(die, DIE_BYTES)) {
		if (key && members_add_entry(&s->to->found, key, bytes, place_of(s, die->at)))
			entry = s->to->found.entry_count;
		if (late && named) {
			add_late(s, LATE_TYPE, die->at)->bytes = bytes;
			late_entry = s->to->late_count;
		}
	}
	/* With -fdebug-types-section, what a declaration contains is still here. */
	enter(s, die, named, late);
	s->frame[die->depth].first =
		(entry || late_entry) && die->tag != DW_TAG_union_type && !is_holder(s->named[named].name);
	s->frame[die->depth].entry = entry;
	s->frame[die->depth].late_entry = late_entry;
}

static void read_typedef(struct members_scanner *s, const struct die *die)
{
	const struct frame *around = &s->frame[die->depth - 1];
	uint64_t key;

	add_local(s, die, LOCAL_SAME, type_of(s, die));
	if (around->tag == DW_TAG_structure_type || around->tag == DW_TAG_class_type
		|| around->tag == DW_TAG_subprogram || around->late)
		return;
	if ((key = key_of_name(s, name_of(s, die))))
		members_add_entry(&s->to->found, key, 0, place_of(s, die->at));
}

/* The member or base class that a structure begins with. */
static void read_member(struct members_scanner *s, const struct die *die)
{
	struct frame *around = &s->frame[die->depth - 1];
	uint64_t at = 1;

	if (!around->first || (!die_constant(die, DIE_MEMBER_LOCATION, &at) && die_flag(die, DIE_EXTERNAL)))
		return; /* a static member is declared as a member, too */
	around->first = false;
	if (at || !die_has(die, DIE_TYPE))
		return;
	if (around->late_entry) {
		s->to->late[around->late_entry - 1].first = die->at;
		return;
	}
	*ARRAY_ADD(s->pending, s->pending_count, s->pending_room) =
		(struct pending){ type_of(s, die), around->entry - 1, die->at };
}

/* --- variables and calls ------------------------------------------------------------------------ */

static void read_variable(struct members_scanner *s, const struct die *die)
{
	const uint8_t *op = die->block[DIE_LOCATION];
	uint64_t length = die->number[DIE_LOCATION], at = 0;

	if (!die_has(die, DIE_LOCATION) || !op || !length)
		return;
	switch (*op) {
	case DW_OP_addr:
		if (length != 1u + s->unit->address_bytes)
			break;
		memcpy(&at, op + 1, s->unit->address_bytes);
		if (at)
			members_add_variable(&s->to->found, at + s->shift, place_of(s, die->at));
		break;
	case DW_OP_const4u:
	case DW_OP_const8u:
	case DW_OP_addrx:
	case DW_OP_constx:
	case DW_OP_GNU_addr_index:
	case DW_OP_GNU_const_index: add_late(s, LATE_VARIABLE, die->at); break;
	default: break;
	}
}

/* Whether what is inside the DIE is to be read. */
static bool read_die(struct members_scanner *s, const struct die *die)
{
	uint32_t named;

	switch (die->tag) {
	case DW_TAG_namespace:
		named = name_of(s, die);
		if (!named)
			named = find_named(s, s->frame[die->depth - 1].scope, "(anonymous namespace)");
		enter(s, die, named, false);
		return true;
	case DW_TAG_module: enter(s, die, name_of(s, die), false); return true;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type: read_type(s, die, name_of(s, die)); return true;
	case DW_TAG_subprogram:
		if (die_flag(die, DIE_DECLARATION))
			return false;
		enter(s, die, s->scoped ? name_of(s, die) : 0, die_has(die, DIE_SPECIFICATION));
		return true;
	case DW_TAG_lexical_block:
	case DW_TAG_inlined_subroutine:
		enter(s, die, 0, false);
		s->frame[die->depth].tag = DW_TAG_subprogram;
		return true;
	case DW_TAG_variable: read_variable(s, die); return false;
	case DW_TAG_typedef: read_typedef(s, die); return false;
	case DW_TAG_const_type:
	case DW_TAG_volatile_type:
	case DW_TAG_restrict_type:
	case DW_TAG_atomic_type: add_local(s, die, LOCAL_SAME, type_of(s, die)); return false;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type: add_local(s, die, LOCAL_POINTER, type_of(s, die)); return false;
	case DW_TAG_base_type:
		named = find_named(s, 0, die_text(s->unit, die, DIE_NAME));
		if (named)
			add_local(s, die, LOCAL_NAMED, key_of_name(s, named));
		return false;
	case DW_TAG_member:
	case DW_TAG_inheritance: read_member(s, die); return false;
	case DW_TAG_call_site:
		if (die_has(die, DIE_ALLOCATES))
			add_late(s, LATE_ALLOCATION, die->at);
		return false;
	default: return false;
	}
}

/* --- units ----------------------------------------------------------------------------------------- */

/* The key of a type of this unit; 0: it has none. Of "void *" that is the key of a pointer to nothing. *late: libdw
 * has to find it. */
static uint64_t key_of(const struct members_scanner *s, uint64_t at, bool *late)
{
	unsigned pointers = 0;
	uint64_t key = 0;

	*late = !at; /* of another unit */
	for (unsigned n = 0; at && n < MEMBERS_PEEL; n++) {
		size_t above = SEARCH_UP_TO(s->local, s->local_count, at, at);
		const struct local *l = &s->local[above - 1];

		if (!above || l->at != at)
			return 0;
		if (l->kind == LOCAL_LATE)
			return *late = true, 0;
		pointers += l->kind == LOCAL_POINTER;
		at = l->kind == LOCAL_NAMED ? 0 : l->value;
		key = l->kind == LOCAL_NAMED ? l->value : 0;
	}
	if (at)
		return 0;
	while (pointers--)
		key = members_key_pointer(key);
	return key;
}

static void end_unit(struct members_scanner *s)
{
	for (uint32_t i = 0; i < s->pending_count; i++) {
		const struct pending *p = &s->pending[i];
		struct members_entry *e = &s->to->found.entry[p->entry];
		struct members_late *l;
		bool late;

		e->first = key_of(s, p->type, &late);
		if (!late)
			continue;
		l = add_late(s, LATE_FIRST, e->die.at);
		l->first = p->first;
		l->key = e->key;
		l->bytes = e->bytes;
	}
	s->pending_count = s->local_count = 0;
}

void members_scan_unit(struct members_scanner *s, const struct die_unit *u, bool scoped, uint64_t shift,
	struct members_scan *to)
{
	struct die die;

	s->unit = u;
	s->to = to;
	s->shift = shift;
	s->scoped = scoped;
	s->frame[0] = (struct frame){ .tag = DW_TAG_compile_unit };
	if (!s->named_count || s->named_count > NAMED_MOST)
		forget_names(s);
	die_reader_begin(s->reader, u);
	if (!die_reader_next(s->reader, &die) || die.depth)
		return;
	while (die_reader_next(s->reader, &die))
		if (!die.depth || die.depth > MEMBERS_NESTING || !read_die(s, &die))
			die_reader_skip(s->reader, &die);
	end_unit(s);
}
