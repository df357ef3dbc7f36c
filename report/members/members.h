/* members.h - what lies inside the types of a program, by its DWARF.
 *
 *   a name, a variable ──▶ type ──offset──▶ member: its path, its type
 *
 *   members.c        types, read when they are asked for
 *   members_find.c   types by name and by variable
 *   members_locals.c the variables of functions that words of stacks are in
 *   members_size.c   which types a block of a size can be
 *   members_read.c   the members of one type
 *   members_at.c     from an offset in a type to the member there
 *   members_owned.c  classes of the C++ libraries that free what they point to
 *   members_index.c  one pass over a module: types by name, variables by address, what begins with what
 *   members_scan.c   what that pass finds in one unit
 *   members_lvalue.c what a line of source assigns to
 *   members_words.c  which words of an object no member has, and where the headers of containers are
 *   members_keep.c   what is known of types, in a snapshot; members_load.c: out of it
 *   members_name.c   full names of types, and a key that spellings of one name share
 *
 * MB1  Nothing is a guess: members of a union are not sure, and neither is the part of a Rust enum that only its tag
 *      selects. A name that two different types have means the one that fits the size asked for, or none.
 * MB2  DWARF is untrusted: walks along types, and down into them, have a limit, members lie inside their type, and
 *      what is read of a module has a limit.
 * MB3  Of a snapshot that says what its types are, no debug information is read; types have the numbers of its layouts.
 * MB4  Types are numbers from 1 up, and 0 is "not known". Texts live as long as the struct members.
 */
#ifndef TIDEMARK_MEMBERS_H
#define TIDEMARK_MEMBERS_H

#include <stdbool.h>
#include "symbol/symbol.h"

enum members_kind {
	MEMBERS_UNKNOWN, /* void, functions, types that are declared and defined nowhere */
	MEMBERS_BYTE,    /* a scalar of one byte: pointers to it point to anything */
	MEMBERS_SCALAR,
	MEMBERS_POINTER,
	MEMBERS_ARRAY,
	MEMBERS_STRUCT,
	MEMBERS_UNION,
};

#define MEMBERS_TYPES_MOST (8u << 20) /* all numbers are smaller */

struct members; /* of the modules of one snapshot */
struct members *members_new(const struct snapshot *s, struct symbols *symbols);
void members_free(struct members *m);
/* Those of all who ask about these symbols; they live as long as the symbols. */
struct members *members_shared(struct symbols *symbols);

/* Without the keyword: "node", "net::Session", "node *". Texts of types without a name are "". */
const char *members_type_name(struct members *m, uint32_t type);
enum members_kind members_type_kind(struct members *m, uint32_t type);
uint64_t members_type_bytes(struct members *m, uint32_t type);       /* 0: not known */
const char *members_type_language(struct members *m, uint32_t type); /* "c", "c++", "rust" */
/* What a pointer points to; of an array its elements. */
uint32_t members_type_of(struct members *m, uint32_t type);

/* How a block's bytes were counted. */
struct members_size {
	uint64_t bytes;
	bool usable; /* rounded up by the allocator */
};
/* Whether a block can be one object of the type, with what follows it where its last member is an array without
 * bounds; or, where `many`, an array of them. */
bool members_fits(struct members *m, uint32_t type, struct members_size size, bool many);
/* The type of a name, for a block of this size. */
uint32_t members_named(struct members *m, const char *name, struct members_size size);
/* The type that a name means, whatever the size; 0: none, or several. */
uint32_t members_defined(struct members *m, const char *name);
/* The only type that begins with this one and of which one object has this size; 0: there are none, or several. */
uint32_t members_larger(struct members *m, uint32_t type, struct members_size size);
/* Whether another type begins with this one, and one object of it has this size. */
bool members_is_ambiguous(struct members *m, uint32_t type, struct members_size size);
/* Whether an object of `type` begins with one of `first`. */
bool members_begins_with(struct members *m, uint32_t type, uint32_t first);
/* False: there is debug information of types, and none has this name. */
bool members_may_have(struct members *m, const char *name);

