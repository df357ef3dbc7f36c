/* gate_baseline.c - see gate_baseline.h. */
#include "base/version.h"
#include "base/alloc.h"
#include "base/array.h"
#include "gate_baseline.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "gate.h"
#include "base/ini.h"
#include "base/output.h"
#include "print/options.h"

static const char magic[] = "# tidemark baseline 1";

static char *copy_or_empty(const char *s) { return alloc_string(s ? s : ""); }

static void free_site(struct gate_base_site *s)
{
	free(s->key);
	free(s->function);
	free(s->file);
}

void gate_baseline_free(struct gate_baseline *b)
{
	for (size_t i = 0; i < b->site_count; i++)
		free_site(&b->sites[i]);
	free(b->sites), free(b->exe), free(b->arch), free(b->libc), free(b->why);
	memset(b, 0, sizeof *b);
}

static int compare_keys(const void *a, const void *b)
{
	const struct gate_base_site *x = a, *y = b;

	return strcmp(x->key, y->key);
}

const struct gate_base_site *gate_baseline_find(const struct gate_baseline *b, const char *key)
{
	struct gate_base_site wanted = { .key = (char *)key };

	if (!b || !b->site_count)
		return NULL;
	return bsearch(&wanted, b->sites, b->site_count, sizeof wanted, compare_keys);
}

static struct gate_base_site *add_site(struct gate_baseline *b)
{
	struct gate_base_site *s = ARRAY_ADD(b->sites, b->site_count, b->site_capacity);

	*s = (struct gate_base_site){ 0 };
	return s;
}

/* "# exe: server" */
static void parse_head(struct gate_baseline *b, char *line)
{
	static const char *const name[] = { "# exe: ", "# arch: ", "# libc: ", "# why: " };
	char **const to[] = { &b->exe, &b->arch, &b->libc, &b->why };

	for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
		if (strncmp(line, name[i], strlen(name[i])))
			continue;
		free(*to[i]);
		*to[i] = alloc_string(line + strlen(name[i]));
	}
	if (!strncmp(line, "# peak: ", 8))
		b->peak_bytes = strtoull(line + 8, NULL, 10);
	if (!strncmp(line, "# rss: ", 7))
		b->rss_bytes = strtoull(line + 7, NULL, 10);
	if (!strncmp(line, "# waste: ", 9)) {
		b->waste_bytes = strtoull(line + 9, NULL, 10);
		b->has_waste = true;
	}
	if (!strncmp(line, "# pinned: ", 10))
		b->pinned_bytes = strtoull(line + 10, NULL, 10);
}

static int parse_number(char **p, uint64_t *n)
{
	char *end;

	if (**p < '0' || **p > '9')
		return -1;
	errno = 0;
	*n = strtoull(*p, &end, 10);
	if (errno || *end != ' ')
		return -1;
	*p = end + 1;
	return 0;
}

static int parse_site(struct gate_baseline *b, char *line)
{
	uint64_t n[4];
	char *p = strchr(line, ' '), *gap;
	struct gate_base_site *s;

	if (!p || p == line)
		return -1;
	*p++ = '\0';
	for (int i = 0; i < 4; i++)
		if (parse_number(&p, &n[i]))
			return -1;
	if (!*p || n[2] > n[0])
		return -1;
	s = add_site(b);
	s->key = alloc_string(line);
	s->live_blocks = n[0], s->live_bytes = n[1], s->lost_blocks = n[2], s->lost_bytes = n[3];
	gap = strstr(p, "  ");
	s->file = alloc_string(gap ? gap + 2 : "");
	if (gap)
		*gap = '\0';
	s->function = alloc_string(p);
	return 0;
}

static int parse_line(struct gate_baseline *b, char *line, int number, const char *path, struct tide_error *e)
{
	size_t length = strlen(line);

	if (length && line[length - 1] == '\r')
		line[length - 1] = '\0';
	if (number == 1 && strcmp(line, magic))
		return ini_error(e, path, 1, "not a baseline of this version", "the first line is another",
			"write it again: tidemark gate --accept --why TEXT");
	if (!*line)
		return 0;
	if (*line == '#') {
		parse_head(b, line);
		return 0;
	}
	if (parse_site(b, line))
		return ini_error(e, path, number, "not a line of a baseline",
			"expected key, four numbers, function, file",
			"take it from version control, or write it again with --accept");
	return 0;
}

int gate_baseline_parse(
	struct gate_baseline *b, const char *text, size_t bytes, const char *path, struct tide_error *e)
{
	const char *p = text, *end = text + bytes;
	int number = 0, result = 0;

	*b = (struct gate_baseline){ .exe = alloc_string(""),
		.arch = alloc_string(""),
		.libc = alloc_string(""),
		.why = alloc_string("") };
	if (!bytes)
		result = ini_error(e, path, 1, "not a baseline", "the file is empty",
			"write it: tidemark gate --accept --why TEXT");
	while (p < end && !result) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		size_t length = (size_t)((newline ? newline : end) - p);
		char *line = alloc_bytes(length + 1);

