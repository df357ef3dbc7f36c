/* ledger_test.c - from a ledger to sections: sums, the peak rule, hostile content. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "tests/lib/ledger_make.h"
#include "report/model/ledger_open.h"
#include "report/model/ledger.h"

static char path[] = "/tmp/tidemark-ledger-XXXXXX";

/* Two threads, one site of two frames, one mapping site, marks, a timeline. */
static void ledger_write(void)
{
	struct ledger_module module = { .lo = 0x400000,
		.hi = 0x500000,
		.bias = 0x400000,
		.build_id_bytes = 3,
		.build_id = { 0xab, 0xcd, 0x01 } };
	struct ledger_thread main_thread = { .tid = 100, .state = LEDGER_THREAD_ALIVE, .name = "main" };
	struct ledger_thread worker = { .tid = 101, .state = LEDGER_THREAD_ALIVE };
	struct ledger_sizes sizes = { .count = { [7] = 2, [8] = 1 } };
	struct ledger_lifetimes lifetimes = { .count = { [0] = 5, [31] = 1 } };
	struct ledger_point point = { .mono_ns = 5, .live_bytes = 300, .rss_bytes = 4096 };
	struct ledger_mark mark = { .mono_ns = 3, .birth = 9, .kind = LEDGER_MARK_USER };
	struct ledger_node outer = { .module = 1, .address = 0x400800 };
	struct ledger_counter *c;
	struct ledger_make m;
	uint32_t site, mapping, node;

	ledger_make_begin(&m, path, 64);
	m.header->pid = 0x3fffffff;
	m.header->peak_version = 7;
	m.header->peak_bytes = 1000;
	m.header->exe = ledger_make_string(&m, "/bin/example");
	m.header->options =
		ledger_make_string(&m, "TIDEMARK_DEPTH=64\nTIDEMARK_SESSION=/x\nTIDEMARK_OUTPUT=a=b.tide\n");
	m.header->missed[MISSED_EARLY] = 3;
	module.path = ledger_make_string(&m, "/bin/example");
	ledger_make_add(&m, LEDGER_MODULES, &module);
	ledger_make_add(&m, LEDGER_THREADS, &main_thread);
	memcpy(worker.name, "0123456789abcdef", sizeof(worker.name)); /* all of it: no NUL at its end */
	ledger_make_add(&m, LEDGER_THREADS, &worker);
	ledger_make_add(&m, LEDGER_SIZES, &sizes);
	ledger_make_add(&m, LEDGER_LIFETIMES, &lifetimes);
	ledger_make_add(&m, LEDGER_TIMELINE, &point);
	mark.name = ledger_make_string(&m, "warm");
	ledger_make_add(&m, LEDGER_MARKS, &mark);
	node = ledger_make_add(&m, LEDGER_NODES, &outer);
	site = ledger_make_site(&m, node, 1, 0x400850, 2);
	mapping = ledger_make_site(&m, node, 1, 0x400870, 2);
	((struct ledger_site *)ledger_make_at(&m, LEDGER_SITES, mapping))->flags = LEDGER_SITE_MAPPING;

	/* The first thread was at its peak in version 7, the second has not changed since. */
	c = ledger_make_counter(&m, 0, site);
	*c = (struct ledger_counter){ .live_bytes = 300,
		.total_bytes = 500,
		.total_blocks = 3,
		.live_blocks = 2,
		.peak_bytes = 450,
		.peak_blocks = 3,
		.version = 7,
		.reallocations = 1,
		.temporary = 1,
		.sizes = 1,
		.lifetimes = 1,
		.size_class = 8 };
	c = ledger_make_counter(&m, 1, site);
	*c = (struct ledger_counter){ .live_bytes = -100,
		.total_bytes = 40,
		.total_blocks = 4,
		.live_blocks = -1,
		.peak_bytes = 9999,
		.peak_blocks = 99,
		.version = 6,
		.size_class = 5 };
	c = ledger_make_counter(&m, 0, mapping);
	*c = (struct ledger_counter){ .live_bytes = 1 << 20,
		.live_blocks = 1,
		.total_bytes = 1 << 20,
		.total_blocks = 1,
		.size_class = 22 };
	ledger_make_end(&m);
}

