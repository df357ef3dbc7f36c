/* members_read.c - the members of a structure, a union, an enum of Rust; see members.h. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "members_private.h"
#include "symbol/symbol_scopes.h"

#define MEMBERS_MOST 65536u /* of one type */

static void add_member(struct members_type *t, uint32_t *room, Dwarf_Die *die, bool base, bool sure)
{
	struct member new = { .die = *die,
		.name = dwarf_diename(die),
		.base = base,
		.sure = sure,
		.sure_at = MEMBERS_NOWHERE };
	uint64_t bits;

	t->partial |= dwarf_hasattr(die, DW_AT_bit_size) || t->member_count >= MEMBERS_MOST;
	if (t->member_count >= MEMBERS_MOST)
		return;
	if (!members_constant(die, DW_AT_data_member_location, &new.offset)) {
		/* An expression: of a virtual base, which each object has elsewhere. */
		if (dwarf_hasattr(die, DW_AT_data_member_location)) {
			t->partial = true;
			return;
		}
		if (members_constant(die, DW_AT_data_bit_offset, &bits))
			new.offset = bits / 8;
		else if (t->kind != MEMBERS_UNION && dwarf_hasattr(die, DW_AT_external))
			return; /* static */
	}
	if (new.offset < t->bytes || (!t->bytes && !new.offset)
		|| (new.offset == t->bytes && t->kind == MEMBERS_STRUCT))
		*ARRAY_ADD(t->member, t->member_count, *room) = new;
}

/* An enum of Rust. The variant that no value of the tag stands for is there when the tag is a pointer of its own data:
 * the others have values that no pointer has. */
static void read_variants(struct members_type *t, uint32_t *room, Dwarf_Die *part)
{
	Dwarf_Attribute attribute;
	Dwarf_Die variant, member, tag;
	uint64_t tag_at = MEMBERS_NOWHERE;

	if (dwarf_attr(part, DW_AT_discr, &attribute) && dwarf_formref_die(&attribute, &tag))
		members_constant(&tag, DW_AT_data_member_location, &tag_at);
	if (dwarf_child(part, &variant) != 0)
		return;
	for (unsigned n = 0; n < 1024; n++) {
		if (dwarf_tag(&variant) == DW_TAG_variant && dwarf_child(&variant, &member) == 0) {
			add_member(t, room, &member, false, false);
			if (t->member_count && !dwarf_hasattr(&variant, DW_AT_discr_value))
				t->member[t->member_count - 1].sure_at = tag_at;
		}
		if (dwarf_siblingof(&variant, &variant) != 0)
			break;
	}
}

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->die.addr < y->die.addr ? -1 : x->die.addr > y->die.addr;
}

/* Nodes of libstdc++ have their values in arrays of bytes, of types that name the value as their first argument
 * (ext/aligned_buffer.h, bits/hashtable_policy.h). A node that is in use has a value; the object of a std::shared_ptr,
 * which has such an array, too, may be gone. */
static bool is_value(Dwarf_Die *type)
{
	const char *name = dwarf_diename(type);

	return name
		&& (!strncmp(name, "__aligned_membuf<", 17) || !strncmp(name, "_Hash_node_value_base<", 22));
}

/* In place of the bytes. Up to gcc 10 a base of the node is before them. */
static void read_value(struct members_type *t, uint32_t *room, Dwarf_Die *argument)
{
	for (uint32_t i = 0; i < t->member_count; i++)
		if (t->member[i].name && !strcmp(t->member[i].name, "_M_storage")) {
			t->member[i].die = *argument;
			return;
		}
	t->member_count = 0;
	add_member(t, room, argument, false, true);
	if (t->member_count)
		t->member[0].name = "_M_storage";
}

void members_read(struct members *m, uint32_t type)
{
	struct members_type t = m->type[type];
	uint32_t room = 0;
	Dwarf_Off visited = 0;
	Dwarf_Die child, value;
	bool has_value = false, may_have_value;

	if (t.read || t.kind < MEMBERS_STRUCT)
		return;
	t.read = true;
	may_have_value = t.kind == MEMBERS_STRUCT && is_value(&t.die);
	if (dwarf_child(&t.die, &child) == 0)
		do {
			if (!symbol_scopes_visit(&visited, &child))
				break;
			switch (dwarf_tag(&child)) {
			case DW_TAG_member:
				if (!members_flagged(&child, DW_AT_declaration))
					add_member(&t, &room, &child, false, t.kind == MEMBERS_STRUCT);
				break;
			case DW_TAG_inheritance: add_member(&t, &room, &child, true, true); break;
			case DW_TAG_template_type_parameter:
				if (may_have_value && !has_value)
					value = child;
				has_value |= may_have_value;
				break;
			case DW_TAG_variant_part: read_variants(&t, &room, &child); break;
			default: break;
			}
		} while (dwarf_siblingof(&child, &child) == 0);
	if (has_value)
		read_value(&t, &room, &value);
	if (t.member_count)
		qsort(t.member, t.member_count, sizeof(*t.member), compare_members);
	m->type[type] = t;
}
