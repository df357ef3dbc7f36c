/* gate_json.c - the verdict in JSON: its own contract, SARIF 2.1.0, GitLab code quality. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "gate_output.h"
#include "json_out.h"

static json_t *frame(const struct gate_frame *f)
{
	struct symbol_line line = { .function = f->function, .file = f->file, .line = f->line,
		.module = f->module, .address = f->address, .inlined = f->inlined,
		.language = f->language ? f->language : "native" };
	json_t *o = json_frame(&line);

	/* Python frames have no address. */
	if (!strcmp(line.language, "python"))
		json_object_set_new(o, "address", json_null());
	return o;
}

static json_t *finding(const struct gate_finding *f)
{
	json_t *o = json_object(), *stack = json_array();

	json_object_set_new(o, "kind", json_text(gate_kind[f->kind].name));
	json_object_set_new(o, "fails", json_boolean(f->fails));
	json_object_set_new(o, "message", json_text(f->message));
	json_object_set_new(o, "blocks", json_integer((json_int_t)f->blocks));
	json_object_set_new(o, "bytes", json_integer((json_int_t)f->bytes));
	json_object_set_new(o, "limit", json_text(f->limit));
	json_object_set_new(o, "function", json_text(f->function));
	json_object_set_new(o, "file", json_text(f->file));
	json_object_set_new(o, "line", f->file ? json_integer(f->line) : json_null());
	json_object_set_new(o, "owner", json_text(f->owner));
	json_object_set_new(o, "suppression", json_text(f->suppression));
	json_object_set_new(o, "site", json_text(f->key));
	for (size_t i = 0; i < f->stack.count; i++)
		json_array_append_new(stack, frame(&f->stack.frame[i]));
	json_object_set_new(o, "stack", stack);
	json_object_set_new(o, "snapshot", json_text(f->stack.snapshot));
	return o;
}

void gate_json(const struct gate_report *g, FILE *out)
{
	json_t *root = json_report(NULL), *scenarios = json_array();

	json_object_set_new(root, "verdict", json_text(gate_status_name(g->status)));
	json_object_set_new(root, "status", json_integer(g->status));
	for (size_t i = 0; i < g->count; i++) {
		const struct gate_result *r = &g->results[i];
		json_t *o = json_object(), *snapshots = json_array(), *findings = json_array();

		json_object_set_new(o, "name", json_text(r->scenario));
		json_object_set_new(o, "verdict", json_text(gate_verdict_name(r->verdict)));
		json_object_set_new(o, "reason", json_text(r->reason));
		for (size_t k = 0; k < r->snapshot_count; k++)
			json_array_append_new(snapshots, json_text(r->snapshots[k]));
		json_object_set_new(o, "snapshots", snapshots);
		for (size_t k = 0; k < r->finding_count; k++)
			json_array_append_new(findings, finding(&r->findings[k]));
		json_object_set_new(o, "findings", findings);
		json_array_append_new(scenarios, o);
	}
	json_object_set_new(root, "scenarios", scenarios);
	json_print(root, out);
}

/* A path as a URI reference (RFC 3986): relative stays relative. */
static json_t *uri(const char *path)
{
	static const char hex[] = "0123456789ABCDEF", scheme[] = "file://";
	char *text = memory_get(3 * strlen(path) + sizeof scheme), *to = text;
	json_t *value;

	if (*path == '/') {
		memcpy(to, scheme, sizeof scheme - 1);
		to += sizeof scheme - 1;
	}
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("/-._~", c)) {
			*to++ = (char)c;
		} else {
			*to++ = '%';
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		}
	}
	*to = '\0';
	value = json_text(text);
	free(text);
	return value;
}

static json_t *text_object(const char *text)
{
	json_t *o = json_object();

	json_object_set_new(o, "text", json_text(text));
	return o;
}

static json_t *physical(const char *path, unsigned line)
{
	json_t *o = json_object(), *artifact = json_object(), *region = json_object();

	json_object_set_new(artifact, "uri", uri(path));
	json_object_set_new(o, "artifactLocation", artifact);
	json_object_set_new(region, "startLine", json_integer(line ? line : 1));
	json_object_set_new(o, "region", region);
	return o;
}

static json_t *logical(const char *function)
{
	json_t *array = json_array(), *o = json_object();

	json_object_set_new(o, "fullyQualifiedName", json_text(function));
	json_object_set_new(o, "kind", json_text("function"));
	json_array_append_new(array, o);
	return array;
}

static json_t *sarif_stack(const struct gate_stack *stack)
{
	json_t *stacks = json_array(), *o = json_object(), *frames = json_array();

	for (size_t i = 0; i < stack->count; i++) {
		const struct gate_frame *f = &stack->frame[i];
		json_t *one = json_object(), *location = json_object();

		if (f->file)
			json_object_set_new(location, "physicalLocation", physical(f->file, f->line));
		json_object_set_new(location, "logicalLocations", logical(f->function));
		json_object_set_new(location, "message", text_object(f->function));
		json_object_set_new(one, "location", location);
		if (f->module)
			json_object_set_new(one, "module", json_text(f->module));
		json_array_append_new(frames, one);
	}
	json_object_set_new(o, "message", text_object("allocated here"));
	json_object_set_new(o, "frames", frames);
	json_array_append_new(stacks, o);
	return stacks;
}

