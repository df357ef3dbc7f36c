/* Which pages are in memory: asked of this process, by both ways that kernels have. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/process/pages.c"

#define PAGES 16u

/* Pages 1, 2, 3 and 7 are written, page 3 with zeros; 5 and 10 are read only, the others not touched. */
static char *make_memory(void)
{
	char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile char *touched = at;

	assert_true(at != MAP_FAILED);
	madvise(at, PAGES * PAGE, MADV_NOHUGEPAGE);
	touched[1 * PAGE] = 1;
	touched[2 * PAGE] = 1;
	touched[3 * PAGE] = 0;
	touched[7 * PAGE + 100] = 1;
	(void)touched[5 * PAGE];
	(void)touched[10 * PAGE];
	return at;
}

static void assert_run(const struct page_runs *p, size_t run, const char *at, unsigned first, unsigned end)
{
	assert_true(run < p->count);
	assert_int_equal(p->runs[run].lo, (uintptr_t)at + first * PAGE);
	assert_int_equal(p->runs[run].hi, (uintptr_t)at + end * PAGE);
	assert_int_equal(p->runs[run].flags, PAGES_RESIDENT);
}

static void scanned(void **state)
{
	char *at = make_memory();
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	struct page_runs p = { 0 };

	(void)state;
	assert_true(pagemap >= 0);
	if (!scan_pages(&p, pagemap, (uintptr_t)at, (uintptr_t)at + PAGES * PAGE))
		skip(); /* before Linux 6.7 */
	assert_int_equal(p.count, 2);
	assert_run(&p, 0, at, 1, 4);
	assert_run(&p, 1, at, 7, 8);
	assert_false(p.zeros);
	pages_free(&p);
	close(pagemap);
	munmap(at, PAGES * PAGE);
}

/* Entries do not say which pages are that of zeros: as many as the kernel counts less are taken out. */
static void read_one_by_one(void **state)
{
	char *at = make_memory();
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	struct page_runs p = { 0 };
	struct tide_error e = { 0 };
	struct remote self;
	uint64_t bytes = 0;

	(void)state;
	assert_int_equal(remote_open(&self, getpid(), &e), 0);
	read_entries(&p, pagemap, (uintptr_t)at, (uintptr_t)at + PAGES * PAGE);
	assert_true(p.zeros);
	assert_int_equal(p.count, 4);
	assert_run(&p, 0, at, 1, 4);
	assert_run(&p, 1, at, 5, 6);
	pages_zero(&p, 0, 2 * PAGE, &self);
	for (size_t i = 0; i < p.count; i++)
		bytes += p.runs[i].hi - p.runs[i].lo;
	assert_int_equal(bytes, 4 * PAGE);
	/* No page with content goes. */
	assert_run(&p, 0, at, 1, 3);
	pages_free(&p);
	remote_close(&self);
	close(pagemap);
	munmap(at, PAGES * PAGE);
}

static void none(void **state)
{
	struct page_runs p = { 0 };

	(void)state;
	assert_int_equal(pages_read(&p, -1, 0x1000, 0x100000), 0);
	assert_int_equal(p.count, 0);
	pages_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scanned),
		cmocka_unit_test(read_one_by_one),
		cmocka_unit_test(none),
	};

	return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
