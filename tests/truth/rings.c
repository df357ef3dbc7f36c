/* Pointers given to io_uring: held while the kernel is at work on a request, and until its
 * completion was fetched; afterwards what is left in the rings is of the past.
 *
 * cases: pending completed fetched
 * truth[fetched]: unreferenced blocks=3 bytes=150 site=make_data
 * held[pending]: make_data root=mapping,kernel blocks=3
 * held[completed]: make_data root=mapping,kernel blocks=3
 * needs: /proc/sys/kernel/io_uring_disabled
 */
#define _GNU_SOURCE
#include "truth.h"
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail;
static struct io_uring_sqe *entries;
static int ring;

static NOINLINE void *make_data(void) { void *p = malloc(50); HIDE(p); return p; }

static NOINLINE int ring_make(void)
{
	struct io_uring_params p = { 0 };
	char *sq, *cq;

	ring = (int)syscall(SYS_io_uring_setup, 8, &p);
	if (ring < 0)
		return -1;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING);
	entries = mmap(NULL, p.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		ring, IORING_OFF_SQES);
	sq_tail = (unsigned *)(sq + p.sq_off.tail);
	sq_mask = (unsigned *)(sq + p.sq_off.ring_mask);
	sq_array = (unsigned *)(sq + p.sq_off.array);
	cq_head = (unsigned *)(cq + p.cq_off.head);
	cq_tail = (unsigned *)(cq + p.cq_off.tail);
	return 0;
}

static NOINLINE void submit(int operation, int descriptor)
{
	unsigned tail = *sq_tail, at = tail & *sq_mask;

	entries[at] = (struct io_uring_sqe) { .opcode = (unsigned char)operation, .fd = descriptor,
		.poll32_events = POLLIN, .user_data = (uintptr_t)make_data() };
	sq_array[at] = at;
	__atomic_store_n(sq_tail, tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0) != 1)
		truth_status = 9;
}

static void scenario(void)
{
	int ends[2];

	if (pipe(ends) || ring_make()) {
		truth_status = 77;	/* not permitted here */
		return;
	}
	for (int i = 0; i < (is_case("reused") ? 12 : 3); i++)
		submit(is_case("pending") || is_case("reused") ? IORING_OP_POLL_ADD : IORING_OP_NOP, ends[0]);
	if (is_case("fetched"))
		__atomic_store_n(cq_head, *cq_tail, __ATOMIC_RELEASE);
}
