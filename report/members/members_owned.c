/* members_owned.c - which classes of the C++ libraries free what they point to as the type that they are declared with:
 * it is that type, and not another one that begins with it. See members.h.
 *
 * std::vector with the standard allocator gives back an array of its elements ([allocator.members]); std::unique_ptr
 * with its own deleter deletes a T, which must be one unless the class has virtual functions ([expr.delete]), and so
 * does what std::shared_ptr counts for a plain pointer. Pointers in nodes have the type of a base that is never
 * allocated by itself (bits/stl_list.h, bits/stl_tree.h; __node_pointer and __link_pointer of libc++).
 */
#include <string.h>
#include "members_private.h"
#include "symbol/name.h"

#define STEPS 64u /* classes looked at */

/* What follows the first argument of a template whose arguments begin at `at`, or its end. */
static const char *skip_argument(const char *at)
{
	int depth = 0;

	for (; *at; at++) {
		if (*at == '<' || *at == '(')
			depth++;
		else if (depth && (*at == '>' || *at == ')'))
			depth--;
		else if (!depth && (*at == ',' || *at == '>'))
			break;
	}
	return at;
}

static const char *skip_text(const char *at, const char *text)
{
	size_t length = strlen(text);

	return at && !strncmp(at, text, length) ? at + length : NULL;
}

/* "std::vector<" with or without the inline namespace of libc++; NULL. */
static const char *skip_class(const char *name, const char *class)
{
	return skip_text(name_behind_std(name), class);
}

static bool has_second(const char *arguments, const char *class)
{
	const char *at = skip_argument(arguments);

	if (*at != ',')
		return false;
	at++;
	return skip_class(at + (*at == ' '), class);
}

static bool may_be_derived(struct members *m, uint32_t type, unsigned *steps)
{
	if (!*steps || !type)
		return true;
	--*steps;
	if (m->type[type].kind != MEMBERS_STRUCT)
		return false;
	members_read(m, type);
	if (m->type[type].partial && m->type[type].member_count == 0)
		return true;
	for (uint32_t i = 0; i < m->type[type].member_count; i++) {
		const struct member *at = &m->type[type].member[i];

		if ((at->name && !strncmp(at->name, "_vptr", 5)) || !at->sure)
			return true;
		if (at->base && may_be_derived(m, members_member_type(m, type, i), steps))
			return true;
	}
	return false;
}

bool members_is_node_base(struct members *m, uint32_t type)
{
	static const char *const base[] = { "__detail::_List_node_base", "_Fwd_list_node_base",
		"_Rb_tree_node_base", "__detail::_Hash_node_base", "__list_node_base<",
		"__forward_begin_node<", "__tree_end_node<", "__tree_node_base<", "__hash_node_base<" };

	for (size_t i = 0; i < sizeof(base) / sizeof(base[0]); i++)
		if (skip_class(members_type_name(m, type), base[i]))
			return true;
	return false;
}

enum members_owned members_owner(struct members *m, uint32_t type)
{
	const char *name = members_type_name(m, type), *at;

	if (((at = skip_class(name, "vector<")) || (at = skip_class(name, "__split_buffer<")))
		&& has_second(at, "allocator<"))
		return MEMBERS_OWNED_MANY;
	if ((at = skip_class(name, "unique_ptr<")) && has_second(at, "default_delete<"))
		return skip_argument(at)[-1] == ']' ? MEMBERS_OWNED_MANY : MEMBERS_OWNED_ONE;
	if (skip_class(name, "_Sp_counted_ptr<")
		|| (skip_class(name, "__shared_ptr_pointer<")
			&& strstr(name, "::__shared_ptr_default_delete<")))
		return MEMBERS_OWNED_ONE;
	return MEMBERS_NOT_OWNED;
}

bool members_is_owned(struct members *m, uint32_t type, enum members_owned owned, struct members_size size)
{
	unsigned steps = STEPS;

	return owned && type && members_fits(m, type, size, owned == MEMBERS_OWNED_MANY)
		&& (owned == MEMBERS_OWNED_MANY || !may_be_derived(m, type, &steps));
}
