/* doctor_ledgers.c - ledgers orphaned when a process and its `tidemark run` were both killed.
 *
 * A process on its own keeps its ledger in tidemark-UID; a run has a folder of its own, which
 * the next run removes once no process uses it.
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
#include "base/alloc.h"
#include "base/error.h"
#include "base/units.h"
#include "model/ledger_open.h"

struct left {
	size_t count, refused; /* refused: the snapshot could not be written */
	uint64_t bytes;
	char *first;         /* path of one of them */
	char *refused_first; /* and of one of those */
};

static bool is_gone(long pid) { return pid > 0 && kill((pid_t)pid, 0) && errno == ESRCH; }

/* Whether the run that made a folder goes on; a folder without one has no such file. */
static bool is_run_alive(const char *folder)
{
	char *path = alloc_printf("%s/run", folder), number[32] = "";
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool alive = false;

	free(path);
	if (fd < 0)
		return false;
	if (read(fd, number, sizeof(number) - 1) > 0)
		alive = strtol(number, NULL, 10) > 0 && !is_gone(strtol(number, NULL, 10));
	close(fd);
	return alive;
}

/* A process that came to its end took its ledger with it, unless its snapshot could not be written. */
static void note_refused(struct left *left, const char *folder, const char *name)
{
	char *path = alloc_printf("%s/%s", folder, name);
	struct ledger_look look;

	if (!ledger_look(path, &look) && look.finished) {
		left->refused++;
		if (!left->refused_first) {
			left->refused_first = path;
			return;
		}
	}
	free(path);
}

/* Counts ledgers of dead processes in a folder, unless the run that made it is alive. */
static void count_left(const char *folder, struct left *left)
{
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	/* In another user's folder the file could be a FIFO, and the open would never end. */
	if (lstat(folder, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || is_run_alive(folder)
		|| !(dir = opendir(folder)))
		return;
	while ((entry = readdir(dir)) != NULL) {
		size_t bytes = strlen(entry->d_name);

		if (bytes < 8 || strcmp(entry->d_name + bytes - 7, ".ledger")
			|| !is_gone(strtol(entry->d_name, NULL, 10))
			|| fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		note_refused(left, folder, entry->d_name);
		left->count++;
		left->bytes += (uint64_t)st.st_blocks * 512;
		if (!left->first)
			left->first = alloc_printf("%s/%s", folder, entry->d_name);
	}
	closedir(dir);
}

static void search_parent(const char *parent, struct left *alone, struct left *runs)
{
	DIR *dir = parent && *parent ? opendir(parent) : NULL;
	struct dirent *entry;
	char own[32];

	snprintf(own, sizeof(own), "tidemark-%u", (unsigned)geteuid());
	while (dir && (entry = readdir(dir)) != NULL) {
		char *folder = alloc_printf("%s/%s", parent, entry->d_name);

		if (!strcmp(entry->d_name, own))
			count_left(folder, alone);
		else if (!strncmp(entry->d_name, "tidemark-run-", 13))
			count_left(folder, runs);
		free(folder);
	}
	if (dir)
		closedir(dir);
}

static void say_left(struct doctor *d, const struct left *left, const char *what)
{
	char text[UNITS_TEXT];

	if (left->count)
		doctor_say(d, "ledgers", DOCTOR_WARNING,
			"%zu ledger%s (%s) of processes that left no snapshot %s left, one is %s|`tidemark "
			"stat "
			"%s` reads it; %s",
			left->count, left->count == 1 ? "" : "s", units_bytes(text, (int64_t)left->bytes),
			left->count == 1 ? "is" : "are", left->first, left->first, what);
	if (left->refused)
		doctor_say(d, "ledgers", DOCTOR_WARNING,
			"of %zu of them the process ended in the ordinary way, but its snapshot could not be "
			"written: one is %s|check that TIDEMARK_OUTPUT names a folder that exists and can be "
			"written; one that became another user on its way needs `tidemark run` in front of it",
			left->refused, left->refused_first);
	free(left->first);
	free(left->refused_first);
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
			search_parent(parent[i], &alone, &runs);
	}
	say_left(d, &alone, "remove it with rm");
	say_left(d, &runs, "the next `tidemark run` removes it: copy it first to keep it");
}
