/* elf_probe: programs of every kind, made here by the compiler or found on the machine. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "report/symbol/elf_probe.h"

static char folder[] = "/tmp/elf_probe_XXXXXX";

static const char *path_of(const char *name)
{
	static char path[4][256];
	static int turn;
	char *p = path[turn++ % 4];
	snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
	return p;
}

static const char *write_file(const char *name, const void *bytes, size_t n, mode_t mode)
{
	const char *path = path_of(name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

/* Compiles `source` and gives the program's path, or skips the test. */
static const char *compile(const char *name, const char *source, const char *flags)
{
	char command[1024];
	snprintf(command, sizeof(command), "printf '%%s' '%s' | cc -x c - -x none -o %s %s 2>/dev/null",
		source, path_of(name), flags);
	if (system(command))
		skip();
	return path_of(name);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[300];
	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void ordinary_program(void **state)
{
	struct elf_probe p;
	struct tide_error e;
	(void)state;
	const char *path = compile("plain", "int main(void){return 0;}", "-g -Wl,--build-id=sha1");
	assert_int_equal(elf_probe(path, &p, &e), 0);
	assert_null(elf_probe_obstacle(&p));
	assert_true(p.elf && p.debug_info && p.symbols);
	assert_string_equal(p.path, path);
	assert_null(p.script);
	assert_int_equal(strlen(p.build_id), 40);
	assert_int_equal(strspn(p.build_id, "0123456789abcdef"), 40);
	assert_true(p.needed_count >= 1);
	assert_string_equal(p.needed[p.needed_count - 1], "libc.so.6");
	assert_true(strstr(p.loader, "ld-linux") != NULL);
	char *debug = elf_probe_debug_file(&p, NULL);
	assert_string_equal(debug, path);
	free(debug);
	elf_probe_free(&p);
}

static void separate_debug_file(void **state)
{
	struct elf_probe p;
	struct tide_error e;
	char command[1024], root[300], want[400];
	(void)state;
	const char *path = compile("split", "int main(void){return 0;}", "-s -Wl,--build-id=sha1");
	assert_int_equal(elf_probe(path, &p, &e), 0);
	assert_false(p.debug_info || p.symbols);
	snprintf(root, sizeof(root), "%s/debug", folder);
	assert_null(elf_probe_debug_file(&p, root));
	snprintf(want, sizeof(want), "%s/.build-id/%.2s/%s.debug", root, p.build_id, p.build_id + 2);
	snprintf(command, sizeof(command), "mkdir -p %s/.build-id/%.2s && touch %s", root, p.build_id, want);
	assert_int_equal(system(command), 0);
	char *debug = elf_probe_debug_file(&p, root);
	assert_string_equal(debug, want);
	free(debug);
	elf_probe_free(&p);
}

static void check_obstacle(const char *path, const char *word)
{
	struct elf_probe p;
	struct tide_error e;
	assert_int_equal(elf_probe(path, &p, &e), 0);
	const char *line = elf_probe_obstacle(&p);
	if (!line || !strstr(line, word))
		fail_msg("%s: \"%s\" has no \"%s\"", path, line ? line : "(none)", word);
	assert_null(strchr(line, '\n'));
	elf_probe_free(&p);
}

static void static_program(void **state)
{
	(void)state;
	check_obstacle(compile("static", "int main(void){return 0;}", "-static"), "statically linked");
	check_obstacle(
		compile("static-pie", "int main(void){return 0;}", "-static-pie"), "statically linked");
}

static void shared_library(void **state)
{
	(void)state;
	check_obstacle(
		compile("lib.so", "int f(void){return 0;}", "-shared -fPIC -nostdlib"), "shared library");
	/* Linkers before binutils 2.37 give each library an entry. */
	check_obstacle(compile("entry.so", "int f(void){return 0;}", "-shared -fPIC -nostdlib -Wl,-e,f"),
		"shared library");
	check_obstacle(compile("pie", "int main(void){return 0;}", "-static-pie -fPIE"), "statically linked");
}

static void setuid_program(void **state)
{
	(void)state;
	const char *path = compile("setuid", "int main(void){return 0;}", "");
	/* Of another user, the user who runs the test. */
	if (chown(path, getuid() + 1, (gid_t)-1) || chmod(path, 04755))
		skip();
	check_obstacle(path, "setuid");
}

static void own_setuid_program(void **state)
{
	struct elf_probe p;
	struct tide_error e;
	(void)state;
	const char *path = compile("own-setuid", "int main(void){return 0;}", "");
	assert_int_equal(chmod(path, 04755), 0);
	assert_int_equal(elf_probe(path, &p, &e), 0);
	assert_null(elf_probe_obstacle(&p));
	elf_probe_free(&p);
}

static void other_loaders(void **state)
{
	(void)state;
	check_obstacle(
		compile("musl", "int main(void){return 0;}", "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"),
		"musl");
	check_obstacle(
		compile("bionic", "int main(void){return 0;}", "-Wl,--dynamic-linker=/system/bin/linker64"),
		"/system/bin/linker64");
}

static void own_malloc(void **state)
{
	(void)state;
	const char *source = "static char heap[999]; void *malloc(unsigned long n){(void)n;return heap;}"
			     "int main(void){return malloc(1)==0;}";
	check_obstacle(compile("own", source, "-fno-builtin"), "malloc of its own");
	check_obstacle(compile("own-exported", source, "-fno-builtin -rdynamic -s"), "malloc of its own");
}

/* Stripped, static, hidden: only the allocator's messages are left. */
static void inner_allocator(void **state)
{
	struct elf_probe p;
	struct tide_error e;
	(void)state;
	const char *path = compile("inner",
		"#include <stdio.h>\nint main(int c,char**v){(void)v;"
		"return c>3?puts(\"<jemalloc>: Out of memory\"):0;}",
		"-s");
	assert_int_equal(elf_probe(path, &p, &e), 0);
	assert_string_equal(p.inner_allocator, "jemalloc");
	assert_null(elf_probe_obstacle(&p));
	elf_probe_free(&p);
}

/* CPython 3.13 has mimalloc inside, whatever the file is called: /proc/PID/exe, or a program that embeds it. */
static void allocator_that_python_does_without(void **state)
{
	struct elf_probe p;

	(void)state;
	elf_probe_file(
		compile("mi", "const char m[] = \"mimalloc: \"; int main(void) { return m[0] == 1; }", "-O0"),
		&p);
	assert_string_equal(p.inner_allocator, "mimalloc");
	assert_false(p.python);
	elf_probe_free(&p);
	elf_probe_file(
		compile("embeds",
			"const char m[] = \"mimalloc: \", n[] = \"PYTHONMALLOC\"; int main(void) { return m[0] + n[0] == 1; }",
			"-O0 -s"),
		&p);
	assert_null(p.inner_allocator);
	assert_true(p.python);
	elf_probe_free(&p);
}

static void linked_allocator(void **state)
{
	struct elf_probe p;
	struct tide_error e;
	(void)state;
	compile("libjemalloc.so.2", "int f(void){return 0;}", "-shared -fPIC -Wl,-soname,libjemalloc.so.2");
	char flags[600];
	snprintf(flags, sizeof(flags), "%s -Wl,-rpath,%s", path_of("libjemalloc.so.2"), folder);
	const char *path = compile("linked", "int f(void);int main(void){return f();}", flags);
	assert_int_equal(elf_probe(path, &p, &e), 0);
	assert_string_equal(p.linked_allocator, "libjemalloc.so.2");
	assert_null(elf_probe_obstacle(&p));
	elf_probe_free(&p);
}

static void scripts(void **state)
{
	struct elf_probe p;
	struct tide_error e;
	char text[600];
	(void)state;
	compile("interpreter", "int main(void){return 0;}", "");
	snprintf(text, sizeof(text), "#! %s -x\nrest\n", path_of("interpreter"));
	const char *script = write_file("script", text, strlen(text), 0755);
	assert_int_equal(elf_probe(script, &p, &e), 0);
	assert_string_equal(p.path, path_of("interpreter"));
	assert_string_equal(p.script, script);
	elf_probe_free(&p);

	snprintf(text, sizeof(text), "#!/usr/bin/env -S A=b %s\n", path_of("interpreter"));
	script = write_file("by-env", text, strlen(text), 0755);
	assert_int_equal(elf_probe(script, &p, &e), 0);
	assert_string_equal(p.path, path_of("interpreter"));
	elf_probe_free(&p);

	snprintf(text, sizeof(text), "#!%s\n", path_of("script"));
	script = write_file("script-of-script", text, strlen(text), 0755);
	assert_int_equal(elf_probe(script, &p, &e), 0);
	assert_string_equal(p.path, path_of("interpreter"));
	assert_string_equal(p.script, script);
	elf_probe_free(&p);

	/* One that runs itself ends. */
	snprintf(text, sizeof(text), "#!%s\n", path_of("loop"));
	script = write_file("loop", text, strlen(text), 0755);
	check_obstacle(script, "ELF program nor a script");

	script = write_file("no-line", "echo hello\n", 11, 0755);
	assert_int_equal(elf_probe(script, &p, &e), 0);
	assert_string_equal(p.path, "/bin/sh");
	elf_probe_free(&p);

	script = write_file("bad-line", "#!/no/such/interpreter\n", 23, 0755);
	assert_int_equal(elf_probe(script, &p, &e), -1);
	assert_int_equal(e.code, 127);
	elf_probe_free(&p);
}

static void search_path(void **state)
{
	struct elf_probe p;
	struct tide_error e;
	char *saved = strdup(getenv("PATH") ? getenv("PATH") : ""), path[600];
	(void)state;
	compile("findme", "int main(void){return 0;}", "");
	snprintf(path, sizeof(path), "/nonexistent::%s:/bin", folder);
	setenv("PATH", path, 1);
	assert_int_equal(elf_probe("findme", &p, &e), 0);
	assert_string_equal(p.path, path_of("findme"));
	elf_probe_free(&p);
	assert_int_equal(elf_probe("no-such-program-anywhere", &p, &e), -1);
	assert_int_equal(e.code, 127);
	elf_probe_free(&p);
	write_file("plain-data", "x", 1, 0644);
	assert_int_equal(elf_probe("plain-data", &p, &e), -1);
	assert_int_equal(e.code, 126);
	elf_probe_free(&p);
	setenv("PATH", saved, 1);
	free(saved);
	assert_int_equal(elf_probe(folder, &p, &e), -1);
	assert_int_equal(e.code, 126);
	elf_probe_free(&p);
}

/* ELF's extended numbering: section 0 says how many segments there are, up to 2^32; and
 * they begin behind the end of the file. */
static void more_segments_than_bytes(void **state)
{
	struct {
		Elf64_Ehdr header;
		Elf64_Shdr section;
		Elf64_Phdr segment[8];
	} file = {
		.header = { .e_ident = { 127, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phoff = 1 << 24,
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = PN_XNUM,
			.e_shoff = sizeof(Elf64_Ehdr),
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 1 },
		.section = { .sh_info = 0xfffffff0 },
	};
	struct elf_probe p;
	(void)state;
	elf_probe_file(write_file("segments", &file, sizeof(file), 0755), &p);
	assert_true(p.elf);
	elf_probe_free(&p);
}

/* Every prefix of a program, and the program with bytes turned over. */
static void damaged_files(void **state)
{
	static unsigned char bytes[1 << 16], bad[1 << 16];
	struct elf_probe p;
	struct tide_error e;
	(void)state;
	FILE *f = fopen(compile("whole", "int main(void){return 0;}", "-g"), "r");
	size_t n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	for (size_t cut = 0; cut < n; cut += cut < 1100 ? 7 : 401) {
		const char *path = write_file("cut", bytes, cut, 0755);
		if (elf_probe(path, &p, &e) == 0 && cut < 64 && cut > 4)
			assert_non_null(elf_probe_obstacle(&p));
		elf_probe_free(&p);
	}
	unsigned seed = 1;
	for (int round = 0; round < 300; round++) {
		memcpy(bad, bytes, n);
		for (int i = 0; i < 8; i++) {
			seed = seed * 1664525u + 1013904223u;
			/* Half of them in the headers, at the start and at the end. */
			size_t at = seed >> 8;
			at = i < 2 ? at % 1024 : i < 4 ? n - 1 - at % 2048 : at % n;
			bad[at] ^= (unsigned char)(seed >> 16);
		}
		const char *path = write_file("bad", bad, n, 0755);
		elf_probe(path, &p, &e);
		elf_probe_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_program),
		cmocka_unit_test(separate_debug_file),
		cmocka_unit_test(static_program),
		cmocka_unit_test(shared_library),
		cmocka_unit_test(setuid_program),
		cmocka_unit_test(own_setuid_program),
		cmocka_unit_test(other_loaders),
		cmocka_unit_test(own_malloc),
		cmocka_unit_test(inner_allocator),
		cmocka_unit_test(allocator_that_python_does_without),
		cmocka_unit_test(linked_allocator),
		cmocka_unit_test(scripts),
		cmocka_unit_test(search_path),
		cmocka_unit_test(damaged_files),
		cmocka_unit_test(more_segments_than_bytes),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
