/* remote_copy.c: what was copied reads as the process's memory did, after the process has ended. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/process/remote_copy.c"

#define PAGES 8u
#define MOST (64u << 20)

static char *map(int protection, int flags, int fd)
{
	char *at = mmap(NULL, PAGES * PAGE, protection, flags, fd, 0);

	assert_true(at != MAP_FAILED);
	return at;
}

static int make_file(char letter)
{
	char path[] = "/tmp/remote_copy.XXXXXX", page[PAGE];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	memset(page, letter, sizeof(page));
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	/* Its path leads nowhere, as that of a library that was replaced: only the mapping does. */
	if (letter == 'd')
		unlink(path);
	return fd;
}

static void remove_file(int fd)
{
	char link[64], path[256];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	assert_true(n > 0);
	path[n] = 0;
	unlink(path);
	close(fd);
}

/* A copy of this process, which has stopped. */
static pid_t open_child(struct remote *m)
{
	struct tide_error e = { 0 };
	pid_t child = fork();

	assert_int_not_equal(child, -1);
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not end it */
		raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
	assert_int_equal(remote_open(m, child, &e), 0);
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* Its first page, one that was not touched before it, and words at its edges. */
static void compare(struct remote *before, struct remote *after, const char *at)
{
	static char a[3 * PAGE], b[3 * PAGE];
	static const int64_t offsets[] = { -8, 0, 1, 4088, 4092, 4096, PAGE * 3 - 100, PAGE * PAGES - 8,
		PAGE * PAGES - 4 };
	static const uint64_t sizes[] = { 1, 8, 24, PAGE, 2 * PAGE + 5 };

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			uint64_t address = (uintptr_t)at + (uint64_t)offsets[i];

			memset(a, 'x', sizeof(a));
			memset(b, 'y', sizeof(b));
			assert_int_equal(remote_read(before, address, a, sizes[k]),
				remote_read(after, address, b, sizes[k]));
			assert_memory_equal(a, b, sizes[k]);
		}
}

/* The pages that a scan of the range looks at, all others being empty. */
static uint64_t count_pages(struct remote *m, const char *at)
{
	uint64_t from = (uintptr_t)at, to = from + PAGES * PAGE, end, sum = 0;

	for (; remote_run(m, &from, &end, to); from = end)
		sum += (end - from) / PAGE;
	return sum;
}

static void everything_reads_as_before(void **state)
{
	int whole = make_file('w');
	char *private = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *closed = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *hole = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *changed = map(PROT_READ | PROT_WRITE, MAP_PRIVATE, whole);
	char *plain = map(PROT_READ, MAP_PRIVATE, whole);
	char *of_file = map(PROT_READ | PROT_WRITE, MAP_SHARED, whole);
	const char *all[] = { private, closed, hole, changed, plain, of_file };
	size_t count = sizeof(all) / sizeof(all[0]);
	struct remote before, after;
	struct tide_error e = { 0 };
	pid_t child;
	char byte = 0;

	(void)state;
	memset(private + PAGE, 'p', 2 * PAGE);
	memset(closed, 'c', PAGES * PAGE);
	mprotect(closed, PAGES * PAGE, PROT_NONE);
	munmap(hole + 2 * PAGE, PAGE);
	changed[3 * PAGE + 17] = 'X';
	of_file[PAGE] = 'Y';
	child = open_child(&after);
	assert_int_equal(remote_open(&before, child, &e), 0);
	assert_int_equal(count_pages(&before, private), 2);
	assert_true(remote_copy(&after, MOST, 0, 0));
	for (size_t i = 0; i < count; i++)
		compare(&before, &after, all[i]);
	end_child(child);
	assert_int_equal(remote_read(&after, (uintptr_t)changed + 3 * PAGE + 17, &byte, 1), 1);
	assert_int_equal(byte, 'X');
	assert_int_equal(remote_read(&after, (uintptr_t)plain + 2 * PAGE, &byte, 1), 1);
	assert_int_equal(byte, 'w');
	assert_int_equal(count_pages(&after, private), 2);
	assert_true(count_pages(&after, changed) >= 1);
	assert_int_equal(after.pid, 0);
	assert_false(after.ended);
	remote_close(&after);
	remote_close(&before);
	for (size_t i = 0; i < count; i++)
		munmap((void *)all[i], PAGES * PAGE);
	remove_file(whole);
}

