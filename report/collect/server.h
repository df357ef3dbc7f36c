/* server.h - the collector server of `tidemark run`: one process that serves all
 * programs of a run, so that none has to start a collector of its own.
 *
 *   program's caller ──connect, request──▶ server ──fork──▶ collector
 *                   ◀──────────── number of the collector ────┘
 *
 * The collector is a fork of the server: no program is executed and no library loaded. It has the rights of the
 * user who typed `run`, so it can read a daemon that has changed to another user, and it trusts nothing that such
 * a process may have written. After a process of its own user it stays for the next request (workers.h).
 *
 * CS1  The settings of the run decide where snapshots go and when; never the request and never the ledger.
 * CS2  A request is served only for the caller's parent, as the kernel knows it, when
 *      that process has the named ledger of this session mapped (image.h, IM4).
 * CS3  Everything is bounded: the number of collectors at once, the time that a caller may take to write. What is
 *      refused, the program does by itself.
 * CS4  The server ends with `run`, after the collectors that are still working.
 * CS5  A process may end before its snapshot is written (collect.h, CL4) when its memory has been copied, or, where no
 *      program of the run takes in orphans and something else reaps them, when an image of it stays behind.
 *
 * Signals: the server has a process group of its own, so a terminal's Ctrl-C ends the
 * program and not its snapshot.
 */
#ifndef TIDEMARK_SERVER_H
#define TIDEMARK_SERVER_H

#include "collect_output.h"

struct server {
	int listening; /* descriptor, before server_start */
	int control;   /* closed: the server ends */
	int pid;       /* 0: there is no server */
};

/* Opens the socket, whose abstract name is `folder`. Where that is not possible, -1: programs start
 * collectors of their own. */
int server_open(struct server *s, const char *folder);
/* Starts the server. `settings` is copied by the fork. */
void server_start(struct server *s, const char *folder, const struct collect_settings *settings);
/* Ends the server and closes what is open; waits for its collectors. */
void server_stop(struct server *s);

#endif
