/* ledger_map.h - a ledger mapped while its process may do with the file what it likes.
 *
 * A file that is cut off under a mapping gives SIGBUS. Then the whole mapping
 * becomes private memory full of zeros, and what reads it goes on: all waits have
 * an end, nothing in it is trusted, and ledger_map_cut() says what has happened.
 *
 * Called by the collector and the watcher; one mapping at a time.
 */
#ifndef TIDEMARK_LEDGER_MAP_H
#define TIDEMARK_LEDGER_MAP_H

#include <stdbool.h>
#include <stdint.h>
#include "shim/ledger.h"
#include "base/error.h"

struct ledger_map {
	int fd;
	struct ledger_header *header; /* of `bytes`; NULL when not open */
	uint64_t bytes;
	uint32_t owner; /* user id */
};

int ledger_map_open(struct ledger_map *m, const char *path, struct tide_error *e);
void ledger_map_close(struct ledger_map *m);
/* The file was cut off while it was mapped: nothing read of it since is its. */
bool ledger_map_cut(void);

#endif