		memcpy(line, p, length);
		line[length] = '\0';
		result = parse_line(b, line, ++number, path, e);
		free(line);
		p += length + 1;
	}
	if (!result && b->site_count)
		qsort(b->sites, b->site_count, sizeof *b->sites, compare_keys);
	for (size_t i = 1; i < b->site_count && !result; i++) {
		char what[200];

		if (strcmp(b->sites[i - 1].key, b->sites[i].key))
			continue;
		snprintf(what, sizeof what, "site %.100s is here twice", b->sites[i].key);
		result = ini_error(e, path, 0, what, "two lines cannot both hold",
			"a merge left both: keep one, or write it again with --accept");
	}
	if (result)
		gate_baseline_free(b);
	return result;
}

int gate_baseline_load(struct gate_baseline *b, const char *path, struct tide_error *e)
{
	size_t bytes;
	char *text = ini_read(path, "the baseline",
		"make it from a good run: tidemark gate --accept --why TEXT", &bytes, e);
	int result = text ? gate_baseline_parse(b, text, bytes, path, e) : -1;

	free(text);
	return result;
}

/* One line of text, no double blank: names come from a program and may hold anything. */
static void print_clean(FILE *f, const char *text)
{
	char last = ' ';

	for (; *text; text++) {
		char c = (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text;

		if (c == ' ' && last == ' ')
			continue;
		putc(c, f);
		last = c;
	}
}

static void print_baseline(const struct gate_baseline *b, FILE *f)
{
	const struct {
		const char *name, *text;
	} head[] = {
		{ "exe", b->exe },
		{ "arch", b->arch },
		{ "libc", b->libc },
	};

	fprintf(f, "%s\n# tool: tidemark %s\n", magic, TIDEMARK_VERSION);
	for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
		fprintf(f, "# %s: ", head[i].name);
		print_clean(f, head[i].text);
		putc('\n', f);
	}
	fprintf(f, "# peak: %llu\n", (unsigned long long)b->peak_bytes);
	if (b->rss_bytes)
		fprintf(f, "# rss: %llu\n", (unsigned long long)b->rss_bytes);
	if (b->has_waste)
		fprintf(f, "# waste: %llu\n# pinned: %llu\n", (unsigned long long)b->waste_bytes,
			(unsigned long long)b->pinned_bytes);
	fprintf(f, "# why: ");
	print_clean(f, b->why);
	fprintf(f, "\n# key live_blocks live_bytes lost_blocks lost_bytes function  file\n");
	for (size_t i = 0; i < b->site_count; i++) {
		const struct gate_base_site *s = &b->sites[i];

		fprintf(f, "%s %llu %llu %llu %llu ", s->key, (unsigned long long)s->live_blocks,
			(unsigned long long)s->live_bytes, (unsigned long long)s->lost_blocks,
			(unsigned long long)s->lost_bytes);
		print_clean(f, *s->function ? s->function : "?");
		if (*s->file) {
			fputs("  ", f);
			print_clean(f, s->file);
		}
		putc('\n', f);
	}
}

static void make_folders(const char *path)
{
	char *copy = alloc_string(path);

	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(copy, 0777); /* what fails shows when the file is opened */
		*p = '/';
	}
	free(copy);
}

int gate_baseline_save(const struct gate_baseline *b, const char *path, struct tide_error *e)
{
	struct tide_error cause;
	struct output o;
	int failed;

	make_folders(path);
	/* A baseline is committed beside the sources: it has the mode of any file. */
	failed = output_open(&o, path, 0666, &cause);
	if (!failed) {
		print_baseline(b, o.file);
		failed = output_close(&o, 0, &cause);
	}
	if (!failed)
		return 0;
	ini_error(e, path, 0, "cannot write the baseline", cause.why, "");
	e->code = EXIT_UNMEASURED;
	return -1;
}

static void take_site(struct gate_baseline *b, const struct gate_site *m)
{
	struct gate_base_site *s;

	if (!m->live_blocks)
		return;
	s = add_site(b);
	s->key = alloc_string(m->key);
	s->function = copy_or_empty(m->function);
	s->file = copy_or_empty(m->file);
	s->live_blocks = m->live_blocks, s->live_bytes = m->live_bytes;
	s->lost_blocks = m->lost_blocks, s->lost_bytes = m->lost_bytes;
}

/* Memory of the heap that is not in use, where the limits are above the baseline. */
static void take_waste(struct gate_baseline *b, const struct gate_measure *m)
{
	if (!m->keeps_waste || m->waste_unknown)
		return;
	b->has_waste = true;
	b->waste_bytes = m->waste.bytes;
	b->pinned_bytes = m->pinned.bytes;
}

