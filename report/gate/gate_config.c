/* gate_config.c - see gate_config.h. */
#include "base/alloc.h"
#include "base/array.h"
#include "gate_config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/ini.h"
#include "gate_value.h"
#include "base/units.h"

const char *const gate_limit_name[GATE_LIMIT_KEYS] = { "leaked", "growth", "live", "peak", "missed", "blind",
	"errors", "rss", "waste", "pinned", "refleaks" };

static const char known_sections[] =
	"[scenario NAME], [limits], [limits NAME], [site NAME] and [suppress NAME] are known";

enum section { IN_NOTHING, IN_SCENARIO, IN_LIMITS, IN_SITE, IN_SUPPRESS };

/* The section that is being read. Indices, since the arrays move. */
struct parser {
	struct gate_config *c;
	enum section section;
	size_t index;   /* of the scenario, own limits, site or suppression */
	int common;     /* [limits] without a name */
	char seen[512]; /* keys of this section: ",command,exe," */
};

/* Adds a zeroed element; yields a pointer to it. */
#define APPEND(array, count, capacity)                                                                       \
	({                                                                                                   \
		__typeof__(array) append_new = ARRAY_ADD((array), (count), (capacity));                      \
                                                                                                             \
		memset(append_new, 0, sizeof *append_new);                                                   \
		append_new;                                                                                  \
	})

static void free_limits(struct gate_limits *l)
{
	for (int k = 0; k < GATE_LIMIT_KEYS; k++)
		free(l->of[k].text);
}

/* Fills what is not set in *to from *from. */
static void inherit_limits(struct gate_limits *to, const struct gate_limits *from)
{
	for (int k = 0; k < GATE_LIMIT_KEYS; k++) {
		if (to->of[k].kind != LIMIT_UNSET || from->of[k].kind == LIMIT_UNSET)
			continue;
		to->of[k] = from->of[k];
		to->of[k].text = alloc_string(from->of[k].text);
	}
}

static void set_default_limits(struct gate_limits *to)
{
	static const char *const text[GATE_LIMIT_KEYS] = { "0", "0", "off", "off", "0.1%", "deny", "0", "off",
		"off", "off", "off" };

	for (int k = 0; k < GATE_LIMIT_KEYS; k++)
		if (to->of[k].kind == LIMIT_UNSET)
			gate_parse_limit(k, text[k], &to->of[k]);
}

static int reject_line(
	struct tide_error *e, const struct ini_line *l, const char *what, const char *why, const char *hint)
{
	return ini_error(e, l->path, l->line, what, why, hint);
}

static int reject_value(
	struct tide_error *e, const struct ini_line *l, const char *value, const char *expected)
{
	char what[300], hint[256];

	snprintf(what, sizeof what, "%.60s = %.160s", l->key, value);
	snprintf(hint, sizeof hint, "expected %s", expected);
	return reject_line(e, l, what, "this value does not parse", hint);
}

static int reject_key(struct tide_error *e, const struct ini_line *l, const char *known)
{
	char what[200], hint[256];

	snprintf(what, sizeof what, "unknown key `%.100s` in [%.60s]", l->key, l->section);
	snprintf(hint, sizeof hint, "try %s", known);
	return reject_line(e, l, what, "it would be ignored", hint);
}

static int reject_second(struct tide_error *e, const struct ini_line *l, int first)
{
	char what[300], why[64];

	snprintf(what, sizeof what, "[%.60s %.160s] is here twice", l->section, l->name);
	snprintf(why, sizeof why, "first in line %d", first);
	return reject_line(e, l, what, why, "make one of the two, or give it another name");
}

