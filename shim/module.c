/* module.c - see module.h. */
#include <elf.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include "birth.h"
#include "module.h"
#include "note.h"
#include "object.h"
#include "raw.h"
#include "table.h"
#include "text.h"

static const char *exe_path;
static uint32_t latest;

/* Reads the build id from the notes in memory; 0 bytes if there is not one. */
static void read_build_id(const struct object *o, struct ledger_module *m)
{
	const ElfW(Ehdr) *e = (const void *)o->lo;
	size_t bytes = o->hi - o->lo;
	if (bytes < sizeof *e || memcmp(e->e_ident, ELFMAG, SELFMAG) != 0
		|| e->e_phoff + (uint64_t)e->e_phnum * sizeof(ElfW(Phdr)) > bytes)
		return;
	const ElfW(Phdr) *p = (const void *)((const char *)e + e->e_phoff);
	for (unsigned i = 0; i < e->e_phnum; i++) {
		if (p[i].p_type != PT_NOTE)
			continue;
		const char *at = (const char *)(m->bias + p[i].p_vaddr), *end = at + p[i].p_memsz;
		if ((uintptr_t)at < o->lo || (uintptr_t)end > o->hi)
			continue;
		const uint8_t *id = note_build_id(
			(const uint8_t *)at, (size_t)(end - at), sizeof m->build_id, &m->build_id_bytes);
		if (id) {
			memcpy(m->build_id, id, m->build_id_bytes);
			return;
		}
	}
}

/* The loader keeps a library's name as dlopen was given it. A relative name is
 * completed with the current folder, which is the best guess. Under the lock of
 * module_add's caller: a handler's stack may have no room for a path. */
static const char *full_name(const char *name)
{
	static char path[PATH_MAX];
	char *at = path, *end = path + sizeof path;
	bool folder = false;
	for (const char *c = name; *c && !folder; c++)
		folder = *c == '/';
	if (name[0] == '/' || !folder || state.no_syscalls)
		return name;
	long n = raw2(SYS_getcwd, path, PATH_MAX);
	if (n <= 0)
		return name;
	at += n - 1;
	text_append(&at, end, "/");
	text_append(&at, end, name[0] == '.' && name[1] == '/' ? name + 2 : name);
	return path;
}

static bool is_same(const struct ledger_module *m, const struct ledger_module *other, const char *other_path)
{
	return m->lo == other->lo && m->hi == other->hi && m->bias == other->bias && m->build_id_bytes
		&& m->build_id_bytes == other->build_id_bytes
		&& memcmp(m->build_id, other->build_id, m->build_id_bytes) == 0
		&& text_equal((const char *)ledger_at(LEDGER_STRINGS) + m->path, other_path);
}

/* True if the module was unloaded and nothing else was loaded in its place: it may return. */
static bool may_return(uint64_t module)
{
	const struct ledger_module *m = ledger_at(LEDGER_MODULES);
	return module_closed((uint32_t)module) && !(m[module].flags & LEDGER_MODULE_REPLACED);
}

/* Code at [lo, hi) is new: marks what was there before as replaced. True if there was any. */
static bool replace(uintptr_t lo, uintptr_t hi)
{
	struct ledger_module *m = ledger_at(LEDGER_MODULES);
	bool any = false;
	for (uint64_t i = 1; i < state.ledger->table[LEDGER_MODULES].count; i++)
		if (may_return(i) && m[i].lo < hi && lo < m[i].hi) {
			__atomic_fetch_or(&m[i].flags, LEDGER_MODULE_REPLACED, __ATOMIC_RELAXED);
			any = true;
		}
	return any;
}

