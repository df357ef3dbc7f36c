/* waste_names.c - parts, ages and threads in words: waste_view.h. */
#include <string.h>
#include "base/alloc.h"
#include "base/path.h"
#include "waste_view.h"

static const char *const part_name[WASTE_PARTS] = {
	[WASTE_LIVE] = "live",
	[WASTE_SLACK] = "slack (rounded up)",
	[WASTE_UNTOUCHED] = "never touched",
	[WASTE_FREE_PINNED] = "free, but pinned",
	[WASTE_FREE_RETURNABLE] = "free, returnable",
	[WASTE_ALLOCATOR] = "allocator's own",
	[WASTE_STACKS] = "stacks",
	[WASTE_TLS] = "thread-local data",
	[WASTE_GLOBALS] = "global variables",
	[WASTE_FILES] = "files (code, constants)",
	[WASTE_SHARED] = "shared memory",
	[WASTE_MAPPINGS] = "other mappings",
	[WASTE_PROFILER] = "profiler overhead",
	[WASTE_UNKNOWN] = "unknown",
};

const char *waste_names_part(enum waste_part part)
{
	return part < WASTE_PARTS ? part_name[part] : "unknown";
}

const char *waste_names_type(const struct waste_view *v, uint32_t type)
{
	return type && type <= v->types.names.count ? v->types.names.text[type - 1] : NULL;
}

const char *waste_names_allocator(const struct waste_view *v)
{
	static const char *const known[] = { "jemalloc", "tcmalloc", "mimalloc" };
	const char *path = snapshot_string(v->s, v->s->process->allocator);

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strstr(path_base(path), known[i]))
			return known[i];
	return *path ? path_base(path) : "an allocator of its own";
}

const char *waste_names_age(const struct snapshot *s, uint32_t birth)
{
	const char *name = "start";

	for (size_t i = 0; i < s->mark_count && s->marks[i].birth < birth; i++)
		if (s->marks[i].kind == MARK_USER)
			name = snapshot_string(s, s->marks[i].name);
	return name;
}

const char **waste_names_threads(const struct waste_view *v, size_t arena, size_t *count)
{
	const struct snapshot *s = v->s;
	const char **names = alloc_bytes((s->thread_arena_count + 1) * sizeof(*names));

	*count = 0;
	for (size_t i = 0; i < s->thread_arena_count; i++)
		if (s->thread_arenas[i].arena == arena)
			names[(*count)++] = snapshot_string(s, s->threads[s->thread_arenas[i].thread].name);
	return names;
}
