/* python_lock.c - the lock of python_private.h. */
#include "lock.h"
#include "python.h"
#include "python_private.h"

static struct lock lock;

void python_lock(void) { lock_take(&lock); }

void python_unlock(void) { lock_release(&lock); }

void python_after_fork(void)
{
	lock.word = 0;
	python.kept = false;
}
