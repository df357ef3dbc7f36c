/* run_session.c - the folder of ledgers of one run: run.h.
 *
 *   run        pid of the run, to tell a folder that is in use
 *   snapshots  a line for each snapshot written: PID REASON COMPLETE PATH
 *   PID.N.ledger
 *   lock       collectors hold its byte PID: session_lock.h
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "format.h"
#include "../shim/ledger.h"
#include "process.h"
#include "run.h"
#include "session_lock.h"

#define PREFIX "tidemark-run-"
#define WAIT_MS 600000			/* a snapshot of a huge heap takes its time */
#define LAST_MS 10000			/* from the snapshot to the end of the process */

/* --- the folder -------------------------------------------------------------- */

static int file_make(const char *folder, const char *name, const char *text)
{
	char *path = memory_printf("%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), result = 0;

	free(path);
	if (fd < 0)
		return -1;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		result = -1;
	close(fd);
	return result;
}

static void folder_remove(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(folder);
}

static int ledger_pid(const char *name)
{
	size_t bytes = strlen(name);

	return bytes > 7 && !strcmp(name + bytes - 7, ".ledger") ? atoi(name) : 0;
}

/* Does a process have the ledger mapped? `otherwise` where that cannot be learned. */
static bool ledger_mapped(const char *pid, const struct stat *ledger, bool otherwise)
{
	char path[64], line[512];
	bool mapped = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return otherwise;
	while (!mapped && fgets(line, sizeof(line), f)) {
		unsigned major, minor;
		unsigned long long inode;

		mapped = sscanf(line, "%*s %*s %*s %x:%x %llu", &major, &minor, &inode) == 3 &&
			inode == ledger->st_ino && makedev(major, minor) == ledger->st_dev;
	}
	fclose(f);
	return mapped;
}

/* Those that collect have it mapped, too, and are waited for by their lock. */
static bool is_collector(const char *pid)
{
	char path[64], name[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (f && !fgets(name, sizeof(name), f))
		*name = '\0';
	if (f)
		fclose(f);
	return !strcmp(name, "tidemark\n");
}

/* The number in a ledger's name is that of its PID namespace: here it may mean
 * somebody else, who never had it. Then one of all our processes may have it. */
static bool owner_lives(const char *path, int owner)
{
	struct dirent *entry;
	struct stat ledger;
	bool lives = false;
	char number[16];
	DIR *d;

	if (!process_lives(owner))
		return false;
	snprintf(number, sizeof(number), "%d", owner);
	/* Number 1 is an ancestor of ours here, and no descendant. */
	if (stat(path, &ledger) || ledger_mapped(number, &ledger, owner != 1))
		return true;
	d = opendir("/proc");
	while (d && !lives && (entry = readdir(d))) {
		struct stat process;

		lives = *entry->d_name >= '1' && *entry->d_name <= '9' &&
			!fstatat(dirfd(d), entry->d_name, &process, 0) && process.st_uid == geteuid() &&
			ledger_mapped(entry->d_name, &ledger, false) && !is_collector(entry->d_name);
	}
	if (d)
		closedir(d);
	return lives;
}

/* Whether a process still uses a folder that another run has left. */
static bool folder_used(const char *folder)
{
	char *path = memory_printf("%s/run", folder);
	FILE *f = fopen(path, "re");
	struct dirent *entry;
	bool used = false;
	int pid = 0;
	DIR *d;

	free(path);
	if (f) {
		used = fscanf(f, "%d", &pid) == 1 && process_lives(pid);
		fclose(f);
	}
	d = opendir(folder);
	while (d && !used && (entry = readdir(d)))
		if (ledger_pid(entry->d_name) > 0) {
			path = memory_printf("%s/%s", folder, entry->d_name);
			used = owner_lives(path, ledger_pid(entry->d_name));
			free(path);
		}
	if (d)
		closedir(d);
	return used;
}

static void leftovers_remove(const char *parent)
{
	DIR *d = opendir(parent);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char *folder;
		struct stat st;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			continue;
		folder = memory_printf("%s/%s", parent, entry->d_name);
		if (!lstat(folder, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
		    time(NULL) - st.st_mtime > 10 && !folder_used(folder))
			folder_remove(folder);
		free(folder);
	}
	if (d)
		closedir(d);
}

int run_session_begin(struct run_session *s, struct tide_error *e)
{
	const char *parents[] = { "/dev/shm", getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp" };
	char pid[32];

	memset(s, 0, sizeof(*s));
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		char *folder;

		if (!parents[i] || *parents[i] != '/')
			continue;
		leftovers_remove(parents[i]);
		folder = memory_printf("%s/" PREFIX "XXXXXX", parents[i]);
		if (mkdtemp(folder)) {
			s->folder = folder;
			if (!file_make(folder, "run", pid) && !file_make(folder, "snapshots", "") &&
			    !file_make(folder, SESSION_LOCK, ""))
				return 0;
			folder_remove(folder);
			s->folder = NULL;
		}
		free(folder);
	}
	return error_set(e, RUN_FAILED, "no folder for the ledger|%s|set TMPDIR to one that can be written",
		strerror(errno));
}

/* --- what has been written --------------------------------------------------------- */

static void snapshot_add(struct run_session *s, const struct run_snapshot *one)
{
	s->snapshots = memory_resize(s->snapshots, (s->count + 1) * sizeof(*s->snapshots));
	s->snapshots[s->count++] = *one;
}

static void snapshots_read(struct run_session *s)
{
	char *path = memory_printf("%s/snapshots", s->folder), *line = NULL;
	FILE *f = fopen(path, "re");
	size_t room = 0;

	free(path);
	while (f && getline(&line, &room, f) > 0) {
		struct run_snapshot one = { 0 };
		int complete = 0, at = 0;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%d %u %d %n", &one.pid, &one.reason, &complete, &at) != 3 || !at)
			continue;
		if (complete < 0) {
			if (!*s->why.what)
				error_set(&s->why, EXIT_UNMEASURED, "%s", line + at);
			continue;
		}
		one.complete = complete;
		one.path = memory_string(line + at);
		snapshot_add(s, &one);
	}
	free(line);
	if (f)
		fclose(f);
}

/* --- what has been left ---------------------------------------------------------------- */

static int header_read(const char *path, struct ledger_header *h)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : pread(fd, h, sizeof(*h), 0);

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)sizeof(*h) && !memcmp(h->magic, LEDGER_MAGIC, 8) ? 0 : -1;
}

