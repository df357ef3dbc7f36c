/* sandbox.h - a reader of strangers' files gives up what it does not need.
 *
 * BX1 Refused with EPERM, never with a signal: sockets but local ones, tracing and the memory of other processes,
 *     ways around a filter (io_uring); unless SANDBOX_PAGER, new programs; for SANDBOX_READ without a pager, every way
 *     to write, make, rename or remove a file. Descriptors that are open stay as they are.
 * BX2 Where the kernel has no filters, or the library of another tool is preloaded (it may need all of this),
 *     nothing happens.
 */
#ifndef TIDEMARK_SANDBOX_H
#define TIDEMARK_SANDBOX_H

enum sandbox {
	SANDBOX_NONE,
	SANDBOX_READ,  /* prints only */
	SANDBOX_WRITE, /* writes a file that the caller names */
	SANDBOX_PAGER  /* prints through a pager, which is the caller's program */
};

void sandbox_enter(enum sandbox sandbox);

#endif
