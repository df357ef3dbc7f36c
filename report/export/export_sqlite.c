/* export_sqlite.c - a database: for questions that no verb answers. SQLITE.md
 * describes the tables and gives queries. */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/intern.h"
#include "base/path.h"
#include "export.h"
#include "view/block_types.h"
#include "view/selection.h"

static const char schema[] =
	"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA user_version = 1;"
	"BEGIN;"
	"CREATE TABLE snapshot (id INTEGER PRIMARY KEY, path TEXT, pid INTEGER, exe TEXT, command TEXT, reason TEXT,"
	" complete INTEGER, started_ns INTEGER, elapsed_ns INTEGER, live_bytes INTEGER, live_blocks INTEGER,"
	" peak_bytes INTEGER, peak_elapsed_ns INTEGER, total_bytes INTEGER, total_blocks INTEGER, rss_bytes INTEGER,"
	" own_bytes INTEGER, sample_bytes INTEGER);"
	"CREATE TABLE module (id INTEGER PRIMARY KEY, snapshot INTEGER REFERENCES snapshot, path TEXT, name TEXT,"
	" build_id TEXT, lo INTEGER, hi INTEGER);"
	"CREATE TABLE frame (id INTEGER PRIMARY KEY, function TEXT, file TEXT, line INTEGER, module TEXT, language TEXT);"
	"CREATE TABLE site (id INTEGER PRIMARY KEY, live_bytes INTEGER, live_blocks INTEGER, peak_bytes INTEGER,"
	" peak_blocks INTEGER, total_bytes INTEGER, total_blocks INTEGER, temporary INTEGER, reallocations INTEGER,"
	" lost_bytes INTEGER, lost_blocks INTEGER, processes INTEGER, caller INTEGER REFERENCES frame,"
	" snapshot INTEGER REFERENCES snapshot, number INTEGER);"
	"CREATE TABLE stack (site INTEGER REFERENCES site, depth INTEGER, frame INTEGER REFERENCES frame,"
	" address INTEGER, inlined INTEGER, PRIMARY KEY (site, depth)) WITHOUT ROWID;"
	"CREATE TABLE thread (id INTEGER PRIMARY KEY, snapshot INTEGER REFERENCES snapshot, number INTEGER, tid INTEGER,"
	" name TEXT, allocations INTEGER, live_bytes INTEGER);"
	"CREATE TABLE mark (snapshot INTEGER REFERENCES snapshot, number INTEGER, name TEXT, elapsed_ns INTEGER,"
	" live_bytes INTEGER, live_blocks INTEGER);"
	"CREATE TABLE timeline (snapshot INTEGER REFERENCES snapshot, elapsed_ns INTEGER, live_bytes INTEGER,"
	" live_blocks INTEGER, rss_bytes INTEGER, total_blocks INTEGER);"
	"CREATE TABLE coverage (snapshot INTEGER REFERENCES snapshot, name TEXT, value INTEGER);"
	"CREATE TABLE block (snapshot INTEGER REFERENCES snapshot, address INTEGER, bytes INTEGER,"
	" site INTEGER REFERENCES site, born_interval INTEGER, thread INTEGER REFERENCES thread,"
	" type TEXT, evidence TEXT);";
static const char ending[] =
	"CREATE INDEX stack_frame ON stack (frame);"
	"CREATE INDEX block_site ON block (site);"
	"CREATE VIEW callers AS SELECT site.*, frame.function, frame.file, frame.line, frame.module"
	" FROM site JOIN frame ON frame.id = site.caller;"
	"COMMIT;";

/* A column's value: text when it is not NULL, else the number. */
struct cell {
	const char *text;
	int64_t number;
	bool null;
};
#define TEXT(t) ((struct cell){ .text = (t), .null = !(t) })
#define NUMBER(n) ((struct cell){ .number = (int64_t)(n) })
#define NOTHING ((struct cell){ .null = true })

struct database {
	sqlite3 *db;
	bool failed; /* the message is in the database handle */
	const struct export *x;
	uint32_t **site_row;   /* by view and site: row of table site; 0 = not exported */
	int64_t *first_thread; /* by view: id of thread 0 */
	struct intern frames;
};

static sqlite3_stmt *prepare_statement(struct database *d, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	if (!d->failed && sqlite3_prepare_v2(d->db, sql, -1, &statement, NULL) != SQLITE_OK)
		d->failed = true;
	return statement;
}

static void insert_row(struct database *d, sqlite3_stmt *statement, const struct cell *cell, int count)
{
	if (d->failed)
		return;
	for (int i = 0; i < count; i++) {
		if (cell[i].null)
			sqlite3_bind_null(statement, i + 1);
		else if (cell[i].text)
			sqlite3_bind_text(statement, i + 1, cell[i].text, -1,
				SQLITE_STATIC); /* read before the next row */
		else
			sqlite3_bind_int64(statement, i + 1, cell[i].number);
	}
	if (sqlite3_step(statement) != SQLITE_DONE)
		d->failed = true;
	sqlite3_reset(statement);
}
#define INSERT(d, statement, ...)                                                                            \
	do {                                                                                                 \
		const struct cell row_[] = { __VA_ARGS__ };                                                  \
		insert_row(d, statement, row_, (int)(sizeof(row_) / sizeof(row_[0])));                       \
	} while (0)

