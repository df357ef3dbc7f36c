/* Every way out, and its status.
 * status[seven]: 7
 * status[by__exit]: 8
 * status[by_quick_exit]: 9
 * status[by_abort]: 134
 * status[by_fault]: 139
 * status[by_kill]: 137
 * status[by_term]: 143
 * status[in_handler]: 11
 * status[raw]: 12
 * status[by_fpe]: 136
 * status[by_trap]: 132
 * status[by_pipe]: 141
 * status[abort_in_handler]: 134
 * status[exit_of_handler]: 13
 * status[double_fault]: 139
 */
#include "hostile.h"
#include <signal.h>
#include <sys/syscall.h>

static void say(void) { free(malloc(10)); printf("handler\n"); fflush(stdout); }
static void seven(void) { atexit(say); exit(7); }
static void by__exit(void) { atexit(say); exercise(10); _exit(8); }
static void by_quick_exit(void) { at_quick_exit(say); exercise(10); quick_exit(9); }
static void by_abort(void) { exercise(10); abort(); }
static volatile int *volatile nowhere = (int *)16;
static void by_fault(void) { exercise(10); *nowhere = 1; }
static void by_kill(void) { exercise(10); kill(getpid(), SIGKILL); pause(); }
static void by_term(void) { exercise(10); kill(getpid(), SIGTERM); pause(); }
static void leave_again(void) { exit(11); }
static void in_handler(void) { atexit(leave_again); exit(1); }
static void raw(void) { exercise(10); syscall(SYS_exit_group, 12); }
static void by_fpe(void) { raise(SIGFPE); }
static void by_trap(void) { __builtin_trap(); }
static void by_pipe(void) { int e[2]; CHECK(!pipe(e)); close(e[0]); CHECK(write(e[1], "x", 1) == -2); }
static void on_abort(int s) { (void)s; free(malloc(10)); dprintf(1, "aborting\n"); }
static void abort_in_handler(void) { signal(SIGABRT, on_abort); abort(); }
static void on_term(int s) { (void)s; exit(13); }
static void exit_of_handler(void) { signal(SIGTERM, on_term); raise(SIGTERM); }
static void on_fault(int s) { (void)s; signal(SIGSEGV, SIG_DFL); *nowhere = 2; }
static void double_fault(void) { signal(SIGSEGV, on_fault); *nowhere = 1; }
static void returns(void) { atexit(say); exercise(10); }

MAIN(CASE(seven), CASE(by__exit), CASE(by_quick_exit), CASE(by_abort), CASE(by_fault), CASE(by_kill), CASE(by_term),
	CASE(in_handler), CASE(raw), CASE(by_fpe), CASE(by_trap), CASE(by_pipe), CASE(abort_in_handler), CASE(exit_of_handler),
	CASE(double_fault), CASE(returns))
