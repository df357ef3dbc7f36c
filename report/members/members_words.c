/* members_words.c - which bytes of an object no member has, and where containers of the C++ library lie in it; see
 * members.h.
 *
 * Headers: libstdc++ (bits/stl_vector.h, stl_deque.h, basic_string.h of GCC 5 and newer), libc++ (vector, which
 * has them in a base up to LLVM 13, deque, string). Their members have names that programs may not use.
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "members_private.h"
#include "symbol/name.h"

#define BYTES_MOST 65536u  /* of a type */
#define STEPS_MOST 200000u /* members looked at for one type, those of all elements counted */
#define KEPT_COSTS 8u      /* bytes that are drawn once, for one that is kept */
#define STRING_BYTES 32u   /* std::string of libstdc++: pointer, size, and 16 bytes of text or the capacity */
#define STRING_CAPACITY 24u /* what lies behind the capacity */
#define LLVM_STRING_BYTES 24u
#define LLVM_STRING_DEPTH 6u /* the members inside each other that lead to its pointer */

struct drawing {
	struct members *m;
	struct members_words *to;
	uint32_t room, steps;
	bool unknown; /* something has a size or members that are not known */
};

/* Takes from what may be drawn for all types together. */
static bool spend(struct drawing *d, uint64_t amount)
{
	if (amount > d->m->words_left)
		d->unknown = true;
	else
		d->m->words_left -= amount;
	return !d->unknown;
}

static void cover(struct drawing *d, uint64_t at, uint64_t bytes)
{
	uint64_t most = at < d->to->bytes ? d->to->bytes - at : 0;

	bytes = bytes < most ? bytes : most;
	if (spend(d, bytes))
		memset(d->to->unused + at, MEMBERS_USED, bytes);
}

/* The member of a name at an offset: its type; 0. */
static uint32_t find_member(struct members *m, uint32_t type, const char *name, uint64_t offset)
{
	for (uint32_t i = 0; i < m->type[type].member_count; i++) {
		const char *has = m->type[type].member[i].name;

		if (m->type[type].member[i].offset == offset && has && !strcmp(has, name))
			return members_member_type(m, type, i);
	}
	return 0;
}

static bool is_pointer(struct members *m, uint32_t type)
{
	return type && members_type_kind(m, type) == MEMBERS_POINTER;
}

static void add_header(struct drawing *d, enum members_container kind, uint64_t at, uint32_t pointer)
{
	uint32_t element = members_type_of(d->m, pointer);

	*ARRAY_ADD(d->to->header, d->to->headers, d->room) = (struct members_header){
		.offset = at, .element_bytes = element ? members_type_bytes(d->m, element) : 0, .kind = kind
	};
}

/* Of libc++, in the inline namespace that its headers give it: "std::__1::vector<". */
static bool is_llvm(struct members *m, uint32_t type, const char *class)
{
	const char *name = members_type_name(m, type), *at = name_behind_std(name);

	return at && at != name + strlen("std::") && !strncmp(at, class, strlen(class));
}

static void note_container(struct drawing *d, uint32_t type, uint64_t at)
{
	struct members *m = d->m;
	uint32_t first, iterator;

	if (is_pointer(m, first = find_member(m, type, "_M_start", 0))
		&& is_pointer(m, find_member(m, type, "_M_finish", 8))
		&& is_pointer(m, find_member(m, type, "_M_end_of_storage", 16)))
		add_header(d, MEMBERS_VECTOR, at, first);
	else if (is_pointer(m, first = find_member(m, type, "__begin_", 0))
		&& is_pointer(m, find_member(m, type, "__end_", 8))
		&& (is_llvm(m, type, "vector<") || is_llvm(m, type, "__vector_base<")))
		add_header(d, MEMBERS_VECTOR, at, first);
	else if (is_pointer(m, first = find_member(m, type, "__first_", 0))
		&& is_pointer(m, find_member(m, type, "__begin_", 8))
		&& is_pointer(m, find_member(m, type, "__end_", 16)) && is_llvm(m, type, "__split_buffer<"))
		add_header(d, MEMBERS_SPLIT_BUFFER, at, first);
	else if (is_pointer(m, find_member(m, type, "_M_map", 0))
		&& (iterator = find_member(m, type, "_M_start", 16))
		&& find_member(m, type, "_M_finish", 48) == iterator) {
		members_read(m, iterator);
		if (is_pointer(m, first = find_member(m, iterator, "_M_cur", 0))
			&& is_pointer(m, find_member(m, iterator, "_M_node", 24)))
			add_header(d, MEMBERS_DEQUE, at, first);
	}
}

static bool is_string(struct members *m, uint32_t type)
{
	return members_type_bytes(m, type) == STRING_BYTES && m->type[type].kind == MEMBERS_STRUCT
		&& !strncmp(members_type_name(m, type), "std::__cxx11::basic_string<", 27);
}

/* The offset of the pointer to a long text in a string of libc++; its size: there is none. Texts in the object itself
 * have an array of that name. */
static uint64_t find_long_text(struct drawing *d, uint32_t type, unsigned depth)
{
	struct members *m = d->m;
	uint64_t none = members_type_bytes(m, type), found;

	if (depth > LLVM_STRING_DEPTH || !type
		|| (m->type[type].kind != MEMBERS_STRUCT && m->type[type].kind != MEMBERS_UNION))
		return none;
	members_read(m, type);
	for (uint32_t i = 0; i < m->type[type].member_count && spend(d, 1); i++) {
		uint32_t of = members_member_type(m, type, i);
		const char *name = m->type[type].member[i].name;
		uint64_t at = m->type[type].member[i].offset;

		if (name && !strcmp(name, "__data_") && is_pointer(m, of))
			return at;
		if (of && (found = find_long_text(d, of, depth + 1)) < members_type_bytes(m, of))
			return at + found;
	}
	return none;
}

