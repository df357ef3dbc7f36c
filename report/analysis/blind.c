/* blind.c - see blind.h. */
#include "blind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/path.h"
#include "base/units.h"
#include "symbol/elf_probe.h"

/* Below this share of a process's memory, and from this much memory on, a heap is next to nothing. The share of
 * interpreters with heaps of their own is 15 % and more. */
#define SEEN_PART 20u
#define MEMORY_LEAST ((uint64_t)8 << 20)
/* More than the loader and libc take for a program that allocates nothing. */
#define MEMORY_WITHOUT ((uint64_t)1 << 20)

/* Resident memory that allocators may have taken: private, anonymous or of a program's data, no stack.
 * *heap: some of it is the heap of brk(2). */
static uint64_t count_anonymous(const struct snapshot *s, bool *heap)
{
	uint64_t sum = 0;

	*heap = false;

	for (size_t i = 0; i < s->mapping_count; i++) {
		const struct tide_mapping *m = &s->mappings[i];
		const char *name = snapshot_string(s, m->name);

		if ((m->flags & (MAPPING_WRITE | MAPPING_SHARED)) == MAPPING_WRITE
			&& (!*name || !strcmp(name, "[heap]") || !strncmp(name, "[anon", 5)))
			sum += m->rss_bytes;
		*heap |= m->rss_bytes && !strcmp(name, "[heap]");
	}
	return sum > s->process->own_bytes ? sum - s->process->own_bytes : 0;
}

static bool is_same_build(const struct snapshot *s, const char *path, const char *build_id)
{
	for (size_t i = 0; i < s->module_count; i++)
		if (!strcmp(snapshot_string(s, s->modules[i].path), path)) {
			const char *id = snapshot_string(s, s->modules[i].build_id);

			return !*id || !*build_id || !strcmp(id, build_id);
		}
	return true;
}

/* An allocator inside the program's file whose functions have other names than malloc. To free; NULL. */
static char *explain_file(const struct snapshot *s)
{
	const char *path = snapshot_string(s, s->process->exe);
	struct elf_probe p;
	char *why = NULL;

	if (*path != '/')
		return NULL;
	elf_probe_file(path, &p);
	if (p.elf && is_same_build(s, path, p.build_id)) {
		if (p.go)
			why = alloc_printf("%s is written in Go, whose heap is its own", path_base(path));
		else if (p.inner_allocator)
			why = alloc_printf("%s has %s linked inside, whose own functions are not seen",
				path_base(path), p.inner_allocator);
	}
	elf_probe_free(&p);
	return why;
}

/* A sampled run of which few bytes are enough for no sample at all. */
static bool is_thin(const struct snapshot *s)
{
	return s->process->sample_bytes && (s->process->flags & PROCESS_WALKED || !s->block_count);
}

char *blind_own_malloc(const struct snapshot *s)
{
	const char *exe = snapshot_string(s, s->process->exe),
		   *allocator = snapshot_string(s, s->process->allocator);

	if (!(s->process->flags & PROCESS_OWN_MALLOC))
		return NULL;
	if (!*allocator || !strcmp(allocator, exe) || !strncmp(path_base(allocator), "libc.so", 7))
		return alloc_printf("%s (pid %d) has an allocator of its own, whose calls are not seen",
			path_base(exe), s->process->pid);
	return alloc_printf(
		"%s (pid %d) allocates with %s, which was loaded before libtidemark.so, so that its "
		"calls are not seen; name libtidemark.so first in LD_PRELOAD",
		path_base(exe), s->process->pid, path_base(allocator));
}

char *blind_explain(const struct snapshot *s)
{
	const struct tide_process *p = s->process;
	const char *name = path_base(snapshot_string(s, p->exe));
	uint64_t memory;
	bool heap;
	char *why;

	why = blind_own_malloc(s);
	if (why)
		return why;
	why = explain_file(s);
	if (why)
		return why;
	memory = count_anonymous(s, &heap);
	/* A forked process knows the blocks that it inherited. */
	if (!p->total_blocks && !p->live_blocks && !(p->flags & PROCESS_FORKED) && !is_thin(s)
		&& (heap || memory >= MEMORY_WITHOUT))
		return alloc_printf(
			"no allocation of %s (pid %d) was seen, though it has memory", name, p->pid);
	if (memory >= MEMORY_LEAST && p->peak_bytes < memory / SEEN_PART) {
		char seen[UNITS_TEXT], all[UNITS_TEXT];

		return alloc_printf(
			"of %s memory of %s (pid %d) only %s was seen: it takes the rest from the "
			"kernel itself",
			units_bytes(all, (int64_t)memory), name, p->pid,
			units_bytes(seen, (int64_t)p->peak_bytes));
	}
	return NULL;
}
