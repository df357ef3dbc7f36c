/* callee.c - see callee.h. The instructions are those of the System V ABI for x86-64, chapter
 * "Procedure Linkage Table", and those that gcc and clang emit for -fno-plt and
 * -fcf-protection.
 */
#include "callee.h"
#include "lookup.h"
#include "memory.h"
#include "mix.h"
#include "module.h"

#define CALL_RELATIVE 0xe8  /* call rel32 */
#define GROUP_FIVE 0xff     /* call or jump through memory, depending on the next byte */
#define CALL_THROUGH 0x15   /* call *disp32(%rip) */
#define JUMP_THROUGH 0x25   /* jmp *disp32(%rip) */
#define CALL_BYTES 6u       /* the length of the longer call */
#define STUB_BYTES 16u      /* of an entry of the linkage table */
#define OPERATOR_BYTES 512u /* most bytes that the code of an operator new or delete may span */

struct function_name {
	const char *name;
	enum ledger_function function;
};

/* All replaceable forms (ISO C++ [new.delete]); the sized ones call the others. */
static const struct function_name operator_names[] = {
	{ "_Znwm", FUNCTION_NEW },
	{ "_ZnwmRKSt9nothrow_t", FUNCTION_NEW },
	{ "_Znam", FUNCTION_NEW_ARRAY },
	{ "_ZnamRKSt9nothrow_t", FUNCTION_NEW_ARRAY },
	{ "_ZnwmSt11align_val_t", FUNCTION_NEW_ALIGNED },
	{ "_ZnwmSt11align_val_tRKSt9nothrow_t", FUNCTION_NEW_ALIGNED },
	{ "_ZnamSt11align_val_t", FUNCTION_NEW_ARRAY_ALIGNED },
	{ "_ZnamSt11align_val_tRKSt9nothrow_t", FUNCTION_NEW_ARRAY_ALIGNED },
	{ "_ZdlPv", FUNCTION_DELETE },
	{ "_ZdlPvm", FUNCTION_DELETE },
	{ "_ZdlPvRKSt9nothrow_t", FUNCTION_DELETE },
	{ "_ZdaPv", FUNCTION_DELETE_ARRAY },
	{ "_ZdaPvm", FUNCTION_DELETE_ARRAY },
	{ "_ZdaPvRKSt9nothrow_t", FUNCTION_DELETE_ARRAY },
	{ "_ZdlPvSt11align_val_t", FUNCTION_DELETE_ALIGNED },
	{ "_ZdlPvmSt11align_val_t", FUNCTION_DELETE_ALIGNED },
	{ "_ZdlPvSt11align_val_tRKSt9nothrow_t", FUNCTION_DELETE_ALIGNED },
	{ "_ZdaPvSt11align_val_t", FUNCTION_DELETE_ARRAY_ALIGNED },
	{ "_ZdaPvmSt11align_val_t", FUNCTION_DELETE_ARRAY_ALIGNED },
	{ "_ZdaPvSt11align_val_tRKSt9nothrow_t", FUNCTION_DELETE_ARRAY_ALIGNED },
};
#define OPERATORS (sizeof operator_names / sizeof operator_names[0])
static uintptr_t operator_address[OPERATORS];

/* The C functions, which are this library's own. They are found by name, so that nothing here calls them. */
static const struct function_name hook_names[] = {
	{ "malloc", FUNCTION_MALLOC },
	{ "calloc", FUNCTION_MALLOC },
	{ "realloc", FUNCTION_REALLOC },
	{ "reallocarray", FUNCTION_REALLOC },
	{ "memalign", FUNCTION_MALLOC },
	{ "aligned_alloc", FUNCTION_MALLOC },
	{ "posix_memalign", FUNCTION_MALLOC },
	{ "valloc", FUNCTION_MALLOC },
	{ "pvalloc", FUNCTION_MALLOC },
	{ "free", FUNCTION_FREE },
	{ "cfree", FUNCTION_FREE },
	{ "free_sized", FUNCTION_FREE },
	{ "free_aligned_sized", FUNCTION_FREE },
};
#define HOOKS (sizeof hook_names / sizeof hook_names[0])
static uintptr_t hook_address[HOOKS];

/* Cached answers by return address, and by the address of a stub (no call returns to one): the address in the low 48
 * bits, the function above. Each saves a system call or two: CE3. */
#define KNOWN_BITS 10u
#define KNOWN_SHIFT 48u
static uint64_t known[1u << KNOWN_BITS];
static uint32_t known_generation; /* the state.generation for which they hold */

void callee_start(void)
{
	const struct link_map *self = lookup_self();
	for (unsigned i = 0; i < OPERATORS; i++) {
		operator_address[i] = (uintptr_t)lookup_first(operator_names[i].name);
		if (!i && !operator_address[i])
			return; /* not a C++ program */
	}
	for (unsigned i = 0; self && i < HOOKS; i++)
		hook_address[i] = (uintptr_t)lookup_in(self, hook_names[i].name);
	state.operators = true;
}

static enum ledger_function function_at(uintptr_t address)
{
	if (!address)
		return FUNCTION_UNKNOWN;
	for (unsigned i = 0; i < HOOKS; i++)
		if (hook_address[i] == address)
			return hook_names[i].function;
	for (unsigned i = 0; i < OPERATORS; i++)
		if (operator_address[i] == address)
			return operator_names[i].function;
	return FUNCTION_UNKNOWN;
}

/* The operator whose code contains the address; FUNCTION_UNKNOWN: not in an operator. */
static enum ledger_function operator_around(uintptr_t pc)
{
	unsigned best = OPERATORS;
	for (unsigned i = 0; i < OPERATORS; i++)
		if (operator_address[i] && operator_address[i] < pc
			&& pc - operator_address[i] < OPERATOR_BYTES
			&& (best == OPERATORS || operator_address[i] > operator_address[best]))
			best = i;
	return best == OPERATORS ? FUNCTION_UNKNOWN : operator_names[best].function;
}

