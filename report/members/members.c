/* members.c - types by DIE, by name and by variable; their members. See members.h. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/search.h"
#include "members_private.h"

#define TYPES_MOST (8u << 20)
#define CHUNK 16u           /* glibc rounds up to multiples of this, less 8, and to 24 at least */
#define MAPPED (128u << 10) /* blocks of this size may be mappings of their own: whole pages */
#define PAGE 4096u

struct members *members_new(const struct snapshot *s, struct symbols *symbols)
{
	struct members *m = alloc_zeroed(1, sizeof(*m));

	m->snapshot = s;
	m->symbols = symbols;
	m->module = alloc_zeroed(s->module_count + 1, sizeof(*m->module));
	*ARRAY_ADD(m->type, m->type_count, m->type_room) = (struct members_type){ .name = "", .named = true };
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
		free(of->start);
		index_free(&of->starts);
		free(of->variable);
		free(of->thread_local_one);
	}
	for (uint32_t i = 0; i < m->type_count; i++)
		free(m->type[i].member);
	free(m->module);
	free(m->type);
	index_free(&m->types);
	intern_free(&m->names);
	members_scopes_free(m->scopes);
	free(m);
}

/* --- types by DIE ------------------------------------------------------------------ */

static const char *keep_text(struct members *m, const char *text)
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

static uint32_t add_type(struct members *m, Dwarf_Die *die)
{
	struct members_type t = { .die = *die, .kind = (uint8_t)kind_of(dwarf_tag(die)) };

	if (t.kind == MEMBERS_UNKNOWN || m->type_count >= TYPES_MOST)
		return 0;
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
		m->type[type].name = keep_text(m, name);
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
	m->type[type].name = text ? keep_text(m, text) : "";
	free(text);
	return m->type[type].name;
}

