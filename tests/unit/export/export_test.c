/* export: every format holds the same numbers, to the byte; names survive; fleets add up. */
#include "tests/lib/stacks_make.h"
#include <jansson.h>
#include <sqlite3.h>
#include <unistd.h>
#include <zlib.h>
#include "export/pprof.pb-c.h"
#include "report/export/export.h"

static char folder[] = "/tmp/export_test_XXXXXX";
static struct selection everything;

static char *path_of(const char *name)
{
	static char path[8][200];
	static int turn;
	char *p = path[turn++ % 8];
	snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
	return p;
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[100];
	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* Sites of every shape: deep, recursive, inlined, nameless, hostile names, prefix of another. */
static void fill(struct stacks *t)
{
	char deep[512] = "leaf@d.c:1";

	t->build_id = "00112233445566778899aabbccddeeff00112233";
	stacks_site(t, 1000003, 7, "inner@x.c:3|cache_fill@x.c:10;handle@s.c:30;main@s.c:99");
	stacks_site(t, 4096, 2, "handle@s.c:31;main@s.c:99");
	stacks_site(t, 17, 1, "walk@r.c:5;walk@r.c:7;walk@r.c:7;main@s.c:100");
	stacks_site(t, 900, 9, "odd\1name \"quoted\"\\@a,b.c:1;main@s.c:99");
	stacks_site(t, 5, 5, "std::map<int, char>::operator[](int&&)@m.h:8|use@s.c:44;main@s.c:99");
	stacks_site(t, 64, 1, "?0x1234;main@s.c:99");
	stacks_site(t, 128, 1, "?0x5678;main@s.c:99");
	stacks_site(t, 33, 3, ""); /* no stack at all */
	stacks_site(t, 1, 1, "bad\xff utf8@x.c:1;main@s.c:99");
	for (int i = 0; i < 12; i++)
		snprintf(deep + strlen(deep), sizeof(deep) - strlen(deep), ";level%d@d.c:%d", i % 5, i);
	stacks_site(t, 77777, 11, deep);
	/* What is freed has a total and no live bytes. */
	t->site[3].bytes = t->site[3].blocks = 0;
	t->site[3].peak_bytes = 12345;
	t->site[4].temporary = 4;
}

struct fixture {
	struct view view[2];
	struct export x;
	size_t views;
};

static void load(struct fixture *f, unsigned measure, size_t views)
{
	static struct stacks t;
	struct tide_error e = { 0 };

	memset(&t, 0, sizeof(t));
	fill(&t);
	t.pid = 1;
	stacks_save(&t, path_of("a.tide"));
	t.pid = 2;
	t.bias = 0x5000000;
	stacks_site(&t, 2222, 2, "only_here@x.c:9;main@s.c:99");
	stacks_save(&t, path_of("b.tide"));
	f->views = views;
	for (size_t i = 0; i < views; i++)
		if (view_load(&f->view[i], path_of(i ? "b.tide" : "a.tide"), &everything, DOMAIN_BLOCKS, &e))
			fail_msg("%s: %s", e.what, e.why);
	if (export_make(&f->x, f->view, views, measure, &e))
		fail_msg("%s: %s", e.what, e.why);
	f->x.rows = SIZE_MAX - 1;
}

static void unload(struct fixture *f)
{
	export_free(&f->x);
	for (size_t i = 0; i < f->views; i++)
		view_close(&f->view[i]);
}

static char *text_of(
	struct fixture *f, int (*writer)(const struct export *, FILE *, struct tide_error *), size_t *bytes)
{
	char *text = NULL;
	size_t n = 0;
	struct tide_error e = { 0 };
	FILE *out = open_memstream(&text, &n);

	if (writer(&f->x, out, &e))
		fail_msg("%s: %s", e.what, e.why);
	fclose(out);
	if (bytes)
		*bytes = n;
	return text;
}

static int64_t sum_json(struct fixture *f)
{
	char *text = text_of(f, export_json, NULL);
	json_t *root = json_loads(text, 0, NULL), *record;
	const char *name = view_measure_name(f->x.measure);
	int64_t sum = 0;
	size_t i;

	assert_non_null(root);
	json_array_foreach(json_object_get(root, "records"), i, record)
	{
		sum += json_integer_value(json_object_get(record, name));
		assert_true(json_array_size(json_object_get(record, "stack")) > 0);
	}
	assert_int_equal(json_integer_value(json_object_get(json_object_get(root, "totals"), name)), sum);
	json_decref(root);
	free(text);
	return sum;
}

static int64_t sum_csv(struct fixture *f)
{
	char *text = text_of(f, export_csv, NULL), *save, *line = strtok_r(text, "\n", &save);
	const char *name = view_measure_name(f->x.measure);
	int column = 0, found = -1;
	int64_t sum = 0;

	for (char *word = line; word; word = strchr(word, ',') ? strchr(word, ',') + 1 : NULL, column++)
		if (!strncmp(word, name, strlen(name)) && word[strlen(name)] == ',')
			found = column;
	assert_true(found >= 0);
	while ((line = strtok_r(NULL, "\n", &save))) {
		for (int i = 0; i < found; i++)
			line = strchr(line, ',') + 1;
		sum += atoll(line);
	}
	free(text);
	return sum;
}

static int64_t sum_folded(struct fixture *f)
{
	char *text = text_of(f, export_folded, NULL), *save = NULL;
	int64_t sum = 0;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		sum += atoll(strrchr(line, ' '));
	free(text);
	return sum;
}

static Pprof__Profile *read_pprof(struct fixture *f)
{
	static uint8_t plain[1 << 22];
	size_t bytes;
	char *text = text_of(f, export_pprof, &bytes);
	z_stream z = { .next_in = (uint8_t *)text,
		.avail_in = (unsigned)bytes,
		.next_out = plain,
		.avail_out = sizeof(plain) };

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	Pprof__Profile *p = pprof__profile__unpack(NULL, z.total_out, plain);
	inflateEnd(&z);
	free(text);
	assert_non_null(p);
	return p;
}

static int64_t sum_pprof(struct fixture *f)
{
	Pprof__Profile *p = read_pprof(f);
	int64_t sum = 0;
	int type = -1;

	assert_string_equal(p->string_table[0], "");
	for (size_t i = 0; i < p->n_sample_type; i++)
		if (p->sample_type[i]->type == p->default_sample_type)
			type = (int)i;
	assert_true(type >= 0);
	for (size_t i = 0; i < p->n_sample; i++) {
		assert_int_equal(p->sample[i]->n_value, p->n_sample_type);
		assert_true(p->sample[i]->n_location_id > 0);
		sum += p->sample[i]->value[type];
	}
	pprof__profile__free_unpacked(p, NULL);
	return sum;
}

static int64_t sum_speedscope(struct fixture *f)
{
	char *text = text_of(f, export_speedscope, NULL);
	json_t *root = json_loads(text, 0, NULL), *profile, *weight;
	size_t i, frames;
	int64_t sum = 0;

	assert_non_null(root);
	frames = json_array_size(json_object_get(json_object_get(root, "shared"), "frames"));
	profile = json_array_get(json_object_get(root, "profiles"), 0);
	json_array_foreach(json_object_get(profile, "weights"), i, weight)
	{
		json_t *sample = json_array_get(json_object_get(profile, "samples"), i), *frame;
		size_t k;
		json_array_foreach(sample, k, frame) assert_true((size_t)json_integer_value(frame) < frames);
		sum += json_integer_value(weight);
	}
	assert_int_equal(json_integer_value(json_object_get(profile, "endValue")), sum);
	json_decref(root);
	free(text);
	return sum;
}

static int64_t sum_dot(struct fixture *f)
{
	char *text = text_of(f, export_dot, NULL);
	int64_t sum = 0;

	for (char *at = text; (at = strstr(at, "self=\"")); at++)
		sum += atoll(at + 6);
	free(text);
	return sum;
}

/* Every node is at least the sum of its children, and has as many as it says. */
static int64_t massif_node(char **line)
{
	long children = 0;
	long long value = 0, below = 0;

	assert_non_null(*line);
	assert_int_equal(sscanf(*line, " n%ld: %lld", &children, &value), 2);
	*line = strchr(*line, '\n') + 1;
	for (long i = 0; i < children; i++)
		below += massif_node(line);
	assert_true(below <= value);
	return value;
}

static int64_t sum_massif(struct fixture *f)
{
	char *text = text_of(f, export_massif, NULL), *tree = strstr(text, "heap_tree=detailed\n");

	if (!tree)
		tree = strstr(text, "heap_tree=peak\n");
	assert_non_null(tree);
	tree = strchr(tree, '\n') + 1;
	int64_t sum = massif_node(&tree);
	assert_int_equal(*tree, 0);
	free(text);
	return sum;
}

static int64_t sum_dhat(struct fixture *f)
{
	static const char *const field[MEASURES] = { [LIVE_BYTES] = "eb",
		[LIVE_BLOCKS] = "ebk",
		[PEAK_BYTES] = "gb",
		[PEAK_BLOCKS] = "gbk",
		[TOTAL_BYTES] = "tb",
		[TOTAL_BLOCKS] = "tbk" };
	char *text = text_of(f, export_dhat, NULL);
	json_t *root = json_loads(text, 0, NULL), *point;
	size_t i, frames = json_array_size(json_object_get(root, "ftbl"));
	int64_t sum = 0;

	assert_non_null(root);
	json_array_foreach(json_object_get(root, "pps"), i, point)
	{
		json_t *fs = json_object_get(point, "fs"), *frame;
		size_t k;
		json_array_foreach(fs, k, frame) assert_true(
			(size_t)json_integer_value(frame) < frames && json_integer_value(frame) > 0);
		sum += json_integer_value(json_object_get(point, field[f->x.measure]));
	}
	json_decref(root);
	free(text);
	return sum;
}

static int64_t ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *q;

	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK || sqlite3_step(q) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	int64_t value = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return value;
}

