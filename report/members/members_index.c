/* members_index.c - what a module's DWARF defines: types by name, variables by address, and which types begin with
 * which.
 *
 * One pass over all units, when the first question comes that needs it. A program has the same class in a hundred
 * units: one of each name and size is kept. What a type begins with is known by the offset of that type in its unit;
 * the names of the unit's types are kept until its end to resolve it.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/search.h"
#include "members_private.h"
#include "symbol/symbol_scopes.h"
#include "symbol/symbol_units.h"

#define ENTRIES_MOST (4u << 20) /* types, variables of a module */
#define FUNCTIONS_MOST                                                                                       \
	((uint64_t)96 << 20) /* bytes of .debug_info; in more, what is inside functions is left out */
#define NAME_MOST 4096u

/* A type of the unit that is being read: its key, or what it stands for. */
struct local {
	uint64_t offset, key, of;
	enum { LOCAL_NAMED, LOCAL_SAME, LOCAL_POINTER } kind;
};
struct pending {
	uint64_t first; /* offset of the type that `key` begins with */
	uint64_t key, bytes;
};

struct reader {
	struct members *m;
	struct members_module *to;
	uint64_t shift;
	bool functions, qualified;
	Dwarf_Off visited;
	struct local *local;
	uint32_t local_count, local_room;
	struct pending *pending;
	uint32_t pending_count, pending_room;
	char name[NAME_MOST]; /* of the scopes around, with "::" at the end */
};

bool members_constant(Dwarf_Die *die, unsigned name, uint64_t *value)
{
	Dwarf_Attribute attribute;
	Dwarf_Word word;

	if (!dwarf_attr(die, name, &attribute))
		return false;
	switch (dwarf_whatform(&attribute)) {
	case DW_FORM_exprloc:
	case DW_FORM_block:
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
	case DW_FORM_loclistx:
	case DW_FORM_sec_offset: return false;
	default: break;
	}
	if (dwarf_formudata(&attribute, &word) != 0)
		return false;
	*value = word;
	return true;
}

bool members_flagged(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	bool set = false;

	return dwarf_attr(die, name, &attribute) && !dwarf_formflag(&attribute, &set) && set;
}

/* The offset of the type that a DIE says, in its own unit; 0: none, or elsewhere. */
static uint64_t type_offset(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	Dwarf_Die type;

	if (!dwarf_attr(die, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &type)
		|| type.cu != die->cu)
		return 0;
	return dwarf_dieoffset(&type);
}

static void add_local(struct reader *r, Dwarf_Die *die, int kind, uint64_t key, uint64_t of)
{
	struct local *l = ARRAY_ADD(r->local, r->local_count, r->local_room);

	*l = (struct local){ .offset = dwarf_dieoffset(die), .key = key, .of = of, .kind = kind };
}

static bool has_entry(const struct members_module *to, uint64_t key, uint64_t bytes)
{
	INDEX_EACH(&to->entries, key, probe)
	if (to->entry[probe.number].key == key && to->entry[probe.number].bytes == bytes)
		return true;
	return false;
}

/* false: it is there already. */
static bool add_entry(struct reader *r, Dwarf_Die *die, uint64_t key, uint64_t bytes)
{
	struct members_module *to = r->to;

	if (to->entry_count >= ENTRIES_MOST || has_entry(to, key, bytes))
		return false;
	index_add(&to->entries, key, to->entry_count);
	*ARRAY_ADD(to->entry, to->entry_count, to->entry_room) = (struct members_entry){ key, bytes, *die };
	return true;
}

