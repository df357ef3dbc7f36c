/* die.c - see die.h. Forms and headers: DWARF 5, sections 7.5 and 7.26. */
#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "die.h"

#define TAGS 0x5000u      /* with those of users */
#define CODES_MOST 65536u /* of abbreviations; compilers count up from 1 */
#define NOT_WANTED 0xff
#define VARIES UINT32_MAX

/* Forms that older headers do not have. */
#define FORM_STRP_SUP 0x1d
#define FORM_REF_SUP4 0x1c
#define FORM_REF_SUP8 0x24

/* An attribute; or several that are not wanted, one after the other. */
struct attribute {
	uint16_t form;
	uint8_t wanted;    /* enum die_attribute; NOT_WANTED */
	uint32_t bytes;    /* VARIES: each DIE has its own number */
	uint64_t constant; /* of DW_FORM_implicit_const */
};
struct abbreviation {
	uint32_t tag;
	uint32_t first, count; /* attributes */
	uint32_t bytes;        /* of all of them, where each DIE has as many; VARIES */
	bool known, children, wanted, sibling;
};

struct die_reader {
	const struct die_unit *unit;
	const uint8_t *at;
	unsigned depth;
	struct abbreviation *abbreviation; /* by code */
	uint32_t code_count, code_room;
	struct attribute *attribute;
	uint32_t attribute_count, attribute_room;
	uint8_t wanted[TAGS / 8];
};

/* --- sections and units --------------------------------------------------------------------- */

static struct die_section take_section(Elf_Scn *section)
{
	Elf_Data *data = elf_getdata(section, NULL);

	if (!data || !data->d_buf)
		return (struct die_section){ NULL, 0 };
	return (struct die_section){ data->d_buf, data->d_size };
}

/* Without what comes behind the last NUL. */
static struct die_section take_text(Elf_Scn *section)
{
	struct die_section s = take_section(section);

	while (s.bytes && s.at[s.bytes - 1])
		s.bytes--;
	return s;
}

void die_sections_find(struct die_sections *s, Dwarf *dwarf)
{
	Elf *elf = dwarf_getelf(dwarf);
	Dwarf *supplement = dwarf_getalt(dwarf); /* which has none itself */
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t names;

	*s = (struct die_sections){ .dwarf = dwarf };
	if (!elf || elf_getshdrstrndx(elf, &names) != 0)
		return;
	while ((section = elf_nextscn(elf, section)) != NULL) {
		const char *name =
			gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
		size_t length = name ? strlen(name) : 0;
		char plain[32];

		/* ".zdebug_info" is ".debug_info", compressed as in old days; libdw has unfolded it. */
		if (length < 8 || length >= sizeof(plain)
			|| (strncmp(name, ".debug_", 7) && strncmp(name, ".zdebug_", 8)))
			continue;
		length = (size_t)snprintf(plain, sizeof(plain), "%s", strchr(name, '_') + 1);
		if (length > 4 && !strcmp(plain + length - 4, ".dwo"))
			plain[length - 4] = 0;
		if (!strcmp(plain, "info"))
			s->info = take_section(section);
		else if (!strcmp(plain, "types"))
			s->types = take_section(section);
		else if (!strcmp(plain, "abbrev"))
			s->abbreviations = take_section(section);
		else if (!strcmp(plain, "str"))
			s->names = take_text(section);
		else if (!strcmp(plain, "line_str"))
			s->line_names = take_text(section);
		else if (!strcmp(plain, "str_offsets"))
			s->name_offsets = take_section(section);
	}
	if (supplement) {
		struct die_sections beside;

		die_sections_find(&beside, supplement);
		s->supplement_names = beside.names;
	}
}

static uint64_t read_number(const uint8_t *at, unsigned bytes)
{
	uint64_t n = 0;
	uint32_t half;

	if (bytes == sizeof(half)) {
		memcpy(&half, at, sizeof(half));
		return half;
	}
	for (unsigned i = 0; i < bytes; i++)
		n |= (uint64_t)at[i] << 8 * i;
	return n;
}

