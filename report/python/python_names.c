/* python_names.c - which module a class belongs to: python_private.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "python_private.h"

#define NAME_MOST 256u

/* The dict of a class names its module. */
static char *module_of(struct python *p, const struct python_type *t)
{
	struct python_dict d;
	char text[NAME_MOST];

	if (!python_dict_open(p, python_word(p, t->address + PYTHON_TYPE_DICT), &d))
		return NULL;
	for (uint64_t i = 0; i < d.count; i++) {
		uint64_t key, value;

		python_dict_entry(p, &d, i, &key, &value);
		if (!key || !value || !python_string(p, key, text, sizeof(text))
			|| strcmp(text, "__module__") != 0)
			continue;
		return python_string(p, value, text, sizeof(text)) ? alloc_string(text) : NULL;
	}
	return NULL;
}

void python_names(struct python *p)
{
	for (uint32_t i = 1; i < p->type_count; i++) {
		struct python_type *t = &p->types[i];
		char *module = t->heap ? module_of(p, t) : NULL;

		if (!module)
			continue;
		free(t->module);
		t->module = module;
	}
}
