/* Unit tests of report/symbol/symbol.c on snapshots made in memory. */
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

#include "report/model/snapshot.h"
#include "report/symbol/site_key.h"
#include "report/symbol/symbol.h"
#include "report/symbol/symbol_alike.h"
#include "tests/lib/symbol_make.h"

/* A snapshot in memory: one program, the shim, a stack or two. */
struct fake {
	struct snapshot s;
	struct tide_process process;
	struct tide_module modules[4];
	struct tide_frame frames[16];
	struct tide_site sites[SITE_FIRST + 8];
	struct tide_code codes[2];
	struct tide_jit jit[1];
	struct tide_symbol symbols[4];
	char strings[1024];
	uint32_t used;
};

static uint32_t text(struct fake *f, const char *s)
{
	uint32_t at = f->used;

	strcpy(f->strings + at, s);
	f->used += (uint32_t)strlen(s) + 1;
	return at;
}

static void fake_init(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	f->used = 1;
	f->s = (struct snapshot){
		.process = &f->process,
		.strings = f->strings,
		.strings_bytes = sizeof(f->strings),
		.modules = f->modules,
		.module_count = 4,
		.frames = f->frames,
		.frame_count = 16,
		.sites = f->sites,
		.site_count = SITE_FIRST + 8,
	};
}

static void stacks_of_a_snapshot(void **state)
{
	const uint64_t bias = 0x555500000000;
	const struct symbol_line *lines;
	struct symbols *y;
	struct fake f;
	uint64_t at;
	size_t n;

	(void)state;
	assert_int_equal(run("gcc -g -O2 -o app inline.c"), 0);
	at = printed("app", "inline");
	fake_init(&f);
	f.modules[1] = (struct tide_module){
		.bias = bias, .path = text(&f, path_of("app")), .build_id = text(&f, build_id_of("app"))
	};
	f.modules[2] = (struct tide_module){ .bias = bias, .path = text(&f, "/nowhere/libgone.so.3") };
	f.modules[3] = (struct tide_module){ .path = text(&f, "/x/libtidemark.so"), .flags = MODULE_SHIM };
	f.frames[1] = (struct tide_frame){ 0, 2, bias + 0x1234, 0, 0 };
	f.frames[2] = (struct tide_frame){ 1, 1, bias + at, 0, 0 };
	f.frames[3] = (struct tide_frame){ 2, 3, 0x10, 0, 0 };
	/* The exact address of a signal frame: the instruction after the call. */
	f.frames[4] = (struct tide_frame){ 0, 1, bias + at - 1, FRAME_SIGNAL, 0 };
	f.frames[5] = (struct tide_frame){ 0, 0, 0x7f0000001010, 0, 0 };
	f.frames[6] = (struct tide_frame){ 7, 1, bias + at, 0, 0 }; /* a ring */
	f.frames[7] = (struct tide_frame){ 6, 9, 5, 0, 0 };         /* no such module */
	f.frames[8] = (struct tide_frame){ 99, 0, 0x99, 0, 0 };
	f.sites[6].frame = 3;
	f.sites[2].frame = 5;
	f.sites[3].frame = 6;
	f.sites[4].frame = 8;
	f.sites[5].frame = 77;
	f.jit[0] = (struct tide_jit){ 0x7f0000001000, 0x20, text(&f, "LazyCompile:*render app.js:12"), 0 };
	f.s.jit = f.jit;
	f.s.jit_count = 1;
	y = symbols_new(&f.s);

	lines = symbols_stack(y, 6, &n);
	assert_int_equal(n, 4);
	assert_string_equal(lines[0].function, "inner");
	assert_true(lines[0].inlined && lines[1].inlined && !lines[2].inlined && !lines[3].inlined);
	assert_string_equal(lines[2].function, "outer");
	assert_int_equal(lines[2].line, 15);
	assert_string_equal(lines[2].module, path_of("app"));
	assert_int_equal(lines[2].address, bias + at);
	assert_string_equal(lines[3].function, "libgone.so.3+0x1234");
	assert_false(lines[3].has_symbol);
	assert_true(lines[2].has_symbol);
	assert_ptr_equal(lines, symbols_stack(y, 6, &n));
	assert_string_equal(symbols_frame(y, 4, &n)->function, "inner");
	assert_int_equal(symbols_frame(y, 4, &n)->line, 10);

	assert_string_equal(symbols_frame(y, 5, &n)->function, "LazyCompile:*render app.js:12");
	assert_null(symbols_frame(y, 5, &n)->module);
	assert_string_equal(symbols_frame(y, 8, &n)->function, "0x99");
	assert_string_equal(symbols_frame(y, 7, &n)->function, "0x5");
	symbols_stack(y, 3, &n);
	assert_true(n >= 4);
	for (uint32_t site = 4; site < 12; site++) {
		lines = symbols_stack(y, site, &n);
		assert_true(n >= 1);
		assert_non_null(lines[0].function);
		assert_non_null(symbols_top(y, site)->function);
	}
	symbols_stack(y, UINT32_MAX, &n);
	assert_int_equal(n, 1);
	f.sites[SITE_NESTED].frame = 0;
	assert_string_equal(symbols_top(y, SITE_NESTED)->function, "(inside a signal handler)");
	assert_true(symbols_without_source(y) > 0 && symbols_without_source(y) < 1);
	symbols_free(y);
}

