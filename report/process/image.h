/* image.h - one moment of a process, frozen while it is read.
 *
 *   image_answer    the process is stopped and has asked us (started by the shim)
 *   image_request   we ask: the next event answers; else ptrace makes the image
 *      │ all threads stopped: copy() is called
 *      ▼
 *   image_end       lets go of everything; always called
 *
 * IM1 From copy() on, memory, block map and the copied ledger are of one moment.
 * IM2 `reader` is the process to read: the image, or the process itself while it is
 *     stopped. 0: nothing can be read; `why` says so; only counters are available.
 * IM3 A collector that ends early takes the image with it and leaves nothing
 *     stopped.
 * IM4 The process writes the ledger, which may contain anything: no process is
 *     stopped, read or killed except the one that has this ledger mapped and its
 *     image (a child that has it mapped, too). All waits are bounded.
 */
#ifndef TIDEMARK_IMAGE_H
#define TIDEMARK_IMAGE_H

#include "shim/freeze.h"
#include "base/error.h"
#include "kernel_words.h"
#include "stop.h"

struct image_options {
	bool no_references;
	bool standing; /* never make an image */
	bool served;   /* image_answer: the process has asked the server of its run (collect/server.h) */
	bool unaligned;
	uint64_t pointer_mask;
	uint32_t skip_roots;                        /* 1 << enum tide_root_kind: not looked at */
	uint32_t reason;                            /* enum tide_reason, for image_request */
	uint32_t flags;                             /* REQUEST_FLAG_*, for image_request */
	bool (*unfit)(void *context, bool stopped); /* stop_when; `context` is that of copy() */
	int pid;                                    /* the process that is meant; 0: the one in the ledger */
	int ledger_file;                            /* a descriptor of the ledger; 0: none */
};

struct image {
	struct ledger_header *ledger;
	uint64_t ledger_bytes, ledger_inode; /* inode 0: not known */
	uint32_t ledger_device;              /* as in struct remote_mapping */
	bool ledger_mapped;                  /* both are those of our own mapping */
	struct image_options options;
	int target, reader;
	int reader_descriptor; /* a pidfd of the image; -1 none */
	bool reader_untraced;  /* the kernel refuses tracing: nothing but descriptors names the image */
	bool started_by_it;    /* a thread of the process has started us and waits for our end */
	bool left;             /* it may have ended: `reader` is an image that outlives it */
	bool copied;           /* or `memory` is a copy of its memory */
	bool parked;           /* threads wait in the process's own signal handler */
	bool injected;
	uint64_t instruction; /* of image_alone: a `syscall` of the process */
	struct freeze_place place;
	struct stop stop;
	struct kernel_words kernel;
	struct remote memory; /* of reader; open when reader is not 0 */
	struct remote origin; /* of target, as it was before any thread was stopped */
	uint32_t threads_stopped, threads_unknown;
	char why[512]; /* what is not known or could not be done; "" = all is well */
};

/* `ledger` is mapped read-write, `bytes` long. copy() is called once, while
 * all threads are stopped, also when there is nothing to read. 0, or -1 when they
 * could not be stopped at all. */
int image_answer(struct image *im, struct ledger_header *ledger, uint64_t bytes,
	const struct image_options *o, void (*copy)(void *), void *context, struct tide_error *e);
int image_request(struct image *im, struct ledger_header *ledger, uint64_t bytes,
	const struct image_options *o, void (*copy)(void *), void *context, struct tide_error *e);

/* For a process without the library and without a ledger, which is stopped from outside. -1 when it may not be
 * stopped or cannot be read; *e says why. Call image_alone_end instead of image_end. */
int image_alone(struct image *im, int pid, const struct image_options *o, void (*copy)(void *), void *context,
	struct tide_error *e);
/* After image_alone, which may have failed for that reason: the process was stopped in execve or in the work of its
 * loader, and has no heap yet. */
bool image_starts(const struct image *im);
/* The process is stopped once more for a moment, to forget its child. */
void image_alone_end(struct image *im);

/* The process is stopped, ends after its snapshot, and only its memory is still needed: copies up to `copy` bytes of it,
 * or makes the image after all if an image may outlive the process, and lets the process end. False: it is still
 * stopped. */
bool image_leave(struct image *im, uint64_t copy, bool outlive);

/* How long all threads have been stopped, up to now or to their release. */
uint64_t image_pause_ns(const struct image *im);
void image_end(struct image *im);

#endif
