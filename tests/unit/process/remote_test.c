/* Memory that stands still is read through pages that are kept: what comes is what plain reading brings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/process/remote.c"

#define PAGES 4u

/* The last page may not be read. */
static char *make_memory(void)
{
	char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(at != MAP_FAILED);
	for (unsigned i = 0; i < PAGES * PAGE; i++)
		at[i] = (char)(i * 7 + i / PAGE + 1);
	munmap(at + (PAGES - 1) * PAGE, PAGE);
	return at;
}

static void open_self(struct remote *m, bool still)
{
	struct tide_error e;

	assert_int_equal(remote_open(m, getpid(), &e), 0);
	m->still = still;
}

static void kept_equals_plain(void **state)
{
	static const uint64_t sizes[] = { 1, 8, 24, 128, SMALL, SMALL + 1 };
	char *at = make_memory(), kept[SMALL + 1], plain[SMALL + 1];
	struct remote still, moving;

	(void)state;
	open_self(&still, true);
	open_self(&moving, false);
	for (uint64_t offset = 0; offset < PAGES * PAGE; offset += 61)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			uint64_t address = (uintptr_t)at + offset;

			memset(kept, 'x', sizeof(kept));
			memset(plain, 'y', sizeof(plain));
			assert_int_equal(remote_read(&still, address, kept, sizes[i]),
				remote_read(&moving, address, plain, sizes[i]));
			assert_memory_equal(kept, plain, sizes[i]);
		}
	assert_non_null(still.kept);
	assert_null(moving.kept);
	remote_close(&still);
	remote_close(&moving);
	munmap(at, (PAGES - 1) * PAGE);
}

/* The pages of addresses that lie KEPT pages apart have one place. */
static void newer_page_takes_the_place(void **state)
{
	uint64_t bytes = (KEPT + 1) * PAGE, word;
	char *at =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct remote m;

	(void)state;
	assert_true(at != MAP_FAILED);
	*(uint64_t *)at = 1;
	*(uint64_t *)(at + KEPT * PAGE) = 2;
	open_self(&m, true);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(remote_word(&m, (uintptr_t)at, &word));
		assert_int_equal(word, 1);
		assert_true(remote_word(&m, (uintptr_t)at + KEPT * PAGE, &word));
		assert_int_equal(word, 2);
	}
	remote_close(&m);
	munmap(at, bytes);
}

/* A page is read once: a heap is looked at a few words at a time. */
static void page_is_read_once(void **state)
{
	char *at = make_memory();
	struct remote m;
	uint64_t word, again;

	(void)state;
	open_self(&m, true);
	assert_true(remote_word(&m, (uintptr_t)at + 8, &word));
	memset(at, 0, PAGE);
	assert_true(remote_word(&m, (uintptr_t)at + 8, &again));
	assert_int_equal(word, again);
	remote_close(&m);
	munmap(at, (PAGES - 1) * PAGE);
}

/* Pages are listed at once: those that reading has made since, of zeros, are not there. */
static void reading_makes_no_pages(void **state)
{
	const uint64_t apart = 2ull * WINDOW * PAGE;
	char *at = mmap(
		NULL, 2 * apart, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t lo = (uintptr_t)at, from = lo, end;
	struct remote m;

	(void)state;
	assert_true(at != MAP_FAILED);
	at[0] = at[apart + 2 * PAGE] = 1;
	open_self(&m, true);
	assert_true(remote_run(&m, &from, &end, lo + 2 * apart));
	assert_int_equal(from, lo);
	if (m.cannot_list)
		skip();
	/* With huge pages, the first one has brought others. */
	if (end == lo + PAGE) {
		assert_int_equal(((volatile char *)at)[apart], 0);
		from = lo + apart;
		assert_true(remote_run(&m, &from, &end, lo + 2 * apart));
		assert_int_equal(from, lo + apart + 2 * PAGE);
		assert_int_equal(end, from + PAGE);
	}
	remote_close(&m);
	munmap(at, 2 * apart);
}

static void addresses_without_memory(void **state)
{
	static const uint64_t bad[] = { 0, 8, (1ull << 47) - 4, 1ull << 47, UINT64_MAX - 3 };
	char to[64];
	struct remote m;

	(void)state;
	open_self(&m, true);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(remote_read(&m, bad[i], to, sizeof(to)), 0);
	remote_close(&m);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_equals_plain),
		cmocka_unit_test(newer_page_takes_the_place),
		cmocka_unit_test(page_is_read_once),
		cmocka_unit_test(reading_makes_no_pages),
		cmocka_unit_test(addresses_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
