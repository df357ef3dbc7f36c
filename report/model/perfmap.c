/* perfmap.c - reading perf map files; see perfmap.h for the format. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "perfmap.h"
#include "base/search.h"
#include "snapshot.h"

#define FILE_MAX ((uint64_t)256 << 20)
#define NAME_MAX_BYTES 4096u

/* Hex digits at *p, which moves behind them; false: none, or above 64 bits. */
static bool parse_hex(char **p, const char *end, uint64_t *value)
{
	char *q = *p;

	if (end - q > 2 && q[0] == '0' && (q[1] | 32) == 'x')
		q += 2;
	for (*value = 0; q < end; q++) {
		char c = *q;
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			digit = (unsigned)((c | 32) - 'a') + 10;
		else
			break;
		if (*value >> 60)
			return false;
		*value = *value << 4 | digit;
	}
	if (q == *p || q >= end || *q != ' ')
		return false;
	while (q < end && *q == ' ')
		q++;
	*p = q;
	return true;
}

/* One line without its newline. */
static bool parse_line(char *line, char *end, struct perfmap_entry *e)
{
	char *p = line;

	if (!parse_hex(&p, end, &e->address) || !parse_hex(&p, end, &e->bytes))
		return false;
	while (end > p && (end[-1] == '\r' || end[-1] == ' '))
		end--;
	if (end == p || e->bytes == 0 || e->address + e->bytes < e->address)
		return false;
	if (end - p > NAME_MAX_BYTES)
		end = p + NAME_MAX_BYTES;
	for (char *c = p; c < end; c++)
		if ((unsigned char)*c < 32 || *c == 127)
			*c = '?';
	*end = '\0';
	e->name = p;
	return true;
}

