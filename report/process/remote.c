/* remote.c - bounded, page-aware reading of another process: remote.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "page_scan.h"
#include "remote.h"
#include "base/search.h"

#define PAGE 4096ull
#define LARGE (1ull << 30)
#define LISTED 512u                       /* runs of pages listed at a time, LARGE bytes at most */
#define ADDRESS_END ((1ull << 47) - PAGE) /* TASK_SIZE_MAX of the kernel, which refuses more */
#define WINDOW 4096u                      /* pagemap entries held at a time: 16 MiB of addresses */
#define PRESENT (3ull << 62)              /* in memory, or swapped out */
#define KEPT 1024u /* pages kept: those of a heap of 4 MiB; a newer one takes a place */
#define SMALL 512u /* bytes of a read that takes a page as a whole */

struct remote_pages {
	uint64_t page[KEPT]; /* number of the page + 1; 0: none */
	char *bytes[KEPT];
};

static char *read_file_text(const char *path, size_t *length)
{
	size_t room = 1 << 16, used = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	ssize_t got;

	if (fd < 0)
		return NULL;
	text = alloc_bytes(room);
	while ((got = read(fd, text + used, room - used - 1)) > 0) {
		used += (size_t)got;
		ARRAY_RESERVE(text, room, used + 4096);
	}
	close(fd);
	text[used] = 0;
	*length = used;
	return text;
}

/* A number that ends with `end`, which is passed; false: it does not. */
static bool read_number(char **at, int base, char end, uint64_t *n)
{
	char *from = *at;

	*n = strtoull(from, at, base);
	if (*at == from || **at != end)
		return false;
	++*at;
	return true;
}

/* "7f00-7f10 r-xp 00000000 fe:00 1234     /path" (proc(5)). */
static bool parse_mapping(char *line, struct remote_mapping *m)
{
	uint64_t lo, hi, offset, inode, major, minor;
	char *at = line, *rights;
	bool deleted;
	size_t n;

	if (!read_number(&at, 16, '-', &lo) || !read_number(&at, 16, ' ', &hi) || strlen(at) < 5)
		return false;
	rights = at;
	at += 5;
	if (!read_number(&at, 16, ' ', &offset) || !read_number(&at, 16, ':', &major)
		|| !read_number(&at, 16, ' ', &minor))
		return false;
	inode = strtoull(at, &at, 10);
	at += strspn(at, " ");
	n = strlen(at);
	deleted = n > 10 && !strcmp(at + n - 10, " (deleted)");
	if (deleted)
		at[n - 10] = 0;
	*m = (struct remote_mapping){ .lo = lo,
		.hi = hi,
		.offset = offset,
		.inode = inode,
		.device = (uint32_t)(major << 20 | minor),
		.readable = rights[0] == 'r',
		.writable = rights[1] == 'w',
		.executable = rights[2] == 'x',
		.shared = rights[3] == 's',
		.deleted = deleted,
		.path = at };
	return true;
}

static int read_mappings(struct remote *m, struct tide_error *e)
{
	char path[64], *line, *next;
	size_t length, room = 0;

	snprintf(path, sizeof path, "/proc/%d/maps", m->pid);
	m->text = read_file_text(path, &length);
	if (!m->text || !length)
		return error_set(e, EXIT_UNMEASURED,
			"cannot read %s|%s|the process may have ended, or belong "
			"to another user",
			path, m->text ? "it is empty" : strerror(errno));
	for (line = m->text; *line; line = next) {
		next = strchr(line, '\n');
		next = next ? (*next = 0, next + 1) : line + strlen(line);
		ARRAY_RESERVE(m->mappings, room, m->mapping_count + 1);
		if (parse_mapping(line, &m->mappings[m->mapping_count]))
			m->mapping_count++;
	}
	return 0;
}

int remote_open(struct remote *m, int pid, struct tide_error *e)
{
	char path[64];

	*m = (struct remote){ .pid = pid, .mem = -1, .pagemap = -1, .by_call = true };
	snprintf(path, sizeof path, "/proc/%d/mem", pid);
	m->mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
	m->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (read_mappings(m, e)) {
		remote_close(m);
		return -1;
	}
	return 0;
}

static void free_kept(struct remote *m)
{
	for (unsigned i = 0; m->kept && i < KEPT; i++)
		free(m->kept->bytes[i]);
	free(m->kept);
}

static void close_process(struct remote *m)
{
	if (m->mem >= 0)
		close(m->mem);
	if (m->pagemap >= 0)
		close(m->pagemap);
	free(m->pages);
	free(m->listed);
	free_kept(m);
}

