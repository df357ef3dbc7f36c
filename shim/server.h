/* server.h - asks the collector server of `tidemark run` for a snapshot.
 *
 * `run` keeps a process that serves all programs of the run (report/collect/server.h).
 * Asking it costs less than starting a collector, and it keeps the rights of the user
 * who typed `run`: a daemon that has changed to another user still gets a full snapshot.
 *
 *   program ──clone, exit signal 0──▶ caller ──connect, request──▶ server
 *                                            ◀── number of a collector ──
 *
 * SV1  The socket belongs to the caller, a short-lived clone with descriptors of its
 *      own: no descriptor of ours is ever open in the program.
 * SV2  Raw system calls only. The socket has an abstract name, the path of the session's
 *      folder, so the program can reach it from a new root and as a new user, but
 *      not from a new network namespace.
 * SV3  Only a server of root or of the user who owns the ledger is trusted: an abstract
 *      name is free again once its owner has ended.
 * SV4  A program that may not write in the session's folder, since it runs as another user by now, gets its
 *      ledger from the server: a file of the server's user, which comes as a descriptor and is mapped.
 * SV5  Without a server, or when it refuses, the answer is 0 and the program starts a
 *      collector of its own.
 *
 * Threads: one at a time, with all signals blocked, as in spawn.h.
 */
#ifndef TIDEMARK_SHIM_SERVER_H
#define TIDEMARK_SHIM_SERVER_H

#include <stdint.h>

/* A file in the folder of the session: a program of the run adopts orphans. */
#define SERVER_REAPER "reaper"
/* A folder in it, for ledgers that need no collector: settle.h. */
#define SERVER_SETTLED "settled"
#define SERVER_MAGIC 0x31524553u /* "SER1" */

enum server_kind { SERVER_SNAPSHOT = 1, SERVER_WATCH = 2, SERVER_LEDGER = 3 };

#define SERVER_LEDGER_MOST 16u           /* ledgers of one process: N of PID.N.ledger */
#define SERVER_LEDGER_BYTES (4ull << 30) /* sparse */

struct server_request {
	uint32_t magic;
	uint32_t kind;   /* enum server_kind */
	int32_t pid;     /* of the program, in its own PID namespace */
	uint32_t reason; /* enum ledger_reason */
	uint32_t flags;  /* REQUEST_FLAG_* */
	uint32_t serial; /* SERVER_LEDGER: pages of the file */
	char ledger[64]; /* name of the ledger in the folder of the session */
};

struct server_reply {
	int32_t collector; /* its process number, of SERVER_LEDGER the file's N; 0: refused */
};

/* The collector that answers, or 0. `ledger`: path of the ledger. */
int32_t server_ask(
	enum server_kind kind, const char *ledger, uint32_t reason, uint32_t flags, uint32_t serial);

/* A new ledger of `bytes`, whole pages, mapped without access; NULL: refused. `path` is the one to begin with,
 * FOLDER/PID.1.ledger; `number` is the N that it got. */
void *server_ledger(const char *path, uint64_t bytes, uint32_t *number);

/* The process adopts orphans from now on, so no image of this run may outlive its process. */
void server_note_reaper(void);

#endif
