/* export_gzip.c - see export_gzip.h. */
#include <stdlib.h>
#include <zlib.h>
#include "base/alloc.h"
#include "export_gzip.h"

struct packer {
	z_stream stream;
	FILE *out;
};

static void pack(struct packer *p, const char *bytes, size_t count, int flush)
{
	unsigned char buffer[65536];

	p->stream.next_in = (Bytef *)bytes;
	p->stream.avail_in = (unsigned)count;
	do {
		p->stream.next_out = buffer;
		p->stream.avail_out = sizeof(buffer);
		deflate(&p->stream, flush);
		fwrite(buffer, 1, sizeof(buffer) - p->stream.avail_out, p->out);
	} while (!p->stream.avail_out);
}

static ssize_t write_packed(void *cookie, const char *bytes, size_t count)
{
	struct packer *p = cookie;

	if (count > UINT32_MAX)
		count = UINT32_MAX;
	pack(p, bytes, count, Z_NO_FLUSH);
	return ferror(p->out) ? 0 : (ssize_t)count;
}

static int close_packed(void *cookie)
{
	struct packer *p = cookie;

	pack(p, NULL, 0, Z_FINISH);
	deflateEnd(&p->stream);
	free(p);
	return 0;
}

FILE *export_gzip_open(FILE *out)
{
	struct packer *p = alloc_zeroed(1, sizeof(*p));
	FILE *packed;

	p->out = out;
	/* 16: with the header of gzip. */
	if (deflateInit2(&p->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY)
		!= Z_OK) {
		free(p);
		return NULL;
	}
	packed = fopencookie(p, "w", (cookie_io_functions_t){ .write = write_packed, .close = close_packed });
	if (!packed) {
		deflateEnd(&p->stream);
		free(p);
		return NULL;
	}
	setvbuf(packed, NULL, _IOFBF, 65536);
	return packed;
}
