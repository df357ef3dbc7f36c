/* core_unpack.c - cores that systemd-coredump has compressed: core.h.
 *
 * A core is read in no fixed order, so it is unpacked into a file without a name, in TMPDIR or
 * /var/tmp. Pages of zeros become holes. What is damaged or cut off ends there, as in a core
 * that was never compressed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zstd.h>
#include "base/alloc.h"
#include "core_private.h"

#define PAGE 4096u
#define INPUT (256u << 10)
#define CHECK_EACH (64ull << 20) /* bytes between two checks of the space that is left */

static const struct {
	uint8_t magic[6];
	unsigned bytes;
	const char *name, *command; /* NULL: unpacked here */
} formats[] = {
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, "zstd", NULL },
	{ { 0x04, 0x22, 0x4d, 0x18 }, 4, "lz4", "lz4 -d" },
	{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, "xz", "xz -dk" },
	{ { 0x1f, 0x8b }, 2, "gzip", "gzip -dk" },
};

struct output {
	int descriptor;
	uint64_t bytes, checked;
};

static const char *choose_folder(void)
{
	const char *set = getenv("TMPDIR");

	return set && *set == '/' ? set : "/var/tmp";
}

/* Less than a tenth of the file system is left: the machine needs that more than we do. */
static bool is_nearly_full(int descriptor)
{
	struct statvfs s;

	return !fstatvfs(descriptor, &s) && s.f_bavail < s.f_blocks / 10;
}

static bool is_zero(const char *page, size_t bytes) { return !*page && !memcmp(page, page + 1, bytes - 1); }

static int write_pages(struct output *o, const char *data, size_t bytes)
{
	if (o->bytes + bytes >= o->checked + CHECK_EACH) {
		o->checked = o->bytes;
		if (is_nearly_full(o->descriptor)) {
			errno = ENOSPC;
			return -1;
		}
	}
	while (bytes) {
		size_t n = PAGE - o->bytes % PAGE;

		if (n > bytes)
			n = bytes;
		if (!is_zero(data, n) && pwrite(o->descriptor, data, n, (off_t)o->bytes) != (ssize_t)n)
			return -1;
		o->bytes += n;
		data += n;
		bytes -= n;
	}
	return 0;
}

/* 0 also when the input ends too early or is damaged; -1: the output could not be written. */
static int unpack(int from, struct output *o)
{
	size_t room = ZSTD_DStreamOutSize();
	char *in = alloc_bytes(INPUT), *out = alloc_bytes(room);
	ZSTD_DStream *stream = ZSTD_createDStream();
	uint64_t at = 0;
	bool damaged = !stream;
	int result = 0;
	ssize_t got;

	while (!result && !damaged && (got = pread(from, in, INPUT, (off_t)at)) > 0) {
		ZSTD_inBuffer input = { in, (size_t)got, 0 };
		size_t before;

		at += (uint64_t)got;
		do {
			ZSTD_outBuffer output = { out, room, 0 };

			before = input.pos;
			damaged = ZSTD_isError(ZSTD_decompressStream(stream, &output, &input));
			result = output.pos && !damaged ? write_pages(o, out, output.pos) : 0;
			before = output.pos || input.pos != before;
		} while (before && !result && !damaged);
	}
	ZSTD_freeDStream(stream);
	free(in);
	free(out);
	return result ? -1 : ftruncate(o->descriptor, (off_t)o->bytes);
}

int core_unpack(int descriptor, const char *path, struct tide_error *e)
{
	struct output o = { .descriptor = -1 };
	uint8_t magic[6] = { 0 };
	size_t i;

	if (pread(descriptor, magic, sizeof(magic), 0) < 4)
		return descriptor;
	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (!memcmp(magic, formats[i].magic, formats[i].bytes))
			break;
	if (i == sizeof(formats) / sizeof(*formats))
		return descriptor;
	if (formats[i].command) {
		error_set(e, EXIT_USAGE,
			"cannot take a snapshot of %s|it is compressed with %s|unpack it: %s", path,
			formats[i].name, formats[i].command);
		close(descriptor);
		return -1;
	}
	o.descriptor = open(choose_folder(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (o.descriptor < 0 || unpack(descriptor, &o)) {
		error_set(e, EXIT_UNMEASURED,
			"cannot unpack %s in %s|%s|set TMPDIR to a folder with more room", path,
			choose_folder(), strerror(errno));
		if (o.descriptor >= 0)
			close(o.descriptor);
		o.descriptor = -1;
	}
	close(descriptor);
	return o.descriptor;
}
