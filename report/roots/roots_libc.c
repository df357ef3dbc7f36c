/* roots_libc.c - what libc and the loader say of threads and thread-local data: roots_private.h.
 *
 * Up to glibc 2.33 the tables for debuggers (nptl_db) and all that they describe are in libpthread,
 * which a program without threads does not load; from 2.34 on they are in libc.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/path.h"
#include "roots_private.h"

#define MODULES_MAX 65536u

/* Where the tables are: a module of the process, or a file next to libc, which is not loaded. */
struct tables {
	struct symbol_module *symbols;
	struct roots_module *loaded; /* NULL: only the file is there */
};

/* The value of a table by its symbol: descriptors are {bits, elements, offset}, sizes are one number. */
static uint64_t read_value(struct roots *r, const struct tables *t, const char *name, unsigned field)
{
	uint64_t address, bytes;
	uint32_t value[3] = { 0 };

	if (!symbol_module_find(t->symbols, name, &address, &bytes))
		return 0;
	if (bytes > sizeof value)
		bytes = sizeof value;
	if (t->loaded)
		remote_read(r->memory, t->loaded->bias + address, value, bytes);
	else if (!symbol_module_data(t->symbols, address, value, bytes))
		return 0;
	return value[field];
}

/* The address of a variable in the process, or 0. */
static uint64_t find_variable_at(const struct tables *t, const char *name)
{
	uint64_t address;

	if (!t->loaded || !symbol_module_find(t->symbols, name, &address, NULL))
		return 0;
	return t->loaded->bias + address;
}

static bool has_tables(struct symbol_module *symbols)
{
	return symbol_module_find(symbols, "_thread_db_sizeof_pthread", NULL, NULL);
}

static struct tables find_tables(struct roots *r, struct roots_module *libc)
{
	struct tables t = { roots_symbols(libc), libc };
	char *path;

	if (has_tables(t.symbols))
		return t;
	for (size_t i = 0; i < r->module_count; i++)
		if (r->modules[i].threads)
			return (struct tables){ roots_symbols(&r->modules[i]), &r->modules[i] };
	path = alloc_printf("%.*slibpthread.so.0", (int)(path_base(libc->path) - libc->path), libc->path);
	t = (struct tables){ r->libc.beside = symbol_module_open(path, ""), NULL };
	free(path);
	return t;
}

static void read_tables(struct roots *r, struct roots_module *libc)
{
	struct tables t = find_tables(r, libc);
	struct roots_libc *c = &r->libc;

	c->sizeof_pthread = read_value(r, &t, "_thread_db_sizeof_pthread", 0);
	c->tid = read_value(r, &t, "_thread_db_pthread_tid", 2);
	c->list = read_value(r, &t, "_thread_db_pthread_list", 2);
	c->dtv = read_value(r, &t, "_thread_db_pthread_dtvp", 2);
	c->specific = read_value(r, &t, "_thread_db_pthread_specific", 2);
	c->start_routine = read_value(r, &t, "_thread_db_pthread_start_routine", 2);
	c->cancelhandling = read_value(r, &t, "_thread_db_pthread_cancelhandling", 2);
	c->link_tls_offset = read_value(r, &t, "_thread_db_link_map_l_tls_offset", 2);
	c->link_tls_module = read_value(r, &t, "_thread_db_link_map_l_tls_modid", 2);
	c->stack_used = read_value(r, &t, "_thread_db_rtld_global__dl_stack_used", 2);
	c->stack_user = read_value(r, &t, "_thread_db_rtld_global__dl_stack_user", 2);
	c->keys = find_variable_at(&t, "__pthread_keys");
	c->lists_in_loader = c->stack_used && c->stack_user;
	if (!c->lists_in_loader) {
		c->stack_used = find_variable_at(&t, "stack_used");
		c->stack_user = find_variable_at(&t, "__stack_user");
		c->stack_cache = find_variable_at(&t, "stack_cache");
	}
	if (c->sizeof_pthread < 512 || c->sizeof_pthread > 1 << 16 || !c->tid || !c->list)
		roots_doubt(r, "libc does not say where its thread descriptors are");
}

/* From glibc 2.34 on, the three lists follow each other in a variable of the loader. */
static void find_lists(struct roots *r, struct roots_module *loader)
{
	const struct tables t = { roots_symbols(loader), loader };
	struct roots_libc *c = &r->libc;
	uint64_t global = find_variable_at(&t, "_rtld_global");

	if (!global || !c->lists_in_loader)
		return;
	c->stack_used += global;
	c->stack_user += global;
	c->stack_cache = c->stack_user + 16;
}

/* The loader's list of modules gives the place of each one's static TLS, and
 * shows where its first heap is: the list itself lies there. */
static void read_links(struct roots *r, struct roots_module *loader)
{
	const struct tables t = { roots_symbols(loader), loader };
	uint64_t debug = find_variable_at(&t, "_r_debug"), link = 0, page = 0;
	struct roots_libc *c = &r->libc;

	if (!debug || !remote_word(r->memory, debug + 8, &link)) {
		roots_doubt(r, "the loader's list of modules was not found");
		return;
	}
	for (unsigned n = 0; link && n < MODULES_MAX; n++) {
		const struct remote_mapping *p = remote_mapping_at(r->memory, link);
		uint64_t words[5], offset = 0;
		struct roots_module *m;

		if (remote_read(r->memory, link, words, sizeof words) != sizeof words)
			break;
		m = roots_module_at(r, words[2]); /* l_ld: its dynamic section */
		if (m && c->link_tls_module)
			remote_word(r->memory, link + c->link_tls_module, &m->tls_module);
		if (m && c->link_tls_offset && remote_word(r->memory, link + c->link_tls_offset, &offset)
			&& offset > 0 && offset < 1 << 24) {
			m->tls_offset = offset;
			if (offset > c->static_tls)
				c->static_tls = offset;
		}
		if (p && p->lo != page && !p->path[0] && scan_block(r->scan, link) == SCAN_NONE) {
			page = p->lo;
			roots_claim(r, p->lo, p->hi, CLAIM_LOADER, ROOT_GLOBAL, 0,
				(uint32_t)(loader - r->modules));
		}
		link = words[3];
	}
}

void roots_libc(struct roots *r)
{
	struct roots_module *loader = NULL;

	for (size_t i = 0; i < r->module_count; i++) {
		if (r->modules[i].libc)
			read_tables(r, &r->modules[i]);
		if (r->modules[i].loader)
			loader = &r->modules[i];
	}
	if (!loader && !roots_has_libc(r))
		return; /* a static program, which collect/foreign.c says */
	if (!loader) {
		roots_doubt(r, "the loader was not found");
		return;
	}
	find_lists(r, loader);
	read_links(r, loader);
}
