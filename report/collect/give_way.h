/* give_way.h - a collector that no process waits for lets whatever wakes up go first.
 *
 * GY1 By SCHED_BATCH (sched(7)): unlike a lower priority, this can be taken back by every user, so that the collector
 *     stays for the next snapshot. A run that has another policy keeps it.
 */
#ifndef TIDEMARK_GIVE_WAY_H
#define TIDEMARK_GIVE_WAY_H

#include <stdbool.h>

/* True if there is something to take back. */
bool give_way(void);
void give_way_end(bool given);

#endif
