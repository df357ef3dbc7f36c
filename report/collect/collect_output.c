/* collect_output.c - names of snapshots: collect_output.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "collect.h"
#include "collect_output.h"
#include "process/process.h"

struct buffer {
	char *text;
	size_t used, room;
};

static void add_text(struct buffer *b, const char *s)
{
	size_t bytes = strlen(s);

	ARRAY_RESERVE(b->text, b->room, b->used + bytes + 1);
	memcpy(b->text + b->used, s, bytes + 1);
	b->used += bytes;
}

static void add_number(struct buffer *b, unsigned long n)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", n);
	add_text(b, text);
}

/* The last part of a path, without bytes that a terminal or a shell would interpret. */
static void add_name(struct buffer *b, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = alloc_string(slash ? slash + 1 : path);

	for (char *p = name; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 127)
			*p = '_';
	if (*name == '.') /* never "..", and no hidden file */
		*name = '_';
	add_text(b, *name ? name : "program");
	free(name);
}

static void add_time(struct buffer *b)
{
	char text[32];
	time_t now = time(NULL);
	struct tm t;

	localtime_r(&now, &t);
	strftime(text, sizeof(text), "%Y%m%d-%H%M%S", &t);
	add_text(b, text);
}

static char *expand_pattern(const char *pattern, const struct ledger_copy *c, uint32_t sequence)
{
	struct buffer b = { 0 };

	add_text(&b, "");
	for (const char *p = pattern; *p; p++) {
		char one[2] = { *p, 0 };

		if (*p != '%' || !p[1]) {
			add_text(&b, one);
			continue;
		}
		switch (*++p) {
		case 'e': add_name(&b, ledger_string(c, c->header.exe)); break;
		case 'p': add_number(&b, (unsigned long)c->header.pid); break;
		case 'n':
			if (strchr(p, '/'))
				add_text(&b, "%n");
			else
				add_number(&b, sequence);
			break;
		case 't': add_time(&b); break;
		case '%': add_text(&b, "%"); break;
		default:
			add_text(&b, "%");
			one[0] = *p;
			add_text(&b, one);
		}
	}
	return b.text;
}

static int has_place(const char *pattern, char what)
{
	for (const char *p = pattern; (p = strchr(p, '%')) && p[1]; p += 2)
		if (p[1] == what && !(what == 'n' && strchr(p, '/')))
			return 1;
	return 0;
}

/* Puts `part` before the ending, or at the end when there is no ending; takes `pattern`. */
static char *insert_number(char *pattern, const char *part)
{
	size_t bytes = strlen(pattern);
	size_t stem = bytes > 5 && !strcmp(pattern + bytes - 5, ".tide") ? bytes - 5 : bytes;
	char *longer = alloc_printf("%.*s.%s%s", (int)stem, pattern, part, pattern + stem);

	free(pattern);
	return longer;
}

static int is_continuing(uint32_t reason)
{
	switch (reason) {
	case REASON_EXIT:
	case REASON_ABORT:
	case REASON_SIGNAL:
	case REASON_POST_MORTEM: return 0;
	}
	return 1;
}

void collect_settings_of(struct collect_settings *s, const struct ledger_copy *c)
{
	char *overwrite = ledger_option(c, "OVERWRITE"), *root = ledger_option(c, "ROOT");

	*s = (struct collect_settings){
		.pattern = alloc_string(ledger_string(c, c->header.output)),
		.folder = alloc_string(ledger_string(c, c->header.directory)),
		.overwrite = overwrite && *overwrite && strcmp(overwrite, "0"),
		.root = root ? atoi(root) : 0,
	};
	free(overwrite);
	free(root);
}

void collect_settings_free(struct collect_settings *s)
{
	free(s->pattern);
	free(s->folder);
	free(s->every);
	free(s->when);
	*s = (struct collect_settings){ 0 };
}

