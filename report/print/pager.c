/* pager.c - see pager.h. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <stdio.h>
#include "pager.h"

int pager_show(const char *text, size_t bytes)
{
	const char *command = getenv("PAGER");
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	FILE *pipe;
	int status;

	if (!command)
		command = "less -FRX";
	if (!*command || !strcmp(command, "cat"))
		return -1;
	setenv("LESS", "FRX", 0);
	fflush(stdout);
	sigaction(SIGPIPE, &ignore, &before);
	pipe = popen(command, "w");
	if (pipe) {
		fwrite(text, 1, bytes, pipe);
		status = pclose(pipe);
	}
	sigaction(SIGPIPE, &before, NULL);
	/* 126, 127: the shell could not run it. */
	return !pipe || status < 0 || (WIFEXITED(status) && WEXITSTATUS(status) >= 126) ? -1 : 0;
}
