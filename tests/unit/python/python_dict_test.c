/* Tables of dicts as the versions have them, and tables that lie. The process that is read is this one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/python/python_private.h"

static struct remote self;
static struct python p;

static int open_self(void **state)
{
	struct tide_error e;

	(void)state;
	if (remote_open(&self, getpid(), &e))
		return -1;
	p = (struct python){ .memory = &self, .cache = python_memory_new(&self) };
	return 0;
}

static int close_self(void **state)
{
	(void)state;
	python_memory_free(p.cache);
	remote_close(&self);
	return 0;
}

/* What was cached is of the last test. */
static void forget(unsigned minor)
{
	python_memory_free(p.cache);
	p.cache = python_memory_new(&self);
	p.minor = minor;
}

static uint64_t address_of(const void *at) { return (uint64_t)(uintptr_t)at; }

static void entries_of_old_tables(void **state)
{
	/* refcnt, size 8, lookup, usable, nentries; 8 indices of one byte; entries. */
	uint64_t keys[5 + 1 + 6] = { 1, 8, 0, 3, 2, 0, 11, 101, 201, 12, 102, 202 }, key, value;
	struct python_dict d;

	(void)state;
	forget(9);
	assert_true(python_dict_keys(&p, address_of(keys), &d));
	assert_int_equal(d.count, 2);
	python_dict_entry(&p, &d, 1, &key, &value);
	assert_int_equal(key, 102);
	assert_int_equal(value, 202);
}

static void entries_of_new_tables(void **state)
{
	/* refcnt; log2 size 3, log2 index bytes 3, kind 1; usable; nentries; indices; entries without hashes. */
	uint64_t keys[4 + 1 + 4] = { 1, 3 | 3 << 8 | 1 << 16, 3, 2, 0, 101, 201, 102, 202 }, key, value;
	struct python_dict d;

	(void)state;
	forget(11);
	assert_true(python_dict_keys(&p, address_of(keys), &d));
	python_dict_entry(&p, &d, 1, &key, &value);
	assert_int_equal(key, 102);
	assert_int_equal(value, 202);
	keys[1] = 3 | 3 << 8; /* general: with hashes */
	forget(11);
	assert_true(python_dict_keys(&p, address_of(keys), &d));
	assert_int_equal(d.stride, 24);
}

static void refuses_tables_that_lie(void **state)
{
	uint64_t keys[8] = { 1, 7, 0, 3, 2 };
	struct python_dict d;

	(void)state;
	forget(9); /* a size that is not a power of two; more entries than places */
	assert_false(python_dict_keys(&p, address_of(keys), &d));
	keys[1] = 8;
	keys[4] = 9;
	forget(9);
	assert_false(python_dict_keys(&p, address_of(keys), &d));
	keys[1] = 200 | 3 << 8;
	forget(12);
	assert_false(python_dict_keys(&p, address_of(keys), &d));
	assert_false(python_dict_keys(&p, 8, &d));
	assert_false(python_dict_keys(&p, UINT64_MAX - 7, &d));
}

static void spans_count_the_words_they_name(void **state)
{
	struct python_rule r = { .spans = 0 };

	(void)state;
	python_span_add(&r, 16, 64, 24, 1u << 1 | 1u << 2, false);
	python_span_add(&r, 64, 80, 8, 1, true);
	python_span_never(&r, 32);
	assert_int_equal(python_span_meaning(&r, 8), MEANS_NOTHING);
	assert_int_equal(python_span_meaning(&r, 16), MEANS_NOTHING); /* the hash */
	assert_int_equal(python_span_meaning(&r, 24), MEANS_REFERENCE);
	assert_int_equal(python_span_meaning(&r, 32), MEANS_NOTHING); /* never */
	assert_int_equal(python_span_meaning(&r, 48), MEANS_REFERENCE);
	assert_int_equal(python_span_meaning(&r, 72), MEANS_MAYBE);
	assert_int_equal(python_span_meaning(&r, 80), MEANS_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_of_old_tables),
		cmocka_unit_test(entries_of_new_tables),
		cmocka_unit_test(refuses_tables_that_lie),
		cmocka_unit_test(spans_count_the_words_they_name),
	};

	return cmocka_run_group_tests(tests, open_self, close_self);
}
