/* workers.h - collectors of the run's server that stay for the next snapshot.
 *
 * A fork, and its first steps on pages that it shares with the server, take as long as the snapshot of a small
 * process. A collector that is done says so, and waits; the server gives it the next connection.
 *
 *   server ──connection, leaving──▶ collector
 *          ◀────── news, ready ──────
 *
 * CW1  Few wait: WORKERS_IDLE. One more ends, as one does that can do no more for a reason of its own.
 * CW2  A collector that ends while a connection is under way to it answers nothing: the caller takes that for a
 *      refusal (shim/server.h, SV4).
 * CW3  When the server is gone, so are those that wait: their end of the socket says so.
 */
#ifndef TIDEMARK_WORKERS_H
#define TIDEMARK_WORKERS_H

#include <poll.h>
#include <stdbool.h>
#include "collect.h"

#define WORKERS_MOST 64u
#define WORKERS_IDLE 4u

struct workers {
	struct worker {
		int socket, pid;
		bool idle;
	} list[WORKERS_MOST];
	unsigned count;
	bool news; /* a collector has said so (workers_tell) */
};

/* --- the server's half --- */

/* A new collector, about to be forked; the descriptor that it inherits, or -1. */
int workers_add(struct workers *w);
/* The number of the one that was added, or -1: it could not be made. */
void workers_made(struct workers *w, int pid);
/* False: none is idle. */
bool workers_give(struct workers *w, int connection, enum collect_leaving leaving);
/* What to poll; how many there are, at most WORKERS_MOST. */
unsigned workers_poll(const struct workers *w, struct pollfd *p);
/* After poll(), with the same list. */
void workers_look(struct workers *w, const struct pollfd *p);
/* In a collector, which has nothing to do with the others. */
void workers_close(struct workers *w);
/* The end of those that are idle has come when this returns. */
void workers_end(struct workers *w);

/* --- the collector's half --- */

/* It has read what the others will need, too: libstdc++'s symbols. */
void workers_tell(int socket);
/* Waits for the next connection, or -1: nothing more is to be done. */
int workers_next(int socket, enum collect_leaving *leaving);

#endif
