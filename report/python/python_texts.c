/* python_texts.c - the content of strings and the values of numbers, for the snapshot: python_private.h.
 *
 * Strings of equal content share one text: its hash, its length, and its first characters.
 */
#define XXH_STATIC_LINKING_ONLY /* XXH3_state_t by value */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/alloc.h"
#include "base/array.h"
#include "python_private.h"

#define PIECE 4096u
#define SHOWN 80u /* characters of a text that are kept */
#define SHOWN_BYTES (SHOWN * 4 + 6)
#define TEXT_BYTES_MOST (256ull << 20) /* of all texts: those beyond it are counted but not kept */
#define DIGIT_BITS 30u

struct texts {
	struct python *p;
	struct snapshot_writer *writer;
	struct tide_python_text *text;
	uint64_t count, room, bytes;
	struct index index;
};

static uint64_t hash_content(struct python *p, uint64_t data, uint64_t bytes)
{
	XXH3_state_t state;
	char piece[PIECE];

	XXH3_64bits_reset(&state);
	while (bytes) {
		uint64_t n = bytes < PIECE ? bytes : PIECE;

		if (python_exhausted(p))
			break;
		python_read(p, data, piece, n);
		XXH3_64bits_update(&state, piece, n);
		data += n;
		bytes -= n;
	}
	return XXH3_64bits_digest(&state);
}

static uint32_t add_text(struct texts *t, struct tide_python_text *text, const char *shown)
{
	uint64_t key = text->hash ^ index_hash(text->length << 1 | text->flags);

	INDEX_EACH(&t->index, index_hash(key), probe)
	{
		const struct tide_python_text *k = &t->text[probe.number];

		if (k->hash == text->hash && k->length == text->length && k->flags == text->flags)
			return probe.number;
	}
	t->bytes += strlen(shown);
	if (t->bytes <= TEXT_BYTES_MOST && !t->p->no_contents)
		text->text = snapshot_writer_string(t->writer, shown);
	*ARRAY_ADD(t->text, t->count, t->room) = *text;
	index_add(&t->index, index_hash(key), (uint32_t)t->count - 1);
	return (uint32_t)t->count - 1;
}

static void read_str(struct texts *t, uint64_t object, uint64_t room, struct tide_python_object *o)
{
	struct tide_python_text text = { .flags = 0 };
	char shown[SHOWN_BYTES];
	uint64_t data, length;
	unsigned width;

	if (python_string_state(t->p, object))
		o->flags |= PYTHON_INTERNED;
	/* A string longer than its block has its data elsewhere, or its length is wrong. */
	if (!python_string_data(t->p, object, &data, &length, &width)
		|| (data > object && data < object + room && length * width > room))
		return;
	if (length * width > room) {
		uint32_t block = python_block_at(t->p, data);

		if (block == PYTHON_NONE || t->p->blocks[block].bytes < length * width)
			return;
	}
	python_string(t->p, object, shown, sizeof(shown));
	text.length = length;
	text.hash = hash_content(t->p, data, length * width) + width;
	o->value = add_text(t, &text, shown);
	o->flags |= PYTHON_VALUE_TEXT;
}

/* Bytes as UTF-8 text, each byte a character. */
static void read_bytes(struct texts *t, uint64_t object, uint64_t room, struct tide_python_object *o)
{
	struct tide_python_text text = { .flags = PYTHON_TEXT_BYTES };
	uint64_t length = python_word(t->p, object + PYTHON_VAR_SIZE), at = 0;
	char shown[SHOWN_BYTES];

	if (length > room)
		return;
	for (uint64_t i = 0; i < length && i < SHOWN; i++) {
		unsigned char c = python_byte(t->p, object + PYTHON_BYTES_DATA + i);

		if (c >= 0x80 || !c) {
			shown[at++] = (char)(0xc0 | c >> 6);
			shown[at++] = (char)(0x80 | (c & 63));
		} else {
			shown[at++] = (char)c;
		}
	}
	shown[at] = '\0';
	text.length = length;
	text.hash = hash_content(t->p, object + PYTHON_BYTES_DATA, length);
	o->value = add_text(t, &text, shown);
	o->flags |= PYTHON_VALUE_TEXT;
}

/* Up to two digits of 30 bits. */
static void read_int(struct python *p, uint64_t object, struct tide_python_object *o)
{
	int64_t size = (int64_t)python_word(p, object + PYTHON_VAR_SIZE), value = 0;
	bool negative = p->minor >= 12 ? (size & 3) == 2 : size < 0;
	uint64_t digits = p->minor >= 12 ? (uint64_t)size >> 3 : (uint64_t)(size < 0 ? -size : size);

	if (p->minor >= 12 && (size & 3) == 1)
		digits = 0;
	if (digits > 2)
		return;
	for (uint64_t i = digits; i > 0; i--)
		value = value << DIGIT_BITS | python_u32(p, object + PYTHON_LONG_DIGITS + (i - 1) * 4);
	o->value = (uint64_t)(negative ? -value : value);
	o->flags |= PYTHON_VALUE_INT;
	if (p->minor <= 11 && (int64_t)o->value >= -5 && (int64_t)o->value <= 256)
		o->flags |= PYTHON_STATIC;
}

void python_values_write(
	struct python *p, struct tide_python_object *objects, uint64_t count, struct snapshot_writer *w)
{
	struct texts t = { .p = p, .writer = w };

	for (uint64_t i = 0; i < count; i++) {
		struct tide_python_object *o = &objects[i];
		uint64_t object = python_object(p, o->block), room = p->blocks[o->block].bytes;

		switch (p->types[p->slot[o->block].type].kind) {
		case KIND_STR: read_str(&t, object, room, o); break;
		case KIND_BYTES: read_bytes(&t, object, room, o); break;
		case KIND_INT: read_int(p, object, o); break;
		case KIND_FLOAT:
			o->value = python_word(p, object + PYTHON_FLOAT_VALUE);
			o->flags |= PYTHON_VALUE_FLOAT;
			break;
		default: break;
		}
		if (p->no_contents && o->flags & (PYTHON_VALUE_INT | PYTHON_VALUE_FLOAT)) {
			o->flags &= ~(PYTHON_VALUE_INT | PYTHON_VALUE_FLOAT);
			o->value = 0;
		}
	}
	/* The hash of a short secret could be found by trying all of them. */
	for (uint64_t i = 0; i < t.count; i++)
		t.text[i].hash = i + 1;
	snapshot_writer_section(w, SECTION_TEXTS, sizeof(*t.text), t.text, t.count, SNAPSHOT_TAKE);
	index_free(&t.index);
}
