/* export_csv.c - one row per site: CSV with a head, and JSON lines, for databases.
 *
 * Both have the same columns: all measures, the caller of the allocator, the stack as
 * "root;...;leaf", the key that the site has in every run and build (site_key.h), and
 * the process. So rows of many snapshots fit in one table. Where a row sums up
 * several processes, what they do not share is empty.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "export.h"
#include "export_folded.h"
#include "print/csv.h"
#include "print/json.h"
#include "symbol/site_key.h"

/* What is the same in all rows. */
struct origin {
	const char *exe, *build_id, *reason;
	const struct tide_process *process; /* NULL: several */
	bool complete;
};

static const char *build_id_of(const struct snapshot *s)
{
	for (size_t m = 1; m < s->module_count; m++)
		if (s->modules[m].flags & MODULE_MAIN)
			return snapshot_string(s, s->modules[m].build_id);
	return "";
}

static struct origin origin_of(const struct export *x)
{
	const struct snapshot *first = x->view[0].snapshot;
	struct origin o = { .exe = snapshot_string(first, first->process->exe),
		.build_id = build_id_of(first),
		.reason = snapshot_reason(first->process->reason),
		.complete = true };

	for (size_t i = 0; i < x->view_count; i++) {
		const struct snapshot *s = x->view[i].snapshot;

		o.complete &= s->process->complete && !s->damaged;
		if (o.exe && strcmp(o.exe, snapshot_string(s, s->process->exe)))
			o.exe = NULL;
		if (o.build_id && strcmp(o.build_id, build_id_of(s)))
			o.build_id = NULL;
		if (o.reason && strcmp(o.reason, snapshot_reason(s->process->reason)))
			o.reason = NULL;
	}
	o.process = x->view_count == 1 ? first->process : NULL;
	return o;
}

struct rows {
	FILE *out;
	bool as_json;
	struct json json;
	bool follows; /* CSV: the next field needs a comma */
};

static void lead_field(struct rows *r)
{
	if (r->follows)
		putc_unlocked(',', r->out);
	r->follows = true;
}

static void put_number(struct rows *r, const char *name, int64_t n)
{
	if (r->as_json) {
		json_number(&r->json, name, n);
	} else {
		lead_field(r);
		fprintf(r->out, "%" PRId64, n);
	}
}

static void put_text(struct rows *r, const char *name, const char *text)
{
	if (r->as_json) {
		json_text(&r->json, name, text);
	} else {
		lead_field(r);
		csv_text(r->out, text);
	}
}

static void put_boolean(struct rows *r, const char *name, bool value)
{
	if (r->as_json)
		json_bool(&r->json, name, value);
	else
		put_text(r, name, value ? "true" : "false");
}

static void put_origin(struct rows *r, const struct origin *o)
{
	put_text(r, "exe", o->exe);
	put_text(r, "build_id", o->build_id);
	if (o->process) {
		put_number(r, "pid", o->process->pid);
		put_number(r, "started_ns", (int64_t)o->process->started_wall_ns);
		put_number(r, "elapsed_ns", (int64_t)o->process->elapsed_ns);
	} else {
		static const char *const name[] = { "pid", "started_ns", "elapsed_ns" };

		for (size_t i = 0; i < 3; i++)
			put_text(r, name[i], NULL);
	}
	put_text(r, "reason", o->reason);
	put_boolean(r, "complete", o->complete);
}

static void put_site(struct rows *r, const struct export *x, const struct export_site *site,
	struct site_keys *keys, struct export_frames *names, const struct export_stack *stack)
{
	const struct symbol_line *line = stack->line[stack->caller];
	char *folded = export_folded_stack(names, stack), key[SITE_KEY_TEXT];

	for (unsigned m = 0; m < MEASURES; m++)
		if (x->known & 1u << m)
			put_number(r, view_measure_name(m), site->of[m]);
	put_number(r, "processes", site->processes);
	put_text(r, "function", line->function);
	put_text(r, "file", line->file);
	put_number(r, "line", line->line);
	put_text(r, "module", line->module);
	put_text(r, "stack", folded);
	put_text(r, "key", site_key_text(site_key(keys, site->site), key));
	free(folded);
}

static int write_rows(const struct export *x, FILE *out, bool as_json)
{
	struct site_keys **keys = alloc_bytes(x->view_count * sizeof(*keys));
	struct export_frames names = EXPORT_FOLDED_NAMES;
	struct export_stack stack = { 0 };
	struct origin origin = origin_of(x);
	struct rows r = { .out = out, .as_json = as_json, .json.out = out };

	for (size_t i = 0; i < x->view_count; i++)
		keys[i] = site_keys_new(x->view[i].snapshot, x->view[i].symbols);
	for (size_t i = 0; i < x->count; i++) {
		const struct export_site *site = &x->site[i];

		r.follows = r.json.follows = false;
		if (as_json)
			json_open_object(&r.json, NULL);
		export_stack(&stack, site);
		put_site(&r, x, site, keys[site->view - x->view], &names, &stack);
		put_origin(&r, &origin);
		if (as_json)
			json_close_object(&r.json);
		putc_unlocked('\n', out);
	}
	for (size_t i = 0; i < x->view_count; i++)
		site_keys_free(keys[i]);
	free(keys);
	export_frames_free(&names);
	export_stack_free(&stack);
	return 0;
}

int export_csv(const struct export *x, FILE *out, struct tide_error *e)
{
	(void)e;
	for (unsigned m = 0; m < MEASURES; m++)
		if (x->known & 1u << m)
			fprintf(out, "%s,", view_measure_name(m));
	fputs("processes,function,file,line,module,stack,key,exe,build_id,pid,started_ns,elapsed_ns,reason,complete\n",
		out);
	return write_rows(x, out, false);
}

int export_jsonl(const struct export *x, FILE *out, struct tide_error *e)
{
	(void)e;
	return write_rows(x, out, true);
}
