/* run_postmortem.c - a snapshot of what a dead process has left: run.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "collect/collect_kept.h"
#include "collect/collect_output.h"
#include "run.h"

/* Is one of the errors in the ledger what the process died in? */
static bool died_in_call(const struct ledger_copy *c)
{
	const struct ledger_error *e = c->table[LEDGER_ERRORS];

	for (uint64_t i = 0; i < c->count[LEDGER_ERRORS]; i++)
		if (e[i].count && e[i].flags & LEDGER_ERROR_INSIDE && !(e[i].flags & LEDGER_ERROR_UNSURE))
			return true;
	return false;
}

/* The snapshot that the process took in front of the call it died in, with how it died: into `w`.
 * -1: there is none. */
static int copy_last(struct snapshot_writer *w, struct snapshot *last, const struct ledger_copy *c,
	const char *ledger, int signal, int exit_status)
{
	char *path = alloc_printf(
		"%.*s/%d" LEDGER_LAST_SUFFIX, (int)(strrchr(ledger, '/') - ledger), ledger, c->header.pid);
	struct tide_error ignored = { 0 };
	struct tide_process p;
	int result = -1;

	if (died_in_call(c) && !snapshot_open(path, last, &ignored)) {
		if (!last->damaged && last->process->pid == c->header.pid
			&& !snapshot_writer_copy(w, last, 1ull << SECTION_PROCESS, &ignored)) {
			p = *last->process;
			p.reason = signal ? REASON_SIGNAL : REASON_POST_MORTEM;
			p.exit_signal = (uint32_t)signal;
			p.exit_status = exit_status;
			p.sequence = c->header.request_serial;
			snapshot_writer_section(w, SECTION_PROCESS, sizeof(p), &p, 1, SNAPSHOT_COPY);
			result = 0;
		} else {
			snapshot_close(last);
		}
	}
	free(path);
	return result;
}

static void copy_ledger(struct snapshot_writer *w, struct ledger_copy *c, int signal, int exit_status)
{
	struct ledger_made made;

	ledger_sections(c, w, &made);
	made.process.reason = signal ? REASON_SIGNAL : REASON_POST_MORTEM;
	made.process.exit_signal = (uint32_t)signal;
	made.process.exit_status = exit_status;
	made.process.sequence = c->header.request_serial + 1;
	ledger_sections_dead(c, &made);
	made.process.incomplete_why = snapshot_writer_string(w,
		signal ? "the process was killed: no blocks and no references"
		       : "the process ended without a snapshot: no blocks and no references");
	ledger_sections_errors(c, w, true);
	ledger_coverage(c, w, NULL, 0);
	ledger_sections_finish(&made, w);
}

/* The process died after its early snapshot: that one says so. */
static bool finish_early(struct run_snapshot *out, const struct ledger_copy *c, int signal, int exit_status)
{
	struct tide_process p;
	struct snapshot s;

	if (!collect_kept_open(&s, c))
		return false;
	p = *s.process;
	p.reason = out->reason;
	p.exit_signal = (uint32_t)signal;
	p.exit_status = exit_status;
	out->complete = p.complete;
	out->path = collect_kept_write(&s, &p);
	snapshot_close(&s);
	return out->path;
}

int run_postmortem(const char *ledger, int pid, const struct collect_settings *settings, int signal,
	int exit_status, struct run_snapshot *out, struct tide_error *e)
{
	struct snapshot last = { 0 };
	struct snapshot_writer *w;
	struct ledger_copy c;
	char *path;
	int result;

	memset(out, 0, sizeof(*out));
	if (ledger_copy_file(&c, ledger, e)) {
		ledger_copy_free(&c);
		return -1;
	}
	c.header.pid = pid; /* the program could write any number there */
	out->pid = pid;
	out->reason = signal ? REASON_SIGNAL : REASON_POST_MORTEM;
	if (finish_early(out, &c, signal, exit_status)) {
		ledger_copy_free(&c);
		return 0;
	}
	w = snapshot_writer_new();
	out->complete = !copy_last(w, &last, &c, ledger, signal, exit_status);
	if (!out->complete)
		copy_ledger(w, &c, signal, exit_status);
	path = collect_output(settings, &c, out->reason, c.header.request_serial + !out->complete);
	if (settings->overwrite) {
		result = snapshot_writer_finish(w, path, e);
		out->path = result ? NULL : alloc_string(path);
	} else {
		out->path = snapshot_writer_finish_unused(w, path, e);
		result = out->path ? 0 : -1;
	}
	free(path);
	snapshot_writer_free(w);
	if (out->complete)
		snapshot_close(&last);
	ledger_copy_free(&c);
	return result;
}
