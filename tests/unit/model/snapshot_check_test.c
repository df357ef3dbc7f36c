/* snapshot_check_test.c - files that are whole, and whose content no writer would write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>
#include "report/model/snapshot_private.h"
#include "tests/lib/snapshot_folder.h"
#include "tests/lib/snapshot_make.h"

/* A file in memory, to be changed and written again with the right checksums. */
struct file {
	char *data;
	size_t bytes;
};

static struct file small(void)
{
	struct snapshot_writer *w = snapshot_make();
	struct file f = { malloc(1 << 20), 0 };
	struct tide_error e;
	FILE *in;

	assert_int_equal(snapshot_writer_finish(w, path, &e), 0);
	snapshot_writer_free(w);
	in = fopen(path, "rb");
	assert_non_null(in);
	f.bytes = fread(f.data, 1, 1 << 20, in);
	fclose(in);
	return f;
}

static struct tide_section *section(const struct file *f, uint32_t kind)
{
	struct tide_file_header *h = (void *)f->data;
	struct tide_section *t = (void *)(f->data + h->table_offset);

	for (uint32_t i = 0; i < h->section_count; i++)
		if (t[i].kind == kind)
			return &t[i];
	fail_msg("no section %u", kind);
	return NULL;
}

static void *content(const struct file *f, uint32_t kind) { return f->data + section(f, kind)->offset; }

/* Writes it, `extra` bytes longer than it is, and opens it. */
static int reopen(struct file *f, uint64_t extra, struct snapshot *s, struct tide_error *e)
{
	struct tide_file_header *h = (void *)f->data;
	struct tide_section *t = (void *)(f->data + h->table_offset);
	FILE *out = fopen(path, "wb");

	h->file_bytes = f->bytes + extra;
	for (uint32_t i = 0; i < h->section_count; i++)
		if (t[i].offset + t[i].stored_bytes <= f->bytes)
			t[i].checksum = XXH3_64bits(f->data + t[i].offset, t[i].stored_bytes);
	h->table_checksum = XXH3_64bits(t, h->section_count * sizeof(*t));
	h->header_checksum = XXH3_64bits(h, offsetof(struct tide_file_header, header_checksum));
	assert_non_null(out);
	assert_int_equal(fwrite(f->data, 1, f->bytes, out), f->bytes);
	fclose(out);
	assert_int_equal(truncate(path, (off_t)(f->bytes + extra)), 0);
	free(f->data);
	return snapshot_open(path, s, e);
}

/* Opens, expects damage that names `words`, and leaves the snapshot open. */
static void expect_damage(struct file *f, const char *words, struct snapshot *s)
{
	struct tide_error e;

	assert_int_equal(reopen(f, 0, s, &e), 0);
	assert_true(s->damaged);
	assert_int_equal(s->process->complete, 0);
	if (!strstr(s->damage, words))
		fail_msg("damage: %s", s->damage);
}

static void test_parents(void **state)
{
	struct file f = small();
	struct tide_frame *frame = content(&f, SECTION_FRAMES);
	struct snapshot s;

	(void)state;
	frame[2].parent = 3;
	frame[3].parent = 2;
	expect_damage(&f, "circles", &s);
	assert_int_equal(s.frames[2].parent, 0);
	assert_int_equal(s.frames[3].parent, 2);
	snapshot_close(&s);
}

/* One long chain of frames, and many sites at its end: every stack is too long. */
static void test_long_stacks(void **state)
{
	enum { FRAMES = 60000, SITES = 20000 };
	struct tide_frame *frames = calloc(FRAMES, sizeof(*frames));
	struct tide_site *sites = calloc(SITES, sizeof(*sites));
	struct tide_process process = { .complete = 1 };
	struct snapshot_writer *w = snapshot_writer_new();
	struct tide_error e;
	struct snapshot s;
	uint64_t walked = 0;

	(void)state;
	for (uint32_t i = 1; i < FRAMES; i++)
		frames[i].parent = i - 1;
	for (uint32_t i = SITE_FIRST; i < SITES; i++)
		sites[i].frame = FRAMES - 1;
	snapshot_writer_section(w, SECTION_PROCESS, sizeof(process), &process, 1, SNAPSHOT_COPY);
	snapshot_writer_section(w, SECTION_FRAMES, sizeof(*frames), frames, FRAMES, SNAPSHOT_TAKE);
	snapshot_writer_section(w, SECTION_SITES, sizeof(*sites), sites, SITES, SNAPSHOT_TAKE);
	assert_int_equal(snapshot_writer_finish(w, path, &e), 0);
	snapshot_writer_free(w);
	assert_int_equal(snapshot_open(path, &s, &e), 0);
	assert_true(s.damaged);
	for (size_t i = 0; i < s.site_count; i++)
		for (uint32_t at = s.sites[i].frame; at; at = s.frames[at].parent)
			walked++;
	assert_true(walked < 2 * 64 * (uint64_t)SITES);
	snapshot_close(&s);
}

