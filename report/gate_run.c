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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "error.h"

#define GRACE_MS 2000		/* between SIGTERM and SIGKILL after a time-out */
#define OUTLIVE_MS 1000		/* for processes that outlive the command */

/* The process group to end when we are told to end. */
static volatile sig_atomic_t running_group;

static void pass_on(int signal)
{
	if (running_group)
		kill(-running_group, signal);
	_exit(128 + signal);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A scenario's name as a file name. */
static char *file_name(const char *name)
{
	char *copy = memory_string(name);

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

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lists the snapshots of a folder; deletes them instead when `list` is NULL. */
static void snapshots_of(const char *folder, struct gate_run *list)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	size_t room = 0;

	while (d && (entry = readdir(d))) {
		char *path;

		if (!is_snapshot(entry->d_name))
			continue;
		path = memory_printf("%s/%s", folder, entry->d_name);
		if (!list) {
			unlink(path);
			free(path);
			continue;
		}
		if (list->snapshot_count == room) {
			room = room ? 2 * room : 16;
			list->snapshots = memory_resize(list->snapshots, room * sizeof *list->snapshots);
		}
		list->snapshots[list->snapshot_count++] = path;
	}
	if (d)
		closedir(d);
	if (list && list->snapshot_count)
		qsort(list->snapshots, list->snapshot_count, sizeof *list->snapshots, by_name);
}

static int make_folder(const char *path, struct tide_error *e)
{
	char *copy = memory_string(path);
	int result = 0;

	for (char *p = copy + 1; ; p++) {
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
		error_set(e, EXIT_UNMEASURED, "cannot make %s|%s|give another folder with --output",
			path, strerror(errno));
	free(copy);
	return result;
}

/* The child changes its folder. */
static char *absolute(const char *path)
{
	char *here, *result;

	if (*path == '/')
		return memory_string(path);
	here = getcwd(NULL, 0);
	result = memory_printf("%s/%s", here ? here : ".", path);
	free(here);
	return result;
}

/* In the child. */
static void become(const struct gate_config *c, const struct gate_scenario *s, char *const *program,
	const char *pattern, const char *log, bool quiet_stdout)
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
	argv = memory_get((count + 12) * sizeof *argv);
	argv[0] = "tidemark", argv[1] = "run", argv[2] = "-q", argv[3] = "--stable", argv[4] = "-f";
	argv[5] = "-o", argv[6] = (char *)pattern, argv[7] = "--";
	memcpy(argv + 8, what, (count + 1) * sizeof *argv);
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
	uint64_t started = now_ms(), killed = 0;
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
		if (!killed && now_ms() - started >= timeout_ms) {
			kill(group ? -pid : pid, SIGTERM);
			killed = now_ms();
		} else if (killed && !forced && now_ms() - killed >= GRACE_MS) {
			kill(group ? -pid : pid, SIGKILL);
			forced = true;
		}
		usleep(nap_us);
		if (nap_us < 20000)
			nap_us *= 2;
	}
	/* Those that ignored SIGTERM while `run` obeyed it. */
	if (killed && group)
		kill(-pid, SIGKILL);
	return killed != 0;
}

/* Processes of a group that still run. Not kill(0): where nobody reaps orphans, zombies would count. */
static unsigned still_running(pid_t group)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;
	unsigned count = 0;

	while (d && (entry = readdir(d))) {
		char path[300], text[512], state;
		int parent, pgrp;
		const char *rest;
		FILE *f;

		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		text[fread(text, 1, sizeof text - 1, f)] = '\0';
		fclose(f);
		/* pid (name) state ppid pgrp: the name may hold anything, `)` too. */
		rest = strrchr(text, ')');
		if (rest && sscanf(rest + 1, " %c %d %d", &state, &parent, &pgrp) == 3 &&
		    pgrp == group && state != 'Z' && state != 'X')
			count++;
	}
	if (d)
		closedir(d);
	return count;
}

