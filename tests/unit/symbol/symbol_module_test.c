/* Unit tests of report/symbol_*.c on programs compiled here and on the test
 * itself, where addr2line is the judge. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "report/base/alloc.h"
#include "report/symbol/demangle.h"
#include "report/symbol/symbol_module.h"
#include "tests/lib/symbol_make.h"

static void expect(const struct symbol_place *p, const char *function, const char *file, unsigned line)
{
	char plain[256];

	assert_non_null(p->function);
	demangle_plain(p->function, plain, sizeof(plain));
	assert_string_equal(plain, function);
	if (!file)
		return;
	assert_non_null(p->file);
	assert_string_equal(p->file, path_of(file));
	assert_int_equal(p->line, line);
}

static void check_inline_chain(const char *program)
{
	uint64_t at = printed(program, "inline") - 1;
	struct symbol_module *m = symbol_module_open(path_of(program), NULL);
	struct symbol_place p[8];

	assert_int_equal(symbol_module_source(m), SYMBOL_SOURCE_DWARF);
	assert_int_equal(symbol_module_places(m, at, p, 8), 3);
	expect(&p[0], "inner", "inline.c", 10);
	expect(&p[1], "middle", "inline.c", 13);
	expect(&p[2], "outer", "inline.c", 15);
	/* Room for fewer lines cuts the outer end, never writes behind it. */
	memset(p, 0, sizeof(p));
	assert_int_equal(symbol_module_places(m, at, p, 2), 2);
	expect(&p[1], "middle", "inline.c", 13);
	assert_null(p[2].function);
	symbol_module_close(m);
}

static void inline_chains_of_every_compilation(void **state)
{
	static const char *const flags[] = {
		"-O0",
		"-O1",
		"-O2",
		"-O3",
		"-Og",
		"-O2 -flto",
		"-O2 -no-pie -fno-pie",
		"-O2 -gdwarf-4",
		"-O2 -gdwarf-3",
		"-O2 -gsplit-dwarf",
		"-O2 -gdwarf-4 -gsplit-dwarf",
		"-O2 -gz",
		"-O2 -ffunction-sections -Wl,--gc-sections",
		"-O2 -gno-column-info -Wl,--build-id=none",
		"-O2 -fdebug-types-section",
		"-O2 -g1",
		"-O2 -static-pie",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		assert_int_equal(run("gcc -g %s -o inline inline.c", flags[i]), 0);
		check_inline_chain("inline");
	}
	if (run("command -v clang") != 0)
		return;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(run("clang -g %s -o inline inline.c", flags[i]), 0);
		check_inline_chain("inline");
	}
}

static void relative_sources_become_absolute(void **state)
{
	struct symbol_module *m;
	struct symbol_place p[8];

	(void)state;
	assert_int_equal(run("mkdir -p sub/deep && cp inline.c sub/ && cd sub/deep && "
			     "gcc -g -O1 -o ../../rel ../deep/.././inline.c"),
		0);
	m = symbol_module_open(path_of("rel"), NULL);
	assert_int_equal(symbol_module_places(m, printed("rel", "inline") - 1, p, 8), 3);
	expect(&p[0], "inner", "sub/inline.c", 10);
	expect(&p[2], "outer", "sub/inline.c", 15);
	symbol_module_close(m);
}

static void cxx_names(void **state)
{
	static const char *const flags[] = { "-O0", "-O2", "-O2 -flto", "-O2 -gsplit-dwarf" };
	struct symbol_place p[8];

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		struct symbol_module *m;
		size_t n;

		assert_int_equal(run("g++ -g %s -o cxx cxx.cc", flags[i]), 0);
		m = symbol_module_open(path_of("cxx"), NULL);
		n = symbol_module_places(m, printed("cxx", "method") - 1, p, 8);
		assert_int_equal(n, 1);
		expect(&p[0], "ns::Box::fill", "cxx.cc", 8);
		assert_string_equal(p[0].function, "ns::Box<int>::fill(int)");
		n = symbol_module_places(m, printed("cxx", "anonymous") - 1, p, 8);
		assert_int_equal(n, 2);
		expect(&p[0], "(anonymous namespace)::hidden", "cxx.cc", 10);
		expect(&p[1], "main", "cxx.cc", 14);
		n = symbol_module_places(m, printed("cxx", "lambda") - 1, p, 8);
		assert_int_equal(n, 1);
		expect(&p[0], "main::{lambda}::operator()", "cxx.cc", 16);
		symbol_module_close(m);
	}
}

