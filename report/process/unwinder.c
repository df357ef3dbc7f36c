/* unwinder.c - libunwind over an image: unwinder.h. */
#include <stdlib.h>
#include <string.h>
#include <libunwind.h>
#include <libunwind-ptrace.h>
#include "base/alloc.h"
#include "unwind_table.h"
#include "unwinder.h"

#define CACHED_PAGES 64u
#define KNOWN_TABLES 16u

struct unwinder {
	struct remote *memory;
	unw_addr_space_t space;
	void *ptrace_info; /* what _UPT_find_proc_info wants; nothing is traced. NULL: not yet, or no process */
	struct unwind_table tables[KNOWN_TABLES];
	size_t table_count;
	const struct user_regs_struct *start;
	bool general;
	uint64_t page[CACHED_PAGES]; /* address | 1 */
	char data[CACHED_PAGES][4096];
};

/* _UPT_find_proc_info hands its own argument to our accessors. */
static struct unwinder *current;

/* libunwind's own search of tables in the memory of the target: no public header declares it, though
 * debuggers and profilers call it. */
extern int UNW_ARCH_OBJ(dwarf_search_unwind_table)(unw_addr_space_t as, unw_word_t ip, unw_dyn_info_t *table,
	unw_proc_info_t *info, int need, void *context);

static const struct unwind_table *find_table(struct unwinder *u, uint64_t pc)
{
	struct unwind_table *t;

	for (size_t i = 0; i < u->table_count; i++)
		if (pc >= u->tables[i].lo && pc < u->tables[i].hi)
			return &u->tables[i];
	t = &u->tables[u->table_count < KNOWN_TABLES ? u->table_count : KNOWN_TABLES - 1];
	if (!unwind_table_find(u->memory, pc, t)) {
		*t = (struct unwind_table){ 0 };
		return NULL;
	}
	u->table_count = (size_t)(t - u->tables) + 1;
	return t;
}

static int find_in_table(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *info, int need)
{
	const struct unwind_table *t = find_table(current, ip);
	unw_dyn_info_t table = { .format = UNW_INFO_FORMAT_REMOTE_TABLE };

	if (!t)
		return -UNW_ENOINFO;
	table.start_ip = t->lo;
	table.end_ip = t->hi;
	table.u.rti.segbase = t->base;
	table.u.rti.table_data = t->entries;
	table.u.rti.table_len = t->count * 8 / sizeof(unw_word_t);
	return UNW_ARCH_OBJ(dwarf_search_unwind_table)(as, ip, &table, info, need, NULL);
}

/* For code without a table in memory libunwind reads the module's file. It reads /proc/PID/maps again for each
 * frame in another module than the last, which takes longer than all else that is done for a small process. */
static int find_in_file(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *info, int need)
{
	if (!current->ptrace_info && current->memory->pid)
		current->ptrace_info = _UPT_create(current->memory->pid);
	return current->ptrace_info ? _UPT_find_proc_info(as, ip, info, need, current->ptrace_info)
				    : -UNW_ENOINFO;
}

static int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *info, int need, void *unused)
{
	(void)unused;
	return find_in_table(as, ip, info, need) ? find_in_file(as, ip, info, need) : 0;
}

static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *info, void *unused)
{
	(void)unused;
	if (current->ptrace_info)
		_UPT_put_unwind_info(as, info, current->ptrace_info);
}

static int find_dynamic_list(unw_addr_space_t as, unw_word_t *address, void *unused)
{
	(void)as, (void)unused, (void)address;
	return -UNW_ENOINFO;
}

static int access_memory(unw_addr_space_t as, unw_word_t address, unw_word_t *value, int write, void *unused)
{
	uint64_t page = address & ~4095ull;
	unsigned slot = (unsigned)(address >> 12) % CACHED_PAGES;

	(void)as, (void)unused;
	if (write)
		return -UNW_EINVAL;
	if ((address & 4095) > 4088)
		return remote_word(current->memory, address, value) ? 0 : -UNW_EINVAL;
	if (current->page[slot] != (page | 1)) {
		current->page[slot] = 0;
		if (remote_read(current->memory, page, current->data[slot], 4096) != 4096)
			return -UNW_EINVAL;
		current->page[slot] = page | 1;
	}
	memcpy(value, current->data[slot] + (address & 4095), 8);
	return 0;
}

