/* hooks_wait.c - keeps our children out of waits that see all children; see
 * child.h.
 *
 * These hooks do not enter the shim, so that a wait remains a cancellation point.
 */
#include <sys/resource.h>
#include <sys/wait.h>
#include "child.h"
#include "raw.h"
#include "real.h"
#include "state.h"

#define SEES_OURS(options) ((options) & (__WALL | __WCLONE))

pid_t wait4(pid_t which, int *status, int options, struct rusage *usage)
{
	if (unlikely(!real.wait4))
		real_resolve();
	if (likely(!SEES_OURS(options)))
		return real.wait4(which, status, options, usage);
	for (;;) {
		int got = 0;
		pid_t pid = real.wait4(which, &got, options, usage);
		if (pid > 0 && child_met(pid, got))
			continue;
		if (pid > 0 && status)
			*status = got;
		return pid;
	}
}

pid_t waitpid(pid_t which, int *status, int options) { return wait4(which, status, options, NULL); }

int waitid(idtype_t type, id_t which, siginfo_t *info, int options)
{
	siginfo_t local;
	if (unlikely(!real.waitid))
		real_resolve();
	if (likely(!SEES_OURS(options)))
		return real.waitid(type, which, info, options);
	for (;;) {
		siginfo_t *i = info ? info : &local;
		i->si_pid = 0;
		int r = real.waitid(type, which, i, options), status = 0;
		if (r || i->si_pid <= 0 || !child_ours(i->si_pid))
			return r;
		if (options & WNOWAIT)
			raw4(SYS_wait4, i->si_pid, &status, __WALL, 0);
		else
			status = i->si_code == CLD_EXITED ? i->si_status << 8 : i->si_status;
		child_met(i->si_pid, status);
	}
}
