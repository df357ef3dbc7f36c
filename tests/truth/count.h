/* count.h - a program's own book-keeping of what each line allocates, printed
 * at the end as
 *
 *   count: line=L live_bytes= live_blocks= total_bytes= total_blocks= peak_bytes= temporary= reallocations=
 *
 * The rules are those of the profiler: realloc is a free and an allocation, of
 * the line that calls realloc; peak_bytes is the line's value when the process
 * was first at its peak; a block is temporary when the thread that made it
 * frees it before its next allocation. Nothing else in the program allocates
 * while books are kept.
 */
#ifndef COUNT_H
#define COUNT_H

#include <inttypes.h>

struct line {
	int line;
	int64_t live_bytes, live_blocks, total_bytes, total_blocks, peak_bytes, temporary, reallocations;
};

#define COUNT_LINES 64
static struct line count_lines[COUNT_LINES];
static int64_t count_live, count_peak;

static struct line *count_line(int line)
{
	for (int i = 0; i < COUNT_LINES; i++) {
		if (count_lines[i].line == line)
			return &count_lines[i];
		if (!count_lines[i].line) {
			count_lines[i].line = line;
			return &count_lines[i];
		}
	}
	abort();
}

static void count_made(int line, int64_t bytes)
{
	struct line *l = count_line(line);
	l->live_bytes += bytes;
	l->live_blocks++;
	l->total_bytes += bytes;
	l->total_blocks++;
	count_live += bytes;
	if (count_live <= count_peak)
		return;
	count_peak = count_live;
	for (int i = 0; i < COUNT_LINES; i++)
		count_lines[i].peak_bytes = count_lines[i].live_bytes;
}

static void count_freed(int line, int64_t bytes)
{
	struct line *l = count_line(line);
	l->live_bytes -= bytes;
	l->live_blocks--;
	count_live -= bytes;
}

static void count_print(int with_peak)
{
	for (int i = 0; i < COUNT_LINES && count_lines[i].line; i++) {
		struct line *l = &count_lines[i];
		printf("count: line=%d live_bytes=%" PRId64 " live_blocks=%" PRId64 " total_bytes=%" PRId64
			" total_blocks=%" PRId64 " temporary=%" PRId64 " reallocations=%" PRId64, l->line, l->live_bytes,
			l->live_blocks, l->total_bytes, l->total_blocks, l->temporary, l->reallocations);
		if (with_peak)
			printf(" peak_bytes=%" PRId64, l->peak_bytes);
		printf("\n");
	}
}

#endif
