/* members.c - types by DIE, by name and by variable; their members. See members.h. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/search.h"
#include "members_private.h"
#include "symbol/symbol_scopes.h"

struct members *members_new(const struct snapshot *s, struct symbols *symbols)
{
	struct members *m = alloc_zeroed(1, sizeof(*m));

	m->snapshot = s;
	m->symbols = symbols;
	m->words_left = MEMBERS_WORDS_MOST;
	m->module = alloc_zeroed(s->module_count + 1, sizeof(*m->module));
	*ARRAY_ADD(m->type, m->type_count, m->type_room) = (struct members_type){ .name = "", .named = true };
	members_load(m);
	return m;
}

void members_free(struct members *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->snapshot->module_count; i++) {
		struct members_module *of = &m->module[i];

		free(of->entry);
		index_free(&of->entries);
		index_free(&of->firsts);
		free(of->variable);
		free(of->thread_local_one);
		free(of->allocation);
	}
	for (uint32_t i = 0; i < m->type_count; i++)
		free(m->type[i].member);
	for (uint32_t i = 0; i < m->frame_count; i++)
		free(m->frame[i].locals.list);
	free(m->frame);
	index_free(&m->frames);
	for (uint32_t i = 0; i < m->words_room; i++)
		members_words_free(m->words[i]);
	free(m->words);
	free(m->module);
	free(m->type);
	index_free(&m->types);
	intern_free(&m->names);
	symbol_scopes_free(m->scopes);
	free(m);
}

static void release(void *members) { members_free(members); }

struct members *members_shared(struct symbols *symbols)
{
	struct symbols_made *shared = symbols_members(symbols);

	if (!shared->it)
		*shared = (struct symbols_made){ members_new(symbols_snapshot(symbols), symbols), release };
	return shared->it;
}

/* --- types by DIE ------------------------------------------------------------------ */

const char *members_text(struct members *m, const char *text)
{
	uint32_t number = intern_text(&m->names, text);

	return m->names.text[number];
}

/* Without qualifiers and typedefs; *name is that of the last typedef, for what has no name of its own. false: void. */
static bool peel(Dwarf_Die *die, const char **name)
{
	Dwarf_Attribute attribute;
	Dwarf_Die to;

	for (unsigned n = 0; n < MEMBERS_PEEL; n++) {
		switch (dwarf_tag(die)) {
		case DW_TAG_typedef: *name = dwarf_diename(die); break;
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type: break;
		default: return true;
		}
		if (!dwarf_attr(die, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &to))
			return false;
		*die = to;
	}
	return false;
}

static enum members_kind kind_of(int tag)
{
	switch (tag) {
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_interface_type: return MEMBERS_STRUCT;
	case DW_TAG_union_type: return MEMBERS_UNION;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type: return MEMBERS_POINTER;
	case DW_TAG_array_type: return MEMBERS_ARRAY;
	case DW_TAG_base_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_ptr_to_member_type: return MEMBERS_SCALAR;
	default: return MEMBERS_UNKNOWN;
	}
}

/* Elements of an array of all dimensions; 0: it has no bounds. */
static uint64_t count_elements(Dwarf_Die *die)
{
	uint64_t count = 1, n;
	bool any = false;
	Dwarf_Die child;

	if (dwarf_child(die, &child) != 0)
		return 0;
	for (unsigned i = 0; i < MEMBERS_PEEL; i++) {
		if (dwarf_tag(&child) == DW_TAG_subrange_type) {
			if (!members_constant(&child, DW_AT_count, &n)) {
				if (!members_constant(&child, DW_AT_upper_bound, &n))
					return 0;
				n++;
			}
			if (n && count > UINT32_MAX / n)
				return 0;
			count *= n;
			any = true;
		}
		if (dwarf_siblingof(&child, &child) != 0)
			break;
	}
	return any ? count : 0;
}

/* Nodes of libc++ since LLVM 16 have their values in unions of one member, so that nothing constructs them too early
 * (__hash_table, list, __tree). A node that is in use has a value. */
static bool is_value(Dwarf_Die *die)
{
	Dwarf_Off visited = 0;
	Dwarf_Die child;
	unsigned values = 0, others = 0;

	if (dwarf_tag(die) != DW_TAG_union_type || dwarf_child(die, &child) != 0)
		return false;
	do {
		const char *name = dwarf_diename(&child);

		if (!symbol_scopes_visit(&visited, &child))
			return false;
		if (dwarf_tag(&child) != DW_TAG_member)
			continue;
		if (name && !strcmp(name, "__value_"))
			values++;
		else
			others++;
	} while (dwarf_siblingof(&child, &child) == 0);
	return values == 1 && !others;
}

static uint32_t add_type(struct members *m, Dwarf_Die *die)
{
	struct members_type t = { .die = *die, .kind = (uint8_t)kind_of(dwarf_tag(die)) };

	if (t.kind == MEMBERS_UNKNOWN || m->type_count >= MEMBERS_TYPES_MOST)
		return 0;
	if (is_value(die))
		t.kind = MEMBERS_STRUCT;
	t.sized = members_constant(die, DW_AT_byte_size, &t.bytes);
	if (t.kind == MEMBERS_SCALAR && t.bytes == 1)
		t.kind = MEMBERS_BYTE;
	if (t.kind == MEMBERS_POINTER && !t.sized)
		t.bytes = sizeof(uint64_t), t.sized = true;
	if (t.kind == MEMBERS_ARRAY)
		t.count = count_elements(die);
	*ARRAY_ADD(m->type, m->type_count, m->type_room) = t;
	return m->type_count - 1;
}

