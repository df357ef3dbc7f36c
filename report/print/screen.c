/* screen.c - see screen.h. */
#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>
#include "base/alloc.h"
#include "base/text.h"
#include "pager.h"
#include "screen.h"
#include "symbol/name.h"

#define WIDTH_UNKNOWN 120 /* a file or a pipe: room for names, fits a log viewer */
#define WIDTH_LEAST 40

static bool environment_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value && strcmp(value, "0");
}

static bool wants_color(enum color_when when)
{
	const char *term = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");

	if (when != COLOR_AUTO)
		return when == COLOR_ALWAYS;
	if (no_color && *no_color)
		return false;
	if (environment_set("CLICOLOR_FORCE") || environment_set("FORCE_COLOR"))
		return true;
	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
}

static unsigned environment_number(const char *name)
{
	const char *value = getenv(name);
	char *end;
	unsigned long n;

	if (!value || *value < '0' || *value > '9')
		return 0;
	n = strtoul(value, &end, 10);
	return *end || n > 10000 ? 0 : (unsigned)n;
}

void screen_open(struct screen *s, const struct options *o)
{
	struct winsize size = { 0 };
	bool terminal = isatty(STDOUT_FILENO);

	memset(s, 0, sizeof(*s));
	if (terminal)
		ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	s->width = environment_number("COLUMNS");
	if (!s->width)
		s->width = size.ws_col ? size.ws_col : terminal ? 80 : WIDTH_UNKNOWN;
	if (s->width < WIDTH_LEAST)
		s->width = WIDTH_LEAST;
	s->height = size.ws_row ? size.ws_row : 24;
	s->color = wants_color(o->color);
	s->unicode = !strcmp(nl_langinfo(CODESET), "UTF-8");
	s->quiet = o->quiet;
	s->out = stdout;
	if (terminal && !o->no_pager) {
		s->out = open_memstream(&s->text, &s->text_bytes);
		if (!s->out)
			s->out = stdout;
	}
}

static bool longer_than(const char *text, unsigned lines)
{
	for (; lines; lines--) {
		text = strchr(text, '\n');
		if (!text || !*++text)
			return false;
	}
	return true;
}

int screen_close(struct screen *s)
{
	int bad = 0;

	if (s->out != stdout) {
		bad = ferror(s->out);
		if (fclose(s->out))
			bad = 1;
		s->out = stdout;
		if (!bad && !(longer_than(s->text, s->height - 1) && !pager_show(s->text, s->text_bytes)))
			fwrite(s->text, 1, s->text_bytes, stdout);
		free(s->text);
		s->text = NULL;
	}
	errno = 0;
	if (fflush(stdout) || ferror(stdout))
		bad = 1;
	if (bad)
		fprintf(stderr, "tidemark: cannot write the output: %s\n", strerror(errno ? errno : EIO));
	return bad ? -1 : 0;
}

const char *screen_style(const struct screen *s, enum screen_style style)
{
	static const char *const sequence[STYLES] = {
		[STYLE_PLAIN] = "\033[0m",
		[STYLE_HEADING] = "\033[1m",
		[STYLE_STRONG] = "\033[1m",
		[STYLE_DIM] = "\033[90m",
		[STYLE_NAME] = "\033[36m",
		[STYLE_GOOD] = "\033[32m",
		[STYLE_BAD] = "\033[31m",
		[STYLE_WARNING] = "\033[33m",
		[STYLE_BAR] = "\033[34m",
	};

	return s->color ? sequence[style] : "";
}

void screen_print(struct screen *s, enum screen_style style, const char *format, ...)
{
	va_list args;

	if (style != STYLE_PLAIN)
		fputs(screen_style(s, style), s->out);
	va_start(args, format);
	vfprintf(s->out, format, args);
	va_end(args);
	if (style != STYLE_PLAIN)
		fputs(screen_style(s, STYLE_PLAIN), s->out);
}

/* One character: its bytes, and its columns; -1 when it must not be printed. */
static size_t decode_character(const struct screen *s, const char *text, int *columns)
{
	unsigned char c = (unsigned char)*text;
	wchar_t wide;
	size_t n;

	if (c < 0x80 || !s->unicode) {
		*columns = c >= 0x20 && c < 0x7f ? 1 : -1;
		return 1;
	}
	memset(&wide, 0, sizeof(wide));
	n = mbrtowc(&wide, text, MB_CUR_MAX, &(mbstate_t){ 0 });
	if (n == 0 || n > MB_CUR_MAX) {
		*columns = -1;
		return 1;
	}
	*columns = text_is_hostile((unsigned long)wide) ? -1 : wcwidth(wide);
	return n;
}

char *screen_clean(const struct screen *s, const char *text)
{
	char *shown = strstr(text, "std::__") ? name_without_inline(text) : NULL;
	char *copy = alloc_bytes(strlen(text) + 1), *to = copy;

	text = shown ? shown : text;

	while (*text) {
		int columns;
		size_t n = decode_character(s, text, &columns);

		if (columns < 0)
			*to++ = *text == '\t' || *text == '\n' ? ' ' : '?';
		else
			to = mempcpy(to, text, n);
		text += n;
	}
	*to = '\0';
	free(shown);
	return copy;
}