static uint32_t add(const struct object *o, bool *replaced)
{
	struct ledger_table *t = &state.ledger->table[LEDGER_MODULES];
	struct ledger_module *m = ledger_at(LEDGER_MODULES);
	const struct link_map *l = object_link(o);
	if (!l)
		return 0;
	struct ledger_module fresh = {
		.lo = o->lo,
		.hi = o->hi,
		.bias = l->l_addr,
		.opened = birth_now(),
	};
	const char *path = exe_path;
	if (!l->l_name || !l->l_name[0]) {
		fresh.flags = LEDGER_MODULE_MAIN;
	} else {
		path = full_name(l->l_name);
		if (strncmp(l->l_name, "linux-vdso", 10) == 0)
			fresh.flags = LEDGER_MODULE_VDSO;
	}
	if (fresh.lo == state.lo)
		fresh.flags |= LEDGER_MODULE_SHIM;
	read_build_id(o, &fresh);
	for (uint64_t i = t->count; i-- > 1;)
		if (may_return(i) && is_same(&m[i], &fresh, path)) {
			__atomic_store_n(&m[i].closed, 0, __ATOMIC_RELEASE);
			return (uint32_t)i;
		}
	*replaced = replace(fresh.lo, fresh.hi);
	uint64_t index = t->count;
	if (index > UINT16_MAX || !table_reserve(LEDGER_MODULES, index + 1)) {
		missed_add(MISSED_MODULES_FULL, 1);
		return 0;
	}
	fresh.path = table_string(path);
	m[index] = fresh;
	return (uint32_t)index;
}

uint32_t module_find(uintptr_t address)
{
	const struct ledger_module *m = ledger_at(LEDGER_MODULES);
	uint64_t count = __atomic_load_n(&state.ledger->table[LEDGER_MODULES].count, __ATOMIC_ACQUIRE);
	uint32_t last = __atomic_load_n(&latest, __ATOMIC_RELAXED);
	if (last < count && address - m[last].lo < m[last].hi - m[last].lo && !module_closed(last))
		return last;
	for (uint64_t i = count; i-- > 1;)
		if (address >= m[i].lo && address < m[i].hi && !module_closed((uint32_t)i)) {
			__atomic_store_n(&latest, (uint32_t)i, __ATOMIC_RELAXED);
			return (uint32_t)i;
		}
	return 0;
}

uint32_t module_add(uintptr_t address, bool *replaced)
{
	struct object o;
	*replaced = false;
	if (object_find(address, &o))
		return add(&o, replaced);
	*replaced = replace(address, address + 1); /* code that was generated there */
	return 0;
}

void module_publish(uint32_t module)
{
	struct ledger_table *t = &state.ledger->table[LEDGER_MODULES];
	if (module == t->count)
		__atomic_store_n(&t->count, module + 1, __ATOMIC_RELEASE);
}

bool module_closed(uint32_t module)
{
	const struct ledger_module *m = ledger_at(LEDGER_MODULES);
	return module && __atomic_load_n(&m[module].closed, __ATOMIC_RELAXED);
}

bool module_start(const char *exe)
{
	exe_path = exe;
	if (!table_reserve(LEDGER_MODULES, 64))
		return false;
	state.ledger->table[LEDGER_MODULES].count = 1;
	return true;
}

bool module_scan_closed(void)
{
	struct ledger_module *m = ledger_at(LEDGER_MODULES);
	uint64_t count = __atomic_load_n(&state.ledger->table[LEDGER_MODULES].count, __ATOMIC_ACQUIRE);
	bool any = false;
	for (uint64_t i = 1; i < count; i++) {
		struct object o;
		if (module_closed((uint32_t)i)
			|| (object_find(m[i].lo, &o) && o.lo == m[i].lo && o.hi == m[i].hi))
			continue;
		if (__atomic_load_n(&m[i].flags, __ATOMIC_RELAXED) & LEDGER_MODULE_VDSO)
			continue;
		__atomic_store_n(&m[i].closed, birth_advance(), __ATOMIC_RELAXED);
		any = true;
	}
	if (any)
		__atomic_fetch_add(&state.generation, 1, __ATOMIC_ACQ_REL);
	return any;
}