static int begin_limits(struct parser *p, const struct ini_line *l, struct tide_error *e)
{
	struct gate_config *c = p->c;
	struct gate_own_limits *own;

	p->common = !*l->name;
	if (p->common)
		return 0;
	for (size_t i = 0; i < c->own_count; i++)
		if (!strcmp(c->own[i].name, l->name))
			return reject_second(e, l, c->own[i].line);
	own = APPEND(c->own, c->own_count, c->own_capacity);
	own->name = alloc_string(l->name);
	own->line = l->line;
	p->index = c->own_count - 1;
	return 0;
}

static int begin_site(struct parser *p, const struct ini_line *l, struct tide_error *e)
{
	struct gate_config *c = p->c;
	struct gate_site_rule *site;
	const char *at = strchr(l->name, '@');

	if (at && (at == l->name || !at[1]))
		return reject_line(e, l, "site without a function or a file", "`@` separates the two",
			"write [site function@file-glob] or [site function]");
	for (size_t i = 0; i < c->site_count; i++)
		if (!strcmp(c->sites[i].text, l->name))
			return reject_second(e, l, c->sites[i].line);
	site = APPEND(c->sites, c->site_count, c->site_capacity);
	site->text = alloc_string(l->name);
	site->function = alloc_string(l->name);
	if (at) {
		site->function[at - l->name] = '\0';
		site->file = alloc_string(at + 1);
	}
	site->line = l->line;
	p->index = c->site_count - 1;
	return 0;
}

static int begin_scenario(struct parser *p, const struct ini_line *l, struct tide_error *e)
{
	struct gate_config *c = p->c;
	struct gate_scenario *s;

	for (size_t i = 0; i < c->scenario_count; i++)
		if (!strcmp(c->scenarios[i].name, l->name))
			return reject_second(e, l, c->scenarios[i].line);
	s = APPEND(c->scenarios, c->scenario_count, c->scenario_capacity);
	s->name = alloc_string(l->name);
	s->line = l->line;
	s->min_rounds = 100;
	p->index = c->scenario_count - 1;
	return 0;
}

static int begin_suppress(struct parser *p, const struct ini_line *l, struct tide_error *e)
{
	struct gate_config *c = p->c;
	struct gate_suppression *s;

	for (size_t i = 0; i < c->suppression_count; i++)
		if (!strcmp(c->suppressions[i].name, l->name))
			return reject_second(e, l, c->suppressions[i].line);
	s = APPEND(c->suppressions, c->suppression_count, c->suppression_capacity);
	s->name = alloc_string(l->name);
	s->line = l->line;
	p->index = c->suppression_count - 1;
	return 0;
}

static int begin_section(struct parser *p, const struct ini_line *l, struct tide_error *e)
{
	static const struct {
		const char *name;
		enum section section;
		int (*begin)(struct parser *, const struct ini_line *, struct tide_error *);
	} known[] = {
		{ "scenario", IN_SCENARIO, begin_scenario },
		{ "limits", IN_LIMITS, begin_limits },
		{ "site", IN_SITE, begin_site },
		{ "suppress", IN_SUPPRESS, begin_suppress },
	};
	char what[300];

	snprintf(p->seen, sizeof p->seen, ",");
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (strcmp(l->section, known[i].name))
			continue;
		if (!*l->name && known[i].section != IN_LIMITS) {
			snprintf(what, sizeof what, "section [%.200s] has no name", l->section);
			return reject_line(
				e, l, what, "it could not be distinguished from another", known_sections);
		}
		p->section = known[i].section;
		return known[i].begin(p, l, e);
	}
	snprintf(what, sizeof what, "unknown section [%.200s]", l->section);
	return reject_line(e, l, what, "it would be ignored", known_sections);
}

/* A path of the file: absolute, or relative to its folder. */
static char *resolve(const struct gate_config *c, const char *path)
{
	return *path == '/' ? alloc_string(path) : alloc_printf("%s/%s", c->folder, path);
}

static void set_text(char **to, const char *value)
{
	free(*to);
	*to = alloc_string(value);
}

