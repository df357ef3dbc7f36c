/* gate_suppress.c - see gate_suppress.h. */
#include "base/alloc.h"
#include "base/array.h"
#include "gate_suppress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One rule in Valgrind's notation, which suppress.h reads: any frames, then the one that matches. */
static int add_rule(struct suppress *s, const char *name, const char *frame, const char *before,
	const char *glob, const char *after, struct tide_error *e)
{
	char *text = alloc_printf("{\n%s\nMemcheck:Leak\nmatch-leak-kinds: all\n...\n%s:%s%s%s\n}\n",
		*name == '}' || *name == '#' ? "suppression" : name, frame, before, glob, after);
	int result = suppress_parse(s, "gate file", text, strlen(text), e);

	free(text);
	return result;
}

static int add_pattern(
	struct suppress *s, const char *name, const struct gate_pattern *p, struct tide_error *e)
{
	const char *frame = p->kind == PATTERN_FUNCTION ? "fun" : p->kind == PATTERN_FILE ? "src" : "obj";

	if (add_rule(s, name, frame, "", p->glob, "", e))
		return -1;
	if (p->kind == PATTERN_FUNCTION) /* C++ names carry their parameters */
		return strchr(p->glob, '(') ? 0 : add_rule(s, name, frame, "", p->glob, "(*", e);
	return *p->glob == '/' ? 0 : add_rule(s, name, frame, "*/", p->glob, "", e);
}

static void set_owner(struct gate_rules *r, int owner)
{
	while (r->owner_count < r->suppress->count)
		*ARRAY_APPEND(r->owner, r->owner_count) = owner;
}

int gate_rules_make(struct gate_rules *r, const struct gate_config *c, uint32_t today,
	const char *const *files, size_t file_count, struct tide_error *e)
{
	*r = (struct gate_rules){ .suppress = suppress_new() };
	r->used = alloc_zeroed(c->suppression_count + 1, sizeof *r->used);
	set_owner(r, GATE_BUILT_IN);
	for (size_t i = 0; i < c->suppression_count; i++) {
		const struct gate_suppression *s = &c->suppressions[i];

		if (s->until && today >= s->until)
			continue;
		for (size_t k = 0; k < s->pattern_count; k++)
			if (add_pattern(r->suppress, s->name, &s->patterns[k], e))
				goto failed;
		for (size_t k = 0; k < s->import_count; k++)
			if (suppress_read(r->suppress, s->imports[k], e))
				goto failed;
		set_owner(r, (int)i);
	}
	for (size_t i = 0; i < file_count; i++) {
		if (suppress_read(r->suppress, files[i], e))
			goto failed;
		set_owner(r, (int)(c->suppression_count + i));
	}
	return 0;
failed:
	e->code = EXIT_USAGE;
	gate_rules_free(r);
	return -1;
}

void gate_rules_free(struct gate_rules *r)
{
	if (r->suppress)
		suppress_free(r->suppress);
	free(r->owner), free(r->used);
	memset(r, 0, sizeof *r);
}
