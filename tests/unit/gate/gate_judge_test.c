/* The verdict: what fails, what does not, what cannot be judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/base/alloc.h"
#include "report/gate/gate.h"

static struct gate_config config;
static struct gate_baseline base;

static char key_text[64][8];

/* Judges sites under a gate file; `baseline` may be NULL. */
static struct gate_result judge(const char *file, const char *baseline, struct gate_site *sites, size_t count,
	void (*change)(struct gate_measure *))
{
	static char exe[] = "server", arch[] = "x86_64", libc[] = "glibc 2.36";
	struct gate_measure m = { .exe = exe,
		.arch = arch,
		.libc = libc,
		.sites = sites,
		.site_count = count,
		.peak_bytes = 5000,
		.events = 1000,
		.rounds = 500 };
	char *text = alloc_printf("[scenario s]\ncommand = x\n%s", file);
	struct tide_error e = { 0 };
	struct gate_result r;

	if (config.scenario_count)
		gate_config_free(&config);
	if (gate_config_parse(&config, text, strlen(text), "x.gate", &e))
		fail_msg("%s", e.what);
	free(text);
	if (base.exe)
		gate_baseline_free(&base);
	if (baseline && gate_baseline_parse(&base, baseline, strlen(baseline), "x.base", &e))
		fail_msg("%s", e.what);
	if (change)
		change(&m);
	gate_judge(&config, &config.scenarios[0], &m, baseline ? &base : NULL, &r);
	return r;
}

/* Site number n: `lost` of `live` blocks of 100 bytes are unreferenced. */
static struct gate_site site(unsigned n, uint64_t live, uint64_t lost)
{
	snprintf(key_text[n], sizeof key_text[n], "%04u", n);
	return (struct gate_site){ .key = key_text[n],
		.function = "make",
		.caller = "make",
		.file = "src/x.c",
		.line = 7,
		.live_blocks = live,
		.live_bytes = live * 100,
		.lost_blocks = lost,
		.lost_bytes = lost * 100,
		.unreferenced_blocks = lost,
		.unreferenced_bytes = lost * 100 };
}

static size_t find(const struct gate_result *r, enum gate_kind kind)
{
	for (size_t i = 0; i < r->finding_count; i++)
		if (r->findings[i].kind == kind)
			return i;
	return SIZE_MAX;
}

static void nothing_lost_passes(void **state)
{
	struct gate_site s[] = { site(1, 10, 0) };
	struct gate_result r = judge("", NULL, s, 1, NULL);

	(void)state;
	assert_int_equal(r.verdict, GATE_PASS);
	assert_int_equal(r.finding_count, 0);
	assert_int_equal(gate_status(&r, 1), 0);
	gate_result_free(&r);
	assert_int_equal(gate_status(NULL, 0), EXIT_UNMEASURED);
}

static void lost_blocks_fail(void **state)
{
	struct gate_site s[] = { site(1, 10, 3) };
	struct gate_result r = judge("", NULL, s, 1, NULL);

	(void)state;
	assert_int_equal(r.verdict, GATE_FAIL);
	assert_int_equal(r.finding_count, 1);
	assert_int_equal(r.findings[0].kind, GATE_KIND_LEAKED);
	assert_string_equal(r.findings[0].message, "3 blocks, 300 bytes lost");
	assert_string_equal(r.findings[0].limit, "leaked = 0");
	assert_int_equal(r.findings[0].blocks, 3);
	assert_int_equal(r.findings[0].bytes, 300);
	assert_true(r.findings[0].fails);
	gate_result_free(&r);
	r = judge("[limits]\nleaked = 3\n", NULL, s, 1, NULL);
	assert_int_equal(r.verdict, GATE_PASS);
	assert_int_equal(r.finding_count, 1);
	gate_result_free(&r);
	r = judge("[limits]\nleaked = 2\n", NULL, s, 1, NULL);
	assert_int_equal(r.verdict, GATE_FAIL);
	gate_result_free(&r);
	r = judge("[limits]\nleaked = off\n", NULL, s, 1, NULL);
	assert_int_equal(r.verdict, GATE_PASS);
	gate_result_free(&r);
}

