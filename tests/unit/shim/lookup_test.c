/* Symbols found in the hash tables of modules: the answers of dlsym, without what it leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <malloc.h>
#include <string.h>
#include "shim/lookup.c"

static bool of_program(void *address)
{
	Dl_info program, other;
	return dladdr(_DYNAMIC, &program) && dladdr(address, &other) && program.dli_fbase == other.dli_fbase;
}

/* Every name of every module that has a GNU hash table: the program's own view of it. */
static void equals_dlsym(void **unused)
{
	unsigned names = 0, functions = 0;
	(void)unused;
	for (const struct link_map *m = _r_debug.r_map; m; m = m->l_next) {
		struct tables t;
		uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
		if ((vdso && (uintptr_t)m->l_ld - vdso < 65536) || !read_tables(m, &t) || !t.gnu_hash)
			continue;
		const uint32_t *head = t.gnu_hash, *bucket = head + 4 + 2 * head[2],
			       *chain = bucket + head[0];
		for (uint32_t b = 0; b < head[0]; b++) {
			for (uint32_t i = bucket[b]; i >= head[1]; i++) {
				const char *name = t.strings + t.symbols[i].st_name;
				void *first = dlsym(RTLD_DEFAULT, name), *next = dlsym(RTLD_NEXT, name);
				unsigned type = ELF64_ST_TYPE(t.symbols[i].st_info);
				/* After the program only, older ones also give a version that is not the default:
				 * what the program does not define itself is the same there. */
				if (!first || !of_program(first))
					next = first;
				if (type != STT_TLS) {
					names++;
					functions += type == STT_GNU_IFUNC;
					if (lookup_first(name) != first || lookup_next(name) != next)
						fail_msg("%s of %s: %p and %p instead of %p and %p", name,
							m->l_name, lookup_first(name), lookup_next(name),
							first, next);
				}
				if (chain[i - head[1]] & 1)
					break;
			}
		}
	}
	assert_true(names > 2000 && functions > 20);
}

static void leaves_nothing_behind(void **unused)
{
	(void)unused;
	char *before = malloc(100);
	free(before);
	dlerror();
	for (unsigned i = 0; i < 100; i++) {
		assert_null(lookup_first("there_is_no_such_symbol"));
		assert_null(lookup_next("there_is_no_such_symbol"));
		assert_null(lookup_first(""));
	}
	char *after = malloc(100);
	assert_ptr_equal(after, before);
	free(after);
	assert_null(dlerror());
}

static void finds_itself(void **unused)
{
	(void)unused;
	assert_non_null(lookup_self());
	assert_ptr_equal(lookup_self(), _r_debug.r_map); /* here it is the program */
	assert_null(lookup_in(lookup_self(), "malloc"));
	assert_ptr_equal(lookup_first("malloc"), lookup_next("malloc"));
	assert_non_null(strstr(lookup_owner("malloc")->l_name, "libc.so"));
	assert_null(lookup_owner("there_is_no_such_symbol"));
}

/* A module as old linkers make it, with DT_HASH alone. The loader has not moved what
 * its dynamic section says, as it does where that section cannot be written to. */
static const struct {
	char strings[64];
	Elf64_Sym symbols[7];
	uint32_t hash[2 + 2 + 7];
	Elf64_Half versions[7];
} old = {
	.strings = "\0twice\0alone\0absent\0absolute\0local",
	.symbols = {
		[1] = { .st_name = 1, .st_value = 0x100, .st_shndx = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC) },
		[2] = { .st_name = 1, .st_value = 0x200, .st_shndx = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC) },
		[3] = { .st_name = 7, .st_value = 0x300, .st_shndx = 1, .st_info = ELF64_ST_INFO(STB_WEAK, STT_OBJECT) },
		[4] = { .st_name = 13, .st_value = 0, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC) },
		[5] = { .st_name = 20, .st_value = 0x400, .st_shndx = SHN_ABS, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE) },
		[6] = { .st_name = 29, .st_value = 0x500, .st_shndx = 1, .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC) },
	},
	/* Two buckets that both lead through all symbols. */
	.hash = { 2, 7, 1, 1, 0, 2, 3, 4, 5, 6, 0 },
	.versions = { 0, 2 | VERSION_HIDDEN, 3, 1, 1, 1, 1 },
};

static void reads_old_tables(void **unused)
{
	(void)unused;
	uintptr_t bias = (uintptr_t)&old;
	Elf64_Dyn dynamic[] = {
		{ DT_STRTAB, { .d_ptr = offsetof(typeof(old), strings) } },
		{ DT_SYMTAB, { .d_ptr = offsetof(typeof(old), symbols) } },
		{ DT_HASH, { .d_ptr = bias + offsetof(typeof(old), hash) } },
		{ DT_VERSYM, { .d_ptr = offsetof(typeof(old), versions) } },
		{ DT_NULL, { 0 } },
	};
	struct link_map m = { .l_addr = bias, .l_name = (char *)"old", .l_ld = dynamic };
	assert_ptr_equal(lookup_in(&m, "twice"), (char *)bias + 0x200);
	assert_ptr_equal(lookup_in(&m, "alone"), (char *)bias + 0x300);
	assert_ptr_equal(lookup_in(&m, "absolute"), (void *)0x400);
	assert_null(lookup_in(&m, "absent"));
	assert_null(lookup_in(&m, "local"));
	assert_null(lookup_in(&m, "other"));
	dynamic[2].d_tag = DT_DEBUG; /* no table at all */
	assert_null(lookup_in(&m, "alone"));
}

static void numbers_the_modules(void **unused)
{
	uint64_t before = lookup_modules();
	void *library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
	(void)unused;
	assert_int_equal(lookup_modules() == before, !library);
	if (!library)
		skip();
	uint64_t with = lookup_modules();
	assert_int_equal(lookup_modules(), with);
	assert_int_equal(dlclose(library), 0);
	assert_int_not_equal(lookup_modules(), with);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_dlsym),
		cmocka_unit_test(leaves_nothing_behind),
		cmocka_unit_test(finds_itself),
		cmocka_unit_test(reads_old_tables),
		cmocka_unit_test(numbers_the_modules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
