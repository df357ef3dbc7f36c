/* text.h - text from strangers: names and paths of profiled programs may hold any bytes.
 *
 * TX1  Each output cleans such text once, at its boundary, with the function made for it:
 *      text_utf8 where a format wants valid UTF-8, text_clean for a line that a terminal
 *      or a log viewer shows, screen_clean (print/screen.h) where the locale is known.
 * TX2  A cleaned line has no control characters, line ends, or characters that turn the
 *      writing direction. It takes one line, and cannot move a cursor.
 */
#ifndef TIDEMARK_TEXT_H
#define TIDEMARK_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define TEXT_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD in UTF-8 */

/* Bytes of the UTF-8 sequence at `text` (RFC 3629), which ends in a zero byte; 0 when it is not one. */
size_t text_utf8_length(const char *text);

/* The code point of a valid sequence of `n` bytes. */
unsigned long text_utf8_decode(const char *text, size_t n);

/* A copy to free, with U+FFFD in place of each byte that is not UTF-8. */
char *text_utf8(const char *text);

/* Must this character not reach a terminal? Controls (C0, DEL, C1), zero-width and direction marks. */
bool text_is_hostile(unsigned long character);

/* Cleans a line in place: blanks for tabs and line ends, '?' for other hostile or invalid bytes. */
void text_clean(char *text);

/* How many letters differ (Levenshtein): replaced, added or left out. TEXT_FAR: more than either of them
 * may be long to be compared. */
#define TEXT_FAR 64u
unsigned text_distance(const char *a, const char *b);

#endif
