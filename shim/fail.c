/* fail.c - only with -DTIDEMARK_FAIL, for tests: system calls of our own fail.
 *
 * TIDEMARK_FAIL=CALL:N:ERRNO[,...] in numbers: the Nth call CALL of this process
 * returns -ERRNO and does nothing; if N is 0, every call does. CALL + 1000 * M:
 * only those whose third argument is M (advice 23 of madvise). TIDEMARK_FAIL_MARK
 * names a file that is made when the first of the list has happened, which is how a
 * test knows that N occurs. Without TIDEMARK_FAIL, a file of that name with a
 * dot and the number of the call appended is made for each call that occurs, so
 * that a test knows which calls there are. Calls before the environment is read
 * succeed; calls that we make on behalf of the program are not ours.
 */
#ifdef TIDEMARK_FAIL
#include <fcntl.h>
#include "raw.h"
#include "text.h"

#define CALLS 1000
#define RULES 4

static struct {
	uint64_t call, at, error, seen;
} rule[RULES];
static unsigned rules;
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
		for (; v && *v && rules < RULES; rules++) {
			v = number(number(number(v, &rule[rules].call), &rule[rules].at), &rule[rules].error);
			v += *v == ',';
		}
	}
}

static void mark(const char *path)
{
	long fd = raw_kernel(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600, 0, 0);
	if (!raw_failed(fd))
		raw_kernel(SYS_close, fd, 0, 0, 0, 0, 0);
}

static void occurs(long call)
{
	static uint8_t known[CALLS];
	char path[320], digits[4] = { 0 }, *at = path;

	if (!fail_mark[0] || call < 0 || call >= CALLS
		|| __atomic_exchange_n(&known[call], 1, __ATOMIC_RELAXED))
		return;
	digits[0] = (char)('0' + call / 100);
	digits[1] = (char)('0' + call / 10 % 10);
	digits[2] = (char)('0' + call % 10);
	text_append(&at, path + sizeof path, fail_mark);
	text_append(&at, path + sizeof path, ".");
	text_append(&at, path + sizeof path, digits);
	mark(path);
}

long fail_now(long call, long third)
{
	if (!rules)
		occurs(call);
	for (unsigned i = 0; i < rules; i++) {
		if ((uint64_t)call != rule[i].call % CALLS
			|| (rule[i].call >= CALLS && (uint64_t)third != rule[i].call / CALLS))
			continue;
		uint64_t n = __atomic_add_fetch(&rule[i].seen, 1, __ATOMIC_RELAXED);
		if (rule[i].at && n != rule[i].at)
			continue;
		if (!i)
			mark(fail_mark);
		return -(long)rule[i].error;
	}
	return 0;
}
#endif
