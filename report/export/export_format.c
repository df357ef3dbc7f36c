/* export_format.c - the table of formats; it lies above the files that write them. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/error.h"
#include "base/path.h"
#include "export.h"
#include "export_gzip.h"

const struct export_format export_formats[] = {
	{ "pprof", export_pprof, true, true, ".pb.gz", ".pprof", NULL },
	{ "speedscope", export_speedscope, false, false, ".speedscope.json", ".speedscope", NULL },
	{ "folded", export_folded, false, true, ".folded", ".collapsed", NULL },
	{ "json", export_json, false, false, ".json", NULL, NULL },
	{ "csv", export_csv, false, false, ".csv", NULL, NULL },
	{ "jsonl", export_jsonl, false, false, ".jsonl", ".ndjson", NULL },
	{ "perfetto", export_perfetto, true, false, ".perfetto-trace", ".pftrace", NULL },
	{ "dot", export_dot, false, false, ".dot", ".gv", NULL },
	{ "massif", export_massif, false, false, ".massif", NULL, "massif.out" },
	{ "dhat", export_dhat, false, false, ".dhat", NULL, "dhat.out" },
	{ "sqlite", NULL, true, false, ".sqlite", ".db", NULL },
	{ NULL, NULL, false, false, NULL, NULL, NULL },
};

const struct export_format *export_format_find(const char *name)
{
	for (const struct export_format *f = export_formats; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

static bool ends_with(const char *text, size_t n, const char *end)
{
	size_t m = end ? strlen(end) : 0;

	return m && n > m && !memcmp(text + n - m, end, m);
}

const struct export_format *export_format_of_file(const char *path)
{
	const char *name = path_base(path);
	size_t whole = strlen(path), plain = whole - (ends_with(path, whole, ".gz") ? 3 : 0);

	for (const struct export_format *f = export_formats; f->name; f++)
		if (ends_with(path, whole, f->extension) || ends_with(path, whole, f->alias)
			|| (!f->binary
				&& (ends_with(path, plain, f->extension)
					|| ends_with(path, plain, f->alias))))
			return f;
	for (const struct export_format *f = export_formats; f->name; f++)
		if (f->prefix && !strncmp(name, f->prefix, strlen(f->prefix)))
			return f;
	return NULL;
}

int export_format_write(const struct export_format *format, const struct export *x, const char *path,
	FILE *out, struct tide_error *e)
{
	FILE *packed;
	int failed;

	if (format->binary || !ends_with(path, strlen(path), ".gz"))
		return format->write(x, out, e);
	packed = export_gzip_open(out);
	if (!packed)
		return error_set(e, EXIT_UNMEASURED, "cannot compress %s|no memory|", path);
	failed = format->write(x, packed, e);
	fclose(packed);
	return failed;
}

char *export_format_names(void)
{
	char *names = alloc_string("");

	for (const struct export_format *f = export_formats; f->name; f++) {
		char *longer = alloc_printf("%s%s%s", names, *names ? ", " : "", f->name);

		free(names);
		names = longer;
	}
	return names;
}
