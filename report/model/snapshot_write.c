/* snapshot_write.c - collects sections and writes a .tide file: snapshot.h, FORMAT.md.
 *
 * Order in the file: what explains a snapshot first (strings, process, sites), what is
 * large last (blocks, edges), so that a cut costs least.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uthash.h>
#include <xxhash.h>
#include <zstd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "snapshot_private.h"

#define NAMES_MAX 100000u /* x.1.tide ... x.100000.tide */

struct writer_string {
	uint32_t offset;
	UT_hash_handle hh;
	char text[];
};

struct snapshot_writer *snapshot_writer_new(void)
{
	struct snapshot_writer *w = alloc_zeroed(1, sizeof(*w));

	w->strings_capacity = 4096;
	w->strings = alloc_bytes(w->strings_capacity);
	w->strings[0] = '\0';
	w->strings_bytes = 1;
	return w;
}

uint32_t snapshot_writer_string(struct snapshot_writer *w, const char *s)
{
	struct writer_string *found;
	size_t bytes;

	if (!s || !*s)
		return 0;
	bytes = strlen(s);
	HASH_FIND(hh, w->interned, s, bytes, found);
	if (found)
		return found->offset;
	if (bytes + 1 > UINT32_MAX - w->strings_bytes)
		return 0;
	ARRAY_RESERVE(w->strings, w->strings_capacity, w->strings_bytes + bytes + 1);
	found = alloc_bytes(sizeof(*found) + bytes + 1);
	found->offset = (uint32_t)w->strings_bytes;
	memcpy(found->text, s, bytes + 1);
	memcpy(w->strings + w->strings_bytes, s, bytes + 1);
	w->strings_bytes += bytes + 1;
	HASH_ADD_KEYPTR(hh, w->interned, found->text, bytes, found);
	return found->offset;
}

void snapshot_writer_strings_from(struct snapshot_writer *w, const char *strings, uint64_t bytes)
{
	if (!bytes || strings[bytes - 1])
		return;
	ARRAY_RESERVE(w->strings, w->strings_capacity, bytes);
	memcpy(w->strings, strings, bytes);
	w->strings_bytes = bytes;
	for (uint64_t at = 0, n; at < bytes; at += n + 1) {
		struct writer_string *found;

		n = strlen(strings + at);
		HASH_FIND(hh, w->interned, strings + at, n, found);
		if (!n || found)
			continue;
		found = alloc_bytes(sizeof(*found) + n + 1);
		found->offset = (uint32_t)at;
		memcpy(found->text, strings + at, n + 1);
		HASH_ADD_KEYPTR(hh, w->interned, found->text, n, found);
	}
}

void snapshot_writer_section(struct snapshot_writer *w, uint32_t kind, uint32_t element_bytes,
	const void *data, uint64_t count, int copy)
{
	struct writer_section *s;

	s = ARRAY_ADD(w->sections, w->section_count, w->section_capacity);
	*s = (struct writer_section){
		.kind = kind, .element_bytes = element_bytes, .data = data, .count = count
	};
	if (copy == SNAPSHOT_TAKE) {
		s->owned = (void *)data;
	} else if (copy && count) {
		s->owned = alloc_bytes(count * element_bytes);
		memcpy(s->owned, data, count * element_bytes);
		s->data = s->owned;
	}
}

struct writer_section snapshot_writer_strings(const struct snapshot_writer *w)
{
	return (struct writer_section){
		.kind = SECTION_STRINGS, .element_bytes = 1, .data = w->strings, .count = w->strings_bytes
	};
}

void snapshot_writer_compress(struct snapshot_writer *w, uint64_t bytes, int level)
{
	w->compress_bytes = bytes;
	w->compress_level = level;
}

void snapshot_writer_free(struct snapshot_writer *w)
{
	struct writer_string *s, *next;

	if (!w)
		return;
	HASH_ITER(hh, w->interned, s, next)
	{
		HASH_DEL(w->interned, s);
		free(s);
	}
	for (uint32_t i = 0; i < w->section_count; i++)
		free(w->sections[i].owned);
	free(w->sections);
	free(w->strings);
	free(w);
}

/* --- the file ------------------------------------------------------------ */

struct output {
	int fd;
	char *name; /* temporary name */
	uint64_t at;
};

static int write_all(struct output *o, const void *data, uint64_t bytes)
{
	const char *from = data;

	while (bytes) {
		ssize_t n = pwrite(o->fd, from, bytes < (1u << 30) ? bytes : 1u << 30, (off_t)o->at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (!n)
				errno = ENOSPC;
			return -1;
		}
		from += n;
		bytes -= (uint64_t)n;
		o->at += (uint64_t)n;
	}
	return 0;
}

/* Rank in the file; equal ranks stay in the order of their kinds. */
static int section_rank(uint32_t kind)
{
	switch (kind) {
	case SECTION_STRINGS:
	case SECTION_PROCESS:
	case SECTION_COVERAGE:
	case SECTION_OPTIONS:
	case SECTION_WARNINGS: return 0;
	case SECTION_BLOCKS:
	case SECTION_ROOTS:
	case SECTION_ROOT_EDGES:
	case SECTION_EDGE_STARTS:
	case SECTION_EDGES:
	case SECTION_DIGESTS: return 2;
	default: return 1;
	}
}

static int section_order(const void *a, const void *b)
{
	const struct writer_section *x = a, *y = b;
	int d = section_rank(x->kind) - section_rank(y->kind);

	return d ? d : (x->kind > y->kind) - (x->kind < y->kind);
}

static int section_write(const struct snapshot_writer *w, struct output *o, const struct writer_section *s,
	struct tide_section *t)
{
	const void *data = s->data;
	void *packed = NULL;
	int result;

