/* snapshot_test.c - writing and reading .tide files; damaged, foreign and old ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include "report/model/snapshot.h"
#include "tests/lib/snapshot_folder.h"
#include "tests/lib/snapshot_make.h"

static void write_small(void)
{
	struct snapshot_writer *w = snapshot_make();
	struct tide_error e;

	assert_int_equal(snapshot_writer_finish(w, path, &e), 0);
	snapshot_writer_free(w);
}

static char *file_read(const char *name, size_t *bytes)
{
	FILE *f = fopen(name, "rb");
	char *data = malloc(1 << 20);

	assert_non_null(f);
	*bytes = fread(data, 1, 1 << 20, f);
	fclose(f);
	return data;
}

static void file_write(const char *data, size_t bytes)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, bytes, f), bytes);
	fclose(f);
}

static void check_content(const struct snapshot *s)
{
	assert_int_equal(s->process->pid, 4711);
	assert_string_equal(snapshot_string(s, s->process->command), "example --fast");
	assert_int_equal(s->site_count, 7);
	assert_int_equal(s->sites[4].live_bytes, 200);
	assert_int_equal(s->frame_count, 5);
	assert_string_equal(snapshot_string(s, s->modules[1].build_id), "0123abcd");
	assert_int_equal(s->block_count, 4);
	assert_int_equal(s->edge_start_count, 5);
	assert_int_equal(s->edges[2].to_offset, 8);
	assert_string_equal(snapshot_string(s, s->roots[0].name), "cache");
	assert_int_equal(snapshot_value(s, "missed.early"), 3);
	assert_int_equal(snapshot_value(s, "missed.none"), 0);
	assert_int_equal(s->jit_count, 0);
	assert_null(s->jit);
	assert_string_equal(snapshot_string(s, UINT32_MAX), "");
}

static void test_round_trip(void **state)
{
	struct tide_error e;
	struct snapshot s;
	struct stat st;

	(void)state;
	write_small();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(snapshot_open(path, &s, &e), 0);
	assert_int_equal(s.damaged, 0);
	assert_int_equal(s.process->complete, 1);
	check_content(&s);
	snapshot_verify(&s);
	assert_int_equal(s.damaged, 0);
	snapshot_close(&s);
}

static void test_in_memory(void **state)
{
	struct tide_error e;
	struct snapshot s;

	(void)state;
	assert_int_equal(snapshot_of_writer(snapshot_make(), &s, &e), 0);
	check_content(&s);
	snapshot_close(&s);
}

static void test_compressed(void **state)
{
	struct snapshot_writer *w = snapshot_make();
	struct tide_point zeros[800] = { { 0 } };
	struct tide_error e;
	struct snapshot s;
	struct stat st;

	(void)state;
	snapshot_writer_section(w, SECTION_TIMELINE, sizeof(zeros[0]), zeros, 800, 0);
	snapshot_writer_compress(w, 64, 3);
	assert_int_equal(snapshot_writer_finish(w, path, &e), 0);
	snapshot_writer_free(w);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 10000);
	assert_int_equal(snapshot_open(path, &s, &e), 0);
	assert_int_equal(s.damaged, 0);
	assert_int_equal(s.point_count, 800);
	check_content(&s);
	snapshot_close(&s);
}

/* Every possible cut: either an error in words, or what is whole. */
static void test_truncated(void **state)
{
	size_t bytes, opened = 0, refused = 0;
	char *data;

	(void)state;
	write_small();
	data = file_read(path, &bytes);
	for (size_t n = 0; n < bytes; n++) {
		struct tide_error e;
		struct snapshot s;

		file_write(data, n);
		if (snapshot_open(path, &s, &e)) {
			refused++;
			assert_int_equal(e.code, EXIT_UNMEASURED);
			assert_true(*e.what && *e.why);
			assert_null(strchr(e.what, '\n'));
			continue;
		}
		opened++;
		assert_true(s.damaged && *s.damage);
		assert_int_equal(s.process->complete, 0);
		snapshot_close(&s);
	}
	/* The last sections can be lost without the rest. */
	assert_true(opened > 500 && refused > 500);
	free(data);
}