static void add_variable(struct reader *r, Dwarf_Die *die)
{
	struct members_module *to = r->to;
	Dwarf_Attribute attribute, result;
	Dwarf_Op *op;
	const char *name = dwarf_diename(die);
	uint64_t at;
	size_t n;

	if (to->variable_count >= ENTRIES_MOST || to->thread_local_count >= ENTRIES_MOST
		|| !dwarf_attr_integrate(die, DW_AT_location, &attribute)
		|| dwarf_getlocation(&attribute, &op, &n) != 0 || n == 0)
		return;
	if (n == 1 && op[0].atom == DW_OP_addr) {
		at = op[0].number;
	} else if (n == 1 && (op[0].atom == DW_OP_addrx || op[0].atom == DW_OP_GNU_addr_index)) {
		if (dwarf_getlocation_attr(&attribute, &op[0], &result) != 0
			|| dwarf_formaddr(&result, &at) != 0)
			return;
	} else if (n == 2 && name
		&& (op[1].atom == DW_OP_form_tls_address || op[1].atom == DW_OP_GNU_push_tls_address)) {
		*ARRAY_ADD(to->thread_local_one, to->thread_local_count, to->thread_local_room) =
			(struct members_variable){ members_key(name), *die };
		return;
	} else {
		return;
	}
	if (at)
		*ARRAY_ADD(to->variable, to->variable_count, to->variable_room) =
			(struct members_variable){ at + r->shift, *die };
}

static void add_allocation(struct reader *r, Dwarf_Die *die)
{
	struct members_module *to = r->to;
	Dwarf_Attribute attribute;
	Dwarf_Addr at;

	if (!dwarf_hasattr(die, MEMBERS_AT_ALLOCATES) || !dwarf_attr(die, DW_AT_call_return_pc, &attribute)
		|| dwarf_formaddr(&attribute, &at) != 0 || to->allocation_count >= ENTRIES_MOST)
		return;
	*ARRAY_ADD(to->allocation, to->allocation_count, to->allocation_room) =
		(struct members_variable){ at + r->shift, *die };
}

static void read_children(struct reader *r, Dwarf_Die *die, size_t length, unsigned depth, unsigned tag);

/* Appends a part of a name; the new length, or NAME_MOST where it does not fit. */
static size_t append(struct reader *r, size_t length, const char *part, const char *end)
{
	size_t more = part ? strlen(part) : 0, tail = strlen(end);

	if (length + more + tail >= NAME_MOST)
		return NAME_MOST;
	if (part)
		memcpy(r->name + length, part, more);
	memcpy(r->name + length + more, end, tail + 1);
	return length + more + tail;
}

/* In the scope of a DIE; inside one with a name that is too long nothing has a name. */
static void read_scope(struct reader *r, Dwarf_Die *die, size_t length, unsigned depth)
{
	const char *part = members_part_name(die);
	size_t inner = r->qualified && part ? append(r, length, part, "::") : length;

	if (inner < NAME_MOST)
		read_children(r, die, inner, depth + 1, dwarf_tag(die));
	r->name[length] = 0;
}

/* The member or base class that a structure begins with. */
static bool find_first(Dwarf_Die *die, Dwarf_Die *first)
{
	Dwarf_Die child;
	uint64_t at;

	if (dwarf_child(die, &child) != 0)
		return false;
	for (unsigned n = 0; n < MEMBERS_PEEL; n++) {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_inheritance || tag == DW_TAG_member) {
			if (members_constant(&child, DW_AT_data_member_location, &at))
				return *first = child, !at;
			/* A static member is declared as a member, too. */
			if (!members_flagged(&child, DW_AT_external))
				return false;
		}
		if (dwarf_siblingof(&child, &child) != 0)
			break;
	}
	return false;
}

static void add_start(struct members_module *to, uint64_t first, uint64_t key, uint64_t bytes)
{
	index_add(&to->starts, first, to->start_count);
	*ARRAY_ADD(to->start, to->start_count, to->start_room) = (struct members_start){ first, key, bytes };
}

/* The key of what a structure begins with, where that type is in another unit. */
static uint64_t key_elsewhere(struct reader *r, Dwarf_Die *first)
{
	unsigned pointers = 0;
	Dwarf_Attribute attribute;
	Dwarf_Die type = *first, to;
	uint64_t key = 0;
	char *name;

	for (unsigned n = 0; n < MEMBERS_PEEL; n++) {
		int tag = dwarf_tag(&type);

		if (n
			&& (tag == DW_TAG_structure_type || tag == DW_TAG_class_type
				|| tag == DW_TAG_base_type))
			break;
		pointers += n && tag == DW_TAG_pointer_type;
		if (!dwarf_attr(&type, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &to))
			return 0;
		type = to;
	}
	name = members_full_name(r->m, &type);
	if (name)
		key = members_key(name);
	free(name);
	while (key && pointers--)
		key = members_key_pointer(key);
	return key;
}