/* Every index that counts elements of another section, beyond its end. */
static void test_indices(void **state)
{
	struct file f = small();
	struct snapshot s;

	(void)state;
	((struct tide_frame *)content(&f, SECTION_FRAMES))[1].module = 2;
	((struct tide_site *)content(&f, SECTION_SITES))[4].frame = UINT32_MAX;
	((struct tide_bin *)content(&f, SECTION_SIZES))[0].site = 7;
	((struct tide_birth *)content(&f, SECTION_BIRTHS))[0].site = 1u << 31;
	((struct tide_thread *)content(&f, SECTION_THREADS))[0].entry_frame = 5;
	((struct tide_block *)content(&f, SECTION_BLOCKS))[0].site = 7;
	((struct tide_block *)content(&f, SECTION_BLOCKS))[0].thread = 2;
	((struct tide_root *)content(&f, SECTION_ROOTS))[0].module = 9;
	((struct tide_root *)content(&f, SECTION_ROOTS))[0].frame = 9;
	((struct tide_root *)content(&f, SECTION_ROOTS))[0].thread = 9;
	expect_damage(&f, "not there", &s);
	assert_int_equal(s.frames[1].module, 0);
	assert_int_equal(s.sites[4].frame, 0);
	assert_int_equal(s.sites[5].frame, 3);
	assert_int_equal(s.sizes[0].site, 0);
	assert_int_equal(s.births[0].site, 0);
	assert_int_equal(s.threads[0].entry_frame, 0);
	assert_int_equal(s.blocks[0].site, 0);
	assert_int_equal(s.blocks[0].thread, UINT32_MAX);
	assert_int_equal(s.blocks[1].site, 4);
	assert_int_equal(s.roots[0].module, 0);
	assert_int_equal(s.roots[0].frame, 0);
	assert_int_equal(s.roots[0].thread, UINT32_MAX);
	/* The references are whole, and so are kept. */
	assert_int_equal(s.edge_count, 3);
	snapshot_trim(&s);
	assert_int_equal(s.blocks[0].site, 0);
	snapshot_close(&s);
}

static void test_references(void **state)
{
	struct file f = small();
	struct snapshot s;

	(void)state;
	((struct tide_edge *)content(&f, SECTION_EDGES))[2].block = 4;
	expect_damage(&f, "references name blocks", &s);
	assert_int_equal(s.edge_count, 0);
	assert_int_equal(s.edge_start_count, 0);
	assert_int_equal(s.block_count, 4);
	snapshot_close(&s);

	f = small();
	((struct tide_root_edge *)content(&f, SECTION_ROOT_EDGES))[0].root = 1;
	expect_damage(&f, "references from roots name roots", &s);
	assert_int_equal(s.root_edge_count, 0);
	assert_int_equal(s.edge_count, 3);
	snapshot_close(&s);
}

static void test_rows(void **state)
{
	static const uint64_t wrong[][5] = { { 0, 3, 2, 3, 3 }, { 0, 3, 0, 3, 3 }, { 0, 1, 2, 3, 4 } };
	struct snapshot s;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct file f = small();

		memcpy(content(&f, SECTION_EDGE_STARTS), wrong[i], sizeof(wrong[i]));
		expect_damage(&f, "overlap", &s);
		assert_int_equal(s.edge_start_count, 0);
		snapshot_close(&s);
	}
}

/* References whose rows are missing: nobody could say which block they are in. */
static void test_rows_missing(void **state)
{
	struct file f = small();
	struct snapshot s;

	(void)state;
	section(&f, SECTION_EDGE_STARTS)->kind = 60000;
	expect_damage(&f, "references and blocks do not fit each other", &s);
	assert_int_equal(s.edge_count, 0);
	assert_int_equal(s.block_count, 4);
	snapshot_close(&s);
}

