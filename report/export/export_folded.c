/* export_folded.c - "root;caller;leaf 1234", as flamegraph.pl and its kin read it.
 * Equal stacks are one line; lines are sorted. A comparison has two numbers a line, the old
 * one first, as difffolded.pl writes them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "export.h"
#include "export_folded.h"

char *export_folded_name(const struct symbol_line *line)
{
	char *name = export_frames_name(line);

	for (char *at = name; (at = strchr(at, ';')) != NULL;)
		*at = ':';
	text_clean(name);
	return name;
}

char *export_folded_stack(struct export_frames *names, const struct export_stack *stack)
{
	size_t bytes = 1;
	char *text, *to;

	for (size_t i = 0; i < stack->lines; i++) {
		uint32_t name = export_frames_number(names, stack->line[i]);

		bytes += strlen(names->keys.text[name]) + 1;
	}
	to = text = alloc_bytes(bytes);
	*to = '\0';
	for (size_t i = stack->lines; i-- > 0;) {
		uint32_t name = export_frames_number(names, stack->line[i]);

		to = stpcpy(to, names->keys.text[name]);
		if (i)
			to = stpcpy(to, ";");
	}
	return text;
}

struct folded {
	char *stack;
	int64_t value, old;
};

static int compare_stacks(const void *x, const void *y)
{
	return strcmp(((const struct folded *)x)->stack, ((const struct folded *)y)->stack);
}

static size_t add_stacks(const struct export *x, bool old, struct export_frames *names, struct folded *list)
{
	struct export_stack stack = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < x->count; i++) {
		int64_t value = x->site[i].of[x->measure];

		if (!value)
			continue;
		export_stack(&stack, &x->site[i]);
		list[count++] = (struct folded){ export_folded_stack(names, &stack), old ? 0 : value,
			old ? value : 0 };
	}
	export_stack_free(&stack);
	return count;
}

int export_folded(const struct export *x, FILE *out, struct tide_error *e)
{
	struct folded *list = alloc_bytes((x->count + (x->base ? x->base->count : 0) + 1) * sizeof(*list));
	struct export_frames names = EXPORT_FOLDED_NAMES;
	size_t count = add_stacks(x, false, &names, list);

	(void)e;
	if (x->base)
		count += add_stacks(x->base, true, &names, list + count);
	if (count)
		qsort(list, count, sizeof(*list), compare_stacks);
	for (size_t i = 0, next; i < count; i = next) {
		int64_t value = 0, old = 0;

		for (next = i; next < count && !strcmp(list[next].stack, list[i].stack); next++) {
			value += list[next].value;
			old += list[next].old;
		}
		if (x->base)
			fprintf(out, "%s %lld %lld\n", list[i].stack, (long long)old, (long long)value);
		else if (value)
			fprintf(out, "%s %lld\n", list[i].stack, (long long)value);
	}
	for (size_t i = 0; i < count; i++)
		free(list[i].stack);
	free(list);
	export_frames_free(&names);
	return 0;
}