static bool is_within(const struct die_section *s, const void *at)
{
	return s->at && (const uint8_t *)at >= s->at && (const uint8_t *)at < s->at + s->bytes;
}

/* Where the offsets of the unit's names begin. Units of old split files do not say it: theirs is the only table, and
 * it has no header. */
static uint64_t find_name_offsets(const struct die_unit *u, Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	Dwarf_Word base;

	if (u->version < 5)
		return 0;
	if (dwarf_attr(die, DW_AT_str_offsets_base, &attribute) && !dwarf_formudata(&attribute, &base))
		return base;
	return u->offset_bytes == 8 ? 16 : 8;
}

bool die_unit_open(struct die_unit *u, const struct die_sections *sections, Dwarf_Die *die)
{
	const struct die_section *s =
		is_within(&sections->info, die->addr) ? &sections->info : &sections->types;
	uint64_t length, room, before;
	Dwarf_Off abbreviations, header = dwarf_cuoffset(die);
	uint8_t address, offset;
	Dwarf_Half version;
	Dwarf_Die same;

	if (!is_within(s, die->addr)
		|| !dwarf_cu_die(die->cu, &same, &version, &abbreviations, &address, &offset, NULL, NULL))
		return false;
	before = (uint64_t)((const uint8_t *)die->addr - s->at);
	if ((offset != 4 && offset != 8) || address > 8 || header > before || header < 2u * offset + 3u
		|| abbreviations >= sections->abbreviations.bytes)
		return false;
	*u = (struct die_unit){ .sections = sections,
		.cu = die->cu,
		.first = die->addr,
		.start = (const uint8_t *)die->addr - header,
		.abbreviations = abbreviations,
		.address_bytes = address,
		.offset_bytes = offset,
		.version = (uint8_t)version };
	/* 64-bit lengths come behind four bytes of their own. */
	length = offset == 8 ? read_number(u->start + 4, 8) : read_number(u->start, 4);
	room = s->bytes - (before - header) - (offset == 8 ? 12 : 4);
	u->end = u->start + (offset == 8 ? 12 : 4) + (length < room ? length : room);
	u->name_offsets = find_name_offsets(u, die);
	return u->end > u->first;
}

/* --- abbreviations ---------------------------------------------------------------------------- */

/* ULEB128 and SLEB128; false at the end. */
static bool read_leb(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
	uint64_t n = 0;
	const uint8_t *p = *at;

	for (unsigned shift = 0; p < end; shift += 7) {
		uint8_t byte = *p++;

		if (shift < 64)
			n |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*at = p;
			*value = n;
			return true;
		}
	}
	return false;
}

/* Bytes of a form, VARIES where each DIE has its own. */
static uint32_t form_bytes(const struct die_unit *u, unsigned form)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const: return 0;
	case DW_FORM_data1:
	case DW_FORM_flag:
	case DW_FORM_ref1:
	case DW_FORM_strx1:
	case DW_FORM_addrx1: return 1;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2: return 2;
	case DW_FORM_strx3:
	case DW_FORM_addrx3: return 3;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
	case FORM_REF_SUP4: return 4;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case FORM_REF_SUP8: return 8;
	case DW_FORM_data16: return 16;
	case DW_FORM_addr: return u->address_bytes;
	case DW_FORM_ref_addr: return u->version < 3 ? u->address_bytes : u->offset_bytes;
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_sec_offset:
	case FORM_STRP_SUP:
	case DW_FORM_GNU_strp_alt:
	case DW_FORM_GNU_ref_alt: return u->offset_bytes;
	default: return VARIES;
	}
}

