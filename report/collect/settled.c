/* settled.c - see settled.h. */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/error.h"
#include "collect.h"
#include "ledger_find.h"
#include "model/ledger.h"
#include "settled.h"
#include "shim/server.h"

#define SETTLED_MOST 256u
#define LOOK_MS 100 /* where the kernel does not say that a ledger has come */
#define ENDS 8      /* tries to remove the folder while the last children end */

static char *folder_of(const char *session) { return alloc_printf("%s/" SERVER_SETTLED, session); }

/* Its name while it is closed for a while (SG1). */
static char *closed_folder(const char *session)
{
	return alloc_printf("%s/" SERVER_SETTLED ".full", session);
}

void settled_open(const char *session)
{
	char *folder = folder_of(session);

	mkdir(folder, 0700);
	free(folder);
}

int settled_write(struct collect *r, struct ledger_copy *c, struct snapshot_writer *w, struct tide_error *e)
{
	struct ledger_made made;

	ledger_sections(c, w, &made);
	made.process.reason = REASON_EXIT;
	made.process.sequence = r->serial;
	made.process.references = made.process.complete = 1;
	made.process.flags |= PROCESS_SETTLED;
	ledger_sections_dead(c, &made);
	ledger_sections_errors(c, w, false);
	ledger_coverage(c, w, NULL, 0);
	ledger_sections_finish(&made, w);
	return collect_output_write(r, c, w, e);
}

/* `ledger` is where it was before it was moved: the name of the session's folder is taken from it. */
static void take_one(const char *path, const char *ledger, const struct collect_settings *settings)
{
	struct collect r = { .ledger = ledger,
		.pid = atoi(strrchr(path, '/') + 1),
		.settings = settings,
		.reason = REASON_EXIT,
		.serial = 1 };
	struct tide_error e = { 0 };
	struct ledger_copy c;
	int result = ledger_copy_file(&c, path, &e);

	if (!result) {
		struct snapshot_writer *w = snapshot_writer_new();

		c.header.pid = r.pid;
		c.header.kept[0] = '\0';
		result = settled_write(&r, &c, w, &e);
		snapshot_writer_free(w);
	}
	ledger_copy_free(&c);
	if (result)
		collect_announce_failure(ledger, r.pid, &e);
	else
		collect_announce(ledger, r.pid, r.reason, 1, r.written);
	free(r.written);
	unlink(path);
}

/* Takes up to `most` ledgers of a folder; how many there were. */
static unsigned take_some(
	const char *folder, const char *session, const struct collect_settings *settings, unsigned most)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	unsigned count = 0;

	while (d && count < most && (entry = readdir(d)))
		if (ledger_find_is_name(entry->d_name)) {
			char *path = alloc_printf("%s/%s", folder, entry->d_name);
			char *ledger = alloc_printf("%s/%s", session, entry->d_name);

			take_one(path, ledger, settings);
			free(path);
			free(ledger);
			count++;
		}
	if (d)
		closedir(d);
	return count;
}

static unsigned take_all(const char *session, const struct collect_settings *settings)
{
	char *folder = folder_of(session), *closed = closed_folder(session);
	unsigned count = take_some(folder, session, settings, SETTLED_MOST);

	if (count == SETTLED_MOST && !rename(folder, closed)) {
		count += take_some(closed, session, settings, ~0u);
		rename(closed, folder);
	}
	free(folder);
	free(closed);
	return count;
}

void settled_run(const char *session, const struct collect_settings *settings, int control)
{
	char *folder = folder_of(session), events[4096];
	int notice = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct pollfd p[2] = { { .fd = control, .events = POLLIN }, { .fd = notice, .events = POLLIN } };
	bool ends = false;

	if (notice >= 0 && inotify_add_watch(notice, folder, IN_MOVED_TO) < 0)
		p[1].fd = -1;
	while (take_all(session, settings) || !ends) {
		poll(p, 2, ends ? 0 : p[1].fd < 0 ? LOOK_MS : -1);
		ends = p[0].revents & (POLLIN | POLLHUP);
		while (notice >= 0 && read(notice, events, sizeof(events)) > 0)
			;
	}
	if (notice >= 0)
		close(notice);
	free(folder);
}

void settled_end(const char *session, const struct collect_settings *settings)
{
	char *folder = folder_of(session), *closed = closed_folder(session);

	rename(closed, folder);
	for (unsigned i = 0; i < ENDS; i++) {
		take_some(folder, session, settings, ~0u);
		if (!rmdir(folder) || access(folder, F_OK))
			break;
	}
	free(folder);
	free(closed);
}
