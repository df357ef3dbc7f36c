/* symbol_module_share.c - modules that several struct symbols have open; see symbol_module.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "symbol_module.h"

/* Files that are open for any struct symbols: the two sides of a comparison
 * read the debug information of a program once. */
struct open_module {
	struct open_module *next;
	struct symbol_module *module;
	char *path, *build_id;
	unsigned users;
};
static struct open_module *open_modules;

struct symbol_module *symbol_module_share(const char *path, const char *build_id)
{
	struct open_module *o;

	for (o = open_modules; o; o = o->next)
		if (!strcmp(o->path, path) && !strcmp(o->build_id, build_id))
			break;
	if (!o) {
		o = alloc_zeroed(1, sizeof(*o));
		*o = (struct open_module){ open_modules, symbol_module_open(path, build_id),
			alloc_string(path), alloc_string(build_id), 0 };
		open_modules = o;
	}
	o->users++;
	return o->module;
}

void symbol_module_release(struct symbol_module *m)
{
	struct open_module **at = &open_modules, *o;

	while ((*at)->module != m)
		at = &(*at)->next;
	o = *at;
	if (--o->users)
		return;
	*at = o->next;
	symbol_module_close(m);
	free(o->path);
	free(o->build_id);
	free(o);
}
