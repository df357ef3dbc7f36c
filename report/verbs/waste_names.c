/* waste_names.c - ages and threads in words: waste_report.h. */
#include "base/alloc.h"
#include "waste_report.h"

const char *waste_names_age(const struct snapshot *s, uint32_t birth)
{
	const char *name = "start";

	for (size_t i = 0; i < s->mark_count && s->marks[i].birth < birth; i++)
		if (s->marks[i].kind == MARK_USER)
			name = snapshot_string(s, s->marks[i].name);
	return name;
}

const char **waste_names_threads(const struct waste_report *r, size_t arena, size_t *count)
{
	const struct snapshot *s = r->s;
	const char **names = alloc_bytes((s->thread_arena_count + 1) * sizeof(*names));

	*count = 0;
	for (size_t i = 0; i < s->thread_arena_count; i++)
		if (s->thread_arenas[i].arena == arena)
			names[(*count)++] = snapshot_string(s, s->threads[s->thread_arenas[i].thread].name);
	return names;
}
