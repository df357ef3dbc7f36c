/* roots_kernel.c - roots that the kernel holds: roots_private.h. */
#include <string.h>
#include "roots_private.h"

static void doubt_rings(struct roots *r)
{
	bool mapped = false;

	for (size_t i = 0; i < r->memory->mapping_count && !mapped; i++)
		mapped = !strcmp(r->memory->mappings[i].path, "anon_inode:[io_uring]");
	if (r->kernel->rings_reused)
		roots_doubt(r, "io_uring is at work on %llu request%s: what only these hold is not known",
			(unsigned long long)r->kernel->ring_requests,
			r->kernel->ring_requests == 1 ? "" : "s");
	else if (r->kernel->rings_silent || (mapped && !r->kernel->rings))
		roots_doubt(r, "io_uring does not say which requests it is working on");
}

void roots_kernel(struct roots *r)
{
	struct tide_root root = { .kind = ROOT_KERNEL, .thread = UINT32_MAX };
	const char *last = NULL;
	uint32_t number = 0;

	if (!r->kernel)
		return;
	if (r->kernel->refused)
		roots_doubt(r, "the descriptors of the process could not be listed");
	doubt_rings(r);
	for (size_t i = 0; i < r->kernel->count; i++) {
		const struct kernel_word *w = &r->kernel->words[i];

		if (scan_block(r->scan, w->word & ~r->scan->mask) == SCAN_NONE)
			continue;
		if (!last || strcmp(last, w->name))
			number = roots_add(r, &root, w->name);
		last = w->name;
		roots_word(r, number, i, w->word);
	}
}
