/* run_session.c - the folder of ledgers of one run: run.h.
 *
 *   run        pid of the run, by which a folder in use is recognised
 *   snapshots  one line per snapshot written: PID REASON COMPLETE PATH
 *   unseen     one line per program that could not be followed: KIND PATH (shim/unseen.h)
 *   PID.N.ledger
 *   settled    ledgers of children that need no image: collect/settled.h
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
#include "base/alloc.h"
#include "base/array.h"
#include "model/format.h"
#include "model/ledger_open.h"
#include "process/process.h"
#include "run.h"
#include "collect/session_lock.h"
#include "collect/settled.h"

#define PREFIX "tidemark-run-"
#define WAIT_MS 600000 /* a snapshot of a huge heap takes its time */
#define UNSEEN_MOST 100
#define LAST_MS 10000 /* from the snapshot to the end of the process */

/* --- the folder -------------------------------------------------------------- */

static int make_file(const char *folder, const char *name, const char *text)
{
	char *path = alloc_printf("%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), result = 0;

	free(path);
	if (fd < 0)
		return -1;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		result = -1;
	close(fd);
	return result;
}

/* Opens a folder that is really one, and ours: its parent may be shared, and its name a link by now. */
static DIR *open_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	DIR *d = NULL;

	if (fd >= 0 && !fstat(fd, &st) && st.st_uid == geteuid())
		d = fdopendir(fd);
	if (!d && fd >= 0)
		close(fd);
	return d;
}

static void remove_folder(const char *folder)
{
	DIR *d = open_folder(folder);
	struct dirent *entry;

	if (!d)
		return;
	while ((entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	rmdir(folder);
}

static int parse_pid(const char *name)
{
	size_t bytes = strlen(name);

	return bytes > 7 && !strcmp(name + bytes - 7, ".ledger") ? atoi(name) : 0;
}

/* Whether a process has the ledger mapped; `otherwise` where that cannot be read. */
static bool maps_ledger(const char *pid, const struct stat *ledger, bool otherwise)
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

		mapped = sscanf(line, "%*s %*s %*s %x:%x %llu", &major, &minor, &inode) == 3
			&& inode == ledger->st_ino && makedev(major, minor) == ledger->st_dev;
	}
	fclose(f);
	return mapped;
}

/* Collectors have the ledger mapped too; they are waited for by their lock. */
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

/* The number in a ledger's name is that of its own PID namespace. In ours it may belong to an
 * unrelated process; the owner is then any of our processes that has the ledger mapped. */
static bool is_owner_alive(const char *path, int owner)
{
	struct dirent *entry;
	struct stat ledger;
	bool lives = false;
	char number[16];
	DIR *d;

	if (!process_lives(owner))
		return false;
	snprintf(number, sizeof(number), "%d", owner);
	/* Number 1 is an ancestor of ours here, never a descendant. */
	if (stat(path, &ledger) || maps_ledger(number, &ledger, owner != 1))
		return true;
	d = opendir("/proc");
	while (d && !lives && (entry = readdir(d))) {
		struct stat process;

		lives = *entry->d_name >= '1' && *entry->d_name <= '9'
			&& !fstatat(dirfd(d), entry->d_name, &process, 0) && process.st_uid == geteuid()
			&& maps_ledger(entry->d_name, &ledger, false) && !is_collector(entry->d_name);
	}
	if (d)
		closedir(d);
	return lives;
}

/* Whether a process still uses a folder that another run has left. */
static bool is_folder_used(const char *folder)
{
	char *path = alloc_printf("%s/run", folder);
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
	d = open_folder(folder);
	while (d && !used && (entry = readdir(d)))
		if (parse_pid(entry->d_name) > 0) {
			path = alloc_printf("%s/%s", folder, entry->d_name);
			used = is_owner_alive(path, parse_pid(entry->d_name));
			free(path);
		}
	if (d)
		closedir(d);
	return used;
}

static void remove_leftovers(const char *parent)
{
	DIR *d = opendir(parent);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char *folder;
		struct stat st;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			continue;
		folder = alloc_printf("%s/%s", parent, entry->d_name);
		if (!lstat(folder, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid()
			&& time(NULL) - st.st_mtime > 10 && !is_folder_used(folder))
			remove_folder(folder);
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
		remove_leftovers(parents[i]);
		folder = alloc_printf("%s/" PREFIX "XXXXXX", parents[i]);
		if (mkdtemp(folder)) {
			s->folder = folder;
			if (!make_file(folder, "run", pid) && !make_file(folder, "snapshots", "")
				&& !make_file(folder, "unseen", "") && !make_file(folder, SESSION_LOCK, "")) {
				(void)server_open(&s->server, folder);
				settled_open(folder);
				return 0;
			}
			remove_folder(folder);
			s->folder = NULL;
		}
		free(folder);
	}
	return error_set(e, RUN_FAILED, "no folder for the ledger|%s|set TMPDIR to one that can be written",
		strerror(errno));
}

/* --- what has been written --------------------------------------------------------- */

