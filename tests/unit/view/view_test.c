/* view, tree: what is selected, and that sums stay what they were. */
#include "tests/lib/stacks_make.h"
#include "report/view/tree.h"
#include "report/view/view.h"
#include "report/view/match.h"
#include "report/view/match.h"

struct case_ {
	struct snapshot snapshot;
	struct symbols *symbols;
	struct selection selection;
	struct view view;
};

#define A (SITE_FIRST + 0u)
#define B (SITE_FIRST + 1u)
#define C (SITE_FIRST + 2u)
#define D (SITE_FIRST + 3u)

/* Four sites; marks "warm" and "mid"; threads "main" and "worker". */
static void make(struct case_ *c)
{
	static const struct tide_birth birth[] = {
		{ A, 0, 1, 100 },
		{ B, 1, 2, 200 },
		{ C, 1, 1, 100 },
		{ C, 2, 2, 200 },
		{ D, 2, 4, 400 },
	};
	static const struct tide_thread_site by_thread[] = {
		{ 0, A, 200, 2, 100, 1 },
		{ 1, B, 400, 4, 200, 2 },
		{ 0, C, 300, 3, 150, 2 },
		{ 1, C, 300, 3, 150, 1 },
		{ 1, D, 800, 8, 400, 4 },
	};
	static const struct tide_bin size[] = { { A, 7, 2 }, { B, 7, 4 }, { C, 3, 6 }, { D, 7, 8 } };
	struct stacks t = { .build_id = "aa" };
	struct tide_mark mark[2] = { { .birth = 10, .kind = MARK_USER }, { .birth = 20, .kind = MARK_USER } };
	struct tide_thread thread[2] = { { .tid = 7 }, { .tid = 8 } };
	struct snapshot_writer *w;
	struct tide_error e;

	memset(c, 0, sizeof(*c));
	stacks_site(&t, 100, 1, "load@src/load.c:3;main@src/main.c:10");
	stacks_site(&t, 200, 2, "ns::C<int>::push(int)@src/c.cc:7;load@src/load.c:9;main@src/main.c:10");
	stacks_site(&t, 300, 3,
		"operator new(unsigned long);ns::C<int>::push(int)@src/c.cc:7;main@src/main.c:11");
	stacks_site(&t, 400, 4, "?0x5000;main@src/main.c:12");
	w = stacks_write(&t);
	mark[0].name = snapshot_writer_string(w, "warm");
	mark[1].name = snapshot_writer_string(w, "mid");
	thread[0].name = snapshot_writer_string(w, "main");
	thread[1].name = snapshot_writer_string(w, "worker");
	snapshot_writer_section(w, SECTION_MARKS, sizeof(mark[0]), mark, 2, 1);
	snapshot_writer_section(w, SECTION_THREADS, sizeof(thread[0]), thread, 2, 1);
	snapshot_writer_section(w, SECTION_BIRTHS, sizeof(birth[0]), birth, 5, 1);
	snapshot_writer_section(w, SECTION_THREAD_SITES, sizeof(by_thread[0]), by_thread, 5, 1);
	snapshot_writer_section(w, SECTION_SIZES, sizeof(size[0]), size, 4, 1);
	if (snapshot_of_writer(w, &c->snapshot, &e))
		fail_msg("%s", e.what);
	c->symbols = symbols_new(&c->snapshot);
}

static int64_t selected(struct case_ *c)
{
	struct tide_error e = { 0 };

	if (view_select(&c->view, &c->snapshot, c->symbols, &c->selection, DOMAIN_BLOCKS, &e))
		return -e.code;
	return c->view.total.of[LIVE_BYTES];
}

static void end(struct case_ *c)
{
	view_close(&c->view);
	symbols_free(c->symbols);
	snapshot_close(&c->snapshot);
}

static int64_t filtered(const char *keep, const char *drop, bool all_frames)
{
	struct case_ c;
	int64_t bytes;

	make(&c);
	c.selection.filter = (struct selection_list){ &keep, keep != NULL };
	c.selection.exclude = (struct selection_list){ &drop, drop != NULL };
	c.selection.all_frames = all_frames;
	bytes = selected(&c);
	end(&c);
	return bytes;
}

