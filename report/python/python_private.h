/* python_private.h - shared by the parts that read CPython out of an image.
 *
 *   python.c           the order in which the parts work
 *   python_runtime.c   finds the interpreter and its version; self-checks
 *   python_memory.c    reads the image through a cache
 *   python_pools.c     pymalloc: pools prove themselves; arenas
 *   python_blocks.c    pymalloc's blocks among those of the ledger
 *   python_types.c     type objects: names, flags, what their instances look like
 *   python_names.c     modules of types
 *   python_objects.c   which block is an object
 *   python_dict.c      entries of dicts
 *   python_claims.c    raw blocks of lists, dicts and sets: what they hold
 *   python_span.c      spans of words
 *   python_rules.c     which words of an object are counted references
 *   python_frames.c    frames of threads: slots of their locals, dead slots
 *   python_gc.c        lists of the collector
 *   python_values.c    where the data of strings are; interned ones
 *   python_texts.c     content of strings, values of numbers
 *   python_graph.c     what the references that were found mean
 *   python_places.c    what Python calls objects and words: modules, functions, slots, keys
 *   python_placelist.c the list of these names
 *   python_locals.c    what it calls the words of frames
 *   python_qualified.c qualified names of code, up to 3.10
 *   python_spare.c     capacity that is not used
 *   python_write.c     sections
 *
 * Offsets are those of shim/python_layout.h; what only this room needs is in python_runtime.c.
 */
#ifndef TIDEMARK_PYTHON_PRIVATE_H
#define TIDEMARK_PYTHON_PRIVATE_H

#include <stdbool.h>
#include "base/index.h"
#include "shim/python_layout.h"
#include "python.h"

#define PYTHON_NONE UINT32_MAX

/* Parts that can be off. */
enum python_part {
	PYTHON_PART_COUNTS,
	PYTHON_PART_GENERATIONS,
	PYTHON_PART_PYMALLOC,
	PYTHON_PART_STRINGS,
	PYTHON_PART_FRAMES,
	PYTHON_PARTS
};

/* What instances of a type look like, where more is known than their words. */
enum python_kind {
	KIND_OTHER,
	KIND_INT,
	KIND_FLOAT,
	KIND_STR,
	KIND_BYTES,
	KIND_BYTEARRAY,
	KIND_ARRAY,
	KIND_NDARRAY,
	KIND_LIST,
	KIND_TUPLE,
	KIND_DICT,
	KIND_SET,
	KIND_TYPE,
	KIND_CODE,
	KIND_FRAME,
	KIND_GENERATOR,
	KIND_WEAKREF,
	KIND_CACHE_LINK, /* functools: the list of lru_cache */
	KIND_MEMORYVIEW,
	KIND_MODULE,
	KIND_CONTEXT_VARIABLE,
	KIND_FUNCTION,
	KIND_CELL,
	KIND_DEQUE,
};

/* Flags of type objects: Include/object.h. Bits 3 and 4 have their meaning since 3.12 and 3.11. */
#define TYPE_INLINE_VALUES (1ull << 2) /* since 3.13 */
#define TYPE_MANAGED_WEAKREF (1ull << 3)
#define TYPE_MANAGED_DICT (1ull << 4)
#define TYPE_HEAP (1ull << 9)
#define TYPE_READY (1ull << 12)
#define TYPE_GC (1ull << 14)
#define TYPE_INT (1ull << 24)
#define TYPE_LIST (1ull << 25)
#define TYPE_TUPLE (1ull << 26)
#define TYPE_BYTES (1ull << 27)
#define TYPE_STR (1ull << 28)
#define TYPE_DICT (1ull << 29)
#define TYPE_EXCEPTION (1ull << 30)
#define TYPE_TYPE (1ull << 31)

struct python_type {
	uint64_t address, flags;
	int64_t basic_bytes, item_bytes, dict_offset, weak_offset;
	enum python_kind kind;
	uint32_t head; /* bytes before the object: PyGC_Head, managed words */
	bool heap;     /* made at run time: its instances count their reference to it */
	char *name, *module;
};

/* dequeobject and its blocks: Modules/_collectionsmodule.c, the same from 3.8 to 3.13. */
#define DEQUE_LEFT 24u
#define DEQUE_RIGHT 32u
#define DEQUE_LEFT_INDEX 40u
#define DEQUE_RIGHT_INDEX 48u
#define DEQUE_BLOCK_DATA 8u
#define DEQUE_BLOCK_ITEMS 64u
#define DEQUE_BLOCK_NEXT 520u

