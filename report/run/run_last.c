/* run_last.c - the snapshot of a program that a signal is about to end: run.h. */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "collect/collect.h"
#include "collect/ledger_find.h"
#include "model/format.h"
#include "run.h"

/* Early: it is written once more when the program has ended, with the signal (collect_kept.h). */
static int take_last(const struct run_session *s, int pid)
{
	struct tide_error ignored = { 0 };
	char *ledger = ledger_find(pid, &ignored);
	struct collect c = { .outside = true,
		.ledger = ledger,
		.pid = pid,
		.settings = &s->settings,
		.reason = REASON_SIGNAL,
		.early = true,
		.overwrite = s->settings.overwrite };

	return ledger && *ledger && !collect_snapshot(&c, &ignored) ? 0 : 1;
}

void run_last(const struct run_session *s, int pid)
{
	pid_t collector = s->folder ? fork() : -1;

	if (collector == 0)
		_exit(take_last(s, pid));
	while (collector > 0 && waitpid(collector, NULL, 0) < 0 && errno == EINTR)
		;
}
