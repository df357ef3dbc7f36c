/* gate_config.h - the gate file: scenarios, limits, sites, suppressions.
 *
 *   gate_config_load ──▶ struct gate_config ──▶ gate_run (commands)
 *   text + limits of the command line           gate_judge (limits, sites, suppressions)
 *
 * GC1 Nothing unknown passes: an unknown section or key, a value that does not
 *     parse, a scenario without a command ends with EXIT_USAGE and FILE:LINE.
 * GC2 A limit's precedence: command line, [limits NAME], [limits], default.
 * GC3 Paths are absolute after loading (relative to the file's folder).
 * GC4 Strings belong to the config until gate_config_free.
 */
#ifndef TIDEMARK_GATE_CONFIG_H
#define TIDEMARK_GATE_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

enum gate_limit_kind {
	LIMIT_UNSET,
	LIMIT_OFF,
	LIMIT_COUNT,        /* leaked, growth, errors, refleaks: number */
	LIMIT_SIZE,         /* number: bytes for the whole */
	LIMIT_MORE_BLOCKS,  /* number, above the baseline */
	LIMIT_MORE_PERCENT, /* percent, above the baseline */
	LIMIT_MORE_SIZE,    /* number: bytes, above the baseline */
	LIMIT_PERCENT,      /* missed: of events; waste, pinned: of resident memory */
	LIMIT_DENY,         /* blind */
	LIMIT_ALLOW,
};

struct gate_limit {
	enum gate_limit_kind kind;
	uint64_t number;
	double percent;
	char *text; /* as written: "3MiB" */
};

enum gate_limit_key {
	GATE_LEAKED,
	GATE_GROWTH,
	GATE_LIVE,
	GATE_PEAK,
	GATE_MISSED,
	GATE_BLIND,
	GATE_ERRORS,
	GATE_RSS,
	GATE_WASTE,
	GATE_PINNED,
	GATE_REFLEAKS,
	GATE_LIMIT_KEYS
};
extern const char *const gate_limit_name[GATE_LIMIT_KEYS];

struct gate_limits {
	struct gate_limit of[GATE_LIMIT_KEYS];
};

struct gate_scenario {
	char *name;
	char *command;  /* NULL: made by hand (gate -- PROGRAM, --snapshots) */
	char *exe;      /* NULL: every process */
	char *rounds;   /* NULL: growth is not judged */
	char *baseline; /* NULL: none */
	long status;
	uint64_t min_rounds;
	uint64_t timeout_ms;       /* 0: none */
	int line;                  /* of its section */
	struct gate_limits limits; /* all set after loading (GC2) */
};

struct gate_site_rule { /* [site FUNCTION@FILE-GLOB] */
	char *text;     /* as written */
	char *function;
	char *file;                /* NULL: any */
	char *owner;               /* NULL: nobody */
	struct gate_limits limits; /* LIMIT_UNSET: as for all */
	int line;
};

enum gate_pattern_kind { PATTERN_FUNCTION, PATTERN_FILE, PATTERN_MODULE };
struct gate_pattern {
	enum gate_pattern_kind kind;
	char *glob;
};

struct gate_suppression {
	char *name, *why;
	struct gate_pattern *patterns;
	size_t pattern_count, pattern_capacity;
	char **imports;
	size_t import_count, import_capacity;
	uint32_t until; /* 20270331; 0: for ever. Void from that day on */
	int line;
};

struct gate_config {
	char *path;   /* as given; NULL: no file */
	char *folder; /* absolute */
	struct gate_scenario *scenarios;
	size_t scenario_count, scenario_capacity;
	struct gate_site_rule *sites;
	size_t site_count, site_capacity;
	struct gate_suppression *suppressions;
	size_t suppression_count, suppression_capacity;
	/* While parsing: */
	struct gate_limits common;
	struct gate_own_limits {
		char *name;
		int line;
		struct gate_limits limits;
	} * own;
	size_t own_count, own_capacity;
};

/* No file: default limits, no scenario. */
void gate_config_init(struct gate_config *c);
int gate_config_load(struct gate_config *c, const char *path, struct tide_error *e);
/* As gate_config_load, of text in memory; `path` names it in errors, and its folder is the base of paths. */
int gate_config_parse(
	struct gate_config *c, const char *text, size_t bytes, const char *path, struct tide_error *e);
/* --limit KEY=VALUE: for every scenario there is or will be. */
int gate_config_limit(struct gate_config *c, const char *assignment, struct tide_error *e);
/* Adds a scenario that is in no file, with the limits for all. */
struct gate_scenario *gate_config_scenario(struct gate_config *c, const char *name);
void gate_config_free(struct gate_config *c);

#endif
