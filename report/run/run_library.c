/* run_library.c - finds the library that belongs to this command: run.h. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/alloc.h"
#include "run.h"

char *run_command(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	return alloc_string(path);
}

char *run_library(void)
{
	static const char *const beside[] = { "", "../lib/tidemark/", "../lib/", "../lib64/tidemark/",
		"../lib64/", "../lib/x86_64-linux-gnu/tidemark/", "../lib/x86_64-linux-gnu/" };
	char *command = run_command(), *slash = command ? strrchr(command, '/') : NULL;
	char *found = NULL;

	for (size_t i = 0; slash && !found && i < sizeof(beside) / sizeof(beside[0]); i++) {
		char *path =
			alloc_printf("%.*s/%slibtidemark.so", (int)(slash - command), command, beside[i]);

		/* The loader splits LD_PRELOAD at colons and spaces, and has no escape for them. */
		found = access(path, R_OK) ? NULL : realpath(path, NULL);
		free(path);
	}
	free(command);
	return found;
}

bool run_collector_named(void)
{
	const char *named = getenv("TIDEMARK_COLLECTOR");

	return named && *named && !getenv("TIDEMARK_SESSION");
}
