/* elf_libraries_test.c - the libraries of real programs are those that the loader lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/run/elf_libraries.h"

static bool has(const struct elf_libraries *l, const char *path)
{
	char *wanted = realpath(path, NULL);
	bool found = false;

	for (size_t i = 0; i < l->count && wanted && !found; i++) {
		char *real = realpath(l->path[i], NULL);

		found = real && !strcmp(real, wanted);
		free(real);
	}
	free(wanted);
	return found;
}

/* Compares with `ld.so --list`; the loader and the vdso are not in either list of libraries. */
static size_t compare(const char *program)
{
	char command[600], *line = NULL;
	struct elf_libraries l;
	struct elf_probe p;
	struct tide_error e;
	size_t capacity = 0, listed = 0;
	FILE *f;

	if (elf_probe(program, &p, &e) || !p.loader || elf_probe_obstacle(&p)) {
		elf_probe_free(&p);
		return 0;
	}
	elf_libraries_find(&p, &l);
	assert_null(l.missing);
	snprintf(command, sizeof(command), "%s --list %s", p.loader, p.path);
	f = popen(command, "r");
	while (f && getline(&line, &capacity, f) > 0) {
		char *path = strstr(line, "=> /"), *end = path ? strstr(path, " (0x") : NULL;

		if (!end)
			continue;
		*end = '\0';
		listed++;
		if (!has(&l, path + 3))
			fail_msg("%s: %s is not found", program, path + 3);
	}
	pclose(f);
	free(line);
	/* ld.so itself is a library of libc, and listed without "=>". */
	assert_true(l.count == listed || l.count == listed + 1);
	elf_libraries_free(&l);
	elf_probe_free(&p);
	return listed;
}

static void as_the_loader_lists(void **state)
{
	static const char *const program[] = { "/bin/sh", "python3", "git", "gcc", "perl", "clang", "gdb" };
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(program) / sizeof(program[0]); i++)
		seen += compare(program[i]);
	assert_true(seen >= 3);
}

/* A library of this name can be anything but a library. */
static void not_a_library(void **state)
{
	char name[] = "no-such-library.so.1", *needed[] = { name };
	struct elf_probe p = { .path = "/proc/self/exe", .needed = needed, .needed_count = 1 };
	struct elf_libraries l;

	(void)state;
	elf_libraries_find(&p, &l);
	assert_string_equal(l.missing, name);
	assert_int_equal(l.count, 0);
	elf_libraries_free(&l);
	p.runpath = "::/dev:/proc/$ORIGIN:$NOTHING:${LIB:$";
	needed[0] = "null";
	elf_libraries_find(&p, &l);
	assert_string_equal(l.missing, "null");
	elf_libraries_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_loader_lists),
		cmocka_unit_test(not_a_library),
	};
	return cmocka_run_group_tests_name("elf_libraries", tests, NULL, NULL);
}