static int set_scenario_key(
	struct parser *p, const struct ini_line *l, const char *value, struct tide_error *e)
{
	struct gate_scenario *s = &p->c->scenarios[p->index];
	uint64_t n;

	if (!*value)
		return reject_value(e, l, "", "a value");
	if (!strcmp(l->key, "command"))
		set_text(&s->command, l->value); /* whole: `;` is the shell's */
	else if (!strcmp(l->key, "exe"))
		set_text(&s->exe, value);
	else if (!strcmp(l->key, "rounds"))
		set_text(&s->rounds, value);
	else if (!strcmp(l->key, "baseline")) {
		free(s->baseline);
		s->baseline = resolve(p->c, value);
	} else if (!strcmp(l->key, "status")) {
		if (gate_parse_count(value, &n) || n > 255)
			return reject_value(e, l, value, "an exit status from 0 to 255");
		s->status = (long)n;
	} else if (!strcmp(l->key, "min-rounds")) {
		/* Below ten, the second half cannot be cut into five windows. */
		if (gate_parse_count(value, &n) || n < 10)
			return reject_value(e, l, value, "a number of rounds, 10 or more");
		s->min_rounds = n;
	} else if (!strcmp(l->key, "timeout")) {
		if (units_parse_duration(value, &n) || n < 1000000)
			return reject_value(e, l, value, "a duration such as 90s, 10m, 1h");
		s->timeout_ms = n / 1000000;
	} else {
		return reject_key(e, l, "command, exe, status, rounds, min-rounds, baseline, timeout");
	}
	return 0;
}

static int set_limits_key(
	struct gate_limits *limits, const struct ini_line *l, const char *value, struct tide_error *e)
{
	for (int k = 0; k < GATE_LIMIT_KEYS; k++) {
		if (strcmp(l->key, gate_limit_name[k]))
			continue;
		if (gate_parse_limit(k, value, &limits->of[k]))
			return reject_value(e, l, value, gate_limit_expected(k));
		return 0;
	}
	return reject_key(
		e, l, "leaked, growth, live, peak, missed, blind, errors, rss, waste, pinned, refleaks");
}

static int set_site_key(struct parser *p, const struct ini_line *l, const char *value, struct tide_error *e)
{
	struct gate_site_rule *s = &p->c->sites[p->index];

	if (!strcmp(l->key, "owner")) {
		set_text(&s->owner, value);
		return 0;
	}
	if (!strcmp(l->key, "missed") || !strcmp(l->key, "blind") || !strcmp(l->key, "waste")
		|| !strcmp(l->key, "pinned") || !strcmp(l->key, "refleaks"))
		return reject_key(e, l, "leaked, growth, live, peak, owner");
	for (int k = 0; k < GATE_MISSED; k++)
		if (!strcmp(l->key, gate_limit_name[k]))
			return set_limits_key(&s->limits, l, value, e);
	return reject_key(e, l, "leaked, growth, live, peak, owner");
}

static int set_suppress_key(
	struct parser *p, const struct ini_line *l, const char *value, struct tide_error *e)
{
	static const struct {
		const char *prefix;
		enum gate_pattern_kind kind;
	} known[] = {
		{ "fun:", PATTERN_FUNCTION },
		{ "file:", PATTERN_FILE },
		{ "module:", PATTERN_MODULE },
	};
	struct gate_suppression *s = &p->c->suppressions[p->index];

	if (!strcmp(l->key, "match")) {
		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
			size_t n = strlen(known[i].prefix);
			struct gate_pattern *pattern;

			if (strncmp(value, known[i].prefix, n) || !value[n])
				continue;
			pattern = APPEND(s->patterns, s->pattern_count, s->pattern_capacity);
			pattern->kind = known[i].kind;
			pattern->glob = alloc_string(value + n);
			return 0;
		}
		return reject_value(e, l, value, "fun:GLOB, file:GLOB or module:GLOB");
	}
	if (!*value)
		return reject_value(e, l, "", "a value");
	if (!strcmp(l->key, "import")) {
		*ARRAY_ADD(s->imports, s->import_count, s->import_capacity) = resolve(p->c, value);
	} else if (!strcmp(l->key, "why")) {
		set_text(&s->why, value);
	} else if (!strcmp(l->key, "until")) {
		if (gate_parse_date(value, &s->until))
			return reject_value(e, l, value, "a date such as 2027-03-31");
	} else {
		return reject_key(e, l, "match, import, why, until");
	}
	return 0;
}

