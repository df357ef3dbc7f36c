/* The process of a snapshot in a file is replaced in place; what is not a whole snapshot stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "report/model/snapshot.h"
#include "tests/lib/snapshot_folder.h"
#include "tests/lib/snapshot_make.h"

static void write_snapshot(uint64_t compress)
{
	struct snapshot_writer *w = snapshot_make();
	struct tide_error e;

	snapshot_writer_compress(w, compress, 3);
	assert_int_equal(snapshot_writer_finish(w, path, &e), 0);
	snapshot_writer_free(w);
}

static struct tide_process read_process(void)
{
	struct tide_process p;
	struct tide_error e;
	struct snapshot s;

	assert_int_equal(snapshot_open(path, &s, &e), 0);
	snapshot_verify(&s);
	assert_int_equal(s.damaged, 0);
	assert_int_equal(s.block_count, 4);
	assert_string_equal(snapshot_string(&s, s.process->command), "example --fast");
	p = *s.process;
	snapshot_close(&s);
	return p;
}

static void status_is_replaced(void **state)
{
	struct tide_process p;
	struct stat before, after;

	(void)state;
	for (uint64_t compress = 0; compress <= 4096; compress += 4096) {
		write_snapshot(compress);
		p = read_process();
		p.exit_status = 3;
		p.exit_signal = 11;
		assert_int_equal(stat(path, &before), 0);
		assert_true(snapshot_patch_process(path, &p));
		assert_int_equal(stat(path, &after), 0);
		assert_int_equal(before.st_ino, after.st_ino);
		assert_int_equal(before.st_size, after.st_size);
		p = read_process();
		assert_int_equal(p.exit_status, 3);
		assert_int_equal(p.exit_signal, 11);
	}
}

static void another_process_is_not(void **state)
{
	struct tide_process p, other;

	(void)state;
	write_snapshot(0);
	p = other = read_process();
	other.pid++;
	assert_false(snapshot_patch_process(path, &other));
	other = p;
	other.started_wall_ns++;
	assert_false(snapshot_patch_process(path, &other));
	p = read_process();
	assert_int_equal(p.pid, 4711);
}

static char *read_bytes(size_t *bytes)
{
	char *data = malloc(1 << 20);
	FILE *f = fopen(path, "rb");

	assert_non_null(f);
	*bytes = fread(data, 1, 1 << 20, f);
	fclose(f);
	return data;
}

static void write_bytes(const char *data, size_t bytes)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, bytes, f), bytes);
	fclose(f);
}

/* Every cut within the first page, and every flipped byte of header and table: the file is not written. */
static void damaged_file_stays(void **state)
{
	struct tide_process p;
	size_t bytes, again;
	char *data, *now;

	(void)state;
	write_snapshot(0);
	p = read_process();
	p.exit_status = 3;
	data = read_bytes(&bytes);
	for (size_t n = 0; n < 300; n++) {
		write_bytes(data, n);
		assert_false(snapshot_patch_process(path, &p));
		data[n] ^= 0x10;
		write_bytes(data, bytes);
		if (n < 48 || n >= 64) {
			assert_false(snapshot_patch_process(path, &p));
			now = read_bytes(&again);
			assert_int_equal(again, bytes);
			assert_memory_equal(now, data, bytes);
			free(now);
		}
		data[n] ^= 0x10;
	}
	free(data);
	assert_false(snapshot_patch_process("/nonexistent/x.tide", &p));
	assert_false(snapshot_patch_process(folder, &p));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_is_replaced),
		cmocka_unit_test(another_process_is_not),
		cmocka_unit_test(damaged_file_stays),
	};

	return cmocka_run_group_tests(tests, snapshot_folder_make, snapshot_folder_remove);
}
