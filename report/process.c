/* process.c - /proc/PID/stat: process.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "process.h"

#define STAT_THREADS 20			/* field of /proc/PID/stat, from 1 */

struct stat_line { char state; int parent, threads; };

/* 1 read, 0 no such process, -1 /proc does not tell. */
static int stat_read(int pid, struct stat_line *s)
{
	char path[64], line[1024], *at;
	FILE *f;

	*s = (struct stat_line) { .threads = 1 };
	if (pid <= 0)
		return 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT && kill(pid, 0) && errno == ESRCH ? 0 : -1;
	/* The name may hold spaces and parentheses; what follows the last does not. */
	at = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
	fclose(f);
	if (!at || sscanf(at + 1, " %c %d", &s->state, &s->parent) != 2)
		return kill(pid, 0) && errno == ESRCH ? 0 : -1;
	for (int field = 2; at && field < STAT_THREADS; field++)
		at = strchr(at + 1, ' ');
	if (at)
		sscanf(at, "%d", &s->threads);
	return 1;
}

bool process_lives(int pid)
{
	struct stat_line s;
	int found = stat_read(pid, &s);

	if (found < 0)
		return !kill(pid, 0) || errno != ESRCH;
	/* A first thread that has ended is a zombie until all others have, too. */
	return found && ((s.state != 'Z' && s.state != 'X') || s.threads > 1);
}

int process_parent(int pid)
{
	struct stat_line s;

	return stat_read(pid, &s) > 0 ? s.parent : 0;
}

bool process_ours(int pid)
{
	unsigned id[4] = { geteuid(), geteuid(), geteuid(), geteuid() };
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "Uid: %u %u %u %u", &id[0], &id[1], &id[2], &id[3]) == 4)
			break;
	if (f)
		fclose(f);
	for (int i = 0; i < 4; i++)
		if (id[i] != geteuid())
			return false;
	return true;
}