static int compare_addresses(const void *a, const void *b)
{
	const struct perfmap_entry *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

/* A heap of entries with the latest line on top: names are in file order. */
static void push_heap(const struct perfmap_entry **heap, size_t *n, const struct perfmap_entry *e)
{
	size_t i = (*n)++;

	while (i && heap[(i - 1) / 2]->name < e->name) {
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = e;
}

static void pop_heap(const struct perfmap_entry **heap, size_t *n)
{
	const struct perfmap_entry *e = heap[--*n];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < *n) {
		if (child + 1 < *n && heap[child + 1]->name > heap[child]->name)
			child++;
		if (heap[child]->name <= e->name)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = e;
}

static void add_piece(
	struct perfmap_entry *out, size_t *n, uint64_t from, uint64_t to, const struct perfmap_entry *e)
{
	struct perfmap_entry *last = *n ? &out[*n - 1] : NULL;

	if (from >= to)
		return;
	if (last && last->name == e->name && last->address + last->bytes == from)
		last->bytes += to - from;
	else
		out[(*n)++] = (struct perfmap_entry){ from, to - from, e->name };
}

/* Cuts overlapping entries so that at each address the latest line wins: a
 * sweep over the starts with a heap of the entries that are open. */
static void settle_overlaps(struct perfmap *map)
{
	struct perfmap_entry *in = map->entries, *out;
	const struct perfmap_entry **heap;
	size_t open = 0, n = 0;
	uint64_t at = 0;

	qsort(in, map->count, sizeof(*in), compare_addresses);
	out = alloc_bytes((2 * map->count + 1) * sizeof(*out));
	heap = alloc_bytes((map->count + 1) * sizeof(*heap));
	for (size_t i = 0; i <= map->count; i++) {
		uint64_t next = i < map->count ? in[i].address : UINT64_MAX;

		while (open && at < next) {
			const struct perfmap_entry *top = heap[0];
			uint64_t end = top->address + top->bytes;

			if (end <= at) {
				pop_heap(heap, &open);
				continue;
			}
			add_piece(out, &n, at, end < next ? end : next, top);
			at = end < next ? end : next;
		}
		at = next;
		if (i < map->count)
			push_heap(heap, &open, &in[i]);
	}
	free(heap);
	free(in);
	map->entries = out;
	map->count = n;
}

void perfmap_parse(char *text, size_t bytes, struct perfmap *map)
{
	size_t capacity = 0;
	char *p = text, *end = text + bytes;

	*map = (struct perfmap){ .text = NULL };
	while (p < end) {
		char *newline = memchr(p, '\n', (size_t)(end - p));
		struct perfmap_entry e;

		/* A last line without its newline is still being written. */
		if (!newline) {
			map->skipped++;
			break;
		}
		if (!parse_line(p, newline, &e)) {
			map->skipped += newline > p;
		} else {
			*ARRAY_ADD(map->entries, map->count, capacity) = e;
		}
		p = newline + 1;
	}
	if (map->count)
		settle_overlaps(map);
}

int perfmap_read(const char *path, uid_t owner, uint64_t since_ns, struct perfmap *map, struct tide_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	uint64_t bytes = 0;
	struct stat st;
	char *text;

	*map = (struct perfmap){ .text = NULL };
	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return error_set(e, EXIT_UNMEASURED, "cannot open %s|%s|", path, strerror(errno));
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_uid != owner && st.st_uid != 0)) {
		close(fd);
		return error_set(e, EXIT_UNMEASURED,
			"%s is not used|it is not a regular file of the program's user|remove it", path);
	}
	/* Files carry the time of the last tick: up to 10 ms ago. */
	if ((uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec + 20000000u < since_ns) {
		close(fd);
		return 0;
	}
	if ((uint64_t)st.st_size > FILE_MAX) {
		close(fd);
		return error_set(e, EXIT_UNMEASURED, "%s is not used|it is larger than 256 MiB|", path);
	}
	text = alloc_bytes((uint64_t)st.st_size + 1);
	while (bytes < (uint64_t)st.st_size) {
		ssize_t n = read(fd, text + bytes, (uint64_t)st.st_size - bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		bytes += (uint64_t)n;
	}
	close(fd);
	perfmap_parse(text, bytes, map);
	map->text = text;
	return 0;
}

/* The process's number in its innermost pid namespace: what it calls its file. */
static long read_own_number(pid_t pid)
{
	char path[64], line[256];
	long number = pid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *last = strrchr(line, '\t');

		if (strncmp(line, "NSpid:", 6) == 0 && last)
			number = strtol(last, NULL, 10);
	}
	if (f)
		fclose(f);
	return number;
}

int perfmap_read_process(pid_t pid, uint64_t since_ns, struct perfmap *map, struct tide_error *e)
{
	uid_t owner = geteuid();
	struct stat st;
	char path[96];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	if (stat(path, &st) == 0)
		owner = st.st_uid;
	snprintf(path, sizeof(path), "/proc/%d/root/tmp/perf-%ld.map", pid, read_own_number(pid));
	if (perfmap_read(path, owner, since_ns, map, e) == 0 && map->count)
		return 0;
	perfmap_free(map);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", pid);
	return perfmap_read(path, owner, since_ns, map, e);
}

void perfmap_free(struct perfmap *map)
{
	free(map->entries);
	free(map->text);
	*map = (struct perfmap){ .text = NULL };
}

void perfmap_store(const struct perfmap *map, struct snapshot_writer *w)
{
	struct tide_jit *list;

	if (map->count == 0)
		return;
	list = alloc_zeroed(map->count, sizeof(*list));
	for (size_t i = 0; i < map->count; i++)
		list[i] = (struct tide_jit){ map->entries[i].address, map->entries[i].bytes,
			snapshot_writer_string(w, map->entries[i].name), 0 };
	snapshot_writer_section(w, SECTION_PERF_MAP, sizeof(*list), list, map->count, 1);
	free(list);
}

const struct tide_jit *perfmap_find(const struct tide_jit *sorted, size_t count, uint64_t address)
{
	size_t lo = SEARCH_UP_TO(sorted, count, address, address);

	if (lo == 0 || address - sorted[lo - 1].address >= sorted[lo - 1].bytes)
		return NULL;
	return &sorted[lo - 1];
}
