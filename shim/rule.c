/* rule.c - reads .eh_frame for one pc; see rule.h.
 *
 *   pc ──object_find──▶ .eh_frame_hdr ──binary search──▶ FDE ──▶ CIE
 *        run the CIE's, then the FDE's instructions up to pc ──▶ rule
 *
 * Only what x86-64 compilers emit for call sites is understood; anything else
 * becomes RULE_UNKNOWN, and the walk uses the frame pointer or ends there.
 */
#include <dwarf.h>
#include <stdbool.h>
#include <string.h>
#include "lock.h"
#include "module.h"
#include "object.h"
#include "rule.h"
#include "site.h"

uint64_t rule_table[1u << RULE_SLOTS_BITS];
static struct lock close_lock;

/* DWARF register numbers of x86-64. */
enum { REG_RBP = 6, REG_RSP = 7, REG_RIP = 16 };

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static uint8_t get_byte(struct cursor *c)
{
	if (c->at >= c->end) {
		c->bad = true;
		return 0;
	}
	return *c->at++;
}

static uint64_t get_bytes(struct cursor *c, unsigned n)
{
	uint64_t v = 0;
	if ((size_t)(c->end - c->at) < n) {
		c->bad = true;
		c->at = c->end;
		return 0;
	}
	memcpy(&v, c->at, n);
	c->at += n;
	return v;
}

static uint64_t get_uleb(struct cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = get_byte(c);
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

static int64_t get_sleb(struct cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64;) {
		uint8_t b = get_byte(c);
		v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
		if (!(b & 0x80)) {
			if (shift < 64 && (b & 0x40))
				v |= ~0ull << shift;
			return (int64_t)v;
		}
	}
	c->bad = true;
	return 0;
}

/* The two halves of a DW_EH_PE encoding (LSB 5.0, section 10.5.1). */
#define FORMAT_MASK 0x0f
#define BASE_MASK 0x70

/* Reads a pointer in the DW_EH_PE encoding; supports only the forms that do not
 * need a text or function base. */
static uintptr_t get_pointer(struct cursor *c, uint8_t encoding, uintptr_t data_base)
{
	uintptr_t place = (uintptr_t)c->at;
	uintptr_t v;
	if (encoding == DW_EH_PE_omit)
		return 0;
	switch (encoding & FORMAT_MASK) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8: v = get_bytes(c, 8); break;
	case DW_EH_PE_uleb128: v = get_uleb(c); break;
	case DW_EH_PE_udata2: v = get_bytes(c, 2); break;
	case DW_EH_PE_udata4: v = get_bytes(c, 4); break;
	case DW_EH_PE_sleb128: v = (uintptr_t)get_sleb(c); break;
	case DW_EH_PE_sdata2: v = (uintptr_t)(int16_t)get_bytes(c, 2); break;
	case DW_EH_PE_sdata4: v = (uintptr_t)(int32_t)get_bytes(c, 4); break;
	default: c->bad = true; return 0;
	}
	switch (encoding & BASE_MASK) {
	case DW_EH_PE_absptr: break;
	case DW_EH_PE_pcrel: v += place; break;
	case DW_EH_PE_datarel: v += data_base; break;
	default: c->bad = true;
	}
	return v;
}

/* The length that introduces the 64-bit DWARF format, which no compiler uses here. */
#define LENGTH_64 0xffffffffu

struct cie {
	uint64_t code_align;
	int64_t data_align;
	uint64_t return_register;
	uint8_t fde_encoding;
	bool signal, augmented;
	struct cursor code;
};