static void cycles_and_what_hangs_below(void **state)
{
	struct gate_site s[] = { site(1, 10, 0), site(2, 20, 0) };
	struct gate_result r;

	(void)state;
	s[0].lost_blocks = s[0].cycle_blocks = 3;
	s[0].lost_bytes = s[0].cycle_bytes = 300;
	s[0].below_blocks = 20;
	s[0].below_bytes = 2000;
	s[1].lost_blocks = 20; /* all indirect */
	s[1].lost_bytes = 2000;
	r = judge("", NULL, s, 2, NULL);
	assert_int_equal(r.finding_count, 1);
	assert_int_equal(r.findings[0].kind, GATE_KIND_CYCLE);
	assert_string_equal(r.findings[0].message,
		"3 blocks, 300 bytes lost in a cycle, and 20 blocks, 2000 bytes below them");
	gate_result_free(&r);
	/* All under the cycle count: 23, not 3. */
	r = judge("[limits]\nleaked = 22\n", NULL, s, 2, NULL);
	assert_int_equal(r.verdict, GATE_FAIL);
	gate_result_free(&r);
	/* The cycle is known, what it holds has grown: red all the same. */
	r = judge("", "# tidemark baseline 1\n0001 10 1000 3 300 make\n0002 20 2000 19 1900 make\n", s, 2,
		NULL);
	assert_int_equal(r.verdict, GATE_FAIL);
	assert_int_equal(r.findings[0].blocks, 20);
	gate_result_free(&r);
}

static void baseline_holds(void **state)
{
	struct gate_site s[] = { site(1, 10, 3) };
	struct gate_result r =
		judge("", "# tidemark baseline 1\n0001 10 1000 3 300 make  src/x.c\n", s, 1, NULL);

	(void)state;
	assert_int_equal(r.verdict, GATE_PASS);
	gate_result_free(&r);
	r = judge("", "# tidemark baseline 1\n0001 10 1000 2 200 make  src/x.c\n", s, 1, NULL);
	assert_int_equal(r.verdict, GATE_FAIL);
	assert_non_null(strstr(r.findings[0].message, "the baseline holds 2"));
	gate_result_free(&r);
	r = judge("", "# tidemark baseline 1\n0001 10 1000 5 500 make  src/x.c\n", s, 1, NULL);
	assert_int_equal(r.verdict, GATE_PASS);
	assert_int_equal(r.findings[0].kind, GATE_KIND_IMPROVED);
	gate_strict(&r);
	assert_int_equal(r.verdict, GATE_FAIL);
	gate_result_free(&r);
	r = judge("", "# tidemark baseline 1\n0009 10 1000 3 300 was  src/x.c\n", s, 1, NULL);
	assert_int_equal(r.verdict, GATE_PASS);
	assert_int_equal(r.findings[0].kind, GATE_KIND_MOVED);
	gate_result_free(&r);
}

static void other_libc(struct gate_measure *m) { m->libc = "musl"; }
static void other_exe(struct gate_measure *m) { m->exe = "client"; }
static void other_arch(struct gate_measure *m) { m->arch = "aarch64"; }
static void many_missed(struct gate_measure *m) { m->missed = 2; }
static void few_missed(struct gate_measure *m) { m->missed = 1; }
static void few_rounds(struct gate_measure *m) { m->rounds = 99; }
static void broken(struct gate_measure *m) { m->unmeasured = "truncated"; }
static void unseen(struct gate_measure *m) { m->blind = "no allocation of server was seen"; }