static uint8_t wanted_attribute(uint64_t name)
{
	switch (name) {
	case DW_AT_name: return DIE_NAME;
	case DW_AT_type: return DIE_TYPE;
	case DW_AT_byte_size: return DIE_BYTES;
	case DW_AT_declaration: return DIE_DECLARATION;
	case DW_AT_abstract_origin:
	case DW_AT_specification: return DIE_SPECIFICATION;
	case DW_AT_location: return DIE_LOCATION;
	case DW_AT_data_member_location: return DIE_MEMBER_LOCATION;
	case DW_AT_external: return DIE_EXTERNAL;
	case DIE_AT_ALLOCATES: return DIE_ALLOCATES;
	case DW_AT_sibling: return DIE_SIBLING;
	default: return NOT_WANTED;
	}
}

static void add_attribute(struct die_reader *r, struct abbreviation *to, struct attribute new)
{
	struct attribute *last = to->count ? &r->attribute[r->attribute_count - 1] : NULL;

	if (last && last->wanted == NOT_WANTED && new.wanted == NOT_WANTED && last->bytes < VARIES / 2
		&& new.bytes < VARIES / 2) {
		last->bytes += new.bytes;
		return;
	}
	*ARRAY_ADD(r->attribute, r->attribute_count, r->attribute_room) = new;
	to->count++;
}

static bool read_abbreviation(
	struct die_reader *r, struct abbreviation *a, const uint8_t **at, const uint8_t *end)
{
	uint64_t tag, name, form, constant;

	if (!read_leb(at, end, &tag) || *at == end)
		return false;
	*a = (struct abbreviation){ .tag = tag < TAGS ? (uint32_t)tag : 0,
		.first = r->attribute_count,
		.known = true,
		.children = *(*at)++ };
	a->wanted = r->wanted[a->tag / 8] >> a->tag % 8 & 1;
	for (;;) {
		uint32_t bytes;

		constant = 0;
		if (!read_leb(at, end, &name) || !read_leb(at, end, &form))
			return false;
		if (form == DW_FORM_implicit_const && !read_leb(at, end, &constant))
			return false;
		if (!name && !form)
			return true;
		if (form > UINT16_MAX)
			return false;
		bytes = form_bytes(r->unit, (unsigned)form);
		a->sibling |= name == DW_AT_sibling;
		a->bytes = bytes == VARIES || a->bytes == VARIES ? VARIES : a->bytes + bytes;
		add_attribute(
			r, a, (struct attribute){ (uint16_t)form, wanted_attribute(name), bytes, constant });
	}
}

/* Up to the first one that makes no sense. */
static void read_abbreviations(struct die_reader *r)
{
	const struct die_section *s = &r->unit->sections->abbreviations;
	const uint8_t *at = s->at + r->unit->abbreviations, *end = s->at + s->bytes;
	struct abbreviation a;
	uint64_t code;

	r->attribute_count = r->code_count = 0;
	while (read_leb(&at, end, &code) && code && code < CODES_MOST && read_abbreviation(r, &a, &at, end)) {
		while (r->code_count <= code)
			*ARRAY_ADD(r->abbreviation, r->code_count, r->code_room) = (struct abbreviation){ 0 };
		r->abbreviation[code] = a;
	}
}

/* --- DIEs ----------------------------------------------------------------------------------------- */

struct die_reader *die_reader_new(const unsigned *wanted, size_t count)
{
	struct die_reader *r = alloc_zeroed(1, sizeof(*r));

	for (size_t i = 0; i < count; i++)
		r->wanted[wanted[i] / 8] |= (uint8_t)(1u << wanted[i] % 8);
	return r;
}

void die_reader_free(struct die_reader *r)
{
	if (!r)
		return;
	free(r->abbreviation);
	free(r->attribute);
	free(r);
}

void die_reader_begin(struct die_reader *r, const struct die_unit *u)
{
	r->unit = u;
	r->at = u->first;
	r->depth = 0;
	read_abbreviations(r);
}

static bool take(struct die_reader *r, uint64_t bytes, const uint8_t **from)
{
	if (bytes > (uint64_t)(r->unit->end - r->at))
		return false;
	*from = r->at;
	r->at += bytes;
	return true;
}

