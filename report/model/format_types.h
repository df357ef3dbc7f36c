/* format_types.h - the part of format.h that says what blocks are: types, the objects that own memory, and
 * what Python says of its objects.
 */
#ifndef TIDEMARK_FORMAT_TYPES_H
#define TIDEMARK_FORMAT_TYPES_H

#include <stdint.h>

/* A compiler that lays these out otherwise would read and write another format. */
#define TIDE_SIZE "the size of an element on disk never changes"

/* What blocks are. Type 0 is reserved: "no type". */
struct tide_type {
	uint32_t name, module; /* module: of Python; "" unknown */
	uint32_t language;     /* enum tide_language */
	uint32_t flags;        /* TYPE_FLAG_* */
	uint64_t address;      /* of the type object; 0 none */
	uint32_t basic_bytes, item_bytes;
};
enum tide_language { LANGUAGE_UNKNOWN, LANGUAGE_PYTHON, LANGUAGE_CXX, LANGUAGE_C, LANGUAGE_RUST };
#define TYPE_FLAG_HEAP 1u        /* made at run time */
#define TYPE_FLAG_GC 2u          /* its instances may be in cycles */
#define TYPE_FLAG_DICT 4u        /* its instances have a __dict__ */
#define TYPE_FLAG_SLOTS 8u       /* its instances have __slots__ */
#define TYPE_FLAG_STR 16u        /* str or a subclass */
#define TYPE_FLAG_DICTIONARY 32u /* dict or a subclass */
#define TYPE_FLAG_TYPE 64u       /* its instances are types */
struct tide_block_type {
	uint32_t type;
	uint8_t evidence; /* enum tide_evidence */
	uint8_t head;     /* where in the block the object begins, behind what its runtime keeps there */
	uint16_t pad;
};
enum tide_evidence {
	EVIDENCE_NONE,
	EVIDENCE_VTABLE,          /* the first word is an address point of its class */
	EVIDENCE_CALL_SITE,       /* of readers: the compiler or the line of source says it of the call */
	EVIDENCE_ALLOCATOR_FRAME, /* of readers: a frame of an allocator that was made for the type */
	EVIDENCE_POINTER,         /* of readers: typed variables and members point to it */
	EVIDENCE_SHAPE,           /* a node or a text of a container whose header proves it */
	EVIDENCE_HEADER,          /* the object says it itself */
};
/* A raw block that belongs to an object: its items, its table, its data. */
struct tide_owner {
	uint32_t block, owner; /* blocks */
	uint32_t role;         /* enum tide_owner_role */
	uint32_t first; /* offset in the block of the first value, or of the first entry; see OWNER_HASHES */
};
#define OWNER_HASHES 1u /* bit of `first`, of keys: entries have hash, key, value; else key, value */
enum tide_owner_role {
	OWNER_ITEMS = 3, /* of a list */
	OWNER_KEYS,      /* of a dict: keys and values, or keys alone */
	OWNER_VALUES,    /* of a dict, or of the attributes of an instance */
	OWNER_TABLE,     /* of a set */
	OWNER_DATA,      /* without references */
	OWNER_OTHER,     /* only the object leads to it */
};
struct tide_python_object {
	uint32_t block;
	uint32_t flags;  /* PYTHON_* */
	uint64_t stored; /* its reference count */
	uint64_t value;  /* a number, the bits of a double, or an element of SECTION_TEXTS: see flags */
};
#define PYTHON_TRACKED 1u /* in a list of the collector */
#define PYTHON_GENERATION_SHIFT 1u
#define PYTHON_GENERATION_MASK 3u /* after the shift */
#define PYTHON_PERMANENT 8u       /* gc.freeze */
#define PYTHON_IMMORTAL 16u       /* its count says nothing */
#define PYTHON_INTERNED 32u
#define PYTHON_STATIC 64u /* one of the small ints that the interpreter keeps */
#define PYTHON_VALUE_INT 128u
#define PYTHON_VALUE_FLOAT 256u
#define PYTHON_VALUE_TEXT 512u
struct tide_python_text { /* content of strings: equal ones have one */
	uint64_t hash;    /* of the text, or only its number */
	uint64_t length;  /* characters, or bytes */
	uint32_t text;    /* the first 80 */
	uint32_t flags;   /* PYTHON_TEXT_* */
};
#define PYTHON_TEXT_BYTES 1u /* of bytes: each a character of the text */
struct tide_python_arena {   /* of pymalloc */
	uint64_t address, bytes;
	uint64_t used_bytes, used_blocks;
};

