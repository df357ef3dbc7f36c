/* Baselines: the file, moved sites, acceptance of parts, the ratchet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/base/alloc.h"
#include "report/gate/gate.h"

static const char text[] = "# tidemark baseline 1\n"
			   "# tool: tidemark 0.1.0\n"
			   "# exe: server\n"
			   "# arch: x86_64\n"
			   "# libc: glibc 2.36\n"
			   "# peak: 4096\n"
			   "# why: known\n"
			   "aaaa 3 300 1 100 cache_fill  src/cache.c\n"
			   "bbbb 1 24 0 0 operator new(unsigned long)\n"
			   "cccc 2 64 2 64 leaky  src/my file.c\n";

/* Sites by hand: key, live, lost. */
static struct gate_measure measure(struct gate_site *sites, size_t count)
{
	static char exe[] = "server", arch[] = "x86_64", libc[] = "glibc 2.36";

	return (struct gate_measure){ .exe = exe,
		.arch = arch,
		.libc = libc,
		.sites = sites,
		.site_count = count,
		.peak_bytes = 4096,
		.events = 1000 };
}

static struct gate_site site(const char *key, const char *function, const char *file, uint64_t blocks,
	uint64_t bytes, uint64_t lost_blocks, uint64_t lost_bytes)
{
	return (struct gate_site){ .key = (char *)key,
		.function = (char *)function,
		.caller = (char *)function,
		.file = (char *)file,
		.live_blocks = blocks,
		.live_bytes = bytes,
		.lost_blocks = lost_blocks,
		.lost_bytes = lost_bytes };
}

static void load(struct gate_baseline *b)
{
	struct tide_error e = { 0 };

	if (gate_baseline_parse(b, text, strlen(text), "x.base", &e))
		fail_msg("%s: %s", e.what, e.why);
}

static void reads(void **state)
{
	struct gate_baseline b;
	const struct gate_base_site *s;

	(void)state;
	load(&b);
	assert_int_equal(b.site_count, 3);
	assert_string_equal(b.exe, "server");
	assert_string_equal(b.libc, "glibc 2.36");
	assert_int_equal(b.peak_bytes, 4096);
	s = gate_baseline_find(&b, "aaaa");
	assert_int_equal(s->lost_blocks, 1);
	assert_string_equal(s->file, "src/cache.c");
	s = gate_baseline_find(&b, "bbbb");
	assert_string_equal(s->function, "operator new(unsigned long)");
	assert_string_equal(s->file, "");
	assert_string_equal(gate_baseline_find(&b, "cccc")->file, "src/my file.c");
	assert_null(gate_baseline_find(&b, "dddd"));
	gate_baseline_free(&b);
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *what;
	} wrong[] = {
		{ "", "x.base:1: " },
		{ "aaaa 1 1 0 0 f\n", "x.base:1: not a baseline" },
		{ "# tidemark baseline 1\naaaa 1 1 0 f\n", "x.base:2: " },
		{ "# tidemark baseline 1\naaaa 1 1 0 0\n", "x.base:2: " },
		{ "# tidemark baseline 1\naaaa 1 1 2 0 f\n", "x.base:2: " }, /* more lost than live */
		{ "# tidemark baseline 1\naaaa 1 1 99999999999999999999999 0 f\n", "x.base:2: " },
		{ "# tidemark baseline 1\n<<<<<<< HEAD\n", "x.base:2: " },
		{ "# tidemark baseline 1\na 1 1 0 0 f\nb 1 1 0 0 f\na 2 1 0 0 f\n",
			"x.base: site a is here twice" },
	};
	struct gate_baseline b;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct tide_error e = { 0 };

		assert_int_equal(
			gate_baseline_parse(&b, wrong[i].text, strlen(wrong[i].text), "x.base", &e), -1);
		if (strncmp(e.what, wrong[i].what, strlen(wrong[i].what)))
			fail_msg("case %zu: %s", i, e.what);
		assert_int_equal(e.code, EXIT_USAGE);
	}
}

static void written_is_read(void **state)
{
	char path[] = "/tmp/gate_baseline_test.XXXXXX", *file;
	struct gate_site sites[] = {
		site("1111", "plain", "a.c", 5, 500, 2, 200),
		site("2222", "a  b\n\tc", NULL, 1, 1, 0, 0),
		site("3333", "freed", "a.c", 0, 0, 0, 0),
	};
	struct gate_measure m = measure(sites, 3);
	struct gate_baseline b, back;
	struct tide_error e = { 0 };

	(void)state;
	assert_non_null(mkdtemp(path));
	file = alloc_printf("%s/mem/x.base", path);
	gate_baseline_take(&b, &m, "because\nof this");
	assert_int_equal(gate_baseline_save(&b, file, &e), 0);
	assert_int_equal(gate_baseline_load(&back, file, &e), 0);
	assert_int_equal(back.site_count, 2);
	assert_string_equal(back.why, "because of this");
	assert_string_equal(back.sites[1].function, "a b c");
	assert_int_equal(back.sites[0].lost_bytes, 200);
	assert_string_equal(back.exe, "server");
	gate_baseline_free(&b);
	gate_baseline_free(&back);
	unlink(file);
	free(file);
	file = alloc_printf("%s/mem", path);
	assert_int_equal(rmdir(file), 0); /* no temporary file is left */
	free(file);
	rmdir(path);
}