/* A kind that the table names again and again, without elements, in a file so large that checksums are
 * put off: there were eight places for them. */
static void test_named_again(void **state)
{
	struct file f = small();
	struct tide_file_header *h = (void *)f.data;
	struct tide_section *table = (void *)(f.data + f.bytes);
	struct tide_error e;
	struct snapshot s;

	(void)state;
	memset(table, 0, 64 * sizeof(*table));
	table[0] = *section(&f, SECTION_PROCESS);
	table[1] = *section(&f, SECTION_STRINGS);
	table[2] = *section(&f, SECTION_SITES);
	for (int i = 3; i < 64; i++)
		table[i] = (struct tide_section){
			.kind = SECTION_BLOCKS + (uint32_t)i % 5, .element_bytes = 32, .offset = 64
		};
	h->table_offset = f.bytes;
	h->section_count = 64;
	f.bytes += 64 * sizeof(*table);
	assert_int_equal(reopen(&f, SNAPSHOT_EAGER_BYTES, &s, &e), 0);
	snapshot_verify(&s);
	assert_int_equal(s.block_count, 0);
	assert_int_equal(s.site_count, 7);
	snapshot_close(&s);
}

/* In a large file blocks and references are checked by snapshot_verify. */
static void test_put_off(void **state)
{
	struct file f = small();
	struct tide_error e;
	struct snapshot s;

	(void)state;
	((struct tide_block *)content(&f, SECTION_BLOCKS))[0].site = 7;
	assert_int_equal(reopen(&f, SNAPSHOT_EAGER_BYTES, &s, &e), 0);
	assert_false(s.damaged);
	snapshot_verify(&s);
	assert_true(s.damaged);
	assert_int_equal(s.process->complete, 0);
	assert_int_equal(s.blocks[0].site, 0);
	snapshot_close(&s);
}

/* Few bytes that stand for very many. */
static void test_bomb(void **state)
{
	const size_t plain = 512u << 20;
	struct file f = small();
	struct tide_section *t = section(&f, SECTION_BLOCKS);
	char *zeros = calloc(1, plain);
	struct rusage before, after;
	struct tide_error e;
	struct snapshot s;

	(void)state;
	getrusage(RUSAGE_SELF, &before);
	t->offset = f.bytes;
	t->stored_bytes = ZSTD_compress(f.data + f.bytes, (1 << 20) - f.bytes, zeros, plain, 1);
	assert_false(ZSTD_isError(t->stored_bytes));
	t->plain_bytes = plain;
	t->encoding = 1;
	f.bytes += t->stored_bytes;
	free(zeros);
	assert_int_equal(reopen(&f, 0, &s, &e), 0);
	getrusage(RUSAGE_SELF, &after);
	assert_true(s.damaged);
	assert_int_equal(s.block_count, 0);
	assert_true((after.ru_maxrss - before.ru_maxrss) < 100 << 10);
	snapshot_close(&s);
}

/* What the writer compresses is always within the limit of the reader. */
static void test_dense(void **state)
{
	const uint64_t count = 4u << 20;
	struct snapshot_writer *w = snapshot_make();
	struct tide_point *zeros = calloc(count, sizeof(*zeros));
	struct tide_error e;
	struct snapshot s;

	(void)state;
	snapshot_writer_section(w, SECTION_TIMELINE, sizeof(*zeros), zeros, count, SNAPSHOT_TAKE);
	snapshot_writer_compress(w, 64, 1);
	assert_int_equal(snapshot_writer_finish(w, path, &e), 0);
	snapshot_writer_free(w);
	assert_int_equal(snapshot_open(path, &s, &e), 0);
	assert_false(s.damaged);
	assert_int_equal(s.point_count, count);
	snapshot_close(&s);
}

