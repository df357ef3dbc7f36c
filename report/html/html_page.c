/* html_page.c - the page itself: style and script are in the command, put there by the build. */
#include <stdint.h>
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
	      "`tidemark stat` and `tidemark leaks` print the same numbers.</noscript></div>\n"
	      "<script type=\"application/json\" id=\"data\">",
		out);
	json_open_object(&h->json, NULL);
	html_sites(h);
	html_leaks(h);
	html_dominate(h);
	html_diff(h);
	html_details(h);
	html_memory(h);
	html_types(h);
	html_names(h);
	json_close_object(&h->json);
	fputs("</script>\n<script type=\"application/json\" id=\"head\">", out);
	h->json.follows = false;
	/* After the data: only then have all names been looked up, and all warnings are known. */
	html_head(h);
	fputs("</script>\n<script>\n", out);
	fwrite(html_bundle_js, 1, bytes_between(html_bundle_js, html_bundle_js_end), out);
	fputs("</script>\n</body>\n</html>\n", out);
	return 0;
}
