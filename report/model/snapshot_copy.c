/* snapshot_copy.c - the sections of one snapshot in a new file: snapshot.h. */
#include <stdbool.h>
#include <xxhash.h>
#include "snapshot_private.h"

/* One section of the file as it is there, whatever its kind. */
static int copy_section(struct snapshot_writer *w, struct snapshot *s, const struct tide_section *t)
{
	struct snapshot_reader *r = s->private_;
	const char *data = (const char *)r->map + t->offset;

	if (t->offset > r->map_bytes || t->stored_bytes > r->map_bytes - t->offset || !t->element_bytes
		|| t->plain_bytes % t->element_bytes || (!t->encoding && t->plain_bytes != t->stored_bytes)
		|| XXH3_64bits(data, t->stored_bytes) != t->checksum)
		return -1;
	if (t->encoding && t->plain_bytes) {
		data = snapshot_read_unpacked(r, t, data);
		if (!data)
			return -1;
	}
	snapshot_writer_section(w, t->kind, t->element_bytes, data, t->plain_bytes / t->element_bytes, 0);
	return 0;
}

static bool is_among(uint32_t kind, uint64_t kinds) { return kind < 64 && kinds >> kind & 1; }

int snapshot_writer_copy(struct snapshot_writer *w, struct snapshot *s, uint64_t except, struct tide_error *e)
{
	const struct tide_section *table = NULL;
	struct snapshot_reader *r = s->private_;
	uint32_t count = 0;

	snapshot_verify(s);
	/* Each section once more, plain: an honest file has room for that. */
	r->memory_left = SNAPSHOT_MEMORY_BASE + SNAPSHOT_MEMORY_SHARE * r->map_bytes;
	if (r->map)
		table = snapshot_read_table(s, r, &count, e);
	if (s->damaged || (r->map && !table))
		return error_set(e, EXIT_UNMEASURED, "%s cannot be copied|%s|", s->path, s->damage);
	snapshot_writer_strings_from(w, s->strings, s->strings_bytes);
	for (uint32_t i = 0; i < count; i++)
		if (table[i].kind != SECTION_STRINGS && !is_among(table[i].kind, except)
			&& copy_section(w, s, &table[i]))
			return error_set(
				e, EXIT_UNMEASURED, "%s cannot be copied|a section is damaged|", s->path);
	for (uint32_t i = 0; r->writer && i < r->writer->section_count; i++) {
		const struct writer_section *from = &r->writer->sections[i];

		if (!is_among(from->kind, except))
			snapshot_writer_section(
				w, from->kind, from->element_bytes, from->data, from->count, 0);
	}
	return 0;
}