static void test_rounds(void **state)
{
	static const uint64_t wrong[][2] = { { UINT64_MAX, 3 }, { 127, 1 }, { 10, 0 }, { 0, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct snapshot_writer *w = snapshot_make();
		struct tide_rounds rounds = { .site = 4 };
		struct tide_value values[2] = { { snapshot_writer_string(w, "rounds"), 0, wrong[i][0] },
			{ snapshot_writer_string(w, "rounds.width"), 0, wrong[i][1] } };
		struct tide_error e;
		struct snapshot s;

		for (uint32_t k = 0; k < w->section_count; k++)
			if (w->sections[k].kind == SECTION_COVERAGE) {
				w->sections[k].data = values;
				w->sections[k].count = 2;
			}
		snapshot_writer_section(w, SECTION_ROUNDS, sizeof(rounds), &rounds, 1, SNAPSHOT_COPY);
		assert_int_equal(snapshot_writer_finish(w, path, &e), 0);
		snapshot_writer_free(w);
		assert_int_equal(snapshot_open(path, &s, &e), 0);
		assert_true(s.damaged);
		assert_int_equal(s.rounds_count, 0);
		snapshot_close(&s);
	}
}

/* Regions, pages and chunks that overlap or lie outside of all addresses; arenas that do not exist. */
static void test_memory(void **state)
{
	static const struct tide_region regions[][2] = {
		{ { .lo = 0x1000, .hi = 0x3000, .kind = REGION_FILE },
			{ .lo = 0x2000, .hi = 0x4000, .kind = REGION_FILE } },
		{ { .lo = 0x1000, .hi = 0x3000, .kind = REGION_FILE },
			{ .lo = 0x4000, .hi = 0x4000, .kind = REGION_FILE } },
		{ { .lo = 0x1000, .hi = 0x3000, .kind = REGION_FILE },
			{ .lo = 0x4000, .hi = UINT64_MAX, .kind = REGION_FILE } },
		{ { .lo = 0x1000, .hi = 0x3000, .kind = REGION_FILE },
			{ .lo = 0x4000, .hi = 0x5000, .kind = REGION_HEAP, .item = 3 } },
		{ { .lo = 0x1000, .hi = 0x3000, .kind = REGION_FILE },
			{ .lo = 0x4000, .hi = 0x5000, .kind = REGION_FILE, .resident_bytes = UINT64_MAX } },
	};
	static const struct tide_pages pages[2] = { { 0x1000, 4, 1 }, { 0x2000, 1, 1 } };
	static const struct tide_chunk chunks[2] = { { 0x1000, 0x2000, CHUNK_BIN, UINT32_MAX },
		{ 0x2000, 0x10, CHUNK_BIN, UINT32_MAX } };

	(void)state;
	for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
		struct snapshot_writer *w = snapshot_make();
		struct tide_error e;
		struct snapshot s;

		snapshot_writer_section(w, SECTION_REGIONS, sizeof(regions[0][0]), regions[i], 2, 0);
		snapshot_writer_section(w, SECTION_PAGES, sizeof(pages[0]), pages, 2, 0);
		snapshot_writer_section(w, SECTION_CHUNKS, sizeof(chunks[0]), chunks, 2, 0);
		assert_int_equal(snapshot_writer_finish(w, path, &e), 0);
		snapshot_writer_free(w);
		assert_int_equal(snapshot_open(path, &s, &e), 0);
		assert_true(s.damaged);
		assert_int_equal(s.region_count, 0);
		assert_int_equal(s.page_run_count, 0);
		assert_int_equal(s.chunk_count, 0);
		snapshot_close(&s);
	}
}

/* A file that becomes shorter while it is read: a sentence, and the status of what could not be measured. */
static void test_cut_off_meanwhile(void **state)
{
	char text[256] = "";
	int status, ends[2];

	(void)state;
	free(small().data);
	assert_int_equal(pipe(ends), 0);
	if (!fork()) {
		struct tide_error e;
		struct snapshot s;

		dup2(ends[1], STDERR_FILENO);
		if (snapshot_open(path, &s, &e) || truncate(path, 0))
			_exit(99);
		_exit(s.blocks[0].site == 4 ? 98 : 97);
	}
	close(ends[1]);
	assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
	close(ends[0]);
	assert_true(wait(&status) > 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_UNMEASURED);
	assert_non_null(strstr(text, "cut off while it was read"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parents),
		cmocka_unit_test(test_long_stacks),
		cmocka_unit_test(test_indices),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_rows_missing),
		cmocka_unit_test(test_named_again),
		cmocka_unit_test(test_put_off),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_dense),
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cut_off_meanwhile),
	};

	return cmocka_run_group_tests_name(
		"snapshot_check", tests, snapshot_folder_make, snapshot_folder_remove);
}
