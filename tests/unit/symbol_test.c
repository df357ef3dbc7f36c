/* Unit tests of report/symbol*.c on programs compiled here, which print the
 * return addresses of calls at known lines, and on the test itself, where
 * addr2line is the judge. */
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

#include "report/demangle.h"
#include "report/snapshot.h"
#include "report/symbol.h"
#include "report/symbol_module.h"
#include "shim/ledger.h"

static char dir[64];

static const char inline_source[] =
	"#define _GNU_SOURCE\n"						/* 1 */
	"#include <link.h>\n"
	"#include <stdio.h>\n"
	"int global_counter = 7; static volatile char table[300]; __thread int per_thread = 3;\n"
	"static int first(struct dl_phdr_info *i, size_t n, void *p) { *(unsigned long *)p = i->dlpi_addr; return 1; }\n"
	"__attribute__((noinline)) void here(const char *name) {\n"
	"	unsigned long bias = 0; dl_iterate_phdr(first, &bias);\n"
	"	printf(\"%s %lx\\n\", name, (unsigned long)__builtin_return_address(0) - bias); }\n"
	"__attribute__((always_inline)) static inline void inner(void) {\n"
	"	here(\"inline\");\n"					/* 10 */
	"	__asm__ volatile(\"\"); }\n"
	"__attribute__((always_inline)) static inline void middle(void) {\n"
	"	inner(); }\n"						/* 13 */
	"__attribute__((noinline)) static void outer(void) {\n"
	"	middle();\n"						/* 15 */
	"	__asm__ volatile(\"\"); }\n"
	"__attribute__((noinline)) static void counting(void) {\n"
	"	static int counter; counter++; here(\"static\");\n"	/* 18 */
	"	__asm__ volatile(\"\" : : \"r\"(&counter)); }\n"
	"__attribute__((noinline)) static int *other(void) { static int counter = 5; return &counter; }\n"
	"int main(void) {\n"
	"	outer(); counting(); table[2] = 1;\n"			/* 22 */
	"	printf(\"data %d %d %d\\n\", table[2], *other(), per_thread); return 0; }\n";

static const char cxx_source[] =
	"#include <link.h>\n"						/* 1 */
	"#include <cstdio>\n"
	"static int first(struct dl_phdr_info *i, size_t, void *p) { *(unsigned long *)p = i->dlpi_addr; return 1; }\n"
	"__attribute__((noinline)) void here(const char *name) {\n"
	"	unsigned long bias = 0; dl_iterate_phdr(first, &bias);\n"
	"	printf(\"%s %lx\\n\", name, (unsigned long)__builtin_return_address(0) - bias); }\n"
	"namespace ns { template <class T> struct Box {\n"
	"	__attribute__((noinline)) void fill(T) { here(\"method\"); __asm__ volatile(\"\"); } }; }\n" /* 8 */
	"namespace { __attribute__((always_inline)) inline void hidden() {\n"
	"	here(\"anonymous\"); __asm__ volatile(\"\"); } }\n"		/* 10 */
	"template <class F> __attribute__((noinline)) void apply(F f) { f(3); __asm__ volatile(\"\"); }\n" /* 11 */
	"struct Counted { static int made; }; int Counted::made = 2;\n"
	"int main() {\n"
	"	ns::Box<int> b; b.fill(3); hidden();\n"				/* 14 */
	"	apply([](int) __attribute__((noinline)) {\n"
	"		static int calls = 4; ++calls; here(\"lambda\"); __asm__ volatile(\"\"); });\n" /* 16 */
	"	return Counted::made - 2; }\n";

