/* python_rules.c - which words of a block are counted references: python_private.h.
 *
 * By type where Python does not count what it keeps (links of the collector, weak references, caches, what is
 * left after the end of a list); all words elsewhere. Sources: the structures of Include/cpython and Objects.
 */
#include <string.h>
#include "python_private.h"

#define MEMORYVIEW_OBJECT 64u /* view.obj: borrowed from the managed buffer */
#define CONTEXT_VARIABLE_CACHE 32u

static void claim_words(struct python_rule *r, uint64_t lo, uint64_t hi)
{
	python_span_add(r, lo, hi, 8, 1, false);
}

/* What follows the structure of a built-in type belongs to a subclass. */
struct body {
	struct python *p;
	const struct python_type *type;
	struct python_rule *rule;
	uint64_t object, at, end; /* address; offsets in the block */
	uint64_t items;
};

/* A subclass of a type of variable length keeps its dict after the items. */
static void find_dict_behind(const struct body *b)
{
	uint64_t bytes = (uint64_t)b->type->basic_bytes + b->items * (uint64_t)b->type->item_bytes, slot;

	if (b->type->dict_offset >= -1)
		return;
	slot = b->at + ((bytes + 7) & ~7ull) + (uint64_t)b->type->dict_offset;
	claim_words(b->rule, slot, slot + 8);
}

static void rule_tuple(const struct body *b)
{
	uint64_t lo = b->at + b->p->layout->tuple.items;

	if (b->items > (b->end - b->at) / 8)
		return;
	claim_words(b->rule, lo, lo + b->items * 8);
	find_dict_behind(b);
}

static void rule_set(const struct body *b)
{
	uint64_t small = b->at + PYTHON_SET_SMALL;

	if (python_word(b->p, b->object + PYTHON_SET_TABLE) == b->object + PYTHON_SET_SMALL)
		python_span_add(b->rule, small, small + 128, 16, 1, false);
	claim_words(b->rule, small + 136, b->end);
}

/* Up to 3.10 a frame is an object with its locals, cells and stack at the end. */
static void rule_old_frame(const struct body *b)
{
	struct python *p = b->p;
	const struct python_layout *l = p->layout;
	uint64_t code = python_word(p, b->object + l->frame.code), locals = b->at + l->frame.locals, top;
	uint64_t count = python_u32(p, code + l->code.local_count), stack;

	if (!python_type_at(p, python_word(p, code + PYTHON_OBJECT_TYPE)))
		return;
	count += python_word(p, python_word(p, code + l->code.cell_names) + PYTHON_VAR_SIZE)
		+ python_word(p, python_word(p, code + l->code.free_names) + PYTHON_VAR_SIZE);
	if (count > (b->end - b->at) / 8)
		return;
	claim_words(b->rule, b->at + 24, b->at + l->frame.position - 8);
	python_span_never(b->rule, b->at + (p->minor == 10 ? 88 : 96)); /* f_gen */
	claim_words(b->rule, locals, locals + count * 8);
	stack = locals + count * 8;
	top = python_word(p, b->object + l->frame.stack_top);
	if (p->minor == 10) {
		int depth = (int)python_u32(p, b->object + l->frame.stack_top);

		top = depth < 0 ? 0 : b->object - b->at + stack + (uint64_t)depth * 8;
	}
	if (top)
		claim_words(b->rule, stack, top - (b->object - b->at));
	else
		python_span_add(b->rule, stack, b->end, 8, 1, true);
}

static void rule_frame(const struct body *b)
{
	uint64_t frame = python_word(b->p, b->object + 24), block = b->object - b->at;

	if (b->p->minor <= 10) {
		rule_old_frame(b);
		return;
	}
	claim_words(b->rule, b->at + 16, b->at + 40);
	if (b->p->minor >= 13) /* f_extra_locals, f_locals_cache */
		claim_words(b->rule, b->at + 48, b->at + 64);
	/* The frame itself is in the object once its function has returned. */
	if (frame > b->object && frame < block + b->end)
		python_frames_rule(b->p, frame, frame - block, b->end, b->rule);
}

