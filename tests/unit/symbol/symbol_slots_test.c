/* symbol_slots_test.c - what code writes to in its frame: symbol_slots.h. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>
#include "symbol/symbol_slots.h"

/* Code that nobody runs. */
__asm__(".text\n"
	".type slots_probe, @function\n"
	"slots_probe:\n"
	"	movq %rax, -0x18(%rbp)\n"
	"	movl $0, -0x1000(%rbp)\n"
	"	movq %rax, -0x60(%rbp,%rdx,8)\n"
	"	movq %rax, 8(%r12)\n"
	"	movq %rax, -0x28(%r13)\n"
	"	movq -0x30(%rbp), %rax\n"
	"	movq %r12, %rdi\n"
	"	movups %xmm0, 0x40(%rsp)\n"
	"	movsd %xmm8, 0x60(%rsp)\n"
	"	vmovdqu %ymm1, 0x80(%rsp)\n"
	"	leaq 0x108(%rsp), %rdi\n"
	".size slots_probe, . - slots_probe\n"
	".type slots_start, @function\n"
	"slots_start:\n"
	"	movq %rsp, %rdi\n"
	".size slots_start, . - slots_start\n");

struct code {
	struct symbol_module *m;
	struct symbol_slots *slots;
	uint64_t start, bytes;
};

static void open_code(struct code *c, const char *name)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(n > 0);
	path[n] = '\0';
	c->m = symbol_module_open(path, NULL);
	assert_true(symbol_module_find(c->m, name, &c->start, &c->bytes));
	c->slots = symbol_slots_new();
	symbol_slots_read(c->slots, c->m, c->start, c->start + c->bytes);
}

static void close_code(struct code *c)
{
	symbol_slots_free(c->slots);
	symbol_module_close(c->m);
}

static uint64_t find(const struct code *c, bool of_rsp, int64_t at, uint64_t bytes)
{
	return symbol_slots_written(c->slots, of_rsp, at, bytes, c->start, c->start + c->bytes);
}

static void words_that_are_written(void **state)
{
	struct code c;

	(void)state;
	open_code(&c, "slots_probe");
	assert_int_equal(find(&c, false, -0x18, 8), 1);
	assert_int_equal(find(&c, false, -0x20, 16), 2);
	assert_int_equal(find(&c, false, -0x1000, 16), 1);
	assert_int_equal(find(&c, false, -0x1004, 4), 0);
	/* Loads, and other registers. */
	assert_int_equal(find(&c, false, -0x30, 8), 0);
	assert_int_equal(find(&c, false, -0x28, 8), 0);
	assert_int_equal(find(&c, true, 8, 8), 0);
	assert_int_equal(find(&c, true, 0, 8), 0);
	/* Vector registers write more than one slot. */
	assert_int_equal(find(&c, true, 0x40, 32), 3);
	assert_int_equal(find(&c, true, 0x48, 8), 1);
	assert_int_equal(find(&c, true, 0x60, 32), 1);
	assert_int_equal(find(&c, true, 0x80, 48), 15);
	close_code(&c);
}

static void addresses_that_are_taken(void **state)
{
	struct code c;

	(void)state;
	open_code(&c, "slots_probe");
	assert_true(find(&c, false, -0x60, 32) == SYMBOL_SLOTS_ALL);
	assert_true(find(&c, true, 0x108, 8) == SYMBOL_SLOTS_ALL);
	/* Of a member: what lies before it is not written. */
	assert_true(find(&c, true, 0x100, 32) == SYMBOL_SLOTS_ALL - 1);
	close_code(&c);
	open_code(&c, "slots_start");
	assert_true(find(&c, true, 0, 8) == SYMBOL_SLOTS_ALL);
	close_code(&c);
}

static void code_that_has_not_run(void **state)
{
	struct code c;

	(void)state;
	open_code(&c, "slots_probe");
	assert_int_equal(symbol_slots_written(c.slots, false, -0x18, 8, c.start + 1, c.start + c.bytes), 1);
	assert_int_equal(symbol_slots_written(c.slots, false, -0x18, 8, c.start + 4, c.start + c.bytes), 0);
	assert_int_equal(symbol_slots_written(c.slots, true, 0x108, 8, c.start, c.start + 4), 0);
	close_code(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_that_are_written),
		cmocka_unit_test(addresses_that_are_taken),
		cmocka_unit_test(code_that_has_not_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