static void cannot_measure(void **state)
{
	static const char b[] = "# tidemark baseline 1\n# exe: server\n# arch: x86_64\n# libc: glibc 2.36\n";
	static const struct {
		void (*change)(struct gate_measure *);
		const char *file, *said;
	} bad[] = {
		{ other_libc, "", "musl" },
		{ other_exe, "", "client" },
		{ other_arch, "", "aarch64" },
		{ many_missed, "", "2 of 1000 events" },
		{ few_rounds, "rounds = turn\n", "99 rounds" },
		{ broken, "", "truncated" },
		{ unseen, "", "no allocation of server was seen" },
		{ unseen, "[limits]\nblind = deny\n", "blind = allow" },
	};
	struct gate_site s[] = { site(1, 10, 3) };
	struct gate_result r[2];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		r[0] = judge(bad[i].file, b, s, 1, bad[i].change);
		assert_int_equal(r[0].verdict, GATE_UNMEASURED);
		if (!strstr(r[0].reason, bad[i].said))
			fail_msg("%zu: %s", i, r[0].reason);
		assert_int_equal(r[0].finding_count, 1);
		assert_int_equal(r[0].findings[0].kind, GATE_KIND_UNMEASURED);
		/* 3 beats 1. */
		r[1] = judge("", b, s, 1, NULL);
		assert_int_equal(r[1].verdict, GATE_FAIL);
		assert_int_equal(gate_status(r, 2), EXIT_UNMEASURED);
		assert_int_equal(gate_status(r + 1, 1), EXIT_FINDINGS);
		gate_result_free(&r[0]);
		gate_result_free(&r[1]);
	}
	/* Accepted, and never silently; what is known of leaks counts all the same. */
	s[0] = site(1, 10, 0);
	r[0] = judge("[limits]\nblind = allow\n", NULL, s, 1, unseen);
	assert_int_equal(r[0].verdict, GATE_PASS);
	assert_int_equal(r[0].finding_count, 1);
	assert_int_equal(r[0].findings[0].kind, GATE_KIND_UNMEASURED);
	assert_string_equal(r[0].findings[0].limit, "blind = allow");
	gate_result_free(&r[0]);
	s[0] = site(1, 10, 3);
	r[0] = judge("[limits]\nblind = allow\n", NULL, s, 1, unseen);
	assert_int_equal(r[0].verdict, GATE_FAIL);
	gate_result_free(&r[0]);
	r[0] = judge("", b, s, 1, few_missed);
	assert_int_equal(r[0].verdict, GATE_FAIL);
	gate_result_free(&r[0]);
}

static void growth(void **state)
{
	struct gate_site s[] = { site(1, 250, 0) };
	struct gate_result r;

	(void)state;
	s[0].growth = (struct growth){ { 12, 61, 112, 160, 211 }, 0.5, true };
	r = judge("rounds = turn\n", NULL, s, 1, NULL);
	assert_int_equal(r.verdict, GATE_FAIL);
	assert_int_equal(r.findings[0].kind, GATE_KIND_GROWING);
	assert_non_null(strstr(r.findings[0].message, "12, 61, 112, 160, 211 blocks"));
	assert_non_null(strstr(r.findings[0].message, "0.5 blocks, 50 bytes per round"));
	gate_result_free(&r);
	r = judge("rounds = turn\n[limits]\ngrowth = 1\n", NULL, s, 1, NULL);
	assert_int_equal(r.verdict, GATE_PASS);
	gate_result_free(&r);
	r = judge("rounds = turn\n[site make@src/*]\ngrowth = off\n", NULL, s, 1, NULL);
	assert_int_equal(r.verdict, GATE_PASS);
	gate_result_free(&r);
	s[0].suppressed = true;
	r = judge("rounds = turn\n", NULL, s, 1, NULL);
	assert_int_equal(r.verdict, GATE_PASS);
	gate_result_free(&r);
}

static void add_errors(struct gate_measure *m)
{
	static struct gate_error e[2];

	for (int i = 0; i < 2; i++)
		e[i] = (struct gate_error){ .message = (char *)"double free of 0x10",
			.key = (char *)"00aa",
			.count = 2,
			.spot = { .function = (char *)"drop", .file = (char *)"src/x.c", .line = 9 } };
	m->errors = e;
	m->error_count = 2;
	m->rss_bytes = 10000;
}

static void errors_and_rss(void **state)
{
	static const char old[] = "# tidemark baseline 1\n0001 10 1000 0 0 make\n",
			  b[] = "# tidemark baseline 1\n# rss: 9000\n0001 10 1000 0 0 make\n";
	static const struct {
		const char *file, *baseline;
		int verdict;
	} table[] = {
		{ "", NULL, GATE_FAIL },
		{ "[limits]\nerrors = 3\n", NULL, GATE_FAIL },
		{ "[limits]\nerrors = 4\n", NULL, GATE_PASS },
		{ "[limits]\nerrors = off\n", NULL, GATE_PASS },
		{ "[limits]\nerrors = off\nrss = 9999\n", NULL, GATE_FAIL },
		{ "[limits]\nerrors = off\nrss = 10000\n", NULL, GATE_PASS },
		{ "[limits]\nerrors = off\nrss = +11%\n", b, GATE_FAIL },
		{ "[limits]\nerrors = off\nrss = +12%\n", b, GATE_PASS },
		{ "[limits]\nerrors = off\nrss = +12%\n", old, GATE_UNMEASURED },
	};
	struct gate_site s[] = { site(1, 10, 0) };

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct gate_result r = judge(table[i].file, table[i].baseline, s, 1, add_errors);

		if ((int)r.verdict != table[i].verdict)
			fail_msg("%s: %d", table[i].file, r.verdict);
		if (!i) {
			assert_int_equal(r.finding_count, 2);
			assert_int_equal(r.findings[0].kind, GATE_KIND_ERROR);
			assert_string_equal(r.findings[0].limit, "errors = 0");
			assert_string_equal(r.findings[0].file, "src/x.c");
			assert_int_equal(r.findings[0].line, 9);
		}
		gate_result_free(&r);
	}
}

