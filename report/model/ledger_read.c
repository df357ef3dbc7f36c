/* ledger_read.c - copies a ledger: ledger.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/alloc.h"
#include "ledger.h"

/* Element lengths of this version, and what no honest ledger exceeds. */
static const struct {
	uint32_t element;
	uint64_t most;
} shape[LEDGER_TABLES] = {
	[LEDGER_STRINGS] = { 1, 1u << 30 },
	[LEDGER_MODULES] = { sizeof(struct ledger_module), 1u << 16 },
	[LEDGER_NODES] = { sizeof(struct ledger_node), 1u << 28 },
	[LEDGER_SITES] = { sizeof(struct ledger_site), 1u << 24 },
	[LEDGER_THREADS] = { sizeof(struct ledger_thread), 1u << 22 },
	[LEDGER_TIMELINE] = { sizeof(struct ledger_point), 1u << 22 },
	[LEDGER_MARKS] = { sizeof(struct ledger_mark), 1u << 22 },
	[LEDGER_SIZES] = { sizeof(struct ledger_sizes), 1u << 24 },
	[LEDGER_LIFETIMES] = { sizeof(struct ledger_lifetimes), 1u << 24 },
	[LEDGER_MAPPINGS] = { sizeof(struct ledger_mapping), 1u << 22 },
	[LEDGER_OWN] = { sizeof(struct ledger_range), 1u << 22 },
	[LEDGER_PAGES] = { sizeof(struct ledger_page), 1u << 24 },
	[LEDGER_COUNTERS] = { LEDGER_PAGE, 1u << 24 },
	[LEDGER_TRACKED] = { sizeof(struct ledger_tracked), 1u << 22 },
	[LEDGER_ROUNDS] = { sizeof(struct ledger_rounds), 1u << 24 },
	[LEDGER_ANSWERS] = { sizeof(uint64_t), 1u << 24 },
	[LEDGER_ERRORS] = { sizeof(struct ledger_error), 1u << 16 },
	[LEDGER_CODES] = { sizeof(struct ledger_code), 1u << 22 },
};
_Static_assert(sizeof(shape) / sizeof(shape[0]) == LEDGER_TABLES && LEDGER_TABLES == 18,
	"a table that the shim adds needs a row here");

#define ROOM (256ull << 20) /* for tables with holes: rounds */