/* The value of an attribute: a number, or a block of that many bytes. */
static bool read_value(struct die_reader *r, unsigned form, uint64_t *number, const uint8_t **block)
{
	const uint8_t *end = r->unit->end, *from;
	uint32_t bytes = form_bytes(r->unit, form);
	uint64_t length = 0;

	*block = NULL;
	if (bytes != VARIES) {
		if (!take(r, bytes, &from))
			return false;
		*number = read_number(from, bytes < 8 ? bytes : 8);
		return true;
	}
	switch (form) {
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
		bytes = form == DW_FORM_block1 ? 1 : form == DW_FORM_block2 ? 2 : 4;
		if (!take(r, bytes, &from))
			return false;
		length = read_number(from, bytes);
		break;
	case DW_FORM_block:
	case DW_FORM_exprloc:
		if (!read_leb(&r->at, end, &length))
			return false;
		break;
	case DW_FORM_string:
		from = memchr(r->at, 0, (size_t)(end - r->at));
		if (!from)
			return false;
		length = (uint64_t)(from - r->at) + 1;
		break;
	default: /* numbers; of forms that are not known the length is not known either */
		if (form != DW_FORM_sdata && form != DW_FORM_udata && form != DW_FORM_ref_udata
			&& form != DW_FORM_strx && form != DW_FORM_addrx && form != DW_FORM_loclistx
			&& form != DW_FORM_rnglistx && form != DW_FORM_GNU_addr_index
			&& form != DW_FORM_GNU_str_index)
			return false;
		return read_leb(&r->at, end, number);
	}
	*number = length;
	return take(r, length, block);
}

static bool read_attribute(struct die_reader *r, const struct attribute *a, struct die *die)
{
	uint64_t number, form = a->form;
	const uint8_t *block = NULL;

	if (a->bytes != VARIES) {
		if (a->bytes > (uint64_t)(r->unit->end - r->at))
			return false;
		number = a->wanted == NOT_WANTED ? 0 : read_number(r->at, a->bytes < 8 ? a->bytes : 8);
		r->at += a->bytes;
	} else {
		for (unsigned n = 0; form == DW_FORM_indirect; n++)
			if (n > 2 || !read_leb(&r->at, r->unit->end, &form) || form > UINT16_MAX
				|| form == DW_FORM_implicit_const)
				return false;
		if (!read_value(r, (unsigned)form, &number, &block))
			return false;
	}
	if (a->wanted != NOT_WANTED) {
		die->form[a->wanted] = (uint16_t)form;
		die->number[a->wanted] = form == DW_FORM_implicit_const ? a->constant : number;
		die->block[a->wanted] = block;
	}
	return true;
}

/* The abbreviation of the next DIE; NULL: a DIE without one ends its parent's, or nothing can be read. */
static const struct abbreviation *next_abbreviation(struct die_reader *r, bool *end)
{
	uint64_t code;

	*end = false;
	if (!read_leb(&r->at, r->unit->end, &code) || code >= (code ? r->code_count : 1)
		|| (code && !r->abbreviation[code].known)) {
		r->at = r->unit->end;
		return NULL;
	}
	*end = !code;
	return code ? &r->abbreviation[code] : NULL;
}

static bool read_die(struct die_reader *r, const struct abbreviation *a, struct die *die)
{
	memset(die->form, 0, sizeof(die->form));
	for (uint32_t i = 0; i < a->count; i++)
		if (!read_attribute(r, &r->attribute[a->first + i], die)) {
			r->at = r->unit->end;
			return false;
		}
	return true;
}

static bool to_sibling(struct die_reader *r, const struct die *die)
{
	const uint8_t *to = die_reference(r->unit, die, DIE_SIBLING);

	if (!to || to < r->at)
		return false;
	r->at = to;
	return true;
}

