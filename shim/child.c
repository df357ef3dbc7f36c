/* child.c - see child.h. */
#include "child.h"
#include "state.h"

#define CHILDREN 32

/* `met`: 0, or 1 + the status that one of the program's waits got. */
static struct {
	int32_t pid;
	uint32_t met;
} child[CHILDREN];

static int find(int32_t pid)
{
	for (int i = 0; i < CHILDREN; i++)
		if (__atomic_load_n(&child[i].pid, __ATOMIC_ACQUIRE) == pid)
			return i;
	return -1;
}

void child_made(int32_t pid)
{
	for (int i = 0; pid > 0 && i < CHILDREN; i++) {
		int32_t nobody = 0;
		if (!__atomic_compare_exchange_n(
			    &child[i].pid, &nobody, pid, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		__atomic_store_n(&child[i].met, 0, __ATOMIC_RELEASE);
		return;
	}
}

void child_over(int32_t pid)
{
	int i = pid > 0 ? find(pid) : -1;
	if (i >= 0)
		__atomic_store_n(&child[i].pid, 0, __ATOMIC_RELEASE);
}

/* Images that the collector made are listed in the ledger (freeze_reap). */
static int32_t *of_collector(int32_t pid)
{
	for (unsigned i = 0; state.ledger && i < LEDGER_ENDED_IMAGES; i++)
		if (__atomic_load_n(&state.ledger->ended_images[i], __ATOMIC_ACQUIRE) == pid)
			return &state.ledger->ended_images[i];
	return NULL;
}

bool child_ours(int32_t pid) { return pid > 0 && (find(pid) >= 0 || of_collector(pid)); }

bool child_met(int32_t pid, int status)
{
	int i = pid > 0 ? find(pid) : -1;
	int32_t *slot = pid > 0 && i < 0 ? of_collector(pid) : NULL;
	if (i >= 0)
		__atomic_store_n(&child[i].met, (uint32_t)status + 1, __ATOMIC_RELEASE);
	else if (slot)
		__atomic_compare_exchange_n(slot, &pid, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	return i >= 0 || slot;
}

bool child_status(int32_t pid, int *status)
{
	int i = find(pid);
	uint32_t met = i >= 0 ? __atomic_exchange_n(&child[i].met, 0, __ATOMIC_ACQ_REL) : 0;
	*status = met ? (int)(met - 1) : 0;
	return met;
}

void child_after_fork(void)
{
	for (int i = 0; i < CHILDREN; i++)
		child[i].pid = 0;
}
