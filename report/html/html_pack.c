/* html_pack.c - the data of a page as text: plain where it is small, else deflated (RFC 1951) and in base64 (RFC 4648),
 * which every browser of 2023 and later unpacks by itself (DecompressionStream). Names of call stacks repeat: a tenth
 * is left of them.
 */
#include <stdlib.h>
#include <zlib.h>
#include "base/alloc.h"
#include "html.h"

#define PLAIN_MOST (256u << 10)
#define CHUNK (3u * 16384u) /* a multiple of three: only the last one is padded */

static void write_base64(FILE *out, const unsigned char *from, size_t bytes)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < bytes; i += 3) {
		size_t left = bytes - i;
		unsigned long v = (unsigned long)from[i] << 16
			| (left > 1 ? (unsigned long)from[i + 1] << 8 : 0) | (left > 2 ? from[i + 2] : 0);

		putc_unlocked(digit[v >> 18], out);
		putc_unlocked(digit[v >> 12 & 63], out);
		putc_unlocked(left > 1 ? digit[v >> 6 & 63] : '=', out);
		putc_unlocked(left > 2 ? digit[v & 63] : '=', out);
	}
}

/* -1: no memory. */
static int write_deflated(FILE *out, char *text, size_t bytes)
{
	z_stream z = { 0 };
	unsigned char *chunk;
	int code = Z_OK;

	/* -15: the largest window, without header and checksum. */
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return -1;
	chunk = alloc_bytes(CHUNK);
	z.next_in = (unsigned char *)text;
	while (code == Z_OK) {
		z.next_out = chunk;
		z.avail_out = CHUNK;
		while (code == Z_OK && z.avail_out) {
			if (!z.avail_in && bytes) {
				z.avail_in = bytes < UINT32_MAX ? (unsigned)bytes : UINT32_MAX;
				bytes -= z.avail_in;
			}
			code = deflate(&z, bytes ? Z_NO_FLUSH : Z_FINISH);
		}
		write_base64(out, chunk, CHUNK - z.avail_out);
	}
	free(chunk);
	deflateEnd(&z);
	return code == Z_STREAM_END ? 0 : -1;
}

int html_pack(FILE *out, char *text, size_t bytes)
{
	int code = 0;

	if (bytes <= PLAIN_MOST) {
		fputs("<script type=\"application/json\" id=\"data\">", out);
		fwrite(text, 1, bytes, out);
	} else {
		fputs("<script type=\"application/octet-stream\" id=\"data\">", out);
		code = write_deflated(out, text, bytes);
	}
	fputs("</script>\n", out);
	return code;
}
