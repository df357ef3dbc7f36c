/* search.h - binary search in arrays that are sorted by one of their members, a uint64_t
 * such as an address.
 */
#ifndef TIDEMARK_SEARCH_H
#define TIDEMARK_SEARCH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How many elements have a `member` of `value` or less: the index of the first above. */
#define SEARCH_UP_TO(array, count, member, value)                                                            \
	search_up_to((array), (count), sizeof(*(array)), offsetof(__typeof__(*(array)), member), (value),    \
		0 ? &(array)->member : NULL)

/* `type`: for the compiler to see what the member is. */
static inline size_t search_up_to(
	const void *array, size_t count, size_t bytes, size_t key, uint64_t value, const uint64_t *type)
{
	size_t lo = 0, hi = count;

	(void)type;
	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;
		uint64_t at;

		memcpy(&at, (const char *)array + middle * bytes + key, sizeof(at));
		if (at <= value)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

#endif