/* Runs a shell command in the test's folder; its status. */
static int run(const char *format, ...)
{
	char command[1024], whole[1200];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	snprintf(whole, sizeof(whole), "cd %s && { %s; } >/dev/null 2>&1", dir, command);
	return system(whole);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static const char *path_of(const char *name)
{
	static char path[4][160];
	static int turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

/* What the program `name` prints after `label`, as a hexadecimal number. */
static uint64_t printed(const char *name, const char *label)
{
	char command[256], line[256], found[64];
	uint64_t value = 0;
	unsigned long long v;
	FILE *f;

	snprintf(command, sizeof(command), "cd %s && ./%s", dir, name);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %llx", found, &v) == 2 && strcmp(found, label) == 0)
			value = v;
	pclose(f);
	assert_true(value != 0);
	return value;
}

static char *build_id_of(const char *name)
{
	static char id[128];
	char command[256];
	FILE *f;

	snprintf(command, sizeof(command), "readelf -n %s 2>/dev/null | sed -n 's/.*Build ID: //p'",
		name[0] == '/' ? name : path_of(name));
	f = popen(command, "r");
	assert_non_null(f);
	id[0] = '\0';
	if (!fgets(id, sizeof(id), f))
		id[0] = '\0';
	pclose(f);
	id[strcspn(id, "\n")] = '\0';
	return id;
}

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
		"-O0", "-O1", "-O2", "-O3", "-Og", "-O2 -flto", "-O2 -no-pie -fno-pie", "-O2 -gdwarf-4",
		"-O2 -gdwarf-3", "-O2 -gsplit-dwarf", "-O2 -gdwarf-4 -gsplit-dwarf", "-O2 -gz",
		"-O2 -ffunction-sections -Wl,--gc-sections", "-O2 -gno-column-info -Wl,--build-id=none",
		"-O2 -fdebug-types-section", "-O2 -g1", "-O2 -static-pie",
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
		"gcc -g -O1 -o ../../rel ../deep/.././inline.c"), 0);
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
	assert_in_range(p[n - 1].line, 1, 2);
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
		"strip -o bare whole && rm whole"), 0);
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
		"objcopy --only-keep-debug whole whole.debug"), 0);
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
		"gcc -g -o app inline.c && head -c 9000 app >half"), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct symbol_module *m = symbol_module_open(path_of(names[i]), NULL);

		assert_int_equal(symbol_module_places(m, 0x1190, p, 8), 0);
		assert_null(symbol_module_variable(m, 0x4010, NULL, NULL));
		symbol_module_close(m);
	}
	symbol_module_close(symbol_module_open("", ""));
	symbol_module_close(symbol_module_open("[vdso]", "zz"));
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
		assert_int_equal(fwrite(bytes, 1, n - (round % 10 ? 0 : n / 3), f), n - (round % 10 ? 0 : n / 3));
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

/* A snapshot in memory: one program, the shim, a stack or two. */
struct fake {
	struct snapshot s;
	struct tide_process process;
	struct tide_module modules[4];
	struct tide_frame frames[16];
	struct tide_site sites[8];
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
		.process = &f->process, .strings = f->strings, .strings_bytes = sizeof(f->strings),
		.modules = f->modules, .module_count = 4, .frames = f->frames, .frame_count = 16,
		.sites = f->sites, .site_count = 8,
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
	f.modules[1] = (struct tide_module){ .bias = bias, .path = text(&f, path_of("app")),
		.build_id = text(&f, build_id_of("app")) };
	f.modules[2] = (struct tide_module){ .bias = bias, .path = text(&f, "/nowhere/libgone.so.3") };
	f.modules[3] = (struct tide_module){ .path = text(&f, "/x/libtidemark.so"), .flags = LEDGER_MODULE_SHIM };
	f.frames[1] = (struct tide_frame){ 0, 2, bias + 0x1234, 0, 0 };
	f.frames[2] = (struct tide_frame){ 1, 1, bias + at, 0, 0 };
	f.frames[3] = (struct tide_frame){ 2, 3, 0x10, 0, 0 };
	/* The exact address of a signal frame: the instruction after the call. */
	f.frames[4] = (struct tide_frame){ 0, 1, bias + at - 1, FRAME_SIGNAL, 0 };
	f.frames[5] = (struct tide_frame){ 0, 0, 0x7f0000001010, 0, 0 };
	f.frames[6] = (struct tide_frame){ 7, 1, bias + at, 0, 0 };	/* a ring */
	f.frames[7] = (struct tide_frame){ 6, 9, 5, 0, 0 };		/* no such module */
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
	f.sites[LEDGER_SITE_NESTED].frame = 0;
	assert_string_equal(symbols_top(y, LEDGER_SITE_NESTED)->function, "(inside a signal handler)");
	assert_true(symbols_without_source(y) > 0 && symbols_without_source(y) < 1);
	symbols_free(y);
}

static void callers_and_stored_symbols(void **state)
{
	static const char *const names[] = { "operator new(unsigned long)",
		"std::vector<int, std::allocator<int> >::_M_realloc_insert<int>(int&&)", "load_table", "main" };
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
		size_t n, count = (sizeof(f.modules) + sizeof(f.frames) + sizeof(f.sites) + sizeof(f.jit) +
			sizeof(f.symbols)) / 4;

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
	f.modules[1] = (struct tide_module){ .path = text(&f, path_of("app")), .build_id = text(&f, "00112233") };
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

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/symbol_test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	write_file("inline.c", inline_source);
	write_file("cxx.cc", cxx_source);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	run("cd / && rm -rf %s", dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inline_chains_of_every_compilation),
		cmocka_unit_test(relative_sources_become_absolute),
		cmocka_unit_test(cxx_names),
		cmocka_unit_test(rust_names),
		cmocka_unit_test(debug_files),
		cmocka_unit_test(debug_file_by_build_id),
		cmocka_unit_test(another_build),
		cmocka_unit_test(what_is_no_elf_file),
		cmocka_unit_test(variables),
		cmocka_unit_test(damaged_files),
		cmocka_unit_test(agrees_with_addr2line),
		cmocka_unit_test(stacks_of_a_snapshot),
		cmocka_unit_test(callers_and_stored_symbols),
		cmocka_unit_test(numbers_that_make_no_sense),
		cmocka_unit_test(warns_once_of_another_build),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