/* A flipped bit is found, unless it lies in the padding between sections. */
static void test_flipped(void **state)
{
	size_t bytes, unseen = 0;
	char *data;

	(void)state;
	write_small();
	data = file_read(path, &bytes);
	for (size_t n = 0; n < bytes; n++) {
		struct tide_error e;
		struct snapshot s;
		char before = data[n];

		data[n] ^= (char)(1 << n % 8);
		file_write(data, bytes);
		if (!snapshot_open(path, &s, &e)) {
			if (!s.damaged) {
				unseen++;
				check_content(&s);
				assert_int_equal(before, 0);
			}
			snapshot_close(&s);
		}
		data[n] = before;
	}
	assert_true(unseen < 64 * 20);
	free(data);
}

static void refuse(const char *name, const char *word)
{
	struct tide_error e = { 0 };
	struct snapshot s;

	assert_int_equal(snapshot_open(name, &s, &e), -1);
	assert_int_equal(e.code, EXIT_UNMEASURED);
	if (!strstr(e.what, word) && !strstr(e.why, word))
		fail_msg("'%s: %s' lacks '%s'", e.what, e.why, word);
}

static void test_foreign(void **state)
{
	char fifo[160];

	(void)state;
	refuse(folder, "folder");
	refuse("/nonexistent/x.tide", "No such file");
	refuse("/dev/null", "not a regular file");
	file_write("", 0);
	refuse(path, "empty");
	file_write("\x7f"
		   "ELF and so on",
		15);
	refuse(path, "does not begin");
	file_write("\x89TIDE\n\x1a\n0123456789", 18);
	refuse(path, "as text");
	file_write("\x89TID", 4);
	refuse(path, "cut off");
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	refuse(fifo, "pipe");
	unlink(fifo);
}

/* Sets the two checksums that cover header and table again. */
static void reseal(char *data)
{
	struct tide_file_header *h = (void *)data;

	h->table_checksum =
		XXH3_64bits(data + h->table_offset, h->section_count * sizeof(struct tide_section));
	h->header_checksum = XXH3_64bits(h, offsetof(struct tide_file_header, header_checksum));
}

static void test_versions(void **state)
{
	struct snapshot_writer *w = snapshot_make();
	struct {
		struct tide_mapping m;
		uint64_t future[2];
	} longer[2] = { { .m.lo = 1 }, { .m.lo = 2 } };
	struct {
		uint64_t elapsed_ns;
	} shorter[3] = { { 10 }, { 20 }, { 30 } };
	struct tide_error e;
	struct snapshot s;
	size_t bytes;
	char *data;

	(void)state;
	/* Elements of another version, a section of one we do not know. */
	snapshot_writer_section(w, SECTION_MAPPINGS, sizeof(longer[0]), longer, 2, 0);
	snapshot_writer_section(w, SECTION_TIMELINE, sizeof(shorter[0]), shorter, 3, 0);
	snapshot_writer_section(w, 9999, 3, "abcdef", 2, 0);
	assert_int_equal(snapshot_writer_finish(w, path, &e), 0);
	snapshot_writer_free(w);
	assert_int_equal(snapshot_open(path, &s, &e), 0);
	assert_int_equal(s.damaged, 0);
	assert_int_equal(s.mapping_count, 2);
	assert_int_equal(s.mappings[1].lo, 2);
	assert_int_equal(s.point_count, 3);
	assert_int_equal(s.timeline[2].elapsed_ns, 30);
	assert_int_equal(s.timeline[2].live_bytes, 0);
	snapshot_close(&s);

	data = file_read(path, &bytes);
	((struct tide_file_header *)data)->version = TIDE_VERSION + 1;
	reseal(data);
	file_write(data, bytes);
	refuse(path, "format version 2");
	free(data);
}

/* Well-formed checksums around nonsense: what a hostile file would have. */
static void test_hostile(void **state)
{
	size_t bytes;
	char *data, *copy;
	unsigned seed = 7;

	(void)state;
	write_small();
	data = file_read(path, &bytes);
	copy = malloc(bytes);
	for (int i = 0; i < 5000; i++) {
		struct tide_file_header *h = (void *)copy;
		struct tide_section *t;
		struct tide_error e;
		struct snapshot s;
		uint64_t junk = (uint64_t)rand_r(&seed) << (rand_r(&seed) % 34);

		memcpy(copy, data, bytes);
		t = (void *)(copy + h->table_offset);
		t += (unsigned)rand_r(&seed) % h->section_count;
		memcpy((char *)t + rand_r(&seed) % (sizeof(*t) - 8), &junk, 1u << rand_r(&seed) % 4);
		if (rand_r(&seed) % 4 == 0)
			t->checksum = t->offset < bytes && t->stored_bytes <= bytes - t->offset
				? XXH3_64bits(copy + t->offset, t->stored_bytes)
				: 0;
		reseal(copy);
		file_write(copy, bytes);
		if (!snapshot_open(path, &s, &e)) {
			/* Whatever is bound can be read to its end. */
			uint64_t sum = 0;

			for (size_t k = 0; k < s.block_count; k++)
				sum += s.blocks[k].bytes;
			for (size_t k = 0; k < s.site_count; k++)
				sum += s.sites[k].total_bytes;
			if (s.edge_start_count)
				assert_int_equal(s.edge_start_count, s.block_count + 1);
			assert_true(sum + 1);
			snapshot_close(&s);
		}
	}
	free(copy);
	free(data);
}