/* The variable at an address in a module, as the process has it: its type, and where in it the address lies. */
uint32_t members_variable(struct members *m, uint32_t module, uint64_t address, uint64_t *offset);
/* The thread-local variable of a name, if it is the only one. */
uint32_t members_thread_local(struct members *m, uint32_t module, const char *name);
/* The variable that a reference from a root is in, global or thread-local: its type, and where in it the word lies. */
uint32_t members_root(struct members *m, const struct tide_root_edge *e, uint64_t *offset);
/* Where a word of a stack lies. */
struct members_local {
	const char *name; /* of the variable: "worker() queue" */
	uint64_t offset;  /* in it */
	bool written;     /* false: the function has not, so that it may be an old word */
};
/* As members_root, of a word of a stack: the type of the variable of a function. */
uint32_t members_local(struct members *m, const struct tide_root_edge *e, struct members_local *local);

/* The type that the compiler says a call allocates which returns to this address. */
uint32_t members_allocated(struct members *m, uint32_t module, uint64_t address);

/* What the pointer points to that is called `text` ("n", "list->items", "s.all") in the function at an address in a
 * module; `inlined`: as symbol_unit_function has it. 0: there is none, or another one of that name in the function. */
uint32_t members_lvalue(
	struct members *m, uint32_t module, uint64_t address, unsigned inlined, const char *text);

/* The type of the pointer at an offset of a type: what it points to. 0: not a pointer, or not sure. */
uint32_t members_target(struct members *m, uint32_t type, uint64_t offset);
/* How the pointer at an offset owns what it points to: as one object of the target, or as an array. */
enum members_owned { MEMBERS_NOT_OWNED, MEMBERS_OWNED_ONE, MEMBERS_OWNED_MANY };
uint32_t members_target_owned(struct members *m, uint32_t type, uint64_t offset, enum members_owned *owned);
/* Whether a block of this size that is so owned is of the type itself, and not of another one that begins with it. */
bool members_is_owned(struct members *m, uint32_t type, enum members_owned owned, struct members_size size);
/* Whether no block is of this type, but of one that begins with it: the base of a container's nodes. */
bool members_is_node_base(struct members *m, uint32_t type);
/* What a byte of an object is for. */
enum members_use {
	MEMBERS_USED,     /* a member has it, or it is not known */
	MEMBERS_PADDING,  /* no member has it */
	MEMBERS_TEXT_END, /* of std::string, where only text, its size or capacity can be */
};
enum members_container {
	MEMBERS_VECTOR,
	MEMBERS_DEQUE,
	MEMBERS_SPLIT_BUFFER, /* of libc++: the map of a deque */
};
/* The words that say which part of its memory a container uses. */
struct members_header {
	uint64_t offset, element_bytes; /* in the object; 0: not known */
	enum members_container kind;
};
struct members_words {
	uint64_t bytes;
	uint8_t *unused; /* [bytes] enum members_use */
	struct members_header *header;
	uint32_t headers;
	bool all_used; /* pointers may be anywhere, and it has no header */
};
/* Of C and C++; NULL: nothing is known. Lives as long as the struct members. */
const struct members_words *members_words(struct members *m, uint32_t type);
/* Why no pointer can lie at an offset: one of the eight bytes belongs to no member. */
enum members_use members_word_use(const struct members_words *w, uint64_t offset);

/* Types in a snapshot that is written. Numbers are those of its layouts. */
struct members_keep;
struct members_keep *members_keep_new(struct members *m);
/* The type with all that lies inside; 0 stays 0. */
uint32_t members_keep_type(struct members_keep *k, uint32_t type);
/* The variables that references from roots are in. */
void members_keep_roots(struct members_keep *k, struct snapshot_writer *w);
/* Adds the sections. */
void members_keep_write(struct members_keep *k, struct snapshot_writer *w);
void members_keep_free(struct members_keep *k);

/* "Session::next_", "Session[3]::list.prev"; with a variable: "app.cache.head". Members of the standard libraries are
 * named as what holds them: "Session::sessions_". To be freed; NULL: nothing with a name is there. */
char *members_path(struct members *m, uint32_t type, const char *variable, uint64_t offset);

#endif
