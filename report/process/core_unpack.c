/* core_unpack.c - cores that systemd-coredump, or a person, has compressed: core.h.
 *
 * A core is read in no fixed order, so it is unpacked into a file without a name, in TMPDIR or
 * /var/tmp. Pages of zeros become holes. What is damaged or cut off ends there, as in a core
 * that was never compressed. A few bytes can unpack to terabytes of zeros: beyond a limit the
 * caller has to unpack the core, which shows that it is trusted.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include "base/alloc.h"
#include "core_private.h"

#define PAGE 4096u
#define INPUT (256u << 10)
#define CHECK_EACH (64ull << 20) /* bytes between two checks of the space that is left */

/* Untouched memory makes honest cores dense, but not by so much. */
#define PLAIN_FIXED (8ull << 30)
#define PLAIN_PER_BYTE 256u

#define ROOM (1u << 20)
#define XZ_MEMORY (256ull << 20) /* xz -9 takes 65 MiB */

/* What one step may use and has used. */
struct piece {
	const uint8_t *in;
	size_t in_bytes, in_used;
	uint8_t *out;
	size_t out_bytes;
};

/* false: what follows is damaged, or there is no memory. */
static bool step_zstd(void *state, struct piece *p)
{
	ZSTD_inBuffer in = { p->in, p->in_bytes, 0 };
	ZSTD_outBuffer out = { p->out, ROOM, 0 };
	bool good = !ZSTD_isError(ZSTD_decompressStream(state, &out, &in));

	p->in_used = in.pos;
	p->out_bytes = out.pos;
	return good;
}

static bool step_lz4(void *state, struct piece *p)
{
	p->in_used = p->in_bytes;
	p->out_bytes = ROOM;
	return !LZ4F_isError(LZ4F_decompress(state, p->out, &p->out_bytes, p->in, &p->in_used, NULL));
}

static bool step_xz(void *state, struct piece *p)
{
	lzma_stream *s = state;
	lzma_ret result;

	s->next_in = p->in;
	s->avail_in = p->in_bytes;
	s->next_out = p->out;
	s->avail_out = ROOM;
	result = lzma_code(s, LZMA_RUN);
	p->in_used = p->in_bytes - s->avail_in;
	p->out_bytes = ROOM - s->avail_out;
	return result == LZMA_OK || result == LZMA_STREAM_END || result == LZMA_BUF_ERROR;
}

static bool step_gzip(void *state, struct piece *p)
{
	z_stream *s = state;
	int result;

	s->next_in = (uint8_t *)p->in;
	s->avail_in = (unsigned)p->in_bytes;
	s->next_out = p->out;
	s->avail_out = ROOM;
	result = inflate(s, Z_NO_FLUSH);
	p->in_used = p->in_bytes - s->avail_in;
	p->out_bytes = ROOM - s->avail_out;
	/* A file may be several, one after the other. */
	if (result == Z_STREAM_END)
		return inflateReset(s) == Z_OK;
	return result == Z_OK || result == Z_BUF_ERROR;
}

static void *begin_zstd(void) { return ZSTD_createDStream(); }
static void end_zstd(void *state) { ZSTD_freeDStream(state); }

static void *begin_lz4(void)
{
	LZ4F_dctx *state = NULL;

	return LZ4F_isError(LZ4F_createDecompressionContext(&state, LZ4F_VERSION)) ? NULL : state;
}

static void end_lz4(void *state) { LZ4F_freeDecompressionContext(state); }

static void *begin_xz(void)
{
	lzma_stream *s = alloc_bytes(sizeof(*s));

	*s = (lzma_stream)LZMA_STREAM_INIT;
	if (lzma_stream_decoder(s, XZ_MEMORY, LZMA_CONCATENATED) == LZMA_OK)
		return s;
	free(s);
	return NULL;
}

static void end_xz(void *state)
{
	lzma_end(state);
	free(state);
}

static void *begin_gzip(void)
{
	z_stream *s = alloc_zeroed(1, sizeof(*s));

	if (inflateInit2(s, 16 + MAX_WBITS) == Z_OK) /* 16: with a header of gzip */
		return s;
	free(s);
	return NULL;
}

static void end_gzip(void *state)
{
	inflateEnd(state);
	free(state);
}

static const struct format {
	uint8_t magic[6];
	unsigned bytes;
	void *(*begin)(void);
	bool (*step)(void *state, struct piece *p);
	void (*end)(void *state);
	const char *tool;
} formats[] = {
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, begin_zstd, step_zstd, end_zstd, "zstd" },
	{ { 0x04, 0x22, 0x4d, 0x18 }, 4, begin_lz4, step_lz4, end_lz4, "lz4" },
	{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, begin_xz, step_xz, end_xz, "xz" },
	{ { 0x1f, 0x8b }, 2, begin_gzip, step_gzip, end_gzip, "gzip" },
};

struct output {
	int descriptor;
	uint64_t bytes, checked, most;
	bool over;
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

static bool is_zero(const uint8_t *page, size_t bytes)
{
	return !*page && !memcmp(page, page + 1, bytes - 1);
}

static int write_pages(struct output *o, const uint8_t *data, size_t bytes)
{
	if (bytes > o->most - o->bytes) {
		o->over = true;
		return -1;
	}
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
static int unpack(const struct format *f, int from, struct output *o)
{
	uint8_t *in = alloc_bytes(INPUT), *out = alloc_bytes(ROOM);
	void *state = f->begin();
	uint64_t at = 0;
	bool good = state;
	int result = 0;
	ssize_t got;

	while (!result && good && (got = pread(from, in, INPUT, (off_t)at)) > 0) {
		struct piece p = { .in = in, .in_bytes = (size_t)got, .out = out };

		at += (uint64_t)got;
		do {
			p.in_used = p.out_bytes = 0;
			good = f->step(state, &p);
			if (good)
				result = write_pages(o, out, p.out_bytes);
			p.in += p.in_used;
			p.in_bytes -= p.in_used;
		} while (good && !result && (p.in_used || p.out_bytes));
	}
	if (state)
		f->end(state);
	free(in);
	free(out);
	return result ? -1 : ftruncate(o->descriptor, (off_t)o->bytes);
}

int core_unpack(int descriptor, const char *path, struct tide_error *e)
{
	struct output o = { .descriptor = -1 };
	uint8_t magic[6] = { 0 };
	struct stat st;
	size_t i;

	if (pread(descriptor, magic, sizeof(magic), 0) < 4)
		return descriptor;
	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (!memcmp(magic, formats[i].magic, formats[i].bytes))
			break;
	if (i == sizeof(formats) / sizeof(*formats))
		return descriptor;
	if (!fstat(descriptor, &st))
		o.most = PLAIN_FIXED + PLAIN_PER_BYTE * (uint64_t)st.st_size;
	o.descriptor = open(choose_folder(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (o.descriptor < 0 || unpack(&formats[i], descriptor, &o)) {
		if (o.over)
			error_set(e, EXIT_UNMEASURED,
				"cannot unpack %s|it is more than %" PRIu64
				" GiB when unpacked, far more than cores usually are|if you trust it, unpack it "
				"with %s -d and give that file",
				path, o.most >> 30, formats[i].tool);
		else
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
