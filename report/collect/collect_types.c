/* collect_types.c - see collect_types.h. */
#include "collect_types.h"
#include "model/typing.h"
#include "native/native.h"

void collect_types(struct python *python, struct remote *memory, const struct references *graph,
	const char *program, struct snapshot_writer *w)
{
	struct typing typing;

	typing_begin(&typing, graph->block_count);
	if (python)
		python_write(python, w, &typing);
	native_types(memory, graph, program, w, &typing);
	typing_write(&typing, w);
}
