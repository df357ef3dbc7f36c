/* Handlers that allocate, on alternate stacks too, and that jump out. A handler
 * allocates only when it did not interrupt libc: so it is right in the bare
 * program, and meets every instruction of a hook in the other.
 * libraries: lib_raiser.c
 * build: -lrt
 * limit: 60
 */
#include "hostile.h"
#include <dlfcn.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

static uintptr_t libc_lo, libc_hi, loader_lo, loader_hi;
static volatile int fired, allocated;
static sigjmp_buf back;
static volatile int jump;

static int find(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size, (void)data;
	uintptr_t lo = UINTPTR_MAX, hi = 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD) {
			uintptr_t a = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
			lo = a < lo ? a : lo;
			hi = a + info->dlpi_phdr[i].p_memsz > hi ? a + info->dlpi_phdr[i].p_memsz : hi;
		}
	if (strstr(info->dlpi_name, "libc.so"))
		libc_lo = lo, libc_hi = hi;
	if (strstr(info->dlpi_name, "ld-linux"))
		loader_lo = lo, loader_hi = hi;
	return 0;
}

static int inside_libc(ucontext_t *u)
{
	uintptr_t pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	return (pc >= libc_lo && pc < libc_hi) || (pc >= loader_lo && pc < loader_hi);
}

static void on_signal(int s, siginfo_t *info, void *context)
{
	int kept = errno;
	(void)s, (void)info;
	fired++;
	if (!inside_libc(context)) {
		void *p = malloc(1000 + (size_t)(fired & 255));
		CHECK(p);
		memset(p, 1, 1000);
		p = realloc(p, 3000);
		free(p);
		allocated++;
		if (jump)
			siglongjmp(back, 1);
	}
	errno = kept;
}

static void storm(int flags)
{
	dl_iterate_phdr(find, NULL);
	CHECK(libc_lo);
	struct sigaction a = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };
	sigaction(SIGALRM, &a, NULL);
	timer_t t;
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	CHECK(!timer_create(CLOCK_MONOTONIC, &e, &t));
	struct itimerspec i = { { 0, 97000 }, { 0, 97000 } };
	struct timespec start, now;
	clock_gettime(CLOCK_MONOTONIC, &start);
	timer_settime(t, 0, &i, NULL);
	static void *volatile p[64];
	static volatile unsigned n;
	do {
		sigsetjmp(back, 1);
		for (int k = 0; k < 300; k++) {
			unsigned j = n++ & 63;
			void *old = p[j];
			p[j] = NULL;
			free(old);
			p[j] = malloc(16 + (n & 511));
			if (p[j])
				memset((void *)p[j], 2, 16);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < 700);
	jump = 0;
	timer_delete(t);
	CHECK(fired > 20 && allocated > 0);
}

static void plain(void) { storm(0); }

static void on_alternate_stack(void)
{
	stack_t s = { .ss_sp = malloc(65536), .ss_size = 65536 };
	sigaltstack(&s, NULL);
	storm(SA_ONSTACK);
}

/* SIGSTKSZ is 8 KiB up to glibc 2.33, and the kernel's frame may take 3.5 of them: the first call there, from code
 * never seen before, may take no more than half. */
#define STACK 65536u
static unsigned char *narrow;
static size_t depth;
static void on_narrow_stack(int s)
{
	volatile unsigned char *here = (unsigned char *)__builtin_frame_address(0), *at = narrow;
	(void)s;
	void *p = malloc(40);
	HIDE(p);
	free(p);
	while (*at == 0x5a)
		at++;
	depth = (size_t)(here - at);
}
static void on_a_narrow_stack(void)
{
	narrow = malloc(STACK);
	memset(narrow, 0x5a, STACK);
	stack_t s = { .ss_sp = narrow, .ss_size = STACK };
	CHECK(!sigaltstack(&s, NULL));
	struct sigaction a = { .sa_handler = on_narrow_stack, .sa_flags = SA_ONSTACK };
	sigaction(SIGUSR1, &a, NULL);
	void *l = dlopen("./lib_raiser.so", RTLD_NOW);
	void (*raise_it)(int) = l ? (void (*)(int))dlsym(l, "raise_it") : NULL;
	CHECK(raise_it);
	raise_it(SIGUSR1);
	CHECK(depth > 0 && depth < 4096);
}

static void jumping(void)
{
	jump = 1;
	storm(0);
}

/* A handler for a stack that overflowed. */
static sigjmp_buf overflowed;
static void on_overflow(int s)
{
	(void)s;
	free(malloc(100));
	siglongjmp(overflowed, 1);
}
static NOINLINE int recurse(int depth)
{
	volatile char room[200];
	room[0] = (char)depth;
	void *p = malloc(40);
	HIDE(p);
	int r = recurse(depth + 1) + room[0];
	free(p);
	return r;
}
static void stack_overflow(void)
{
	stack_t s = { .ss_sp = malloc(65536), .ss_size = 65536 };
	sigaltstack(&s, NULL);
	struct sigaction a = { .sa_handler = on_overflow, .sa_flags = SA_ONSTACK };
	sigaction(SIGSEGV, &a, NULL);
	if (!sigsetjmp(overflowed, 1))
		recurse(0);
	exercise(1000);
}

MAIN(CASE(plain), CASE(on_alternate_stack), CASE(on_a_narrow_stack), CASE(jumping), CASE(stack_overflow))