static bool read_cie(const uint8_t *at, struct cie *out)
{
	uint32_t length;
	memcpy(&length, at, 4);
	if (length == 0 || length == LENGTH_64)
		return false;
	struct cursor c = { at + 4, at + 4 + length, false };
	if (get_bytes(&c, 4) != 0)
		return false;
	uint8_t version = get_byte(&c);
	if (version != 1 && version != 3 && version != 4)
		return false;
	const char *augmentation = (const char *)c.at;
	while (get_byte(&c) && !c.bad)
		;
	if (version == 4)
		get_bytes(&c, 2);
	*out = (struct cie){ .fde_encoding = 0 };
	out->code_align = get_uleb(&c);
	out->data_align = get_sleb(&c);
	out->return_register = version == 1 ? get_byte(&c) : get_uleb(&c);
	if (*augmentation == 'z') {
		out->augmented = true;
		uint64_t bytes = get_uleb(&c);
		if (bytes > (size_t)(c.end - c.at))
			return false;
		const uint8_t *after = c.at + bytes;
		for (const char *a = augmentation + 1; *a && !c.bad; a++) {
			if (*a == 'R') {
				out->fde_encoding = get_byte(&c);
			} else if (*a == 'P') {
				uint8_t encoding = get_byte(&c);
				get_pointer(&c, encoding, 0);
			} else if (*a == 'L') {
				get_byte(&c);
			} else if (*a == 'S') {
				out->signal = true;
			} else if (*a != 'B') {
				break;
			}
		}
		c.at = after;
	} else if (*augmentation) {
		return false;
	}
	out->code = c;
	return !c.bad;
}

enum rbp_rule { RBP_SAME, RBP_AT_CFA, RBP_AT_RBP, RBP_LOST };

struct row {
	enum { CFA_REGISTER, CFA_DEREF, CFA_LOST } cfa_kind;
	unsigned cfa_register;
	int64_t cfa_offset;
	enum rbp_rule rbp;
	int64_t rbp_offset;
	bool end;        /* the return address is undefined */
	bool odd_return; /* the return address is not at CFA - 8 */
};

/* DW_CFA_def_cfa_expression: only "rbp + n, deref" (gcc's realigned frames). */
static void set_cfa_expression(struct row *r, struct cursor e)
{
	r->cfa_kind = CFA_LOST;
	if (get_byte(&e) != DW_OP_breg0 + REG_RBP)
		return;
	int64_t n = get_sleb(&e);
	if (get_byte(&e) != DW_OP_deref || e.at != e.end || e.bad)
		return;
	r->cfa_kind = CFA_DEREF;
	r->cfa_offset = n;
}

static void set_register_expression(struct row *r, uint64_t reg, struct cursor e)
{
	if (reg == REG_RIP)
		r->odd_return = true;
	if (reg != REG_RBP)
		return;
	r->rbp = RBP_LOST;
	if (get_byte(&e) != DW_OP_breg0 + REG_RBP)
		return;
	int64_t n = get_sleb(&e);
	if (n == 0 && e.at == e.end && !e.bad)
		r->rbp = RBP_AT_RBP;
}

static void set_register_saved(struct row *r, uint64_t reg, int64_t offset)
{
	if (reg == REG_RBP) {
		r->rbp = RBP_AT_CFA;
		r->rbp_offset = offset;
	} else if (reg == REG_RIP) {
		r->end = false;
		r->odd_return = offset != -8;
	}
}

static void restore_register(struct row *r, const struct row *initial, uint64_t reg)
{
	if (reg == REG_RBP) {
		r->rbp = initial->rbp;
		r->rbp_offset = initial->rbp_offset;
	} else if (reg == REG_RIP) {
		r->end = initial->end;
		r->odd_return = initial->odd_return;
	}
}

/* DW_CFA_undefined, DW_CFA_same_value and DW_CFA_register. */
static void set_register_moved(struct row *r, uint8_t op, struct cursor *c)
{
	uint64_t reg = get_uleb(c);

	if (op == DW_CFA_register)
		get_uleb(c);
	if (reg == REG_RBP)
		r->rbp = op == DW_CFA_same_value ? RBP_SAME : RBP_LOST;
	if (reg == REG_RIP && op == DW_CFA_undefined)
		r->end = true;
	if (reg == REG_RIP && op == DW_CFA_register)
		r->odd_return = true;
}

