/* members_private.h - what the parts of members.h share. */
#ifndef TIDEMARK_MEMBERS_PRIVATE_H
#define TIDEMARK_MEMBERS_PRIVATE_H

#include <elfutils/libdw.h>
#include <stdlib.h>
#include "base/index.h"
#include "base/intern.h"
#include "members.h"
#include "symbol/symbol_locals.h"
#include "symbol/symbol_module.h"

#define MEMBERS_NESTING 200u /* of DIEs; deeper ones are left out */
#define MEMBERS_NOWHERE UINT64_MAX
#define MEMBERS_ENTRIES_MOST (4u << 20) /* types, variables of a module */
#define MEMBERS_WORDS_MOST ((uint64_t)256 << 20)
#define MEMBERS_PEEL 64u /* typedefs and qualifiers on the way to a type; levels inside a type */

struct member {
	Dwarf_Die die;    /* has DW_AT_type */
	const char *name; /* NULL or "": it has none */
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
	bool partial;     /* has bit-fields, or members that are not among these */
	uint8_t language; /* of a type that was stored: enum tide_language */
};

/* A DIE, small: there are many. */
struct members_die {
	const void *at;
	struct Dwarf_CU *cu;
};

/* By members_key of the name; one entry per name and size. */
struct members_entry {
	uint64_t key, bytes;
	uint64_t first; /* key of the type that it begins with; 0: not known */
	struct members_die die;
};
struct members_variable {
	uint64_t address; /* ELF; thread-local ones: a hash of the name */
	struct members_die die;
};

struct members_module {
	struct symbol_module *file;
	bool indexed;
	uint32_t same; /* the module of the same file, which has what follows; 0: this one */
	struct members_entry *entry;
	uint32_t entry_count, entry_room;
	struct index entries, firsts;                         /* by key; by first */
	struct members_variable *variable, *thread_local_one; /* by address */
	struct members_variable *allocation; /* calls that allocate, by what they return to */
	uint32_t allocation_count, allocation_room;
	uint32_t variable_count, variable_room, thread_local_count, thread_local_room;
};

/* The variables at an address of code. */
struct members_frame {
	uint64_t address;
	uint32_t module;
	bool returns; /* it is what a call returns to */
	struct symbol_locals locals;
};

struct members {
	const struct snapshot *snapshot;
	struct symbols *symbols;
	struct members_module *module; /* [modules of the snapshot] */
	struct members_type *type;
	uint32_t type_count, type_room;
	struct index types; /* by address of the DIE */
	struct members_frame *frame;
	uint32_t frame_count, frame_room;
	struct index frames; /* by address */
	struct intern names; /* texts of types */
	struct symbol_scopes *scopes;
	struct members_words **words; /* [words_room] by type, as far as asked for */
	uint32_t words_room;
	uint64_t words_left; /* bytes and members that may still be drawn for them */
};

/* The type of a DIE of a type; 0. */
uint32_t members_of_die(struct members *m, Dwarf_Die *die);
/* The type that DW_AT_type of a DIE says. */
uint32_t members_of_attribute(struct members *m, Dwarf_Die *die);
/* A copy that lives as long as the struct members. */
const char *members_text(struct members *m, const char *text);
/* The members of a structure or union, by offset. */
void members_read(struct members *m, uint32_t type);
uint32_t members_member_type(struct members *m, uint32_t type, uint32_t member);

static inline void members_words_free(struct members_words *w)
{
	if (w) {
		free(w->unused);
		free(w->header);
		free(w);
	}
}

/* members_locals.c: members_local, of a snapshot without stored types. */
uint32_t members_frame_local(struct members *m, const struct tide_root_edge *e, struct members_local *local);

/* members_owned.c: how an object of this type owns what a pointer in it points to. */
enum members_owned members_owner(struct members *m, uint32_t type);

/* members_name.c */
uint64_t members_key(const char *name);
uint64_t members_key_pointer(uint64_t target);
/* The full name of a type's DIE, to be freed; NULL: it has none. */
char *members_full_name(struct members *m, Dwarf_Die *die);
/* The name of a DIE that is a scope or a type, as parts of names have it. */
const char *members_part_name(Dwarf_Die *die);

/* members_stored.c: the types that the snapshot has, if it has any. */
void members_load(struct members *m);

/* members_index.c */
static inline Dwarf_Die members_whole_die(struct members_die die)
{
	return (Dwarf_Die){ .addr = (void *)die.at, .cu = die.cu };
}
struct members_module *members_index(struct members *m, uint32_t module);
bool members_constant(Dwarf_Die *die, unsigned name, uint64_t *value);
bool members_flagged(Dwarf_Die *die, unsigned name);
/* The definition of a type by its full name; false: there is none, or two that differ in size. */
bool members_definition(struct members *m, const char *name, Dwarf_Die *die);

#endif
