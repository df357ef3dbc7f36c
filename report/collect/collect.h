/* collect.h - taking one snapshot of a process: the collector.
 *
 *   ledger ──image_answer / image_request──▶ copy at one moment
 *          ──ledger_sections──▶ counters, stacks, timeline
 *          ──blockmap_read, references_find──▶ blocks, roots, edges
 *          ──▶ snapshot_writer ──▶ file
 *
 * Called by `collect` (started by the shim: the process is stopped and waits), by `snap`, and by the watcher
 * (--every, --when).
 *
 * CL1  The process goes on, and we leave nothing behind in it, whatever happens here.
 * CL2  An existing file stays, unless the run has set TIDEMARK_OVERWRITE, or the path was given with the
 *     request.
 * CL3  Where the process is another user's, nothing that its ledger says decides
 *     where a file is written; `output` or `settings` must.
 * CL4  The snapshot of a small forked child that ends soon after its start has no map of the memory
 *     (PROCESS_BRIEF). Under `run` the child need not wait for it: it is made of a copy of the child's memory, or of an
 *     image that outlives the child, whose ledger stays until the snapshot is written, so that one that fails is seen.
 */
#ifndef TIDEMARK_COLLECT_H
#define TIDEMARK_COLLECT_H

#include <stdbool.h>
#include "base/error.h"

struct collect_settings;

/* May a process that has asked end before its snapshot is written (CL4)? */
enum collect_leaving {
	LEAVING_NOT,
	LEAVING_COPY,  /* once its memory has been copied */
	LEAVING_IMAGE, /* or when an image of it stays behind */
};

struct collect {
	const char *ledger;                      /* path of the ledger; NULL: process `pid` has none */
	const char *core;                        /* path of a core, instead of all these; NULL: a process */
	int pid;                                 /* the process that is meant; 0: whose ledger it is */
	const struct collect_settings *settings; /* of the run; NULL: what the ledger says */
	bool served;                  /* it is stopped and has asked the server of the run (server.h) */
	enum collect_leaving leaving; /* served */
	bool outside;                 /* we ask the process; else it is stopped and has asked us */
	uint32_t reason;              /* enum tide_reason */
	uint32_t flags;               /* of the request, as the process asked it */
	bool early;                   /* its last one: it is about to end (collect_kept.h) */
	bool no_command_line;         /* no argument of the program is kept */
	bool no_contents;             /* neither characters nor numbers of Python objects */
	bool no_references;           /* counters and blocks only */
	bool walk;                    /* the list of blocks from a walk of the heap, not from the ledger */
	uint32_t serial;              /* of the request; 0: the next one */
	const char *output;           /* this file; NULL: the output pattern of the run */
	bool overwrite;               /* replace a file of that name */
	/* How references are taken; what the run's options say is added. */
	bool unaligned;
	uint64_t pointer_mask;
	uint32_t skip_roots; /* 1 << enum tide_root_kind */
	/* Results. */
	char *written; /* the path taken; to be freed */
	char *note;    /* a line for the person who asked; NULL: none; to be freed */
	bool complete;
	char why[512];  /* what is missing when not complete */
	bool contained; /* files of its modules are not those of this machine: symbol_sysroot.h */
};

int collect_snapshot(struct collect *c, struct tide_error *e);

#endif
