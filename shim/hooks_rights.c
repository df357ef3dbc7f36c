/* hooks_rights.c - calls by which a process gives up rights: it changes to another
 * user, another root or other namespaces.
 *
 * A forked child starts its ledger at its first event. After one of these calls it
 * may not be able to: the folder of the ledgers belongs to the old user and lies in
 * the old root. So each of these calls first counts as an event.
 */
#include <sys/types.h>
#include <unistd.h>
#include "enter.h"
#include "real.h"

#define BEFORE(f)                                                                                            \
	do {                                                                                                 \
		if (unlikely(!real.f))                                                                       \
			real_resolve();                                                                      \
		struct thread *t = ENTER();                                                                  \
		if (t)                                                                                       \
			thread_leave(t);                                                                     \
	} while (0)

int setuid(uid_t user)
{
	BEFORE(setuid);
	return real.setuid(user);
}

int seteuid(uid_t user)
{
	BEFORE(seteuid);
	return real.seteuid(user);
}

int setreuid(uid_t user, uid_t effective)
{
	BEFORE(setreuid);
	return real.setreuid(user, effective);
}

int setresuid(uid_t user, uid_t effective, uid_t saved)
{
	BEFORE(setresuid);
	return real.setresuid(user, effective, saved);
}

int chroot(const char *path)
{
	BEFORE(chroot);
	return real.chroot(path);
}

int unshare(int flags)
{
	BEFORE(unshare);
	return real.unshare(flags);
}

int setns(int fd, int type)
{
	BEFORE(setns);
	return real.setns(fd, type);
}