void remote_replace(struct remote *m, const struct remote_source *source)
{
	close_process(m);
	*m = (struct remote){ .source = *source,
		.mem = -1,
		.pagemap = -1,
		.mappings = m->mappings,
		.mapping_count = m->mapping_count,
		.text = m->text };
}

void remote_close(struct remote *m)
{
	close_process(m);
	if (m->source.close)
		m->source.close(m->source.context);
	free(m->mappings);
	free(m->text);
	*m = (struct remote){ .mem = -1, .pagemap = -1 };
}

/* One attempt; short when a page in between cannot be read. */
static uint64_t read_once(struct remote *m, uint64_t address, char *to, uint64_t bytes)
{
	ssize_t got;

	if (m->source.read)
		return m->source.read(m->source.context, address, to, bytes);
	/* The file, which also reads pages whose protection forbids it (mprotect'ed memory). The call pins pages, and
	 * the kernel gives an image a page of its own for each one that it pins (gup_must_unshare in mm/gup.c). */
	if (m->mem >= 0) {
		got = pread(m->mem, to, bytes, (off_t)address);
		if (got > 0)
			return (uint64_t)got;
		/* Memory that cannot be read is an error; only memory that nobody has any more is empty
		 * (mem_rw in fs/proc/base.c). */
		if (!got) {
			m->ended = true;
			return 0;
		}
	}
	if (m->by_call) {
		struct iovec here = { to, bytes }, there = { (void *)address, bytes };

		got = process_vm_readv(m->pid, &here, 1, &there, 1, 0);
		if (got > 0)
			return (uint64_t)got;
		if (got < 0 && (errno == EPERM || errno == ENOSYS))
			m->by_call = false;
		m->ended |= got < 0 && errno == ESRCH;
	}
	return 0;
}

/* The bytes of a whole page, or NULL: it cannot be read, or not all of it. */
static const char *find_kept(struct remote *m, uint64_t page)
{
	unsigned i = page % KEPT;

	if (!m->kept)
		m->kept = alloc_zeroed(1, sizeof(*m->kept));
	if (m->kept->page[i] == page + 1)
		return m->kept->bytes[i];
	if (!m->kept->bytes[i])
		m->kept->bytes[i] = alloc_bytes(PAGE);
	m->kept->page[i] = read_once(m, page * PAGE, m->kept->bytes[i], PAGE) == PAGE ? page + 1 : 0;
	return m->kept->page[i] ? m->kept->bytes[i] : NULL;
}

/* R3. How many of the first bytes are in pages that are kept. */
static uint64_t read_kept(struct remote *m, uint64_t address, char *to, uint64_t bytes)
{
	uint64_t done = 0;

	while (done < bytes) {
		const char *page = find_kept(m, (address + done) / PAGE);
		uint64_t at = (address + done) % PAGE, n = PAGE - at;

		if (!page)
			break;
		n = n < bytes - done ? n : bytes - done;
		memcpy(to + done, page + at, n);
		done += n;
	}
	return done;
}

uint64_t remote_read(struct remote *m, uint64_t address, void *to, uint64_t bytes)
{
	uint64_t done, good;

	if (m->ended) {
		memset(to, 0, bytes);
		return 0;
	}
	if (address + bytes < address || address >= 1ull << 47)
		bytes = address >= 1ull << 47 ? 0 : (1ull << 47) - address;
	done = good = m->still && bytes <= SMALL ? read_kept(m, address, to, bytes) : 0;
	while (done < bytes) {
		uint64_t got = read_once(m, address + done, (char *)to + done, bytes - done), skip;

		good += got;
		done += got;
		if (got || done >= bytes)
			continue;
		/* To the next page; a hole may be large, but so is what the caller asked for. */
		skip = PAGE - (address + done) % PAGE;
		if (m->ended || skip > bytes - done)
			skip = bytes - done;
		memset((char *)to + done, 0, skip);
		done += skip;
	}
	return good;
}

bool remote_word(struct remote *m, uint64_t address, uint64_t *word)
{
	return remote_read(m, address, word, sizeof *word) == sizeof *word;
}

bool remote_text(struct remote *m, uint64_t address, char *to, size_t bytes)
{
	size_t at = 0;

	while (at + 1 < bytes) {
		size_t piece = PAGE - (address + at) % PAGE;

		if (piece > bytes - 1 - at)
			piece = bytes - 1 - at;
		if (remote_read(m, address + at, to + at, piece) != piece)
			return false;
		if (memchr(to + at, 0, piece))
			return true;
		at += piece;
	}
	to[at] = 0;
	return true;
}

