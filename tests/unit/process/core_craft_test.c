/* Cores that no kernel would write: every number in them may be wrong. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "report/process/core.h"
#include "tests/lib/core_make.h"

static struct core_make m;
static struct core c;
static char folder[64], path[96], library[96];

static int open_core(uint64_t bytes)
{
	struct tide_error e = { 0 };
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), result;

	assert_true(fd >= 0);
	assert_int_equal(core_make_write(&m, fd, bytes), 0);
	close(fd);
	result = core_open(&c, path, &e);
	if (!result)
		return 0;
	assert_true(*e.what && *e.why && e.code == EXIT_USAGE);
	core_close(&c);
	return -1;
}

/* One thread, memory of two pages with words that count. */
static void begin(void)
{
	core_make_begin(&m);
	for (uint64_t i = 0; i < 1024; i++)
		memcpy(m.content + 8 * i, &i, 8);
	core_make_process(&m, 4711, "server");
	core_make_thread(&m, 4711, 0x7f0000001000, 0x400100);
	core_make_segment(&m, 0x7f0000000000, 0x2000, 0x2000, 0, PF_R | PF_W);
}

static void reads_what_is_there(void **unused)
{
	uint64_t word = 0, words[128], from, end;

	(void)unused;
	begin();
	core_make_segment(&m, 0x7f0000002000, 0x3000, 0x1000, 0x1000, PF_R);
	assert_int_equal(open_core(0), 0);
	assert_string_equal(c.why, "");
	assert_int_equal(c.pid, 4711);
	assert_int_equal(c.signal, 6);
	assert_string_equal(c.name, "server");
	assert_string_equal(c.command, "server --serve");
	assert_int_equal(c.stop.count, 1);
	assert_true(stop_general(&c.stop.threads[0]));
	assert_int_equal(c.stop.threads[0].registers.rsp, 0x7f0000001000);
	assert_int_equal(c.stop.threads[0].registers.fs_base, 0x7f0000001040);
	assert_true(remote_word(&c.memory, 0x7f0000000ff8, &word));
	assert_int_equal(word, 511);
	/* Over the border of two segments, and where memory is not in the file. */
	assert_int_equal(remote_read(&c.memory, 0x7f0000001fe0, words, 0x400), 0x400);
	assert_int_equal(words[3], 1023);
	assert_int_equal(words[4], 512);
	assert_int_equal(remote_read(&c.memory, 0x7f0000002f80, words, 256), 128);
	assert_int_equal(words[16], 0);
	assert_false(remote_word(&c.memory, 0x7f0000003000, &word));
	assert_false(remote_word(&c.memory, 0x7f0000006000, &word));
	assert_false(remote_word(&c.memory, UINT64_MAX - 3, &word));
	from = 0;
	assert_true(remote_run(&c.memory, &from, &end, UINT64_MAX));
	assert_int_equal(from, 0x7f0000000000);
	assert_int_equal(end, 0x7f0000002000);
	from = end;
	assert_true(remote_run(&c.memory, &from, &end, UINT64_MAX));
	assert_int_equal(from, 0x7f0000002000);
	assert_int_equal(end, 0x7f0000003000);
	from = end;
	assert_false(remote_run(&c.memory, &from, &end, UINT64_MAX));
	assert_ptr_equal(remote_mapping_at(&c.memory, 0x7f0000004fff), &c.memory.mappings[1]);
	assert_null(remote_mapping_at(&c.memory, 0x7f0000005000));
	assert_true(c.memory.mappings[0].writable && !c.memory.mappings[1].writable);
	assert_string_equal(c.memory.mappings[0].path, "[stack]");
	core_close(&c);
}

static void refuses_what_is_no_core(void **unused)
{
	struct tide_error e = { 0 };

	(void)unused;
	begin();
	m.header.e_type = ET_EXEC;
	assert_int_equal(open_core(0), -1);
	begin();
	m.header.e_machine = EM_AARCH64;
	assert_int_equal(open_core(0), -1);
	begin();
	m.header.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(open_core(0), -1);
	begin();
	m.header.e_ident[0] = 'x';
	assert_int_equal(open_core(0), -1);
	begin();
	m.header.e_phnum = 1;
	assert_int_equal(open_core(0), -1);
	begin();
	m.header.e_phoff = UINT64_MAX - 8;
	assert_int_equal(open_core(0), -1);
	begin();
	m.header.e_phentsize = 1;
	assert_int_equal(open_core(0), -1);
	begin();
	assert_int_equal(open_core(4000), -1);
	assert_int_equal(open_core(1), -1);
	assert_int_equal(core_open(&c, folder, &e), -1);
	assert_int_equal(core_open(&c, "/dev/null", &e), -1);
	assert_int_equal(core_open(&c, "/nowhere/core", &e), -1);
}

