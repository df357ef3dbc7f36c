/* Loaded objects by address: the table that serves where the loader does not answer
 * itself, against the loader's own words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "shim/lookup.c"
#include "shim/object.c"

struct state state;

#define SMALL "libBrokenLocale.so.1" /* of glibc itself, and nothing else needs them */
#define OTHER "libresolv.so.2"

static unsigned objects;

static int object_check(struct dl_phdr_info *info, size_t bytes, void *unused)
{
	uintptr_t lo = UINTPTR_MAX, hi = 0;
	const uint8_t *unwind = NULL;
	struct object o;
	(void)bytes, (void)unused;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t at = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		if (info->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			unwind = (const uint8_t *)at;
		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		lo = (at & ~4095ul) < lo ? at & ~4095ul : lo;
		hi = at + info->dlpi_phdr[i].p_memsz > hi ? at + info->dlpi_phdr[i].p_memsz : hi;
	}
	objects++;
	for (uintptr_t at = lo; at < hi; at += 4096) {
		assert_true(object_find(at, &o));
		assert_int_equal(o.lo, lo);
		assert_int_equal(o.hi, hi);
		assert_ptr_equal(o.unwind, unwind);
	}
	assert_true(object_find(hi - 1, &o) && o.lo == lo);
	assert_false(object_find(hi, &o) && o.lo == lo);
	const struct link_map *link = object_link(&o);
	assert_true(object_find(lo, &o) && (link = object_link(&o)));
	assert_int_equal(link->l_addr, info->dlpi_addr);
	assert_string_equal(link->l_name, info->dlpi_name);
	return 0;
}

static void check_all(void)
{
	objects = 0;
	dl_iterate_phdr(object_check, NULL);
	assert_true(objects > 3);
}

static void table_knows_all(void **unused)
{
	(void)unused;
	int on_the_stack;
	struct object o;
	assert_null(loader_find);
	check_all();
	assert_int_equal(record_count, objects);
	check_all(); /* out of the table now */
	assert_int_equal(record_count, objects);
	assert_false(object_find((uintptr_t)&on_the_stack, &o));
	assert_false(object_find(0, &o));
	assert_false(object_find(~(uintptr_t)0, &o));
}

static void loader_says_the_same(void **unused)
{
	(void)unused;
	object_start();
	if (!loader_find) /* before glibc 2.35 */
		return;
	check_all();
	loader_find = NULL;
}

static uintptr_t open_library(const char *name, void **handle)
{
	struct link_map *map;
	*handle = dlopen(name, RTLD_NOW);
	assert_non_null(*handle);
	assert_int_equal(dlinfo(*handle, RTLD_DI_LINKMAP, &map), 0);
	return (uintptr_t)map->l_ld;
}

/* What was unloaded is not found, whatever is at its place now. */
static void unloaded_is_gone(void **unused)
{
	(void)unused;
	void *handle;
	struct object o, again;
	uintptr_t at = open_library(SMALL, &handle);
	assert_true(object_find(at, &o));
	assert_true(object_find(o.lo, &o));
	dlclose(handle);
	assert_false(object_find(at, &again));
	size_t bytes = (o.hi - o.lo + 4095) & ~4095ul;
	char *p = mmap(
		(void *)o.lo, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_ptr_equal(p, (void *)o.lo);
	assert_false(object_find(at, &again));
	munmap(p, bytes);
}

/* One after the other at one place, a hundred times: each is distinguished from the last. */
static void places_change_hands(void **unused)
{
	(void)unused;
	uint32_t before = record_count;
	for (unsigned i = 0; i < 100; i++) {
		void *handle;
		struct object o;
		uintptr_t at = open_library(i % 2 ? SMALL : OTHER, &handle);
		assert_true(object_find(at, &o));
		assert_true(strstr(object_link(&o)->l_name, i % 2 ? SMALL : OTHER));
		dlclose(handle);
	}
	assert_true(record_count <= before + 4);
}

/* Without system calls the list alone is asked. */
static void works_without_calls(void **unused)
{
	(void)unused;
	void *handle;
	struct object o;
	uintptr_t at = open_library(SMALL, &handle);
	assert_true(object_find(at, &o));
	state.no_syscalls = true;
	assert_true(object_find(at, &o));
	dlclose(handle);
	assert_false(object_find(at, &o));
	check_all();
	state.no_syscalls = false;
}

static int stop;

static void *asker(void *unused)
{
	(void)unused;
	struct object o;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		assert_true(object_find((uintptr_t)asker, &o));
		assert_true((uintptr_t)asker >= o.lo && (uintptr_t)asker < o.hi);
		assert_true(object_find((uintptr_t)_r_debug.r_map->l_ld, &o));
		assert_false(object_find((uintptr_t)&o, &o));
	}
	return NULL;
}

static void *opener(void *name)
{
	for (unsigned i = 0; i < 1000; i++) {
		void *handle;
		struct object o;
		uintptr_t at = open_library(name, &handle);
		assert_true(object_find(at, &o));
		assert_true(at >= o.lo && at < o.hi);
		dlclose(handle);
	}
	return NULL;
}

static void threads_come_and_go(void **unused)
{
	(void)unused;
	pthread_t t[4];
	pthread_create(&t[0], NULL, asker, NULL);
	pthread_create(&t[1], NULL, asker, NULL);
	pthread_create(&t[2], NULL, opener, (void *)SMALL);
	pthread_create(&t[3], NULL, opener, (void *)OTHER);
	pthread_join(t[2], NULL);
	pthread_join(t[3], NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	check_all();
}

/* A fork took the writer along: the child can write again, over the record that was left half done. */
static void writer_lost_in_a_fork(void **unused)
{
	(void)unused;
	struct object o;
	writing = 1;
	records[0].version |= 1;
	check_all();
	object_after_fork();
	memset(records, 0, sizeof records);
	records[0].version = 1;
	record_count = 0;
	check_all();
	assert_true(object_find((uintptr_t)asker, &o));
	assert_int_equal(record_count, objects);
	assert_int_equal(records[0].version & 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_knows_all),
		cmocka_unit_test(loader_says_the_same),
		cmocka_unit_test(unloaded_is_gone),
		cmocka_unit_test(places_change_hands),
		cmocka_unit_test(works_without_calls),
		cmocka_unit_test(threads_come_and_go),
		cmocka_unit_test(writer_lost_in_a_fork),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
