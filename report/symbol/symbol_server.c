/* symbol_server.c - whether debuginfod servers are asked for files that are not on this machine.
 *
 * They are not, unless a verb says so: reading a stranger's snapshot must not send its build ids
 * over the network. libdwfl asks whenever DEBUGINFOD_URLS is set and has no other switch. The
 * environment also belongs to programs that this process starts, so the variable is hidden only
 * while libdwfl looks for a file.
 */
#include <stdlib.h>
#include "base/alloc.h"
#include "base/clock.h"
#include "symbol_private.h"

#define VARIABLE "DEBUGINFOD_URLS"
#define PATIENCE_NS UINT64_C(10000000000)

static bool asked; /* servers are */

void symbol_module_ask_servers(void) { asked = true; }

char *symbol_server_hide(void)
{
	const char *urls = asked ? NULL : getenv(VARIABLE);
	char *hidden = urls ? alloc_string(urls) : NULL;

	if (hidden)
		unsetenv(VARIABLE);
	return hidden;
}

void symbol_server_restore(char *hidden)
{
	if (hidden)
		setenv(VARIABLE, hidden, 1);
	free(hidden);
}

void symbol_server_judge(struct symbol_module *m, uint64_t since_ns, bool found)
{
	if (!asked || found || clock_ns() - since_ns < PATIENCE_NS || !getenv(VARIABLE))
		return;
	asked = false;
	if (!m->warning)
		m->warning = alloc_printf(
			"the debuginfod server took too long for %s: it is not asked again", m->path);
}