static void rust_names(void **state)
{
	static const char source[] =
		"mod inner { #[inline(never)] pub fn fill<T: Clone>(x: T, n: usize) -> Vec<T> {\n"
		"	std::hint::black_box(vec![x; n]) } }\n"
		"fn main() { println!(\"{}\", inner::fill(1u64, std::env::args().count() + 5).len()); }\n";
	uint64_t start, address = 0;
	struct symbol_module *m;
	struct symbol_place p[8];
	char line[512], name[400], type;
	unsigned long long at;
	size_t n;
	FILE *f;

	(void)state;
	if (run("rustc --version") != 0)
		skip();
	write_file("t.rs", source);
	assert_int_equal(run("rustc -g -o rust t.rs"), 0);
	snprintf(line, sizeof(line), "nm %s", path_of("rust"));
	f = popen(line, "r");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %c %399s", &at, &type, name) == 3 && strstr(name, "5inner4fill"))
			address = at;
	pclose(f);
	assert_true(address != 0);
	m = symbol_module_open(path_of("rust"), NULL);
	n = symbol_module_places(m, address, p, 8);
	assert_true(n >= 1);
	expect(&p[n - 1], "t::inner::fill", "t.rs", p[n - 1].line);
	assert_true(p[n - 1].line == 1 || p[n - 1].line == 2);
	assert_non_null(symbol_module_function(m, address + 3, &start, NULL));
	assert_int_equal(start, address);
	symbol_module_close(m);
}

static void debug_files(void **state)
{
	struct symbol_module *m;
	struct symbol_place p[8];
	uint64_t at, outer, counting;

	(void)state;
	assert_int_equal(run("gcc -g -O2 -o whole inline.c && objcopy --only-keep-debug whole whole.debug && "
			     "strip -o stripped whole && objcopy --add-gnu-debuglink=whole.debug stripped && "
			     "strip -o bare whole && rm whole"),
		0);
	at = printed("stripped", "inline") - 1;
	m = symbol_module_open(path_of("stripped"), build_id_of("stripped"));
	assert_true(symbol_module_find(m, "outer", &outer, NULL));
	assert_true(symbol_module_find(m, "counting", &counting, NULL));
	assert_int_equal(symbol_module_places(m, at, p, 8), 3);
	expect(&p[0], "inner", "inline.c", 10);
	expect(&p[2], "outer", "inline.c", 15);
	symbol_module_close(m);

	/* Without the debug file: exported names only, no wrong ones. */
	m = symbol_module_open(path_of("bare"), build_id_of("bare"));
	assert_int_equal(symbol_module_source(m), SYMBOL_SOURCE_DYNAMIC);
	assert_int_equal(symbol_module_places(m, at, p, 8), 0);
	/* Its unwind tables still say where `outer` and `counting` begin. */
	assert_int_equal(symbol_module_function_start(m, at), outer);
	assert_int_equal(symbol_module_function_start(m, outer), outer);
	assert_int_not_equal(symbol_module_function_start(m, outer - 1), outer);
	assert_int_equal(symbol_module_function_start(m, counting + 5), counting);
	assert_int_equal(symbol_module_function_start(m, 0), 0);
	assert_int_equal(symbol_module_function_start(m, 1 << 30), 0);
	symbol_module_close(m);

	/* A debug file of another build is not taken. */
	assert_int_equal(run("gcc -g -O1 -DOTHER -o whole inline.c -Wl,--build-id=0x1234567890 && "
			     "objcopy --only-keep-debug whole whole.debug"),
		0);
	m = symbol_module_open(path_of("stripped"), NULL);
	assert_int_equal(symbol_module_places(m, at, p, 8), 0);
	symbol_module_close(m);
}

