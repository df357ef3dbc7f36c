/* remote.c: an image is read without giving it pages of its own, and not beyond its end. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/alloc.h"
#include "process/remote.h"

#define BYTES (32u << 20)
#define PART (1u << 20)

/* Bytes of a process that it shares with no other. */
static uint64_t own_bytes(pid_t pid)
{
	char path[64], line[256];
	unsigned long long kilobytes = 0, sum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "r");
	if (!f)
		skip();
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Clean: %llu", &kilobytes) == 1
			|| sscanf(line, "Private_Dirty: %llu", &kilobytes) == 1)
			sum += kilobytes;
	fclose(f);
	return sum * 1024;
}

/* A copy of this process, which waits. */
static pid_t open_image(struct remote *m)
{
	pid_t image = fork();
	struct tide_error e = { 0 };

	assert_int_not_equal(image, -1);
	if (!image) {
		alarm(60); /* a test that fails does not end it */
		pause();
		_exit(0);
	}
	assert_int_equal(remote_open(m, image, &e), 0);
	return image;
}

static void close_image(struct remote *m, pid_t image)
{
	remote_close(m);
	kill(image, SIGKILL);
	waitpid(image, NULL, 0);
}

static void an_image_stays_shared(void **state)
{
	unsigned char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *copy = alloc_bytes(PART);
	struct remote m;
	pid_t image;

	(void)state;
	assert_ptr_not_equal(memory, MAP_FAILED);
	memset(memory, 0x5a, BYTES);
	image = open_image(&m);
	for (size_t at = 0; at < BYTES; at += PART) {
		assert_int_equal(remote_read(&m, (uintptr_t)memory + at, copy, PART), PART);
		assert_memory_equal(copy, memory + at, PART);
	}
	if (m.mem >= 0)
		assert_true(own_bytes(image) <= BYTES / 2);
	close_image(&m, image);
	munmap(memory, BYTES);
	free(copy);
}

/* What may not be read comes as zeros; memory without permissions is read nevertheless. */
static void pages_without_permissions(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *memory =
		mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char copy[64], zeros[64] = { 0 };
	struct remote m;
	pid_t image;

	(void)state;
	assert_ptr_not_equal(memory, MAP_FAILED);
	memset(memory, 0x5a, 3 * page);
	mprotect(memory + page, page, PROT_NONE);
	munmap(memory + 2 * page, page);
	image = open_image(&m);
	if (m.mem >= 0) {
		assert_int_equal(remote_read(&m, (uintptr_t)memory + page - 32, copy, 64), 64);
		assert_int_equal(copy[63], 0x5a);
	}
	assert_int_equal(remote_read(&m, (uintptr_t)memory + 2 * page, copy, 64), 0);
	assert_memory_equal(copy, zeros, 64);
	close_image(&m, image);
	munmap(memory, 2 * page);
}

/* What was kept is not mixed with zeros, and a large range is not tried page by page. */
static void nothing_is_read_from_a_process_that_has_ended(void **state)
{
	unsigned char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *copy = alloc_bytes(BYTES);
	struct remote m;
	uint64_t word;
	pid_t image;

	(void)state;
	assert_ptr_not_equal(memory, MAP_FAILED);
	memset(memory, 0x5a, BYTES);
	image = open_image(&m);
	m.still = true;
	assert_true(remote_word(&m, (uintptr_t)memory, &word));
	kill(image, SIGKILL);
	assert_int_equal(waitpid(image, NULL, 0), image);
	memset(copy, 'x', BYTES);
	assert_int_equal(remote_read(&m, (uintptr_t)memory, copy, BYTES), 0);
	assert_true(m.ended);
	assert_int_equal(copy[0] | copy[BYTES - 1], 0);
	assert_false(remote_word(&m, (uintptr_t)memory, &word));
	remote_close(&m);
	free(copy);
	munmap(memory, BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_stays_shared),
		cmocka_unit_test(pages_without_permissions),
		cmocka_unit_test(nothing_is_read_from_a_process_that_has_ended),
	};

	return cmocka_run_group_tests_name("remote_image", tests, NULL, NULL);
}