static json_t *sarif_result(const struct gate_report *g, const struct gate_result *r, const struct gate_finding *f)
{
	json_t *o = json_object(), *locations = json_array(), *location = json_object(), *prints = json_object();
	char *rule = memory_printf("tidemark/%s", gate_kind[f->kind].name), *text = gate_sentence(r, f);
	char *whole = memory_printf("%s/%s/%s", r->scenario, gate_kind[f->kind].name,
		f->limit_key >= 0 ? gate_limit_name[f->limit_key] : f->suppression ? f->suppression : "");
	unsigned line;
	const char *path = gate_place(g, r, f, &line);

	json_object_set_new(o, "ruleId", json_text(rule));
	json_object_set_new(o, "ruleIndex", json_integer(f->kind));
	json_object_set_new(o, "level", json_text(f->fails ? "error" : "warning"));
	json_object_set_new(o, "message", text_object(text));
	json_object_set_new(location, "physicalLocation", physical(path, line));
	if (f->function)
		json_object_set_new(location, "logicalLocations", logical(f->function));
	json_array_append_new(locations, location);
	json_object_set_new(o, "locations", locations);
	json_object_set_new(prints, "tidemarkSite/v1", json_text(f->key ? f->key : whole));
	json_object_set_new(o, "partialFingerprints", prints);
	if (f->stack.count)
		json_object_set_new(o, "stacks", sarif_stack(&f->stack));
	if (f->kind == GATE_KIND_SUPPRESSED) {
		json_t *list = json_array(), *one = json_object();

		json_object_set_new(one, "kind", json_text("external"));
		json_object_set_new(one, "justification", json_text(f->message));
		json_array_append_new(list, one);
		json_object_set_new(o, "suppressions", list);
	}
	free(rule), free(text), free(whole);
	return o;
}

static json_t *sarif_driver(void)
{
	json_t *driver = json_object(), *rules = json_array();

	json_object_set_new(driver, "name", json_text("tidemark"));
	json_object_set_new(driver, "version", json_text(TIDEMARK_VERSION));
	for (int k = 0; k < GATE_KINDS; k++) {
		json_t *rule = json_object();
		char *id = memory_printf("tidemark/%s", gate_kind[k].name);

		json_object_set_new(rule, "id", json_text(id));
		json_object_set_new(rule, "shortDescription", text_object(gate_kind[k].summary));
		json_object_set_new(rule, "fullDescription", text_object(gate_kind[k].help));
		json_object_set_new(rule, "help", text_object(gate_kind[k].help));
		json_array_append_new(rules, rule);
		free(id);
	}
	json_object_set_new(driver, "rules", rules);
	return driver;
}

void gate_sarif(const struct gate_report *g, FILE *out)
{
	json_t *root = json_object(), *runs = json_array(), *run = json_object(), *tool = json_object();
	json_t *results = json_array(), *invocations = json_array(), *invocation = json_object();

	json_object_set_new(root, "$schema", json_text("https://json.schemastore.org/sarif-2.1.0.json"));
	json_object_set_new(root, "version", json_text("2.1.0"));
	json_object_set_new(tool, "driver", sarif_driver());
	json_object_set_new(run, "tool", tool);
	json_object_set_new(invocation, "executionSuccessful", json_boolean(g->status != EXIT_UNMEASURED));
	json_object_set_new(invocation, "exitCode", json_integer(g->status));
	json_array_append_new(invocations, invocation);
	json_object_set_new(run, "invocations", invocations);
	for (size_t i = 0; i < g->count; i++)
		for (size_t k = 0; k < g->results[i].finding_count; k++) {
			const struct gate_finding *f = &g->results[i].findings[k];

			/* An alert for what got better would be noise; suppressed ones are kept, marked. */
			if (gate_tells_a_problem(f) || f->kind == GATE_KIND_SUPPRESSED)
				json_array_append_new(results, sarif_result(g, &g->results[i], f));
		}
	json_object_set_new(run, "results", results);
	json_object_set_new(run, "columnKind", json_text("utf16CodeUnits"));
	json_array_append_new(runs, run);
	json_object_set_new(root, "runs", runs);
	json_print(root, out);
}

static const char *severity(const struct gate_finding *f)
{
	if (f->kind == GATE_KIND_UNMEASURED)
		return "blocker";
	if (!f->fails)
		return "minor";
	return f->kind == GATE_KIND_EXPIRED ? "major" : "critical";
}

void gate_gitlab(const struct gate_report *g, FILE *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < g->count; i++)
		for (size_t k = 0; k < g->results[i].finding_count; k++) {
			const struct gate_result *r = &g->results[i];
			const struct gate_finding *f = &r->findings[k];
			json_t *o, *location, *lines;
			char *text, *identity, print[17], *check;
			const char *path;
			unsigned line;

			if (!gate_tells_a_problem(f))
				continue;
			o = json_object(), location = json_object(), lines = json_object();
			text = gate_sentence(r, f);
			check = memory_printf("tidemark/%s", gate_kind[f->kind].name);
			/* Without line numbers, so that an edit above the place is no new issue. */
			identity = memory_printf("%s/%s/%d/%s/%s", r->scenario, check, f->limit_key,
				f->key ? f->key : "", f->suppression ? f->suppression : "");
			snprintf(print, sizeof print, "%016" PRIx64, (uint64_t)XXH3_64bits(identity, strlen(identity)));
			path = gate_place(g, r, f, &line);
			json_object_set_new(o, "description", json_text(text));
			json_object_set_new(o, "check_name", json_text(check));
			json_object_set_new(o, "fingerprint", json_text(print));
			json_object_set_new(o, "severity", json_text(severity(f)));
			json_object_set_new(location, "path", json_text(path));
			json_object_set_new(lines, "begin", json_integer(line));
			json_object_set_new(location, "lines", lines);
			json_object_set_new(o, "location", location);
			json_array_append_new(list, o);
			free(text), free(identity), free(check);
		}
	json_print(list, out);
}