static void rule_generator(const struct body *b)
{
	uint64_t frame = b->p->layout->generator.frame;
	int8_t state;

	if (b->p->minor <= 10) {
		claim_words(b->rule, b->at + 16, b->end);
		return;
	}
	claim_words(b->rule, b->at + 16, b->at + frame - 8);
	/* gi_frame_state, the last of four bytes before the frame: from 1 on it is cleared. */
	state = (int8_t)python_byte(b->p, b->object + frame - 5);
	if (state <= 0)
		python_frames_rule(b->p, b->object + frame, b->at + frame, b->end, b->rule);
}

/* A ring through the cache itself: each link is held by the one before it, and no link holds the cache. */
static void rule_cache_link(const struct body *b)
{
	uint64_t next = python_word(b->p, b->object + 24);
	uint32_t type = python_type_at(b->p, python_word(b->p, next + PYTHON_OBJECT_TYPE));

	if (next != b->object && type && !strcmp(b->p->types[type].name, "_lru_list_elem"))
		claim_words(b->rule, b->at + 24, b->at + 32);
	claim_words(b->rule, b->at + 32, b->end);
}

static void rule_type(const struct body *b)
{
	uint64_t keys = b->at + b->p->layout->type.cached_keys;

	claim_words(b->rule, b->at + 24, b->at + (uint64_t)b->type->basic_bytes);
	if (b->p->minor >= 11) { /* _spec_cache: getitem, init */
		python_span_never(b->rule, keys + 24);
		python_span_never(b->rule, keys + 40);
	}
	python_span_never(b->rule, b->at + 368); /* tp_weaklist */
}

/* Since 3.13 the values of attributes may follow the object: capacity, size, embedded, valid, slots. */
static void rule_inline(const struct body *b)
{
	uint64_t values = (uint64_t)b->type->basic_bytes;
	unsigned capacity = python_byte(b->p, b->object + values),
		 valid = python_byte(b->p, b->object + values + 3);

	if (valid)
		claim_words(b->rule, b->at + values + 8, b->at + values + 8 + capacity * 8ull);
}

static void rule_object(struct python *p, uint32_t block, struct python_rule *r)
{
	const struct python_slot *s = &p->slot[block];
	const struct python_type *t = &p->types[s->type];
	struct body b = { .p = p, .type = t, .rule = r, .object = python_object(p, block), .at = s->head };
	uint64_t bytes = p->blocks[block].bytes, size;

	if (t->item_bytes) {
		int64_t n = (int64_t)python_word(p, b.object + PYTHON_VAR_SIZE);

		b.items =
			t->kind == KIND_INT && p->minor >= 12 ? (uint64_t)n >> 3 : (uint64_t)(n < 0 ? -n : n);
	}
	/* After the object, its block may still hold words of an older one. */
	size = (uint64_t)t->basic_bytes;
	if (t->item_bytes && b.items < bytes)
		size += b.items * (uint64_t)t->item_bytes + 8;
	b.end = b.at + size < bytes ? b.at + size : bytes;
	/* Their length follows from a code object, and they do not store it. */
	if (t->kind == KIND_GENERATOR || t->kind == KIND_FRAME)
		b.end = bytes;
	if (t->heap)
		claim_words(r, b.at + PYTHON_OBJECT_TYPE, b.at + 16);
	if (t->head > PYTHON_GC_HEAD)
		claim_words(r, b.at - 24, b.at - 16); /* managed dict; the word before it is borrowed */
	if (t->weak_offset > 0)
		python_span_never(r, b.at + (uint64_t)t->weak_offset);
	switch (t->kind) {
	case KIND_INT:
	case KIND_BYTES: find_dict_behind(&b); break;
	case KIND_FLOAT: claim_words(r, b.at + 24, b.end); break;
	case KIND_STR: claim_words(r, b.at + (p->minor >= 12 ? 64 : 80), t->heap ? b.end : 0); break;
	case KIND_BYTEARRAY: claim_words(r, b.at + 56, b.end); break;
	case KIND_ARRAY: claim_words(r, b.at + 40, b.end); break;
	case KIND_LIST: claim_words(r, b.at + 40, b.end); break;
	case KIND_DICT: claim_words(r, b.at + 48, b.end); break;
	case KIND_TUPLE: rule_tuple(&b); break;
	case KIND_SET: rule_set(&b); break;
	case KIND_CODE:
		claim_words(r, b.at + 16, p->minor >= 11 ? b.at + p->layout->code.code : b.end);
		break;
	case KIND_WEAKREF:
		claim_words(r, b.at + 24, b.at + 32);
		claim_words(r, b.at + 56, b.end);
		break;
	case KIND_CACHE_LINK: rule_cache_link(&b); break;
	case KIND_FRAME: rule_frame(&b); break;
	case KIND_GENERATOR: rule_generator(&b); break;
	case KIND_TYPE: rule_type(&b); break;
	case KIND_MEMORYVIEW:
		claim_words(r, b.at + 16, b.end);
		python_span_never(r, b.at + MEMORYVIEW_OBJECT);
		break;
	case KIND_CONTEXT_VARIABLE:
		claim_words(r, b.at + 16, b.end);
		python_span_never(r, b.at + CONTEXT_VARIABLE_CACHE);
		break;
	case KIND_OTHER:
	case KIND_FUNCTION:
	case KIND_CELL:
	case KIND_DEQUE:
	case KIND_MODULE:
	case KIND_NDARRAY: claim_words(r, b.at + 16, b.end); break;
	}
	if (p->minor >= 13 && t->flags & TYPE_INLINE_VALUES)
		rule_inline(&b);
}

