/* gate_run.c - see gate_run.h. */
#include "gate_run.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/proc_stat.h"

#define GRACE_MS 2000   /* between SIGTERM and SIGKILL after a time-out */
#define OUTLIVE_MS 1000 /* for processes that outlive the command */

/* The process group that a signal to us is passed on to. */
static volatile sig_atomic_t running_group;

static void pass_on(int signal)
{
	if (running_group)
		kill(-running_group, signal);
	_exit(128 + signal);
}

static uint64_t read_ms(void) { return clock_ns() / 1000000; }

/* A scenario's name as a file name. */
static char *make_file_name(const char *name)
{
	char *copy = alloc_string(name);

	for (char *p = copy; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_-", *p) && (*p != '.' || p == copy))
			*p = '_';
	return copy;
}

static bool is_snapshot(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && !strcmp(name + n - 5, ".tide");
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Deletes what an earlier run has left: it must not be judged. What another gate still judges stays (GR4). */
static void remove_old(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;

	if (d && flock(dirfd(d), LOCK_EX | LOCK_NB)) {
		closedir(d);
		return;
	}
	while (d && (entry = readdir(d)))
		if (is_snapshot(entry->d_name))
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
}

/* Moves a file; a file of that name stays, and ours gets a number. The new path, to free. */
static char *move_file(const char *from, const char *folder, const char *name)
{
	char *to = alloc_printf("%s/%s", folder, name);

	for (unsigned n = 2; n < 1000 && link(from, to) && errno == EEXIST; n++) {
		free(to);
		to = alloc_printf("%s/%.*s-%u.tide", folder, (int)(strlen(name) - 5), name, n);
	}
	/* Where there are no hard links, rename: the names hold the numbers of processes. */
	if (access(to, F_OK) && rename(from, to)) {
		free(to);
		return alloc_string(from);
	}
	unlink(from);
	return to;
}

/* Takes the snapshots out of the folder of this run into that of the scenario. */
static void keep_snapshots(struct gate_run *run, const char *work)
{
	DIR *d = opendir(work);
	struct dirent *entry;
	size_t capacity = 0;

	while (d && (entry = readdir(d))) {
		char *from;

		if (!is_snapshot(entry->d_name))
			continue;
		from = alloc_printf("%s/%s", work, entry->d_name);
		*ARRAY_ADD(run->snapshots, run->snapshot_count, capacity) =
			move_file(from, run->folder, entry->d_name);
		free(from);
	}
	if (d)
		closedir(d);
	if (run->snapshot_count)
		qsort(run->snapshots, run->snapshot_count, sizeof *run->snapshots, compare_names);
}

/* GR4: the folder of this run, and a lock on it for as long as the run is under way. */
static char *begin_work(const char *output, const char *name, int *lock, struct tide_error *e)
{
	char *work = alloc_printf("%s/.%s.XXXXXX", output, name);

	if (!mkdtemp(work)) {
		error_set(e, EXIT_UNMEASURED, "cannot make a folder in %s|%s|give another one with --output",
			output, strerror(errno));
		free(work);
		return NULL;
	}
	*lock = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*lock >= 0)
		flock(*lock, LOCK_EX | LOCK_NB);
	return work;
}

static void remove_work(const char *work)
{
	DIR *d = opendir(work);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(work);
}

/* Folders of runs that were killed: nothing holds their lock. */
static void remove_abandoned(const char *output, const char *name)
{
	char *prefix = alloc_printf(".%s.", name);
	DIR *d = opendir(output);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		char *path;
		struct stat st;
		int fd;

		if (strncmp(entry->d_name, prefix, strlen(prefix))
			|| strlen(entry->d_name) != strlen(prefix) + 6)
			continue;
		path = alloc_printf("%s/%s", output, entry->d_name);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* A new folder is locked a moment after it is made. */
		if (fd >= 0 && !fstat(fd, &st) && time(NULL) - st.st_mtime > 10
			&& !flock(fd, LOCK_EX | LOCK_NB))
			remove_work(path);
		if (fd >= 0)
			close(fd);
		free(path);
	}
	if (d)
		closedir(d);
	free(prefix);
}

static int make_folder(const char *path, struct tide_error *e)
{
	char *copy = alloc_string(path);
	int result = 0;

	for (char *p = copy + 1;; p++) {
		char c = *p;

		if (c != '/' && c)
			continue;
		*p = '\0';
		if (mkdir(copy, 0777) && errno != EEXIST)
			result = -1;
		*p = c;
		if (!c)
			break;
	}
	if (result)
		error_set(e, EXIT_UNMEASURED, "cannot make %s|%s|give another folder with --output", path,
			strerror(errno));
	free(copy);
	return result;
}