/* The C library's debug package holds its file by build id. */
static void debug_file_by_build_id(void **state)
{
	static const char libc[] = "/lib/x86_64-linux-gnu/libc.so.6";
	struct symbol_module *m;
	struct symbol_place p[8];
	uint64_t address;
	char *id, path[256];

	(void)state;
	id = build_id_of(libc);
	snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
	if (strlen(id) < 8 || access(path, R_OK) != 0)
		skip();
	m = symbol_module_open(libc, id);
	assert_int_equal(symbol_module_source(m), SYMBOL_SOURCE_DWARF);
	assert_true(symbol_module_find(m, "qsort", &address, NULL));
	assert_true(symbol_module_places(m, address, p, 8) >= 1);
	assert_non_null(p[0].file);
	symbol_module_close(m);
	/* ... even when the library itself is gone. */
	m = symbol_module_open("/nowhere/libc.so.6", id);
	assert_int_equal(symbol_module_source(m), SYMBOL_SOURCE_DWARF);
	assert_true(symbol_module_places(m, address, p, 8) >= 1);
	expect(&p[0], "qsort", NULL, 0);
	symbol_module_close(m);
}

static void another_build(void **state)
{
	struct symbol_module *m;
	struct symbol_place p[8];
	char id[128], path[160];
	uint64_t at;

	(void)state;
	assert_int_equal(run("gcc -g -O2 -o app inline.c"), 0);
	snprintf(id, sizeof(id), "%s", build_id_of("app"));
	assert_true(strlen(id) >= 16);
	at = printed("app", "inline") - 1;
	m = symbol_module_open(path_of("app"), id);
	assert_null(symbol_module_warning(m));
	assert_int_equal(symbol_module_places(m, at, p, 8), 3);
	symbol_module_close(m);

	/* Replaced by the same file: "(deleted)" in the memory map. */
	snprintf(path, sizeof(path), "%s (deleted)", path_of("app"));
	m = symbol_module_open(path, id);
	assert_int_equal(symbol_module_places(m, at, p, 8), 3);
	symbol_module_close(m);
	m = symbol_module_open(path, "");
	assert_int_equal(symbol_module_places(m, at, p, 8), 0);
	symbol_module_close(m);

	assert_int_equal(run("gcc -g -O3 -DOTHER -o app inline.c"), 0);
	m = symbol_module_open(path_of("app"), id);
	assert_non_null(symbol_module_warning(m));
	assert_non_null(strstr(symbol_module_warning(m), "another build"));
	assert_int_equal(symbol_module_source(m), SYMBOL_SOURCE_NONE);
	assert_int_equal(symbol_module_places(m, at, p, 8), 0);
	assert_null(symbol_module_function(m, at, NULL, NULL));
	assert_null(symbol_module_variable(m, at, NULL, NULL));
	symbol_module_close(m);
}

static void what_is_no_elf_file(void **state)
{
	static const char *const names[] = { "fifo", "empty", "text", "half", "absent", "." };
	struct symbol_place p[8];

	(void)state;
	assert_int_equal(run("rm -f fifo; mkfifo fifo && : >empty && echo text >text && "
			     "gcc -g -o app inline.c && head -c 9000 app >half"),
		0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct symbol_module *m = symbol_module_open(path_of(names[i]), NULL);

		assert_int_equal(symbol_module_places(m, 0x1190, p, 8), 0);
		assert_null(symbol_module_variable(m, 0x4010, NULL, NULL));
		symbol_module_close(m);
	}
	symbol_module_close(symbol_module_open("", ""));
	symbol_module_close(symbol_module_open("[vdso]", "zz"));
}