unsigned screen_columns(const struct screen *s, const char *text)
{
	unsigned sum = 0;

	while (*text) {
		int columns;

		text += decode_character(s, text, &columns);
		sum += columns < 0 ? 1 : (unsigned)columns;
	}
	return sum;
}

const char *screen_ellipsis(const struct screen *s) { return s->unicode ? "\xe2\x80\xa6" : ".."; }

/* Bytes of the longest beginning of `text` that takes at most `width` columns. */
static size_t measure_beginning(const struct screen *s, const char *text, unsigned width)
{
	size_t at = 0;

	while (text[at]) {
		int columns;
		size_t n = decode_character(s, text + at, &columns);
		unsigned wide = columns < 0 ? 1 : (unsigned)columns;

		if (wide > width)
			break;
		width -= wide;
		at += n;
	}
	return at;
}

char *screen_fit(const struct screen *s, const char *text, unsigned width, enum fit fit)
{
	char *clean = screen_clean(s, text), *copy;
	unsigned columns = screen_columns(s, clean), dots = s->unicode ? 1 : 2, head, tail;
	size_t head_bytes, tail_at;

	if (columns <= width)
		return clean;
	if (width <= dots) {
		clean[measure_beginning(s, clean, width)] = '\0';
		return clean;
	}
	head = fit == FIT_END ? width - dots : fit == FIT_START ? 0 : (width - dots + 1) / 2;
	tail = width - dots - head;
	head_bytes = measure_beginning(s, clean, head);
	tail_at = measure_beginning(s, clean, columns - tail);
	/* A wide character across the cut: drop it rather than pass the width. */
	while (clean[tail_at] && screen_columns(s, clean + tail_at) > tail)
		tail_at += measure_beginning(s, clean + tail_at, 2);
	copy = alloc_printf("%.*s%s%s", (int)head_bytes, clean, screen_ellipsis(s), clean + tail_at);
	free(clean);
	return copy;
}

void screen_paragraph(struct screen *s, enum screen_style style, const char *lead, const char *format, ...)
{
	unsigned indent = screen_columns(s, lead), column = indent;
	char *text = NULL, *clean;
	va_list args;
	bool first = true;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = alloc_string("");
	va_end(args);
	clean = screen_clean(s, text);
	fprintf(s->out, "%s%s", screen_style(s, style), lead);
	for (char *save = NULL, *word = strtok_r(clean, " ", &save); word;
		word = strtok_r(NULL, " ", &save)) {
		unsigned wide = screen_columns(s, word);

		if (!first && column + 1 + wide > s->width) {
			fprintf(s->out, "\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		fprintf(s->out, "%s%s", first ? "" : " ", word);
		column += wide + !first;
		first = false;
	}
	fprintf(s->out, "%s\n", screen_style(s, STYLE_PLAIN));
	free(clean);
	free(text);
}

void screen_hint(struct screen *s, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	if (s->quiet)
		return;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		screen_paragraph(s, STYLE_DIM, "", "%s", text);
	free(text);
}

char *screen_bar(const struct screen *s, double share, unsigned cells)
{
	/* U+2588 full block, U+2589..U+258F seven to one eighths. */
	unsigned eighths, parts = s->unicode ? 8 : 1;
	char *bar = alloc_bytes(cells * 3 + 1), *to = bar;

	if (!(share > 0))
		share = 0;
	if (share > 1)
		share = 1;
	eighths = (unsigned)(share * cells * parts + 0.5);
	if (!eighths && share > 0 && s->unicode)
		eighths = 1;
	for (unsigned i = 0; i < cells; i++) {
		unsigned here = eighths > i * parts ? eighths - i * parts : 0;

		if (!here) {
			*to++ = ' ';
		} else if (!s->unicode) {
			*to++ = '#';
		} else {
			*to++ = '\xe2';
			*to++ = '\x96';
			*to++ = (char)(0x88 + (here >= 8 ? 0 : 8 - here));
		}
	}
	*to = '\0';
	return bar;
}

void screen_squeeze(const double *values, size_t count, double *cells, size_t cell_count)
{
	for (size_t c = 0; c < cell_count; c++) {
		size_t from = c * count / cell_count, to = (c + 1) * count / cell_count;

		cells[c] = 0;
		for (size_t i = from; i < to || i == from; i++)
			if (i < count && values[i] > cells[c])
				cells[c] = values[i];
	}
}

char *screen_sparkline(const struct screen *s, const double *values, size_t count)
{
	static const char ascii[] = ".:-=+*%#";
	char *line = alloc_bytes(count * 3 + 1), *to = line;
	double most = 0;

	for (size_t i = 0; i < count; i++)
		if (values[i] > most)
			most = values[i];
	for (size_t i = 0; i < count; i++) {
		unsigned level = most > 0 && values[i] > 0 ? (unsigned)(values[i] / most * 7 + 0.5) : 0;

		if (!(values[i] > 0)) {
			*to++ = ' ';
		} else if (!s->unicode) {
			*to++ = ascii[level];
		} else {
			*to++ = '\xe2'; /* U+2581..U+2588: lower one to eight eighths */
			*to++ = '\x96';
			*to++ = (char)(0x81 + level);
		}
	}
	*to = '\0';
	return line;
}