static uint32_t find_type(struct members *m, const void *at)
{
	INDEX_EACH(&m->types, index_hash((uintptr_t)at), probe)
	if (m->type[probe.number].die.addr == at)
		return probe.number;
	return 0;
}

uint32_t members_of_die(struct members *m, Dwarf_Die *from)
{
	Dwarf_Die die = *from;
	const char *name = NULL;
	Dwarf_Attribute attribute;
	uint32_t type;

	if (!peel(&die, &name))
		return 0;
	if ((type = find_type(m, die.addr)))
		goto found;
	if (kind_of(dwarf_tag(&die)) >= MEMBERS_STRUCT
		&& (members_flagged(&die, DW_AT_declaration) || dwarf_hasattr(&die, DW_AT_signature))) {
		Dwarf_Die to;

		if (dwarf_attr(&die, DW_AT_signature, &attribute) && dwarf_formref_die(&attribute, &to)) {
			die = to;
		} else {
			char *full = members_full_name(m, &die);
			bool defined = full && members_definition(m, full, &die);

			free(full);
			if (!defined)
				return 0;
		}
		if ((type = find_type(m, die.addr)))
			goto found;
	}
	type = add_type(m, &die);
	if (type)
		index_add(&m->types, index_hash((uintptr_t)die.addr), type);
found:
	if (type && name && !m->type[type].named && !dwarf_diename(&m->type[type].die)
		&& m->type[type].kind >= MEMBERS_STRUCT) {
		m->type[type].name = members_text(m, name);
		m->type[type].named = true;
	}
	return type;
}

uint32_t members_of_attribute(struct members *m, Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	Dwarf_Die type;

	if (!dwarf_attr_integrate(die, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &type))
		return 0;
	return members_of_die(m, &type);
}

uint32_t members_type_of(struct members *m, uint32_t type)
{
	struct members_type *t = &m->type[type];
	Dwarf_Die die = t->die;
	uint32_t of;

	if (t->of_read || (t->kind != MEMBERS_POINTER && t->kind != MEMBERS_ARRAY))
		return t->of;
	t->of_read = true;
	of = members_of_attribute(m, &die);
	m->type[type].of = of; /* the array may have moved */
	return of;
}

uint64_t members_type_bytes(struct members *m, uint32_t type)
{
	uint64_t bytes = 1, element;
	unsigned n;

	/* Arrays of arrays, whose size a compiler need not say. */
	for (n = 0; n < MEMBERS_PEEL; n++) {
		struct members_type *t = &m->type[type];

		if (t->kind != MEMBERS_ARRAY || t->sized)
			return t->bytes > UINT64_MAX / bytes ? 0 : bytes * t->bytes;
		element = t->count;
		if (!element || bytes > UINT32_MAX / element)
			return 0;
		bytes *= element;
		type = members_type_of(m, type);
	}
	return 0;
}

enum members_kind members_type_kind(struct members *m, uint32_t type)
{
	return (enum members_kind)m->type[type].kind;
}

const char *members_type_name(struct members *m, uint32_t type)
{
	char *text = NULL, *longer;
	uint32_t at = type;
	unsigned pointers = 0;

	if (m->type[type].named)
		return m->type[type].name;
	while (m->type[at].kind == MEMBERS_POINTER && !dwarf_diename(&m->type[at].die)
		&& pointers < MEMBERS_PEEL) {
		pointers++;
		at = members_type_of(m, at);
	}
	if (at == type)
		text = members_full_name(m, &m->type[at].die);
	else if (at)
		text = alloc_string(members_type_name(m, at));
	else
		text = alloc_string("void");
	for (unsigned i = 0; text && *text && i < pointers; i++) {
		longer = alloc_printf("%s*", text);
		free(text);
		text = longer;
	}
	m->type[type].named = true;
	m->type[type].name = text ? members_text(m, text) : "";
	free(text);
	return m->type[type].name;
}

const char *members_type_language(struct members *m, uint32_t type)
{
	Dwarf_Die unit;

	if (m->snapshot->native_type_count)
		return m->type[type].language == LANGUAGE_RUST   ? "rust"
			: m->type[type].language == LANGUAGE_CXX ? "c++"
								 : "c";
	while (type && m->type[type].kind == MEMBERS_POINTER && !m->type[type].die.addr)
		type = m->type[type].of;
	if (!type || !dwarf_diecu(&m->type[type].die, &unit, NULL, NULL) || !symbol_scopes_are_in(&unit))
		return "c";
	return dwarf_srclang(&unit) == DW_LANG_Rust ? "rust" : "c++";
}

uint32_t members_member_type(struct members *m, uint32_t type, uint32_t member)
{
	struct member *at = &m->type[type].member[member];
	Dwarf_Die die = at->die;
	uint32_t of;

	if (at->read)
		return at->type;
	at->read = true;
	of = members_of_attribute(m, &die);
	m->type[type].member[member].type = of; /* types may have moved, members of one type do not */
	return of;
}
