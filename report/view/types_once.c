/* types_once.c - references that an import has lost: types_view.h.
 *
 * Many extensions keep, or forget, a reference to what they make while they are imported. It happens once in a process
 * and cannot grow, so such objects count as static and never as a leak. Where one line of a module that is being
 * imported loses many, it is a leak like any other. The same holds for what was made before the first function of Python
 * ran: its number cannot grow.
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "types_private.h"

#define IMPORT_MOST 16u /* objects of one site, and references to one, outside of the importing functions */
#define IMPORTER "<frozen importlib._bootstrap"

enum { SITE_UNKNOWN, SITE_OTHER, SITE_MODULE, SITE_IMPORTER };

static bool has_python(const struct snapshot *s, uint32_t site)
{
	uint32_t frame = s->sites[site].frame;

	for (uint32_t before = UINT32_MAX; frame && frame < s->frame_count && frame < before;
		before = frame, frame = s->frames[frame].parent)
		if (s->frames[frame].flags & FRAME_PYTHON)
			return true;
	return false;
}

/* Sites are numbered as they come: those before the first function of Python have made what the interpreter starts
 * with, such as its built-in functions. */
static uint32_t first_of_python(const struct snapshot *s)
{
	for (uint32_t site = SITE_FIRST; site < s->site_count; site++)
		if (has_python(s, site))
			return site;
	return 0;
}

/* Does this stack belong to an import? SITE_IMPORTER: the innermost function of Python is part of the import
 * machinery, which reads code or calls the function of an extension that makes the module. */
static uint8_t classify(const struct snapshot *s, uint32_t site)
{
	uint32_t frame = site < s->site_count ? s->sites[site].frame : 0;
	uint8_t kind = SITE_UNKNOWN;

	for (uint32_t before = UINT32_MAX; frame && frame < s->frame_count && frame < before;) {
		const struct tide_frame *f = &s->frames[frame];
		uint32_t code = f->flags & FRAME_PYTHON ? frame_code(f->address) : 0;

		if (code && code < s->code_count) {
			const char *file = snapshot_string(s, s->codes[code].file);
			bool importer = !strncmp(file, IMPORTER, strlen(IMPORTER));

			if (!kind)
				kind = importer ? SITE_IMPORTER : SITE_MODULE;
			if (importer && !strcmp(snapshot_string(s, s->codes[code].name), "_find_and_load"))
				return kind;
		}
		before = frame;
		frame = f->parent;
	}
	return SITE_OTHER;
}

void types_once(struct types_view *v)
{
	const struct snapshot *s = v->snapshot;
	uint32_t *excess = alloc_zeroed(s->site_count + 1, sizeof(*excess));
	uint8_t *kind = alloc_zeroed(s->site_count + 1, sizeof(*kind));
	uint32_t first = first_of_python(s);

	v->once = alloc_zeroed(s->python_object_count + 1, sizeof(*v->once));
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < s->python_object_count; i++) {
			uint32_t site = s->blocks[s->python_objects[i].block].site;

			if (!v->heap.object[i].excess || site < SITE_FIRST || site >= s->site_count)
				continue;
			if (!pass && !kind[site])
				kind[site] = site < first ? SITE_MODULE : classify(s, site);
			if (!pass)
				excess[site]++;
			else
				v->once[i] = kind[site] == SITE_IMPORTER
					|| (kind[site] == SITE_MODULE && excess[site] <= IMPORT_MOST
						&& v->heap.object[i].excess <= IMPORT_MOST);
		}
	for (size_t i = 0; i < s->python_object_count; i++)
		v->once[i] |= !!(s->python_objects[i].flags & PYTHON_STATIC);
	free(excess);
	free(kind);
}
