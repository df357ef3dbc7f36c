/* The gate file: what is read, and what is said about what cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "report/gate/gate_config.h"
#include "report/gate/gate_value.h"

static int parse(struct gate_config *c, const char *text, struct tide_error *e)
{
	memset(e, 0, sizeof *e);
	return gate_config_parse(c, text, strlen(text), "x.gate", e);
}

static void reads_everything(void **state)
{
	static const char text[] = "# comment\n"
				   "[scenario login]                 ; one or more\n"
				   "command    = ./server --selftest 'a ; b'; true\n"
				   "exe        = server              ; whose snapshots count\n"
				   "  status   = 3\n"
				   "rounds     = turn                ; name of the mark\n"
				   "min-rounds = 200\n"
				   "baseline   = mem/login.base      ; named and missing: exit 2\n"
				   "timeout    = 10m                 ; past it: could not measure\r\n"
				   "[limits]\n"
				   "; comment\n"
				   "leaked = 2\n"
				   "live   = 3MiB\n"
				   "missed = 0.5%\n"
				   "[limits login]\n"
				   "live   = +5 blocks\n"
				   "peak   = +10%\n"
				   "[site cache_fill@src/*.c]\n"
				   "live  = 3MiB\n"
				   "owner = @storage\n"
				   "[suppress libc-nss]\n"
				   "match = fun:__nss_*              ; any frame\n"
				   "match = module:libnss*\n"
				   "import = lsan.supp\n"
				   "why = libc keeps it              ; required\n"
				   "until = 2027-03-31\n"
				   "[scenario other]\n"
				   "command = true";
	struct gate_config c;
	struct tide_error e;
	const struct gate_scenario *s;

	(void)state;
	assert_int_equal(parse(&c, text, &e), 0);
	assert_int_equal(c.scenario_count, 2);
	s = &c.scenarios[0];
	assert_string_equal(s->name, "login");
	assert_string_equal(s->command, "./server --selftest 'a ; b'; true");
	assert_string_equal(s->exe, "server");
	assert_string_equal(s->rounds, "turn");
	assert_int_equal(s->status, 3);
	assert_int_equal(s->min_rounds, 200);
	assert_int_equal(s->timeout_ms, 600000);
	assert_int_equal(s->line, 2);
	assert_int_equal(s->baseline[0], '/');
	assert_string_equal(strrchr(s->baseline, '/') - 4, "/mem/login.base");
	assert_int_equal(s->limits.of[GATE_LEAKED].number, 2);
	assert_int_equal(s->limits.of[GATE_LIVE].kind, LIMIT_MORE_BLOCKS);
	assert_int_equal(s->limits.of[GATE_LIVE].number, 5);
	assert_int_equal(s->limits.of[GATE_PEAK].kind, LIMIT_MORE_PERCENT);
	assert_true(s->limits.of[GATE_PEAK].percent == 10);
	assert_true(s->limits.of[GATE_MISSED].percent == 0.5);
	assert_int_equal(s->limits.of[GATE_GROWTH].kind, LIMIT_COUNT);
	s = &c.scenarios[1];
	assert_int_equal(s->limits.of[GATE_LIVE].kind, LIMIT_SIZE);
	assert_int_equal(s->limits.of[GATE_LIVE].number, 3 << 20);
	assert_int_equal(s->limits.of[GATE_PEAK].kind, LIMIT_OFF);
	assert_int_equal(s->min_rounds, 100);
	assert_string_equal(c.sites[0].function, "cache_fill");
	assert_string_equal(c.sites[0].file, "src/*.c");
	assert_string_equal(c.sites[0].owner, "@storage");
	assert_int_equal(c.suppressions[0].pattern_count, 2);
	assert_int_equal(c.suppressions[0].patterns[1].kind, PATTERN_MODULE);
	assert_string_equal(c.suppressions[0].patterns[0].glob, "__nss_*");
	assert_string_equal(c.suppressions[0].why, "libc keeps it");
	assert_int_equal(c.suppressions[0].until, 20270331);
	assert_int_equal(gate_config_limit(&c, "leaked=7", &e), 0);
	assert_int_equal(c.scenarios[0].limits.of[GATE_LEAKED].number, 7);
	assert_int_equal(gate_config_scenario(&c, "made")->limits.of[GATE_LEAKED].number, 7);
	gate_config_free(&c);
}

/* Each wrong file names its line and says what was expected. */
static void refuses(void **state)
{
	static const struct {
		const char *text, *what, *hint;
	} wrong[] = {
		{ "[scenario a]\ncommand = x\nfoo = 1\n", "x.gate:3: unknown key `foo`", "command, exe" },
		{ "[scenario a]\nexe = x\n", "x.gate:1: scenario `a` has no command", "command" },
		{ "\n[scenarios a]\n", "x.gate:2: unknown section [scenarios]", "" },
		{ "[scenario]\ncommand=x\n", "x.gate:1: section [scenario] has no name", "" },
		{ "[scenario a\n", "x.gate:1: section without an end", "[scenario NAME]" },
		{ "[scenario a] b\n", "x.gate:1: text after a section", "next line" },
		{ "command = x\n", "x.gate:1: key before the first section", "[scenario NAME]" },
		{ "[scenario a]\ncommand\n", "x.gate:2: not a line of a gate file", "" },
		{ "[scenario a]\ncommand = x\ncommand = y\n", "x.gate:3: `command` is here twice", "" },
		{ "[scenario a]\ncommand = x\n[scenario a]\ncommand = x\n",
			"x.gate:3: [scenario a] is here twice", "" },
		{ "[scenario a]\ncommand = x\nstatus = 256\n", "x.gate:3: status = 256", "0 to 255" },
		{ "[scenario a]\ncommand = x\nmin-rounds = 9\n", "x.gate:3: min-rounds = 9", "10 or more" },
		{ "[scenario a]\ncommand = x\ntimeout = ten\n", "x.gate:3: timeout = ten", "10m" },
		{ "[scenario a]\ncommand = x\ntimeout = 0\n", "x.gate:3: timeout = 0", "10m" },
		{ "[scenario a]\ncommand = x\n[limits b]\nleaked = 0\n",
			"x.gate:3: [limits b]: no such scenario", "" },
		{ "[limits]\nleaked = few\n", "x.gate:2: leaked = few", "number of blocks" },
		{ "[limits]\nleaked = -1\n", "x.gate:2: leaked = -1", "" },
		{ "[limits]\nlive = +5\n", "x.gate:2: live = +5", "+5 blocks" },
		{ "[limits]\nlive = 3 potatoes\n", "x.gate:2: live = 3 potatoes", "3MiB" },
		{ "[limits]\npeak = +5 blocks\n", "x.gate:2: peak = +5 blocks", "" },
		{ "[limits]\nmissed = 0.1\n", "x.gate:2: missed = 0.1", "0.1%" },
		{ "[limits]\nmissed = off\n", "x.gate:2: missed = off", "" },
		{ "[site @x.c]\nlive = 1K\n", "x.gate:1: site without a function", "" },
		{ "[suppress s]\nmatch = fun:x\n", "x.gate:1: suppression `s`", "why" },
		{ "[suppress s]\nwhy = y\n", "x.gate:1: suppression `s`", "match" },
		{ "[suppress s]\nmatch = x\nwhy = y\n", "x.gate:2: match = x", "fun:GLOB" },
		{ "[suppress s]\nmatch = fun:x\nwhy = y\nuntil = 2027-02-30\n",
			"x.gate:4: until = 2027-02-30", "date" },
	};
	struct gate_config c;
	struct tide_error e;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(parse(&c, wrong[i].text, &e), -1);
		if (strncmp(e.what, wrong[i].what, strlen(wrong[i].what)) || !strstr(e.hint, wrong[i].hint))
			fail_msg("case %zu: %s | %s | %s", i, e.what, e.why, e.hint);
		assert_int_equal(e.code, EXIT_USAGE);
		assert_true(e.why[0] != 0);
	}
	memset(&e, 0, sizeof e);
	assert_int_equal(gate_config_parse(&c, "[limits]\n\0x", 11, "x.gate", &e), -1);
	assert_non_null(strstr(e.what, "x.gate:2: not a text file"));
	gate_config_init(&c);
	assert_int_equal(gate_config_limit(&c, "leaks=0", &e), -1);
	assert_int_equal(gate_config_limit(&c, "leaked", &e), -1);
	assert_int_equal(gate_config_limit(&c, "leaked=x", &e), -1);
	assert_int_equal(e.code, EXIT_USAGE);
	gate_config_free(&c);
}

static void long_lines_are_whole(void **state)
{
	char text[3000] = "[scenario a]\ncommand = ";
	struct gate_config c;
	struct tide_error e;
	size_t n = strlen(text);

	(void)state;
	memset(text + n, 'x', 2500);
	text[n + 2500] = '\0';
	assert_int_equal(parse(&c, text, &e), 0);
	assert_int_equal(strlen(c.scenarios[0].command), 2500);
	gate_config_free(&c);
}

static void dates(void **state)
{
	static const char *const bad[] = { "2027-13-01", "2027-00-01", "2027-1-1", "2027-04-31x", "27-04-30",
		"2027/04/30", "2025-02-29", "" };
	uint32_t d;

	(void)state;
	assert_int_equal(gate_parse_date("2024-02-29", &d), 0);
	assert_int_equal(d, 20240229);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(gate_parse_date(bad[i], &d), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_everything),
		cmocka_unit_test(refuses),
		cmocka_unit_test(long_lines_are_whole),
		cmocka_unit_test(dates),
	};
	return cmocka_run_group_tests_name("gate_config", tests, NULL, NULL);
}
