/* config.c - see config.h. */
#include "config.h"
#include "state.h"
#include "text.h"

struct config config;

static void copy_text(char *to, size_t bytes, const char *from)
{
	char *at = to;
	text_append(&at, to + bytes, from);
}

static const struct {
	const char *name;
	char *to;
	size_t bytes;
} texts[] = {
	{ "SESSION=", config.session, sizeof(config.session) },
	{ "COLLECTOR=", config.collector, sizeof(config.collector) },
	{ "CHILDREN=", config.children, sizeof(config.children) },
	{ "OUTPUT=", config.output, sizeof(config.output) },
	{ "ROUNDS=", config.rounds, sizeof(config.rounds) },
	{ "ORACLE=", config.oracle, sizeof(config.oracle) },
};

static const struct {
	const char *name;
	bool *to;
} switches[] = {
	{ "VERBOSE=", &config.verbose },
	{ "AT_EXEC=", &config.at_exec },
	{ "STOPPED=", &config.start_stopped },
	{ "WIPE=", &config.wipe },
	{ "NO_COMMAND_LINE=", &config.no_command_line },
};

/* `line`: NAME=VALUE, without TIDEMARK_. */
static void read_setting(const char *line)
{
	const char *v;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if ((v = text_after(line, texts[i].name)))
			copy_text(texts[i].to, texts[i].bytes, v);
	for (unsigned i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if ((v = text_after(line, switches[i].name)))
			*switches[i].to = *v && !text_equal(v, "0");
	if ((v = text_after(line, "DEPTH="))) {
		uint64_t n = text_number(v);
		if (n)
			config.depth = n < WALK_DEPTH_MAX ? (uint32_t)n : WALK_DEPTH_MAX;
	} else if ((v = text_after(line, "SITES="))) {
		config.sites = text_number(v);
	} else if ((v = text_after(line, "SAMPLE="))) {
		config.sample = text_number(v);
	} else if ((v = text_after(line, "REFERENCES="))) {
		config.references = !text_equal(v, "0");
	} else if ((v = text_after(line, "PYTHON_OBJECTS="))) {
		config.python_objects = !text_equal(v, "no") && !text_equal(v, "0");
	} else if ((v = text_after(line, "ROOT="))) {
		config.root = (int32_t)text_number(v);
	} else if ((v = text_after(line, "EVERY=")) || (v = text_after(line, "WHEN="))) {
		config.watch = config.watch || *v;
	}
}

void config_read(char *const *environment)
{
	char *at = config.everything, *end = config.everything + sizeof config.everything;
	config.depth = 64;
	config.sites = CONFIG_SITES_BY_PROGRAM;
	config.references = true;
	config.python_objects = true;
	for (; environment && *environment; environment++) {
		const char *line = text_after(*environment, "TIDEMARK_");
		if (!line)
			continue;
		read_setting(line);
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