static int check_repeated(struct parser *p, const struct ini_line *l, struct tide_error *e)
{
	char wanted[128], what[200];
	size_t end;

	if (p->section == IN_SUPPRESS && (!strcmp(l->key, "match") || !strcmp(l->key, "import")))
		return 0;
	snprintf(wanted, sizeof wanted, ",%.100s,", l->key);
	if (strstr(p->seen, wanted)) {
		snprintf(what, sizeof what, "`%.100s` is here twice", l->key);
		return reject_line(e, l, what, "one of the two would be ignored", "delete one");
	}
	end = strlen(p->seen);
	snprintf(p->seen + end, sizeof p->seen - end, "%s", wanted + 1);
	return 0;
}

static int parse_line(void *context, const struct ini_line *l, struct tide_error *e)
{
	struct parser *p = context;
	char *value;
	int result;

	if (!l->key)
		return begin_section(p, l, e);
	if (check_repeated(p, l, e))
		return -1;
	value = alloc_string(l->value);
	value[ini_value_end(value)] = '\0';
	switch (p->section) {
	case IN_SCENARIO: result = set_scenario_key(p, l, value, e); break;
	case IN_SITE: result = set_site_key(p, l, value, e); break;
	case IN_SUPPRESS: result = set_suppress_key(p, l, value, e); break;
	default:
		result = set_limits_key(p->common ? &p->c->common : &p->c->own[p->index].limits, l, value, e);
	}
	free(value);
	return result;
}

/* Checks that need the whole file. */
static int check_config(struct gate_config *c, const char *path, struct tide_error *e)
{
	char what[300];

	for (size_t i = 0; i < c->scenario_count; i++) {
		struct gate_scenario *s = &c->scenarios[i];

		if (!s->command) {
			snprintf(what, sizeof what, "scenario `%.200s` has no command", s->name);
			return ini_error(
				e, path, s->line, what, "there is nothing to run", "add command = ...");
		}
		for (size_t k = 0; k < c->own_count; k++)
			if (!strcmp(c->own[k].name, s->name))
				inherit_limits(&s->limits, &c->own[k].limits);
		inherit_limits(&s->limits, &c->common);
		set_default_limits(&s->limits);
	}
	for (size_t k = 0; k < c->own_count; k++) {
		size_t i = 0;

		while (i < c->scenario_count && strcmp(c->scenarios[i].name, c->own[k].name))
			i++;
		if (i == c->scenario_count) {
			snprintf(what, sizeof what, "[limits %.200s]: no such scenario", c->own[k].name);
			return ini_error(e, path, c->own[k].line, what, "its limits would hold nowhere",
				"name a [scenario ...] of this file");
		}
	}
	for (size_t i = 0; i < c->suppression_count; i++) {
		struct gate_suppression *s = &c->suppressions[i];

		snprintf(what, sizeof what, "suppression `%.200s`", s->name);
		if (!s->pattern_count && !s->import_count)
			return ini_error(e, path, s->line, what, "it matches nothing",
				"add match = fun:GLOB, or import = FILE");
		if (!s->why || !*s->why)
			return ini_error(e, path, s->line, what, "`why` is missing",
				"say why this is not a leak: why = TEXT");
	}
	return 0;
}

void gate_config_init(struct gate_config *c)
{
	memset(c, 0, sizeof *c);
	c->folder = getcwd(NULL, 0);
	if (!c->folder)
		c->folder = alloc_string(".");
}

