/* count_notes.c - see count_notes.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "count_notes.h"

#define SLOTS 16u  /* of 32 bits */
#define SAMPLE 16u /* first blocks of a site, from which its columns are chosen */
#define OTHER 255u
#define MORE 254u

struct noted_site {
	uint32_t blocks, seen;
	uint32_t columns;
	uint8_t slot[COUNT_NOTES_COLUMNS];
	uint64_t first;           /* of the first column's values; the others follow */
	uint8_t (*sample)[SLOTS]; /* while seen < SAMPLE */
};

struct count_notes {
	const struct tide_block *blocks;
	uint64_t count;
	struct noted_site *site;
	uint32_t sites;
	uint8_t *value;
	uint64_t values, room;
};

struct count_notes *count_notes_new(const struct tide_block *blocks, uint64_t count)
{
	struct count_notes *n = alloc_zeroed(1, sizeof(*n));

	n->blocks = blocks;
	n->count = count;
	for (uint64_t i = 0; i < count; i++)
		if (blocks[i].site >= n->sites && blocks[i].site < UINT32_MAX / 2)
			n->sites = blocks[i].site + 1;
	n->site = alloc_zeroed((uint64_t)n->sites + 1, sizeof(*n->site));
	for (uint64_t i = 0; i < count; i++)
		if (blocks[i].site < n->sites)
			n->site[blocks[i].site].blocks++;
	return n;
}

static uint8_t is_small(const char *data, uint64_t bytes, unsigned slot)
{
	uint32_t v;

	if ((slot + 1) * 4ull > bytes)
		return OTHER;
	memcpy(&v, data + slot * 4, 4);
	return v < MORE ? (uint8_t)v : v < 65536 ? MORE : OTHER;
}

/* How likely it is that a slot counts something: positive in most, and not the same in all. 0: not. */
static unsigned is_likely(const struct noted_site *s, uint32_t rows, unsigned slot)
{
	unsigned positive = 0, differ = 0;

	for (uint32_t i = 0; i < rows; i++) {
		positive += s->sample[i][slot] > 0 && s->sample[i][slot] < MORE;
		differ += s->sample[i][slot] != s->sample[0][slot];
	}
	return positive * 4 < rows * 3 ? 0 : positive + (differ ? SAMPLE : 0);
}

static void choose_offset(struct count_notes *n, struct noted_site *s)
{
	uint32_t rows = s->seen < SAMPLE ? s->seen : SAMPLE;
	uint64_t needed;

	while (s->columns < COUNT_NOTES_COLUMNS) {
		unsigned best = SLOTS, most = 0;

		for (unsigned k = 0; k < SLOTS; k++)
			if (is_likely(s, rows, k) > most && !memchr(s->slot, (int)k, s->columns)) {
				most = is_likely(s, rows, k);
				best = k;
			}
		if (best == SLOTS)
			break;
		s->slot[s->columns++] = (uint8_t)best;
	}
	needed = (uint64_t)s->columns * s->blocks;
	s->first = n->values;
	ARRAY_RESERVE(n->value, n->room, n->values + needed);
	if (needed)
		memset(n->value + n->values, OTHER, needed);
	n->values += needed;
	for (uint32_t c = 0; c < s->columns; c++)
		for (uint32_t i = 0; i < rows; i++)
			n->value[s->first + (uint64_t)c * s->blocks + i] = s->sample[i][s->slot[c]];
	free(s->sample);
	s->sample = NULL;
}

void count_note(struct count_notes *n, uint64_t block, const char *data, uint64_t bytes)
{
	struct noted_site *s;
	uint32_t nth;

	if (block >= n->count || n->blocks[block].site >= n->sites)
		return;
	s = &n->site[n->blocks[block].site];
	nth = s->seen++;
	if (nth >= s->blocks)
		return;
	if (nth < SAMPLE) {
		if (!s->sample)
			s->sample = alloc_bytes(SAMPLE * sizeof(*s->sample));
		for (unsigned k = 0; k < SLOTS; k++)
			s->sample[nth][k] = is_small(data, bytes, k);
		if (s->seen == SAMPLE || s->seen == s->blocks)
			choose_offset(n, s);
		return;
	}
	for (uint32_t c = 0; c < s->columns; c++)
		n->value[s->first + (uint64_t)c * s->blocks + nth] = is_small(data, bytes, s->slot[c]);
}

void count_notes_write(struct count_notes *n, struct snapshot_writer *w)
{
	struct tide_count *count;
	uint64_t rows = 0;

	for (uint32_t i = 0; i < n->sites; i++)
		rows += n->site[i].columns;
	if (!rows)
		return;
	count = alloc_bytes(rows * sizeof(*count));
	rows = 0;
	for (uint32_t i = 0; i < n->sites; i++)
		for (uint32_t c = 0; c < n->site[i].columns; c++)
			count[rows++] = (struct tide_count){ i, n->site[i].slot[c] * 4u,
				n->site[i].first + (uint64_t)c * n->site[i].blocks, n->site[i].blocks };
	snapshot_writer_section(w, SECTION_COUNTS, sizeof(*count), count, rows, SNAPSHOT_TAKE);
	snapshot_writer_section(w, SECTION_COUNT_VALUES, 1, n->value, n->values, SNAPSHOT_TAKE);
	n->value = NULL;
}

void count_notes_free(struct count_notes *n)
{
	if (!n)
		return;
	for (uint32_t i = 0; i < n->sites; i++)
		free(n->site[i].sample);
	free(n->site);
	free(n->value);
	free(n);
}