/* Runs an instruction that contains a DWARF expression; false if the expression exceeds the instructions. */
static bool run_expression(struct row *r, uint8_t op, struct cursor *c)
{
	uint64_t reg = op == DW_CFA_def_cfa_expression ? 0 : get_uleb(c);
	uint64_t n = get_uleb(c);
	if (n > (size_t)(c->end - c->at))
		return false;
	struct cursor e = { c->at, c->at + n, false };
	c->at += n;
	if (op == DW_CFA_def_cfa_expression)
		set_cfa_expression(r, e);
	else if (op == DW_CFA_expression)
		set_register_expression(r, reg, e);
	else if (reg == REG_RBP)
		r->rbp = RBP_LOST;
	else if (reg == REG_RIP)
		r->odd_return = true;
	return true;
}

/* Runs an instruction that defines the CFA by a register and an offset; false for any other. */
static bool define_cfa(struct row *r, uint8_t op, struct cursor *c, int64_t data_align)
{
	switch (op) {
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_def_cfa_register:
		r->cfa_kind = CFA_REGISTER;
		r->cfa_register = (unsigned)get_uleb(c);
		if (op == DW_CFA_def_cfa_register)
			return true;
		break;
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_offset_sf: break;
	default: return false;
	}
	r->cfa_offset = op == DW_CFA_def_cfa || op == DW_CFA_def_cfa_offset ? (int64_t)get_uleb(c)
									    : get_sleb(c) * data_align;
	return true;
}

#define ROW_STACK 8 /* nested DW_CFA_remember_state */
#define OPERAND_MASK 0x3f

/* Runs call frame instructions until `pc` is reached; false when unsupported. */
static bool run_instructions(struct cursor c, const struct cie *cie, uintptr_t at, uintptr_t pc,
	struct row *r, const struct row *initial)
{
	struct row saved[ROW_STACK];
	unsigned depth = 0;

	while (c.at < c.end && !c.bad) {
		uint8_t op = get_byte(&c);
		uint64_t reg;
		/* Three instructions keep an operand in their low six bits. */
		switch (op & ~OPERAND_MASK) {
		case DW_CFA_advance_loc:
			at += (op & OPERAND_MASK) * cie->code_align;
			if (at > pc)
				return true;
			continue;
		case DW_CFA_offset:
			set_register_saved(r, op & OPERAND_MASK, (int64_t)get_uleb(&c) * cie->data_align);
			continue;
		case DW_CFA_restore: restore_register(r, initial, op & OPERAND_MASK); continue;
		}
		switch (op) {
		case DW_CFA_nop: break;
		case DW_CFA_set_loc: at = get_pointer(&c, cie->fde_encoding, 0); goto moved;
		case DW_CFA_advance_loc1: at += get_bytes(&c, 1) * cie->code_align; goto moved;
		case DW_CFA_advance_loc2: at += get_bytes(&c, 2) * cie->code_align; goto moved;
		case DW_CFA_advance_loc4:
			at += get_bytes(&c, 4) * cie->code_align;
		moved:
			if (at > pc)
				return !c.bad;
			break;
		case DW_CFA_offset_extended:
			reg = get_uleb(&c);
			set_register_saved(r, reg, (int64_t)get_uleb(&c) * cie->data_align);
			break;
		case DW_CFA_restore_extended: restore_register(r, initial, get_uleb(&c)); break;
		case DW_CFA_undefined:
		case DW_CFA_same_value:
		case DW_CFA_register: set_register_moved(r, op, &c); break;
		case DW_CFA_remember_state:
			if (depth == ROW_STACK)
				return false;
			saved[depth++] = *r;
			break;
		case DW_CFA_restore_state:
			if (depth == 0)
				return false;
			*r = saved[--depth];
			break;
		case DW_CFA_def_cfa_expression:
		case DW_CFA_expression:
		case DW_CFA_val_expression:
			if (!run_expression(r, op, &c))
				return false;
			break;
		case DW_CFA_offset_extended_sf:
			reg = get_uleb(&c);
			set_register_saved(r, reg, get_sleb(&c) * cie->data_align);
			break;
		case DW_CFA_GNU_args_size: get_uleb(&c); break;
		default:
			if (!define_cfa(r, op, &c, cie->data_align))
				return false;
		}
	}
	return !c.bad;
}

