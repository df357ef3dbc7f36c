/* gate_json.c - the verdict in JSON: its own contract, SARIF 2.1.0, GitLab code quality. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/alloc.h"
#include "base/version.h"
#include "gate_output.h"
#include "print/json_report.h"
#include "print/options.h"

static void write_frame(struct json *j, const struct gate_frame *f)
{
	const char *language = f->language ? f->language : "native";

	json_open_object(j, NULL);
	json_text(j, "function", f->function);
	json_text(j, "file", f->file);
	json_number(j, "line", f->line);
	json_text(j, "module", f->module);
	/* Python frames have no address. */
	if (!strcmp(language, "python"))
		json_none(j, "address");
	else
		json_address(j, "address", f->address);
	json_bool(j, "inlined", f->inlined);
	json_text(j, "language", language);
	json_close_object(j);
}

static void write_finding(struct json *j, const struct gate_finding *f)
{
	json_open_object(j, NULL);
	json_text(j, "kind", gate_kind[f->kind].name);
	json_bool(j, "fails", f->fails);
	json_text(j, "message", f->message);
	json_number(j, "blocks", (int64_t)f->blocks);
	json_number(j, "bytes", (int64_t)f->bytes);
	json_text(j, "limit", f->limit);
	json_text(j, "type", f->type);
	json_text(j, "function", f->function);
	json_text(j, "file", f->file);
	if (f->file && f->line)
		json_number(j, "line", f->line);
	else
		json_none(j, "line");
	json_text(j, "owner", f->owner);
	json_text(j, "suppression", f->suppression);
	json_text(j, "site", f->key);
	json_open_array(j, "stack");
	for (size_t i = 0; i < f->stack.count; i++)
		write_frame(j, &f->stack.frame[i]);
	json_close_array(j);
	json_text(j, "snapshot", f->stack.snapshot);
	json_close_object(j);
}

static void write_result(struct json *j, const struct gate_result *r)
{
	json_open_object(j, NULL);
	json_text(j, "name", r->scenario);
	json_text(j, "verdict", gate_verdict_name(r->verdict));
	json_text(j, "reason", r->reason);
	json_open_array(j, "snapshots");
	for (size_t k = 0; k < r->snapshot_count; k++)
		json_text(j, NULL, r->snapshots[k]);
	json_close_array(j);
	json_open_array(j, "findings");
	for (size_t k = 0; k < r->finding_count; k++)
		write_finding(j, &r->findings[k]);
	json_close_array(j);
	json_close_object(j);
}

void gate_json(const struct gate_report *g, FILE *out)
{
	struct json_report report;
	struct json *j = &report.json;

	json_report_open(&report, out);
	json_text(j, "verdict", gate_status_name(g->status));
	json_number(j, "status", g->status);
	json_open_array(j, "scenarios");
	for (size_t i = 0; i < g->count; i++)
		write_result(j, &g->results[i]);
	json_close_array(j);
	json_report_close(&report);
}

/* A path as a URI reference (RFC 3986): relative stays relative. */
static void write_uri(struct json *j, const char *path)
{
	static const char hex[] = "0123456789ABCDEF", scheme[] = "file://";
	char *text = alloc_bytes(3 * strlen(path) + sizeof(scheme)), *to = text;

	if (*path == '/') {
		memcpy(to, scheme, sizeof(scheme) - 1);
		to += sizeof(scheme) - 1;
	}
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
			|| strchr("/-._~", c)) {
			*to++ = (char)c;
		} else {
			*to++ = '%';
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		}
	}
	*to = '\0';
	json_text(j, "uri", text);
	free(text);
}

/* {"text":...}, the object that SARIF uses for every sentence. */
static void write_message(struct json *j, const char *name, const char *text)
{
	json_open_object(j, name);
	json_text(j, "text", text);
	json_close_object(j);
}

static void write_physical(struct json *j, const char *path, unsigned line)
{
	json_open_object(j, "physicalLocation");
	json_open_object(j, "artifactLocation");
	write_uri(j, path);
	json_close_object(j);
	json_open_object(j, "region");
	json_number(j, "startLine", line ? line : 1);
	json_close_object(j);
	json_close_object(j);
}

static void write_logical(struct json *j, const char *function)
{
	json_open_array(j, "logicalLocations");
	json_open_object(j, NULL);
	json_text(j, "fullyQualifiedName", function);
	json_text(j, "kind", "function");
	json_close_object(j);
	json_close_array(j);
}

static void write_sarif_frame(struct json *j, const struct gate_frame *f)
{
	json_open_object(j, NULL);
	json_open_object(j, "location");
	if (f->file)
		write_physical(j, f->file, f->line);
	write_logical(j, f->function);
	write_message(j, "message", f->function);
	json_close_object(j);
	if (f->module)
		json_text(j, "module", f->module);
	json_close_object(j);
}

static void write_sarif_stack(struct json *j, const struct gate_stack *stack, bool of_error)
{
	json_open_array(j, "stacks");
	json_open_object(j, NULL);
	write_message(j, "message", of_error ? "freed here" : "allocated here");
	json_open_array(j, "frames");
	for (size_t i = 0; i < stack->count; i++)
		write_sarif_frame(j, &stack->frame[i]);
	json_close_array(j);
	json_close_object(j);
	json_close_array(j);
}

static void write_sarif_suppression(struct json *j, const struct gate_finding *f)
{
	json_open_array(j, "suppressions");
	json_open_object(j, NULL);
	json_text(j, "kind", "external");
	json_text(j, "justification", f->message);
	json_close_object(j);
	json_close_array(j);
}

