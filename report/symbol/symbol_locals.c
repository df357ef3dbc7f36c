/* symbol_locals.c - see symbol_locals.h. */
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "demangle.h"
#include "symbol_locals.h"
#include "symbol_private.h"
#include "symbol_scopes.h"
#include "symbol_slots.h"
#include "symbol_units.h"

#define NESTING_MAX 200u /* of blocks inside blocks, and of inlined functions */
#define LOCALS_MAX 4096u /* of one address */
#define RANGES_MAX 1000u /* of one scope */

/* Register numbers of DWARF (System V ABI for x86-64, figure 3.36). */
enum { RBP = 6, RSP = 7 };

/* A place in a frame. */
struct place {
	bool known, of_stack_pointer;
	int64_t at;
};

struct reader {
	struct symbol_module *m;
	uint64_t at;  /* DWARF address: in the call, of a frame that was not interrupted */
	uint64_t end; /* of the code that has run */
	int cfa_register;
	int64_t cfa_offset; /* canonical frame address = register + this */
	struct place base;  /* of the frame */
	const char *function;
	struct symbol_slots *slots;
	struct symbol_locals *to;
	size_t room;
	Dwarf_Off visited;
};

/* Frames are not larger. */
static bool is_near(int64_t offset) { return offset >= INT32_MIN && offset <= INT32_MAX; }

/* --- registers ------------------------------------------------------------------------ */

static bool read_rule(struct reader *r, Dwarf_CFI *cfi, Dwarf_Addr bias)
{
	Dwarf_Frame *frame = NULL;
	Dwarf_Op *ops;
	size_t n;
	bool known = false;

	if (!cfi || dwarf_cfi_addrframe(cfi, r->at + r->m->dwarf_bias - bias, &frame) != 0)
		return false;
	if (dwarf_frame_cfa(frame, &ops, &n) == 0 && n == 1) {
		known = true;
		if (ops[0].atom == DW_OP_bregx) {
			r->cfa_register = (int)ops[0].number;
			r->cfa_offset = (int64_t)ops[0].number2;
		} else if (ops[0].atom >= DW_OP_breg0 && ops[0].atom <= DW_OP_breg31) {
			r->cfa_register = ops[0].atom - DW_OP_breg0;
			r->cfa_offset = (int64_t)ops[0].number;
		} else {
			known = false;
		}
	}
	free(frame);
	return known && (r->cfa_register == RBP || r->cfa_register == RSP) && is_near(r->cfa_offset);
}

/* What the canonical frame address is counted from, by the unwind tables. */
static bool find_rule(struct reader *r)
{
	Dwarf_Addr bias = 0;

	return read_rule(r, dwfl_module_eh_cfi(r->m->module, &bias), bias)
		|| read_rule(r, dwfl_module_dwarf_cfi(r->m->module, &bias), bias);
}

static struct place place_of_register(const struct reader *r, int number, int64_t offset)
{
	if (!is_near(offset))
		return (struct place){ 0 };
	if (number == RSP)
		return (struct place){ .known = true, .of_stack_pointer = true, .at = offset };
	if (number == RBP && r->cfa_register == RBP)
		return (struct place){ .known = true, .at = offset - r->cfa_offset };
	return (struct place){ 0 };
}

/* --- places --------------------------------------------------------------------------- */

static struct place find_base(const struct reader *r, Dwarf_Die *function)
{
	Dwarf_Attribute attribute;
	Dwarf_Op *op;
	size_t n;

	if (!dwarf_attr(function, DW_AT_frame_base, &attribute)
		|| dwarf_getlocation_addr(&attribute, r->at, &op, &n, 1) != 1 || n != 1)
		return (struct place){ 0 };
	if (op->atom == DW_OP_call_frame_cfa)
		return (struct place){ .known = true };
	if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31)
		return place_of_register(r, op->atom - DW_OP_reg0, 0);
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		return place_of_register(r, op->atom - DW_OP_breg0, (int64_t)op->number);
	return (struct place){ 0 };
}

/* In a list of places, too, a variable in memory may have no value yet: clang begins the first entry with the function
 * (seen with 19 and 21). */
static struct place find_place(const struct reader *r, Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	struct place to = r->base;
	Dwarf_Op *op;
	size_t n;

	if (!dwarf_attr(die, DW_AT_location, &attribute))
		return (struct place){ 0 };
	if (dwarf_getlocation_addr(&attribute, r->at, &op, &n, 1) != 1 || n != 1)
		return (struct place){ 0 };
	if (op->atom == DW_OP_fbreg && is_near((int64_t)op->number))
		to.at += (int64_t)op->number;
	else if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		to = place_of_register(r, op->atom - DW_OP_breg0, (int64_t)op->number);
	else
		to.known = false;
	return to;
}

/* --- variables ------------------------------------------------------------------------- */