/* Lists the pages from this one on by PAGEMAP_SCAN, which names runs and passes over what has no page tables. */
static bool list_pages(struct remote *m, uint64_t page)
{
	struct page_scan a = { .size = sizeof a,
		.start = page * PAGE,
		.end = ADDRESS_END,
		.vector_length = LISTED,
		.max_pages = LARGE / PAGE,
		.any_of = PAGE_SCAN_PRESENT | PAGE_SCAN_SWAPPED };
	int found;

	if (m->cannot_list || a.start >= a.end)
		return false;
	if (!m->listed)
		m->listed = alloc_bytes(LISTED * sizeof *m->listed);
	a.vector = (uint64_t)(uintptr_t)m->listed;
	found = ioctl(m->pagemap, PAGE_SCAN, &a);
	m->cannot_list = found < 0 || a.walk_end <= a.start;
	m->listed_count = m->cannot_list ? 0 : (size_t)found;
	m->listed_lo = a.start;
	m->listed_hi = m->cannot_list ? a.start : a.walk_end;
	return !m->cannot_list;
}

static bool is_page_listed(const struct remote *m, uint64_t address)
{
	size_t at = SEARCH_UP_TO(m->listed, m->listed_count, end, address);

	return at < m->listed_count && m->listed[at].start <= address;
}

static bool is_page_present(struct remote *m, uint64_t page)
{
	if (m->untouched)
		return true;
	if (m->pagemap < 0)
		return true;
	if (m->still && (page * PAGE - m->listed_lo < m->listed_hi - m->listed_lo || list_pages(m, page)))
		return is_page_listed(m, page * PAGE);
	if (page - m->page_first >= m->page_count) {
		ssize_t got;

		if (!m->pages)
			m->pages = alloc_bytes(WINDOW * sizeof *m->pages);
		got = pread(m->pagemap, m->pages, WINDOW * sizeof *m->pages, (off_t)(page * 8));
		if (got < 8)
			return got < 0 && page < 1ull << 45; /* 0: beyond all addresses of a process */
		m->page_first = page;
		m->page_count = (uint64_t)got / 8;
	}
	return m->pages[page - m->page_first] & PRESENT;
}

/* Reservations of terabytes have a pagemap of gigabytes: the kernel can report where the next page is.
 * Returns 1 when it is found, 0 when there is no more, -1 when the kernel cannot report it. */
static int scan_run(struct remote *m, uint64_t *from, uint64_t *end, uint64_t to)
{
	struct page_scan_region region;
	struct page_scan a = { .size = sizeof a,
		.start = *from & ~(PAGE - 1),
		.end = (to + PAGE - 1) & ~(PAGE - 1),
		.vector = (uint64_t)(uintptr_t)&region,
		.vector_length = 1,
		.any_of = PAGE_SCAN_PRESENT | PAGE_SCAN_SWAPPED,
		.returned = PAGE_SCAN_PRESENT | PAGE_SCAN_SWAPPED };
	int found = m->pagemap < 0 ? -1 : ioctl(m->pagemap, PAGE_SCAN, &a);

	if (found < 1)
		return found;
	if (region.start > *from)
		*from = region.start;
	*end = region.end < to ? region.end : to;
	return *from < *end ? 1 : -1;
}

/* The mapping that holds the address, or the next above it. */
static const struct remote_mapping *find_mapping_after(const struct remote *m, uint64_t address)
{
	size_t at = SEARCH_UP_TO(m->mappings, m->mapping_count, hi, address);

	return at < m->mapping_count ? &m->mappings[at] : NULL;
}

bool remote_run(struct remote *m, uint64_t *from, uint64_t *end, uint64_t to)
{
	uint64_t page = *from / PAGE, last = (to + PAGE - 1) / PAGE;
	int found;

	if (m->source.run && m->untouched) {
		*end = to;
		return *from < to;
	}
	if (m->source.run)
		return m->source.run(m->source.context, from, end, to);
	if (*from < to && to - *from > LARGE && !m->untouched && (found = scan_run(m, from, end, to)) >= 0)
		return found;
	/* The range may be any; where nothing is mapped, pages are not looked at one by one. */
	while (page < last && !is_page_present(m, page)) {
		const struct remote_mapping *mapping = find_mapping_after(m, page * PAGE);

		if (!mapping && m->mapping_count)
			return false;
		page = mapping && mapping->lo > page * PAGE ? mapping->lo / PAGE : page + 1;
	}
	if (*from >= to || page >= last)
		return false;
	if (page * PAGE > *from)
		*from = page * PAGE;
	while (page < last && is_page_present(m, page))
		page++;
	*end = page * PAGE < to ? page * PAGE : to;
	return true;
}

const struct remote_mapping *remote_mapping_at(const struct remote *m, uint64_t address)
{
	const struct remote_mapping *mapping = find_mapping_after(m, address);

	return mapping && mapping->lo <= address ? mapping : NULL;
}