/* What a process that outlives the command loses is in no snapshot yet: waits a moment, then says so. */
static char *why_unfinished(const struct gate_scenario *s, pid_t group)
{
	unsigned left = 0;

	for (int i = 0; i < OUTLIVE_MS / 50 && !s->exe; i++) {
		left = still_running(group);
		if (!left)
			break;
		usleep(50000);
	}
	return left ? memory_printf("%u process%s the command started still run%s: let it wait for them, "
		"or name the program that counts with exe =", left, left == 1 ? "" : "es", left == 1 ? "s" : "") :
		NULL;
}

static char *why_wrong(const struct gate_scenario *s, int status, const char *log)
{
	const char *see = log ? "; see " : "", *where = log ? log : "";
	int code = WEXITSTATUS(status);

	if (WIFSIGNALED(status))
		return memory_printf("the run was ended by signal %d (%s)%s%s", WTERMSIG(status),
			strsignal(WTERMSIG(status)), see, where);
	if (code == s->status)
		return NULL;
	if (code == 125)
		return memory_printf("the run could not be made (status 125)%s%s", see, where);
	if (code == 126 || code == 127)
		return memory_printf("the program %s (status %d)%s%s",
			code == 126 ? "cannot be executed" : "was not found", code, see, where);
	if (code > 128 && code < 128 + 65)
		return memory_printf("the program was ended by signal %d (%s), status %ld is right%s%s", code - 128,
			strsignal(code - 128), s->status, see, where);
	return memory_printf("exit status %d, %ld is right%s%s", code, s->status, see, where);
}

int gate_run(const struct gate_config *c, const struct gate_scenario *s, char *const *program,
	const char *output, bool again, bool quiet_stdout, struct gate_run *run, struct tide_error *e)
{
	char *name = file_name(s->name), *folder = NULL, *log = NULL, *pattern = NULL;
	struct sigaction act = { .sa_handler = pass_on }, old[3];
	static const int ends[3] = { SIGINT, SIGTERM, SIGHUP };
	uint64_t started = now_ms();
	int status = 0, result = -1;
	bool late;

	memset(run, 0, sizeof *run);
	run->folder = memory_printf("%s/%s%s", output, name, again ? ".again" : "");
	if (!program)
		run->log = memory_printf("%s/%s%s.log", output, name, again ? ".again" : "");
	if (make_folder(run->folder, e))
		goto out;
	snapshots_of(run->folder, NULL);
	folder = absolute(run->folder);
	log = run->log ? absolute(run->log) : NULL;
	pattern = memory_printf("%s/%%e.%%p.%%n.tide", folder);
	fflush(NULL);
	run->pid = fork();
	if (run->pid < 0) {
		error_set(e, EXIT_UNMEASURED, "cannot start a process|%s|", strerror(errno));
		goto out;
	}
	if (!run->pid)
		become(c, s, program, pattern, log, quiet_stdout);
	if (run->log) {
		setpgid(run->pid, run->pid);	/* also here: whoever comes first */
		running_group = run->pid;
	}
	for (int i = 0; i < 3; i++)
		sigaction(ends[i], &act, &old[i]);
	late = wait_for(run->pid, run->log != NULL, s->timeout_ms, &status);
	for (int i = 0; i < 3; i++)
		sigaction(ends[i], &old[i], NULL);
	running_group = 0;
	run->elapsed_ms = now_ms() - started;
	if (late)
		run->reason = memory_printf("not done after %g s (timeout)%s%s", (double)s->timeout_ms / 1000,
			run->log ? "; see " : "", run->log ? run->log : "");
	else
		run->reason = why_wrong(s, status, run->log);
	if (!run->reason && run->log)
		run->reason = why_unfinished(s, run->pid);
	snapshots_of(run->folder, run);
	result = 0;
out:
	free(name), free(folder), free(log), free(pattern);
	return result;
}

void gate_run_free(struct gate_run *run)
{
	for (size_t i = 0; i < run->snapshot_count; i++)
		free(run->snapshots[i]);
	free(run->snapshots), free(run->folder), free(run->log), free(run->reason);
	memset(run, 0, sizeof *run);
}

char *gate_run_tail(const struct gate_run *run, unsigned lines)
{
	FILE *f = run->log ? fopen(run->log, "re") : NULL;
	char buffer[8192];
	long size, from;
	size_t n, begin;

	if (!f)
		return memory_string("");
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
	return memory_string(buffer + begin);
}