static void filters(void **state)
{
	(void)state;
	assert_int_equal(filtered(NULL, NULL, false), 1000);
	assert_int_equal(filtered("load", NULL, false), 100);
	assert_int_equal(filtered("fn:load", NULL, true), 300);
	assert_int_equal(filtered("src/load.c", NULL, false), 100);
	assert_int_equal(filtered("load.c", NULL, false), 100);
	/* The site without a name is shown, and found, as its nearest caller with one. */
	assert_int_equal(filtered("file:src/*", NULL, false), 1000);
	assert_int_equal(filtered("load.c:3", NULL, false), 100);
	assert_int_equal(filtered("load.c:4", NULL, false), 0);
	assert_int_equal(filtered("load.c:9", NULL, true), 200);
	assert_int_equal(filtered("oad.c:3", NULL, false), 0);
	/* operator new is folded, its caller is what counts; C++ names without arguments. */
	assert_int_equal(filtered("ns::C::push", NULL, false), 500);
	assert_int_equal(filtered("ns::C<int>::push(int)", NULL, false), 500);
	assert_int_equal(filtered("operator new", NULL, false), 0);
	assert_int_equal(filtered("operator new", NULL, true), 300);
	assert_int_equal(filtered("module:server", NULL, false), 1000);
	assert_int_equal(filtered("module:libz*", NULL, false), 0);
	assert_int_equal(filtered(NULL, "fn:ns::*", false), 500);
	assert_int_equal(filtered("fn:main", "load", true), 700);
	assert_int_equal(filtered("thread:main", NULL, false), 250);
	assert_int_equal(filtered(NULL, "thread:main", false), 750);
	assert_int_equal(filtered("thread:nobody", NULL, false), -EXIT_USAGE);
}

/* The site of a block in a corrupt file may be any number. */
static void a_site_that_does_not_exist(void **state)
{
	const char *keep = "main";
	struct tide_error e = { 0 };
	struct match *m;
	struct case_ c;

	(void)state;
	make(&c);
	c.selection = (struct selection){ .filter = { &keep, 1 }, .all_frames = true };
	m = match_new(&c.snapshot, c.symbols, &c.selection, &e);
	assert_true(match_site(m, A));
	assert_false(match_site(m, UINT32_MAX / 2));
	match_free(m);
	symbols_free(c.symbols);
	snapshot_close(&c.snapshot);
}

static int64_t between(const char *since, const char *until, unsigned age)
{
	struct case_ c;
	int64_t bytes;

	make(&c);
	c.selection.since = since;
	c.selection.until = until;
	c.selection.min_age = age;
	bytes = selected(&c);
	end(&c);
	return bytes;
}

static void intervals(void **state)
{
	(void)state;
	assert_int_equal(between("warm", NULL, 0), 900);
	assert_int_equal(between("mid", NULL, 0), 600);
	assert_int_equal(between("warm", "mid", 0), 300);
	assert_int_equal(between(NULL, "warm", 0), 100);
	assert_int_equal(between("#1", NULL, 0), 900);
	assert_int_equal(between("mid#1", NULL, 0), 600);
	assert_int_equal(between("mid#2", NULL, 0), -EXIT_USAGE);
	assert_int_equal(between("cold", NULL, 0), -EXIT_USAGE);
	assert_int_equal(between(NULL, NULL, 1), 400);
	assert_int_equal(between(NULL, NULL, 2), 100);
	assert_int_equal(between(NULL, NULL, 3), 0);
}

/* By whatever key: the rows add up to the whole. */
static void groups(void **state)
{
	static const size_t rows[KEYS] = {
		[KEY_SITE] = 4,
		[KEY_FUNCTION] = 3,
		[KEY_FILE] = 3,
		[KEY_LINE] = 3,
		[KEY_MODULE] = 1,
		[KEY_THREAD] = 2,
		[KEY_STACK] = 4,
		[KEY_SIZE] = 2,
		[KEY_AGE] = 3,
	};
	struct view_group g;
	struct tide_error e;
	struct case_ c;

	(void)state;
	make(&c);
	assert_int_equal(selected(&c), 1000);
	for (unsigned key = 0; key < KEY_TYPE; key++) {
		int64_t bytes = 0, total = 0;

		assert_int_equal(view_group(&g, &c.view, 1, key, &e), 0);
		view_sort(&g, key == KEY_SIZE ? TOTAL_BLOCKS : LIVE_BYTES);
		if (g.count != rows[key])
			fail_msg("%zu rows by %s", g.count, view_key_name(key));
		for (size_t i = 0; i < g.count; i++) {
			enum view_measure m = key == KEY_SIZE ? TOTAL_BLOCKS : LIVE_BYTES;

			bytes += g.row[i].m.of[LIVE_BYTES];
			total += g.row[i].m.of[TOTAL_BLOCKS];
			assert_true(!i || g.row[i - 1].m.of[m] >= g.row[i].m.of[m]);
		}
		if (key != KEY_SIZE)
			assert_int_equal(bytes, 1000);
		if (key != KEY_AGE)
			assert_int_equal(total, 20);
		view_group_free(&g);
	}
	/* Types are those of blocks, and this snapshot has no list of them. */
	assert_int_equal(view_group(&g, &c.view, 1, KEY_TYPE, &e), -1);
	assert_int_equal(e.code, EXIT_UNMEASURED);
	assert_int_equal(view_group(&g, &c.view, 1, KEY_FUNCTION, &e), 0);
	view_sort(&g, LIVE_BYTES);
	assert_string_equal(g.row[0].key, "ns::C<int>::push(int)");
	assert_int_equal(g.row[0].m.of[LIVE_BYTES], 500);
	assert_int_equal(g.row[0].sites, 2);
	view_group_free(&g);
	end(&c);
}

