/* gate_errors.c - errors with memory as a gate judges them: double frees and their kin, from the judged snapshots. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "gate_private.h"
#include "print/misuse.h"
#include "symbol/site_key.h"

/* "double free of 0x55d0c2a0, allocated by make src/x.c:7" */
static char *describe(struct gate_sources *s, uint32_t process, const struct tide_misuse *e)
{
	struct gate_process *p = &s->processes[process];
	const struct snapshot *last = &p->steps[p->step_count - 1];
	char *text = misuse_text(last, e);
	struct misuse_stack stack[MISUSE_STACKS];
	size_t stacks = misuse_stacks(last, e, stack);

	for (size_t i = 0; i < stacks; i++) {
		struct gate_spot spot;
		char *longer;

		if (stack[i].site == e->free_site)
			continue;
		gate_spot_find(s, (struct gate_origin){ process, stack[i].site }, &spot);
		longer = spot.file && spot.line
			? alloc_printf(
				"%s, %s %s %s:%u", text, stack[i].label, spot.function, spot.file, spot.line)
			: alloc_printf("%s, %s %s", text, stack[i].label, spot.function);
		free(text);
		gate_spot_free(&spot);
		text = longer;
	}
	return text;
}

void gate_errors_collect(struct gate_sources *s, struct gate_measure *m)
{
	for (uint32_t i = 0; i < s->count; i++) {
		struct gate_process *p = &s->processes[i];
		const struct snapshot *last = &p->steps[p->step_count - 1];
		struct site_keys *keys =
			last->misuse_count ? site_keys_new(last, p->symbols[p->step_count - 1]) : NULL;

		for (size_t k = 0; k < last->misuse_count; k++) {
			const struct tide_misuse *e = &last->misuses[k];
			struct gate_error *to = ARRAY_ADD(m->errors, m->error_count, m->error_capacity);
			char key[SITE_KEY_TEXT];

			*to = (struct gate_error){ .message = describe(s, i, e),
				.key = alloc_string(site_key_text(site_key(keys, e->free_site), key)),
				.count = e->count,
				.origin = { i, e->free_site } };
			gate_spot_find(s, to->origin, &to->spot);
		}
		if (keys)
			site_keys_free(keys);
	}
}

char *gate_errors_of_dead(const struct snapshot *s)
{
	char *text = NULL;

	for (size_t i = 0; i < s->misuse_count; i++)
		if (s->misuses[i].flags & MISUSE_INSIDE || i + 1 == s->misuse_count) {
			struct symbols *symbols = symbols_new(s);
			char *what = misuse_text(s, &s->misuses[i]);
			const struct symbol_line *line = symbols_top(symbols, s->misuses[i].free_site);

			text = line->file ? alloc_printf(
				       "%s, by %s %s:%u", what, line->function, line->file, line->line)
					  : alloc_printf("%s, by %s", what, line->function);
			free(what);
			symbols_free(symbols);
			break;
		}
	return text;
}
