/* native.c - the first words of all blocks, and what their vtables say; see native.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/intern.h"
#include "container.h"
#include "native_private.h"

#define WINDOW 65536u /* bytes read at once */
#define NEAR 4096u    /* the next block is read with this one when it is not farther away */

struct vtable {
	uint64_t address; /* point */
	uint32_t type;    /* 0: not a vtable */
};

struct native {
	struct remote *memory;
	struct snapshot_writer *writer;
	struct typing *typing;
	struct intern names; /* classes of one name in two modules are one type */
	uint32_t *number;    /* [names] in typing */
	uint32_t number_room;
	struct vtable *vtable;
	uint32_t vtable_count, vtable_room;
	struct index vtables;
};

static uint32_t add_class(struct native *n, const char *name)
{
	size_t known = n->names.count;
	uint32_t at = intern_text(&n->names, name);

	if (at == known) {
		ARRAY_RESERVE(n->number, n->number_room, (uint64_t)known + 1);
		n->number[at] = typing_add_class(n->typing, n->writer, name);
	}
	return n->number[at];
}

static uint32_t type_of_vtable(struct native *n, uint64_t address)
{
	uint64_t hash = index_hash(address);
	struct vtable *v;
	char *name;

	INDEX_EACH(&n->vtables, hash, probe)
	if (n->vtable[probe.number].address == address)
		return n->vtable[probe.number].type;
	name = vtable_class(n->memory, address);
	index_add(&n->vtables, hash, n->vtable_count);
	v = ARRAY_ADD(n->vtable, n->vtable_count, n->vtable_room);
	*v = (struct vtable){ address, name ? add_class(n, name) : 0 };
	free(name);
	return v->type;
}

/* The first word of block `i`, from a window that holds its neighbours, too. */
struct reader {
	struct remote *memory;
	const struct tide_block *blocks;
	uint64_t count, lo, hi;
	unsigned char window[WINDOW];
};

static uint64_t read_first_word(struct reader *r, uint64_t i)
{
	uint64_t at = r->blocks[i].address, end, word;

	if (at < r->lo || at + sizeof(word) > r->hi) {
		end = at + sizeof(word);
		for (uint64_t k = i + 1; k < r->count; k++) {
			uint64_t next = r->blocks[k].address + sizeof(word);

			if (next - end > NEAR || next - at > WINDOW)
				break;
			end = next;
		}
		r->lo = at;
		r->hi = end;
		remote_read(r->memory, at, r->window, end - at);
	}
	memcpy(&word, r->window + (at - r->lo), sizeof(word));
	return word;
}

void native_types(struct remote *memory, const struct references *graph, const char *program,
	struct snapshot_writer *w, struct typing *typing)
{
	const struct tide_block *blocks = graph->blocks;
	struct native n = { .memory = memory, .writer = w, .typing = typing };
	struct reader *r = alloc_zeroed(1, sizeof(*r));

	r->memory = memory;
	r->blocks = blocks;
	r->count = typing->blocks;
	for (uint64_t i = 0; i < r->count; i++) {
		uint64_t word;
		uint32_t type;

		if (typing->of[i].evidence || blocks[i].bytes < sizeof(word))
			continue;
		word = read_first_word(r, i);
		type = vtable_may_be(memory, word) ? type_of_vtable(&n, word) : 0;
		if (type)
			typing->of[i] = (struct tide_block_type){ .type = type, .evidence = EVIDENCE_VTABLE };
	}
	free(r);
	container_types(memory, graph, n.names.count > 0, program, w, typing);
	intern_free(&n.names);
	free(n.number);
	free(n.vtable);
	index_free(&n.vtables);
}
