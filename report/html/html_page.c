/* html_page.c - the page itself: style and script are in the command, put there by the build. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "html.h"

/* report/html/web, bundled; of length 0 where the build had no node (Makefile). */
extern const char html_bundle_css[], html_bundle_css_end[], html_bundle_js[], html_bundle_js_end[];

/* Two symbols of one section, as the linker placed them. */
static size_t bytes_between(const char *start, const char *end)
{
	return (size_t)((uintptr_t)end - (uintptr_t)start);
}

bool html_page_known(void) { return bytes_between(html_bundle_js, html_bundle_js_end) > 1; }

static void write_data(struct html *h)
{
	json_open_object(&h->json, NULL);
	html_types_find(h);
	html_sites(h);
	html_leaks(h);
	html_dominate(h);
	html_diff(h);
	html_history(h);
	html_details(h);
	html_memory(h);
	html_types(h);
	html_names(h);
	html_source(h);
	json_close_object(&h->json);
}

static int pack_data(struct html *h, FILE *out, struct tide_error *e)
{
	char *text = NULL;
	size_t bytes = 0;
	int code = -1;

	h->json.out = open_memstream(&text, &bytes);
	if (h->json.out) {
		write_data(h);
		code = fclose(h->json.out) || html_pack(out, text, bytes) ? -1 : 0;
	}
	free(text);
	h->json.out = out;
	h->json.follows = false;
	return code ? error_set(e, EXIT_UNMEASURED,
		       "cannot write an HTML report|not enough memory for its data|"
		       "leave sites out with --filter")
		    : 0;
}

int html_page(struct html *h, struct tide_error *e)
{
	FILE *out = h->json.out;

	if (!html_page_known())
		return error_set(e, EXIT_USAGE,
			"cannot write an HTML report|this tidemark was built without node and npm, "
			"so it lacks the page|install nodejs and npm and run `make`, or use `tidemark export`");
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';style-src 'unsafe-inline';"
	      "script-src 'unsafe-inline';img-src data:\">\n<title>tidemark</title>\n<style>\n",
		out);
	fwrite(html_bundle_css, 1, bytes_between(html_bundle_css, html_bundle_css_end), out);
	fputs("</style>\n</head>\n<body>\n<div id=\"app\"><noscript>This report needs JavaScript; "
	      "`tidemark stat` and `tidemark leaks` print the same numbers.</noscript></div>\n",
		out);
	if (pack_data(h, out, e))
		return -1;
	fputs("<script type=\"application/json\" id=\"head\">", out);
	/* After the data: only then have all names been looked up, and all warnings are known. */
	html_head(h);
	fputs("</script>\n<script>\n", out);
	fwrite(html_bundle_js, 1, bytes_between(html_bundle_js, html_bundle_js_end), out);
	fputs("</script>\n</body>\n</html>\n", out);
	return 0;
}