static void test_sums(void **state)
{
	struct snapshot s;
	struct tide_error e;
	uint32_t site = LEDGER_SITE_FIRST;
	uint64_t small = 0;

	(void)state;
	ledger_write();
	assert_int_equal(snapshot_open(path, &s, &e), 0);
	assert_string_equal(snapshot_reason(s.process->reason), "post-mortem");
	assert_int_equal(s.process->complete, 0);
	assert_string_equal(snapshot_string(&s, s.process->exe), "/bin/example");
	assert_int_equal(s.site_count, LEDGER_SITE_FIRST + 2);
	assert_int_equal(s.sites[site].live_bytes, 200);
	assert_int_equal(s.sites[site].live_blocks, 1);
	assert_int_equal(s.sites[site].total_bytes, 540);
	assert_int_equal(s.sites[site].total_blocks, 7);
	assert_int_equal(s.sites[site].peak_bytes, 450 - 100);
	assert_int_equal(s.sites[site].peak_blocks, 3 - 1);
	assert_int_equal(s.sites[site].temporary, 1);
	assert_int_equal(s.sites[site].reallocations, 1);
	/* Mappings do not belong to the heap. */
	assert_int_equal(s.process->live_bytes, 200);
	assert_int_equal(s.process->total_blocks, 7);
	/* The sum of the sites, not what the shim had published. */
	assert_int_equal(s.process->peak_bytes, 450 - 100);
	/* The histogram of one thread, and "all in one class" of the other. */
	for (size_t i = 0; i < s.size_count; i++)
		if (s.sizes[i].site == site)
			small += s.sizes[i].count
				* (s.sizes[i].class_ == 7                ? 1
						: s.sizes[i].class_ == 8 ? 10
						: s.sizes[i].class_ == 4 ? 100
									 : 100000);
	assert_int_equal(small, 2 + 10 + 400);
	assert_int_equal(s.lifetime_count, 2);
	assert_int_equal(s.lifetimes[1].class_, 31);
	assert_int_equal(s.thread_site_count, 3);
	/* Frames are the nodes. */
	assert_int_equal(s.frames[s.sites[site].frame].address, 0x400850);
	assert_int_equal(s.frames[s.frames[s.sites[site].frame].parent].address, 0x400800);
	assert_string_equal(snapshot_string(&s, s.threads[1].name), "0123456789abcdef");
	assert_int_equal(s.frames[s.sites[site].frame].module, 1);
	assert_string_equal(snapshot_string(&s, s.modules[1].build_id), "abcd01");
	assert_string_equal(snapshot_string(&s, s.marks[0].name), "warm");
	assert_int_equal(s.timeline[0].rss_bytes, 4096);
	assert_int_equal(snapshot_value(&s, "missed.early"), 3);
	assert_int_equal(snapshot_value(&s, "missed.nested"), 0);
	assert_int_equal(s.option_count, 2);
	assert_string_equal(snapshot_string(&s, s.options[1].name), "output");
	assert_string_equal(snapshot_string(&s, s.options[1].value), "a=b.tide");
	snapshot_close(&s);
}

static void test_running(void **state)
{
	struct ledger_make m;
	struct snapshot s;
	struct tide_error e;

	(void)state;
	ledger_make_begin(&m, path, 8);
	m.header->pid = (int)getpid();
	m.header->started_mono_ns = UINT64_MAX / 2;
	ledger_make_end(&m);
	assert_int_equal(snapshot_open(path, &s, &e), 0);
	assert_string_equal(snapshot_reason(s.process->reason), "request");
	assert_int_equal(s.process->live_bytes, 0);
	snapshot_close(&s);
}

static void patch(off_t at, const void *data, size_t bytes)
{
	int fd = open(path, O_RDWR);

	assert_int_equal(pwrite(fd, data, bytes, at), bytes);
	close(fd);
}

/* Whatever the file contains, nothing outside is touched (under ASan), and a
 * snapshot that opens has indices that hold. */
static void hostile_open(void)
{
	struct tide_error e;
	struct snapshot s;

	if (snapshot_open(path, &s, &e)) {
		assert_int_equal(e.code, EXIT_UNMEASURED);
		assert_true(*e.what);
		return;
	}
	for (size_t i = 0; i < s.frame_count; i++) {
		assert_true(!s.frames[i].parent || s.frames[i].parent < s.frame_count);
		assert_true(!s.frames[i].module || s.frames[i].module < s.module_count);
	}
	for (size_t i = 0; i < s.site_count; i++)
		assert_true(!s.sites[i].frame || s.sites[i].frame < s.frame_count);
	for (size_t i = 0; i < s.size_count; i++)
		assert_true(s.sizes[i].site < s.site_count);
	for (size_t i = 0; i < s.thread_site_count; i++)
		assert_true(
			s.thread_sites[i].thread < s.thread_count && s.thread_sites[i].site < s.site_count);
	snapshot_close(&s);
}

static void test_hostile(void **state)
{
	static const uint64_t values[] = { 0, 1, 0x7fffffff, 0xffffffff, UINT64_MAX, UINT64_MAX / 2 };
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < LEDGER_TABLES; i++)
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
			for (size_t field = 0; field < 3; field++) {
				ledger_write();
				patch((off_t)(offsetof(struct ledger_header, table)
					      + (size_t)i * sizeof(struct ledger_table) + field * 8),
					&values[v], 8);
				hostile_open();
			}
	for (int i = 0; i < 2000; i++) {
		ledger_write();
		for (int k = 0; k < 8; k++) {
			uint64_t junk = (uint64_t)rand_r(&seed) << 32 | (uint64_t)rand_r(&seed);

			if (k & 1)
				junk &= 0xff;
			patch(rand_r(&seed) % 60000, &junk, 1u << rand_r(&seed) % 4);
		}
		hostile_open();
	}
}

static void test_cut(void **state)
{
	struct tide_error e;
	struct snapshot s;
	struct ledger_header h;

	(void)state;
	ledger_write();
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(snapshot_open(path, &s, &e), -1);
	assert_int_equal(e.code, EXIT_UNMEASURED);
	/* Without its last tables it still opens, and says what is missing. */
	ledger_write();
	int fd = open(path, O_RDONLY);
	assert_int_equal(pread(fd, &h, sizeof(h), 0), sizeof(h));
	close(fd);
	assert_int_equal(truncate(path, (off_t)h.table[LEDGER_COUNTERS].offset), 0);
	assert_int_equal(snapshot_open(path, &s, &e), 0);
	assert_int_not_equal(snapshot_value(&s, "missed.ledger"), 0);
	snapshot_close(&s);
}

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	close(fd);
	return fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_running),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("ledger", tests, setup, teardown);
}