static void callers_and_stored_symbols(void **state)
{
	static const char *const names[] = { "operator new(unsigned long)",
		"std::vector<int, std::allocator<int> >::_M_realloc_insert<int>(int&&)", "load_table",
		"main" };
	const struct symbol_line *lines;
	struct symbols *y;
	struct fake f;
	size_t n;

	(void)state;
	fake_init(&f);
	f.modules[1].path = text(&f, "/nowhere/app");
	for (uint32_t i = 0; i < 4; i++)
		f.symbols[i] = (struct tide_symbol){ i == 0 ? 1 : 2, text(&f, names[i]), 0, i, 0, 0 };
	f.symbols[2].file = text(&f, "/src/load.cc");
	f.s.symbols = f.symbols;
	f.s.symbol_count = 4;
	f.frames[1] = (struct tide_frame){ 2, 1, 0x100, 0, 0 };
	f.frames[2] = (struct tide_frame){ 0, 1, 0x200, 0, 0 };
	f.sites[1].frame = 1;
	y = symbols_new(&f.s);
	assert_int_equal(symbols_caller(y, 1), 2);
	assert_string_equal(symbols_top(y, 1)->function, "load_table");
	assert_string_equal(symbols_top(y, 1)->file, "/src/load.cc");
	lines = symbols_stack(y, 1, &n);
	assert_int_equal(n, 4);
	assert_true(lines[0].wrapper && lines[1].wrapper && !lines[2].wrapper);
	assert_true(lines[0].has_symbol && !lines[0].inlined && lines[1].inlined && !lines[3].inlined);
	assert_null(lines[0].file);
	symbols_free(y);

	/* Nothing but wrappers: the outermost. */
	f.s.symbol_count = 2;
	y = symbols_new(&f.s);
	assert_int_equal(symbols_caller(y, 1), 1);
	symbols_free(y);
}

/* Any numbers in the file: lines come out, and nothing is read out of bounds. */
static void numbers_that_make_no_sense(void **state)
{
	static const uint32_t odd[] = { 0, 1, 2, 3, 7, 15, 16, 17, 1000, UINT32_MAX - 1, UINT32_MAX };
	unsigned seed = 3;
	struct fake f;

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct symbols *y;
		uint32_t *words = (uint32_t *)f.modules;
		size_t n,
			count = (sizeof(f.modules) + sizeof(f.frames) + sizeof(f.sites) + sizeof(f.jit)
					+ sizeof(f.symbols))
			/ 4;

		fake_init(&f);
		for (size_t i = 0; i < count; i++) {
			seed = seed * 1103515245 + 12345;
			words[i] = odd[(seed >> 16) % (sizeof(odd) / sizeof(*odd))];
		}
		strcpy(f.strings + 1, "/bin/sh");
		f.s.jit = f.jit;
		f.s.jit_count = 1;
		f.s.symbols = f.symbols;
		f.s.symbol_count = (size_t)(round % 5);
		y = symbols_new(&f.s);
		for (uint32_t i = 0; i < 20; i++) {
			const struct symbol_line *line = symbols_stack(y, i, &n);

			assert_true(n > 0 && symbols_caller(y, i) < n);
			for (size_t k = 0; k < n; k++)
				assert_non_null(line[k].function);
			symbols_frame(y, i, &n);
			symbols_variable(y, i, i, NULL, NULL);
		}
		symbols_free(y);
	}
}