/* Until process `owner` has ended, or does something else than write its snapshot. */
static bool ledger_wait(const char *path, int owner, struct ledger_header *h)
{
	int finished = 0;

	if (!owner_lives(path, owner))
		return header_read(path, h) == 0;
	for (int ms = 0; ms < WAIT_MS && finished < LAST_MS; ms += 5) {
		struct timespec t = { 0, 5000000 };

		if (header_read(path, h))
			return false;		/* gone: written */
		if (!process_lives(owner))
			return true;
		if (h->state != LEDGER_EXITING && h->state != LEDGER_FINISHED)
			return true;
		finished += h->state == LEDGER_FINISHED ? 5 : 0;
		nanosleep(&t, NULL);
	}
	return true;
}

/* `owner` is of the file's name: what is in the file the program may have written. */
static void ledger_settle(struct run_session *s, const char *path, int owner, int pid, int status)
{
	struct run_snapshot one;
	struct tide_error e = { 0 };
	struct ledger_header h;
	int signal = 0, code = -1;
	bool lives;

	if (!ledger_wait(path, owner, &h))
		return;
	/* What a collector still writes of it may be better than what we could. */
	lives = owner_lives(path, owner);
	if (!lives)
		session_lock_wait(s->folder, owner, WAIT_MS);
	if (h.state != LEDGER_EXECED && lives) {
		s->still_running++;
		return;
	}
	/* An image that exec has replaced has a successor with a ledger of its own; one that was
	 * killed before its start-up was finished has nothing to tell. */
	if (h.state == LEDGER_EXECED || !h.exe) {
		unlink(path);
		return;
	}
	if (owner == pid && WIFSIGNALED(status))
		signal = WTERMSIG(status);
	if (owner == pid && WIFEXITED(status))
		code = WEXITSTATUS(status);
	if (run_postmortem(path, signal, code, &one, &e)) {
		s->failed++;
		if (!*s->why.what)
			s->why = e;
		unlink(path);
		return;
	}
	snapshot_add(s, &one);
	unlink(path);
}

void run_session_end(struct run_session *s, int pid, int status)
{
	struct dirent *entry;
	char **paths = NULL;
	size_t n = 0;
	DIR *d;

	if (!s->folder)
		return;
	d = opendir(s->folder);
	while (d && (entry = readdir(d)))
		if (ledger_pid(entry->d_name)) {
			paths = memory_resize(paths, (n + 1) * sizeof(*paths));
			paths[n++] = memory_printf("%s/%s", s->folder, entry->d_name);
		}
	if (d)
		closedir(d);
	for (size_t i = 0; i < n; i++) {
		ledger_settle(s, paths[i], ledger_pid(strrchr(paths[i], '/') + 1), pid, status);
		free(paths[i]);
	}
	free(paths);
	/* Also those whose ledger is gone: nothing of ours is written after our end. */
	session_lock_wait(s->folder, 0, WAIT_MS);
	snapshots_read(s);
	if (!s->still_running)
		folder_remove(s->folder);
}

void run_session_free(struct run_session *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->snapshots[i].path);
	free(s->snapshots);
	free(s->folder);
	memset(s, 0, sizeof(*s));
}
