/* snapshot_open.c - opens whatever a path names: a .tide file or a ledger. */
#include "ledger_open.h"
#include "snapshot_private.h"

int snapshot_open(const char *path, struct snapshot *s, struct tide_error *e)
{
	return ledger_is(path) ? ledger_open(path, s, e) : snapshot_read_file(path, s, e);
}