static void note_first(struct reader *r, Dwarf_Die *first, uint64_t key, uint64_t bytes)
{
	Dwarf_Attribute attribute;
	uint64_t at = type_offset(first), elsewhere;

	if (at)
		*ARRAY_ADD(r->pending, r->pending_count, r->pending_room) =
			(struct pending){ at, key, bytes };
	else if (dwarf_attr(first, DW_AT_type, &attribute) && (elsewhere = key_elsewhere(r, first)))
		add_start(r->to, elsewhere, key, bytes);
}

static void read_type(struct reader *r, Dwarf_Die *die, size_t length, unsigned depth);

/* The definition of a type that its scope declares, as `struct Widget::Parts { ... }`. */
static void read_elsewhere(struct reader *r, Dwarf_Die *die, unsigned depth)
{
	char *name = members_full_name(r->m, die), *last, around[NAME_MOST];
	size_t length = strlen(r->name);

	if (name && strlen(name) < NAME_MOST) {
		memcpy(around, r->name, length + 1);
		last = strstr(name, dwarf_diename(die));
		for (char *at = last; at; at = strstr(at + 1, dwarf_diename(die)))
			last = at;
		length = last ? (size_t)(last - name) : 0;
		memcpy(r->name, name, length);
		r->name[length] = 0;
		read_type(r, die, length, depth + 1);
		memcpy(r->name, around, strlen(around) + 1);
	}
	free(name);
}

static void read_type(struct reader *r, Dwarf_Die *die, size_t length, unsigned depth)
{
	const char *name = dwarf_diename(die);
	uint64_t bytes = 0, key = 0;
	Dwarf_Die first;
	bool named = name && *name && append(r, length, name, "") < NAME_MOST;

	if (named)
		key = members_key(r->name);
	r->name[length] = 0;
	if (named)
		add_local(r, die, LOCAL_NAMED, key, 0);
	if (members_flagged(die, DW_AT_declaration) && !dwarf_hasattr(die, DW_AT_byte_size)) {
		read_scope(r, die, length, depth); /* with -fdebug-types-section, its types are still here */
		return;
	}
	members_constant(die, DW_AT_byte_size, &bytes);
	if (named && add_entry(r, die, key, bytes) && dwarf_tag(die) != DW_TAG_union_type
		&& find_first(die, &first))
		note_first(r, &first, key, bytes);
	read_scope(r, die, length, depth);
}

static void read_typedef(struct reader *r, Dwarf_Die *die, size_t length, unsigned tag)
{
	const char *name = dwarf_diename(die);

	add_local(r, die, LOCAL_SAME, 0, type_offset(die));
	if (!name || !*name || tag == DW_TAG_structure_type || tag == DW_TAG_class_type
		|| tag == DW_TAG_subprogram)
		return;
	if (append(r, length, name, "") < NAME_MOST)
		add_entry(r, die, members_key(r->name), 0);
	r->name[length] = 0;
}

static void read_child(struct reader *r, Dwarf_Die *die, size_t length, unsigned depth, unsigned tag)
{
	const char *name;

	switch (dwarf_tag(die)) {
	case DW_TAG_variable: add_variable(r, die); break;
	case DW_TAG_namespace:
	case DW_TAG_module: read_scope(r, die, length, depth); break;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
		if (r->qualified && dwarf_hasattr(die, DW_AT_specification))
			read_elsewhere(r, die, depth);
		else
			read_type(r, die, length, depth);
		break;
	case DW_TAG_typedef: read_typedef(r, die, length, tag); break;
	case DW_TAG_const_type:
	case DW_TAG_volatile_type:
	case DW_TAG_restrict_type:
	case DW_TAG_atomic_type: add_local(r, die, LOCAL_SAME, 0, type_offset(die)); break;
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type: add_local(r, die, LOCAL_POINTER, 0, type_offset(die)); break;
	case DW_TAG_base_type:
		name = dwarf_diename(die);
		if (name)
			add_local(r, die, LOCAL_NAMED, members_key(name), 0);
		break;
	case DW_TAG_subprogram:
		if (r->functions)
			read_scope(r, die, length, depth);
		break;
	case DW_TAG_call_site: add_allocation(r, die); break;
	case DW_TAG_lexical_block:
	case DW_TAG_inlined_subroutine:
		if (r->functions)
			read_children(r, die, length, depth + 1, DW_TAG_subprogram);
		break;
	default: break;
	}
}

