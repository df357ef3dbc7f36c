/* Frames that a walker does not like: variable ones, realigned ones, code
 * without unwind data, coroutines on small stacks that are unmapped behind,
 * jumps over frames, very deep ones.
 * limit: 60
 */
#include "hostile.h"
#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdalign.h>
#include <sys/mman.h>
#include <ucontext.h>

static NOINLINE void variable(int n)
{
	char *room = alloca((size_t)n * 7 + 1);
	memset(room, n, (size_t)n * 7 + 1);
	int array[n + 1];
	array[n] = n;
	void *p = malloc((size_t)n);
	HIDE(p);
	if (n)
		variable(n - 1);
	free(p);
	CHECK(room[0] == (char)n && array[n] == n);
}

static NOINLINE void aligned(int n)
{
	alignas(64) volatile char room[64];
	room[n & 63] = 1;
	CHECK((uintptr_t)room % 64 == 0);
	void *p = malloc((size_t)n + 1);
	HIDE(p);
	if (n)
		aligned(n - 1);
	free(p);
}

static void shapes(void)
{
	for (int i = 0; i < 50; i++) {
		variable(60);
		aligned(60);
	}
}

static NOINLINE long very_deep(long n)
{
	void *p = n % 100 ? NULL : malloc(10);
	HIDE(p);
	long r = n ? very_deep(n - 1) + 1 : 0;
	free(p);
	return r;
}
static void deep(void) { CHECK(very_deep(60000) == 60000); CHECK(very_deep(60000) == 60000); }

/* push rbx; mov rbx, rdi (n); 1: mov edi, 100; call rsi... in memory of the program's own: no unwind data. */
typedef void *(*jit_function)(void *(*)(size_t), size_t);
static const unsigned char jit_code[] = {
	0x48, 0x83, 0xec, 0x18,			/* sub rsp, 24 */
	0x48, 0x89, 0xf8,			/* mov rax, rdi */
	0x48, 0x89, 0xf7,			/* mov rdi, rsi */
	0x31, 0xed,				/* xor ebp, ebp: no frame pointer to follow */
	0xff, 0xd0,				/* call rax */
	0x48, 0x83, 0xc4, 0x18,			/* add rsp, 24 */
	0xc3,
};
static NOINLINE void *call_jit(jit_function f, size_t n)
{
	void *p;
	/* rbp is destroyed by that code. */
	__asm__ volatile("push %%rbp\n\tsub $8,%%rsp\n\tmov %%rsp,%%r12\n\tand $-16,%%rsp\n\tcall *%3\n\tmov %%r12,%%rsp\n\t"
		"add $8,%%rsp\n\tpop %%rbp" : "=a"(p) : "D"(malloc), "S"(n), "r"(f)
		: "r12", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
	return p;
}
static void generated_code(void)
{
	unsigned char *code = mmap(NULL, 4096 * 4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 100; i++)
		memcpy(code + i * 64, jit_code, sizeof(jit_code));
	CHECK(!mprotect(code, 4096 * 4, PROT_READ | PROT_EXEC));
	for (int round = 0; round < 50; round++)
		for (int i = 0; i < 100; i++) {
			void *p = call_jit((jit_function)(uintptr_t)(code + i * 64), (size_t)i + 1);
			CHECK(p);
			memset(p, 1, (size_t)i + 1);
			free(p);
		}
	munmap(code, 4096 * 4);
	exercise(500);
}

static ucontext_t here, there;
static int steps;
static void body(void)
{
	for (int i = 0; i < 20; i++) {
		void *p = malloc((size_t)i * 50 + 1);
		HIDE(p);
		swapcontext(&there, &here);
		free(p);
		steps++;
	}
}
static void coroutine(size_t bytes, int unmap)
{
	char *stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = bytes;
	there.uc_link = &here;
	makecontext(&there, body, 0);
	int until = steps + 20;
	while (steps < until) {
		swapcontext(&here, &there);
		free(malloc(100));
		if (unmap && steps == until - 10)
			break;
	}
	munmap(stack, bytes);
	exercise(20);
}
static void coroutines(void)
{
	for (int i = 0; i < 100; i++)
		coroutine(16384, i & 1);
}

/* A stack just below which nothing is mapped, and just above which nothing is. */
static void narrow_stack(void)
{
	for (int i = 0; i < 50; i++) {
		char *area = mmap(NULL, 4096 * 6, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(!mprotect(area + 4096, 4096 * 4, PROT_READ | PROT_WRITE));
		steps = 0;
		getcontext(&there);
		there.uc_stack.ss_sp = area + 4096;
		there.uc_stack.ss_size = 4096 * 4;
		there.uc_link = &here;
		makecontext(&there, body, 0);
		while (steps < 20)
			swapcontext(&here, &there);
		munmap(area, 4096 * 6);
	}
}

static jmp_buf mark;
static NOINLINE void jump_from(int n)
{
	void *p = malloc((size_t)n + 1);
	HIDE(p);
	free(p);
	if (!n)
		longjmp(mark, 1);
	jump_from(n - 1);
	HIDE(p);
}
static void jumps(void)
{
	for (volatile int i = 0; i < 500; i++)
		if (!setjmp(mark))
			jump_from(i % 60);
}

/* rbp used for other things, with values that look like addresses. */
static void odd_frame_pointer(void)
{
	static const uintptr_t values[] = { 0, 1, 8, 0x1000, 0x7ffffffff000, 0xffffffffffffffff, 0x8000000000000000 };
	for (int round = 0; round < 20; round++)
		for (unsigned i = 0; i < sizeof(values) / sizeof(*values); i++) {
			void *p;
			__asm__ volatile("push %%rbp\n\tsub $8,%%rsp\n\tmov %%rsp,%%r12\n\tand $-16,%%rsp\n\tmov %3,%%rbp\n\t"
				"call *%2\n\tmov %%r12,%%rsp\n\tadd $8,%%rsp\n\tpop %%rbp" : "=a"(p)
				: "D"((size_t)100), "r"(malloc), "r"(values[i])
				: "r12", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
			CHECK(p);
			free(p);
		}
}

MAIN(CASE(shapes), CASE(deep), CASE(generated_code), CASE(coroutines), CASE(narrow_stack), CASE(jumps), CASE(odd_frame_pointer))
