/* The memory and threads of a process, out of the cores that the kernel and gcore write. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "report/process/core.h"
#include "report/process/unwinder.h"

#define WORDS 12000u /* less than malloc maps by itself */

static struct shared {
	volatile int ready, threads[2];
	volatile uint64_t heap, stack, pointer[2];
} * shared;
static uint64_t global[WORDS];
static char folder[64], path[128];
static struct core c;

static __attribute__((noinline)) void wait_inner(int number)
{
	volatile uint64_t here = 0xc0ffee00u + (unsigned)number;

	if (number)
		shared->stack = (uint64_t)(uintptr_t)&here;
	shared->threads[number] = gettid();
	shared->pointer[number] = (uint64_t)pthread_self();
	__atomic_add_fetch(&shared->ready, 1, __ATOMIC_RELEASE);
	for (;;)
		pause();
}

static void *wait_outer(void *unused)
{
	wait_inner(1);
	return unused;
}

/* Memory that is written, and memory that is not. */
static int start_child(int filter)
{
	int pid;

	memset(shared, 0, sizeof(*shared));
	pid = fork();
	if (!pid) {
		uint64_t *heap = calloc(WORDS, 8);
		pthread_t thread;
		char text[8];
		int fd = open("/proc/self/coredump_filter", O_WRONLY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
		snprintf(text, sizeof(text), "0x%x", (unsigned)filter);
		if (!heap || write(fd, text, strlen(text)) < 0)
			_exit(1);
		for (uint64_t i = 0; i < WORDS; i++)
			global[i] = heap[i] = i * 0x100000001ull;
		shared->heap = (uint64_t)(uintptr_t)heap;
		pthread_create(&thread, NULL, wait_outer, NULL);
		wait_inner(0);
	}
	assert_true(pid > 0);
	for (int i = 0; i < 3000 && __atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) < 2; i++)
		usleep(10000);
	assert_int_equal(shared->ready, 2);
	return pid;
}

static bool find_core(void)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	bool found = false;

	while (d && (entry = readdir(d)))
		if (!strncmp(entry->d_name, "core", 4)) {
			snprintf(path, sizeof(path), "%s/%.60s", folder, entry->d_name);
			found = true;
		}
	if (d)
		closedir(d);
	return found;
}

static void kernel_core(int filter)
{
	struct rlimit before, all = { RLIM_INFINITY, RLIM_INFINITY };
	char pattern[128] = "";
	FILE *f = fopen("/proc/sys/kernel/core_pattern", "r");
	int pid, status;

	if (!f || !fgets(pattern, sizeof(pattern), f) || strncmp(pattern, "core", 4)) {
		print_message("cores go elsewhere: %s", pattern);
		skip();
	}
	fclose(f);
	getrlimit(RLIMIT_CORE, &before);
	all.rlim_cur = all.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_CORE, &all);
	assert_int_equal(chdir(folder), 0);
	pid = start_child(filter);
	setrlimit(RLIMIT_CORE, &before);
	kill(pid, SIGABRT);
	waitpid(pid, &status, 0);
	if (!WCOREDUMP(status) || !find_core()) {
		print_message("cores go elsewhere: none was written\n");
		skip();
	}
}

static void gdb_core(int filter)
{
	char command[256];
	int pid = start_child(filter), result;

	if (system("command -v gcore >/dev/null")) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		print_message("gcore is not installed\n");
		skip();
	}
	snprintf(command, sizeof(command), "gcore -o %s/core %d >%s/log 2>&1", folder, pid, folder);
	result = system(command);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(result, 0);
	assert_true(find_core());
}

static void check_words(uint64_t address)
{
	static uint64_t words[WORDS];

	memset(words, 0xff, sizeof(words));
	assert_int_equal(remote_read(&c.memory, address, words, sizeof(words)), sizeof(words));
	for (uint64_t i = 0; i < WORDS; i++)
		assert_int_equal(words[i], i * 0x100000001ull);
}

/* Code lies where it does here: the child is a fork. */
static void check_code(void *function)
{
	uint64_t at = (uint64_t)(uintptr_t)function;
	const struct remote_mapping *p = remote_mapping_at(&c.memory, at);
	uint8_t there[256];

	assert_non_null(p);
	assert_true(p->executable && p->path[0] == '/');
	assert_int_equal(remote_read(&c.memory, at, there, sizeof(there)), sizeof(there));
	assert_memory_equal(there, function, sizeof(there));
}

static void check_threads(void)
{
	assert_int_equal(c.stop.count, 2);
	for (int k = 0; k < 2; k++) {
		const struct stop_thread *t = NULL;

		for (size_t i = 0; i < 2; i++)
			if (c.stop.threads[i].tid == shared->threads[k])
				t = &c.stop.threads[i];
		assert_non_null(t);
		assert_true(stop_general(t));
		assert_int_equal(t->registers.fs_base, shared->pointer[k]);
		assert_true(t->vector_bytes >= 512);
		assert_string_equal(t->name, c.name);
	}
	assert_int_equal(c.pid, shared->threads[0]);
	assert_string_equal(c.name, "core_test");
}