/* The same program twice: sites meet, and their numbers double. */
static void processes(void **state)
{
	struct view_group g;
	struct tide_error e;
	struct view views[2];
	struct case_ c, d;

	(void)state;
	make(&c);
	make(&d);
	selected(&c);
	selected(&d);
	views[0] = c.view;
	views[1] = d.view;
	assert_int_equal(view_group(&g, views, 2, KEY_SITE, &e), 0);
	view_sort(&g, LIVE_BYTES);
	assert_int_equal(g.count, 4);
	for (size_t i = 0; i < g.count; i++) {
		assert_int_equal(g.row[i].processes, 2);
		assert_int_equal(g.row[i].m.of[LIVE_BYTES], 200 * (int64_t)(4 - i));
	}
	view_group_free(&g);
	end(&c);
	end(&d);
}

static void find_is(struct case_ *c, const char *text, bool all_frames, size_t expected, uint32_t first)
{
	struct tide_error e;
	uint32_t *sites;
	size_t count = 0;

	if (view_find_sites(&c->snapshot, c->symbols, text, all_frames, &sites, &count, &e))
		count = 0;
	if (count != expected)
		fail_msg("%s: %zu sites", text, count);
	if (count) {
		assert_int_equal(sites[0], first);
		free(sites);
	}
}

static void find(void **state)
{
	struct case_ c;

	(void)state;
	make(&c);
	find_is(&c, "load", false, 1, A);
	find_is(&c, "load", true, 2, A);
	find_is(&c, "ns::C::push", false, 2, B);
	find_is(&c, "operator new", false, 1, C);
	find_is(&c, "main", false, 1, D);
	find_is(&c, "main", true, 4, A);
	find_is(&c, "c.cc:7", false, 2, B);
	find_is(&c, "c.cc:8", false, 0, 0);
	find_is(&c, "ns::*", false, 2, B);
	find_is(&c, "#5", false, 1, 5);
	find_is(&c, "#0", false, 0, 0);
	find_is(&c, "#99", false, 0, 0);
	find_is(&c, "#x", false, 0, 0);
	end(&c);
}

static void check_tree(const struct tree *t)
{
	for (uint32_t i = 0; i < t->count; i++) {
		int64_t sum = t->node[i].self[0], before = INT64_MAX;

		if (t->bottom_up && i && t->node[i].depth == 1)
			sum = 0; /* there a node's own bytes are passed on to its callers as well */
		for (uint32_t child = t->node[i].first_child; child; child = t->node[child].next_sibling) {
			assert_true(child > i && t->node[child].parent == i);
			assert_true(t->node[child].inclusive[0] <= before);
			before = t->node[child].inclusive[0];
			sum += before;
		}
		if (t->node[i].first_child)
			assert_int_equal(sum, t->node[i].inclusive[0]);
	}
}

static void trees(void **state)
{
	struct case_ c;
	struct tree t;
	uint32_t top;

	(void)state;
	make(&c);
	selected(&c);
	tree_build(&t, &c.view, LIVE_BYTES, false, NULL);
	check_tree(&t);
	assert_int_equal(t.node[0].inclusive[0], 1000);
	assert_int_equal(t.node[0].inclusive[1], 10);
	top = t.node[0].first_child;
	assert_string_equal(t.node[top].line->function, "main");
	assert_int_equal(t.node[top].inclusive[0], 1000);
	assert_int_equal(t.node[top].self[0], 400);
	tree_free(&t);

	tree_build(&t, &c.view, LIVE_BYTES, true, NULL);
	check_tree(&t);
	assert_int_equal(t.node[0].inclusive[0], 1000);
	top = t.node[0].first_child;
	assert_string_equal(t.node[top].line->function, "ns::C<int>::push(int)");
	assert_int_equal(t.node[top].inclusive[0], 500);
	tree_free(&t);
	end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters),
		cmocka_unit_test(a_site_that_does_not_exist),
		cmocka_unit_test(intervals),
		cmocka_unit_test(groups),
		cmocka_unit_test(processes),
		cmocka_unit_test(find),
		cmocka_unit_test(trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
