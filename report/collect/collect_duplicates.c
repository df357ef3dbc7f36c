/* collect_duplicates.c - see collect_duplicates.h.
 *
 * Sorting all digests is avoided: two bits in a table say whether a place was met once or more often.
 * Digests met more often are kept; a place that two contents share costs a few useless elements.
 */
#include <stdlib.h>
#include "base/array.h"
#include "base/index.h"
#include "collect_duplicates.h"

#define PLACES_LEAST 4096u
#define PLACES_EACH 8u /* per block */

/* Contents get numbers: the digest of a short secret could be found by trying all of them. */
static void number_contents(struct tide_duplicate *list, uint64_t count, const uint64_t *digests)
{
	struct index first = { 0 };

	for (uint64_t i = 0; i < count; i++) {
		uint64_t digest = list[i].content, hash = index_hash(digest);

		list[i].content = 0;
		INDEX_EACH(&first, hash, probe)
		if (digests[list[probe.number].block] == digest) {
			list[i].content = probe.number + 1;
			break;
		}
		if (list[i].content)
			continue;
		list[i].content = i + 1;
		index_add(&first, hash, (uint32_t)i);
	}
	index_free(&first);
}

void collect_duplicates(const uint64_t *digests, uint64_t count, struct snapshot_writer *w)
{
	uint64_t places = PLACES_LEAST, n = 0, room = 0;
	struct tide_duplicate *list = NULL;
	uint8_t *met;

	while (places < count * PLACES_EACH)
		places *= 2;
	met = alloc_zeroed(places / 4, 1);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = digests[i] & (places - 1);
		unsigned shift = at % 4 * 2, before = met[at / 4] >> shift & 3;

		if (digests[i] && before < 2)
			met[at / 4] = (uint8_t)(met[at / 4] + (1u << shift));
	}
	for (uint64_t i = 0; i < count && i < UINT32_MAX; i++) {
		uint64_t at = digests[i] & (places - 1);

		if (digests[i] && (met[at / 4] >> at % 4 * 2 & 3) > 1)
			*ARRAY_ADD(list, n, room) = (struct tide_duplicate){ digests[i], (uint32_t)i, 0 };
	}
	free(met);
	number_contents(list, n, digests);
	if (n)
		snapshot_writer_section(w, SECTION_DUPLICATES, sizeof(*list), list, n, SNAPSHOT_TAKE);
}