static sqlite3 *read_sqlite(struct fixture *f)
{
	struct tide_error e = { 0 };
	sqlite3 *db;
	const char *path = path_of("x.sqlite");

	unlink(path);
	if (export_sqlite(&f->x, path, &e))
		fail_msg("%s: %s", e.what, e.why);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static int64_t sum_sqlite(struct fixture *f)
{
	sqlite3 *db = read_sqlite(f);
	char sql[100];

	snprintf(sql, sizeof(sql), "SELECT sum(%s) FROM site", view_measure_name(f->x.measure));
	int64_t sum = ask(db, sql);
	sqlite3_close(db);
	return sum;
}

static void sums_agree(void **state)
{
	static const unsigned measure[] = { LIVE_BYTES, PEAK_BYTES, TOTAL_BYTES, LIVE_BLOCKS, TOTAL_BLOCKS };
	(void)state;
	for (size_t views = 1; views <= 2; views++)
		for (size_t i = 0; i < sizeof(measure) / sizeof(measure[0]); i++) {
			struct fixture f;
			int64_t want = 0;

			load(&f, measure[i], views);
			for (size_t v = 0; v < views; v++)
				for (uint32_t s = 0; s < f.view[v].snapshot->site_count; s++)
					want += f.view[v].site[s].of[measure[i]];
			assert_true(want > 0);
			assert_int_equal(f.x.total[measure[i]], want);
			assert_int_equal(sum_json(&f), want);
			assert_int_equal(sum_csv(&f), want);
			assert_int_equal(sum_folded(&f), want);
			assert_int_equal(sum_pprof(&f), want);
			assert_int_equal(sum_speedscope(&f), want);
			assert_int_equal(sum_dot(&f), want);
			assert_int_equal(sum_dhat(&f), want);
			assert_int_equal(sum_sqlite(&f), want);
			if (view_measure_is_bytes(measure[i]))
				assert_int_equal(sum_massif(&f), want);
			unload(&f);
		}
}

static void fleet(void **state)
{
	struct fixture f;
	size_t both = 0, one = 0;
	(void)state;
	load(&f, LIVE_BYTES, 2);
	for (size_t i = 0; i < f.x.count; i++) {
		both += f.x.site[i].processes == 2;
		one += f.x.site[i].processes == 1;
	}
	assert_int_equal(both, 10);
	assert_int_equal(one, 1);
	assert_int_equal(f.x.site[0].of[LIVE_BYTES], 2 * 1000003);
	unload(&f);
}

static void inlined_frames_in_pprof(void **state)
{
	struct fixture f;
	bool seen = false;
	(void)state;
	load(&f, LIVE_BYTES, 1);
	Pprof__Profile *p = read_pprof(&f);
	/* The largest site is the first sample: leaf first, and in its location the innermost line first. */
	uint64_t leaf = p->sample[0]->location_id[0];
	for (size_t i = 0; i < p->n_location; i++) {
		if (p->location[i]->id != leaf)
			continue;
		seen = true;
		assert_int_equal(p->location[i]->n_line, 2);
		Pprof__Function *inner = p->function[p->location[i]->line[0]->function_id - 1];
		Pprof__Function *outer = p->function[p->location[i]->line[1]->function_id - 1];
		assert_string_equal(p->string_table[inner->name], "inner");
		assert_string_equal(p->string_table[inner->filename], "x.c");
		assert_int_equal(p->location[i]->line[0]->line, 3);
		assert_string_equal(p->string_table[outer->name], "cache_fill");
	}
	assert_true(seen);
	assert_int_equal(p->sample[0]->n_location_id, 3);
	assert_int_equal(p->n_mapping, 1);
	assert_string_equal(p->string_table[p->mapping[0]->filename], "/opt/server");
	assert_string_equal(
		p->string_table[p->mapping[0]->build_id], "00112233445566778899aabbccddeeff00112233");
	for (size_t i = 0; i < p->n_location; i++)
		assert_true(p->location[i]->id == i + 1);
	pprof__profile__free_unpacked(p, NULL);
	unload(&f);
}

static void folded_lines(void **state)
{
	struct fixture f;
	(void)state;
	load(&f, LIVE_BYTES, 1);
	char *text = text_of(&f, export_folded, NULL);
	assert_non_null(strstr(text, "main;handle;cache_fill;inner 1000003\n"));
	assert_non_null(strstr(text, "main;walk;walk;walk 17\n"));
	free(text);
	unload(&f);
	load(&f, PEAK_BYTES, 1);
	text = text_of(&f, export_folded, NULL);
	assert_non_null(strstr(text, "main;odd:name \"quoted\"\\ 12345\n"));
	free(text);
	unload(&f);
}

static void recursion_in_dot(void **state)
{
	struct fixture f;
	(void)state;
	load(&f, LIVE_BYTES, 1);
	char *text = text_of(&f, export_dot, NULL), *at = strstr(text, "[label=\"walk");
	assert_non_null(at);
	assert_non_null(strstr(at, "value=\"17\", self=\"17\""));
	free(text);
	unload(&f);
}

static void equal_input_equal_output(void **state)
{
	static int (*const writer[])(const struct export *, FILE *, struct tide_error *) = { export_json,
		export_csv, export_folded, export_speedscope, export_dot, export_massif, export_dhat,
		export_pprof, export_perfetto };
	(void)state;
	for (size_t i = 0; i < sizeof(writer) / sizeof(writer[0]); i++) {
		struct fixture f;
		size_t bytes[2];
		char *text[2];

		for (int k = 0; k < 2; k++) {
			load(&f, LIVE_BYTES, 2);
			text[k] = text_of(&f, writer[i], &bytes[k]);
			unload(&f);
		}
		assert_int_equal(bytes[0], bytes[1]);
		assert_memory_equal(text[0], text[1], bytes[0]);
		free(text[0]);
		free(text[1]);
	}
}

static void database(void **state)
{
	struct fixture f;
	(void)state;
	load(&f, LIVE_BYTES, 2);
	sqlite3 *db = read_sqlite(&f);
	assert_int_equal(ask(db, "SELECT count(*) FROM snapshot"), 2);
	assert_int_equal(ask(db, "SELECT count(*) FROM site"), 11);
	assert_int_equal(ask(db, "SELECT live_bytes FROM callers WHERE function = 'only_here'"), 2222);
	assert_int_equal(
		ask(db, "SELECT count(*) FROM stack LEFT JOIN frame ON frame.id = stack.frame WHERE frame.id IS NULL"),
		0);
	assert_int_equal(
		ask(db, "SELECT inlined FROM stack JOIN frame ON frame.id = frame WHERE function = 'inner'"),
		1);
	assert_int_equal(ask(db, "SELECT count(*) FROM timeline"), 4);
	assert_int_equal(ask(db, "SELECT count(lost_bytes) FROM site"), 0);
	sqlite3_close(db);
	unload(&f);
}

static void unknown_measure(void **state)
{
	struct fixture f;
	struct export x;
	struct tide_error e = { 0 };
	(void)state;
	load(&f, LIVE_BYTES, 1);
	assert_int_equal(export_make(&x, f.view, 1, LOST_BYTES, &e), -1);
	assert_int_equal(e.code, EXIT_UNMEASURED);
	f.x.measure = LIVE_BLOCKS;
	FILE *null = fopen("/dev/null", "w");
	assert_int_equal(export_massif(&f.x, null, &e), -1);
	assert_int_equal(e.code, EXIT_USAGE);
	fclose(null);
	unload(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_agree),
		cmocka_unit_test(fleet),
		cmocka_unit_test(inlined_frames_in_pprof),
		cmocka_unit_test(folded_lines),
		cmocka_unit_test(recursion_in_dot),
		cmocka_unit_test(equal_input_equal_output),
		cmocka_unit_test(database),
		cmocka_unit_test(unknown_measure),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
