/* snapshot_fault.c - a file that is cut off while it is mapped gives SIGBUS at the next look.
 *
 * What was read of it so far may be half a truth, and every check of an index is void. So the
 * command says what has happened, in one sentence, and ends as one that could not measure.
 */
#include <signal.h>
#include <unistd.h>
#include "snapshot_private.h"

static struct snapshot_reader *readers;

static void end_at_fault(int number, siginfo_t *info, void *context)
{
	static const char sentence[] =
		"tidemark: a snapshot was cut off while it was read: take it again, or "
		"wait until it is copied\n";
	const char *at = info->si_addr;

	(void)context;
	for (const struct snapshot_reader *r = readers; r; r = r->next) {
		const char *map = r->map;

		if (at < map || at >= map + r->map_bytes)
			continue;
		if (write(STDERR_FILENO, sentence, sizeof(sentence) - 1) < 0)
			_exit(EXIT_UNMEASURED);
		_exit(EXIT_UNMEASURED);
	}
	signal(number, SIG_DFL); /* not a snapshot: comes again, and ends us */
}

void snapshot_fault_add(struct snapshot_reader *r)
{
	struct sigaction a = { .sa_sigaction = end_at_fault, .sa_flags = SA_SIGINFO };

	r->next = readers;
	readers = r;
	sigaction(SIGBUS, &a, NULL);
}

void snapshot_fault_remove(struct snapshot_reader *r)
{
	for (struct snapshot_reader **p = &readers; *p; p = &(*p)->next)
		if (*p == r) {
			*p = r->next;
			return;
		}
}