/* Opening a FIFO lets its writer go, opening a device may do anything. */
static void only_regular_files_are_opened(void **state)
{
	int watch = inotify_init1(IN_NONBLOCK);
	char event[512];

	(void)state;
	assert_true(watch >= 0);
	assert_int_equal(run("rm -f fifo && mkfifo fifo && gcc -g -o app inline.c"), 0);
	assert_true(inotify_add_watch(watch, path_of("fifo"), IN_OPEN) >= 0);
	symbol_module_close(symbol_module_open(path_of("fifo"), NULL));
	assert_true(read(watch, event, sizeof(event)) < 0);
	/* The watch would have seen it. */
	assert_true(inotify_add_watch(watch, path_of("app"), IN_OPEN) >= 0);
	symbol_module_close(symbol_module_open(path_of("app"), NULL));
	assert_true(read(watch, event, sizeof(event)) > 0);
	close(watch);
}

/* Damaged files give wrong names at worst. Under the sanitizers this says more. */
static void damaged_files(void **state)
{
	static unsigned char whole[200000], bytes[200000];
	unsigned seed = 11;
	size_t n, answers = 0;
	FILE *f;

	(void)state;
	assert_int_equal(run("g++ -g -O1 -o cxx cxx.cc"), 0);
	f = fopen(path_of("cxx"), "r");
	n = fread(whole, 1, sizeof(whole), f);
	fclose(f);
	assert_true(n > 8000);
	for (int round = 0; round < 60; round++) {
		struct symbol_place p[8];
		struct symbol_module *m;

		memcpy(bytes, whole, n);
		for (int i = 0; i < 1 + round % 40; i++) {
			seed = seed * 1103515245 + 12345;
			/* the headers, the section headers at the end, or anywhere */
			size_t at = (seed >> 8) % (i % 3 == 0 ? 1024 : n);

			bytes[i % 3 == 1 ? n - 1 - at % 2500 : at] = (unsigned char)(seed >> 24);
		}
		f = fopen(path_of("damaged"), "w");
		assert_int_equal(
			fwrite(bytes, 1, n - (round % 10 ? 0 : n / 3), f), n - (round % 10 ? 0 : n / 3));
		fclose(f);
		m = symbol_module_open(path_of("damaged"), NULL);
		for (uint64_t at = 0x1000; at < 0x1400; at += 7)
			answers += symbol_module_places(m, at, p, 8) > 0;
		for (uint64_t at = 0x4000; at < 0x4040; at += 4)
			answers += symbol_module_variable(m, at, NULL, NULL) != NULL;
		symbol_module_close(m);
	}
	assert_true(answers > 100);
}

static void variables(void **state)
{
	static const char *const flags[] = { "-O0", "-O2", "-O2 -no-pie -fno-pie", "-O1 -gdwarf-4" };
	uint64_t address, start, bytes;
	int value;
	struct symbol_module *m;

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		unsigned found = 0;

		assert_int_equal(run("gcc -g %s -o vars inline.c", flags[i]), 0);
		m = symbol_module_open(path_of("vars"), NULL);
		assert_true(symbol_module_find(m, "global_counter", &address, &bytes));
		assert_int_equal(bytes, 4);
		assert_string_equal(symbol_module_variable(m, address + 3, &start, &bytes), "global_counter");
		assert_int_equal(start, address);
		assert_int_equal(bytes, 4);
		assert_true(symbol_module_data(m, address, &value, sizeof(value)));
		assert_int_equal(value, 7);
		assert_false(symbol_module_data(m, address, &value, 1 << 20));
		assert_false(symbol_module_data(m, UINT64_MAX - 2, &value, sizeof(value)));
		assert_true(symbol_module_find(m, "table", &address, &bytes));
		assert_string_equal(symbol_module_variable(m, address + 299, &start, &bytes), "table");
		assert_int_equal(bytes, 300);
		assert_true(symbol_module_find(m, "per_thread", &address, NULL));
		assert_string_equal(symbol_module_tls(m, address + 1, &start, &bytes), "per_thread");
		/* Two static locals of one name: the function tells them apart. */
		for (address = 0; address < 0x408000; address += 4) {
			const char *name = symbol_module_variable(m, address, &start, &bytes);

			if (name && strcmp(name, "counting::counter") == 0 && start == address)
				found |= 1;
			if (name && strcmp(name, "other::counter") == 0 && start == address)
				found |= 2;
		}
		assert_int_equal(found, 3);
		symbol_module_close(m);
	}
	assert_int_equal(run("g++ -g -O1 -o cxx cxx.cc"), 0);
	m = symbol_module_open(path_of("cxx"), NULL);
	assert_true(symbol_module_find(m, "_ZN7Counted4madeE", &address, NULL));
	assert_string_equal(symbol_module_variable(m, address, NULL, NULL), "Counted::made");
	symbol_module_close(m);
}

