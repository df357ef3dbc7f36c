/* members_at.c - from an offset in a type to what is there: its path and its type. See members.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "members_private.h"

#define OVERLAPS 64u /* members at one offset: empty bases, alternatives of a union */
#define PATH_MOST 1000u
#define EMPTY_STEPS 64u /* classes looked at to say that one is empty */

/* A walk down into a type. */
struct descent {
	struct members *m;
	uint32_t type;   /* where it is */
	uint64_t offset; /* in that type */
	bool sure;
	/* The path so far. */
	char path[PATH_MOST];
	size_t length;
	bool shown, closed; /* closed: what comes is a matter of the library */
	uint32_t owner;     /* that declares the first member of the path */
	bool asks_owner;
	enum members_owned owned; /* by one of the types on the way */
};

static void append(struct descent *d, const char *text)
{
	size_t room = sizeof(d->path) - d->length;
	int n = snprintf(d->path + d->length, room, "%s", text);

	d->length += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static uint64_t member_end(struct members *m, uint32_t type, uint32_t i)
{
	uint32_t of = members_member_type(m, type, i);
	uint64_t bytes = of ? members_type_bytes(m, of) : 0, offset = m->type[type].member[i].offset;
	const struct members_type *t = &m->type[type];

	/* An array without bounds has what follows the object. */
	if (!bytes && of && m->type[of].kind == MEMBERS_ARRAY)
		return UINT64_MAX;
	return bytes > t->bytes - offset && t->kind == MEMBERS_STRUCT ? t->bytes : offset + bytes;
}

/* Members of a type that cover the offset, the first `most` of them; how many there are. */
static uint32_t find_members(
	struct members *m, uint32_t type, uint64_t offset, uint32_t *found, uint32_t most)
{
	uint32_t count = 0, lo = 0, hi;

	members_read(m, type);
	hi = m->type[type].member_count;
	while (lo < hi) {
		uint32_t middle = lo + (hi - lo) / 2;

		if (m->type[type].member[middle].offset <= offset)
			lo = middle + 1;
		else
			hi = middle;
	}
	for (unsigned looked_at = 0; lo-- > 0 && looked_at < OVERLAPS; looked_at++)
		if (member_end(m, type, lo) > offset) {
			if (count < most)
				found[count] = lo;
			count++;
		}
	return count;
}

static bool is_of_library(const char *name)
{
	static const char *const space[] = { "std::", "__gnu_cxx::", "alloc::", "core::", "hashbrown::" };

	for (size_t i = 0; i < sizeof(space) / sizeof(space[0]); i++)
		if (!strncmp(name, space[i], strlen(space[i])))
			return true;
	return false;
}

static void show_member(struct descent *d, uint32_t type, const struct member *at)
{
	const char *name = at->name;

	if (d->closed || at->base || !name || !*name)
		return;
	if (!d->shown)
		d->owner = type;
	if (d->shown)
		append(d, ".");
	append(d, name);
	d->shown = true;
}

/* "key|value": what a union may have there. */
static void show_alternatives(struct descent *d, const uint32_t *member, uint32_t count)
{
	bool first = true;

	if (d->closed)
		return;
	for (uint32_t i = count; i-- > 0;) {
		const char *name = d->m->type[d->type].member[member[i]].name;

		if (!name || !*name)
			continue;
		if (!d->shown)
			d->owner = d->type;
		append(d, !first ? "|" : d->shown ? "." : "");
		append(d, name);
		d->shown = true;
		first = false;
	}
	d->closed = true;
}

/* A class without members: as a base, or with [[no_unique_address]], it lies where something else is. */
static bool is_empty(struct members *m, uint32_t type, unsigned *steps)
{
	if (!*steps || !type || m->type[type].kind != MEMBERS_STRUCT || members_type_bytes(m, type) != 1)
		return false;
	--*steps;
	members_read(m, type);
	if (m->type[type].partial)
		return false;
	for (uint32_t i = 0; i < m->type[type].member_count; i++)
		if (!m->type[type].member[i].base || !is_empty(m, members_member_type(m, type, i), steps))
			return false;
	return true;
}

/* As std::unique_ptr has its deleter: the pointer is what lies there. */
static uint32_t drop_empty(struct members *m, uint32_t type, uint32_t *found, uint32_t count)
{
	unsigned steps = EMPTY_STEPS;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++)
		if (!is_empty(m, members_member_type(m, type, found[i]), &steps))
			found[kept++] = found[i];
	return kept ? kept : count;
}

