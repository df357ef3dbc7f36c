/* members_size.c - which types a block of a size can be; see members.h. */
#include <string.h>
#include "members_private.h"

#define CHUNK 16u           /* glibc rounds up to multiples of this, less 8, and to 24 at least */
#define MAPPED (128u << 10) /* blocks of this size may be mappings of their own: whole pages */
#define PAGE 4096u
#define LOOK_AT_MOST 100000u

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

/* The types that begin with another one and have a size: how many, and one of them. */
struct larger {
	struct members_size size;
	uint64_t key, bytes;
	unsigned found, looked_at;
};

static void find_larger(const struct members *m, uint64_t first, unsigned depth, struct larger *l)
{
	for (uint32_t i = 1; i < m->snapshot->module_count; i++) {
		const struct members_module *of = &m->module[i];

		INDEX_EACH(&of->firsts, first, probe)
		{
			const struct members_entry *s = &of->entry[probe.number];

			if (s->first != first)
				continue;
			if (++l->looked_at > LOOK_AT_MOST || l->found > 1) {
				l->found = 2;
				return;
			}
			if (is_size(s->bytes, l->size)
				&& (!l->found || s->key != l->key || s->bytes != l->bytes)) {
				l->found++;
				l->key = s->key;
				l->bytes = s->bytes;
			}
			if (depth < 16 && s->bytes <= l->size.bytes)
				find_larger(m, s->key, depth + 1, l);
		}
	}
}

static struct larger find_all_larger(struct members *m, uint32_t type, struct members_size size)
{
	struct larger l = { .size = size };
	unsigned pointers = 0;
	const char *name;
	uint64_t key;

	while (m->type[type].kind == MEMBERS_POINTER && pointers < MEMBERS_PEEL) {
		type = members_type_of(m, type);
		pointers++;
	}
	name = members_type_name(m, type);
	key = type ? members_key(name) : 0;
	if (type && !*name)
		return l;
	while (pointers--)
		key = members_key_pointer(key);
	for (uint32_t i = 1; i < m->snapshot->module_count; i++)
		members_index(m, i);
	find_larger(m, key, 0, &l);
	return l;
}

bool members_is_ambiguous(struct members *m, uint32_t type, struct members_size size)
{
	return find_all_larger(m, type, size).found;
}

uint32_t members_larger(struct members *m, uint32_t type, struct members_size size)
{
	struct larger l = find_all_larger(m, type, size);

	for (uint32_t i = 1; l.found == 1 && i < m->snapshot->module_count; i++)
		INDEX_EACH(&m->module[i].entries, l.key, probe)
		{
			const struct members_entry *e = &m->module[i].entry[probe.number];
			Dwarf_Die die = members_whole_die(e->die);

			if (e->key == l.key && e->bytes == l.bytes)
				return members_of_die(m, &die);
		}
	return 0;
}