/* addr2line -fi on this very program, a third of the addresses of 150 functions:
 * the same functions and lines. Where binutils up to 2.40 differs on programs at
 * large, checked against llvm-symbolizer:
 *   - it takes the wrong entry of DWARF 5 file tables (so no files are compared)
 *     and knows no ranges of inlined functions that clang writes, nor split DWARF;
 *   - in padding between functions it says the function before (not asked here);
 *   - where DWARF has nothing it gives the source file of the symbol table, without
 *     a line; here that is "unknown";
 *   - C++ functions without a linkage name (static, lambdas, local classes) are
 *     "operator()" there, "main::{lambda}::operator()" here;
 *   - of two functions folded into one it names the symbol, here DWARF decides. */
static void agrees_with_addr2line(void **state)
{
	char self[256], line[4096], command[700];
	struct symbol_module *m;
	struct symbol_place p[64];
	unsigned compared = 0, functions = 0;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	FILE *f;

	(void)state;
	assert_true(n > 0);
	self[n] = '\0';
	m = symbol_module_open(self, NULL);
	snprintf(line, sizeof(line), "%s/addresses", dir);
	f = fopen(line, "w");
	for (uint64_t at = 0, last = 0; at < 0x400000 && functions < 150; at += 16) {
		uint64_t start, bytes;

		if (!symbol_module_function(m, at, &start, &bytes) || start == last)
			continue;
		last = start;
		if (symbol_module_places(m, start, p, 64) == 0 || !p[0].file)
			continue;
		functions++;
		for (uint64_t k = start; k < start + bytes; k += 3)
			fprintf(f, "0x%llx\n", (unsigned long long)k);
	}
	fclose(f);
	snprintf(command, sizeof(command), "addr2line -afie %s <%s/addresses 2>/dev/null", self, dir);
	f = popen(command, "r");
	if (!f || !fgets(line, sizeof(line), f))
		skip();
	for (bool more = true; more;) {
		uint64_t at = strtoull(line, NULL, 16);
		size_t count = symbol_module_places(m, at, p, 64), i = 0;

		for (; (more = fgets(line, sizeof(line), f) != NULL) && strncmp(line, "0x", 2) != 0; i++) {
			char *stem = demangle(strtok(line, "\n")), *colon;

			assert_true(i < count);
			assert_string_equal(p[i].function, stem);
			free(stem);
			assert_non_null(fgets(line, sizeof(line), f));
			colon = strrchr(line, ':');
			assert_int_equal(p[i].line, strtoul(colon + 1, NULL, 10));
		}
		assert_int_equal(i, count);
		compared++;
	}
	pclose(f);
	symbol_module_close(m);
	assert_true(compared > 3000);
}

/* Sixty namespaces, each inside the one before, whose sibling references name their own first
 * children: children and siblings overlap, and a reader that follows both visits 2^60 DIEs. */