int gate_config_parse(
	struct gate_config *c, const char *text, size_t bytes, const char *path, struct tide_error *e)
{
	struct parser p = { .c = c, .seen = "," };
	char *folder = alloc_string(path), *slash = strrchr(folder, '/'), real[PATH_MAX];

	gate_config_init(c);
	c->path = alloc_string(path);
	if (slash) {
		slash[slash == folder] = '\0';
		if (realpath(folder, real))
			set_text(&c->folder, real);
	}
	free(folder);
	if (ini_parse_text(text, bytes, path, parse_line, &p, e) || check_config(c, path, e)) {
		gate_config_free(c);
		return -1;
	}
	return 0;
}

int gate_config_load(struct gate_config *c, const char *path, struct tide_error *e)
{
	size_t bytes;
	char *text = ini_read(path, "the gate file", "give it with -c, or a program after --", &bytes, e);
	int result = text ? gate_config_parse(c, text, bytes, path, e) : -1;

	free(text);
	return result;
}

struct gate_scenario *gate_config_scenario(struct gate_config *c, const char *name)
{
	struct gate_scenario *s = APPEND(c->scenarios, c->scenario_count, c->scenario_capacity);

	s->name = alloc_string(name);
	s->min_rounds = 100;
	inherit_limits(&s->limits, &c->common);
	set_default_limits(&s->limits);
	return s;
}

int gate_config_limit(struct gate_config *c, const char *assignment, struct tide_error *e)
{
	const char *equals = strchr(assignment, '=');
	char what[300], hint[256];

	e->code = EXIT_USAGE;
	for (int k = 0; equals && k < GATE_LIMIT_KEYS; k++) {
		if (strlen(gate_limit_name[k]) != (size_t)(equals - assignment)
			|| strncmp(assignment, gate_limit_name[k], (size_t)(equals - assignment)))
			continue;
		if (gate_parse_limit(k, equals + 1, &c->common.of[k])) {
			snprintf(what, sizeof what, "--limit %.200s", assignment);
			snprintf(hint, sizeof hint, "expected %s", gate_limit_expected(k));
			return ini_error(e, what, 0, "not a limit", "this value does not parse", hint);
		}
		for (size_t i = 0; i < c->scenario_count; i++)
			gate_parse_limit(k, equals + 1, &c->scenarios[i].limits.of[k]);
		return 0;
	}
	snprintf(what, sizeof what, "--limit %.200s", assignment);
	return ini_error(e, what, 0, "not a limit", "no such key",
		"write leaked=, growth=, live=, peak=, missed= or blind= and a value");
}

void gate_config_free(struct gate_config *c)
{
	for (size_t i = 0; i < c->scenario_count; i++) {
		struct gate_scenario *s = &c->scenarios[i];

		free(s->name), free(s->command), free(s->exe), free(s->rounds), free(s->baseline);
		free_limits(&s->limits);
	}
	for (size_t i = 0; i < c->site_count; i++) {
		struct gate_site_rule *s = &c->sites[i];

		free(s->text), free(s->function), free(s->file), free(s->owner);
		free_limits(&s->limits);
	}
	for (size_t i = 0; i < c->suppression_count; i++) {
		struct gate_suppression *s = &c->suppressions[i];

		for (size_t k = 0; k < s->pattern_count; k++)
			free(s->patterns[k].glob);
		for (size_t k = 0; k < s->import_count; k++)
			free(s->imports[k]);
		free(s->name), free(s->why), free(s->patterns), free(s->imports);
	}
	for (size_t i = 0; i < c->own_count; i++) {
		free(c->own[i].name);
		free_limits(&c->own[i].limits);
	}
	free_limits(&c->common);
	free(c->scenarios), free(c->sites), free(c->suppressions), free(c->own);
	free(c->path), free(c->folder);
	memset(c, 0, sizeof *c);
}
