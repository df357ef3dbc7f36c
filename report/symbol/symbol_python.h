/* symbol_python.h - frames of CPython, and which functions of the interpreter only pass a call on.
 *
 * Between two Python frames lie the eval loop and the functions that call it: they say nothing
 * that the Python frames do not say, and full stacks leave them out, unless all frames are asked for.
 */
#ifndef TIDEMARK_SYMBOL_PYTHON_H
#define TIDEMARK_SYMBOL_PYTHON_H

#include <stdbool.h>
#include <stdint.h>
#include "model/snapshot.h"
#include "symbol.h"

/* The line of a Python frame with this address (format.h); its number is left 0. */
void symbol_python_line(const struct snapshot *s, uint64_t address, struct symbol_line *line);
/* Does a stack that begins with this frame have Python frames? */
bool symbol_python_runs(const struct snapshot *s, uint32_t frame);
/* Is it a frame of the interpreter that only passes a call on, or one of the profiler around its allocators?
 * `python`: the stack has Python frames. `line` has the frame's *count lines. */
bool symbol_python_plumbing(bool python, const struct snapshot *s, uint32_t frame,
	const struct symbol_line *line, const size_t *count);
/* In a stack with Python frames: does the Python line further out say more than this native one? It does
 * unless this is a line of an extension module whose source is known. */
bool symbol_python_says_more(const struct snapshot *s, uint32_t frame, const struct symbol_line *line);
/* As symbols_show_plumbing of symbol.h has set it. */
bool symbol_python_shows_plumbing(void);

#endif
