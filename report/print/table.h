/* table.h - aligned columns on a screen.
 *
 *   struct table *t = table_new(&screen, columns, count, source_root);
 *   table_text(t, STYLE_PLAIN, "%s", units_bytes(text, n));     one call a cell, left to right
 *   table_bar(t, share);
 *   table_place(t, line); table_site(t, symbols, site);
 *   table_note(t, ...) / table_frame(t, line)                    lines below the row
 *   table_show(t);                                               prints and frees
 *
 * TB1  Columns are as wide as their widest cell; the one flexible column
 *      (COLUMN_PLACE, COLUMN_FIT) takes the rest of the screen's width.
 * TB2  Where even the narrowest flexible column does not fit, columns marked
 *      `optional` go, the last first.
 */
#ifndef TIDEMARK_TABLE_H
#define TIDEMARK_TABLE_H

#include "place.h"
#include "symbol/symbol.h"

enum column_kind { COLUMN_LEFT, COLUMN_RIGHT, COLUMN_BAR, COLUMN_PLACE, COLUMN_FIT };

struct column {
	const char *head;
	enum column_kind kind;
	bool optional;
};

struct table;
struct table *table_new(
	struct screen *s, const struct column *columns, size_t count, const char *source_root);
void table_text(struct table *t, enum screen_style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void table_bar(struct table *t, double share);
/* `line` must stay valid until table_show. */
void table_place(struct table *t, const struct symbol_line *line);
/* The place of a site, with what distinguishes it from the other sites of the table (symbol_row.h):
 * "parse app.c:3 · map::operator[] ← main app.c:9", the part behind the place in a line below the row where
 * the row is too narrow. `symbols` must live until table_show. */
void table_site(struct table *t, struct symbols *symbols, uint32_t site);
void table_note(struct table *t, enum screen_style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void table_frame(struct table *t, const struct symbol_line *line);
void table_show(struct table *t);

#endif