/* The child changes its folder. */
static char *make_absolute(const char *path)
{
	char *here, *result;

	if (*path == '/')
		return alloc_string(path);
	here = getcwd(NULL, 0);
	result = alloc_printf("%s/%s", here ? here : ".", path);
	free(here);
	return result;
}

/* In the child. */
static void exec_run(const struct gate_config *c, const struct gate_scenario *s, char *const *program,
	const char *pattern, const char *unseen, const char *log, bool quiet_stdout)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *shell[] = { "sh", "-c", s->command, NULL };
	char *const *what = program ? program : shell;
	size_t count = 0;
	char **argv;
	int fd;

	while (what[count])
		count++;
	argv = alloc_bytes((count + 14) * sizeof *argv);
	argv[0] = "tidemark", argv[1] = "run", argv[2] = "-q", argv[3] = "--stable", argv[4] = "-f";
	argv[5] = "-o", argv[6] = (char *)pattern, argv[7] = "--unseen", argv[8] = (char *)unseen,
	argv[9] = "--";
	memcpy(argv + 10, what, (count + 1) * sizeof *argv);
	if (s->rounds)
		setenv("TIDEMARK_ROUNDS", s->rounds, 1);
	else
		unsetenv("TIDEMARK_ROUNDS");
	if (log) {
		setpgid(0, 0);
		fd = open("/dev/null", O_RDONLY);
		if (fd >= 0)
			dup2(fd, 0);
		fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (fd < 0)
			goto failed;
		dup2(fd, 1);
		dup2(fd, 2);
		if (chdir(c->folder))
			goto failed;
	} else if (quiet_stdout) {
		dup2(2, 1);
	}
	if (n > 0) {
		self[n] = '\0';
		execv(self, argv);
	}
failed:
	fprintf(stderr, "tidemark: cannot run %s: %s\n", what[0], strerror(errno));
	_exit(125);
}

/* Waits to the end or the time-out. Returns whether the time was over. */
static bool wait_for(pid_t pid, bool group, uint64_t timeout_ms, int *status)
{
	uint64_t started = read_ms(), killed = 0;
	unsigned nap_us = 500;
	bool forced = false;

	if (!timeout_ms) {
		while (waitpid(pid, status, 0) < 0 && errno == EINTR)
			continue;
		return false;
	}
	for (;;) {
		pid_t got = waitpid(pid, status, WNOHANG);

		if (got == pid || (got < 0 && errno != EINTR))
			break;
		if (!killed && read_ms() - started >= timeout_ms) {
			kill(group ? -pid : pid, SIGTERM);
			killed = read_ms();
		} else if (killed && !forced && read_ms() - killed >= GRACE_MS) {
			kill(group ? -pid : pid, SIGKILL);
			forced = true;
		}
		usleep(nap_us);
		if (nap_us < 20000)
			nap_us *= 2;
	}
	/* `run` may have obeyed SIGTERM while others of its group ignored it. */
	if (killed && group)
		kill(-pid, SIGKILL);
	return killed != 0;
}

/* Processes of a group that still run. kill(0) would also count zombies, which stay where nothing reaps orphans. */
static unsigned count_running(pid_t group)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;
	unsigned count = 0;

	while (d && (entry = readdir(d))) {
		struct proc_stat stat;

		if (isdigit((unsigned char)*entry->d_name)
			&& proc_stat_read(atoi(entry->d_name), 0, &stat) == 1 && stat.group == group
			&& !proc_stat_dead(&stat))
			count++;
	}
	if (d)
		closedir(d);
	return count;
}

/* A process that outlives the command has left no snapshot yet: waits a moment, then says so. To free. */
static char *explain_unfinished(const struct gate_scenario *s, pid_t group)
{
	unsigned left = 0;

	for (int i = 0; i < OUTLIVE_MS / 50 && !s->exe; i++) {
		left = count_running(group);
		if (!left)
			break;
		usleep(50000);
	}
	return left ? alloc_printf("%u process%s the command started still run%s: let it wait for them, "
				   "or name the program that counts with exe =",
		       left, left == 1 ? "" : "es", left == 1 ? "s" : "")
		    : NULL;
}

static char *explain_status(const struct gate_scenario *s, int status, const char *log)
{
	const char *see = log ? "; see " : "", *where = log ? log : "";
	int code = WEXITSTATUS(status);

	if (WIFSIGNALED(status))
		return alloc_printf("the run was ended by signal %d (%s)%s%s", WTERMSIG(status),
			strsignal(WTERMSIG(status)), see, where);
	if (code == s->status)
		return NULL;
	if (code == 125)
		return alloc_printf("the run could not be made (status 125)%s%s", see, where);
	if (code == 126 || code == 127)
		return alloc_printf("the program %s (status %d)%s%s",
			code == 126 ? "cannot be executed" : "was not found", code, see, where);
	if (code > 128 && code < 128 + 65)
		return alloc_printf("the program was ended by signal %d (%s), status %ld is right%s%s",
			code - 128, strsignal(code - 128), s->status, see, where);
	return alloc_printf("exit status %d, %ld is right%s%s", code, s->status, see, where);
}