static void add_snapshot(struct run_session *s, const struct run_snapshot *one)
{
	*ARRAY_APPEND(s->snapshots, s->count) = *one;
}

static void read_snapshots(struct run_session *s)
{
	char *path = alloc_printf("%s/snapshots", s->folder), *line = NULL;
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
		/* What a process kept in front of a call that might have been its last: run_postmortem.c. */
		if (!strncmp(line + at, s->folder, strlen(s->folder)))
			continue;
		one.complete = complete;
		one.path = alloc_string(line + at);
		add_snapshot(s, &one);
	}
	free(line);
	if (f)
		fclose(f);
}

static void add_unseen(struct run_session *s, char *text)
{
	for (size_t i = 0; i < s->unseen_count; i++)
		if (!strcmp(s->unseen[i], text)) {
			free(text);
			return;
		}
	*ARRAY_APPEND(s->unseen, s->unseen_count) = text;
}

/* The programs of the run have written it: names are data, and there may be any number of lines. */
static void read_unseen(struct run_session *s)
{
	static const struct {
		const char *kind, *why;
	} known[] = {
		{ "static ", "statically linked" },
		{ "32-bit ", "a 32-bit program" },
		{ "privileged ", "started with more privileges than its caller has" },
		{ "environment ", "started with an environment that leaves the library out" },
	};
	char *path = alloc_printf("%s/unseen", s->folder), *line = NULL;
	FILE *f = fopen(path, "re");
	size_t room = 0;

	free(path);
	while (f && s->unseen_count < UNSEEN_MOST && getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			size_t n = strlen(known[i].kind);

			if (!strncmp(line, known[i].kind, n) && line[n])
				add_unseen(s, alloc_printf("%s (%s)", line + n, known[i].why));
		}
	}
	free(line);
	if (f)
		fclose(f);
}

/* --- what has been left ---------------------------------------------------------------- */

/* Waits while process `owner` is writing its snapshot. False when the ledger is gone, so nothing is left to do. */
static bool wait_for_ledger(const char *path, int owner, struct ledger_look *l)
{
	int finished = 0;

	if (!is_owner_alive(path, owner))
		return ledger_look(path, l) == 0;
	for (int ms = 0; ms < WAIT_MS && finished < LAST_MS; ms += 5) {
		struct timespec t = { 0, 5000000 };

		if (ledger_look(path, l))
			return false; /* gone: written */
		if (!process_lives(owner))
			return true;
		if (!l->exiting && !l->finished)
			return true;
		finished += l->finished ? 5 : 0;
		nanosleep(&t, NULL);
	}
	return true;
}

/* `owner` comes from the file's name: the program may have written anything into the file. */
static void settle_ledger(struct run_session *s, const char *path, int owner, int pid, int status)
{
	struct run_snapshot one;
	struct tide_error e = { 0 };
	struct ledger_look look;
	int signal = 0, code = -1;
	bool lives;

	if (!wait_for_ledger(path, owner, &look))
		return;
	/* A collector that is still at work writes more than we could. */
	lives = is_owner_alive(path, owner);
	if (!lives)
		session_lock_wait(s->folder, owner, WAIT_MS);
	if (!look.execed && lives) {
		s->still_running++;
		return;
	}
	/* A program that exec has replaced has a successor with a ledger of its own; one that was
	 * killed before its start-up was finished has recorded nothing. */
	if (look.execed || !look.started) {
		unlink(path);
		return;
	}
	if (owner == pid && WIFSIGNALED(status))
		signal = WTERMSIG(status);
	if (owner == pid && WIFEXITED(status))
		code = WEXITSTATUS(status);
	/* Written after all, by a collector that was waited for. */
	if (ledger_look(path, &look))
		return;
	if (run_postmortem(path, owner, &s->settings, signal, code, &one, &e)) {
		s->failed++;
		if (!*s->why.what)
			s->why = e;
		unlink(path);
		return;
	}
	add_snapshot(s, &one);
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
	d = open_folder(s->folder);
	while (d && (entry = readdir(d)))
		if (parse_pid(entry->d_name)) {
			*ARRAY_APPEND(paths, n) = alloc_printf("%s/%s", s->folder, entry->d_name);
		}
	if (d)
		closedir(d);
	for (size_t i = 0; i < n; i++) {
		settle_ledger(s, paths[i], parse_pid(strrchr(paths[i], '/') + 1), pid, status);
		free(paths[i]);
	}
	free(paths);
	/* Also those whose ledger is gone: nothing of ours is written after our end. */
	session_lock_wait(s->folder, 0, WAIT_MS);
	server_stop(&s->server);
	settled_end(s->folder, &s->settings);
	read_snapshots(s);
	read_unseen(s);
	if (!s->still_running)
		remove_folder(s->folder);
}

void run_session_free(struct run_session *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->snapshots[i].path);
	free(s->snapshots);
	for (size_t i = 0; i < s->unseen_count; i++)
		free(s->unseen[i]);
	free(s->unseen);
	free(s->folder);
	collect_settings_free(&s->settings);
	memset(s, 0, sizeof(*s));
}
