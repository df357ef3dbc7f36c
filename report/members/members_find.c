/* members_find.c - types by name, and by the variable that has them; see members.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/search.h"
#include "members_private.h"
#include "symbol/die.h"

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
	if (size.bytes >= t.bytes && m->type_count < MEMBERS_TYPES_MOST
		&& strchr(name + length, '*') == name + strlen(name) - 1 && members_definition(m, to, &die)
		&& (t.of = members_of_die(m, &die))) {
		t.named = t.sized = t.of_read = true;
		t.name = members_text(m, name);
		type = m->type_count;
		*ARRAY_ADD(m->type, m->type_count, m->type_room) = t;
	}
	free(to);
	return type;
}

static uint32_t find_named(struct members *m, const char *name, struct members_size size, bool many)
{
	uint64_t key = members_key(name);
	uint32_t found = 0;

	for (uint32_t i = 1; i < m->snapshot->module_count; i++) {
		const struct members_module *of = members_index(m, i);

		if (!of)
			continue;
		INDEX_EACH(&of->entries, key, probe)
		{
			Dwarf_Die die = members_whole_die(of->entry[probe.number].die);
			uint32_t type;

			if (of->entry[probe.number].key != key)
				continue;
			type = members_of_die(m, &die);
			if (!type || !members_fits(m, type, size, many) || type == found)
				continue;
			if (found && members_type_bytes(m, found) != members_type_bytes(m, type))
				return 0;
			found = found ? found : type;
		}
	}
	return found;
}

uint32_t members_named(struct members *m, const char *name, struct members_size size)
{
	uint32_t found;

	if (*name && name[strlen(name) - 1] == '*')
		return find_pointer(m, name, size);
	/* A library may have a smaller type of that name: arrays count where no type of the name has the size. */
	found = find_named(m, name, size, false);
	return found ? found : find_named(m, name, size, true);
}

uint32_t members_defined(struct members *m, const char *name)
{
	Dwarf_Die die;

	return members_definition(m, name, &die) ? members_of_die(m, &die) : 0;
}

bool members_may_have(struct members *m, const char *name)
{
	uint64_t key = members_key(name);
	bool any = false;

	for (uint32_t i = 1; i < m->snapshot->module_count; i++) {
		const struct members_module *of = members_index(m, i);

		if (!of)
			continue;
		any |= of->entry_count > 0;
		INDEX_EACH(&of->entries, key, probe)
		if (of->entry[probe.number].key == key)
			return true;
	}
	return !any;
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
	die = members_whole_die(of->variable[at - 1].die);
	*offset = elf - of->variable[at - 1].address;
	type = members_of_attribute(m, &die);
	return type && *offset < members_type_bytes(m, type) ? type : 0;
}

uint32_t members_allocated(struct members *m, uint32_t module, uint64_t address)
{
	const struct members_module *of = members_index(m, module);
	Dwarf_Attribute attribute;
	Dwarf_Die call, type;
	uint64_t elf;
	size_t at;

	if (!of)
		return 0;
	elf = address - m->snapshot->modules[module].bias;
	at = SEARCH_UP_TO(of->allocation, of->allocation_count, address, elf);
	if (!at || of->allocation[at - 1].address != elf)
		return 0;
	call = members_whole_die(of->allocation[at - 1].die);
	if (!dwarf_attr(&call, DIE_AT_ALLOCATES, &attribute) || !dwarf_formref_die(&attribute, &type))
		return 0;
	return members_of_die(m, &type);
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
	die = members_whole_die(of->thread_local_one[at - 1].die);
	return members_of_attribute(m, &die);
}

static bool is_behind(const struct tide_variable *v, const struct tide_root_edge *e)
{
	return v->root != e->root ? v->root > e->root : v->address > e->address;
}

/* The variable of a root that begins last before the word, if it has one there. */
static const struct tide_variable *find_stored(struct members *m, const struct tide_root_edge *e)
{
	const struct tide_variable *v = m->snapshot->variables;
	size_t lo = 0, hi = m->snapshot->variable_count;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (is_behind(&v[middle], e))
			hi = middle;
		else
			lo = middle + 1;
	}
	return lo && v[lo - 1].root == e->root ? &v[lo - 1] : NULL;
}

static uint32_t take_stored(struct members *m, const struct tide_variable *v, const struct tide_root_edge *e,
	bool bounded, uint64_t *offset)
{
	if (!v)
		return 0;
	*offset = e->address - v->address;
	return bounded && *offset >= members_type_bytes(m, v->layout) ? 0 : v->layout;
}

uint32_t members_root(struct members *m, const struct tide_root_edge *e, uint64_t *offset)
{
	const struct tide_root *r = &m->snapshot->roots[e->root];
	bool of_thread = r->kind == ROOT_TLS && r->address && e->address >= r->address;

	if (r->kind != ROOT_GLOBAL && !of_thread)
		return 0;
	if (m->snapshot->native_type_count)
		return take_stored(m, find_stored(m, e), e, !of_thread, offset);
	if (!of_thread)
		return members_variable(m, r->module, e->address, offset);
	*offset = e->address - r->address;
	return members_thread_local(m, r->module, snapshot_string(m->snapshot, r->name));
}

/* Whether a member is where the word is; what lies between members is of the past. */
static bool is_in_member(struct members *m, uint32_t type, uint64_t offset)
{
	const struct members_words *w = members_words(m, type);

	return !w || members_word_use(w, offset) == MEMBERS_USED;
}

uint32_t members_local(struct members *m, const struct tide_root_edge *e, struct members_local *local)
{
	const struct tide_root *r = &m->snapshot->roots[e->root];
	const struct tide_variable *v;
	uint32_t type;

	if (r->kind != ROOT_STACK || r->flags & ROOT_FLAG_WEAK_EVIDENCE)
		return 0;
	if (m->snapshot->native_type_count) {
		v = find_stored(m, e);
		type = v && v->name ? take_stored(m, v, e, true, &local->offset) : 0;
		if (type)
			local->name = snapshot_string(m->snapshot, v->name);
		local->written = true;
	} else {
		type = members_frame_local(m, e, local);
	}
	return type && is_in_member(m, type, local->offset) ? type : 0;
}
