/* die.h - the DIEs of a unit, one after the other: for passes over all debug information of a program.
 *
 * libdw finds one DIE well, but is made for one thread, and looks each attribute up by itself: a pass over 500 MB takes
 * half a minute. This reader sees a DIE's attributes once and leaves all other questions to libdw: what it finds are
 * addresses that libdw knows (DY1).
 *
 * DY1  Sections are those that libdw has opened: `at` of a DIE is the address that Dwarf_Die has.
 * DY2  die_unit_open asks libdw; readers of different units may then be used by different threads.
 * DY3  The bytes are untrusted: nothing is read outside the unit and its sections, and a reader only moves forward.
 *      What makes no sense ends the unit.
 * DY4  DIEs of other tags than those asked for are passed over with all that is in them.
 */
#ifndef TIDEMARK_DIE_H
#define TIDEMARK_DIE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum die_attribute {
	DIE_NAME,
	DIE_TYPE,
	DIE_BYTES,
	DIE_DECLARATION,
	DIE_SPECIFICATION, /* or DW_AT_abstract_origin */
	DIE_LOCATION,
	DIE_MEMBER_LOCATION,
	DIE_EXTERNAL,
	DIE_ALLOCATES, /* DW_AT_LLVM_alloc_type */
	DIE_SIBLING,
	DIE_ATTRIBUTES
};

/* Of a DW_TAG_call_site: the type that the call allocates. LLVM 23 writes it, 21 does not (llvm/BinaryFormat/Dwarf.def). */
#define DIE_AT_ALLOCATES 0x3e0e

struct die_section {
	const uint8_t *at;
	uint64_t bytes;
};

/* The sections of one file. */
struct die_sections {
	Dwarf *dwarf; /* that they are of */
	struct die_section info, types, abbreviations, names, line_names, name_offsets, supplement_names;
};

void die_sections_find(struct die_sections *s, Dwarf *dwarf);

struct die_unit {
	const struct die_sections *sections;
	struct Dwarf_CU *cu;        /* as libdw has it */
	const uint8_t *first;       /* its own DIE */
	const uint8_t *start, *end; /* its header included */
	uint64_t abbreviations;     /* where its own begin */
	uint64_t name_offsets;      /* where its own begin */
	uint8_t address_bytes, offset_bytes, version;
};

/* `die` is the unit's own. false: the unit cannot be read, or is not in these sections. */
bool die_unit_open(struct die_unit *u, const struct die_sections *sections, Dwarf_Die *die);

struct die {
	const uint8_t *at;
	unsigned tag, depth; /* depth: 0 for the unit's own DIE */
	bool children;
	uint16_t form[DIE_ATTRIBUTES];        /* 0: the DIE does not have the attribute */
	uint64_t number[DIE_ATTRIBUTES];      /* a number, a reference or an offset as its form says */
	const uint8_t *block[DIE_ATTRIBUTES]; /* of blocks and strings: what is there, `number` bytes */
};

struct die_reader;
/* `wanted`: the tags to be read. */
struct die_reader *die_reader_new(const unsigned *wanted, size_t count);
void die_reader_free(struct die_reader *r);
void die_reader_begin(struct die_reader *r, const struct die_unit *u);
/* The next wanted DIE; false at the end of the unit. */
bool die_reader_next(struct die_reader *r, struct die *die);
/* Passes over what is in the DIE that came last. */
void die_reader_skip(struct die_reader *r, const struct die *die);

static inline bool die_has(const struct die *die, enum die_attribute a) { return die->form[a]; }
/* The text of an attribute; NULL. */
const char *die_text(const struct die_unit *u, const struct die *die, enum die_attribute a);
/* What an attribute refers to, if it lies in the same unit; NULL. */
const uint8_t *die_reference(const struct die_unit *u, const struct die *die, enum die_attribute a);
/* false: the attribute is missing, or not a constant. */
bool die_constant(const struct die *die, enum die_attribute a, uint64_t *value);
bool die_flag(const struct die *die, enum die_attribute a);

#endif