static uint64_t read_file_at(void *context, void *to, uint64_t bytes, uint64_t offset)
{
	int fd = *(int *)context;
	uint64_t done = 0;

	while (done < bytes) {
		ssize_t n = pread(fd, (char *)to + done, bytes - done < 1u << 30 ? bytes - done : 1u << 30,
			(off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (uint64_t)n;
	}
	return done;
}

static void copy_table(struct ledger_copy *c, ledger_read_at *read_at, void *context, uint64_t file_bytes,
	enum ledger_table_kind kind)
{
	struct ledger_table *t = &c->header.table[kind];
	uint64_t count, got;

	/* Again: the process may run, and a table that is named by one read before must hold it. */
	read_at(context, t, sizeof(*t), offsetof(struct ledger_header, table) + kind * sizeof(*t));
	count = t->count;
	if (!count)
		return;
	if (t->element != shape[kind].element || t->offset > file_bytes || count > shape[kind].most
		|| count > (file_bytes - t->offset) / t->element || count > c->room / t->element) {
		c->cut += count;
		return;
	}
	c->room -= count * t->element;
	c->table[kind] = alloc_bytes(count * t->element);
	got = read_at(context, c->table[kind], count * t->element, t->offset) / t->element;
	c->cut += count - got;
	c->count[kind] = got;
}

/* Everything that is followed later, checked once (Q2). */
static void check_copy(struct ledger_copy *c)
{
	char *strings = c->table[LEDGER_STRINGS];
	struct ledger_node *nodes = c->table[LEDGER_NODES];
	struct ledger_site *sites = c->table[LEDGER_SITES];

	if (c->count[LEDGER_STRINGS])
		strings[c->count[LEDGER_STRINGS] - 1] = '\0';
	if (c->count[LEDGER_PAGES] > c->count[LEDGER_COUNTERS])
		c->count[LEDGER_PAGES] = c->count[LEDGER_COUNTERS];
	for (uint64_t i = 0; i < c->count[LEDGER_NODES]; i++) {
		if (nodes[i].parent >= i)
			nodes[i].parent = 0;
		if (nodes[i].module >= c->count[LEDGER_MODULES])
			nodes[i].module = 0;
	}
	for (uint64_t i = 0; i < c->count[LEDGER_SITES]; i++)
		if (sites[i].node >= c->count[LEDGER_NODES])
			sites[i].node = 0;
}

static int copy_from(struct ledger_copy *c, ledger_read_at *read_at, void *context, uint64_t bytes,
	uint64_t room, uint32_t tables, const char *path, struct tide_error *e)
{
	uint64_t got;

	memset(c, 0, sizeof(*c));
	c->room = room;
	got = read_at(context, &c->header, sizeof(c->header), 0);
	if (got < sizeof(c->header) || memcmp(c->header.magic, LEDGER_MAGIC, 8))
		return error_set(e, EXIT_UNMEASURED, "%s is not a ledger|%s|", path,
			got < sizeof(c->header) ? "it is cut off" : "it does not begin like one");
	if (c->header.version != LEDGER_VERSION || c->header.header_bytes != sizeof(c->header))
		return error_set(e, EXIT_UNMEASURED,
			"cannot read the ledger %s|it has version %u with a header "
			"of %u bytes|use the command and the library of one build",
			path, c->header.version, c->header.header_bytes);
	/* From the last to the first: counters name sites, sites nodes, nodes modules, all strings. */
	for (int i = LEDGER_TABLES - 1; i >= 0; i--)
		if (tables >> i & 1)
			copy_table(c, read_at, context, bytes, (enum ledger_table_kind)i);
	check_copy(c);
	return 0;
}

int ledger_copy_from(struct ledger_copy *c, ledger_read_at *read_at, void *context, uint64_t bytes,
	const char *path, struct tide_error *e)
{
	return copy_from(c, read_at, context, bytes, ROOM, LEDGER_COPY_ALL, path, e);
}

int ledger_copy_descriptor(
	struct ledger_copy *c, int fd, uint32_t tables, const char *path, struct tide_error *e)
{
	struct stat st;

	memset(c, 0, sizeof(*c));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return error_set(e, EXIT_UNMEASURED, "%s is not a ledger|it is not a regular file|", path);
	/* Counts are what is in use (LG1), and was written: a sparse file has room for no more. */
	return copy_from(c, read_file_at, &fd, (uint64_t)st.st_size, ROOM + 2 * 512 * (uint64_t)st.st_blocks,
		tables, path, e);
}

int ledger_copy_file(struct ledger_copy *c, const char *path, struct tide_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW), result;

	memset(c, 0, sizeof(*c));
	if (fd < 0)
		return error_set(e, EXIT_UNMEASURED, "cannot open %s|%s|", path, strerror(errno));
	result = ledger_copy_descriptor(c, fd, LEDGER_COPY_ALL, path, e);
	close(fd);
	return result;
}

void ledger_copy_free(struct ledger_copy *c)
{
	for (int i = 0; i < LEDGER_TABLES; i++)
		free(c->table[i]);
	memset(c, 0, sizeof(*c));
}

const char *ledger_string(const struct ledger_copy *c, uint32_t index)
{
	return index < c->count[LEDGER_STRINGS] ? (const char *)c->table[LEDGER_STRINGS] + index : "";
}

char *ledger_option(const struct ledger_copy *c, const char *name)
{
	const char *line = ledger_string(c, c->header.options), *next;
	size_t bytes = strlen(name);

	for (; *line; line = next) {
		const char *end = strchrnul(line, '\n');

		next = *end ? end + 1 : end;
		if (!strncmp(line, "TIDEMARK_", 9) && !strncmp(line + 9, name, bytes)
			&& line[9 + bytes] == '=') {
			line += 10 + bytes;
			return alloc_printf("%.*s", (int)(end - line), line);
		}
	}
	return NULL;
}