static void put_snapshot(struct database *d, const struct snapshot *s, int64_t id)
{
	const struct tide_process *p = s->process;
	sqlite3_stmt *row =
		prepare_statement(d, "INSERT INTO snapshot VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");

	INSERT(d, row, NUMBER(id), TEXT(s->path ? s->path : ""), NUMBER(p->pid),
		TEXT(snapshot_string(s, p->exe)), TEXT(snapshot_string(s, p->command)),
		TEXT(snapshot_reason(p->reason)), NUMBER(p->complete && !s->damaged),
		NUMBER(p->started_wall_ns), NUMBER(p->elapsed_ns), NUMBER(p->live_bytes),
		NUMBER(p->live_blocks), NUMBER(p->peak_bytes), NUMBER(p->peak_elapsed_ns),
		NUMBER(p->total_bytes), NUMBER(p->total_blocks), NUMBER(p->rss_bytes), NUMBER(p->own_bytes),
		NUMBER(p->sample_bytes));
	sqlite3_finalize(row);

	row = prepare_statement(d, "INSERT INTO module VALUES (NULL,?,?,?,?,?,?)");
	for (size_t i = 1; i < s->module_count; i++) {
		const char *path = snapshot_string(s, s->modules[i].path);

		INSERT(d, row, NUMBER(id), TEXT(path), TEXT(path_base(path)),
			TEXT(snapshot_string(s, s->modules[i].build_id)), NUMBER(s->modules[i].lo),
			NUMBER(s->modules[i].hi));
	}
	sqlite3_finalize(row);
	row = prepare_statement(d, "INSERT INTO mark VALUES (?,?,?,?,?,?)");
	for (size_t i = 0; i < s->mark_count; i++) {
		const struct tide_mark *m = &s->marks[i];

		INSERT(d, row, NUMBER(id), NUMBER(i + 1), TEXT(snapshot_string(s, m->name)),
			NUMBER(m->elapsed_ns), NUMBER(m->live_bytes), NUMBER(m->live_blocks));
	}
	sqlite3_finalize(row);
	row = prepare_statement(d, "INSERT INTO timeline VALUES (?,?,?,?,?,?)");
	for (size_t i = 0; i < s->point_count; i++) {
		const struct tide_point *t = &s->timeline[i];

		INSERT(d, row, NUMBER(id), NUMBER(t->elapsed_ns), NUMBER(t->live_bytes),
			NUMBER(t->live_blocks), NUMBER(t->rss_bytes), NUMBER(t->total_blocks));
	}
	sqlite3_finalize(row);
	row = prepare_statement(d, "INSERT INTO coverage VALUES (?,?,?)");
	for (size_t i = 0; i < s->value_count; i++)
		INSERT(d, row, NUMBER(id), TEXT(snapshot_string(s, s->values[i].name)),
			NUMBER(s->values[i].value));
	sqlite3_finalize(row);
}

static void put_threads(struct database *d)
{
	sqlite3_stmt *row = prepare_statement(d, "INSERT INTO thread VALUES (?,?,?,?,?,?,?)");
	int64_t id = 1;

	for (size_t v = 0; v < d->x->view_count; v++) {
		const struct snapshot *s = d->x->view[v].snapshot;

		d->first_thread[v] = id;
		for (size_t i = 0; i < s->thread_count; i++)
			INSERT(d, row, NUMBER(id++), NUMBER(v + 1), NUMBER(i), NUMBER(s->threads[i].tid),
				TEXT(snapshot_string(s, s->threads[i].name)),
				NUMBER(s->threads[i].allocations), NUMBER(s->threads[i].live_bytes));
	}
	sqlite3_finalize(row);
}

static int64_t number_frame(struct database *d, sqlite3_stmt *row, const struct symbol_line *line)
{
	char *key = alloc_printf("%s\n%s\n%u\n%s", line->function, line->file ? line->file : "", line->line,
		line->module ? line->module : "");
	size_t before = d->frames.count;
	int64_t id = intern_text(&d->frames, key) + INT64_C(1);

	free(key);
	if (d->frames.count != before)
		INSERT(d, row, NUMBER(id), TEXT(line->function), TEXT(line->file), NUMBER(line->line),
			TEXT(line->module), TEXT(line->language));
	return id;
}

static struct cell measure(const struct export *x, const struct export_site *site, unsigned m)
{
	return x->known & 1u << m ? NUMBER(site->of[m]) : NOTHING;
}