static uint32_t row_rule(const struct row *r)
{
	if (r->end)
		return rule_make(RULE_END, 0, 0);
	if (r->odd_return || r->cfa_kind == CFA_LOST || (r->cfa_offset & 7))
		return rule_make(RULE_UNKNOWN, 0, 0);
	int64_t words = r->cfa_offset / 8;
	if (words > (1 << 20) - 1 || words < -(1 << 20))
		return rule_make(RULE_UNKNOWN, 0, 0);

	unsigned rbp = RULE_RBP_SAME;
	if (r->rbp == RBP_AT_CFA) {
		int64_t up = -r->rbp_offset / 8;
		if (up < 1 || up >= RULE_RBP_AT_RBP || (r->rbp_offset & 7))
			return rule_make(RULE_UNKNOWN, 0, 0);
		rbp = (unsigned)up;
	} else if (r->rbp == RBP_AT_RBP) {
		rbp = RULE_RBP_AT_RBP;
	} else if (r->rbp == RBP_LOST) {
		return rule_make(RULE_UNKNOWN, 0, 0);
	}
	if (r->cfa_kind == CFA_DEREF)
		return rule_make(RULE_DEREF, rbp, (int32_t)words);
	if (r->cfa_register == REG_RSP)
		return rule_make(RULE_SP, rbp, (int32_t)words);
	if (r->cfa_register == REG_RBP)
		return rule_make(RULE_BP, rbp, (int32_t)words);
	return rule_make(RULE_UNKNOWN, 0, 0);
}

/* The FDE that covers pc, by the sorted table of .eh_frame_hdr, or NULL. */
static const uint8_t *find_fde(const uint8_t *hdr, uintptr_t pc)
{
	/* Version, encodings of the pointer to .eh_frame (any), of the count and of the table. */
	if (hdr[0] != 1 || hdr[2] != DW_EH_PE_udata4 || hdr[3] != (DW_EH_PE_datarel | DW_EH_PE_sdata4))
		return NULL;
	struct cursor c = { hdr + 4, hdr + 64, false };
	get_pointer(&c, hdr[1], (uintptr_t)hdr);
	uint64_t count = get_bytes(&c, 4);
	if (c.bad || count == 0)
		return NULL;
	struct entry {
		int32_t pc, fde;
	};
	const struct entry *table = (const struct entry *)c.at;
	int64_t want = (int64_t)(pc - (uintptr_t)hdr);
	uint64_t lo = 0, hi = count;
	while (hi - lo > 1) {
		uint64_t middle = lo + (hi - lo) / 2;
		if (table[middle].pc <= want)
			lo = middle;
		else
			hi = middle;
	}
	if (table[lo].pc > want)
		return NULL;
	return hdr + table[lo].fde;
}

static const uint8_t restorer_code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };

/* An FDE, its CIE, and its instructions. */
struct fde {
	struct cie cie;
	uintptr_t start;
	struct cursor code;
};

/* Finds the FDE that covers pc. */
static bool fde_of(uintptr_t pc, struct fde *f)
{
	struct object object;
	if (!object_find(pc, &object) || !object.unwind)
		return false;
	const uint8_t *fde = find_fde(object.unwind, pc);
	if (!fde)
		return false;
	uint32_t length;
	memcpy(&length, fde, 4);
	if (length == 0 || length == LENGTH_64)
		return false;
	struct cursor c = { fde + 4, fde + 4 + length, false };
	const uint8_t *cie_place = c.at;
	uint32_t back = (uint32_t)get_bytes(&c, 4);
	if (!read_cie(cie_place - back, &f->cie))
		return false;
	f->start = get_pointer(&c, f->cie.fde_encoding, 0);
	uintptr_t bytes = get_pointer(&c, f->cie.fde_encoding & FORMAT_MASK, 0);
	if (pc < f->start || pc - f->start >= bytes || f->cie.return_register != REG_RIP)
		return false;
	if (f->cie.augmented) {
		uint64_t skip = get_uleb(&c);
		if (skip > (size_t)(c.end - c.at))
			return false;
		c.at += skip;
	}
	f->code = c;
	return true;
}

