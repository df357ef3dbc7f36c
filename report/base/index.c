/* index.c - see index.h. */
#include <stdlib.h>
#include <string.h>
#include "alloc.h"
#include "index.h"

#define INDEX_FIRST 64u /* slots of an index with its first element */

static void enter_slot(struct index *x, struct index_slot slot)
{
	uint64_t at = slot.hash & (x->capacity - 1);

	while (x->slots[at].number)
		at = (at + 1) & (x->capacity - 1);
	x->slots[at] = slot;
}

static void grow_slots(struct index *x)
{
	struct index old = *x;

	x->capacity = old.capacity ? old.capacity * 2 : INDEX_FIRST;
	x->slots = alloc_zeroed(x->capacity, sizeof(*x->slots));
	for (uint64_t i = 0; i < old.capacity; i++)
		if (old.slots[i].number)
			enter_slot(x, old.slots[i]);
	free(old.slots);
}

void index_add(struct index *x, uint64_t hash, uint32_t number)
{
	if ((x->count + 1) * 2 > x->capacity)
		grow_slots(x);
	enter_slot(x, (struct index_slot){ (uint32_t)(hash >> 32), number + 1 });
	x->count++;
}

void index_clear(struct index *x)
{
	if (x->capacity)
		memset(x->slots, 0, x->capacity * sizeof(*x->slots));
	x->count = 0;
}

void index_free(struct index *x)
{
	free(x->slots);
	*x = (struct index){ 0 };
}