static void says_what_was_cut_off(void **unused)
{
	uint64_t word;

	(void)unused;
	begin();
	assert_int_equal(open_core(CORE_MAKE_AT + 0x1800), 0);
	assert_non_null(strstr(c.why, "cut off: 2048 bytes"));
	assert_int_equal(c.missing_bytes, 0x800);
	assert_true(remote_word(&c.memory, 0x7f00000017f8, &word));
	assert_false(remote_word(&c.memory, 0x7f0000001800, &word));
	core_close(&c);
	/* The notes are gone, too. */
	assert_int_equal(open_core(0x1010), 0);
	assert_int_equal(c.stop.count, 0);
	assert_non_null(strstr(c.why, "notes"));
	assert_non_null(strstr(c.why, "threads"));
	core_close(&c);
}

static void survives_any_numbers(void **unused)
{
	static const uint64_t odd[] = { 0, 1, 0xfff, 0x1000, 1ull << 32, 1ull << 47, (1ull << 47) - 1,
		1ull << 63, UINT64_MAX - 4095, UINT64_MAX };
	uint64_t word;

	(void)unused;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		for (int field = 0; field < 6; field++) {
			uint64_t from = 0, end;

			begin();
			core_make_segment(&m, 0x7f0000008000, 0x2000, 0x2000, 0x1000, PF_R);
			switch (field) {
			case 0: m.segment[2].p_offset = odd[i]; break;
			case 1: m.segment[2].p_filesz = odd[i]; break;
			case 2: m.segment[2].p_memsz = odd[i]; break;
			case 3: m.segment[2].p_vaddr = odd[i]; break;
			case 4: m.segment[0].p_offset = odd[i]; break;
			default: m.segment[0].p_filesz = odd[i];
			}
			if (open_core(0))
				continue;
			for (uint64_t a = 0x7f0000000000; a < 0x7f0000010000; a += 0x1000)
				remote_word(&c.memory, a, &word);
			for (unsigned n = 0; remote_run(&c.memory, &from, &end, UINT64_MAX); n++, from = end)
				assert_true(n < 64 && from < end);
			core_close(&c);
		}
}

static void segments_may_overlap(void **unused)
{
	uint64_t word;

	(void)unused;
	begin();
	core_make_segment(&m, 0x7f0000001000, 0x4000, 0x4000, 0, PF_R);
	core_make_segment(&m, 0x7f0000000000, 0x1000, 0x1000, 0x800, PF_R);
	assert_int_equal(open_core(0), 0);
	assert_non_null(strstr(c.why, "overlap"));
	assert_true(remote_word(&c.memory, 0x7f0000000008, &word));
	core_close(&c);
}

/* A library of which the core has the first page; its file has one more. */
static void begin_library(uint8_t id, uint8_t file_id)
{
	struct core_make_file files[] = { { 0x7f1000000000, 0x7f1000001000, 0, library },
		{ 0x7f1000001000, 0x7f1000003000, 1, library } };
	FILE *f;

	begin();
	core_make_module(&m, 0x4000, 0x3000, file_id);
	memset(m.content + 0x5000, 0xab, 0x1800);
	unlink(library);
	f = fopen(library, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(m.content + 0x4000, 1, 0x2800, f), 0x2800);
	fclose(f);
	memset(m.content + 0x5000, 0, 0x1800);
	memset(m.content + 0x4210, id, 20);
	core_make_files(&m, files, 2);
	core_make_segment(&m, 0x7f1000000000, 0x1000, 0x1000, 0x4000, PF_R);
	core_make_segment(&m, 0x7f1000001000, 0x2000, 0, 0, PF_R | PF_X);
}

