/* run_child.c - starts the program, passes signals on and waits: run.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run.h"

static const int passed[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

/* The signals to wait for: SIGCHLD, and those to pass on. What we ignore, the program ignores, too. */
static void list_signals(sigset_t *set)
{
	struct sigaction now;

	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		if (!sigaction(passed[i], NULL, &now) && now.sa_handler != SIG_IGN)
			sigaddset(set, passed[i]);
}

/* Does this signal end the process, which neither catches, ignores nor blocks it? */
static bool would_end(pid_t pid, int number)
{
	static const char *const masks[] = { "SigBlk:", "SigIgn:", "SigCgt:" };
	char path[64], line[256];
	unsigned long long set;
	bool ends = true;
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		for (int i = 0; i < 3; i++)
			if (!strncmp(line, masks[i], 7) && sscanf(line + 7, "%llx", &set) == 1) {
				found++;
				ends = ends && !(set >> (number - 1) & 1);
			}
	if (f)
		fclose(f);
	return found == 3 && ends;
}

static void pass_on(const struct run_child *c, const siginfo_t *info)
{
	/* A signal of the terminal (SI_KERNEL) has reached the program too, which is in our process group. */
	if (info->si_signo == SIGCHLD || info->si_code == SI_KERNEL)
		return;
	if (c->ending && would_end(c->pid, info->si_signo))
		c->ending(c->context, c->pid);
	kill(c->pid, info->si_signo);
}

/* Passes signals on until the program has ended; an error number, or 0. */
static int wait_for_end(struct run_child *c, const sigset_t *set)
{
	static const struct timespec at_once = { 0 };
	siginfo_t info;
	pid_t got;

	while (!(got = waitpid(c->pid, &c->status, WNOHANG)) || (got < 0 && errno == EINTR))
		if (sigwaitinfo(set, &info) > 0)
			pass_on(c, &info);
	if (got < 0)
		return errno;
	/* Those that came while it was ending were meant for it. */
	while (sigtimedwait(set, &info, &at_once) > 0)
		;
	return 0;
}

/* A process that ignores SIGCHLD gets no status of its children, and our caller may ignore it. */
static void heed_children(struct sigaction *before)
{
	struct sigaction usual = { .sa_handler = SIG_DFL };

	sigaction(SIGCHLD, &usual, before);
}

static void __attribute__((noreturn)) start_program(const struct run_child *c, int report)
{
	char root[32];
	int failed;

	for (size_t i = 0; i < c->environment_count; i++)
		putenv(c->environment[i]);
	snprintf(root, sizeof(root), "TIDEMARK_ROOT=%d", (int)getpid());
	putenv(root);
	if (c->fixed_addresses) {
		int now = personality(0xffffffff);

		if (now != -1)
			personality((unsigned long)now | ADDR_NO_RANDOMIZE);
	}
	execvp(c->argv[0], c->argv);
	failed = errno;
	if (write(report, &failed, sizeof(failed)) < 0)
		_exit(RUN_FAILED);
	_exit(failed == ENOENT ? RUN_NOT_FOUND : RUN_CANNOT_EXECUTE);
}

int run_child(struct run_child *c, struct tide_error *e)
{
	struct sigaction child;
	sigset_t set, mask;
	int report[2], failed = 0, lost;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC))
		return error_set(e, RUN_FAILED, "cannot start %s|%s|", c->argv[0], strerror(errno));
	list_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &mask);
	heed_children(&child);
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		failed = errno;
		sigaction(SIGCHLD, &child, NULL);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		close(report[0]);
		close(report[1]);
		return error_set(e, RUN_FAILED, "cannot start %s|%s|", c->argv[0], strerror(failed));
	}
	if (pid == 0) {
		sigaction(SIGCHLD, &child, NULL);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		start_program(c, report[1]);
	}
	c->pid = pid;
	if (c->started)
		c->started(c->context, pid);
	close(report[1]);
	while (read(report[0], &failed, sizeof(failed)) < 0 && errno == EINTR)
		;
	close(report[0]);
	lost = wait_for_end(c, &set);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (lost)
		return error_set(e, RUN_FAILED, "cannot learn how %s ended|%s|", c->argv[0], strerror(lost));
	if (!failed)
		return 0;
	return error_set(e, failed == ENOENT ? RUN_NOT_FOUND : RUN_CANNOT_EXECUTE, "cannot start %s|%s|",
		c->argv[0], strerror(failed));
}

void run_child_free(struct run_child *c)
{
	for (size_t i = 0; i < c->environment_count; i++)
		free(c->environment[i]);
	free(c->environment);
	memset(c, 0, sizeof(*c));
}