static void warns_once_of_another_build(void **state)
{
	struct symbols *y;
	struct fake f;
	size_t n;

	(void)state;
	assert_int_equal(run("gcc -g -O2 -o app inline.c"), 0);
	fake_init(&f);
	f.modules[1] =
		(struct tide_module){ .path = text(&f, path_of("app")), .build_id = text(&f, "00112233") };
	f.modules[2] = f.modules[1];
	for (uint32_t i = 1; i < 6; i++)
		f.frames[i] = (struct tide_frame){ 0, 1 + i % 2, 0x1000 + i, 0, 0 };
	y = symbols_new(&f.s);
	assert_null(symbols_warning(y, 0));
	for (uint32_t i = 1; i < 6; i++)
		assert_int_equal(strncmp(symbols_frame(y, i, &n)->function, "app+0x", 6), 0);
	assert_non_null(symbols_warning(y, 0));
	assert_null(symbols_warning(y, 1));
	symbols_free(y);

	/* Without a build id the names are used, and the doubt is said. */
	f.modules[1].build_id = f.modules[2].build_id = 0;
	f.process.taken_wall_ns = 1000000000;
	y = symbols_new(&f.s);
	symbols_frame(y, 1, &n);
	assert_non_null(strstr(symbols_warning(y, 0) ?: "", "newer than the snapshot"));
	symbols_free(y);
	f.process.taken_wall_ns = UINT64_MAX;
	y = symbols_new(&f.s);
	symbols_frame(y, 1, &n);
	assert_null(symbols_warning(y, 0));
	symbols_free(y);
}

/* An interpreter that specialises its code reaches a line by several ways of its own. */
static void sites_that_only_frames_left_out_tell_apart(void **state)
{
	/* Of sites SITE_FIRST on: which are shown alike, or 0. */
	static const uint32_t frame[8] = { 3, 5, 2, 6, 7, 8, 9, 4 }, kind[8] = { 1, 1, 1, 2, 2, 3, 1, 1 };
	uint64_t key[2][8], line13 = UINT64_C(1) << 42 | 13,
			    later = UINT64_C(1) << 42 | UINT64_C(5) << 21 | 13;
	const uint32_t *alike;
	struct site_keys *k;
	struct symbols *y;
	struct fake f;

	(void)state;
	fake_init(&f);
	f.codes[1] = (struct tide_code){ .name = text(&f, "serve"), .file = text(&f, "workers.py") };
	f.s.codes = f.codes;
	f.s.code_count = 2;
	f.modules[1] = (struct tide_module){ .path = text(&f, "/nowhere/python3"), .flags = MODULE_PYTHON };
	f.modules[2] = (struct tide_module){ .path = text(&f, "/nowhere/extension.so") };
	f.frames[1] = (struct tide_frame){ 0, 1, 0x1000, 0, 0 };
	f.frames[2] = (struct tide_frame){ 1, 0, line13, FRAME_PYTHON, 0 };
	f.frames[3] = (struct tide_frame){ 2, 1, 0x2000, 0, 0 };
	f.frames[4] = (struct tide_frame){ 2, 1, 0x3000, 0, 0 };
	f.frames[5] = (struct tide_frame){ 4, 1, 0x2000, 0, 0 };
	f.frames[6] = (struct tide_frame){ 2, 2, 0x4000, 0, 0 };
	f.frames[7] = (struct tide_frame){ 4, 2, 0x4000, 0, 0 };
	f.frames[8] = (struct tide_frame){ 1, 0, line13 + 1, FRAME_PYTHON, 0 };
	f.frames[9] = (struct tide_frame){ 1, 0, later, FRAME_PYTHON, 0 };
	for (uint32_t i = 0; i < 8; i++)
		f.sites[SITE_FIRST + i].frame = frame[i];
	for (int shown = 0; shown < 2; shown++) {
		symbols_show_plumbing(shown);
		y = symbols_new(&f.s);
		alike = symbol_alike(y);
		assert_int_equal(alike == NULL, shown);
		k = site_keys_new(&f.s, y);
		site_keys_exact(&k, 1);
		for (uint32_t i = 0; i < 8; i++)
			key[shown][i] = site_key(k, SITE_FIRST + i);
		for (uint32_t i = 0; i < 8; i++)
			for (uint32_t j = 0; j < 8; j++) {
				if (alike)
					assert_int_equal(alike[SITE_FIRST + i] == alike[SITE_FIRST + j],
						kind[i] == kind[j]);
				assert_int_equal(key[shown][i] == key[shown][j], kind[i] == kind[j]);
			}
		site_keys_free(k);
		symbols_free(y);
	}
	symbols_show_plumbing(false);
	/* A key is stored: no option may change it. */
	assert_memory_equal(key[0], key[1], sizeof(key[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_of_a_snapshot),
		cmocka_unit_test(callers_and_stored_symbols),
		cmocka_unit_test(numbers_that_make_no_sense),
		cmocka_unit_test(warns_once_of_another_build),
		cmocka_unit_test(sites_that_only_frames_left_out_tell_apart),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
