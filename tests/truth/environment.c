/* What libc's own variables hold is held: the environment, stdio, locale.
 *
 * held: make_setting root=* blocks=1
 */
#define _GNU_SOURCE
#include "truth.h"
#include <locale.h>

static NOINLINE char *make_setting(void) { char *p = strdup("TRUTH=yes"); HIDE(p); return p; }

static void scenario(void)
{
	putenv(make_setting());
	setlocale(LC_ALL, "C.UTF-8");
	FILE *f = fopen("/dev/null", "w");
	fprintf(f, "hello\n");
	setvbuf(stdout, NULL, _IOFBF, 8192);
}