/* What Python calls an object, or a word in its memory. */
struct tide_python_place {
	uint64_t address;
	uint32_t text;
	uint16_t kind;   /* enum tide_place_kind */
	uint16_t number; /* of slots: their offset; of attributes: which value */
};
enum tide_place_kind {
	PLACE_OBJECT = 1, /* "module app", "dict of module app", "function handler" */
	PLACE_WORD,       /* "frame worker line 41, local buf" */
	PLACE_KEY,        /* of the word of a value in a dict: its key, where that is in no block */
	PLACE_SLOT,       /* of a type: the slot of its instances at offset `number` */
	PLACE_ATTRIBUTE,  /* of a type: value `number` of its instances' attributes */
};

/* Capacity of a container that it does not use: what shrinking it to its size would give back. */
struct tide_spare {
	uint32_t block; /* its text, table, buckets, ... */
	uint32_t kind;  /* enum tide_spare_kind */
	uint64_t bytes; /* less than the block has */
};
enum tide_spare_kind {
	SPARE_UNKNOWN,
	SPARE_STRING,  /* std::string */
	SPARE_VECTOR,  /* three words, as std::vector has them: start, end of what is used, end */
	SPARE_BUCKETS, /* of std::unordered_map and its relatives: more than its elements need */
	SPARE_DEQUE,   /* the map of a std::deque */
	SPARE_LIST,    /* of Python: items */
	SPARE_DICT,    /* a table from which keys were deleted, larger than that of a copy */
	SPARE_SET,     /* likewise */
	SPARE_BYTEARRAY,
	SPARE_ARRAY, /* array.array */
	SPARE_RUST, /* capacity and length as of Rust's Vec and String: right only where these allocated it */
	SPARE_RING, /* likewise, of its VecDeque */
	SPARE_KINDS
};

/* What debug information says of the blocks, stored so that it need not be read again. */
struct tide_native_type {
	uint32_t name;
	uint32_t layout;   /* 0: what is inside is not known */
	uint32_t evidence; /* enum tide_evidence; EVIDENCE_NONE: no type */
};
/* The type of a block is another one where words that cannot be pointers do not count as references. */
struct tide_scanned_type {
	uint32_t block, name, layout, evidence;
};
/* A type that is inside of blocks, or that one of these needs. Layout 0 is reserved: "not known". */
struct tide_layout {
	uint64_t bytes; /* 0: not known */
	uint32_t name;
	uint32_t of;            /* what a pointer points to, what an array has; a layout */
	uint32_t member, count; /* its members: [member, member + count) */
	uint16_t kind;          /* enum tide_layout_kind */
	uint8_t language;       /* enum tide_language */
	uint8_t flags;          /* LAYOUT_* */
};
enum tide_layout_kind {
	LAYOUT_UNKNOWN,
	LAYOUT_BYTE, /* a scalar of one byte */
	LAYOUT_SCALAR,
	LAYOUT_POINTER,
	LAYOUT_ARRAY,
	LAYOUT_STRUCT,
	LAYOUT_UNION,
	LAYOUT_KINDS
};
#define LAYOUT_PARTIAL 1u /* has bit-fields, or members that are not here */
struct tide_member {
	uint64_t offset;
	uint64_t sure_at; /* it is sure when a pointer is at this offset of the type; UINT64_MAX never */
	uint32_t name, layout;
	uint32_t flags; /* MEMBER_* */
	uint32_t pad;
};
#define MEMBER_BASE 1u /* a base class */
#define MEMBER_SURE 2u /* not one of several that may be there */
/* The variable that a reference is in. */
struct tide_variable {
	uint64_t address; /* in the process */
	uint32_t root;
	uint32_t layout; /* 0: not known */
	uint32_t name;   /* of a variable of a function: "worker() queue"; of others that of the root */
	uint32_t pad;
};

_Static_assert(sizeof(struct tide_type) == 32, TIDE_SIZE);
_Static_assert(sizeof(struct tide_block_type) == 8, TIDE_SIZE);
_Static_assert(sizeof(struct tide_owner) == 16, TIDE_SIZE);
_Static_assert(sizeof(struct tide_python_object) == 24, TIDE_SIZE);
_Static_assert(sizeof(struct tide_python_text) == 24, TIDE_SIZE);
_Static_assert(sizeof(struct tide_python_arena) == 32, TIDE_SIZE);
_Static_assert(sizeof(struct tide_python_place) == 16, TIDE_SIZE);
_Static_assert(sizeof(struct tide_spare) == 16, TIDE_SIZE);
_Static_assert(sizeof(struct tide_native_type) == 12, TIDE_SIZE);
_Static_assert(sizeof(struct tide_scanned_type) == 16, TIDE_SIZE);
_Static_assert(sizeof(struct tide_layout) == 32, TIDE_SIZE);
_Static_assert(sizeof(struct tide_member) == 32, TIDE_SIZE);
_Static_assert(sizeof(struct tide_variable) == 24, TIDE_SIZE);

#endif