	/* An empty section writes nothing: aligned, it could lie behind the end of the file. */
	if (s->count)
		o->at = (o->at + SNAPSHOT_ALIGN - 1) & ~(uint64_t)(SNAPSHOT_ALIGN - 1);
	*t = (struct tide_section){ .kind = s->kind,
		.element_bytes = s->element_bytes,
		.offset = o->at,
		.plain_bytes = s->count * s->element_bytes };
	t->stored_bytes = t->plain_bytes;
	if (w->compress_bytes && t->plain_bytes > w->compress_bytes) {
		size_t room = ZSTD_compressBound(t->plain_bytes), n;

		packed = alloc_bytes(room);
		n = ZSTD_compress(packed, room, data, t->plain_bytes, w->compress_level);
		if (!ZSTD_isError(n) && n < t->plain_bytes
			&& (t->plain_bytes < SNAPSHOT_PACKED_FREE
				|| t->plain_bytes / SNAPSHOT_PACKED_MOST <= n)) {
			t->stored_bytes = n;
			t->encoding = 1;
			data = packed;
		}
	}
	t->checksum = XXH3_64bits(data, t->stored_bytes);
	result = write_all(o, data, t->stored_bytes);
	free(packed);
	return result;
}

static int file_write(const struct snapshot_writer *w, struct output *o)
{
	uint32_t count = w->section_count + 1;
	struct writer_section *order = alloc_bytes(count * sizeof(*order));
	struct tide_section *table = alloc_zeroed(count, sizeof(*table));
	struct tide_file_header header = { .version = TIDE_VERSION, .section_count = count };
	uint64_t end;
	int result = 0;

	memcpy(header.magic, TIDE_MAGIC, sizeof(header.magic));
	order[0] = snapshot_writer_strings(w);
	memcpy(order + 1, w->sections, w->section_count * sizeof(*order));
	qsort(order, count, sizeof(*order), section_order);
	header.table_offset = SNAPSHOT_ALIGN;
	o->at = header.table_offset + count * sizeof(*table);
	for (uint32_t i = 0; !result && i < count; i++)
		result = section_write(w, o, &order[i], &table[i]);
	end = o->at;
	/* The last section may be empty: its place is aligned all the same. */
	result = result || ftruncate(o->fd, (off_t)end);
	header.file_bytes = end;
	header.table_checksum = XXH3_64bits(table, count * sizeof(*table));
	header.header_checksum = XXH3_64bits(&header, offsetof(struct tide_file_header, header_checksum));
	o->at = header.table_offset;
	result = result || write_all(o, table, count * sizeof(*table));
	o->at = 0;
	result = result || write_all(o, &header, sizeof(header));
	free(order);
	free(table);
	return result ? -1 : 0;
}

/* A name that nobody else has: in the folder of `path`, so that rename works. */
static int output_open(struct output *o, const char *path, struct tide_error *e)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	struct stat st;

	if (!*base || (!lstat(path, &st) && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)))
		return error_set(e, EXIT_UNMEASURED,
			"cannot write %s|it is %s|give the name of a file "
			"that may be made or replaced",
			path, !*base || S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
	for (unsigned attempt = 0; attempt < 1000; attempt++) {
		o->name = alloc_printf(
			"%.*s.tidemark-%d-%u.part", (int)(base - path), path, (int)getpid(), attempt);
		o->fd = open(o->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (o->fd >= 0)
			return 0;
		free(o->name);
		if (errno != EEXIST)
			break;
	}
	return error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|choose another folder with -o", path,
		strerror(errno));
}

static int output_fill(struct snapshot_writer *w, const char *path, struct output *o, struct tide_error *e)
{
	int failed;

	if (output_open(o, path, e))
		return -1;
	failed = file_write(w, o);
	if (failed)
		failed = errno ? errno : EIO;
	if (close(o->fd) && !failed)
		failed = errno;
	if (!failed)
		return 0;
	unlink(o->name);
	free(o->name);
	errno = failed;
	return error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|%s", path, strerror(failed),
		failed == ENOSPC || failed == EDQUOT ? "make room, or choose another folder with -o"
						     : "choose another folder with -o");
}

int snapshot_writer_finish(struct snapshot_writer *w, const char *path, struct tide_error *e)
{
	struct output o;
	int failed = 0;

	if (output_fill(w, path, &o, e))
		return -1;
	if (rename(o.name, path)) {
		failed = errno;
		unlink(o.name);
		errno = failed;
		error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|", path, strerror(failed));
	}
	free(o.name);
	return failed ? -1 : 0;
}

/* Gives the file its name unless that is taken. */
static int name_take(const char *from, const char *to)
{
	if (!syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 1 /* RENAME_NOREPLACE */))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* A file system without it: a second name fails when the first exists. */
	if (link(from, to))
		return -1;
	unlink(from);
	return 0;
}

char *snapshot_writer_finish_unused(struct snapshot_writer *w, const char *path, struct tide_error *e)
{
	size_t bytes = strlen(path);
	size_t stem = bytes > 5 && !strcmp(path + bytes - 5, ".tide") ? bytes - 5 : bytes;
	char *name = alloc_string(path);
	struct output o;

	if (output_fill(w, path, &o, e)) {
		free(name);
		return NULL;
	}
	for (unsigned n = 1; name_take(o.name, name); n++) {
		int why = errno;

		free(name);
		name = NULL;
		if (why != EEXIST || n > NAMES_MAX) {
			unlink(o.name);
			errno = why;
			error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|", path, strerror(why));
			break;
		}
		name = alloc_printf("%.*s.%u%s", (int)stem, path, n, path + stem);
	}
	free(o.name);
	return name;
}