static void takes_pages_of_the_same_build(void **unused)
{
	uint8_t bytes[0x2000];
	const char *why;

	(void)unused;
	begin_library(7, 7);
	assert_int_equal(open_core(0), 0);
	assert_int_equal(c.file_count, 1);
	assert_int_equal(remote_read(&c.memory, 0x7f1000001000, bytes, 0x2000), 0x2000);
	assert_int_equal(bytes[0], 0xab);
	assert_int_equal(bytes[0x17ff], 0xab);
	assert_int_equal(bytes[0x1800], 0); /* behind the end of the file */
	assert_null(core_file_missing(&c, 0, &why));
	assert_string_equal(remote_mapping_at(&c.memory, 0x7f1000002000)->path, library);
	assert_int_equal(remote_mapping_at(&c.memory, 0x7f1000002000)->offset, 0x1000);
	assert_int_equal(c.memory.mappings[1].inode, c.memory.mappings[2].inode);
	core_close(&c);
}

static void check_refused(const char *reason)
{
	uint64_t word = 1;
	const char *why = "";

	assert_int_equal(open_core(0), 0);
	assert_false(remote_word(&c.memory, 0x7f1000001000, &word));
	assert_int_equal(word, 0);
	assert_string_equal(core_file_missing(&c, 0, &why), library);
	assert_non_null(strstr(why, reason));
	core_close(&c);
}

static void takes_no_pages_of_anything_else(void **unused)
{
	uint64_t word;

	(void)unused;
	begin_library(7, 8);
	check_refused("another build");
	begin_library(7, 7);
	unlink(library);
	check_refused("not on this machine");
	assert_int_equal(mkfifo(library, 0600), 0);
	check_refused("not a regular file");
	/* What was written is in the core, or lost. */
	begin_library(7, 7);
	m.segment[3].p_flags = PF_R | PF_W;
	assert_int_equal(open_core(0), 0);
	assert_false(remote_word(&c.memory, 0x7f1000001000, &word));
	core_close(&c);
	/* Without a build id in the core nothing proves the file. */
	begin_library(7, 7);
	memset(m.content + 0x4200, 0, 64);
	check_refused("build id");
}

static void files_may_be_any(void **unused)
{
	struct core_make_file files[] = { { 0x7f0000001000, 0x7f0000000000, 0, "/a" },
		{ UINT64_MAX - 1, UINT64_MAX, UINT64_MAX, "/b" }, { 0x7f0000001000, 0x7f0000001800, 3, "/c" },
		{ 0x7f0000001400, 0x7f0000009000, 0, "/d (deleted)" }, { 0x1000, 0x2000, 0, "" } };
	uint64_t damaged[3] = { UINT64_MAX, 4096, 0 };

	(void)unused;
	begin();
	core_make_files(&m, files, 5);
	assert_int_equal(open_core(0), 0);
	for (size_t i = 1; i < c.memory.mapping_count; i++)
		assert_true(c.memory.mappings[i].lo >= c.memory.mappings[i - 1].hi
			&& c.memory.mappings[i].hi > c.memory.mappings[i].lo);
	assert_string_equal(remote_mapping_at(&c.memory, 0x7f0000001000)->path, "/c");
	assert_string_equal(remote_mapping_at(&c.memory, 0x7f0000008000)->path, "/d");
	core_close(&c);
	begin();
	core_make_note(&m, "CORE", NT_FILE, damaged, sizeof(damaged));
	assert_int_equal(open_core(0), 0);
	assert_non_null(strstr(c.why, "damaged"));
	core_close(&c);
}

static void a_static_program_is_named(void **unused)
{
	uint64_t vector[] = { AT_ENTRY, 0x400100, AT_BASE, 0, AT_NULL, 0 };
	struct tide_error e = { 0 };

	(void)unused;
	begin();
	core_make_note(&m, "CORE", NT_AUXV, vector, sizeof(vector));
	assert_int_equal(open_core(0), -1);
	assert_int_equal(core_open(&c, path, &e), -1);
	assert_non_null(strstr(e.why, "static"));
}

static int make_folder(void **unused)
{
	(void)unused;
	snprintf(folder, sizeof(folder), "/tmp/core_craft_test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/core", folder);
	snprintf(library, sizeof(library), "%s/library.so", folder);
	return 0;
}

static int remove_folder(void **unused)
{
	(void)unused;
	unlink(path);
	unlink(library);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_there),
		cmocka_unit_test(refuses_what_is_no_core),
		cmocka_unit_test(says_what_was_cut_off),
		cmocka_unit_test(survives_any_numbers),
		cmocka_unit_test(segments_may_overlap),
		cmocka_unit_test(takes_pages_of_the_same_build),
		cmocka_unit_test(takes_no_pages_of_anything_else),
		cmocka_unit_test(files_may_be_any),
		cmocka_unit_test(a_static_program_is_named),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
