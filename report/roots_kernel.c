/* roots_kernel.c - pointers that the program has given to the kernel: roots.h.
 *
 * Read from the process itself while it stands: an image has no descriptors
 * and no timers.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "roots.h"

#define LINK_MAX_BYTES 256
#define RING_TRIES 5

static void word_add(struct roots_kernel *k, const char *name, uint64_t word)
{
	struct roots_kernel_word *w;

	if (!word)
		return;
	if ((k->count & (k->count + 1)) == 0)
		k->words = memory_resize(k->words, (k->count + 1) * 2 * sizeof *k->words);
	w = &k->words[k->count++];
	w->word = word;
	snprintf(w->name, sizeof w->name, "%s", name);
}

/* "tfd:        5 events:       19 data:     7f0012345678  pos:0 ..." */
static void epoll_read(struct roots_kernel *k, int pid, int descriptor)
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
			word_add(k, name, data);
	}
	if (f)
		fclose(f);
}

/* "ID: 0", "signal: 34/00007f0012345678". */
static void timers_read(struct roots_kernel *k, int pid)
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
			word_add(k, name, value);
	}
	if (f)
		fclose(f);
}

/* What a ring says of itself; a line for each entry that waits in it:
 *   "SqMask:\t0x3", "CachedSqHead:\t2", "CachedCqTail:\t1"
 *   "    0: opcode:NOP, fd:3, ..., addr:0x7f00, ... user_data:94556166021904"
 *   "    0: user_data:94556166021904, res:0, flag:0"
 * False when it says nothing: it is busy, or the kernel too old. */
static bool ring_lines(struct roots_kernel *k, FILE *f, const char *name, uint32_t *mask, uint32_t *taken,
	uint32_t *done)
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
			word_add(k, name, value);
		if (address && sscanf(address, "addr:%llx", &value) == 1)
			word_add(k, name, value);
	}
	return known == 3;
}

/* Entries that the kernel has taken but not done yet are only in its own memory, and as
 * long as nobody has used the slot again in the ring, which is a mapping of the process. */
static void ring_read(struct roots_kernel *k, int pid, int descriptor)
{
	char path[64], name[64];
	uint32_t mask = 0, taken = 0, done = 0;
	bool told = false;

	snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", pid, descriptor);
	snprintf(name, sizeof name, "io_uring descriptor %d", descriptor);
	for (int i = 0; i < RING_TRIES && !told; i++) {
		FILE *f = fopen(path, "re");
		size_t before = k->count;

		told = f && ring_lines(k, f, name, &mask, &taken, &done);
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

void roots_kernel_read(struct roots_kernel *k, int pid)
{
	char path[64], link[LINK_MAX_BYTES];
	struct dirent *entry;
	DIR *d;

	*k = (struct roots_kernel) { 0 };
	timers_read(k, pid);
	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	d = opendir(path);
	k->refused = !d;
	while (d && (entry = readdir(d))) {
		char one[sizeof path + sizeof entry->d_name];
		ssize_t n;

		snprintf(one, sizeof one, "/proc/%d/fd/%s", pid, entry->d_name);
		n = readlink(one, link, sizeof link - 1);
		link[n > 0 ? n : 0] = 0;
		if (!strcmp(link, "anon_inode:[eventpoll]"))
			epoll_read(k, pid, atoi(entry->d_name));
		else if (!strcmp(link, "anon_inode:[io_uring]"))
			ring_read(k, pid, atoi(entry->d_name));
	}
	if (d)
		closedir(d);
}

static void rings_doubt(struct roots *r)
{
	bool mapped = false;

	for (size_t i = 0; i < r->memory->mapping_count && !mapped; i++)
		mapped = !strcmp(r->memory->mappings[i].path, "anon_inode:[io_uring]");
	if (r->kernel->rings_reused)
		roots_doubt(r, "io_uring is at work on %llu request%s: what only these hold is not known",
			(unsigned long long)r->kernel->ring_requests, r->kernel->ring_requests == 1 ? "" : "s");
	else if (r->kernel->rings_silent || (mapped && !r->kernel->rings))
		roots_doubt(r, "io_uring does not tell which requests it is at work on");
}

bool roots_kernel_rings_idle(const struct roots_kernel *k)
{
	return k && k->rings && !k->rings_silent && !k->ring_requests;
}

void roots_kernel(struct roots *r)
{
	struct tide_root root = { .kind = ROOT_KERNEL, .thread = UINT32_MAX };
	const char *last = NULL;
	uint32_t number = 0;

	if (!r->kernel)
		return;
	if (r->kernel->refused)
		roots_doubt(r, "the descriptors of the process could not be listed");
	rings_doubt(r);
	for (size_t i = 0; i < r->kernel->count; i++) {
		const struct roots_kernel_word *w = &r->kernel->words[i];

		if (scan_block(r->scan, w->word & ~r->scan->mask) == SCAN_NONE)
			continue;
		if (!last || strcmp(last, w->name))
			number = roots_add(r, &root, w->name);
		last = w->name;
		roots_word(r, number, i, w->word);
	}
}