/* Frames up to the function that the thread began with. */
static void check_frames(void)
{
	struct unwinder *u = unwinder_new(&c.memory);
	struct unwind_frame frames[64];
	const struct stop_thread *t = &c.stop.threads[c.stop.threads[0].tid == shared->threads[1] ? 0 : 1];
	size_t n = unwinder_walk(u, &t->registers, true, frames, NULL, 64);
	uint64_t outer = (uint64_t)(uintptr_t)wait_outer;
	bool met = false;

	assert_true(n >= 4);
	for (size_t i = 0; i < n; i++)
		met |= frames[i].pc > outer && frames[i].pc < outer + 64;
	assert_true(met);
	unwinder_free(u);
}

static void check_names(void)
{
	const struct remote_mapping *p = remote_mapping_at(&c.memory, shared->heap);
	char self[128] = "";
	uint64_t word = 0;

	assert_string_equal(p->path, "[heap]");
	assert_string_equal(remote_mapping_at(&c.memory, c.program)->path, "[stack]");
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	assert_string_equal(c.exe, self);
	assert_true(remote_word(&c.memory, shared->stack, &word));
	assert_int_equal(word, 0xc0ffee01u);
}

static void open_it(void)
{
	struct tide_error e = { 0 };

	if (core_open(&c, path, &e)) {
		error_print(&e);
		fail();
	}
}

static void check_core(void)
{
	open_it();
	assert_string_equal(c.why, "");
	check_threads();
	check_words((uint64_t)(uintptr_t)global);
	check_words(shared->heap);
	check_names();
	check_code((void *)(uintptr_t)&wait_outer);
	check_code((void *)(uintptr_t)&memfd_create);
	check_frames();
	core_close(&c);
	unlink(path);
}

static void of_the_kernel(void **unused)
{
	(void)unused;
	kernel_core(0x33);
	check_core();
}

static void of_the_kernel_with_private_memory_only(void **unused)
{
	(void)unused;
	kernel_core(0x11);
	check_core();
}

static void of_gcore(void **unused)
{
	(void)unused;
	gdb_core(0x33);
	check_core();
}

/* What lies behind the cut is missing, what lies before it is read. */
static void cut_at_many_places(void **unused)
{
	uint64_t bytes;
	unsigned opened = 0;

	(void)unused;
	kernel_core(0x33);
	open_it();
	bytes = c.file_bytes;
	core_close(&c);
	for (int i = 60; i > 0; i--) {
		struct tide_error e = { 0 };
		uint64_t word, from = 0, end;

		assert_int_equal(truncate(path, (off_t)(bytes * (unsigned)i / 61)), 0);
		if (core_open(&c, path, &e)) {
			assert_int_equal(e.code, EXIT_USAGE);
			continue;
		}
		opened++;
		assert_true(c.missing_bytes && strstr(c.why, "cut off"));
		for (unsigned n = 0; n < 10000 && remote_run(&c.memory, &from, &end, 1ull << 47);
			n++, from = end)
			remote_word(&c.memory, from, &word);
		core_close(&c);
	}
	assert_true(opened > 50);
	unlink(path);
}

/* Each byte of the headers and notes is changed: nothing but an answer is asked for. */
static void damaged_anywhere(void **unused)
{
	uint8_t head[12288], changed[sizeof(head)];
	int fd;
	ssize_t got;

	(void)unused;
	kernel_core(0x33);
	fd = open(path, O_RDWR);
	got = pread(fd, head, sizeof(head), 0);
	assert_true(got > 4096);
	for (ssize_t i = 0; i < got; i += 7) {
		struct tide_error e = { 0 };
		uint64_t word, from = 0, end;

		memcpy(changed, head, sizeof(head));
		changed[i] ^= (uint8_t)(1u << i % 8);
		changed[(i * 31) % got] = 0xff;
		assert_int_equal(pwrite(fd, changed, (size_t)got, 0), got);
		if (core_open(&c, path, &e))
			continue;
		for (unsigned n = 0; n < 200 && remote_run(&c.memory, &from, &end, 1ull << 47);
			n++, from = end)
			remote_word(&c.memory, from, &word);
		core_close(&c);
	}
	close(fd);
	unlink(path);
}

static int make_folder(void **unused)
{
	(void)unused;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(folder, sizeof(folder), "/tmp/core_test.XXXXXX");
	return shared == MAP_FAILED || !mkdtemp(folder) ? -1 : 0;
}

static int remove_folder(void **unused)
{
	char command[128];

	(void)unused;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_kernel),
		cmocka_unit_test(of_the_kernel_with_private_memory_only),
		cmocka_unit_test(of_gcore),
		cmocka_unit_test(cut_at_many_places),
		cmocka_unit_test(damaged_anywhere),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
