/* Unit tests of report/model/perfmap.c. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "report/model/perfmap.h"

static char text[8192];

static struct perfmap parse(const char *s)
{
	struct perfmap map;

	strcpy(text, s);
	perfmap_parse(text, strlen(text), &map);
	return map;
}

static const char *name_at(const struct perfmap *map, uint64_t address)
{
	static struct tide_jit jit[64];
	const struct tide_jit *found;

	for (size_t i = 0; i < map->count; i++)
		jit[i] = (struct tide_jit){ map->entries[i].address, map->entries[i].bytes, (uint32_t)i, 0 };
	found = perfmap_find(jit, map->count, address);
	return found ? map->entries[found->name].name : "none";
}

static void lines(void **state)
{
	struct perfmap map = parse("7f0000001000 20 LazyCompile:*render /srv/app.js:12\n"
				   "0x7F0000000000 10 py::main:/a b.py\r\n"
				   "\n");

	(void)state;
	assert_int_equal(map.count, 2);
	assert_int_equal(map.skipped, 0);
	assert_string_equal(name_at(&map, 0x7f0000001000), "LazyCompile:*render /srv/app.js:12");
	assert_string_equal(name_at(&map, 0x7f000000101f), "LazyCompile:*render /srv/app.js:12");
	assert_string_equal(name_at(&map, 0x7f0000001020), "none");
	assert_string_equal(name_at(&map, 0x7f000000000f), "py::main:/a b.py");
	assert_string_equal(name_at(&map, 0x7effffffffff), "none");
	assert_string_equal(name_at(&map, 0), "none");
	perfmap_free(&map);
}

static void what_does_not_parse(void **state)
{
	struct perfmap map = parse("zzz 10 a\n"
				   "10 zz b\n"
				   "10 10\n"
				   "10 10 \n"
				   "10 0 empty\n"
				   "ffffffffffffffff 10 wraps\n"
				   "11111111111111111 1 long\n"
				   " 10 10 blank\n"
				   "10\t10\ttabs\n"
				   "-1 10 minus\n"
				   "30 4 good\001\033[31m\n"
				   "40 4 unfinished");

	(void)state;
	assert_int_equal(map.count, 1);
	assert_int_equal(map.skipped, 11);
	assert_string_equal(name_at(&map, 0x33), "good??[31m");
	perfmap_free(&map);
	map = parse("");
	assert_int_equal(map.count, 0);
	perfmap_free(&map);
}

/* The later line wins at each address, whatever the order and the nesting. */
static void overlaps(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 300; round++) {
		const char *want[64];
		char source[1024] = "";
		struct perfmap map;

		for (size_t i = 0; i < 64; i++)
			want[i] = "none";
		for (size_t i = 0; i < 10; i++) {
			unsigned start, bytes;

			seed = seed * 1103515245 + 12345;
			start = seed >> 16 & 31;
			bytes = 1 + (seed >> 24 & 15);
			sprintf(source + strlen(source), "%x %x %s\n", start, bytes, names[i]);
			for (size_t k = start; k < start + bytes; k++)
				want[k] = names[i];
		}
		map = parse(source);
		for (size_t k = 0; k < 64; k++)
			assert_string_equal(name_at(&map, k), want[k]);
		for (size_t i = 1; i < map.count; i++)
			assert_true(map.entries[i - 1].address + map.entries[i - 1].bytes
				<= map.entries[i].address);
		perfmap_free(&map);
	}
}

static void files(void **state)
{
	char dir[] = "/tmp/perfmap_test.XXXXXX", path[64], other[64];
	struct tide_error e = { 0 };
	struct perfmap map;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/map", dir);
	snprintf(other, sizeof(other), "%s/link", dir);
	assert_int_equal(perfmap_read(path, geteuid(), 0, &map, &e), 0);
	assert_int_equal(map.count, 0);
	f = fopen(path, "w");
	fputs("1000 10 jitted\n", f);
	fclose(f);
	assert_int_equal(perfmap_read(path, geteuid(), 0, &map, &e), 0);
	assert_int_equal(map.count, 1);
	assert_string_equal(map.entries[0].name, "jitted");
	perfmap_free(&map);
	/* Of a process that had the number before. */
	assert_int_equal(perfmap_read(path, geteuid(), UINT64_MAX, &map, &e), 0);
	assert_int_equal(map.count, 0);
	assert_int_equal(symlink(path, other), 0);
	assert_int_equal(perfmap_read(other, geteuid(), 0, &map, &e), -1);
	unlink(other);
	assert_int_equal(mkfifo(other, 0600), 0);
	assert_int_equal(perfmap_read(other, geteuid(), 0, &map, &e), -1);
	if (geteuid() != 0)
		assert_int_equal(perfmap_read(path, geteuid() + 1, 0, &map, &e), -1);
	else if (chown(path, 12345, 12345) == 0)
		assert_int_equal(perfmap_read(path, 54321, 0, &map, &e), -1);
	unlink(other);
	unlink(path);
	rmdir(dir);
}

static void own_process(void **state)
{
	struct tide_error e = { 0 };
	struct perfmap map;
	char path[64];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("2000 10 mine\n", f);
	fclose(f);
	assert_int_equal(perfmap_read_process(getpid(), 0, &map, &e), 0);
	unlink(path);
	assert_int_equal(map.count, 1);
	assert_string_equal(map.entries[0].name, "mine");
	perfmap_free(&map);
	assert_int_equal(perfmap_read_process(getpid(), 0, &map, &e), 0);
	assert_int_equal(map.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(what_does_not_parse),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(files),
		cmocka_unit_test(own_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
