/* fail.c - only with -DTIDEMARK_FAIL, for tests: one of our own system calls fails.
 *
 * TIDEMARK_FAIL=CALL:N:ERRNO in numbers: the Nth call CALL of this process gives
 * -ERRNO and does nothing. TIDEMARK_FAIL_MARK names a file that is made when that
 * has happened, which is how a test knows that N occurs. Calls before the
 * environment is read succeed; calls that we make in the program's place are not ours.
 */
#ifdef TIDEMARK_FAIL
#include <fcntl.h>
#include "raw.h"
#include "text.h"

static long fail_call = -1, fail_error;
static uint64_t fail_at, fail_seen;
static char fail_mark[300];

static const char *number(const char *s, uint64_t *to)
{
	for (*to = 0; *s >= '0' && *s <= '9'; s++)
		*to = *to * 10 + (uint64_t)(*s - '0');
	return *s == ':' ? s + 1 : s;
}

void fail_read(char *const *environment)
{
	for (; environment && *environment; environment++) {
		const char *v = text_after(*environment, "TIDEMARK_FAIL_MARK=");
		if (v) {
			char *at = fail_mark;
			text_append(&at, fail_mark + sizeof fail_mark, v);
		}
		v = text_after(*environment, "TIDEMARK_FAIL=");
		if (v) {
			uint64_t call, error;
			v = number(number(v, &call), &fail_at);
			number(v, &error);
			fail_call = (long)call;
			fail_error = (long)error;
		}
	}
}

long fail_now(long call)
{
	if (call != fail_call || __atomic_add_fetch(&fail_seen, 1, __ATOMIC_RELAXED) != fail_at)
		return 0;
	long fd = raw_kernel(SYS_openat, AT_FDCWD, (long)fail_mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600, 0, 0);
	if (!raw_failed(fd))
		raw_kernel(SYS_close, fd, 0, 0, 0, 0, 0);
	return -fail_error;
}
#endif