void gate_baseline_take(struct gate_baseline *b, const struct gate_measure *m, const char *why)
{
	*b = (struct gate_baseline){ .exe = copy_or_empty(m->exe),
		.arch = copy_or_empty(m->arch),
		.libc = copy_or_empty(m->libc),
		.why = copy_or_empty(why),
		.peak_bytes = m->peak_bytes,
		.rss_bytes = m->keeps_rss ? m->rss_bytes : 0 };
	take_waste(b, m);
	for (size_t i = 0; i < m->site_count; i++)
		take_site(b, &m->sites[i]);
}

static int match_globs(const char *function, char *const *globs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (function && !fnmatch(globs[i], function, 0))
			return 1;
	return 0;
}

static const struct gate_site *find_measured(const struct gate_measure *m, const char *key)
{
	size_t lo = 0, hi = m->site_count;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;
		int order = strcmp(key, m->sites[middle].key);

		if (!order)
			return &m->sites[middle];
		if (order < 0)
			hi = middle;
		else
			lo = middle + 1;
	}
	return NULL;
}

void gate_baseline_merge(struct gate_baseline *b, const struct gate_baseline *old,
	const struct gate_measure *m, char *const *globs, size_t count, const char *why)
{
	*b = (struct gate_baseline){ .exe = copy_or_empty(m->exe),
		.arch = copy_or_empty(m->arch),
		.libc = copy_or_empty(m->libc),
		.why = copy_or_empty(why),
		.peak_bytes = old->peak_bytes ? old->peak_bytes : m->peak_bytes,
		.rss_bytes = old->rss_bytes || !m->keeps_rss ? old->rss_bytes : m->rss_bytes,
		.has_waste = old->has_waste,
		.waste_bytes = old->waste_bytes,
		.pinned_bytes = old->pinned_bytes };
	if (!old->has_waste)
		take_waste(b, m);
	for (size_t i = 0; i < m->site_count; i++)
		if (match_globs(m->sites[i].function, globs, count)
			|| match_globs(m->sites[i].caller, globs, count))
			take_site(b, &m->sites[i]);
	for (size_t i = 0; i < old->site_count; i++) {
		const struct gate_base_site *from = &old->sites[i];
		const struct gate_site *now = find_measured(m, from->key);
		struct gate_base_site *to;

		if (match_globs(from->function, globs, count)
			|| (now && match_globs(now->caller, globs, count)))
			continue;
		to = add_site(b);
		*to = *from;
		to->key = alloc_string(from->key);
		to->function = alloc_string(from->function);
		to->file = alloc_string(from->file);
	}
	if (b->site_count)
		qsort(b->sites, b->site_count, sizeof *b->sites, compare_keys);
}

static int lower(uint64_t *value, uint64_t now)
{
	if (now >= *value)
		return 0;
	*value = now;
	return 1;
}

size_t gate_baseline_ratchet(struct gate_baseline *b, const struct gate_measure *m)
{
	const struct gate_base_site **moved = alloc_zeroed(m->site_count + 1, sizeof *moved);
	size_t changed = 0, kept = 0;

	gate_baseline_moved(b, m, moved);
	/* A moved site is the old one under a new name: the same numbers, no rise. */
	for (size_t i = 0; i < m->site_count; i++) {
		struct gate_base_site *s = (struct gate_base_site *)moved[i];

		if (!s)
			continue;
		free_site(s);
		s->key = alloc_string(m->sites[i].key);
		s->function = copy_or_empty(m->sites[i].function);
		s->file = copy_or_empty(m->sites[i].file);
		changed++;
	}
	free(moved);
	for (size_t i = 0; i < b->site_count; i++) {
		struct gate_base_site *s = &b->sites[i];
		const struct gate_site *now = find_measured(m, s->key);

		if (!now || !now->live_blocks) {
			free_site(s);
			changed++;
			continue;
		}
		/* Bitwise: all four, whichever fell first. */
		changed += (size_t)(lower(&s->live_blocks, now->live_blocks)
			| lower(&s->live_bytes, now->live_bytes) | lower(&s->lost_blocks, now->lost_blocks)
			| lower(&s->lost_bytes, now->lost_bytes));
		b->sites[kept++] = *s;
	}
	b->site_count = kept;
	if (kept)
		qsort(b->sites, kept, sizeof *b->sites, compare_keys);
	changed += (size_t)lower(&b->peak_bytes, m->peak_bytes);
	/* Resident memory moves by a page or two from run to run. */
	if (m->rss_bytes < b->rss_bytes - b->rss_bytes / 100)
		changed += (size_t)lower(&b->rss_bytes, m->rss_bytes);
	if (b->has_waste && !m->waste_unknown) {
		if (m->waste.bytes < b->waste_bytes - b->waste_bytes / 100)
			changed += (size_t)lower(&b->waste_bytes, m->waste.bytes);
		if (m->pinned.bytes < b->pinned_bytes - b->pinned_bytes / 100)
			changed += (size_t)lower(&b->pinned_bytes, m->pinned.bytes);
	}
	return changed;
}
