/* demangle_cxx.c - C++ names by libstdc++'s demangler, within bounds that it does not have.
 *
 * Substitutions double a name with every ten bytes of the symbol, and the parser can go round for ever (d_prefix of
 * gcc 12, on forty bytes). It allocates nothing on the heap and holds no lock, so it is left by a jump: out of the
 * function that takes its text when that gets too long, and out of a signal handler when the thread has spent too
 * much time on one name.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "demangle.h"
#include "base/alloc.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* libstdc++'s, which has no C header: passes the readable name on in pieces; 0: it did. */
int __gcclibcxx_demangle_callback(
	const char *name, void (*put)(const char *piece, size_t bytes, void *context), void *context);

#define SIGNAL SIGVTALRM
#define TIME_MOST_NS 100000000l /* of the processor; the longest names of real programs take a thousandth */
#define LATE_MOST 10u           /* names that took longer; then no more is tried in this process */

struct cxx_text {
	jmp_buf full;
	char *out;
	size_t used;
};

/* The timer of this thread. It runs on from name to name, so that most names cost no system call: where it ends twice
 * during the same name, that name is late. A child of fork has no timer of its parent's. */
static __thread struct {
	pid_t process;
	int number; /* the kernel's */
	bool works;
	volatile sig_atomic_t runs;
} timer;
static __thread jmp_buf late;
static __thread volatile sig_atomic_t busy;
static __thread volatile unsigned name_number, last_number; /* now, and when the timer last ended */
static atomic_uint late_count;

static void set_timer(void)
{
	struct itimerspec time = { .it_value = { 0, TIME_MOST_NS } };

	timer.runs = !syscall(SYS_timer_settime, timer.number, 0, &time, NULL);
}

static void handle_timer(int number)
{
	int error = errno;

	(void)number;
	timer.runs = 0;
	if (busy && last_number == name_number) {
		busy = 0;
		longjmp(late, 1);
	}
	last_number = name_number;
	if (busy)
		set_timer();
	errno = error;
}

static void make_timer(void)
{
	/* The signal is not blocked in its handler, which is left by a jump. */
	struct sigaction a = { .sa_handler = handle_timer, .sa_flags = SA_NODEFER | SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL };

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	timer.process = getpid();
	timer.runs = 0;
	timer.works = !sigaction(SIGNAL, &a, NULL)
		&& !syscall(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &event, &timer.number);
}

static void watch_time(void)
{
	if (timer.process != getpid())
		make_timer();
	name_number++;
	if (timer.works && !timer.runs)
		set_timer();
}

static void put_piece(const char *piece, size_t bytes, void *context)
{
	struct cxx_text *text = context;

	if (bytes > DEMANGLE_CXX_MAX_BYTES - text->used)
		longjmp(text->full, 1);
	memcpy(text->out + text->used, piece, bytes);
	text->used += bytes;
}

/* false: malformed, too long or too late. */
static bool fill(struct cxx_text *text, const char *symbol)
{
	if (setjmp(late)) {
		atomic_fetch_add(&late_count, 1);
		return false;
	}
	busy = 1;
	return !setjmp(text->full) && !__gcclibcxx_demangle_callback(symbol, put_piece, text);
}

char *demangle_cxx(const char *symbol)
{
	struct cxx_text *text;
	char *name = NULL;
	bool good;

	if (atomic_load(&late_count) >= LATE_MOST)
		return NULL;
	text = alloc_zeroed(1, sizeof(*text));
	text->out = alloc_bytes(DEMANGLE_CXX_MAX_BYTES + 1);
	watch_time();
	good = fill(text, symbol);
	busy = 0;
	if (good) {
		text->out[text->used] = '\0';
		name = alloc_string(text->out);
	}
	free(text->out);
	free(text);
	return name;
}
