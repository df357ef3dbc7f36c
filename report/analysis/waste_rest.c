/* waste_rest.c - sums over regions: waste_rest.h. */
#include "waste_rest.h"

bool waste_rest(const struct snapshot *s, struct waste_rest *rest)
{
	uint64_t live = s->process->live_bytes;

	*rest = (struct waste_rest){ 0 };
	for (size_t i = 0; i < s->region_count; i++) {
		uint64_t bytes = s->regions[i].resident_bytes;

		switch (s->regions[i].kind) {
		case REGION_FILE: rest->files += bytes; break;
		case REGION_STACK:
		case REGION_TLS: rest->stacks += bytes; break;
		case REGION_GLOBALS: rest->globals += bytes; break;
		case REGION_SHARED:
		case REGION_MAPPING: rest->mappings += bytes; break;
		case REGION_PROFILER: rest->profiler += bytes; break;
		default: rest->heap += bytes;
		}
	}
	rest->heap -= live < rest->heap ? live : rest->heap;
	rest->all = rest->heap + rest->files + rest->stacks + rest->globals + rest->mappings + rest->profiler;
	return s->region_count != 0;
}
