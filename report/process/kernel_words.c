/* kernel_words.c - pointers that the program has given to the kernel: kernel_words.h. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/array.h"
#include "kernel_words.h"

#define LINK_MAX_BYTES 256
#define RING_TRIES 5

static void add_word(struct kernel_words *k, const char *name, uint64_t word)
{
	struct kernel_word *w;

	if (!word)
		return;
	w = ARRAY_ADD(k->words, k->count, k->capacity);
	w->word = word;
	snprintf(w->name, sizeof w->name, "%s", name);
}

/* "tfd:        5 events:       19 data:     7f0012345678  pos:0 ..." */
static void read_epoll(struct kernel_words *k, int pid, int descriptor)
{
	char path[64], line[256], name[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", pid, descriptor);
	snprintf(name, sizeof name, "epoll descriptor %d", descriptor);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f)) {
		unsigned long long data;
		const char *at = strstr(line, "data:");

		if (!strncmp(line, "tfd:", 4) && at && sscanf(at, "data: %llx", &data) == 1)
			add_word(k, name, data);
	}
	if (f)
		fclose(f);
}

/* "ID: 0", "signal: 34/00007f0012345678". */
static void read_timers(struct kernel_words *k, int pid)
{
	char path[64], line[256], name[64] = "timer";
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/timers", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f)) {
		unsigned long long value;
		int number;

		if (sscanf(line, "ID: %d", &number) == 1)
			snprintf(name, sizeof name, "timer %d", number);
		if (sscanf(line, "signal: %d/%llx", &number, &value) == 2)
			add_word(k, name, value);
	}
	if (f)
		fclose(f);
}

/* What a ring reports; a line for each entry that waits in it:
 *   "SqMask:\t0x3", "CachedSqHead:\t2", "CachedCqTail:\t1"
 *   "    0: opcode:NOP, fd:3, ..., addr:0x7f00, ... user_data:94556166021904"
 *   "    0: user_data:94556166021904, res:0, flag:0"
 * False when it reports nothing: it is busy, or the kernel is too old. */
static bool read_ring_lines(
	struct kernel_words *k, FILE *f, const char *name, uint32_t *mask, uint32_t *taken, uint32_t *done)
{
	char line[512];
	unsigned known = 0;

	while (fgets(line, sizeof line, f)) {
		const char *data = strstr(line, "user_data:"), *address = strstr(line, "addr:0x");
		unsigned long long value;

		known += sscanf(line, "SqMask: %x", mask) == 1;
		known += sscanf(line, "CachedSqHead: %u", taken) == 1;
		known += sscanf(line, "CachedCqTail: %u", done) == 1;
		if (data && sscanf(data, "user_data:%llu", &value) == 1)
			add_word(k, name, value);
		if (address && sscanf(address, "addr:%llx", &value) == 1)
			add_word(k, name, value);
	}
	return known == 3;
}

/* Entries that the kernel has taken but not completed are only in its own memory, and in the ring, which is
 * a mapping of the process, until their slot is used again. */
static void read_ring(struct kernel_words *k, int pid, int descriptor)
{
	char path[64], name[64];
	uint32_t mask = 0, taken = 0, done = 0;
	bool told = false;

	snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", pid, descriptor);
	snprintf(name, sizeof name, "io_uring descriptor %d", descriptor);
	for (int i = 0; i < RING_TRIES && !told; i++) {
		FILE *f = fopen(path, "re");
		size_t before = k->count;

		told = f && read_ring_lines(k, f, name, &mask, &taken, &done);
		if (!told)
			k->count = before;
		if (f)
			fclose(f);
	}
	k->rings++;
	k->rings_silent += !told;
	if (!told || taken == done)
		return;
	k->ring_requests += taken - done;
	k->rings_reused += taken > mask + 1;
}

void kernel_words_look(struct kernel_words *k, int pid)
{
	char path[64], link[LINK_MAX_BYTES];
	struct dirent *entry;
	DIR *d;

	kernel_words_free(k);
	k->looked = true;
	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	d = opendir(path);
	k->refused = !d;
	while (d && (entry = readdir(d))) {
		char one[sizeof path + sizeof entry->d_name];
		bool ring;
		ssize_t n;

		snprintf(one, sizeof one, "/proc/%d/fd/%s", pid, entry->d_name);
		n = readlink(one, link, sizeof link - 1);
		link[n > 0 ? n : 0] = 0;
		ring = !strcmp(link, "anon_inode:[io_uring]");
		if (ring || !strcmp(link, "anon_inode:[eventpoll]"))
			*ARRAY_ADD(k->descriptors, k->descriptor_count, k->descriptor_room) =
				(struct kernel_descriptor){ atoi(entry->d_name), ring };
	}
	if (d)
		closedir(d);
}

void kernel_words_read(struct kernel_words *k, int pid)
{
	if (!k->looked)
		kernel_words_look(k, pid);
	read_timers(k, pid);
	for (size_t i = 0; i < k->descriptor_count; i++)
		if (k->descriptors[i].ring)
			read_ring(k, pid, k->descriptors[i].number);
		else
			read_epoll(k, pid, k->descriptors[i].number);
}

bool kernel_words_rings_idle(const struct kernel_words *k)
{
	return k && k->rings && !k->rings_silent && !k->ring_requests;
}

void kernel_words_free(struct kernel_words *k)
{
	free(k->words);
	free(k->descriptors);
	*k = (struct kernel_words){ 0 };
}