/* Only root may open what has no path. */
static void memory_without_a_path_is_held_or_refused(void **state)
{
	char *shared = map(PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	int deleted = make_file('d');
	char *gone = map(PROT_READ, MAP_PRIVATE, deleted), byte = 0;
	struct remote m;
	pid_t child;

	(void)state;
	shared[5 * PAGE] = 's';
	child = open_child(&m);
	if (remote_copy(&m, MOST, 0, 0)) {
		end_child(child);
		m.untouched = true;
		assert_int_equal(count_pages(&m, shared), PAGES);
		m.untouched = false;
	} else {
		assert_int_not_equal(geteuid(), 0);
		assert_int_equal(m.pid, child);
	}
	assert_int_equal(remote_read(&m, (uintptr_t)shared + 5 * PAGE, &byte, 1), 1);
	assert_int_equal(byte, 's');
	assert_int_equal(remote_read(&m, (uintptr_t)gone, &byte, 1), 1);
	assert_int_equal(byte, 'd');
	if (m.pid)
		end_child(child);
	remote_close(&m);
	close(deleted);
	munmap(shared, PAGES * PAGE);
	munmap(gone, PAGES * PAGE);
}

/* What nothing but the mapping leads to, and is too large for its untouched pages to be looked at, is copied. */
static void large_shared_memory_is_copied(void **state)
{
	uint64_t bytes = SHARED_LEAST + PAGES * PAGE;
	char *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	     word[2] = "";
	struct remote m;
	pid_t child = fork();

	(void)state;
	assert_true(shared != MAP_FAILED);
	assert_int_not_equal(child, -1);
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		shared[PAGE] = 's';
		raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
	assert_int_equal(remote_open(&m, child, &(struct tide_error){ 0 }), 0);
	assert_true(remote_copy(&m, MOST, 0, 0));
	end_child(child);
	assert_int_equal(count_pages(&m, shared), 1);
	assert_int_equal(remote_read(&m, (uintptr_t)shared + PAGE, word, 2), 2);
	assert_string_equal(word, "s");
	remote_close(&m);
	munmap(shared, bytes);
}

/* A kernel that lists the pages of a part lists those of the whole, and they are the same that pagemap shows. */
static void one_call_lists_all_pages(void **state)
{
	char *private = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct remote_copy listed = { 0 };
	struct page_scan_region region;
	struct page_scan part = { .size = sizeof(part),
		.start = (uintptr_t) private,
		.end = (uintptr_t) private + PAGES * PAGE,
		.vector = (uintptr_t)&region,
		.vector_length = 1,
		.any_of = PAGE_SCAN_PRESENT };
	uint64_t pages = 0;
	struct remote m;
	pid_t child;
	size_t i;

	(void)state;
	memset(private + 2 * PAGE, 'p', 3 * PAGE);
	child = open_child(&m);
	if (ioctl(m.pagemap, PAGE_SCAN, &part) >= 0) {
		assert_true(scan_pages(&listed, m.pagemap));
		for (i = 0; i < listed.run_count; i++)
			for (uint64_t at = listed.runs[i].lo; at < listed.runs[i].hi; at += PAGE)
				pages += at - (uintptr_t) private < PAGES * PAGE;
		assert_int_equal(pages, count_pages(&m, private));
	}
	free(listed.runs);
	end_child(child);
	remote_close(&m);
	munmap(private, PAGES * PAGE);
}

/* A file that has taken the place of the one that is mapped is not read, and too much is not copied. */
static void all_or_nothing(void **state)
{
	char *private = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char byte = 0;
	struct remote m;
	pid_t child;

	(void)state;
	memset(private, 'p', PAGES * PAGE);
	child = open_child(&m);
	assert_false(remote_copy(&m, PAGES * PAGE, 0, 0));
	assert_int_equal(m.pid, child);
	assert_null(m.source.read);
	private[0] = 'q';
	assert_int_equal(remote_read(&m, (uintptr_t) private, &byte, 1), 1);
	assert_int_equal(byte, 'p');
	end_child(child);
	remote_close(&m);
	munmap(private, PAGES * PAGE);
}

/* A shared mapping that is left out, as the ledger, takes nothing of its neighbours with it. */
static void neighbours_of_what_is_left_out(void **state)
{
	int file = make_file('w');
	char *at = mmap(NULL, 3 * PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char byte = 0;
	struct remote m;
	struct stat s;
	pid_t child;

	(void)state;
	assert_true(at != MAP_FAILED);
	memset(at, 'n', 3 * PAGES * PAGE);
	assert_true(
		mmap(at + PAGES * PAGE, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0)
		!= MAP_FAILED);
	at[PAGES * PAGE] = 'l';
	assert_false(fstat(file, &s));
	child = open_child(&m);
	assert_true(remote_copy(&m, MOST, s.st_ino, (uint32_t)(major(s.st_dev) << 20 | minor(s.st_dev))));
	end_child(child);
	assert_int_equal(count_pages(&m, at), PAGES);
	assert_int_equal(count_pages(&m, at + PAGES * PAGE), 0);
	assert_int_equal(count_pages(&m, at + 2 * PAGES * PAGE), PAGES);
	assert_int_equal(remote_read(&m, (uintptr_t)at + 2 * PAGES * PAGE, &byte, 1), 1);
	assert_int_equal(byte, 'n');
	remote_close(&m);
	munmap(at, 3 * PAGES * PAGE);
	remove_file(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_reads_as_before),
		cmocka_unit_test(memory_without_a_path_is_held_or_refused),
		cmocka_unit_test(large_shared_memory_is_copied),
		cmocka_unit_test(one_call_lists_all_pages),
		cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(neighbours_of_what_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
