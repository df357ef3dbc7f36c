/* export_frames.c - see export_frames.h. */
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "export_frames.h"
#include "symbol/demangle.h"

uint32_t export_frames_number(struct export_frames *f, const struct symbol_line *line)
{
	uint64_t hash = index_hash((uintptr_t)line);
	size_t before = f->keys.count;
	char *key;
	uint32_t number;

	INDEX_EACH(&f->seen, hash, probe)
	if (f->line[probe.number].line == line)
		return f->line[probe.number].number;
	key = f->make_key(line);
	number = intern_text(&f->keys, key);
	free(key);
	ARRAY_RESERVE(f->first, f->capacity, f->keys.count);
	if (f->keys.count != before)
		f->first[number] = line;
	index_add(&f->seen, hash, f->lines);
	*ARRAY_ADD(f->line, f->lines, f->line_capacity) = (struct export_frames_line){ line, number };
	return number;
}

void export_frames_free(struct export_frames *f)
{
	intern_free(&f->keys);
	index_free(&f->seen);
	free(f->first);
	free(f->line);
}

char *export_frames_name(const struct symbol_line *line)
{
	size_t bytes = strlen(line->function);
	char *name;

	if (bytes <= EXPORT_NAME_BYTES || !line->plain)
		return alloc_string(line->function);
	name = alloc_bytes(bytes + 1);
	if (demangle_stable(line->function, name, bytes + 1) > EXPORT_NAME_BYTES)
		demangle_plain(line->function, name, bytes + 1);
	return name;
}