static void test_names(void **state)
{
	struct snapshot_writer *w = snapshot_make();
	struct tide_error e;
	char *first, *second, wanted[160];

	(void)state;
	unlink(path);
	first = snapshot_writer_finish_unused(w, path, &e);
	second = snapshot_writer_finish_unused(w, path, &e);
	assert_string_equal(first, path);
	snprintf(wanted, sizeof(wanted), "%s/x.1.tide", folder);
	assert_string_equal(second, wanted);
	unlink(second);
	free(first);
	free(second);
	/* Nothing is left behind, and nothing but files is replaced. */
	assert_int_equal(snapshot_writer_finish(w, folder, &e), -1);
	assert_int_equal(snapshot_writer_finish(w, "/dev/null", &e), -1);
	assert_int_equal(snapshot_writer_finish(w, "/nonexistent/x.tide", &e), -1);
	assert_non_null(strstr(e.why, "No such file"));
	snapshot_writer_free(w);
}

/* A link is replaced, not followed. */
static void test_link(void **state)
{
	struct snapshot_writer *w = snapshot_make();
	struct tide_error e;
	char name[160];

	(void)state;
	struct stat st;

	snprintf(name, sizeof(name), "%s/link.tide", folder);
	assert_int_equal(symlink("/dev/full", name), 0);
	assert_int_equal(snapshot_writer_finish(w, name, &e), 0);
	assert_int_equal(lstat(name, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(name);
	snapshot_writer_free(w);
}

static void test_strings(void **state)
{
	struct snapshot_writer *w = snapshot_writer_new();
	uint32_t a = snapshot_writer_string(w, "one"), b = snapshot_writer_string(w, "two");

	(void)state;
	assert_int_equal(snapshot_writer_string(w, ""), 0);
	assert_int_equal(snapshot_writer_string(w, NULL), 0);
	assert_int_equal(snapshot_writer_string(w, "one"), a);
	assert_int_not_equal(a, b);
	snapshot_writer_free(w);
}

static void test_errors(void **state)
{
	struct tide_error e;

	(void)state;
	assert_int_equal(
		error_set(&e, EXIT_USAGE, "cannot open %s|%s, line %d|try %s", "a|b", "why", 7, "x"), -1);
	assert_int_equal(e.code, EXIT_USAGE);
	assert_string_equal(e.what, "cannot open a|b");
	assert_string_equal(e.why, "why, line 7");
	assert_string_equal(e.hint, "try x");
	error_set(&e, EXIT_USAGE, "only this");
	assert_string_equal(e.what, "only this");
	assert_string_equal(e.why, "");
	error_set(&e, EXIT_USAGE, "no why||hint");
	assert_string_equal(e.why, "");
	assert_string_equal(e.hint, "hint");
}

/* FORMAT.md has a chapter for every section of format.h. */
static void test_documented(void **state)
{
	size_t bytes, sections = 0;
	char *code = file_read("report/model/format.h", &bytes), *text, *at = code;

	(void)state;
	code[bytes] = '\0';
	text = file_read("report/model/FORMAT.md", &bytes);
	text[bytes] = '\0';
	while ((at = strstr(at, "\tSECTION_"))) {
		char chapter[32], *equals = strchr(at, '=');

		assert_non_null(equals);
		snprintf(chapter, sizeof(chapter), "\n### %d ", atoi(equals + 1));
		if (!strstr(text, chapter))
			fail_msg("FORMAT.md lacks '%s'", chapter + 1);
		sections++;
		at = equals;
	}
	assert_true(sections >= 25);
	free(code);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_in_memory),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_documented),
	};

	return cmocka_run_group_tests_name("snapshot", tests, snapshot_folder_make, snapshot_folder_remove);
}