static void read_children(struct reader *r, Dwarf_Die *die, size_t length, unsigned depth, unsigned tag)
{
	Dwarf_Die child;

	if (depth > MEMBERS_NESTING || dwarf_child(die, &child) != 0)
		return;
	do {
		if (!symbol_scopes_visit(&r->visited, &child))
			return;
		read_child(r, &child, length, depth, tag);
	} while (dwarf_siblingof(&child, &child) == 0);
}

/* The key of a type of this unit; 0: it has none. Of "void *" that is the key of a pointer to nothing. */
static uint64_t key_of(const struct reader *r, uint64_t offset)
{
	unsigned pointers = 0;

	for (unsigned n = 0; n < MEMBERS_PEEL; n++) {
		size_t at = SEARCH_UP_TO(r->local, r->local_count, offset, offset);
		const struct local *l = at ? &r->local[at - 1] : NULL;
		uint64_t key;

		if (offset && (!l || l->offset != offset))
			return 0;
		if (!offset || l->kind == LOCAL_NAMED) {
			key = offset ? l->key : 0;
			while (pointers--)
				key = members_key_pointer(key);
			return key;
		}
		pointers += l->kind == LOCAL_POINTER;
		offset = l->of;
	}
	return 0;
}

static void end_unit(struct reader *r)
{
	for (uint32_t i = 0; i < r->pending_count; i++) {
		const struct pending *p = &r->pending[i];
		uint64_t first = key_of(r, p->first);

		if (first)
			add_start(r->to, first, p->key, p->bytes);
	}
	r->pending_count = r->local_count = 0;
}

static int compare_variables(const void *a, const void *b)
{
	const struct members_variable *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static void read_module(struct members *m, struct members_module *to)
{
	struct reader *r = alloc_zeroed(1, sizeof(*r));
	struct symbol_unit u = { 0 };

	r->m = m;
	r->to = to;
	r->functions = symbol_unit_bytes(to->file) <= FUNCTIONS_MOST;
	r->shift = symbol_unit_shift(to->file);
	while (symbol_unit_next(to->file, &u)) {
		r->visited = 0;
		r->qualified = symbol_scopes_are_in(&u.die);
		read_children(r, &u.die, 0, 0, DW_TAG_compile_unit);
		end_unit(r);
	}
	if (to->variable_count)
		qsort(to->variable, to->variable_count, sizeof(*to->variable), compare_variables);
	if (to->thread_local_count)
		qsort(to->thread_local_one, to->thread_local_count, sizeof(*to->thread_local_one),
			compare_variables);
	if (to->allocation_count)
		qsort(to->allocation, to->allocation_count, sizeof(*to->allocation), compare_variables);
	free(r->local);
	free(r->pending);
	free(r);
}

struct members_module *members_index(struct members *m, uint32_t module)
{
	struct members_module *to = module < m->snapshot->module_count ? &m->module[module] : NULL;

	if (!to)
		return NULL;
	if (!to->indexed) {
		to->indexed = true;
		to->file = symbols_module(m->symbols, module);
		/* A library that was loaded twice is read once. */
		for (uint32_t i = 1; to->file && i < m->snapshot->module_count; i++)
			if (i != module && m->module[i].file == to->file)
				return &m->module[to->same = i];
		if (to->file && symbol_module_source(to->file) == SYMBOL_SOURCE_DWARF)
			read_module(m, to);
	}
	if (to->same)
		to = &m->module[to->same];
	return to->file ? to : NULL;
}

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
