/* match.h - which sites and threads the patterns of a selection leave (pattern.h).
 *
 * A site is left when a pattern of --filter matches its top frame, or with all_frames
 * any of its frames, and no pattern of --exclude does; likewise a thread.
 */
#ifndef TIDEMARK_MATCH_H
#define TIDEMARK_MATCH_H

#include "model/snapshot.h"
#include "selection.h"
#include "symbol/symbol.h"

struct match;
/* The snapshot and the symbols must outlive it. NULL with an error when thread patterns leave no thread. */
struct match *match_new(
	const struct snapshot *s, struct symbols *symbols, const struct selection *o, struct tide_error *e);
void match_free(struct match *m);
bool match_site(struct match *m, uint32_t site);
bool match_threads(const struct match *m); /* thread: patterns were given */
bool match_thread(const struct match *m, uint32_t thread);

#endif