/* What code of `scope` writes to the place before it goes on at the address, as symbol_slots_written has it. */
static uint64_t find_written(struct reader *r, Dwarf_Die *scope, struct place p, uint64_t bytes)
{
	bool of_rsp = p.of_stack_pointer || r->cfa_register == RSP;
	int64_t at = p.of_stack_pointer ? p.at : p.at + r->cfa_offset;
	uint64_t shift = symbol_unit_shift(r->m);
	Dwarf_Addr base = 0, lo, hi;
	ptrdiff_t next = 0;
	uint64_t words = 0;

	for (unsigned n = 0; n < RANGES_MAX && (next = dwarf_ranges(scope, next, &base, &lo, &hi)) > 0; n++) {
		if (r->at >= lo && r->at < hi)
			hi = r->end;
		words |= symbol_slots_written(r->slots, of_rsp, at, bytes, lo + shift, hi + shift);
	}
	return words;
}

static void read_code(struct reader *r, Dwarf_Die *function)
{
	uint64_t shift = symbol_unit_shift(r->m);
	Dwarf_Addr base = 0, lo, hi;
	ptrdiff_t next = 0;

	for (unsigned n = 0; n < RANGES_MAX && (next = dwarf_ranges(function, next, &base, &lo, &hi)) > 0;
		n++)
		symbol_slots_read(r->slots, r->m, lo + shift, hi + shift);
}

static void add_variable(struct reader *r, Dwarf_Die *scope, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	struct place place;
	uint64_t bytes, written;
	char *text;

	if (!name || !*name || r->to->count >= LOCALS_MAX)
		return;
	place = find_place(r, die);
	bytes = place.known ? symbol_die_bytes(die) : 0;
	if (!bytes || bytes > INT32_MAX || !is_near(place.at))
		return;
	written = find_written(r, scope, place, bytes);
	if (!written)
		return;
	text = alloc_printf("%s() %s", r->function, name);
	*ARRAY_ADD(r->to->list, r->to->count, r->room) = (struct symbol_local){ *die,
		symbol_pool_copy(&r->m->pool, text), place.of_stack_pointer, place.at, bytes, written };
	free(text);
}

static void read_scope(struct reader *r, Dwarf_Die *scope, unsigned depth)
{
	Dwarf_Die child;

	if (depth > NESTING_MAX || dwarf_child(scope, &child) != 0)
		return;
	do {
		if (!symbol_scopes_visit(&r->visited, &child))
			return;
		switch (dwarf_tag(&child)) {
		case DW_TAG_variable:
		case DW_TAG_formal_parameter: add_variable(r, scope, &child); break;
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
			if (dwarf_haspc(&child, r->at) > 0)
				read_scope(r, &child, depth + 1);
			break;
		default: break;
		}
	} while (dwarf_siblingof(&child, &child) == 0);
}

static const char *name_function(struct symbol_module *m, Dwarf_Die *die)
{
	const char *name = symbol_die_name(m, die);
	char plain[512];

	if (!name)
		return NULL;
	demangle_plain(name, plain, sizeof(plain));
	return symbol_pool_copy(&m->pool, plain);
}

static int compare_locals(const void *a, const void *b)
{
	const struct symbol_local *x = a, *y = b;

	if (x->of_stack_pointer != y->of_stack_pointer)
		return x->of_stack_pointer ? 1 : -1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Sorts them, and leaves out those that overlap. */
static void sort_locals(struct symbol_locals *l)
{
	size_t kept = 0;
	int64_t end = INT64_MIN; /* of all before */

	if (l->count)
		qsort(l->list, l->count, sizeof(*l->list), compare_locals);
	for (size_t i = 0; i < l->count; i++) {
		const struct symbol_local *v = &l->list[i], *next = v + 1;
		int64_t behind = v->at + (int64_t)v->bytes;
		bool last = i + 1 == l->count || next->of_stack_pointer != v->of_stack_pointer;
		bool alone = v->at >= end && (last || next->at >= behind);

		end = behind > end ? behind : end;
		if (last)
			end = INT64_MIN;
		if (alone)
			l->list[kept++] = *v;
	}
	l->count = kept;
	for (l->of_frame = 0; l->of_frame < kept && !l->list[l->of_frame].of_stack_pointer;)
		l->of_frame++;
}

struct symbol_locals symbol_locals_find(struct symbol_module *m, uint64_t address, bool returns)
{
	struct symbol_locals found = { 0 };
	struct reader r = { .m = m, .to = &found };
	Dwarf_Die function;
	unsigned scopes = 0;

	if (!address || !symbol_dwarf(m))
		return found;
	r.end = address - symbol_unit_shift(m);
	r.at = r.end - returns;
	while (scopes < NESTING_MAX && symbol_unit_function(m, address - returns, scopes, &function))
		scopes++;
	if (!scopes || dwarf_tag(&function) != DW_TAG_subprogram || !find_rule(&r))
		return found;
	r.base = find_base(&r, &function);
	r.slots = symbol_slots_new();
	read_code(&r, &function);
	for (unsigned i = 0; i < scopes && symbol_unit_function(m, address - returns, i, &function); i++) {
		r.visited = 0;
		r.function = name_function(m, &function);
		if (r.function)
			read_scope(&r, &function, 0);
	}
	symbol_slots_free(r.slots);
	sort_locals(&found);
	found.frame_bytes = r.cfa_register == RSP ? (uint64_t)r.cfa_offset : 0;
	return found;
}
