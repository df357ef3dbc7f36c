/* ledger_find.c - the ledger of a running process: ledger_find.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/alloc.h"
#include "ledger_find.h"
#include "process/remote.h"

bool ledger_find_is_name(const char *name)
{
	size_t digits = strspn(name, "0123456789"), more;

	if (!digits || name[digits] != '.')
		return false;
	more = strspn(name + digits + 1, "0123456789");
	return more && !strcmp(name + digits + 1 + more, ".ledger");
}

/* The ledger is mapped in the process: its mappings say where the file is. */
char *ledger_find(int pid, struct tide_error *e)
{
	struct remote m;
	char *path = NULL;

	if (remote_open(&m, pid, e))
		return NULL;
	for (size_t i = 0; i < m.mapping_count && !path; i++) {
		const char *p = m.mappings[i].path;
		size_t n = strlen(p);

		if (!m.mappings[i].shared || n < 8 || strcmp(p + n - 7, ".ledger"))
			continue;
		path = alloc_string(p);
		if (access(path, R_OK)) { /* it may live under another root */
			free(path);
			path = alloc_printf("/proc/%d/root%s", pid, p);
		}
	}
	remote_close(&m);
	if (!path)
		error_set(e, EXIT_UNMEASURED,
			"process %d is not profiled|the library is not loaded in it, or keeps its "
			"tables to itself|start it with 'tidemark run'",
			pid);
	return path;
}
