/* Objects that count their references in a word of their own. Forty are held
 * and their counts are right; three were taken once too often, and stay behind
 * when their last real reference goes.
 *
 * cases: leak fixed
 * truth[leak]: unreferenced blocks=3 bytes=144 site=object_new
 */
#include "truth.h"

struct object { long count; char payload[40]; };
struct object *table[40];

static NOINLINE struct object *object_new(void)
{
	struct object *o = calloc(1, sizeof(*o));
	HIDE(o);
	o->count = 1;
	return o;
}

static void object_put(struct object *o)
{
	if (--o->count == 0)
		free(o);
}

static void scenario(void)
{
	for (int i = 0; i < 40; i++)
		table[i] = object_new();
	for (int i = 0; i < 3; i++) {
		struct object *o = object_new();
		if (!is_case("fixed"))
			o->count++;
		object_put(o);
	}
}
