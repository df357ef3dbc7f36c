/* kernel_words.h - pointers that the program has given to the kernel: epoll data, timers,
 * requests of io_uring.
 *
 * They are read from /proc of the process itself while it is stopped: an image has neither
 * its descriptors nor its timers. Called by image.c; roots_kernel.c makes roots of them.
 */
#ifndef TIDEMARK_KERNEL_WORDS_H
#define TIDEMARK_KERNEL_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_word {
	uint64_t word;
	char name[48]; /* "epoll descriptor 5" */
};
struct kernel_words {
	struct kernel_word *words;
	size_t count, capacity;
	bool looked;
	struct kernel_descriptor {
		int number;
		bool ring;
	} * descriptors;
	size_t descriptor_count, descriptor_room;
	bool refused; /* the descriptors could not be listed */
	/* io_uring: rings that were seen; requests that the kernel is working on; of these rings, those
	 * whose slots have been used again since; rings that report nothing. */
	unsigned rings, rings_reused, rings_silent;
	uint64_t ring_requests;
};

/* Finds the descriptors that are of interest, while the process still runs: it may have thousands of others. */
void kernel_words_look(struct kernel_words *k, int pid);
/* Of those descriptors; of all where kernel_words_look was not called. */
void kernel_words_read(struct kernel_words *k, int pid);
/* Is the kernel done with everything given to io_uring? Then its rings hold only completed requests. */
bool kernel_words_rings_idle(const struct kernel_words *k);
void kernel_words_free(struct kernel_words *k);

#endif
