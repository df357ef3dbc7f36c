/* export_frames.h - the table of frames of a format that has one.
 *
 * EF1  Frames with equal keys have one number; numbers go from 0 up, in the order of first use.
 * EF2  The key of a line is made once, however many stacks have the line.
 */
#ifndef TIDEMARK_EXPORT_FRAMES_H
#define TIDEMARK_EXPORT_FRAMES_H

#include "base/intern.h"
#include "symbol/symbol.h"

struct export_frames {
	char *(*make_key)(const struct symbol_line *line); /* what tells frames apart; to be freed */
	struct intern keys;                                /* their texts by number */
	const struct symbol_line **first;                  /* of each number: the first line that had it */
	size_t capacity;
	struct export_frames_line {
		const struct symbol_line *line;
		uint32_t number;
	} * line;
	uint32_t lines, line_capacity;
	struct index seen; /* lines, by their address */
};

uint32_t export_frames_number(struct export_frames *f, const struct symbol_line *line);
void export_frames_free(struct export_frames *f);

/* A function's name for lines of text, which hold it again for each stack: without parameters, and with the
 * first template argument of each list, where it is longer than EXPORT_NAME_BYTES. To be freed. */
#define EXPORT_NAME_BYTES 100u
char *export_frames_name(const struct symbol_line *line);

#endif
