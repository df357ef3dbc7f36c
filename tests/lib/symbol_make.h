/* symbol_make.h - programs that the tests of symbols compile, which print the
 * return addresses of calls at known lines; and a folder for them. */
#ifndef TIDEMARK_TESTS_SYMBOL_MAKE_H
#define TIDEMARK_TESTS_SYMBOL_MAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static char dir[64];

static const char inline_source[] =
	"#define _GNU_SOURCE\n" /* 1 */
	"#include <link.h>\n"
	"#include <stdio.h>\n"
	"int global_counter = 7; static volatile char table[300]; __thread int per_thread = 3;\n"
	"static int first(struct dl_phdr_info *i, size_t n, void *p) { *(unsigned long *)p = i->dlpi_addr; return 1; }\n"
	"__attribute__((noinline)) void here(const char *name) {\n"
	"	unsigned long bias = 0; dl_iterate_phdr(first, &bias);\n"
	"	printf(\"%s %lx\\n\", name, (unsigned long)__builtin_return_address(0) - bias); }\n"
	"__attribute__((always_inline)) static inline void inner(void) {\n"
	"	here(\"inline\");\n" /* 10 */
	"	__asm__ volatile(\"\"); }\n"
	"__attribute__((always_inline)) static inline void middle(void) {\n"
	"	inner(); }\n" /* 13 */
	"__attribute__((noinline)) static void outer(void) {\n"
	"	middle();\n" /* 15 */
	"	__asm__ volatile(\"\"); }\n"
	"__attribute__((noinline)) static void counting(void) {\n"
	"	static int counter; counter++; here(\"static\");\n" /* 18 */
	"	__asm__ volatile(\"\" : : \"r\"(&counter)); }\n"
	"__attribute__((noinline)) static int *other(void) { static int counter = 5; return &counter; }\n"
	"int main(void) {\n"
	"	outer(); counting(); table[2] = 1;\n" /* 22 */
	"	printf(\"data %d %d %d\\n\", table[2], *other(), per_thread); return 0; }\n";

static const char cxx_source[] =
	"#include <link.h>\n" /* 1 */
	"#include <cstdio>\n"
	"static int first(struct dl_phdr_info *i, size_t, void *p) { *(unsigned long *)p = i->dlpi_addr; return 1; }\n"
	"__attribute__((noinline)) void here(const char *name) {\n"
	"	unsigned long bias = 0; dl_iterate_phdr(first, &bias);\n"
	"	printf(\"%s %lx\\n\", name, (unsigned long)__builtin_return_address(0) - bias); }\n"
	"namespace ns { template <class T> struct Box {\n"
	"	__attribute__((noinline)) void fill(T) { here(\"method\"); __asm__ volatile(\"\"); } }; }\n" /* 8 */
	"namespace { __attribute__((always_inline)) inline void hidden() {\n"
	"	here(\"anonymous\"); __asm__ volatile(\"\"); } }\n" /* 10 */
	"template <class F> __attribute__((noinline)) void apply(F f) { f(3); __asm__ volatile(\"\"); }\n" /* 11 */
	"struct Counted { static int made; }; int Counted::made = 2;\n"
	"int main() {\n"
	"	ns::Box<int> b; b.fill(3); hidden();\n" /* 14 */
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
static inline uint64_t printed(const char *name, const char *label)
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

__attribute__((unused)) static char *build_id_of(const char *name)
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

#endif
