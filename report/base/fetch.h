/* fetch.h - asks for memory before it is used.
 *
 * What jumps through arrays that do not fit into the caches spends its time on waiting: asked for some steps ahead,
 * many lines come at once.
 */
#ifndef TIDEMARK_FETCH_H
#define TIDEMARK_FETCH_H

/* The address need not be valid. GCC 12 takes a function that only prefetches for one without effect, and leaves
 * calls of it out: the empty statement is an effect. */
static inline void fetch_line(const void *p)
{
	__builtin_prefetch(p);
	__asm__ volatile("");
}

#endif