/* Behind the DIEs inside the one that was read last. */
static void skip_children(struct die_reader *r)
{
	unsigned depth = 1;
	struct die die;
	bool end;

	while (depth && r->at < r->unit->end) {
		const struct abbreviation *a = next_abbreviation(r, &end);

		if (!a) {
			depth -= end;
		} else if (!a->sibling && a->bytes != VARIES
			&& a->bytes <= (uint64_t)(r->unit->end - r->at)) {
			r->at += a->bytes;
			depth += a->children;
		} else if (read_die(r, a, &die) && !to_sibling(r, &die)) {
			depth += a->children;
		}
	}
}

bool die_reader_next(struct die_reader *r, struct die *die)
{
	while (r->at < r->unit->end) {
		const uint8_t *at = r->at;
		bool end;
		const struct abbreviation *a = next_abbreviation(r, &end);

		if (!a) {
			if (!end || r->depth < 2)
				return false;
			r->depth--;
			continue;
		}
		if (!a->wanted && !a->children && a->bytes != VARIES
			&& a->bytes <= (uint64_t)(r->unit->end - r->at)) {
			r->at += a->bytes;
			continue;
		}
		if (!read_die(r, a, die))
			return false;
		if (!a->wanted) {
			if (a->children && !to_sibling(r, die))
				skip_children(r);
			continue;
		}
		die->at = at;
		die->tag = a->tag;
		die->depth = r->depth;
		die->children = a->children;
		r->depth += a->children;
		return true;
	}
	return false;
}

void die_reader_skip(struct die_reader *r, const struct die *die)
{
	if (!die->children)
		return;
	r->depth--;
	if (!to_sibling(r, die))
		skip_children(r);
}

/* --- values ----------------------------------------------------------------------------------------- */

static const char *text_at(const struct die_section *s, uint64_t offset)
{
	return offset < s->bytes ? (const char *)s->at + offset : NULL;
}

const char *die_text(const struct die_unit *u, const struct die *die, enum die_attribute a)
{
	const struct die_section *offsets = &u->sections->name_offsets;
	uint64_t n = die->number[a], at;

	switch (die->form[a]) {
	case DW_FORM_string: return (const char *)die->block[a];
	case DW_FORM_strp: return text_at(&u->sections->names, n);
	case DW_FORM_line_strp: return text_at(&u->sections->line_names, n);
	case DW_FORM_GNU_strp_alt:
	case FORM_STRP_SUP: return text_at(&u->sections->supplement_names, n);
	case DW_FORM_strx:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
	case DW_FORM_GNU_str_index:
		if (n > UINT32_MAX || u->name_offsets > offsets->bytes)
			return NULL;
		at = u->name_offsets + n * u->offset_bytes;
		if (at + u->offset_bytes > offsets->bytes)
			return NULL;
		return text_at(&u->sections->names, read_number(offsets->at + at, u->offset_bytes));
	default: return NULL;
	}
}

const uint8_t *die_reference(const struct die_unit *u, const struct die *die, enum die_attribute a)
{
	uint64_t n = die->number[a];

	switch (die->form[a]) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata: break;
	case DW_FORM_ref_addr: /* from the section's start */
		if (!is_within(&u->sections->info, u->start)
			|| n < (uint64_t)(u->start - u->sections->info.at))
			return NULL;
		n -= (uint64_t)(u->start - u->sections->info.at);
		break;
	default: return NULL;
	}
	return n && n < (uint64_t)(u->end - u->start) ? u->start + n : NULL;
}

bool die_constant(const struct die *die, enum die_attribute a, uint64_t *value)
{
	switch (die->form[a]) {
	case DW_FORM_data1:
	case DW_FORM_data2:
	case DW_FORM_data4:
	case DW_FORM_data8:
	case DW_FORM_udata:
	case DW_FORM_sdata:
	case DW_FORM_implicit_const: *value = die->number[a]; return true;
	default: return false;
	}
}

bool die_flag(const struct die *die, enum die_attribute a)
{
	return die->form[a] == DW_FORM_flag_present || (die->form[a] == DW_FORM_flag && die->number[a]);
}
