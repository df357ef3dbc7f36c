/* units.h - sizes, counts and durations as people write and read them.
 *
 * UN1  Printing: binary units, three significant digits, at most 9 columns
 *      ("1.23 MiB", "-512 KiB"); bytes below 1024 exactly.
 * UN2  Parsing is strict: a number and a unit, nothing else; results that do not
 *      fit in 64 bits are errors.
 */
#ifndef TIDEMARK_UNITS_H
#define TIDEMARK_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_TEXT 32 /* a buffer for any text of this module */

/* Each returns `text`. */
char *units_bytes(char text[UNITS_TEXT], int64_t bytes);                 /* 1.23 MiB */
char *units_bytes_signed(char text[UNITS_TEXT], int64_t bytes);          /* +1.23 MiB, 0 B */
char *units_count(char text[UNITS_TEXT], int64_t count);                 /* 1,234,567; from 10^8: 123 M */
char *units_count_signed(char text[UNITS_TEXT], int64_t count);          /* +1,234 */
char *units_duration(char text[UNITS_TEXT], uint64_t ns);                /* 850 us, 1.25 s, 3 m 05 s */
char *units_percent(char text[UNITS_TEXT], double part, double whole);   /* 12.3%; whole 0: "-" */
char *units_many(char text[UNITS_TEXT], int64_t count, const char *one); /* 1 block, 1,234 blocks */
char *units_rate(char text[UNITS_TEXT], double per_second);              /* 1.2 M/s */
char *units_date(char text[UNITS_TEXT], uint64_t wall_ns);               /* 2026-01-31 12:34:56, local */

/* What a hostile file gives may be beyond what an integer holds: its nearest then; 0 for what is not a number. */
int64_t units_integer(double value);

/* "4096", "64K", "3MiB", "1.5 GB": K M G T are binary; KB MB GB TB decimal, KiB... binary.
 * 0, or -1 when it is not a size. */
int units_parse_bytes(const char *text, uint64_t *bytes);
/* "10s", "1.5m", "200ms", "2h", "1d", "50us", a bare number: seconds. */
int units_parse_duration(const char *text, uint64_t *ns);
/* "1%", "0.5%", "1": per cent as a share 0..1. */
int units_parse_percent(const char *text, double *share);

#endif