/* A long text has its capacity, its size and the pointer, in one order or the other; a short one lies there itself. So
 * where the pointer is not, nothing but a number or text can be. */
static void note_llvm_string(struct drawing *d, uint32_t type, uint64_t at)
{
	uint64_t pointer;

	if (members_type_bytes(d->m, type) != LLVM_STRING_BYTES || !is_llvm(d->m, type, "basic_string<"))
		return;
	pointer = find_long_text(d, type, 0);
	if (pointer >= LLVM_STRING_BYTES || pointer % 8)
		return;
	for (uint64_t i = 0; i < LLVM_STRING_BYTES; i++)
		if (i / 8 != pointer / 8)
			d->to->unused[at + i] = MEMBERS_TEXT_END;
}

static void draw_type(struct drawing *d, uint32_t type, uint64_t at, unsigned depth);

static void draw_array(struct drawing *d, uint32_t type, uint64_t at, unsigned depth)
{
	uint32_t of = members_type_of(d->m, type);
	uint64_t bytes = members_type_bytes(d->m, type), element = of ? members_type_bytes(d->m, of) : 0;

	if (!bytes || !element || members_type_kind(d->m, of) < MEMBERS_ARRAY
		|| bytes / element > BYTES_MOST / 8) {
		cover(d, at, bytes ? bytes : d->to->bytes); /* without bounds: all that follows */
		return;
	}
	for (uint64_t i = 0; i < bytes / element; i++)
		draw_type(d, of, at + i * element, depth + 1);
}

static void draw_struct(struct drawing *d, uint32_t type, uint64_t at, unsigned depth)
{
	struct members *m = d->m;
	uint64_t bytes = members_type_bytes(m, type);

	members_read(m, type);
	/* What is not said of a type may be anywhere in it. */
	if (m->type[type].partial || (!m->type[type].member_count && bytes > 1)) {
		cover(d, at, bytes);
		return;
	}
	note_container(d, type, at);
	for (uint32_t i = 0; i < m->type[type].member_count; i++) {
		uint32_t of = members_member_type(m, type, i);

		if (!m->type[type].member[i].sure || !of) {
			cover(d, at, bytes);
			return;
		}
		draw_type(d, of, at + m->type[type].member[i].offset, depth + 1);
	}
	if (is_string(m, type))
		memset(d->to->unused + at + STRING_CAPACITY, MEMBERS_TEXT_END,
			STRING_BYTES - STRING_CAPACITY);
	note_llvm_string(d, type, at);
}

static void draw_type(struct drawing *d, uint32_t type, uint64_t at, unsigned depth)
{
	uint64_t bytes = members_type_bytes(d->m, type);

	if (!spend(d, 1) || depth > MEMBERS_PEEL || d->steps++ > STEPS_MOST || at > d->to->bytes
		|| (members_type_kind(d->m, type) != MEMBERS_ARRAY && bytes > d->to->bytes - at)) {
		d->unknown = true;
		return;
	}
	switch (members_type_kind(d->m, type)) {
	case MEMBERS_STRUCT: draw_struct(d, type, at, depth); break;
	case MEMBERS_ARRAY: draw_array(d, type, at, depth); break;
	default: d->unknown |= !bytes; cover(d, at, bytes); /* of a union all that it may have */
	}
}

static struct members_words *draw(struct members *m, uint32_t type)
{
	uint64_t bytes = members_type_bytes(m, type);
	struct members_words *w = alloc_zeroed(1, sizeof(*w));
	struct drawing d = { .m = m, .to = w };
	enum members_kind kind = members_type_kind(m, type);

	if (!bytes || bytes > BYTES_MOST || (kind != MEMBERS_STRUCT && kind != MEMBERS_ARRAY)
		|| !strcmp(members_type_language(m, type), "rust") || !spend(&d, bytes * KEPT_COSTS))
		return w;
	w->bytes = bytes;
	w->unused = alloc_bytes(bytes);
	memset(w->unused, MEMBERS_PADDING, bytes);
	draw_type(&d, type, 0, 0);
	if (d.unknown) {
		members_words_free(w);
		return alloc_zeroed(1, sizeof(*w));
	}
	w->all_used = !w->headers && !memchr(w->unused, MEMBERS_PADDING, bytes)
		&& !memchr(w->unused, MEMBERS_TEXT_END, bytes);
	return w;
}

const struct members_words *members_words(struct members *m, uint32_t type)
{
	struct members_words *w;

	if (m->words_room < m->type_count) {
		m->words = alloc_resize(m->words, m->type_count * sizeof(struct members_words *));
		memset(m->words + m->words_room, 0, (m->type_count - m->words_room) * sizeof(*m->words));
		m->words_room = m->type_count;
	}
	if (!m->words[type]) {
		w = draw(m, type);
		m->words[type] = w;
	}
	return m->words[type]->bytes ? m->words[type] : NULL;
}

enum members_use members_word_use(const struct members_words *w, uint64_t offset)
{
	for (uint64_t i = offset; i < offset + 8 && i < w->bytes; i++)
		if (w->unused[i])
			return (enum members_use)w->unused[i];
	return MEMBERS_USED;
}
