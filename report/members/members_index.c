/* members_index.c - what a module's DWARF defines: types by name, variables by address, and which types begin with
 * which.
 *
 * One pass over all units, when the first question comes that needs it: members_scan.c, on as many threads as there
 * are processors. What only libdw can tell follows on one thread.
 */
#include <dwarf.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "members_scan.h"
#include "symbol/symbol_scopes.h"
#include "symbol/symbol_units.h"

#define THREADS_MOST 8u
#define PART_BYTES ((uint64_t)8 << 20) /* of units that are scanned together, at least */

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

/* --- all units of a module --------------------------------------------------------------- */

struct unit {
	struct die_unit unit;
	bool scoped;
};

/* Units that are scanned together. */
struct part {
	uint32_t unit, end;
	struct members_scan scan;
};

struct pass {
	struct members *m;
	struct members_module *to;
	uint64_t shift;
	struct die_sections **sections;
	uint32_t section_count;
	struct unit *unit;
	uint32_t unit_count, unit_room;
	struct part *part;
	uint32_t part_count, part_room;
	atomic_uint next; /* part */
};

static const struct die_sections *sections_of(struct pass *p, Dwarf_Die *unit)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(unit->cu);

	if (!dwarf)
		return NULL;
	/* The units of one file follow each other. */
	if (!p->section_count || p->sections[p->section_count - 1]->dwarf != dwarf) {
		struct die_sections *s = alloc_zeroed(1, sizeof(*s));

		die_sections_find(s, dwarf);
		*ARRAY_APPEND(p->sections, p->section_count) = s;
	}
	return p->sections[p->section_count - 1];
}

static void find_units(struct pass *p)
{
	struct symbol_unit u = { 0 };
	uint64_t bytes = PART_BYTES;

	while (symbol_unit_next(p->to->file, &u)) {
		const struct die_sections *sections = sections_of(p, &u.die);
		struct die_unit unit;

		if (!sections || !die_unit_open(&unit, sections, &u.die))
			continue;
		if (bytes >= PART_BYTES) {
			*ARRAY_ADD(p->part, p->part_count, p->part_room) =
				(struct part){ .unit = p->unit_count };
			bytes = 0;
		}
		*ARRAY_ADD(p->unit, p->unit_count, p->unit_room) =
			(struct unit){ unit, symbol_scopes_are_in(&u.die) };
		p->part[p->part_count - 1].end = p->unit_count;
		bytes += (uint64_t)(unit.end - unit.start);
	}
}

static void *scan_parts(void *pass)
{
	struct pass *p = pass;
	struct members_scanner *scanner = members_scanner_new();
	uint32_t n;

	while ((n = atomic_fetch_add(&p->next, 1)) < p->part_count) {
		struct part *part = &p->part[n];

		for (uint32_t i = part->unit; i < part->end; i++)
			members_scan_unit(
				scanner, &p->unit[i].unit, p->unit[i].scoped, p->shift, &part->scan);
	}
	members_scanner_free(scanner);
	return NULL;
}

/* On the threads that can be had: this one may be the only one. */
static void scan_units(struct pass *p)
{
	pthread_t thread[THREADS_MOST];
	unsigned threads = 0;
	cpu_set_t processors;
	uint32_t most = 1;

	if (!sched_getaffinity(0, sizeof(processors), &processors))
		most = (uint32_t)CPU_COUNT(&processors);
	most = most < THREADS_MOST ? most : THREADS_MOST;
	most = most < p->part_count ? most : p->part_count;
	while (threads + 1 < most && !pthread_create(&thread[threads], NULL, scan_parts, p))
		threads++;
	scan_parts(p);
	while (threads)
		pthread_join(thread[--threads], NULL);
}

/* --- what only libdw can tell ------------------------------------------------------------- */

static void add_variable(struct pass *p, struct members_die small)
{
	struct members_module *to = p->to;
	Dwarf_Die die = members_whole_die(small);
	Dwarf_Attribute attribute, result;
	Dwarf_Op *op;
	const char *name = dwarf_diename(&die);
	uint64_t at = 0;
	size_t n;

	if (!dwarf_attr(&die, DW_AT_location, &attribute) || dwarf_getlocation(&attribute, &op, &n) != 0)
		return;
	if (n == 1 && (op[0].atom == DW_OP_addrx || op[0].atom == DW_OP_GNU_addr_index)) {
		if (!dwarf_getlocation_attr(&attribute, &op[0], &result) && !dwarf_formaddr(&result, &at)
			&& at)
			members_add_variable(to, at + p->shift, small);
	} else if (n == 2 && name && to->thread_local_count < MEMBERS_ENTRIES_MOST
		&& (op[1].atom == DW_OP_form_tls_address || op[1].atom == DW_OP_GNU_push_tls_address)) {
		*ARRAY_ADD(to->thread_local_one, to->thread_local_count, to->thread_local_room) =
			(struct members_variable){ members_key(name), small };
	}
}

