/* snapshot_write.c - collects sections and writes a .tide file: snapshot.h, FORMAT.md.
 *
 * Order in the file: what explains a snapshot first (process, strings, sites), what is
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
#include <xxhash.h>
#include <zstd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/output.h"
#include "snapshot_private.h"

#define NAMES_MAX 100000u /* x.1.tide ... x.100000.tide */

struct snapshot_writer *snapshot_writer_new(void)
{
	struct snapshot_writer *w = alloc_zeroed(1, sizeof(*w));

	w->strings_capacity = 4096;
	w->strings = alloc_bytes(w->strings_capacity);
	w->strings[0] = '\0';
	w->strings_bytes = 1;
	return w;
}

/* The offset of a string that is in the section and the index; 0: not yet. */
static uint32_t find_string(const struct snapshot_writer *w, const char *s, uint64_t hash)
{
	INDEX_EACH(&w->interned, hash, probe)
	if (!strcmp(w->strings + probe.number, s))
		return probe.number;
	return 0;
}

uint32_t snapshot_writer_string(struct snapshot_writer *w, const char *s)
{
	uint64_t hash;
	size_t bytes;
	uint32_t offset;

	if (!s || !*s)
		return 0;
	bytes = strlen(s);
	hash = XXH3_64bits(s, bytes);
	offset = find_string(w, s, hash);
	if (offset || bytes + 1 > UINT32_MAX - w->strings_bytes)
		return offset;
	offset = (uint32_t)w->strings_bytes;
	ARRAY_RESERVE(w->strings, w->strings_capacity, w->strings_bytes + bytes + 1);
	memcpy(w->strings + offset, s, bytes + 1);
	w->strings_bytes += bytes + 1;
	index_add(&w->interned, hash, offset);
	return offset;
}

void snapshot_writer_strings_from(struct snapshot_writer *w, const char *strings, uint64_t bytes)
{
	if (!bytes || bytes > UINT32_MAX || strings[bytes - 1])
		return;
	ARRAY_RESERVE(w->strings, w->strings_capacity, bytes);
	memcpy(w->strings, strings, bytes);
	w->strings_bytes = bytes;
	for (uint64_t at = 0, n; at < bytes; at += n + 1) {
		uint64_t hash;

		n = strlen(strings + at);
		hash = XXH3_64bits(strings + at, n);
		if (n && !find_string(w, strings + at, hash))
			index_add(&w->interned, hash, (uint32_t)at);
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
	if (!w)
		return;
	index_free(&w->interned);
	for (uint32_t i = 0; i < w->section_count; i++)
		free(w->sections[i].owned);
	free(w->sections);
	free(w->strings);
	free(w);
}

/* --- the file ------------------------------------------------------------ */

struct new_file {
	int fd;
	char *name; /* until it is complete */
	uint64_t at;
};

static int write_all(struct new_file *o, const void *data, uint64_t bytes)
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

/* Rank in the file; equal ranks stay in the order of their kinds. The process is on the first page: it may change
 * (snapshot_patch.c). */
static int section_rank(uint32_t kind)
{
	switch (kind) {
	case SECTION_PROCESS: return -1;
	case SECTION_STRINGS:
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

static int compare_sections(const void *a, const void *b)
{
	const struct writer_section *x = a, *y = b;
	int d = section_rank(x->kind) - section_rank(y->kind);

	return d ? d : (x->kind > y->kind) - (x->kind < y->kind);
}

static int write_section(const struct snapshot_writer *w, struct new_file *o, const struct writer_section *s,
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

static int write_file(const struct snapshot_writer *w, struct new_file *o)
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
	qsort(order, count, sizeof(*order), compare_sections);
	header.table_offset = SNAPSHOT_ALIGN;
	o->at = header.table_offset + count * sizeof(*table);
	for (uint32_t i = 0; !result && i < count; i++)
		result = write_section(w, o, &order[i], &table[i]);
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

static int create_beside(struct new_file *o, const char *path, struct tide_error *e)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	struct stat st;

	if (!*base || (!lstat(path, &st) && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)))
		return error_set(e, EXIT_UNMEASURED,
			"cannot write %s|it is %s|give the name of a file "
			"that may be made or replaced",
			path, !*base || S_ISDIR(st.st_mode) ? "a folder" : "not a regular file");
	o->fd = output_temporary(path, &o->name);
	if (o->fd >= 0)
		return 0;
	return error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|choose another folder with -o", path,
		strerror(errno));
}

static int write_beside(struct snapshot_writer *w, const char *path, struct new_file *o, struct tide_error *e)
{
	int failed;

	if (create_beside(o, path, e))
		return -1;
	failed = write_file(w, o);
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
	struct new_file o;
	int failed = 0;

	if (write_beside(w, path, &o, e))
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
static int take_name(const char *from, const char *to)
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
	struct new_file o;

	if (write_beside(w, path, &o, e)) {
		free(name);
		return NULL;
	}
	for (unsigned n = 1; take_name(o.name, name); n++) {
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
