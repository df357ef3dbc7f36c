// misuse.cc - one error with memory, or none: `misuse CASE`. errors.bats names the cases.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct Cookie {
	~Cookie();
	int x;
};
Cookie::~Cookie() {}
struct alignas(64) Wide {
	char c[64];
};
// As people write them: both sides agree.
struct Own {
	char c[24];
	void *operator new(size_t n) { return malloc(n); }
	void operator delete(void *p) { free(p); }
	void *operator new[](size_t n) { return ::operator new(n); }
	void operator delete[](void *p) { ::operator delete(p); }
};

static char in_the_program[64];
static void *keep[40];

static __attribute__((noinline)) void *make(size_t n)
{
	void *volatile p = malloc(n);
	return p;
}
static __attribute__((noinline)) void release(void *p)
{
	free(p);
	asm volatile("");
}

static volatile size_t none; // a count that the compiler does not know

static void correct(void)
{
	Wide *volatile w = new Wide;
	delete w;
	w = new Wide[2];
	delete[] w;
	Cookie *volatile c = new Cookie[2];
	delete[] c;
	int *volatile n = new int;
	delete n;
	n = new int[3];
	delete[] n;
	n = new (std::nothrow) int;
	delete n;
	n = new (std::nothrow) int[2];
	delete[] n;
	n = new (std::nothrow) int[none];
	delete[] n;
	Own *volatile o = new Own;
	delete o;
	o = new Own[2];
	delete[] o;
	void *volatile m = malloc(10);
	m = realloc(m, 100);
	m = realloc(m, 0); // frees it
	m = aligned_alloc(64, 64);
	free(m);
	m = strdup("x");
	free(m);
	free(NULL);
	// Blocks of the parent, freed by the child, and by both.
	m = make(33);
	if (!fork()) {
		free(m);
		_exit(0);
	}
	wait(NULL);
	free(m);
	// Memory that another malloc has made belongs to another free.
	void *other = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);
	if (other) {
		void *(*their_malloc)(size_t) = (void *(*)(size_t))dlsym(other, "malloc");
		void (*their_free)(void *) = (void (*)(void *))dlsym(other, "free");
		for (int i = 0; i < 20; i++)
			keep[i] = their_malloc(40);
		for (int i = 0; i < 20; i++)
			their_free(keep[i]);
	}
}

int main(int argc, char **argv)
{
	const char *c = argc > 1 ? argv[1] : "";
	void *p = make(40), *volatile q = p;
	int *volatile n;
	if (strncmp(c, "double", 6) == 0 || !strcmp(c, "inner") || !strcmp(c, "wild"))
		keep[39] = make(700); // so that a last snapshot has a block
	if (!strcmp(c, "double")) {
		release(p);
		free(q);
	} else if (!strcmp(c, "double-in-use")) { // something else was made since
		release(p);
		keep[0] = make(500);
		free(q);
	} else if (!strcmp(c, "double-large")) {
		q = p = make(5000);
		keep[0] = make(10);
		release(p);
		free(q);
	} else if (!strcmp(c, "double-top")) {
		q = p = make(5000);
		release(p);
		free(q);
	} else if (!strcmp(c, "double-mapped")) {
		q = p = make(5000000);
		release(p);
		free(q);
	} else if (!strcmp(c, "double-unnoticed")) { // by libc: the block is in a fast bin, neither its newest nor its oldest
		for (int i = 0; i < 10; i++)
			keep[i] = make(40);
		for (int i = 0; i < 10; i++)
			free(keep[i]);
		q = keep[8];
		free(q);
		_exit(0);
	} else if (!strcmp(c, "realloc-freed")) {
		release(p);
		q = realloc(q, 100);
	} else if (!strcmp(c, "inner")) {
		q = (char *)q + 16;
		free(q);
	} else if (!strcmp(c, "inner-unaligned")) {
		q = (char *)q + 8;
		free(q);
	} else if (!strcmp(c, "stack")) {
		volatile size_t here[16]; // with a size that no chunk has: what libc says does not depend on addresses
		for (int i = 0; i < 16; i++)
			here[i] = 0;
		void *volatile s = (void *)(here + 2 + ((size_t)here & 15) / 8);
		free(s);
	} else if (!strcmp(c, "static")) {
		q = in_the_program;
		free(q);
	} else if (!strcmp(c, "mapping")) {
		q = (char *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 16;
		free(q);
	} else if (!strcmp(c, "wild")) {
		q = (void *)0x12340;
		free(q);
	} else if (!strcmp(c, "cookie")) {
		Cookie *volatile k = new Cookie[3];
		delete k;
	} else if (!strcmp(c, "new-free")) {
		n = new int(1);
		free(n);
	} else if (!strcmp(c, "new[]-delete")) {
		n = new int[10];
		delete n;
	} else if (!strcmp(c, "new-delete[]")) {
		n = new int;
		delete[] n;
	} else if (!strcmp(c, "malloc-delete")) {
		n = (int *)make(4);
		delete n;
	} else if (!strcmp(c, "strdup-delete[]")) {
		char *volatile s = strdup("abc");
		delete[] s;
	} else if (!strcmp(c, "new-realloc")) {
		q = new int(1);
		q = realloc(q, 100);
	} else if (!strcmp(c, "aligned-delete")) {
		q = ::operator new(64, std::align_val_t(64));
		::operator delete(q);
	} else if (!strcmp(c, "nothrow-free")) {
		q = ::operator new[](64, std::nothrow);
		free(q);
	} else if (!strcmp(c, "many")) {
		for (int i = 0; i < 1000; i++) {
			n = new int(1);
			free(n);
		}
	} else {
		correct();
	}
	puts("survived");
	return 0;
}
