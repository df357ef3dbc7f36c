/* real.c - see real.h. */
#include <errno.h>
#include <string.h>
#include "lookup.h"
#include "object.h"
#include "real.h"

static void *first_malloc(size_t size)
{
	real_resolve();
	return real.malloc(size);
}

static void *first_calloc(size_t n, size_t each)
{
	real_resolve();
	return real.calloc(n, each);
}

static void first_free(void *p)
{
	real_resolve();
	real.free(p);
}

static void *first_realloc(void *p, size_t size)
{
	real_resolve();
	return real.realloc(p, size);
}

struct real real = {
	.malloc = first_malloc, .free = first_free, .calloc = first_calloc, .realloc = first_realloc
};

/* `syscall` jumps here until libc's function is known. */
__asm__(".text\n.globl real_early_syscall\n.hidden real_early_syscall\n.type real_early_syscall, @function\nreal_early_syscall:\n"
	"\t.cfi_startproc\n"
	"\tmov %rdi, %rax\n\tmov %rsi, %rdi\n\tmov %rdx, %rsi\n\tmov %rcx, %rdx\n"
	"\tmov %r8, %r10\n\tmov %r9, %r8\n\tmov 8(%rsp), %r9\n"
	"\tsyscall\n"
	"\tcmp $-4095, %rax\n"
	"\tjae 1f\n"
	"\tret\n"
	"1:\tneg %eax\n"
	"\tpush %rax\n\t.cfi_adjust_cfa_offset 8\n"
	"\tcall *__errno_location@GOTPCREL(%rip)\n"
	"\tpop %rcx\n\t.cfi_adjust_cfa_offset -8\n"
	"\tmov %ecx, (%rax)\n"
	"\tmov $-1, %rax\n"
	"\tret\n"
	"\t.cfi_endproc\n\t.size real_early_syscall, .-real_early_syscall\n.previous");

extern char real_early_syscall[] __attribute__((visibility("hidden")));
void *real_syscall = real_early_syscall;

static void find(void *place, const char *name)
{
	void *f = lookup_next(name);
	if (f)
		memcpy(place, &f, sizeof f);
}

void real_resolve(void)
{
	struct real r = { 0 };
#define HOOK(result, name, parameters) find(&r.name, #name);
#define MALLOC(result, name, parameters, arguments) find(&r.name, #name);
#define OVER(result, name, parameters)
#define ASSEMBLY(name) find(&real_##name, #name);
#include "hooks.def"
	real = r;
}

bool real_is_glibc(void)
{
	/* Only glibc's libc.so.6 defines gnu_get_libc_version. */
	struct object allocator, libc;
	return object_find((uintptr_t)real.malloc, &allocator)
		&& object_find((uintptr_t)lookup_next("gnu_get_libc_version"), &libc)
		&& allocator.lo == libc.lo;
}

const char *real_allocator_path(void)
{
	struct object o;
	const struct link_map *l = object_find((uintptr_t)real.malloc, &o) ? object_link(&o) : NULL;
	return l && l->l_name ? l->l_name : "";
}