const char *members_type_language(struct members *m, uint32_t type)
{
	Dwarf_Die unit;

	while (type && m->type[type].kind == MEMBERS_POINTER && !m->type[type].die.addr)
		type = m->type[type].of;
	if (!type || !dwarf_diecu(&m->type[type].die, &unit, NULL, NULL) || !members_has_scopes(&unit))
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

/* --- by name, by variable ----------------------------------------------------------- */

bool members_definition(struct members *m, const char *name, Dwarf_Die *die)
{
	uint64_t key = members_key(name);
	const struct members_entry *found = NULL;

	for (uint32_t i = 1; i < m->snapshot->module_count; i++) {
		const struct members_module *of = members_index(m, i);

		if (!of)
			continue;
		INDEX_EACH(&of->entries, key, probe)
		{
			const struct members_entry *e = &of->entry[probe.number];

			if (e->key != key || !e->bytes)
				continue;
			if (found && found->bytes != e->bytes)
				return false; /* two types of one name */
			found = e;
		}
	}
	if (found)
		*die = found->die;
	return found;
}

/* "net::Session*" as a name that demanglers write: a type that need not be in the DWARF. */
static uint32_t find_pointer(struct members *m, const char *name, struct members_size size)
{
	size_t length = strlen(name);
	char *to = alloc_string(name);
	struct members_type t = { .kind = MEMBERS_POINTER, .bytes = sizeof(uint64_t) };
	Dwarf_Die die;
	uint32_t type = 0;

	while (length && (to[length - 1] == '*' || to[length - 1] == ' '))
		to[--length] = 0;
	if (length > 6 && !strcmp(to + length - 6, " const"))
		to[length - 6] = 0;
	if (size.bytes >= t.bytes && m->type_count < TYPES_MOST
		&& strchr(name + length, '*') == name + strlen(name) - 1 && members_definition(m, to, &die)
		&& (t.of = members_of_die(m, &die))) {
		t.named = t.sized = t.of_read = true;
		t.name = keep_text(m, name);
		type = m->type_count;
		*ARRAY_ADD(m->type, m->type_count, m->type_room) = t;
	}
	free(to);
	return type;
}

uint32_t members_named(struct members *m, const char *name, struct members_size size)
{
	uint64_t key = members_key(name);
	uint32_t found = 0;

	if (*name && name[strlen(name) - 1] == '*')
		return find_pointer(m, name, size);
	for (uint32_t i = 1; i < m->snapshot->module_count; i++) {
		const struct members_module *of = members_index(m, i);

		if (!of)
			continue;
		INDEX_EACH(&of->entries, key, probe)
		{
			Dwarf_Die die = of->entry[probe.number].die;
			uint32_t type;

			if (of->entry[probe.number].key != key)
				continue;
			type = members_of_die(m, &die);
			if (!type || !members_fits(m, type, size, true) || type == found)
				continue;
			if (found && members_type_bytes(m, found) != members_type_bytes(m, type))
				return 0;
			found = found ? found : type;
		}
	}
	return found;
}

uint64_t members_named_bytes(struct members *m, const char *name)
{
	uint32_t type;
	Dwarf_Die die;

	if (!members_definition(m, name, &die))
		return 0;
	type = members_of_die(m, &die);
	return type ? members_type_bytes(m, type) : 0;
}

uint32_t members_variable(struct members *m, uint32_t module, uint64_t address, uint64_t *offset)
{
	const struct members_module *of = members_index(m, module);
	Dwarf_Die die;
	uint64_t elf;
	uint32_t type;
	size_t at;

	if (!of)
		return 0;
	elf = address - m->snapshot->modules[module].bias;
	at = SEARCH_UP_TO(of->variable, of->variable_count, address, elf);
	if (!at)
		return 0;
	die = of->variable[at - 1].die;
	*offset = elf - of->variable[at - 1].address;
	type = members_of_attribute(m, &die);
	return type && *offset < members_type_bytes(m, type) ? type : 0;
}

uint32_t members_thread_local(struct members *m, uint32_t module, const char *name)
{
	const struct members_module *of = members_index(m, module);
	const char *last = strrchr(name, ':');
	uint64_t key = members_key(last ? last + 1 : name);
	Dwarf_Die die;
	size_t at;

	if (!of)
		return 0;
	at = SEARCH_UP_TO(of->thread_local_one, of->thread_local_count, address, key);
	if (!at || of->thread_local_one[at - 1].address != key
		|| (at > 1 && of->thread_local_one[at - 2].address == key))
		return 0;
	die = of->thread_local_one[at - 1].die;
	return members_of_attribute(m, &die);
}

/* --- sizes --------------------------------------------------------------------------- */

/* Whether a block of this size can have been asked for with `bytes`. */
static bool is_size(uint64_t bytes, struct members_size size)
{
	if (!size.usable)
		return bytes == size.bytes;
	return bytes <= size.bytes
		&& (size.bytes < bytes + CHUNK || size.bytes <= 24
			|| (size.bytes >= MAPPED && size.bytes < bytes + PAGE + CHUNK));
}

/* Whether the last member is an array without bounds, or, as in old C, one of one element. */
static bool is_open(struct members *m, uint32_t type)
{
	for (unsigned n = 0; n < MEMBERS_PEEL && m->type[type].kind == MEMBERS_STRUCT; n++) {
		const struct member *last;
		uint32_t of;

		members_read(m, type);
		if (!m->type[type].member_count)
			return false;
		last = &m->type[type].member[m->type[type].member_count - 1];
		if (last->base)
			return false;
		of = members_member_type(m, type, m->type[type].member_count - 1);
		if (m->type[of].kind == MEMBERS_ARRAY)
			return m->type[of].count <= 1 && !(m->type[of].sized && m->type[of].bytes > 64);
		type = of;
	}
	return false;
}

bool members_fits(struct members *m, uint32_t type, struct members_size size, bool many)
{
	uint64_t bytes = members_type_bytes(m, type);

	if (!bytes || bytes > size.bytes)
		return false;
	if (is_size(bytes, size) || (many && is_size(size.bytes / bytes * bytes, size)))
		return true;
	return is_open(m, type);
}

static bool starts_another(const struct members *m, uint64_t first, struct members_size size, unsigned depth,
	unsigned *looked_at)
{
	for (uint32_t i = 1; i < m->snapshot->module_count; i++) {
		const struct members_module *of = &m->module[i];

		INDEX_EACH(&of->starts, first, probe)
		{
			const struct members_start *s = &of->start[probe.number];

			if (s->first != first)
				continue;
			if (++*looked_at > 100000 || is_size(s->bytes, size))
				return true;
			if (depth < 16 && s->bytes <= size.bytes
				&& starts_another(m, s->key, size, depth + 1, looked_at))
				return true;
		}
	}
	return false;
}

bool members_is_ambiguous(struct members *m, uint32_t type, struct members_size size)
{
	unsigned pointers = 0, looked_at = 0;
	const char *name;
	uint64_t key;

	while (m->type[type].kind == MEMBERS_POINTER && pointers < MEMBERS_PEEL) {
		type = members_type_of(m, type);
		pointers++;
	}
	name = members_type_name(m, type);
	key = type ? members_key(name) : 0;
	if (type && !*name)
		return false;
	while (pointers--)
		key = members_key_pointer(key);
	for (uint32_t i = 1; i < m->snapshot->module_count; i++)
		members_index(m, i);
	return starts_another(m, key, size, 0, &looked_at);
}