static int access_register(
	unw_addr_space_t as, unw_regnum_t number, unw_word_t *value, int write, void *unused)
{
	const struct user_regs_struct *r = current->start;
	bool special = number == UNW_X86_64_RSP || number == UNW_X86_64_RIP;

	(void)as, (void)unused;
	if (write || (!current->general && !special))
		return -UNW_EBADREG;
	switch (number) {
	case UNW_X86_64_RAX: *value = r->rax; return 0;
	case UNW_X86_64_RDX: *value = r->rdx; return 0;
	case UNW_X86_64_RCX: *value = r->rcx; return 0;
	case UNW_X86_64_RBX: *value = r->rbx; return 0;
	case UNW_X86_64_RSI: *value = r->rsi; return 0;
	case UNW_X86_64_RDI: *value = r->rdi; return 0;
	case UNW_X86_64_RBP: *value = r->rbp; return 0;
	case UNW_X86_64_RSP: *value = r->rsp; return 0;
	case UNW_X86_64_R8: *value = r->r8; return 0;
	case UNW_X86_64_R9: *value = r->r9; return 0;
	case UNW_X86_64_R10: *value = r->r10; return 0;
	case UNW_X86_64_R11: *value = r->r11; return 0;
	case UNW_X86_64_R12: *value = r->r12; return 0;
	case UNW_X86_64_R13: *value = r->r13; return 0;
	case UNW_X86_64_R14: *value = r->r14; return 0;
	case UNW_X86_64_R15: *value = r->r15; return 0;
	case UNW_X86_64_RIP: *value = r->rip; return 0;
	default: return -UNW_EBADREG;
	}
}

static int access_float(unw_addr_space_t as, unw_regnum_t number, unw_fpreg_t *value, int write, void *unused)
{
	(void)as, (void)number, (void)value, (void)write, (void)unused;
	return -UNW_EBADREG;
}

static int resume(unw_addr_space_t as, unw_cursor_t *cursor, void *unused)
{
	(void)as, (void)cursor, (void)unused;
	return -UNW_EINVAL;
}

static int name_procedure(
	unw_addr_space_t as, unw_word_t address, char *name, size_t bytes, unw_word_t *offset, void *unused)
{
	(void)as, (void)address, (void)name, (void)bytes, (void)offset, (void)unused;
	return -UNW_ENOINFO;
}

struct unwinder *unwinder_new(struct remote *m)
{
	static unw_accessors_t accessors = { .find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = find_dynamic_list,
		.access_mem = access_memory,
		.access_reg = access_register,
		.access_fpreg = access_float,
		.resume = resume,
		.get_proc_name = name_procedure };
	struct unwinder *u = alloc_zeroed(1, sizeof *u);

	u->memory = m;
	u->space = unw_create_addr_space(&accessors, 0);
	if (u->space)
		unw_set_caching_policy(u->space, UNW_CACHE_GLOBAL);
	return u;
}

void unwinder_free(struct unwinder *u)
{
	if (!u)
		return;
	current = u;
	if (u->space)
		unw_destroy_addr_space(u->space);
	if (u->ptrace_info)
		_UPT_destroy(u->ptrace_info);
	free(u);
}

static void get_saved(unw_cursor_t *c, struct unwind_registers *r)
{
	*r = (struct unwind_registers){ 0 };
	unw_get_reg(c, UNW_X86_64_RBX, &r->rbx);
	unw_get_reg(c, UNW_X86_64_RBP, &r->rbp);
	unw_get_reg(c, UNW_X86_64_R12, &r->r12);
	unw_get_reg(c, UNW_X86_64_R13, &r->r13);
	unw_get_reg(c, UNW_X86_64_R14, &r->r14);
	unw_get_reg(c, UNW_X86_64_R15, &r->r15);
}

size_t unwinder_walk(struct unwinder *u, const struct user_regs_struct *start, bool general,
	struct unwind_frame *frames, struct unwind_registers *registers, size_t max)
{
	unw_cursor_t cursor;
	size_t n = 0;

	current = u;
	u->start = start;
	u->general = general;
	if (!u->space || unw_init_remote(&cursor, u->space, NULL))
		return 0;
	while (n < max) {
		struct unwind_frame *f = &frames[n];
		unw_proc_info_t info;
		unw_word_t pc, sp;

		if (unw_get_reg(&cursor, UNW_REG_IP, &pc) || unw_get_reg(&cursor, UNW_REG_SP, &sp) || !pc)
			break;
		if (n && sp <= frames[n - 1].sp && !frames[n - 1].signal)
			break;
		*f = (struct unwind_frame){ .pc = pc, .sp = sp, .signal = unw_is_signal_frame(&cursor) > 0 };
		if (registers && !unw_get_proc_info(&cursor, &info))
			f->function = info.start_ip;
		if (registers)
			get_saved(&cursor, &registers[n]);
		n++;
		if (unw_step(&cursor) <= 0)
			break;
	}
	return n;
}
