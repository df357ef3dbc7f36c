/* types_screen.c - `types` for people. */
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/alloc.h"
#include "base/units.h"
#include "print/header.h"
#include "print/place.h"
#include "print/table.h"
#include "types_command.h"

#define SCREEN_ROWS 20u
#define SCREEN_FEW 5u
#define NATIVE_LEAST 65536u /* bytes */

void types_screen_cycles(struct screen *s, const struct types_cycles *awaiting,
	const struct types_cycles *pinned, uint64_t garbage, bool disabled)
{
	char objects[UNITS_TEXT], cycles[UNITS_TEXT], bytes[UNITS_TEXT];

	if (awaiting->objects)
		screen_paragraph(s, STYLE_PLAIN, "", "%s in %s %s for gc, which frees %s in all%s.",
			units_many(objects, (int64_t)awaiting->objects, "object"),
			units_many(cycles, (int64_t)awaiting->components, "cycle"),
			awaiting->objects == 1 ? "waits" : "wait", units_bytes(bytes, (int64_t)garbage),
			disabled ? "; it is disabled, so that only gc.collect() does it" : "");
	if (pinned->objects)
		screen_paragraph(s, STYLE_BAD, "", "%s in %s %s garbage that a lost reference keeps alive.",
			units_many(objects, (int64_t)pinned->objects, "object"),
			units_many(cycles, (int64_t)pinned->components, "cycle"),
			pinned->objects == 1 ? "is" : "are");
}

void types_screen_left(struct screen *s, uint64_t left_objects, uint64_t left_references)
{
	char objects[UNITS_TEXT], references[UNITS_TEXT];

	if (left_objects)
		screen_paragraph(s, STYLE_DIM, "",
			"%s %s %s that threads held which did not survive the fork: nobody gives them back, and no "
			"verdict is given.",
			units_many(objects, (int64_t)left_objects, "object"),
			left_objects == 1 ? "has" : "have",
			units_many(references, (int64_t)left_references, "reference"));
}

static bool waits_in_vain(const struct snapshot *s)
{
	return !python_heap_off(s, "generations") && !snapshot_python(s, "gc.enabled");
}

