/* doctor_ledgers.c - what processes left behind that were killed together with whoever
 * would have taken care of them.
 *
 * A process alone keeps its ledger in tidemark-UID; a run has a folder of its own, which
 * the next run removes when nobody uses it any more.
 */
#include <dirent.h>
#include <fcntl.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "error.h"
#include "units.h"

struct left {
	size_t count;
	uint64_t bytes;
	char *first;		/* path of one of them */
};

static bool gone(long pid)
{
	return pid > 0 && kill((pid_t)pid, 0) && errno == ESRCH;
}

/* Counts ledgers of dead processes in a folder; none while the run that made it lives. */
static void look(const char *folder, struct left *left)
{
	char *run = memory_printf("%s/run", folder);
	FILE *f = fopen(run, "re");
	struct dirent *entry;
	struct stat st;
	DIR *dir;
	long pid;

	free(run);
	if (f) {
		bool lives = fscanf(f, "%ld", &pid) == 1 && !gone(pid);

		fclose(f);
		if (lives)
			return;
	}
	if (lstat(folder, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || !(dir = opendir(folder)))
		return;
	while ((entry = readdir(dir)) != NULL) {
		size_t bytes = strlen(entry->d_name);

		if (bytes < 8 || strcmp(entry->d_name + bytes - 7, ".ledger") || !gone(strtol(entry->d_name, NULL, 10)) ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		left->count++;
		left->bytes += (uint64_t)st.st_blocks * 512;
		if (!left->first)
			left->first = memory_printf("%s/%s", folder, entry->d_name);
	}
	closedir(dir);
}

static void look_below(const char *parent, struct left *alone, struct left *runs)
{
	DIR *dir = parent && *parent ? opendir(parent) : NULL;
	struct dirent *entry;
	char own[32];

	snprintf(own, sizeof(own), "tidemark-%u", (unsigned)geteuid());
	while (dir && (entry = readdir(dir)) != NULL) {
		char *folder = memory_printf("%s/%s", parent, entry->d_name);

		if (!strcmp(entry->d_name, own))
			look(folder, alone);
		else if (!strncmp(entry->d_name, "tidemark-run-", 13))
			look(folder, runs);
		free(folder);
	}
	if (dir)
		closedir(dir);
}

static void say(struct doctor *d, const struct left *left, const char *what)
{
	char text[UNITS_TEXT];

	if (left->count)
		doctor_say(d, "ledgers", DOCTOR_WARNING, "%zu ledger%s (%s) of processes that were killed %s left, one is %s|`tidemark stat "
			"%s` reads it; %s", left->count, left->count == 1 ? "" : "s", units_bytes(text, (int64_t)left->bytes),
			left->count == 1 ? "is" : "are", left->first, left->first, what);
	free(left->first);
}

void doctor_ledgers(struct doctor *d)
{
	struct left alone = { 0 }, runs = { 0 };
	const char *parent[] = { "/dev/shm", getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp" };

	for (size_t i = 0; i < sizeof(parent) / sizeof(parent[0]); i++) {
		bool seen = !parent[i];

		for (size_t k = 0; k < i && !seen; k++)
			seen = parent[k] && !strcmp(parent[k], parent[i]);
		if (!seen)
			look_below(parent[i], &alone, &runs);
	}
	say(d, &alone, "remove it with rm");
	say(d, &runs, "the next `tidemark run` removes it: copy it first to keep it");
}
