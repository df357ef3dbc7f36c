/* process.c - see process.h. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/proc_stat.h"
#include "process.h"

bool process_lives(int pid)
{
	struct proc_stat s;
	int found = proc_stat_read(pid, 0, &s);

	if (found < 0)
		return !kill(pid, 0) || errno != ESRCH;
	/* A first thread that has ended is a zombie until all others have ended, too. */
	return found && (!proc_stat_dead(&s) || s.threads > 1);
}

int process_parent(int pid)
{
	struct proc_stat s;

	return proc_stat_read(pid, 0, &s) > 0 ? s.parent : 0;
}

/* A line of /proc/PID/status that begins with `name`; what follows it. */
static bool read_status(int pid, const char *name, char *value, size_t bytes)
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof line, f))
		if (!strncmp(line, name, strlen(name))) {
			snprintf(value, bytes, "%s", line + strlen(name));
			found = true;
		}
	if (f)
		fclose(f);
	return found;
}

/* Both processes see the same file `name` of their own folder in /proc: a namespace, or the root. */
static bool is_same_file(int pid, const char *name)
{
	struct stat own, other;
	char path[64];

	snprintf(path, sizeof path, "/proc/self/%s", name);
	if (stat(path, &own))
		return false;
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	return !stat(path, &other) && own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

static uint64_t read_capabilities(int pid)
{
	char value[256];

	return read_status(pid, "CapEff:", value, sizeof value) ? strtoull(value, NULL, 16) : 0;
}

bool process_ours(int pid)
{
	static const char *const place[] = { "ns/mnt", "ns/pid", "ns/user", "root" };
	uint64_t own = read_capabilities(getpid());
	unsigned id[4];
	char value[256];

	if (!read_status(pid, "Uid:", value, sizeof value)
		|| sscanf(value, "%u %u %u %u", &id[0], &id[1], &id[2], &id[3]) != 4)
		return false;
	for (int i = 0; i < 4; i++)
		if (id[i] != geteuid())
			return false;
	if ((own & read_capabilities(pid)) != own)
		return false;
	/* A sandbox without privileges keeps the user: the namespaces tell it apart. */
	for (size_t i = 0; i < sizeof place / sizeof *place; i++)
		if (!is_same_file(pid, place[i]))
			return false;
	return true;
}

long process_status(int pid, const char *name)
{
	char path[64], line[512];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name))) {
			char *last = strrchr(line, '\t');

			value = last ? strtol(last, NULL, 10) : -1;
			break;
		}
	if (f)
		fclose(f);
	return value;
}