uint64_t python_values_first(struct python *p, uint32_t block)
{
	const struct python_slot *s = &p->slot[block];
	uint64_t at = p->blocks[block].address, object = python_object(p, s->owner), values;

	if (p->minor >= 13)
		return s->head + 8u;
	/* Since 3.11 a prefix comes first; instances and dicts point past it. */
	values = python_word(p, object + PYTHON_DICT_VALUES);
	if (p->types[p->slot[s->owner].type].kind != KIND_DICT)
		values = p->minor == 12 ? python_word(p, object - 24) + 1 : python_word(p, object - 32);
	return values >= at && values - at < p->blocks[block].bytes ? values - at : 0;
}

/* The first and the last block are not full. */
static void rule_deque_block(
	struct python *p, const struct python_slot *s, uint64_t at, struct python_rule *r)
{
	uint64_t deque = python_object(p, s->owner), first = 0, end = DEQUE_BLOCK_ITEMS;

	if (at == python_word(p, deque + DEQUE_LEFT))
		first = python_word(p, deque + DEQUE_LEFT_INDEX);
	if (at == python_word(p, deque + DEQUE_RIGHT))
		end = python_word(p, deque + DEQUE_RIGHT_INDEX) + 1;
	if (first < end && end <= DEQUE_BLOCK_ITEMS)
		claim_words(r, s->head + DEQUE_BLOCK_DATA + first * 8, s->head + DEQUE_BLOCK_DATA + end * 8);
}

/* Offsets of a raw block count from its data, which begin later under the debug allocator. */
void python_rules_of(struct python *p, uint32_t block, struct python_rule *r)
{
	const struct python_slot *s = &p->slot[block];
	uint64_t bytes = p->blocks[block].bytes, at = p->blocks[block].address + s->head, n;
	struct python_dict d;

	r->spans = r->nevers = 0;
	switch ((enum python_role)s->role) {
	case ROLE_OBJECT: rule_object(p, block, r); break;
	case ROLE_LIST_ITEMS:
		n = python_word(p, python_object(p, s->owner) + PYTHON_VAR_SIZE);
		if (n <= bytes / 8)
			claim_words(r, s->head, s->head + n * 8);
		break;
	case ROLE_DICT_KEYS:
		if (python_dict_keys(p, at, &d) && d.entries + d.count * d.stride <= at + bytes)
			python_span_add(r, d.entries - at + s->head,
				d.entries - at + s->head + d.count * d.stride, d.stride,
				1u << d.key / 8 | 1u << d.value / 8, false);
		break;
	case ROLE_SET_TABLE: python_span_add(r, s->head, bytes, 16, 1, false); break;
	case ROLE_DEQUE_BLOCK: rule_deque_block(p, s, at, r); break;
	case ROLE_FREE:
	case ROLE_DATA: break;
	case ROLE_DICT_VALUES: claim_words(r, python_values_first(p, block), bytes); break;
	case ROLE_OWNED:
	case ROLE_RAW: claim_words(r, 0, bytes); break;
	}
}
