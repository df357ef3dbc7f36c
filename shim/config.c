/* config.c - see config.h. */
#include "config.h"
#include "state.h"
#include "text.h"

struct config config;

static void copy(char *to, size_t bytes, const char *from)
{
	char *at = to;
	text_append(&at, to + bytes, from);
}

static void setting(const char *line)
{
	const char *v;
	if ((v = text_after(line, "DEPTH="))) {
		uint64_t n = text_number(v);
		if (n)
			config.depth = n < WALK_DEPTH_MAX ? (uint32_t)n : WALK_DEPTH_MAX;
	} else if ((v = text_after(line, "SAMPLE="))) {
		config.sample = text_number(v);
	} else if ((v = text_after(line, "REFERENCES="))) {
		config.references = !text_equal(v, "0");
	} else if ((v = text_after(line, "SESSION="))) {
		copy(config.session, sizeof config.session, v);
	} else if ((v = text_after(line, "COLLECTOR="))) {
		copy(config.collector, sizeof config.collector, v);
	} else if ((v = text_after(line, "CHILDREN="))) {
		copy(config.children, sizeof config.children, v);
	} else if ((v = text_after(line, "ROOT="))) {
		config.root = (int32_t)text_number(v);
	} else if ((v = text_after(line, "OUTPUT="))) {
		copy(config.output, sizeof config.output, v);
	} else if ((v = text_after(line, "ROUNDS="))) {
		copy(config.rounds, sizeof config.rounds, v);
	} else if ((v = text_after(line, "EVERY=")) || (v = text_after(line, "WHEN="))) {
		config.watch = config.watch || *v;
	} else if ((v = text_after(line, "VERBOSE="))) {
		config.verbose = !text_equal(v, "0") && *v;
	} else if ((v = text_after(line, "AT_EXEC="))) {
		config.at_exec = !text_equal(v, "0") && *v;
	} else if ((v = text_after(line, "STOPPED="))) {
		config.start_stopped = !text_equal(v, "0") && *v;
	} else if ((v = text_after(line, "WIPE="))) {
		config.wipe = !text_equal(v, "0") && *v;
	} else if ((v = text_after(line, "ORACLE="))) {
		copy(config.oracle, sizeof config.oracle, v);
	}
}

void config_read(char *const *environment)
{
	char *at = config.everything, *end = config.everything + sizeof config.everything;
	config.depth = 64;
	config.references = true;
	for (; environment && *environment; environment++) {
		const char *line = text_after(*environment, "TIDEMARK_");
		if (!line)
			continue;
		setting(line);
		text_append(&at, end, *environment);
		text_append(&at, end, "\n");
	}
}

bool config_follows(const char *exe)
{
	const char *name = exe, *list = config.children;
	if (!*list || text_equal(list, "all"))
		return true;
	if (text_equal(list, "none"))
		return false;
	for (const char *s = exe; *s; s++)
		if (*s == '/')
			name = s + 1;
	while (*list) {
		const char *rest = text_after(list, name);
		if (rest && (*rest == 0 || *rest == ','))
			return true;
		while (*list && *list++ != ',')
			;
	}
	return false;
}
