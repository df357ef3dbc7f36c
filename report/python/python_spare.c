/* python_spare.c - capacity that lists, dicts, sets and buffers of Python do not use: python_private.h.
 *
 * Lists and buffers are made longer than they need to be, so that they can grow; that shows what it costs. Tables of
 * dicts and sets never shrink: they count where keys were deleted and a new table of what is left would be smaller
 * (dict(d) and set(s) make one).
 */
#include "python_private.h"

#define TABLE_LEAST 8u       /* PyDict_MINSIZE, PySet_MINSIZE */
#define LIST_ALLOCATED 32u   /* PyListObject: ob_item, allocated */
#define BUFFER_ALLOCATED 24u /* PyByteArrayObject: ob_alloc, ob_bytes, ob_start */
#define BUFFER_START 40u
#define ARRAY_ALLOCATED 32u /* arrayobject: ob_item, allocated, ob_descr */
#define ARRAY_DESCRIPTION 40u
#define ARRAY_ITEM_BYTES 4u /* struct arraydescr: char typecode, int itemsize */
#define SET_FILL 16u        /* PySetObject: fill, used, mask; 3.8 and newer */
#define SET_USED 24u
#define SET_MASK 32u
#define SET_ENTRY 16u

struct spare {
	struct python *p;
	struct typing *typing;
	uint32_t block;   /* the raw one */
	uint64_t bytes;   /* that it has for the container */
	uint64_t address; /* where these begin */
	uint64_t object;  /* its owner */
};

static void add_spare(const struct spare *s, enum tide_spare_kind kind, uint64_t bytes)
{
	if (bytes < s->bytes)
		typing_spare(s->typing, s->block, kind, bytes);
}

/* `allocated` items of which `used` are in use. */
static void add_items(
	const struct spare *s, enum tide_spare_kind kind, uint64_t allocated, uint64_t used, uint64_t item)
{
	if (item && allocated <= s->bytes / item && used <= allocated)
		add_spare(s, kind, (allocated - used) * item);
}

static void add_array(const struct spare *s)
{
	uint64_t description = python_word(s->p, s->object + ARRAY_DESCRIPTION);

	add_items(s, SPARE_ARRAY, python_word(s->p, s->object + ARRAY_ALLOCATED),
		python_word(s->p, s->object + PYTHON_VAR_SIZE),
		python_u32(s->p, description + ARRAY_ITEM_BYTES) & 15);
}

/* The text is kept with a NUL, and may begin behind what was deleted from its start. */
static void add_bytearray(const struct spare *s)
{
	uint64_t start = python_word(s->p, s->object + BUFFER_START) - s->address,
		 size = python_word(s->p, s->object + PYTHON_VAR_SIZE);

	if (start <= s->bytes && size < s->bytes - start)
		add_items(s, SPARE_BYTEARRAY, python_word(s->p, s->object + BUFFER_ALLOCATED), size + 1, 1);
}

/* The size of a new table for `used` keys: the smallest power of two of which two thirds are enough
 * (USABLE_FRACTION in Objects/dictobject.c). */
static uint64_t table_for(uint64_t used)
{
	uint64_t size = TABLE_LEAST;

	while (size * 2 / 3 < used)
		size *= 2;
	return size;
}

static uint64_t index_bytes(uint64_t size) { return size <= 0xff ? 1 : size <= 0xffff ? 2 : 4; }

static void add_dict(const struct spare *s)
{
	uint64_t used = python_word(s->p, s->object + PYTHON_DICT_USED), header, size, need;
	struct python_dict d;

	/* Keys that instances share are not one dict's to shrink. */
	if (python_word(s->p, s->object + PYTHON_DICT_KEYS) != s->address
		|| python_word(s->p, s->object + PYTHON_DICT_VALUES)
		|| !python_dict_keys(s->p, s->address, &d) || used > d.count || d.count > UINT32_MAX)
		return;
	if (s->p->minor >= 11) {
		unsigned log = python_byte(s->p, s->address + 8);

		size = 1ull << log;
		header = 32;
	} else {
		size = python_word(s->p, s->address + 8);
		header = 40;
	}
	need = table_for(used);
	/* A dict that only grew has at most four times what it needs. */
	if (need < (used < d.count ? size : size / 4)
		&& d.entries - s->address == header + size * index_bytes(size))
		add_spare(s, SPARE_DICT,
			(size * index_bytes(size) + size * 2 / 3 * d.stride)
				- (need * index_bytes(need) + need * 2 / 3 * d.stride));
}

/* A new table has as many entries as are more than 5/3 of what is used (set_add_entry, set_table_resize). */
static void add_set(const struct spare *s)
{
	uint64_t fill = python_word(s->p, s->object + SET_FILL),
		 used = python_word(s->p, s->object + SET_USED),
		 mask = python_word(s->p, s->object + SET_MASK), need = TABLE_LEAST;

	if (used >= fill || fill > mask || mask + 1 > s->bytes / SET_ENTRY || mask & (mask + 1))
		return;
	while (need * 3 <= used * 5)
		need *= 2;
	if (need <= mask)
		add_spare(s, SPARE_SET, (mask + 1 - (need > TABLE_LEAST ? need : 0)) * SET_ENTRY);
}

void python_spare(struct python *p, struct typing *typing)
{
	for (uint64_t i = 0; i < p->block_count; i++) {
		const struct python_slot *slot = &p->slot[i];
		struct spare s = { .p = p, .typing = typing, .block = (uint32_t)i };

		if (slot->owner == PYTHON_NONE || p->slot[slot->owner].role != ROLE_OBJECT
			|| p->blocks[i].bytes <= slot->head)
			continue;
		s.bytes = p->blocks[i].bytes - slot->head;
		s.address = p->blocks[i].address + slot->head;
		s.object = python_object(p, slot->owner);
		switch (p->types[p->slot[slot->owner].type].kind) {
		case KIND_LIST:
			add_items(&s, SPARE_LIST, python_word(p, s.object + LIST_ALLOCATED),
				python_word(p, s.object + PYTHON_VAR_SIZE), 8);
			break;
		case KIND_DICT: add_dict(&s); break;
		case KIND_SET: add_set(&s); break;
		case KIND_BYTEARRAY: add_bytearray(&s); break;
		case KIND_ARRAY: add_array(&s); break;
		default: break;
		}
	}
}
