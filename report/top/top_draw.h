/* top_draw.h - draws the live view. top_screen.c calls it after every key and every
 * update. Only this file draws; it changes nothing but the first row of the page.
 */
#ifndef TIDEMARK_TOP_DRAW_H
#define TIDEMARK_TOP_DRAW_H

#include "top.h"

struct top_view {
	struct top *top;
	struct screen screen; /* characters and widths; nothing is printed to it */
	struct top_row *row;
	size_t count, at, first, page; /* selected, first shown, rows on the screen */
	bool held;                     /* the selection follows its row */
	bool stack, paused, help, typing, marked;
	char search[128];
	char *message; /* until the next key */
};

void top_draw_start(struct top_view *v);
void top_draw(struct top_view *v);

#endif