static void missing_says_what_to_do(void **state)
{
	struct gate_baseline b;
	struct tide_error e = { 0 };

	(void)state;
	assert_int_equal(gate_baseline_load(&b, "/nowhere/x.base", &e), -1);
	assert_int_equal(e.code, EXIT_USAGE);
	assert_non_null(strstr(e.hint, "gate --accept"));
}

static void moved(void **state)
{
	struct gate_site sites[] = {
		site("aaaa", "cache_fill", "src/cache.c", 3, 300, 1, 100),
		site("cccd", "elsewhere", "src/z.c", 2, 64, 2, 64), /* leaky, renamed and moved */
		site("eeee", "other", "src/z.c", 2, 65, 2, 65),
	};
	struct gate_measure m = measure(sites, 3);
	const struct gate_base_site *was[3];
	struct gate_baseline b;

	(void)state;
	load(&b);
	gate_baseline_moved(&b, &m, was);
	assert_null(was[0]);
	assert_non_null(was[1]);
	assert_string_equal(was[1]->function, "leaky");
	assert_null(was[2]);
	gate_baseline_free(&b);
}

/* Of several with equal numbers, the one that stayed in its file. */
static void moved_prefers_the_file(void **state)
{
	static const char two[] = "# tidemark baseline 1\n"
				  "aaaa 1 10 1 10 f  a.c\nbbbb 1 10 1 10 g  b.c\ncccc 1 10 1 10 h  c.c\n";
	struct gate_site sites[] = {
		site("xxxx", "n", "b.c", 1, 10, 1, 10),
		site("yyyy", "n", "q.c", 1, 10, 1, 10),
	};
	struct gate_measure m = measure(sites, 2);
	const struct gate_base_site *was[2];
	struct tide_error e = { 0 };
	struct gate_baseline b;

	(void)state;
	assert_int_equal(gate_baseline_parse(&b, two, strlen(two), "x", &e), 0);
	gate_baseline_moved(&b, &m, was);
	assert_string_equal(was[0]->file, "b.c");
	assert_non_null(was[1]);
	assert_string_not_equal(was[1]->file, "b.c");
	gate_baseline_free(&b);
}

static void accepts_parts(void **state)
{
	struct gate_site sites[] = {
		site("aaaa", "cache_fill", "src/cache.c", 9, 900, 9, 900),
		site("dddd", "leaky_two", "src/l.c", 4, 40, 4, 40),
	};
	struct gate_measure m = measure(sites, 2);
	char *globs[] = { "leaky*" };
	struct gate_baseline old, b;

	(void)state;
	load(&old);
	gate_baseline_merge(&b, &old, &m, globs, 1, "why");
	assert_int_equal(b.site_count, 3); /* leaky is gone, leaky_two is new */
	assert_null(gate_baseline_find(&b, "cccc"));
	assert_int_equal(gate_baseline_find(&b, "dddd")->lost_blocks, 4);
	assert_int_equal(gate_baseline_find(&b, "aaaa")->lost_blocks, 1);
	assert_non_null(gate_baseline_find(&b, "bbbb"));
	gate_baseline_free(&b);
	gate_baseline_free(&old);
}

static void ratchet_only_lowers(void **state)
{
	struct gate_site sites[] = {
		site("aaaa", "cache_fill", "src/cache.c", 7, 100, 0, 0), /* more blocks, fewer bytes */
		site("cccd", "moved", "src/z.c", 2, 64, 2, 64),
		site("dddd", "fresh", "src/z.c", 9, 9, 9, 9),
	};
	struct gate_measure m = measure(sites, 3);
	struct gate_baseline b;

	(void)state;
	load(&b);
	m.peak_bytes = 9999;
	assert_int_not_equal(gate_baseline_ratchet(&b, &m), 0);
	assert_int_equal(b.site_count, 2);
	assert_int_equal(gate_baseline_find(&b, "aaaa")->live_blocks, 3);
	assert_int_equal(gate_baseline_find(&b, "aaaa")->live_bytes, 100);
	assert_int_equal(gate_baseline_find(&b, "aaaa")->lost_blocks, 0);
	assert_int_equal(gate_baseline_find(&b, "cccd")->lost_blocks, 2);
	assert_null(gate_baseline_find(&b, "dddd"));
	assert_int_equal(b.peak_bytes, 4096);
	assert_int_equal(gate_baseline_ratchet(&b, &m), 0);
	gate_baseline_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(written_is_read),
		cmocka_unit_test(missing_says_what_to_do),
		cmocka_unit_test(moved),
		cmocka_unit_test(moved_prefers_the_file),
		cmocka_unit_test(accepts_parts),
		cmocka_unit_test(ratchet_only_lowers),
	};
	return cmocka_run_group_tests_name("gate_baseline", tests, NULL, NULL);
}