static void put_sites(struct database *d)
{
	const struct export *x = d->x;
	sqlite3_stmt *frame = prepare_statement(d, "INSERT INTO frame VALUES (?,?,?,?,?,?)");
	sqlite3_stmt *stack = prepare_statement(d, "INSERT INTO stack VALUES (?,?,?,?,?)");
	struct export_stack lines = { 0 };
	sqlite3_stmt *row = prepare_statement(d, "INSERT INTO site VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");

	for (size_t i = 0; i < x->count && !d->failed; i++) {
		const struct export_site *site = &x->site[i];
		int64_t caller = 0;

		export_stack(&lines, site);
		for (size_t k = 0; k < lines.lines; k++) {
			const struct symbol_line *line = lines.line[k];
			int64_t id = number_frame(d, frame, line);

			if (k == lines.caller)
				caller = id;
			INSERT(d, stack, NUMBER(i + 1), NUMBER(k), NUMBER(id), NUMBER(line->address),
				NUMBER(line->inlined));
		}
		INSERT(d, row, NUMBER(i + 1), measure(x, site, LIVE_BYTES), measure(x, site, LIVE_BLOCKS),
			measure(x, site, PEAK_BYTES), measure(x, site, PEAK_BLOCKS),
			measure(x, site, TOTAL_BYTES), measure(x, site, TOTAL_BLOCKS),
			measure(x, site, TEMPORARY), measure(x, site, REALLOCATIONS),
			measure(x, site, LOST_BYTES), measure(x, site, LOST_BLOCKS), NUMBER(site->processes),
			NUMBER(caller), NUMBER(site->view - x->view + 1), NUMBER(site->site));
		d->site_row[site->view - x->view][site->site] = (uint32_t)i + 1;
	}
	export_stack_free(&lines);
	sqlite3_finalize(frame);
	sqlite3_finalize(stack);
	sqlite3_finalize(row);
}

/* Marks before this birth number: the interval of view.h. */
static size_t interval_of(const struct snapshot *s, uint32_t birth)
{
	return s->mark_count - selection_age(s, birth);
}

static void put_blocks(struct database *d)
{
	sqlite3_stmt *row = prepare_statement(d, "INSERT INTO block VALUES (?,?,?,?,?,?,?,?)");

	for (size_t v = 0; v < d->x->view_count; v++) {
		const struct snapshot *s = d->x->view[v].snapshot;
		struct block_types types;

		snapshot_verify(d->x->view[v].snapshot); /* what it has stored of types is checked there */
		block_types_find(&types, s, d->x->view[v].symbols);
		for (size_t i = 0; i < s->block_count && !d->failed; i++) {
			const char *type = block_types_name(&types, i);
			const struct tide_block *b = &s->blocks[i];

			if (b->site >= s->site_count || !d->x->view[v].has_blocks[b->site])
				continue;
			uint32_t site = s->sites[b->site].flags & SITE_OF_SIZE ? 0 : d->site_row[v][b->site];
			INSERT(d, row, NUMBER(v + 1), NUMBER(b->address), NUMBER(b->bytes),
				site ? NUMBER(site) : NOTHING, NUMBER(interval_of(s, b->birth)),
				b->thread < s->thread_count ? NUMBER(d->first_thread[v] + b->thread)
							    : NOTHING,
				type ? TEXT(type) : NOTHING,
				type ? TEXT(block_types_evidence(types.evidence[i])) : NOTHING);
		}
		block_types_free(&types);
	}
	sqlite3_finalize(row);
}

static void execute_sql(struct database *d, const char *sql)
{
	if (!d->failed && sqlite3_exec(d->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		d->failed = true;
}

int export_sqlite(const struct export *x, const char *path, struct tide_error *e)
{
	struct database d = { .x = x };
	int bad = 0;

	if (sqlite3_open_v2(
		    path, &d.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL)
		!= SQLITE_OK)
		d.failed = true;
	d.first_thread = alloc_zeroed(x->view_count, sizeof(*d.first_thread));
	d.site_row = alloc_bytes(x->view_count * sizeof(*d.site_row));
	for (size_t v = 0; v < x->view_count; v++)
		d.site_row[v] = alloc_zeroed(x->view[v].snapshot->site_count + 1, sizeof(**d.site_row));
	execute_sql(&d, schema);
	for (size_t v = 0; v < x->view_count; v++)
		put_snapshot(&d, x->view[v].snapshot, (int64_t)v + 1);
	put_threads(&d);
	put_sites(&d);
	put_blocks(&d);
	execute_sql(&d, ending);
	if (d.failed)
		bad = error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|check the folder and its free space",
			path, d.db ? sqlite3_errmsg(d.db) : "no memory");
	sqlite3_close(d.db);
	for (size_t v = 0; v < x->view_count; v++)
		free(d.site_row[v]);
	free(d.site_row);
	free(d.first_thread);
	intern_free(&d.frames);
	return bad;
}
