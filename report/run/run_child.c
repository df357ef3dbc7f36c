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

static volatile sig_atomic_t child_pid;

/* A signal of the terminal (SI_KERNEL) has reached the program too, which is in our process group. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	int before = errno;

	(void)context;
	if (child_pid > 0 && info->si_code != SI_KERNEL)
		kill((pid_t)child_pid, number);
	errno = before;
}

static const int passed[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define PASSED (sizeof(passed) / sizeof(passed[0]))

static void set_handlers(struct sigaction *before)
{
	struct sigaction a = { .sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART };

	sigfillset(&a.sa_mask);
	for (size_t i = 0; i < PASSED; i++) {
		sigaction(passed[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(passed[i], &a, NULL);
	}
}

/* A process that ignores SIGCHLD gets no status of its children, and our caller may ignore it. */
static void heed_children(struct sigaction *before)
{
	struct sigaction usual = { .sa_handler = SIG_DFL };

	sigaction(SIGCHLD, &usual, before);
}

static void restore_handlers(const struct sigaction *before)
{
	for (size_t i = 0; i < PASSED; i++)
		sigaction(passed[i], &before[i], NULL);
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
	struct sigaction before[PASSED], child;
	sigset_t block, mask;
	int report[2], failed = 0, lost = 0;
	pid_t pid, got;

	if (pipe2(report, O_CLOEXEC))
		return error_set(e, RUN_FAILED, "cannot start %s|%s|", c->argv[0], strerror(errno));
	sigfillset(&block);
	sigprocmask(SIG_BLOCK, &block, &mask);
	set_handlers(before);
	heed_children(&child);
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		failed = errno;
		restore_handlers(before);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		close(report[0]);
		close(report[1]);
		return error_set(e, RUN_FAILED, "cannot start %s|%s|", c->argv[0], strerror(failed));
	}
	if (pid == 0) {
		restore_handlers(before);
		sigaction(SIGCHLD, &child, NULL);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		start_program(c, report[1]);
	}
	child_pid = c->pid = pid;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (c->started)
		c->started(c->context, pid);
	close(report[1]);
	while (read(report[0], &failed, sizeof(failed)) < 0 && errno == EINTR)
		;
	close(report[0]);
	while ((got = waitpid(pid, &c->status, 0)) < 0 && errno == EINTR)
		;
	if (got < 0)
		lost = errno;
	child_pid = 0;
	restore_handlers(before);
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