/* Runs it, with signals to us passed on. Returns whether the time was over. */
static bool run_child(const struct gate_config *c, const struct gate_scenario *s, char *const *program,
	const char *pattern, const char *unseen, const char *log, bool quiet_stdout, struct gate_run *run,
	int *status)
{
	struct sigaction act = { .sa_handler = pass_on }, old[3];
	static const int ends[3] = { SIGINT, SIGTERM, SIGHUP };
	bool late;

	fflush(NULL);
	run->pid = fork();
	if (run->pid < 0)
		return false;
	if (!run->pid)
		exec_run(c, s, program, pattern, unseen, log, quiet_stdout);
	if (log) {
		setpgid(run->pid, run->pid); /* in both processes: either may run first */
		running_group = run->pid;
	}
	for (int i = 0; i < 3; i++)
		sigaction(ends[i], &act, &old[i]);
	late = wait_for(run->pid, log != NULL, s->timeout_ms, status);
	for (int i = 0; i < 3; i++)
		sigaction(ends[i], &old[i], NULL);
	running_group = 0;
	return late;
}

/* The first line of a file, to free; NULL without one. */
static char *read_line(const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (!f)
		return NULL;
	if (getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
	} else {
		free(line);
		line = NULL;
	}
	fclose(f);
	return line;
}

int gate_run(const struct gate_config *c, const struct gate_scenario *s, char *const *program,
	const char *output, bool again, bool quiet_stdout, struct gate_run *run, struct tide_error *e)
{
	char *name = make_file_name(s->name), *work = NULL, *log = NULL, *folder = NULL, *pattern = NULL,
	     *unseen = NULL;
	uint64_t started = read_ms();
	int status = 0, result = -1, lock = -1;
	bool late;

	memset(run, 0, sizeof *run);
	run->lock = -1;
	run->folder = alloc_printf("%s/%s%s", output, name, again ? ".again" : "");
	if (make_folder(run->folder, e))
		goto out;
	remove_abandoned(output, name);
	work = begin_work(output, name, &lock, e);
	if (!work)
		goto out;
	remove_old(run->folder);
	folder = make_absolute(work);
	pattern = alloc_printf("%s/%%e.%%p.%%n.tide", folder);
	log = program ? NULL : alloc_printf("%s/log", folder);
	unseen = alloc_printf("%s/unseen", folder);
	late = run_child(c, s, program, pattern, unseen, log, quiet_stdout, run, &status);
	if (run->pid < 0) {
		error_set(e, EXIT_UNMEASURED, "cannot start a process|%s|", strerror(errno));
		goto out;
	}
	if (log) {
		run->log = alloc_printf("%s/%s%s.log", output, name, again ? ".again" : "");
		rename(log, run->log);
	}
	run->elapsed_ms = read_ms() - started;
	if (late)
		run->reason = alloc_printf("not done after %g s (timeout)%s%s", (double)s->timeout_ms / 1000,
			run->log ? "; see " : "", run->log ? run->log : "");
	else
		run->reason = explain_status(s, status, run->log);
	if (!run->reason && run->log)
		run->reason = explain_unfinished(s, run->pid);
	run->unseen = read_line(unseen);
	run->lock = open(run->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (run->lock >= 0)
		flock(run->lock, LOCK_SH);
	keep_snapshots(run, work);
	result = 0;
out:
	if (work)
		remove_work(work);
	if (lock >= 0)
		close(lock);
	free(name), free(work), free(folder), free(log), free(pattern), free(unseen);
	return result;
}

void gate_run_free(struct gate_run *run)
{
	for (size_t i = 0; i < run->snapshot_count; i++)
		free(run->snapshots[i]);
	if (run->lock > 0)
		close(run->lock);
	free(run->snapshots), free(run->folder), free(run->log), free(run->reason), free(run->unseen);
	memset(run, 0, sizeof *run);
}

char *gate_run_tail(const struct gate_run *run, unsigned lines)
{
	FILE *f = run->log ? fopen(run->log, "re") : NULL;
	char buffer[8192];
	long size, from;
	size_t n, begin;

	if (!f)
		return alloc_string("");
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	from = size > (long)sizeof buffer - 1 ? size - (long)(sizeof buffer - 1) : 0;
	fseek(f, from, SEEK_SET);
	n = fread(buffer, 1, sizeof buffer - 1, f);
	fclose(f);
	while (n && buffer[n - 1] == '\n')
		n--;
	buffer[n] = '\0';
	for (begin = n; begin; begin--)
		if (buffer[begin - 1] == '\n' && !--lines)
			break;
	return alloc_string(buffer + begin);
}
