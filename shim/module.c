/* module.c - see module.h. */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include "birth.h"
#include "lock.h"
#include "module.h"
#include "note.h"
#include "raw.h"
#include "rule.h"
#include "site.h"
#include "store.h"
#include "text.h"

static const char *exe_path;
static uint32_t latest;
static struct lock close_lock;

/* Build id from the notes in memory; 0 bytes when there is none. */
static void read_build_id(const struct dl_find_object *o, struct ledger_module *m)
{
	const ElfW(Ehdr) *e = o->dlfo_map_start;
	size_t bytes = (size_t)((char *)o->dlfo_map_end - (char *)o->dlfo_map_start);
	if (bytes < sizeof *e || memcmp(e->e_ident, ELFMAG, SELFMAG) != 0
	    || e->e_phoff + (uint64_t)e->e_phnum * sizeof(ElfW(Phdr)) > bytes)
		return;
	const ElfW(Phdr) *p = (const void *)((const char *)e + e->e_phoff);
	for (unsigned i = 0; i < e->e_phnum; i++) {
		if (p[i].p_type != PT_NOTE)
			continue;
		const char *at = (const char *)(m->bias + p[i].p_vaddr), *end = at + p[i].p_memsz;
		if (at < (const char *)o->dlfo_map_start || end > (const char *)o->dlfo_map_end)
			continue;
		const uint8_t *id = note_build_id((const uint8_t *)at, (size_t)(end - at), sizeof m->build_id,
			&m->build_id_bytes);
		if (id) {
			memcpy(m->build_id, id, m->build_id_bytes);
			return;
		}
	}
}

/* The loader keeps a library's name as dlopen was given it. A relative one is
 * completed with the folder of now: the closest that can be known. */
static uint32_t store_path_of(const char *name)
{
	char path[4096], *at = path, *end = path + sizeof path;
	bool folder = false;
	for (const char *c = name; *c && !folder; c++)
		folder = *c == '/';
	if (name[0] == '/' || !folder || state.no_syscalls)
		return store_string(name);
	long n = raw2(SYS_getcwd, path, sizeof path);
	if (n <= 0)
		return store_string(name);
	at += n - 1;
	text_append(&at, end, "/");
	text_append(&at, end, name[0] == '.' && name[1] == '/' ? name + 2 : name);
	return store_string(path);
}

static uint32_t module_add(const struct dl_find_object *o)
{
	struct ledger_table *t = &state.ledger->table[LEDGER_MODULES];
	uint64_t index = t->count;
	if (index > UINT16_MAX || !store_reserve(LEDGER_MODULES, index + 1)) {
		missed_add(MISSED_MODULES_FULL, 1);
		return 0;
	}
	struct ledger_module *m = (struct ledger_module *)ledger_at(LEDGER_MODULES) + index;
	const struct link_map *l = o->dlfo_link_map;
	*m = (struct ledger_module){
		.lo = (uintptr_t)o->dlfo_map_start, .hi = (uintptr_t)o->dlfo_map_end,
		.bias = l->l_addr, .opened = birth_now(),
	};
	if (!l->l_name || !l->l_name[0]) {
		m->path = store_string(exe_path);
		m->flags = LEDGER_MODULE_MAIN;
	} else {
		m->path = store_path_of(l->l_name);
		if (strncmp(l->l_name, "linux-vdso", 10) == 0)
			m->flags = LEDGER_MODULE_VDSO;
	}
	if (m->lo == state.lo)
		m->flags |= LEDGER_MODULE_SHIM;
	read_build_id(o, m);
	__atomic_store_n(&t->count, index + 1, __ATOMIC_RELEASE);
	return (uint32_t)index;
}

uint32_t module_find(uintptr_t address)
{
	const struct ledger_module *m = ledger_at(LEDGER_MODULES);
	uint64_t count = state.ledger->table[LEDGER_MODULES].count;
	if (latest < count && address - m[latest].lo < m[latest].hi - m[latest].lo && !module_closed(latest))
		return latest;
	for (uint64_t i = count; i-- > 1;)
		if (address >= m[i].lo && address < m[i].hi && !module_closed((uint32_t)i))
			return latest = (uint32_t)i;
	struct dl_find_object o;
	if (_dl_find_object((void *)address, &o) != 0)
		return 0;
	return latest = module_add(&o);
}

bool module_closed(uint32_t module)
{
	const struct ledger_module *m = ledger_at(LEDGER_MODULES);
	return module && __atomic_load_n(&m[module].closed, __ATOMIC_RELAXED);
}

bool module_start(const char *exe)
{
	exe_path = exe;
	if (!store_reserve(LEDGER_MODULES, 64))
		return false;
	state.ledger->table[LEDGER_MODULES].count = 1;
	return true;
}

void module_scan_closed(void)
{
	struct ledger_module *m = ledger_at(LEDGER_MODULES);
	uint64_t count = __atomic_load_n(&state.ledger->table[LEDGER_MODULES].count, __ATOMIC_ACQUIRE);
	bool any = false;
	lock_take(&close_lock);
	for (uint64_t i = 1; i < count; i++) {
		struct dl_find_object o;
		if (m[i].closed || (_dl_find_object((void *)m[i].lo, &o) == 0
		    && (uintptr_t)o.dlfo_map_start == m[i].lo && (uintptr_t)o.dlfo_map_end == m[i].hi))
			continue;
		if (m[i].flags & LEDGER_MODULE_VDSO)
			continue;
		__atomic_store_n(&m[i].closed, birth_advance(), __ATOMIC_RELAXED);
		if (!any) {
			__atomic_fetch_add(&state.generation, 1, __ATOMIC_ACQ_REL);
			rule_flush();
			any = true;
		}
		site_forget_module((uint32_t)i);
	}
	lock_release(&close_lock);
}

void module_after_fork(void)
{
	close_lock.word = 0;
}
