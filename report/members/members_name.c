/* members_name.c - full names of types, and keys of them.
 *
 * A DIE does not know what it lies in, so the scopes and types of a unit are noted in one pass when the first name of
 * the unit is asked for. Demanglers and compilers spell names differently: "std::array<int, 3ul>" and
 * "std::array<int, 3>", "A<B >" and "A<B>"; the key is the same.
 */
#include <ctype.h>
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/search.h"
#include "members_private.h"

#define NONE UINT32_MAX
#define PARTS 16u

struct scope {
	uint64_t offset;
	Dwarf_Die die;
	uint32_t parent;
};

struct members_scopes { /* of one unit */
	void *unit;
	struct scope *scope; /* by offset */
	uint32_t count, room;
	bool qualified;
	Dwarf_Off visited;
	UT_hash_handle hh;
};

/* --- keys ----------------------------------------------------------------------- */

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

static uint64_t add_to_key(uint64_t key, char c) { return (key ^ (unsigned char)c) * 0x100000001b3u; }

/* Behind the parameters of a function in a name, "main(int)::Local"; else `at`. */
static const char *skip_parameters(const char *at)
{
	unsigned depth = 0;
	const char *end = at;

	if (!strncmp(at, "(anonymous", 10))
		return at;
	do {
		depth += *end == '(';
		depth -= *end == ')';
	} while (*end++ && depth);
	if (!strncmp(end, " const::", 8))
		end += 6;
	return !depth && !strncmp(end, "::", 2) ? end : at;
}

uint64_t members_key(const char *name)
{
	uint64_t key = 0xcbf29ce484222325u;
	char last = 0;

	for (const char *at = name; *at; at++) {
		if (*at == '(')
			at = skip_parameters(at);
		if (!strncmp(at, "[abi:", 5) && strchr(at, ']')) {
			at = strchr(at, ']');
			continue;
		}
		/* Only between two words does a blank mean anything. */
		if (*at == ' ' && !(is_word(last) && is_word(at[1])))
			continue;
		/* "3ul" */
		if (isdigit((unsigned char)*at) && !is_word(last)) {
			while (isdigit((unsigned char)*at))
				key = add_to_key(key, *at++);
			at += strspn(at, "uUlL");
			last = '0';
			at--;
			continue;
		}
		key = add_to_key(key, last = *at);
	}
	return index_hash(key);
}

uint64_t members_key_pointer(uint64_t target) { return index_hash(target + 1); }

/* --- scopes ----------------------------------------------------------------------- */

bool members_has_scopes(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C89:
	case DW_LANG_C:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case 0x2c: /* newer ones, which have no names in older headers */
	case 0x3e:
	case DW_LANG_Mips_Assembler:
	case DW_LANG_D:
	case DW_LANG_Go:
	case DW_LANG_Fortran77:
	case DW_LANG_Fortran90:
	case DW_LANG_Fortran95: return false;
	default: return true;
	}
}

static void read_scopes(struct members_scopes *s, Dwarf_Die *die, uint32_t parent, unsigned depth)
{
	Dwarf_Die child;

	if (depth > MEMBERS_NESTING || dwarf_child(die, &child) != 0)
		return;
	do {
		uint32_t around = parent;

		if (!members_visit(&s->visited, &child))
			return;
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_enumeration_type:
		case DW_TAG_typedef:
		case DW_TAG_namespace:
		case DW_TAG_module:
			around = s->count;
			*ARRAY_ADD(s->scope, s->count, s->room) =
				(struct scope){ dwarf_dieoffset(&child), child, parent };
			break;
		case DW_TAG_lexical_block: break;
		default: continue;
		}
		read_scopes(s, &child, around, depth + 1);
	} while (dwarf_siblingof(&child, &child) == 0);
}

static struct members_scopes *scopes_of(struct members *m, Dwarf_Die *die)
{
	struct members_scopes *s;
	Dwarf_Die unit;
	void *key;

	if (!dwarf_diecu(die, &unit, NULL, NULL))
		return NULL;
	key = unit.addr;
	HASH_FIND_PTR(m->scopes, &key, s);
	if (s)
		return s;
	s = alloc_zeroed(1, sizeof(*s));
	s->unit = key;
	s->qualified = members_has_scopes(&unit);
	if (s->qualified)
		read_scopes(s, &unit, NONE, 0);
	HASH_ADD_PTR(m->scopes, unit, s);
	return s;
}

void members_scopes_free(struct members_scopes *all)
{
	struct members_scopes *s, *next;

	HASH_ITER(hh, all, s, next)
	{
		HASH_DEL(all, s);
		free(s->scope);
		free(s);
	}
}

const char *members_part_name(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);

	if (name && *name)
		return name;
	return dwarf_tag(die) == DW_TAG_namespace ? "(anonymous namespace)" : NULL;
}

/* Functions and types of C++ may be defined elsewhere than in their scope, which has a declaration of them. */
static void follow_declaration(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	Dwarf_Die to;

	for (int n = 0; n < 8; n++) {
		if (!dwarf_attr(die, DW_AT_specification, &attribute)
			&& !dwarf_attr(die, DW_AT_abstract_origin, &attribute))
			return;
		if (!dwarf_formref_die(&attribute, &to))
			return;
		*die = to;
	}
}

char *members_full_name(struct members *m, Dwarf_Die *type)
{
	struct members_scopes *s;
	const char *name = dwarf_diename(type);
	Dwarf_Die die = *type;
	char *text;

	if (!name || !*name)
		return NULL;
	follow_declaration(&die);
	s = scopes_of(m, &die);
	text = alloc_string(name);
	for (unsigned parts = 0; s && s->qualified && parts < PARTS; parts++) {
		uint64_t offset = dwarf_dieoffset(&die);
		size_t at = SEARCH_UP_TO(s->scope, s->count, offset, offset);
		const char *part;
		char *longer;

		if (!at || s->scope[at - 1].offset != offset || s->scope[at - 1].parent == NONE)
			break;
		die = s->scope[s->scope[at - 1].parent].die;
		follow_declaration(&die);
		s = scopes_of(m, &die);
		part = members_part_name(&die);
		if (!part)
			continue;
		longer = alloc_printf("%s::%s", part, text);
		free(text);
		text = longer;
	}
	return text;
}