char *collect_output(
	const struct collect_settings *s, const struct ledger_copy *c, uint32_t reason, uint32_t sequence)
{
	char *pattern = alloc_string(*s->pattern ? s->pattern : OUTPUT_DEFAULT), *path, *absolute;
	size_t bytes = strlen(pattern);
	struct stat st;

	if (pattern[bytes - 1] == '/' || (!stat(pattern, &st) && S_ISDIR(st.st_mode))) {
		char *inside = alloc_printf("%s/%s", pattern, OUTPUT_DEFAULT);

		free(pattern);
		pattern = inside;
	}
	if (!has_place(pattern, 'p') && (s->root ? s->root != c->header.pid : c->header.generation > 0))
		pattern = insert_number(pattern, "%p");
	if (!has_place(pattern, 'n') && is_continuing(reason))
		pattern = insert_number(pattern, "%n");
	/* An early snapshot (collect_kept.h) has the name. */
	if (c->header.kept[0] && !is_continuing(reason))
		pattern = insert_number(pattern, "end");
	path = expand_pattern(pattern, c, sequence);
	free(pattern);
	if (*path == '/' || !*s->folder)
		return path;
	absolute = alloc_printf("%s/%s", s->folder, path);
	free(path);
	return absolute;
}

static void write_line(const char *ledger, const char *line)
{
	const char *slash = strrchr(ledger, '/'); /* always there: paths of ledgers are absolute */
	char *list = alloc_printf("%.*s/snapshots", slash ? (int)(slash - ledger) : 0, ledger);
	/* Not created: without the file no process listens. A single write keeps lines apart. */
	int fd = open(list, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0) {
		if (write(fd, line, strlen(line)) < 0)
			fprintf(stderr, "tidemark: cannot tell `run` of a snapshot\n");
		close(fd);
	}
	free(list);
}

int collect_output_check(
	const struct collect *r, const struct ledger_map *map, bool *foreign, struct tide_error *e)
{
	int pid = r->pid ? r->pid : map->header->pid;

	*foreign = (r->outside || r->served) && (map->owner != geteuid() || !process_ours(pid));
	if (!*foreign || r->output || r->settings)
		return 0;
	return error_set(e, EXIT_USAGE,
		"the snapshot needs a name|the process is another user's, whose choice "
		"of a file is not followed|give one with -o FILE");
}

int collect_output_write(
	struct collect *r, const struct ledger_copy *c, struct snapshot_writer *w, struct tide_error *e)
{
	struct collect_settings own = { 0 };
	const struct collect_settings *settings = r->settings;
	char *path;

	if (!settings) {
		collect_settings_of(&own, c);
		settings = &own;
	}
	path = r->output ? alloc_string(r->output) : collect_output(settings, c, r->reason, r->serial);
	if (r->output || r->overwrite || settings->overwrite) {
		r->written = snapshot_writer_finish(w, path, e) ? NULL : alloc_string(path);
	} else {
		r->written = snapshot_writer_finish_unused(w, path, e);
	}
	free(path);
	collect_settings_free(&own);
	return r->written ? 0 : -1;
}

void collect_announce(const char *ledger, int pid, uint32_t reason, int complete, const char *path)
{
	char *folder = *path == '/' ? alloc_string("") : getcwd(NULL, 0);
	char *line = alloc_printf("%d %u %d %s%s%s\n", pid, reason, complete, folder ? folder : "",
		folder && *folder ? "/" : "", path);

	write_line(ledger, line);
	free(folder);
	free(line);
}

void collect_announce_failure(const char *ledger, int pid, const struct tide_error *e)
{
	char *line = alloc_printf("%d 0 -1 %s%s%s%s%s", pid, e->what, *e->why ? ": " : "", e->why,
		*e->hint ? "; " : "", e->hint);
	char *whole;

	line[strcspn(line, "\n")] = '\0';
	whole = alloc_printf("%s\n", line);
	write_line(ledger, whole);
	free(whole);
	free(line);
}