/* Lines of one key are separate findings, except where the baseline holds some of its blocks. */
static void lines_of_one_key(void **state)
{
	static const char b[] = "# tidemark baseline 1\n0001 49 4900 1 100 make\n";
	struct gate_line line[] = {
		{ .file = (char *)"src/x.c",
			.line = 11,
			.lost_blocks = 48,
			.unreferenced_blocks = 48,
			.lost_bytes = 480,
			.unreferenced_bytes = 480 },
		{ .file = (char *)"src/x.c",
			.line = 15,
			.lost_blocks = 1,
			.unreferenced_blocks = 1,
			.lost_bytes = 20,
			.unreferenced_bytes = 20 },
	};
	struct gate_site s[] = { site(1, 49, 49) };
	struct gate_result r;

	(void)state;
	s[0].lines = line;
	s[0].line_count = 2;
	r = judge("", NULL, s, 1, NULL);
	assert_int_equal(r.finding_count, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(r.findings[i].blocks, r.findings[i].line == 11 ? 48 : 1);
		assert_string_equal(r.findings[i].key, "0001");
	}
	assert_int_not_equal(r.findings[0].part, r.findings[1].part);
	gate_result_free(&r);
	r = judge("", b, s, 1, NULL);
	assert_int_equal(r.finding_count, 1);
	assert_int_equal(r.findings[0].blocks, 49);
	gate_result_free(&r);
}

static void live_and_peak(void **state)
{
	static const char b[] = "# tidemark baseline 1\n# peak: 4546\n0001 10 1000 0 0 make\n";
	static const struct {
		const char *file;
		int verdict;
		enum gate_kind kind;
	} table[] = {
		{ "[limits]\nlive = 1000\n", GATE_PASS, 0 },
		{ "[limits]\nlive = 999\n", GATE_FAIL, GATE_KIND_OVER_BUDGET },
		{ "[limits]\npeak = 4999\n", GATE_FAIL, GATE_KIND_OVER_BUDGET },
		{ "[limits]\npeak = 5000\n", GATE_PASS, 0 },
		{ "[limits]\npeak = +10%\n", GATE_PASS, 0 },
		{ "[limits]\npeak = +9%\n", GATE_FAIL, GATE_KIND_OVER_BASELINE },
		{ "[limits]\nlive = +0 blocks\n", GATE_PASS, 0 },
		{ "[site make]\nlive = 900\nowner = @x\n", GATE_FAIL, GATE_KIND_OVER_BUDGET },
		{ "[site make@other.c]\nlive = 900\n", GATE_PASS, 0 },
		{ "[site make@x.c]\nlive = 900\n", GATE_FAIL, GATE_KIND_OVER_BUDGET },
	};
	struct gate_site s[] = { site(1, 10, 0) };
	struct gate_result r;

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		r = judge(table[i].file, b, s, 1, NULL);
		if ((int)r.verdict != table[i].verdict
			|| (r.verdict == GATE_FAIL && r.findings[0].kind != table[i].kind))
			fail_msg("%s: %d", table[i].file, r.verdict);
		if (strstr(table[i].file, "owner"))
			assert_string_equal(r.findings[0].owner, "@x");
		gate_result_free(&r);
	}
	s[0].live_blocks = 12;
	s[0].live_bytes = 1011;
	for (size_t i = 0; i < 6; i++) {
		static const char *const limit[] = { "+1 blocks", "+2 blocks", "+1%", "+1.1%", "+10B",
			"+11B" };
		char *file = alloc_printf("[limits]\nlive = %s\n", limit[i]);

		r = judge(file, b, s, 1, NULL);
		assert_int_equal(r.verdict, i % 2 ? GATE_PASS : GATE_FAIL);
		gate_result_free(&r);
		free(file);
	}
	/* Lost blocks are not reachable. */
	s[0] = site(1, 13, 3);
	r = judge("[limits]\nleaked = off\nlive = +0 blocks\n", b, s, 1, NULL);
	assert_int_equal(r.verdict, GATE_PASS);
	gate_result_free(&r);
}