static void write_sarif_result(struct json *j, const struct gate_report *g, const struct gate_result *r,
	const struct gate_finding *f)
{
	char *rule = alloc_printf("tidemark/%s", gate_kind[f->kind].name), *text = gate_sentence(r, f);
	char *part = f->key && f->part ? alloc_printf("%s/%u", f->key, f->part + 1) : NULL;
	char *whole = alloc_printf("%s/%s/%s", r->scenario, gate_kind[f->kind].name,
		f->limit_key >= 0        ? gate_limit_name[f->limit_key]
			: f->suppression ? f->suppression
					 : "");
	unsigned line;
	const char *path = gate_place(g, r, f, &line);

	json_open_object(j, NULL);
	json_text(j, "ruleId", rule);
	json_number(j, "ruleIndex", f->kind);
	json_text(j, "level", f->fails ? "error" : "warning");
	write_message(j, "message", text);
	json_open_array(j, "locations");
	json_open_object(j, NULL);
	write_physical(j, path, line);
	if (f->function)
		write_logical(j, f->function);
	json_close_object(j);
	json_close_array(j);
	json_open_object(j, "partialFingerprints");
	json_text(j, "tidemarkSite/v1", part ? part : f->key ? f->key : whole);
	json_close_object(j);
	if (f->stack.count)
		write_sarif_stack(j, &f->stack, f->kind == GATE_KIND_ERROR);
	if (f->kind == GATE_KIND_SUPPRESSED)
		write_sarif_suppression(j, f);
	json_close_object(j);
	free(rule), free(text), free(whole), free(part);
}

static void write_sarif_tool(struct json *j)
{
	json_open_object(j, "tool");
	json_open_object(j, "driver");
	json_text(j, "name", "tidemark");
	json_text(j, "version", TIDEMARK_VERSION);
	json_open_array(j, "rules");
	for (int k = 0; k < GATE_KINDS; k++) {
		char *id = alloc_printf("tidemark/%s", gate_kind[k].name);

		json_open_object(j, NULL);
		json_text(j, "id", id);
		write_message(j, "shortDescription", gate_kind[k].summary);
		write_message(j, "fullDescription", gate_kind[k].help);
		write_message(j, "help", gate_kind[k].help);
		json_close_object(j);
		free(id);
	}
	json_close_array(j);
	json_close_object(j);
	json_close_object(j);
}

static void write_sarif_run(struct json *j, const struct gate_report *g)
{
	json_open_object(j, NULL);
	write_sarif_tool(j);
	json_open_array(j, "invocations");
	json_open_object(j, NULL);
	json_bool(j, "executionSuccessful", g->status != EXIT_UNMEASURED);
	json_number(j, "exitCode", g->status);
	json_close_object(j);
	json_close_array(j);
	json_open_array(j, "results");
	for (size_t i = 0; i < g->count; i++)
		for (size_t k = 0; k < g->results[i].finding_count; k++) {
			const struct gate_finding *f = &g->results[i].findings[k];

			/* An alert for an improvement would be noise; suppressed ones are kept, marked. */
			if (gate_is_problem(f) || f->kind == GATE_KIND_SUPPRESSED)
				write_sarif_result(j, g, &g->results[i], f);
		}
	json_close_array(j);
	json_text(j, "columnKind", "utf16CodeUnits");
	json_close_object(j);
}

void gate_sarif(const struct gate_report *g, FILE *out)
{
	struct json j = { .out = out };

	json_open_object(&j, NULL);
	json_text(&j, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	json_text(&j, "version", "2.1.0");
	json_open_array(&j, "runs");
	write_sarif_run(&j, g);
	json_close_array(&j);
	json_close_object(&j);
	putc('\n', out);
}

static const char *name_severity(const struct gate_finding *f)
{
	if (f->kind == GATE_KIND_UNMEASURED && f->fails)
		return "blocker";
	if (!f->fails)
		return "minor";
	return f->kind == GATE_KIND_EXPIRED ? "major" : "critical";
}

static void write_gitlab_issue(struct json *j, const struct gate_report *g, const struct gate_result *r,
	const struct gate_finding *f)
{
	char *text = gate_sentence(r, f), *check = alloc_printf("tidemark/%s", gate_kind[f->kind].name);
	/* Without line numbers, so that an edit above the place does not make a new issue. */
	char *part = f->part ? alloc_printf("/%u", f->part + 1) : alloc_string("");
	char *identity = alloc_printf("%s/%s/%d/%s/%s%s", r->scenario, check, f->limit_key,
		f->key ? f->key : "", f->suppression ? f->suppression : "", part);
	char print[17];
	unsigned line;
	const char *path = gate_place(g, r, f, &line);

	snprintf(print, sizeof(print), "%016" PRIx64, (uint64_t)XXH3_64bits(identity, strlen(identity)));
	json_open_object(j, NULL);
	json_text(j, "description", text);
	json_text(j, "check_name", check);
	json_text(j, "fingerprint", print);
	json_text(j, "severity", name_severity(f));
	json_open_object(j, "location");
	json_text(j, "path", path);
	json_open_object(j, "lines");
	json_number(j, "begin", line);
	json_close_object(j);
	json_close_object(j);
	json_close_object(j);
	free(text), free(identity), free(check), free(part);
}

void gate_gitlab(const struct gate_report *g, FILE *out)
{
	struct json j = { .out = out };

	json_open_array(&j, NULL);
	for (size_t i = 0; i < g->count; i++)
		for (size_t k = 0; k < g->results[i].finding_count; k++)
			if (gate_is_problem(&g->results[i].findings[k]))
				write_gitlab_issue(&j, g, &g->results[i], &g->results[i].findings[k]);
	json_close_array(&j);
	putc('\n', out);
}