static uint32_t compute_rule(uintptr_t key)
{
	uintptr_t pc = key - 1;
	struct fde f;
	if (!fde_of(pc, &f)) {
		/* A function begins here and no code precedes it, so this is not the return
		 * address of a call. It was stored as the outermost return address of a
		 * stack, as makecontext does (glibc,
		 * sysdeps/unix/sysv/linux/x86_64/makecontext.c: __start_context). */
		if (fde_of(key, &f) && f.start == key)
			return rule_make(RULE_END, 0, 0);
		return rule_make(RULE_UNKNOWN, 0, 0);
	}
	if (f.cie.signal) {
		/* Linux's rt_sigreturn trampoline only: `mov $15,%rax; syscall`. */
		if (memcmp((const void *)key, restorer_code, sizeof restorer_code) == 0)
			return rule_make(RULE_SIGNAL, 0, 0);
		return rule_make(RULE_UNKNOWN, 0, 0);
	}
	struct row row = { .cfa_kind = CFA_LOST, .rbp = RBP_SAME };
	struct row none = row;
	if (!run_instructions(f.cie.code, &f.cie, 0, ~(uintptr_t)0, &row, &none))
		return rule_make(RULE_UNKNOWN, 0, 0);
	struct row initial = row;
	if (!run_instructions(f.code, &f.cie, f.start, pc, &row, &initial))
		return rule_make(RULE_UNKNOWN, 0, 0);
	return row_rule(&row);
}

/* Marks the cache lines of the table that are not empty: programs that unload often have few rules. */
#define LINE_ENTRIES (64 / sizeof rule_table[0])
static uint64_t used[(1u << RULE_SLOTS_BITS) / LINE_ENTRIES / 64];

uint32_t rule_learn(uintptr_t key)
{
	uint32_t generation = __atomic_load_n(&state.generation, __ATOMIC_ACQUIRE);
	uint32_t rule = compute_rule(key);
	site_first_seen(key - 1);
	uint64_t h = rule_hash(key), entry = (uint64_t)rule << RULE_TAG_BITS | rule_tag(h);
	if (key >> RULE_KEY_BITS)
		return rule;
	uint64_t *place = rule_place(h);
	size_t line = (size_t)(place - rule_table) / LINE_ENTRIES;
	__atomic_fetch_or(&used[line / 64], 1ull << line % 64, __ATOMIC_SEQ_CST);
	__atomic_store_n(place, entry, __ATOMIC_SEQ_CST);
	/* The rule's code may have been unloaded in between, and the flush may be over. */
	if (generation != __atomic_load_n(&state.generation, __ATOMIC_SEQ_CST))
		__atomic_store_n(place, 0, __ATOMIC_RELAXED);
	return rule;
}

static void flush(void)
{
	for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) {
		uint64_t lines = __atomic_exchange_n(&used[i], 0, __ATOMIC_SEQ_CST);
		for (; lines; lines &= lines - 1) {
			uint64_t *entry =
				&rule_table[(i * 64 + (unsigned)__builtin_ctzll(lines)) * LINE_ENTRIES];
			for (unsigned k = 0; k < LINE_ENTRIES; k++)
				__atomic_store_n(&entry[k], 0, __ATOMIC_RELAXED);
		}
	}
}

void rule_forget_closed(void)
{
	lock_take(&close_lock);
	if (module_scan_closed())
		flush();
	lock_release(&close_lock);
}

void rule_after_fork(void) { close_lock.word = 0; }