static void own_limit_of_a_site(void **state)
{
	struct gate_site s[] = { site(1, 10, 3), site(2, 10, 1) };
	struct gate_result r;

	(void)state;
	s[1].function = s[1].caller = "other";
	r = judge("[site make]\nleaked = 3\n", NULL, s, 2, NULL);
	assert_int_equal(r.verdict, GATE_FAIL);
	assert_string_equal(r.findings[0].function, "other");
	assert_false(r.findings[1].fails);
	gate_result_free(&r);
	r = judge("[site make]\nleaked = 3\n[limits]\nleaked = 1\n", NULL, s, 2, NULL);
	assert_int_equal(r.verdict, GATE_PASS);
	gate_result_free(&r);
}

static void flaky(void **state)
{
	struct gate_site first[] = { site(1, 10, 3), site(2, 10, 1) }, second[] = { site(2, 10, 2) };
	struct gate_result r = judge("", NULL, first, 2, NULL), again = judge("", NULL, second, 1, NULL);

	(void)state;
	gate_confirm(&r, &again);
	assert_int_equal(r.verdict, GATE_FAIL);
	assert_string_equal(r.findings[0].key, "0002");
	assert_int_equal(r.findings[1].kind, GATE_KIND_FLAKY);
	gate_result_free(&r);
	r = judge("", NULL, first, 1, NULL);
	again = judge("", NULL, second, 1, NULL); /* fails, but elsewhere */
	gate_confirm(&r, &again);
	assert_int_equal(r.verdict, GATE_PASS);
	assert_int_equal(r.findings[0].kind, GATE_KIND_FLAKY);
	gate_strict(&r);
	assert_int_equal(r.verdict, GATE_FAIL);
	gate_result_free(&r);
	r = judge("", NULL, first, 1, NULL);
	again = judge("", NULL, second, 1, broken);
	gate_confirm(&r, &again);
	assert_int_equal(r.verdict, GATE_UNMEASURED);
	gate_result_free(&r);
}

static void suppressions(void **state)
{
	static const char file[] = "[suppress old]\nmatch = fun:x\nwhy = y\nuntil = 2026-01-01\n"
				   "[suppress new]\nmatch = fun:x\nwhy = y\nuntil = 2026-01-03\n";
	struct gate_site s[] = { site(1, 10, 0) };
	struct gate_result r = judge(file, NULL, s, 1, NULL);
	bool used[2] = { false, true };

	(void)state;
	gate_judge_suppressions(&config, &r, 1, used, 20260102);
	assert_int_equal(r.verdict, GATE_FAIL);
	assert_int_equal(r.finding_count, 1);
	assert_int_equal(r.findings[0].kind, GATE_KIND_EXPIRED);
	assert_string_equal(r.findings[0].suppression, "old");
	gate_result_free(&r);
	r = judge(file, NULL, s, 1, NULL);
	gate_judge_suppressions(&config, &r, 1, used, 20260101); /* the day itself */
	assert_int_equal(find(&r, GATE_KIND_EXPIRED), 0);
	gate_result_free(&r);
	r = judge(file, NULL, s, 1, NULL);
	gate_judge_suppressions(&config, &r, 1, used, 20251231);
	assert_int_equal(r.verdict, GATE_PASS);
	assert_int_equal(r.findings[0].kind, GATE_KIND_UNUSED);
	gate_strict(&r);
	assert_int_equal(r.verdict, GATE_FAIL);
	gate_result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_lost_passes),
		cmocka_unit_test(lost_blocks_fail),
		cmocka_unit_test(cycles_and_what_hangs_below),
		cmocka_unit_test(baseline_holds),
		cmocka_unit_test(cannot_measure),
		cmocka_unit_test(growth),
		cmocka_unit_test(live_and_peak),
		cmocka_unit_test(errors_and_rss),
		cmocka_unit_test(lines_of_one_key),
		cmocka_unit_test(own_limit_of_a_site),
		cmocka_unit_test(flaky),
		cmocka_unit_test(suppressions),
	};
	return cmocka_run_group_tests_name("gate_judge", tests, NULL, NULL);
}
