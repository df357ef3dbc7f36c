/* oracle.c - checks every walk; part of libtidemark-check.so only (make check-walks).
 *
 * Each stack is compared with a walk without the cache, and with libunwind,
 * which is opened with dlopen(RTLD_LOCAL) so that the program's own unwinder
 * stays bound as it was. Differences go to the file named by TIDEMARK_ORACLE,
 * with both stacks; the last line says how many walks were compared.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <ucontext.h>
#include "config.h"
#include "oracle.h"
#include "python.h"
#include "raw.h"
#include "text.h"
#include "walk.h"

#define CURSOR_WORDS 127 /* libunwind-x86_64.h: UNW_TDEP_CURSOR_LEN */
#define REGISTER_IP 16

static int (*unw_getcontext)(ucontext_t *);
static int (*unw_init_local)(uint64_t *, ucontext_t *);
static int (*unw_step)(uint64_t *);
static int (*unw_get_reg)(uint64_t *, int, uint64_t *);
static uint64_t compared, differing, own_differing;
static bool opened;

static void say(const char *text, uint64_t number)
{
	char line[256], *at = line, *end = line + sizeof line;
	int fd = (int)raw4(SYS_openat, AT_FDCWD, config.oracle, O_WRONLY | O_CREAT | O_APPEND, 0600);
	text_append(&at, end, text);
	text_append_number(&at, end, number);
	text_append(&at, end, "\n");
	raw3(SYS_write, fd, line, at - line);
	raw1(SYS_close, fd);
}

static void say_address(const char *text, uintptr_t address)
{
	char line[400], *at = line, *end = line + sizeof line, hex[20];
	Dl_info info;
	text_append(&at, end, text);
	for (int i = 0; i < 16; i++)
		hex[i] = "0123456789abcdef"[address >> (60 - 4 * i) & 15];
	hex[16] = 0;
	text_append(&at, end, hex);
	if (dladdr((void *)address, &info)) {
		text_append(&at, end, " ");
		text_append(&at, end, info.dli_sname ? info.dli_sname : "?");
		text_append(&at, end, " in ");
		text_append(&at, end, info.dli_fname);
	}
	say(at > line ? line : "", 0);
}

static void open_libunwind(void)
{
	opened = true;
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return;
	*(void **)&unw_getcontext = dlsym(library, "_Ux86_64_getcontext");
	*(void **)&unw_init_local = dlsym(library, "_ULx86_64_init_local");
	*(void **)&unw_step = dlsym(library, "_ULx86_64_step");
	*(void **)&unw_get_reg = dlsym(library, "_ULx86_64_get_reg");
}

static void report(const struct thread *t, const uint64_t *theirs, uint32_t n, uint32_t at)
{
	differing++;
	if (differing > 20)
		return;
	say("difference at frame ", at);
	for (uint32_t i = 0; i < n; i++) {
		say_address(i == at ? "* libunwind " : "  libunwind ", theirs[i]);
		if (i < t->frames)
			say_address("  own       ", t->place[t->frames - 1 - i].pc);
	}
	for (uint32_t i = n; i < t->frames; i++)
		say_address("  own       ", t->place[t->frames - 1 - i].pc);
}

void oracle_check(struct thread *t, const uintptr_t *e, uint32_t site)
{
	uint64_t cursor[CURSOR_WORDS], theirs[256];
	static uint64_t turn;
	ucontext_t context;
	if (!config.oracle[0] || WALK_SLOT(e) < t->stack_lo || WALK_SLOT(e) >= t->stack_hi)
		return;
	uint8_t paused = t->paused;
	t->paused = 1;
	compared++;
	/* Checks the cache as it was when the leaf matched, then the walk that the leaf replaces. */
	uint32_t walked = walk_slow(t, e, 0);
	if (walked != site) {
		own_differing++;
		if (own_differing < 5)
			say("a remembered leaf differs from the walk, site ", walked);
	}
	if (walk_check(t, e)) {
		own_differing++;
		if (own_differing < 5)
			say("own walks differ at frame ", walk_check(t, e));
	}
	if (!opened)
		open_libunwind();
	/* libunwind takes microseconds, so it checks the first 20,000 walks, then every 64th. */
	if (unw_step && (compared < 20000 || turn++ % 64 == 0)) {
		uint32_t n = 0;
		uint64_t ip;
		bool inside = true;
		unw_getcontext(&context);
		unw_init_local(cursor, &context);
		for (unsigned steps = 0; n < state.depth && n < 256 && steps < 300; steps++) {
			if (unw_step(cursor) <= 0)
				break;
			unw_get_reg(cursor, REGISTER_IP, &ip);
			if (inside && ip != WALK_PC(e))
				continue;
			inside = false;
			theirs[n++] = ip;
		}
		uint32_t have = t->frames < state.depth ? t->frames : state.depth, at = 0;
		while (at < n && at < have) {
			if (theirs[at] != t->place[t->frames - 1 - at].pc)
				break;
			at++;
		}
		/* libunwind ends at an address 0 that closes some stacks; we do not count that. */
		if (at < have || (n > have && theirs[at] != 0))
			report(t, theirs, n, at);
	}
	t->paused = paused;
}

void oracle_check_python(struct thread *t, const uintptr_t *e, uint32_t site)
{
	if (!config.oracle[0])
		return;
	uint8_t paused = t->paused;
	t->paused = 1;
	compared++;
	uint32_t hashed = python_site_hashed(t, e);
	if (hashed != site && own_differing++ < 5)
		say("a remembered stack of Python differs from the hashed one, site ", hashed);
	t->paused = paused;
}

void oracle_end(void)
{
	if (!config.oracle[0])
		return;
	say("compared ", compared);
	say("own differences ", own_differing);
	say("libunwind differences ", differing);
}
