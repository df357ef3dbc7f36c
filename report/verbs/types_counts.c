/* types_counts.c - how many objects of a type are not in order, beside its live ones. */
#include "base/units.h"
#include "types_command.h"

static uint64_t count_leaked(const struct types_row *r) { return r->excess_objects; }
/* Most objects have lost one reference each: then this is the same number again. */
static uint64_t count_excess(const struct types_row *r)
{
	return r->excess_references > r->excess_objects ? r->excess_references : 0;
}
static uint64_t count_awaiting(const struct types_row *r) { return r->awaiting; }
static uint64_t count_pinned(const struct types_row *r) { return r->pinned; }

size_t types_counts(const struct types_row *sum, struct types_count counted[TYPES_COUNTS])
{
	static const struct types_count all[TYPES_COUNTS] = { { "leaked", STYLE_BAD, count_leaked },
		{ "references", STYLE_BAD, count_excess }, { "gc frees", STYLE_PLAIN, count_awaiting },
		{ "kept", STYLE_PLAIN, count_pinned } };
	size_t counts = 0;

	for (size_t i = 0; i < TYPES_COUNTS; i++)
		if (all[i].count(sum))
			counted[counts++] = all[i];
	return counts;
}

void types_counts_cells(
	struct table *t, const struct types_count *counted, size_t counts, const struct types_row *r)
{
	char text[UNITS_TEXT];

	for (size_t i = 0; i < counts; i++) {
		uint64_t n = counted[i].count(r);

		table_text(t, counted[i].style, "%s", n ? units_count(text, (int64_t)n) : "");
	}
}

void types_counts_json(struct json *j, const struct types_row *r)
{
	json_number(j, "live", (int64_t)r->live);
	json_number(j, "bytes", (int64_t)r->bytes);
	json_number(j, "reachable", (int64_t)r->reachable);
	json_number(j, "unreachable", (int64_t)r->unreachable);
	json_number(j, "excess_objects", (int64_t)r->excess_objects);
	json_number(j, "excess_references", (int64_t)r->excess_references);
	json_number(j, "unsure_objects", (int64_t)r->unsure_objects);
	json_number(j, "awaiting_gc_objects", (int64_t)r->awaiting);
	json_number(j, "pinned_objects", (int64_t)r->pinned);
	json_number(j, "native_bytes", (int64_t)r->native_bytes);
	json_number(j, "native_blocks", (int64_t)r->native_blocks);
}
