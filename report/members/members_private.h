/* members_private.h - what the parts of members.h share. */
#ifndef TIDEMARK_MEMBERS_PRIVATE_H
#define TIDEMARK_MEMBERS_PRIVATE_H

#include <elfutils/libdw.h>
#include "base/index.h"
#include "base/intern.h"
#include "members.h"
#include "symbol/symbol_module.h"

#define MEMBERS_NESTING 200u /* of DIEs; deeper ones are left out */
#define MEMBERS_NOWHERE UINT64_MAX
#define MEMBERS_TYPES_MOST (8u << 20)
#define MEMBERS_PEEL 64u /* typedefs and qualifiers on the way to a type; levels inside a type */

struct member {
	Dwarf_Die die;    /* has DW_AT_type */
	uint64_t offset;  /* in the type */
	uint32_t type;    /* once `read` */
	bool read, base;  /* base: a base class */
	bool sure;        /* false: only when another member says so */
	uint64_t sure_at; /* but it is sure when a pointer is at this offset of the type; MEMBERS_NOWHERE */
};

struct members_type {
	Dwarf_Die die;
	const char *name;
	uint64_t bytes;
	uint64_t count; /* array: elements, 0 without bounds */
	struct member *member;
	uint32_t member_count;
	uint32_t of;
	uint8_t kind; /* enum members_kind */
	bool named, sized, read, of_read;
};

/* By members_key of the name; one entry per name and size. */
struct members_entry {
	uint64_t key, bytes;
	Dwarf_Die die;
};
/* A type begins with another one: by key. */
struct members_start {
	uint64_t first, key, bytes;
};
struct members_variable {
	uint64_t address; /* ELF; thread-local ones: a hash of the name */
	Dwarf_Die die;
};

struct members_module {
	struct symbol_module *file;
	bool indexed;
	uint32_t same; /* the module of the same file, which has what follows; 0: this one */
	struct members_entry *entry;
	uint32_t entry_count, entry_room;
	struct index entries;
	struct members_start *start;
	uint32_t start_count, start_room;
	struct index starts;
	struct members_variable *variable, *thread_local_one; /* by address */
	struct members_variable *allocation; /* calls that allocate, by what they return to */
	uint32_t allocation_count, allocation_room;
	uint32_t variable_count, variable_room, thread_local_count, thread_local_room;
};

struct members {
	const struct snapshot *snapshot;
	struct symbols *symbols;
	struct members_module *module; /* [modules of the snapshot] */
	struct members_type *type;
	uint32_t type_count, type_room;
	struct index types;  /* by address of the DIE */
	struct intern names; /* texts of types */
	struct symbol_scopes *scopes;
};

/* Of a DW_TAG_call_site: the type that the call allocates. LLVM 23 writes it, 21 does not (llvm/BinaryFormat/Dwarf.def). */
#define MEMBERS_AT_ALLOCATES 0x3e0e

/* The type of a DIE of a type; 0. */
uint32_t members_of_die(struct members *m, Dwarf_Die *die);
/* The type that DW_AT_type of a DIE says. */
uint32_t members_of_attribute(struct members *m, Dwarf_Die *die);
/* A copy that lives as long as the struct members. */
const char *members_text(struct members *m, const char *text);
/* The members of a structure or union, by offset. */
void members_read(struct members *m, uint32_t type);
uint32_t members_member_type(struct members *m, uint32_t type, uint32_t member);

/* members_name.c */
uint64_t members_key(const char *name);
uint64_t members_key_pointer(uint64_t target);
/* The full name of a type's DIE, to be freed; NULL: it has none. */
char *members_full_name(struct members *m, Dwarf_Die *die);
/* The name of a DIE that is a scope or a type, as parts of names have it. */
const char *members_part_name(Dwarf_Die *die);

/* members_index.c */
struct members_module *members_index(struct members *m, uint32_t module);
bool members_constant(Dwarf_Die *die, unsigned name, uint64_t *value);
bool members_flagged(Dwarf_Die *die, unsigned name);
/* The definition of a type by its full name; false: there is none, or two that differ in size. */
bool members_definition(struct members *m, const char *name, Dwarf_Die *die);

#endif
