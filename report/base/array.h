/* array.h - arrays that grow.
 *
 * An array is three variables of its owner: a pointer, a capacity and a count.
 * The owner frees the pointer.
 */
#ifndef TIDEMARK_ARRAY_H
#define TIDEMARK_ARRAY_H

#include <stdint.h>
#include "alloc.h"

#define ARRAY_FIRST 16u /* elements of the first allocation */

/* Makes room for `needed` elements in all. `array` and `capacity` are lvalues, evaluated several times;
 * `capacity` may have any unsigned type, and growth beyond that type counts as memory that is not there.
 * Amortised constant time: the capacity at least doubles. */
#define ARRAY_RESERVE(array, capacity, needed)                                                               \
	do {                                                                                                 \
		uint64_t array_needed = (needed);                                                            \
                                                                                                             \
		if (array_needed > (capacity)) {                                                             \
			array_needed = array_capacity((capacity), array_needed, (__typeof__(capacity))-1);   \
			(array) = alloc_resize_array((array), array_needed, sizeof(*(array)));               \
			(capacity) = (__typeof__(capacity))array_needed;                                     \
		}                                                                                            \
	} while (0)

/* One more element at the end of `array`: a pointer to it. Its content is undefined. */
#define ARRAY_ADD(array, count, capacity)                                                                    \
	({                                                                                                   \
		ARRAY_RESERVE((array), (capacity), (uint64_t)(count) + 1);                                   \
		&(array)[(count)++];                                                                         \
	})

/* As ARRAY_ADD for an array that has no variable for its capacity, which follows from `count`:
 * ARRAY_FIRST, then each power of two above it. All elements of such an array are added by this macro. */
#define ARRAY_APPEND(array, count)                                                                           \
	({                                                                                                   \
		uint64_t array_count = (count);                                                              \
                                                                                                             \
		if (!array_count || (array_count >= ARRAY_FIRST && !(array_count & (array_count - 1))))      \
			(array) = alloc_resize_array(                                                        \
				(array), array_count ? array_count * 2 : ARRAY_FIRST, sizeof(*(array)));     \
		&(array)[(count)++];                                                                         \
	})

/* The next capacity: twice the old one, at least `needed`, at most `most`. UINT64_MAX, which no
 * allocation can satisfy, when `needed` is above `most`. */
static inline uint64_t array_capacity(uint64_t old, uint64_t needed, uint64_t most)
{
	uint64_t doubled = old > most / 2 ? most : old * 2;

	if (needed > most)
		return UINT64_MAX;
	if (doubled < ARRAY_FIRST)
		doubled = ARRAY_FIRST < most ? ARRAY_FIRST : most;
	return doubled > needed ? doubled : needed;
}

#endif