/* What a block is. */
enum python_role {
	ROLE_RAW, /* not known to be Python's, or nothing is known about its words */
	ROLE_OBJECT,
	ROLE_FREE, /* a freed object that waits in a free list */
	ROLE_LIST_ITEMS,
	ROLE_DICT_KEYS,
	ROLE_DICT_VALUES,
	ROLE_SET_TABLE,
	ROLE_DATA,  /* no references: numbers, text */
	ROLE_OWNED, /* held by only one object, which is not known to say more about it */
	ROLE_DEQUE_BLOCK
};

struct python_slot {
	uint32_t type;  /* of objects */
	uint32_t owner; /* of raw blocks: block of the object; PYTHON_NONE */
	uint8_t role;
	uint8_t head; /* where in the block the object begins */
	uint8_t flags;
};
#define SLOT_TRACKED 1u /* found in a list of the collector: certainly an object */
#define SLOT_GENERATION 6u
#define SLOT_GENERATION_SHIFT 1u
#define SLOT_PERMANENT 8u

struct python_arena {
	uint64_t address, bytes, used_bytes, used_blocks;
};

struct python_range { /* starts with what it is sorted by */
	uint64_t lo, hi;
};

struct python_generation {
	uint64_t objects;
	int32_t threshold, count;
};

struct python {
	bool no_contents; /* neither characters of strings nor numbers go into the snapshot */
	uint32_t left;    /* birth number of the last fork that left threads behind; 0 */
	struct remote *memory;
	struct python_cache *cache;
	uint32_t hexversion; /* 0x030b02f0 */
	unsigned minor;
	const struct python_layout *layout;
	uint64_t runtime, interpreter, type_type; /* addresses */
	uint32_t interpreters;
	bool ended; /* Python has shut down: its objects are gone */
	bool without_gil;
	bool off[PYTHON_PARTS];
	/* Blocks. */
	struct tide_block *blocks;
	uint64_t block_count;
	struct python_slot *slot; /* one per block */
	struct index starts;      /* of blocks by address */
	/* pymalloc */
	struct tide_block *small; /* its blocks, by address */
	uint64_t small_count, small_room, small_bytes;
	struct python_pool *pools;
	uint64_t pool_count, pool_room;
	struct python_arena *arenas;
	uint64_t arena_count, arena_room;
	uint64_t (*arena_ranges)[2];
	/* Types; 0 is reserved. */
	struct python_type *types;
	uint32_t type_count, type_room;
	struct index type_index;
	uint64_t *refused; /* addresses without a type: a small cache */
	/* gc */
	bool gc_enabled;
	struct python_generation generations[3], permanent;
	/* Threads. */
	struct python_frame *frames;
	uint64_t frame_count, frame_room;
	struct python_range *chunks;
	uint64_t chunk_count, chunk_room, frames_most;
	/* Values. */
	uint32_t interned_keys; /* block of the keys of the dict of interned strings; PYTHON_NONE */
};

/* --- memory ---------------------------------------------------------------------- */

struct python_cache *python_memory_new(struct remote *m);
void python_memory_free(struct python_cache *c);
/* Bytes of the image; those that cannot be read are zero, and so is everything once too much was read. */
bool python_exhausted(const struct python *p);
void python_read(struct python *p, uint64_t address, void *to, uint64_t bytes);
uint64_t python_word(struct python *p, uint64_t address);
uint32_t python_u32(struct python *p, uint64_t address);
uint8_t python_byte(struct python *p, uint64_t address);
/* A NUL-terminated text; "" where it cannot be read. */
void python_text(struct python *p, uint64_t address, char *to, uint64_t bytes);

/* A str as UTF-8, cut to fit; false: it is not a str, or its data cannot be found. */
bool python_string(struct python *p, uint64_t address, char *to, uint64_t bytes);
/* Where the data of a str are: address, characters, bytes per character. */
bool python_string_data(
	struct python *p, uint64_t address, uint64_t *data, uint64_t *length, unsigned *width);

/* --- parts, in the order of their work --------------------------------------------- */

bool python_runtime_find(struct python *p);
void python_pools(struct python *p, const struct tide_block *blocks, uint64_t count);
void python_blocks_join(struct python *p, const struct tide_block *blocks, uint64_t count);
/* The block that starts at an address; PYTHON_NONE. */
uint32_t python_block_at(const struct python *p, uint64_t address);