static uint64_t *known_entry(uintptr_t address)
{
	return &known[(address * MIX_GOLDEN) >> (64 - KNOWN_BITS)];
}

static bool find_known(uintptr_t address, enum ledger_function *f)
{
	uint64_t e = __atomic_load_n(known_entry(address), __ATOMIC_RELAXED);
	*f = (enum ledger_function)(e >> KNOWN_SHIFT);
	return e << (64 - KNOWN_SHIFT) >> (64 - KNOWN_SHIFT) == address;
}

/* An answer that was read before a module was unloaded is not kept: the table may have been emptied since. */
static void keep_known(uintptr_t address, enum ledger_function f, uint32_t generation)
{
	uint64_t *entry = known_entry(address);
	if (address >> KNOWN_SHIFT)
		return;
	__atomic_store_n(entry, address | (uint64_t)f << KNOWN_SHIFT, __ATOMIC_SEQ_CST);
	if (unlikely(__atomic_load_n(&state.generation, __ATOMIC_SEQ_CST) != generation))
		__atomic_store_n(entry, 0, __ATOMIC_RELAXED);
}

static int32_t displacement(const uint8_t *at)
{
	int32_t d;
	__builtin_memcpy(&d, at, sizeof d);
	return d;
}

/* The target of a stub of the linkage table; 0: the code is not such a stub. */
static uintptr_t stub_target(uintptr_t stub)
{
	static const uint8_t branch_target[] = { 0xf3, 0x0f, 0x1e, 0xfa }; /* endbr64 */
	uint8_t code[STUB_BYTES];
	unsigned at = 0;
	uintptr_t target;
	if (!memory_copy(code, stub, sizeof code))
		return 0;
	if (!__builtin_memcmp(code, branch_target, sizeof branch_target))
		at = sizeof branch_target;
	at += code[at] == 0xf2; /* bnd */
	if (code[at] != GROUP_FIVE || code[at + 1] != JUMP_THROUGH)
		return 0;
	at += 2 + sizeof(int32_t);
	return memory_copy(
		       &target, stub + at + (uintptr_t)(intptr_t)displacement(code + at - 4), sizeof target)
		? target
		: 0;
}

/* The function to which a stub leads. The loader bound it before the call arrived there, so the answer stays. */
static enum ledger_function function_behind(uintptr_t stub, uint32_t generation)
{
	enum ledger_function f;
	if (!find_known(stub, &f)) {
		f = function_at(stub_target(stub));
		keep_known(stub, f, generation);
	}
	return f;
}

static enum ledger_function decode(uintptr_t pc, uint32_t generation)
{
	uint8_t code[CALL_BYTES];
	uintptr_t target = 0;
	if (!memory_copy(code, pc - CALL_BYTES, sizeof code))
		return FUNCTION_UNKNOWN;
	uintptr_t there = pc + (uintptr_t)(intptr_t)displacement(code + CALL_BYTES - 4);
	if (code[0] == GROUP_FIVE && code[1] == CALL_THROUGH)
		return memory_copy(&target, there, sizeof target) ? function_at(target) : FUNCTION_UNKNOWN;
	if (code[1] != CALL_RELATIVE)
		return FUNCTION_UNKNOWN;
	enum ledger_function f = function_at(there);
	return f ? f : function_behind(there, generation);
}

enum ledger_function callee_at(uintptr_t pc)
{
	enum ledger_function f;
	uint32_t generation = __atomic_load_n(&state.generation, __ATOMIC_ACQUIRE);
	if (unlikely(known_generation != generation)) {
		for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
			__atomic_store_n(&known[i], 0, __ATOMIC_RELAXED);
		known_generation = generation;
	}
	if (find_known(pc, &f))
		return f;
	/* A free inside a delete that the program itself defines says nothing about the caller of delete. */
	f = operator_around(pc) ? FUNCTION_UNKNOWN : decode(pc, generation);
	keep_known(pc, f, generation);
	return f;
}

/* Walks outward from the innermost frame, past the program's own operators, to the first call outside them. */
static enum ledger_function walk_site_outward(uint32_t site)
{
	const struct ledger_site *s = (const struct ledger_site *)ledger_at(LEDGER_SITES) + site;
	const struct ledger_node *nodes = ledger_at(LEDGER_NODES);
	for (uint32_t n = s->node, turns = 0; n && turns < 4; n = nodes[n].parent, turns++) {
		if (nodes[n].flags & (LEDGER_NODE_SIGNAL | LEDGER_NODE_PYTHON)
			|| module_closed(nodes[n].module))
			return FUNCTION_UNKNOWN;
		if (!operator_around(nodes[n].address))
			return callee_at(nodes[n].address);
	}
	return FUNCTION_UNKNOWN;
}

enum ledger_function callee_of_site(uint32_t site)
{
	struct ledger_site *s = (struct ledger_site *)ledger_at(LEDGER_SITES) + site;
	if (site < LEDGER_SITE_FIRST)
		return FUNCTION_UNKNOWN;
	unsigned flags = __atomic_load_n(&s->flags, __ATOMIC_RELAXED);
	if (!(flags & LEDGER_SITE_ASKED)) {
		unsigned f = walk_site_outward(site);
		flags = __atomic_or_fetch(&s->flags,
			(uint16_t)(LEDGER_SITE_ASKED | f << LEDGER_SITE_FUNCTION_SHIFT), __ATOMIC_RELAXED);
	}
	return (enum ledger_function)(flags >> LEDGER_SITE_FUNCTION_SHIFT);
}