static bool enter_struct(struct descent *d)
{
	uint32_t found[4], count = find_members(d->m, d->type, d->offset, found, 4), at;
	const struct member *member;

	if (count > 1 && count <= 4 && d->m->type[d->type].kind == MEMBERS_STRUCT)
		count = drop_empty(d->m, d->type, found, count);

	if (!count)
		return false;
	if (d->m->type[d->type].kind == MEMBERS_UNION)
		d->sure = false;
	/* Several: of a union, or of an enum of Rust. */
	if (count > 1) {
		uint32_t sure = UINT32_MAX;

		for (uint32_t i = 0; i < count && i < 4; i++)
			if (d->m->type[d->type].member[found[i]].sure_at == d->offset)
				sure = found[i];
		if (sure == UINT32_MAX) {
			/* An empty base class lies where a member is, which comes first here. */
			if (d->m->type[d->type].kind == MEMBERS_UNION
				|| !d->m->type[d->type].member[found[0]].sure) {
				show_alternatives(d, found, count < 4 ? count : 4);
				d->sure = false;
				return false;
			}
			for (uint32_t i = 1; i < count && i < 4; i++)
				if (!d->m->type[d->type].member[found[i]].base)
					d->sure = false;
			sure = found[0];
			for (uint32_t i = 0; i < count && i < 4; i++)
				if (!d->m->type[d->type].member[found[i]].base)
					sure = found[i];
		}
		found[0] = sure;
	}
	at = found[0];
	member = &d->m->type[d->type].member[at];
	if (!member->sure && member->sure_at != d->offset)
		d->sure = false;
	if (d->shown && is_of_library(members_type_name(d->m, d->type)))
		d->closed = true;
	member = &d->m->type[d->type].member[at];
	show_member(d, d->type, member);
	d->offset -= member->offset;
	d->type = members_member_type(d->m, d->type, at);
	return d->type;
}

static bool enter_array(struct descent *d)
{
	uint32_t of = members_type_of(d->m, d->type);
	uint64_t bytes = of ? members_type_bytes(d->m, of) : 0;
	char text[32];

	if (!bytes)
		return false;
	if (!d->closed && d->shown) {
		snprintf(text, sizeof(text), "[%llu]", (unsigned long long)(d->offset / bytes));
		append(d, text);
	}
	d->offset %= bytes;
	d->type = of;
	return true;
}

/* To the scalar or pointer at an offset; false: nothing is known to be there. */
static bool descend(struct descent *d)
{
	for (unsigned n = 0; n < MEMBERS_PEEL; n++) {
		bool on = false;

		if (d->asks_owner && !d->owned)
			d->owned = members_owner(d->m, d->type);
		switch (d->m->type[d->type].kind) {
		case MEMBERS_STRUCT:
		case MEMBERS_UNION: on = enter_struct(d); break;
		case MEMBERS_ARRAY: on = enter_array(d); break;
		case MEMBERS_UNKNOWN: return false;
		default: return true;
		}
		if (!on)
			return false;
	}
	return false;
}

/* The element of an array of objects that an offset lies in; what is behind the last array of a type is in it. */
static uint64_t find_element(struct members *m, uint32_t type, uint64_t *offset)
{
	uint64_t bytes = members_type_bytes(m, type), element;
	uint32_t found;

	if (!bytes || *offset < bytes || find_members(m, type, *offset, &found, 1))
		return 0;
	element = *offset / bytes;
	*offset %= bytes;
	return element;
}

uint32_t members_target_owned(struct members *m, uint32_t type, uint64_t offset, enum members_owned *owned)
{
	struct descent d = {
		.m = m, .type = type, .offset = offset, .sure = true, .closed = true, .asks_owner = owned
	};
	uint32_t target;

	find_element(m, type, &d.offset);
	target = descend(&d) && d.sure && !d.offset && m->type[d.type].kind == MEMBERS_POINTER
		? members_type_of(m, d.type)
		: 0;
	if (owned)
		*owned = target ? d.owned : MEMBERS_NOT_OWNED;
	return target;
}

uint32_t members_target(struct members *m, uint32_t type, uint64_t offset)
{
	return members_target_owned(m, type, offset, NULL);
}

bool members_begins_with(struct members *m, uint32_t type, uint32_t first)
{
	const char *name = members_type_name(m, first);

	for (unsigned n = 0; type && n < MEMBERS_PEEL; n++) {
		uint32_t found[4], count;

		if (type == first || (*name && !strcmp(members_type_name(m, type), name)))
			return true;
		if (m->type[type].kind == MEMBERS_ARRAY) {
			type = members_type_of(m, type);
			continue;
		}
		if (m->type[type].kind != MEMBERS_STRUCT)
			return false;
		count = find_members(m, type, 0, found, 4);
		if (!count || m->type[type].member[found[0]].offset)
			return false;
		type = members_member_type(m, type, found[0]);
	}
	return false;
}

char *members_path(struct members *m, uint32_t type, const char *variable, uint64_t offset)
{
	struct descent d = { .m = m, .type = type, .offset = offset, .sure = true };
	uint64_t element = find_element(m, type, &d.offset);
	bool many = element || d.offset != offset;
	char index[32] = "";

	if (!type)
		return NULL;
	d.shown = variable; /* what comes is behind its name: "table[3].head" */
	descend(&d);
	if (many)
		snprintf(index, sizeof(index), "[%llu]", (unsigned long long)element);
	if (variable)
		return alloc_printf("%s%s", variable, d.path);
	if (!d.length) {
		/* An array of pointers. */
		if (members_type_kind(m, type) != MEMBERS_POINTER)
			return NULL;
		return alloc_printf("%s[%llu]", members_type_name(m, type), (unsigned long long)element);
	}
	if (d.owner && *members_type_name(m, d.owner))
		return alloc_printf("%s%s::%s", members_type_name(m, d.owner), index, d.path);
	if (*members_type_name(m, type))
		return alloc_printf("%s%s::%s", members_type_name(m, type), index, d.path);
	return alloc_string(d.path);
}
