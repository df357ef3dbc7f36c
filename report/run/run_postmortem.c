/* run_postmortem.c - a snapshot of what a dead process has left: run.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "collect/collect_output.h"
#include "run.h"

int run_postmortem(const char *ledger, int pid, const struct collect_settings *settings, int signal,
	int exit_status, struct run_snapshot *out, struct tide_error *e)
{
	struct snapshot_writer *w;
	struct ledger_made made;
	struct ledger_copy c;
	char *path;
	int result;

	memset(out, 0, sizeof(*out));
	if (ledger_copy_file(&c, ledger, e)) {
		ledger_copy_free(&c);
		return -1;
	}
	c.header.pid = pid; /* the program could write any number there */
	w = snapshot_writer_new();
	ledger_sections(&c, w, &made);
	out->pid = pid;
	out->reason = signal ? REASON_SIGNAL : REASON_POST_MORTEM;
	made.process.reason = out->reason;
	made.process.exit_signal = (uint32_t)signal;
	made.process.exit_status = exit_status;
	made.process.sequence = c.header.request_serial + 1;
	ledger_sections_dead(&c, &made);
	made.process.incomplete_why = snapshot_writer_string(w,
		signal ? "the process was killed: no blocks and no references"
		       : "the process ended without a snapshot: no blocks and no references");
	ledger_sections_errors(&c, w, true);
	ledger_coverage(&c, w, NULL, 0);
	ledger_sections_finish(&made, w);
	path = collect_output(settings, &c, out->reason, made.process.sequence);
	if (settings->overwrite) {
		result = snapshot_writer_finish(w, path, e);
		out->path = result ? NULL : alloc_string(path);
	} else {
		out->path = snapshot_writer_finish_unused(w, path, e);
		result = out->path ? 0 : -1;
	}
	free(path);
	snapshot_writer_free(w);
	ledger_copy_free(&c);
	return result;
}
