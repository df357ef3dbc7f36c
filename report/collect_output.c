/* collect_output.c - names of snapshots: collect_output.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "collect_output.h"

struct buffer { char *text; size_t used, room; };

static void add(struct buffer *b, const char *s)
{
	size_t bytes = strlen(s);

	while (b->used + bytes + 1 > b->room)
		b->text = memory_resize(b->text, b->room = b->room ? b->room * 2 : 256);
	memcpy(b->text + b->used, s, bytes + 1);
	b->used += bytes;
}

static void add_number(struct buffer *b, unsigned long n)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", n);
	add(b, text);
}

/* The last part of a path, without bytes that a terminal or a shell would take amiss. */
static void add_name(struct buffer *b, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name = memory_string(slash ? slash + 1 : path);

	for (char *p = name; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 127)
			*p = '_';
	add(b, *name ? name : "program");
	free(name);
}

static void add_time(struct buffer *b)
{
	char text[32];
	time_t now = time(NULL);
	struct tm t;

	localtime_r(&now, &t);
	strftime(text, sizeof(text), "%Y%m%d-%H%M%S", &t);
	add(b, text);
}

static char *expand(const char *pattern, const struct ledger_copy *c, uint32_t sequence)
{
	struct buffer b = { 0 };

	add(&b, "");
	for (const char *p = pattern; *p; p++) {
		char one[2] = { *p, 0 };

		if (*p != '%' || !p[1]) {
			add(&b, one);
			continue;
		}
		switch (*++p) {
		case 'e': add_name(&b, ledger_string(c, c->header.exe)); break;
		case 'p': add_number(&b, (unsigned long)c->header.pid); break;
		case 'n': add_number(&b, sequence); break;
		case 't': add_time(&b); break;
		case '%': add(&b, "%"); break;
		default:
			add(&b, "%");
			one[0] = *p;
			add(&b, one);
		}
	}
	return b.text;
}

static int has(const char *pattern, char what)
{
	for (const char *p = pattern; (p = strchr(p, '%')) && p[1]; p += 2)
		if (p[1] == what)
			return 1;
	return 0;
}

/* Puts `part` before the ending, also when there is none; takes `pattern`. */
static char *insert(char *pattern, const char *part)
{
	size_t bytes = strlen(pattern);
	size_t stem = bytes > 5 && !strcmp(pattern + bytes - 5, ".tide") ? bytes - 5 : bytes;
	char *longer = memory_printf("%.*s.%s%s", (int)stem, pattern, part, pattern + stem);

	free(pattern);
	return longer;
}

static int goes_on(uint32_t reason)
{
	switch (reason) {
	case REASON_EXIT: case REASON_ABORT: case REASON_SIGNAL: case REASON_POST_MORTEM:
		return 0;
	}
	return 1;
}

char *collect_output(const struct ledger_copy *c, uint32_t reason, uint32_t sequence)
{
	const char *given = ledger_string(c, c->header.output);
	const char *folder = ledger_string(c, c->header.directory);
	char *pattern = memory_string(*given ? given : OUTPUT_DEFAULT), *root, *path, *absolute;
	size_t bytes = strlen(pattern);
	struct stat st;

	if (pattern[bytes - 1] == '/' || (!stat(pattern, &st) && S_ISDIR(st.st_mode))) {
		char *inside = memory_printf("%s/%s", pattern, OUTPUT_DEFAULT);

		free(pattern);
		pattern = inside;
	}
	root = ledger_option(c, "ROOT");
	if (!has(pattern, 'p') && (root ? atoi(root) != c->header.pid : c->header.generation > 0))
		pattern = insert(pattern, "%p");
	if (!has(pattern, 'n') && goes_on(reason))
		pattern = insert(pattern, "%n");
	path = expand(pattern, c, sequence);
	free(pattern);
	free(root);
	if (*path == '/' || !*folder)
		return path;
	absolute = memory_printf("%s/%s", folder, path);
	free(path);
	return absolute;
}

static void line_write(const char *ledger, const char *line)
{
	const char *slash = strrchr(ledger, '/');	/* always there: paths of ledgers are absolute */
	char *list = memory_printf("%.*s/snapshots", slash ? (int)(slash - ledger) : 0, ledger);
	/* Not created: without the file nobody listens. One write: lines do not mix. */
	int fd = open(list, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0) {
		if (write(fd, line, strlen(line)) < 0)
			fprintf(stderr, "tidemark: cannot tell `run` of a snapshot\n");
		close(fd);
	}
	free(list);
}

void collect_announce(const char *ledger, int pid, uint32_t reason, int complete, const char *path)
{
	char *folder = *path == '/' ? memory_string("") : getcwd(NULL, 0);
	char *line = memory_printf("%d %u %d %s%s%s\n", pid, reason, complete, folder ? folder : "",
		folder && *folder ? "/" : "", path);

	line_write(ledger, line);
	free(folder);
	free(line);
}

void collect_announce_failure(const char *ledger, int pid, const struct tide_error *e)
{
	char *line = memory_printf("%d 0 -1 %s%s%s%s%s", pid, e->what, *e->why ? ": " : "", e->why,
		*e->hint ? "; " : "", e->hint);
	char *whole;

	line[strcspn(line, "\n")] = '\0';
	whole = memory_printf("%s\n", line);
	line_write(ledger, whole);
	free(whole);
	free(line);
}