static void add_allocation(struct pass *p, struct members_die small)
{
	struct members_module *to = p->to;
	Dwarf_Die die = members_whole_die(small);
	Dwarf_Attribute attribute;
	Dwarf_Addr at;

	if (dwarf_attr(&die, DW_AT_call_return_pc, &attribute) && !dwarf_formaddr(&attribute, &at)
		&& to->allocation_count < MEMBERS_ENTRIES_MOST)
		*ARRAY_ADD(to->allocation, to->allocation_count, to->allocation_room) =
			(struct members_variable){ at + p->shift, small };
}

/* The key of what a structure begins with, where that type is in another unit. */
static uint64_t key_elsewhere(struct members *m, Dwarf_Die *first)
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
	name = members_full_name(m, &type);
	if (name)
		key = members_key(name);
	free(name);
	while (key && pointers--)
		key = members_key_pointer(key);
	return key;
}

static void add_first(struct pass *p, const struct members_late *l, uint64_t key, uint64_t bytes)
{
	Dwarf_Die first = members_whole_die((struct members_die){ l->first, l->die.cu });

	INDEX_EACH(&p->to->entries, key, probe)
	{
		struct members_entry *e = &p->to->entry[probe.number];

		/* That of another unit may be the one that was kept. */
		if (e->key == key && e->bytes == bytes && e->die.at == l->die.at) {
			e->first = key_elsewhere(p->m, &first);
			return;
		}
	}
}

static void add_type(struct pass *p, const struct members_late *l)
{
	Dwarf_Die die = members_whole_die(l->die);
	char *name = members_full_name(p->m, &die);
	uint64_t key = name ? members_key(name) : 0;

	if (key && members_add_entry(p->to, key, l->bytes, l->die) && l->first)
		add_first(p, l, key, l->bytes);
	free(name);
}

static void add_late(struct pass *p, const struct members_late *l)
{
	switch (l->kind) {
	case LATE_TYPE: add_type(p, l); break;
	case LATE_FIRST: add_first(p, l, l->key, l->bytes); break;
	case LATE_VARIABLE: add_variable(p, l->die); break;
	case LATE_ALLOCATION: add_allocation(p, l->die); break;
	}
}

static void add_scan(struct pass *p, struct members_scan *s)
{
	struct members_module *from = &s->found, *to = p->to;

	for (uint32_t i = 0; i < from->entry_count; i++)
		if (members_add_entry(to, from->entry[i].key, from->entry[i].bytes, from->entry[i].die))
			to->entry[to->entry_count - 1].first = from->entry[i].first;
	for (uint32_t i = 0; i < from->variable_count; i++)
		members_add_variable(to, from->variable[i].address, from->variable[i].die);
	for (uint32_t i = 0; i < s->late_count; i++)
		add_late(p, &s->late[i]);
	index_free(&from->entries);
	free(from->entry);
	free(from->variable);
	free(s->late);
}

static int compare_variables(const void *a, const void *b)
{
	const struct members_variable *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static void sort_variables(struct members_variable *v, uint32_t count)
{
	if (count)
		qsort(v, count, sizeof(*v), compare_variables);
}

static void read_module(struct members *m, struct members_module *to)
{
	struct pass p = { .m = m, .to = to, .shift = symbol_unit_shift(to->file) };

	find_units(&p);
	scan_units(&p);
	for (uint32_t i = 0; i < p.part_count; i++)
		add_scan(&p, &p.part[i].scan);
	for (uint32_t i = 0; i < to->entry_count; i++)
		if (to->entry[i].first)
			index_add(&to->firsts, to->entry[i].first, i);
	sort_variables(to->variable, to->variable_count);
	sort_variables(to->thread_local_one, to->thread_local_count);
	sort_variables(to->allocation, to->allocation_count);
	for (uint32_t i = 0; i < p.section_count; i++)
		free(p.sections[i]);
	free(p.sections);
	free(p.unit);
	free(p.part);
}

struct members_module *members_index(struct members *m, uint32_t module)
{
	struct members_module *to = module < m->snapshot->module_count ? &m->module[module] : NULL;

	if (!to || m->snapshot->native_type_count)
		return NULL; /* what the snapshot says is all there is */
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
		*die = members_whole_die(found->die);
	return found;
}