/* Number of the type at an address; 0: it is not a type. */
uint32_t python_type_at(struct python *p, uint64_t address);
/* Names of modules come after all objects are found, because they need them. */
void python_names(struct python *p);
void python_types_free(struct python *p);

void python_objects(struct python *p);
/* What the debug allocator puts in front of the data of a block: 0, 16, or 32 bytes. */
unsigned python_debug_head(struct python *p, uint64_t block);
/* The object at an address: its block; PYTHON_NONE. */
uint32_t python_object_at(const struct python *p, uint64_t address);
/* The code object that a frame runs. Since 3.14 references in frames have flags in their low bits. */
static inline uint64_t python_frame_code(struct python *p, uint64_t frame)
{
	return python_word(p, frame + p->layout->frame.code) & ~7ull;
}
static inline uint64_t python_object(const struct python *p, uint32_t block)
{
	return p->blocks[block].address + p->slot[block].head;
}
/* Its stored count; -1: it is immortal. */
int64_t python_count(const struct python *p, uint64_t word);

void python_gc(struct python *p);
void python_claims(struct python *p);

/* An open dict, or only its keys. */
struct python_dict {
	uint64_t keys, entries, count; /* of entries */
	uint32_t stride, key, value;   /* bytes of an entry; where in it */
	uint64_t values;               /* of a split dict: array of values; 0 */
};
bool python_dict_keys(struct python *p, uint64_t keys, struct python_dict *d);
bool python_dict_open(struct python *p, uint64_t dict, struct python_dict *d);
/* Entry i; key 0: it is empty. */
void python_dict_entry(
	struct python *p, const struct python_dict *d, uint64_t i, uint64_t *key, uint64_t *value);

/* Which words of a block count. A word at offset o of the block is in the span that holds it. */
struct python_span {
	uint64_t lo, hi;
	uint32_t stride, words; /* words: bit i: the ith word of each stride counts */
	bool stale;             /* it may be old */
};
struct python_rule {
	struct python_span span[8];
	uint64_t never[8]; /* offsets that nevertheless do not count */
	unsigned spans, nevers;
};
/* The offset of the first value in the block of a split dict's or an instance's values; 0: unknown, or the
 * start. */
uint64_t python_values_first(struct python *p, uint32_t block);
enum python_meaning { MEANS_NOTHING, MEANS_REFERENCE, MEANS_MAYBE };
void python_rules_of(struct python *p, uint32_t block, struct python_rule *r);
enum python_meaning python_span_meaning(const struct python_rule *r, uint64_t offset);
void python_span_add(
	struct python_rule *r, uint64_t lo, uint64_t hi, uint32_t stride, uint32_t words, bool stale);
void python_span_never(struct python_rule *r, uint64_t offset);

/* A running frame, in the memory of a thread's Python stack. */
struct python_frame {
	uint64_t lo, hi;
	struct python_rule rule; /* offsets from lo */
};
void python_frames(struct python *p);
/* What a word in the Python stack of a thread means; false: the address is not in one. */
bool python_frames_word(const struct python *p, uint64_t address, enum python_meaning *m);
/* Words of the _PyInterpreterFrame that lies at offset `at` of something that ends at `end`: since 3.11. */
void python_frames_rule(struct python *p, uint64_t frame, uint64_t at, uint64_t end, struct python_rule *r);

/* 0: not interned. */
unsigned python_string_state(struct python *p, uint64_t address);
void python_interned(struct python *p);
/* Python's names for objects and words. */
struct python_places;
struct python_places *python_places_new(struct snapshot_writer *w);
void python_places_end(struct python_places *l); /* writes the section */
void python_places_write(struct python *p, struct snapshot_writer *w);
/* `format` and what follows make the text; nothing is added beyond a bound. */
void python_places_add(struct python_places *l, uint64_t address, enum tide_place_kind kind, uint64_t number,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Names in running frames, and in those that lie in objects: frames, generators. */
void python_locals_running(struct python *p, struct python_places *l);
void python_locals_object(struct python *p, struct python_places *l, uint32_t block);
/* The name of variable `number` of a code object; "" unknown. Free variables come last. */
void python_locals_name(struct python *p, uint64_t code, uint64_t number, char *to, uint64_t bytes);
uint64_t python_locals_count(struct python *p, uint64_t code);

void python_spare(struct python *p, struct typing *typing);
void python_values_write(
	struct python *p, struct tide_python_object *objects, uint64_t count, struct snapshot_writer *w);

#endif