/* Parts that did not pass their check are missing below. */
static void print_off(struct screen *s, const struct snapshot *p)
{
	static const char *const parts[][2] = { { "generations", "The generations of gc are" },
		{ "pymalloc", "The arenas of pymalloc are" } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (python_heap_off(p, parts[i][0]))
			screen_paragraph(s, STYLE_WARNING, "",
				"%s not shown: they are not kept in the way that this release is known for.",
				parts[i][1]);
}

static void print_summary(struct screen *s, const struct types_command *c)
{
	const struct types_view *v = &c->view;
	char version[PYTHON_HEAP_VERSION], objects[UNITS_TEXT], references[UNITS_TEXT], types[UNITS_TEXT];

	screen_print(s, STYLE_HEADING, "Python %s", python_heap_version(version, &c->snapshot));
	fputc('\n', s->out);
	if (v->refleak_objects)
		screen_paragraph(s, STYLE_BAD, "",
			"%s of %s %s %s that nobody holds: a Py_DECREF was forgotten, and gc cannot free them.",
			units_many(objects, (int64_t)v->refleak_objects, "object"),
			units_many(types, (int64_t)v->refleak_types, "type"),
			v->refleak_objects == 1 ? "has" : "have",
			units_many(references, (int64_t)v->refleak_references, "reference"));
	else
		screen_print(s, STYLE_GOOD, "All%s reference counts are explained.\n",
			v->left_objects ? " other" : "");
	types_screen_left(s, v->left_objects, v->left_references);
	/* Stacks say what an import has lost: types_once.c. */
	if (v->refleak_objects && c->snapshot.process->flags & PROCESS_WALKED)
		screen_paragraph(s, STYLE_DIM, "",
			"Without call stacks this includes what extensions lose once, while they are imported: only "
			"growth since an older snapshot is a leak for sure%s%s.",
			c->old_file ? "" : ": tidemark types NEW ", c->old_file ? "" : c->file);
	types_screen_cycles(s, &v->awaiting, &v->pinned, v->garbage.bytes, waits_in_vain(&c->snapshot));
	print_off(s, &c->snapshot);
}

static void print_growth(struct table *t, const struct types_command *c, const struct types_row *r)
{
	char text[UNITS_TEXT];

	if (!c->old_file)
		return;
	table_text(t, STYLE_PLAIN, "%s", units_count_signed(text, r->live_diff));
	table_text(t, r->excess_references_diff > 0 ? STYLE_BAD : STYLE_PLAIN, "%s",
		units_count_signed(text, r->excess_references_diff));
}

static void print_values(struct table *t, const struct types_command *c, const struct types_row *r)
{
	char count[UNITS_TEXT];

	for (unsigned i = 0; i < 3 && r->value[i].objects; i++) {
		char *text = types_repr(&c->snapshot, r->value[i].object);

		if (text)
			table_note(t, STYLE_DIM, "%s of value %s",
				units_many(count, (int64_t)r->value[i].objects, "object"), text);
		free(text);
	}
}

/* Most of what the objects take is memory of C, which Python's own tools do not see. */
void types_screen_native(struct table *t, const struct types_row *r)
{
	char bytes[UNITS_TEXT], blocks[UNITS_TEXT];

	if (r->native_bytes >= NATIVE_LEAST && r->native_bytes >= r->bytes / 2)
		table_note(t, STYLE_DIM, "%s of it are native memory, in %s",
			units_bytes(bytes, (int64_t)r->native_bytes),
			units_many(blocks, (int64_t)r->native_blocks, "block"));
}

/* Python itself leaves this one out. */
const char *types_screen_module(const char *module) { return strcmp(module, "builtins") ? module : ""; }

static struct types_row sum_parts(const struct types_view *v)
{
	struct types_row sum = { 0 };

	for (uint32_t i = 0; i < v->row_count; i++)
		types_counts_add(&sum, &v->row[i]);
	return sum;
}

static void print_types(struct screen *s, struct types_command *c)
{
	struct types_count counted[TYPES_COUNTS];
	struct column column[TYPES_COUNTS + 5];
	struct types_row sum = sum_parts(&c->view);
	size_t rows = options_rows(&c->common, SCREEN_ROWS), n = 0, counts = types_counts(&sum, counted);
	struct table *t;
	char text[UNITS_TEXT];

	column[n++] = (struct column){ "live", COLUMN_RIGHT, false };
	if (c->old_file) {
		column[n++] = (struct column){ "grown", COLUMN_RIGHT, false };
		column[n++] = (struct column){ "more lost", COLUMN_RIGHT, false };
	}
	column[n++] = (struct column){ "bytes", COLUMN_RIGHT, false };
	for (size_t i = 0; i < counts; i++)
		column[n++] = (struct column){ counted[i].head, COLUMN_RIGHT, i > 0 };
	column[n++] = (struct column){ "type", COLUMN_FIT, false };
	t = table_new(s, column, n, c->common.source_root);
	for (uint32_t i = 0; i < c->view.row_count && rows; i++) {
		const struct types_row *r = &c->view.row[c->view.order[i]];

		if (!r->live && !r->live_diff)
			continue;
		rows--;
		table_text(t, STYLE_PLAIN, "%s", units_count(text, (int64_t)r->live));
		print_growth(t, c, r);
		table_text(t, STYLE_PLAIN, "%s", units_bytes(text, (int64_t)r->bytes));
		types_counts_cells(t, counted, counts, r);
		table_text(t, STYLE_NAME, "%s%s%s", types_screen_module(r->module),
			*types_screen_module(r->module) ? "." : "", r->type);
		types_screen_native(t, r);
		if (r->verdict != VERDICT_REFLEAK)
			continue;
		print_values(t, c, r);
		for (unsigned k = 0; k < 3 && r->site[k].objects; k++)
			table_frame(t, symbols_top(c->symbols, r->site[k].site));
	}
	table_show(t);
}

/* The next step: what holds the type that has grown most, preferably one of the program's own. */
static void print_next(struct screen *s, const struct types_command *c)
{
	const struct types_row *grown = NULL;

	for (uint32_t i = 0; i < c->view.row_count && c->old_file; i++) {
		const struct types_row *r = &c->view.row[c->view.order[i]];

		if (r->live_diff > 0 && (!grown || !strcmp(grown->module, "builtins")))
			if (!grown || strcmp(r->module, "builtins") != 0)
				grown = r;
	}
	if (grown)
		screen_hint(s, "who holds them: tidemark refs %s %s%s%s", c->file,
			types_screen_module(grown->module), *types_screen_module(grown->module) ? "." : "",
			grown->type);
	if (c->old_file)
		screen_hint(s, "which variable has grown: tidemark retained %s %s", c->file, c->old_file);
	else
		screen_hint(s, "which variable holds how much: tidemark retained --by variable %s", c->file);
}

/* Who keeps arenas that are mostly free: type, and where it was made. */
static void print_holder(struct screen *s, const struct types_command *c, const struct types_holder *h)
{
	char bytes[UNITS_TEXT], blocks[UNITS_TEXT], *text;
	unsigned used;

	text = alloc_printf("  held by %s of %s, in arenas of %s; made by ",
		units_many(blocks, (int64_t)h->blocks, "block"),
		h->row == PYTHON_HEAP_NONE ? "unknown type" : c->view.row[h->row].type,
		units_bytes(bytes, (int64_t)h->arena_bytes));
	used = screen_columns(s, text);
	fputs(text, s->out);
	place_print(s, symbols_top(c->symbols, h->site), c->common.source_root,
		s->width > used + 20 ? s->width - used : 20);
	fputc('\n', s->out);
	free(text);
}

static void print_pymalloc(struct screen *s, const struct types_command *c)
{
	const struct types_view *v = &c->view;
	char arenas[UNITS_TEXT], bytes[UNITS_TEXT], used[UNITS_TEXT];

	if (!c->snapshot.python_arena_count)
		return;
	fprintf(s->out, "\n");
	screen_paragraph(s, STYLE_PLAIN,
		"pymalloc: ", "%s in %s, %s in use; less than a quarter of %llu is in use.",
		units_bytes(bytes, (int64_t)v->arena_bytes),
		units_many(arenas, (int64_t)c->snapshot.python_arena_count, "arena"),
		units_bytes(used, (int64_t)v->used_bytes), (unsigned long long)v->sparse_arenas);
	if (c->snapshot.process->flags & PROCESS_FORKED && v->arena_own)
		screen_paragraph(s, STYLE_PLAIN, "  forked: ",
			"of %s resident, at least %s are this process's own copies: it wrote to these pages, and "
			"counting a reference is enough. gc.freeze() before the fork leaves some of them shared.",
			units_bytes(bytes, (int64_t)v->arena_resident),
			units_bytes(used, (int64_t)v->arena_own));
	for (uint64_t i = 0; i < v->holder_count && i < SCREEN_FEW; i++)
		print_holder(s, c, &v->holder[i]);
}

static void print_strings(struct screen *s, const struct types_command *c)
{
	const struct types_view *v = &c->view;
	char count[UNITS_TEXT], bytes[UNITS_TEXT], interned[UNITS_TEXT];

	fprintf(s->out, "\n");
	screen_paragraph(s, STYLE_PLAIN, "strings: ", "%s of %s, %s interned.",
		units_many(count, (int64_t)v->strings, "object"),
		units_bytes(bytes, (int64_t)v->string_bytes), units_count(interned, (int64_t)v->interned));
	for (uint64_t i = 0; i < v->duplicate_count && i < SCREEN_FEW; i++) {
		char *text = screen_fit(s, v->duplicate[i].text, s->width > 50 ? s->width - 40 : 10, FIT_END);

		fprintf(s->out, "  %s copies, %s too many: \"%s\"\n",
			units_count(count, (int64_t)v->duplicate[i].copies),
			units_bytes(bytes, (int64_t)v->duplicate[i].wasted), text);
		free(text);
	}
	if (c->prefix)
		fprintf(s->out, "  %s begin with the prefix: %llu distinct, %llu interned, %s\n",
			units_many(count, (int64_t)v->match.objects, "string"),
			(unsigned long long)v->match.distinct, (unsigned long long)v->match.interned,
			units_bytes(bytes, (int64_t)v->match.bytes));
}

static void print_advice(struct screen *s, const struct types_view *v)
{
	char bytes[UNITS_TEXT];
	unsigned left = SCREEN_FEW;

	for (uint32_t i = 0; i < v->row_count && left; i++) {
		const struct types_row *r = &v->row[v->order[i]];

		if (!types_view_slots_save(r))
			continue;
		left--;
		screen_hint(s, "__slots__ in %s would save about %s", r->type,
			units_bytes(bytes, (int64_t)types_view_slots_save(r)));
	}
}

static void print_gc(struct screen *s, const struct snapshot *p)
{
	if (python_heap_off(p, "generations"))
		return;
	fprintf(s->out, "\n");
	screen_paragraph(s, STYLE_PLAIN,
		"gc: ", "%s; %llu, %llu and %llu objects in generations 0, 1 and 2; %llu frozen.",
		snapshot_python(p, "gc.enabled") ? "enabled" : "disabled",
		(unsigned long long)snapshot_python(p, "gc.0.objects"),
		(unsigned long long)snapshot_python(p, "gc.1.objects"),
		(unsigned long long)snapshot_python(p, "gc.2.objects"),
		(unsigned long long)snapshot_python(p, "gc.permanent"));
}

int types_screen(struct types_command *c)
{
	struct screen s;

	screen_open(&s, &c->common);
	header_warnings(&s, &c->snapshot, c->symbols);
	header_who(&s, &c->snapshot);
	if (!s.quiet)
		fputc('\n', s.out);
	if (!python_heap_present(&c->snapshot)) {
		types_native_screen(&s, c);
	} else if (snapshot_python(&c->snapshot, "ended")) {
		fprintf(s.out,
			"Python had shut down when this snapshot was taken, and its objects were gone.\n");
		screen_hint(&s,
			"look into the numbered snapshot of that end, or take one while it runs: tidemark snap PID, "
			"tidemark run --every 10s, or "
			"ctypes.CDLL(None).tide_snapshot(b\"now.tide\") in the program");
	} else if (python_heap_off(&c->snapshot, "counts")) {
		screen_paragraph(&s, STYLE_PLAIN, "", "%s.", python_heap_missing(&c->snapshot));
		fputc('\n', s.out);
		types_native_screen(&s, c);
	} else {
		print_summary(&s, c);
		fputc('\n', s.out);
		print_types(&s, c);
		print_gc(&s, &c->snapshot);
		print_pymalloc(&s, c);
		print_strings(&s, c);
		print_advice(&s, &c->view);
		print_next(&s, c);
		if (c->native.row_count) {
			fputc('\n', s.out);
			types_native_screen(&s, c);
		}
	}
	return screen_close(&s);
}
