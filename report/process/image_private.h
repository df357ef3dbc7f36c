/* image_private.h - what the files of image.h share.
 *
 *   image.c        stopping a process, the conversation with it, letting go
 *   image_hold.c   the image as a process of its own
 *   image_ledger.c the words of the ledger, and its owner
 */
#ifndef TIDEMARK_IMAGE_PRIVATE_H
#define TIDEMARK_IMAGE_PRIVATE_H

#include "image.h"

#define IMAGE_ANSWER_NS 10000000000ull /* how long a stopped thread may take to do its part */

enum image_holding { IMAGE_HOLDS_NOT, IMAGE_HOLDS, IMAGE_HOLDS_UNKNOWN };

/* Has the process this ledger mapped? exec takes it away. Where its mappings could be read, *m is open. */
enum image_holding image_holds(struct image *im, int pid, struct remote *m);
/* The process has ended or runs another program now: nothing there will answer. */
bool image_over(const struct image *im);
void image_word_set(uint32_t *p, uint32_t v);
/* Waits until *p is no longer `from`; false after `limit_ns`, or when the process is gone. */
bool image_word_wait(struct image *im, uint32_t *p, uint32_t from, uint64_t limit_ns);
/* Threads that were stopped, without the one that asked. */
size_t image_others_alive(const struct image *im);

/* Waits until the image of the process can be read. */
void image_wait(const struct image *im);
/* From now on its number cannot be reused, or it is known by a descriptor only. Where its mappings could be read,
 * *memory is open. False: it is not the image. */
bool image_hold(struct image *im, struct remote *memory);
int image_kill(const struct image *im);

#endif