static void overlapping_siblings(void **state)
{
	static const char head[] =
		".text\n.globl main\n.type main,@function\nmain: ret\n.Lend: .size main, . - main\n"
		".section .debug_abbrev,\"\",@progbits\n"
		/* 1: unit (low and high pc); 2: namespace (sibling); 3: subprogram (name, low and high pc) */
		".Labbrev: .byte 1, 0x11, 1, 0x11, 1, 0x12, 7, 0, 0\n"
		".byte 2, 0x39, 1, 1, 0x13, 0, 0\n"
		".byte 3, 0x2e, 0, 3, 8, 0x11, 1, 0x12, 7, 0, 0, 0\n"
		".section .debug_info,\"\",@progbits\n"
		".Linfo: .long .Lstop - .Lstart\n.Lstart: .short 4\n.long .Labbrev\n.byte 8\n"
		".byte 1\n.quad main\n.quad .Lend - main\n"
		".byte 3\n.asciz \"f\"\n.quad main\n.quad .Lend - main\n";
	static const char tail[] = ".Lstop:\n.section .note.GNU-stack,\"\",@progbits\n";
	const unsigned levels = 60;
	struct symbol_module *m;
	struct symbol_place p[8];
	uint64_t main_at;
	FILE *f = fopen(path_of("overlap.s"), "w");

	(void)state;
	assert_non_null(f);
	fputs(head, f);
	for (unsigned i = 0; i < levels; i++)
		fprintf(f, ".Ldie%u: .byte 2\n.long .Ldie%u - .Linfo\n", i, i + 1);
	fprintf(f, ".Ldie%u: .zero %u\n%s", levels, levels + 1, tail);
	fclose(f);
	assert_int_equal(run("gcc -o overlap overlap.s"), 0);
	m = symbol_module_open(path_of("overlap"), NULL);
	assert_true(symbol_module_find(m, "main", &main_at, NULL));
	/* Scopes, parents, variables: each is a pass over the unit. */
	assert_int_equal(symbol_module_places(m, main_at, p, 8), 1);
	assert_string_equal(p[0].function, "f");
	assert_null(symbol_module_variable(m, main_at, NULL, NULL));
	symbol_module_close(m);
}

/* One that is kept answers for its path and build id, and for no other build. */
static void kept(void **state)
{
	struct symbol_module *m, *other;
	char *id, *path;

	(void)state;
	assert_int_equal(
		run("gcc -g -Wl,--build-id=sha1 -o kept inline.c && gcc -Wl,--build-id=none -o nameless inline.c"),
		0);
	path = alloc_string(path_of("kept"));
	id = alloc_string(build_id_of("kept"));
	symbol_module_keep(path);
	symbol_module_keep(path_of("nameless"));
	m = symbol_module_open(path, id);
	symbol_module_close(m);
	assert_true(symbol_module_find(m, "outer", NULL, NULL));
	assert_ptr_equal(symbol_module_open(path, id), m);
	other = symbol_module_open(path, "");
	assert_ptr_not_equal(other, m);
	symbol_module_close(other);
	other = symbol_module_open(path, "00112233445566778899aabbccddeeff00112233");
	assert_ptr_not_equal(other, m);
	assert_false(symbol_module_find(other, "outer", NULL, NULL));
	symbol_module_close(other);
	other = symbol_module_open(path_of("nameless"), "");
	assert_true(symbol_module_find(other, "outer", NULL, NULL));
	symbol_module_close(other);
	free(path);
	free(id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept),
		cmocka_unit_test(inline_chains_of_every_compilation),
		cmocka_unit_test(relative_sources_become_absolute),
		cmocka_unit_test(cxx_names),
		cmocka_unit_test(rust_names),
		cmocka_unit_test(debug_files),
		cmocka_unit_test(debug_file_by_build_id),
		cmocka_unit_test(another_build),
		cmocka_unit_test(what_is_no_elf_file),
		cmocka_unit_test(variables),
		cmocka_unit_test(only_regular_files_are_opened),
		cmocka_unit_test(damaged_files),
		cmocka_unit_test(overlapping_siblings),
		cmocka_unit_test(agrees_with_addr2line),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
