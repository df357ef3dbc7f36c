/* Fragments its heap on purpose, in the way that its first argument names; then waits for a line, calls
 * malloc_trim(0), frees its pins, calls it again, and prints what came back each time: "trim BYTES", "pins BYTES".
 * With a second argument the pins are freed first, so "pins" is the sum of both.
 *
 * No stdio: it would allocate. Resident memory is that of anonymous pages: code that runs for the first time
 * brings in pages of files. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define T 8
#define N 1500
#define WORK (N * 6)
#define LARGE 300000

static int threads, handover, large;
static char *pin[T + 1][N], *handed[T][WORK], *more[LARGE];
static pthread_barrier_t barrier;

static long resident(void)
{
	static char text[4096];
	int fd = open("/proc/self/smaps_rollup", O_RDONLY);
	long n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	return strtol(strstr(text, "Anonymous:") + 10, NULL, 10) * 1024;
}

static void say(const char *what, long bytes)
{
	char line[100];
	int n = snprintf(line, sizeof(line), "%s %ld %d\n", what, bytes, getpid());

	if (write(1, line, n) != n)
		_exit(9);
}

static void wait_for_line(void)
{
	char c;

	while (read(0, &c, 1) == 1 && c != '\n')
		;
}

static void meet(void)
{
	if (threads)
		pthread_barrier_wait(&barrier);
}

static int is(const char *mode, const char *what) { return !strcmp(mode, what); }

__attribute__((noinline, noipa)) char *keep(void) { return memset(malloc(200), 1, 200); }

static void fragment(int me)
{
	char **w = malloc(WORK * sizeof(*w));
	unsigned random = 1 + me;

	for (int i = 0; i < N; i++) {
		for (int k = 0; k < 6; k++) {
			random = random * 1103515245 + 12345;
			w[i * 6 + k] = memset(malloc(32 + (random >> 16) % 2000), 2, 32);
		}
		pin[me][i] = keep();
	}
	if (handover) {
		memcpy(handed[me], w, WORK * sizeof(*w));
		meet();
	}
	for (int i = 0; i < WORK; i++)
		free(handover ? handed[(me + 1) % T][i] : w[i]);
	free(w);
}

/* More than one heap of an arena. */
static void fragment_large(void)
{
	for (int i = 0; i < LARGE; i++)
		more[i] = i % 3000 ? memset(malloc(500), 1, 500) : keep();
	for (int i = 0; i < LARGE; i++)
		if (i % 3000)
			free(more[i]);
}

static void free_of(int me)
{
	for (int i = 0; large && !me && i < LARGE; i += 3000)
		free(more[i]);
	for (int i = 0; i < N; i++)
		free(pin[me][i]);
}

static void *work(void *number)
{
	int me = (int)(long)number;

	if (large && !me)
		fragment_large();
	fragment(me);
	meet();
	meet();
	free_of(me);
	meet();
	meet();
	return NULL;
}

static void free_pins(void)
{
	if (threads) {
		meet();
		meet();
	} else {
		free_of(0);
	}
}

static void measure(int free_first)
{
	long before, after;

	resident();
	say("ready", resident());
	wait_for_line();
	before = resident();
	if (!free_first)
		malloc_trim(0);
	after = resident();
	say("trim", before - after);
	free_pins();
	malloc_trim(0);
	say("pins", after - resident());
}

static void set_options(const char *mode)
{
	threads = !strncmp(mode, "threads", 7) || is(mode, "pool") ? T : 0;
	handover = is(mode, "pool");
	large = is(mode, "threads-large");
	if (is(mode, "top-pad") || is(mode, "threads-top-pad"))
		mallopt(M_TOP_PAD, 4 << 20);
	if (is(mode, "threads-no-top-pad"))
		mallopt(M_TOP_PAD, 0);
	if (is(mode, "threads-no-trim"))
		mallopt(M_TRIM_THRESHOLD, 1 << 30);
	/* The threshold follows the largest mapped chunk that was freed. */
	if (is(mode, "threads-dynamic"))
		free(memset(malloc(3 << 20), 1, 3 << 20));
	/* The main arena goes on in mappings. */
	if (is(mode, "no-break"))
		mmap((char *)(((unsigned long)sbrk(0) + 4095) & ~4095ul), 4096, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

/* What lies in the heap besides. */
static void add_rest(const char *mode)
{
	static char *c[64 * 7 + 7 * 40];
	char *p;
	int n = 0;

	if (is(mode, "trimmed")) {
		malloc_trim(0);
		for (int i = 0; i < 300; i++) {
			p = memset(malloc(3000), 1, 3000);
			if (i % 2)
				free(p);
		}
	}
	if (is(mode, "dontneed")) {
		p = memset(memalign(4096, 20 << 20), 1, 20 << 20);
		madvise(p, 10 << 20, MADV_DONTNEED);
		p = memset(memalign(4096, 100000), 1, 100000);
		madvise(p, 40960, MADV_DONTNEED);
	}
	if (is(mode, "huge")) {
		unsigned long huge = 2ul << 20, lo = ((unsigned long)pin[0][0] + huge) & -huge,
			      bytes = ((unsigned long)sbrk(0) - lo) & -huge;

		if (!madvise((void *)lo, bytes, MADV_HUGEPAGE))
			madvise((void *)lo, bytes, 25); /* MADV_COLLAPSE */
	}
	if (is(mode, "caches")) {
		for (int s = 0; s < 64; s++)
			for (int i = 0; i < 7; i++)
				c[n++] = memset(malloc(24 + s * 16), 1, 24);
		for (int s = 0; s < 7; s++)
			for (int i = 0; i < 40; i++)
				c[n++] = memset(malloc(24 + s * 16), 1, 24);
		while (n)
			free(c[--n]);
	}
	for (int i = 0; is(mode, "mapped") && i < 40; i++) {
		p = memset(malloc(200000 + i * 1000), 1, 150000);
		if (i % 2)
			free(p);
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "plain";
	pthread_t t[T];
	pid_t child;

	set_options(mode);
	if (threads) {
		pthread_barrier_init(&barrier, NULL, T + 1);
		for (long i = 0; i < T; i++)
			pthread_create(&t[i], NULL, work, (void *)i);
		if (handover)
			meet();
		meet();
	} else {
		fragment(0);
	}
	add_rest(mode);
	if (is(mode, "fork")) {
		child = fork();
		if (child)
			return waitpid(child, NULL, 0) != child;
		for (int i = 0; i < N; i += 2)
			pin[0][i][0] = 5;
	}
	measure(argc > 2);
	if (threads) {
		meet();
		for (int i = 0; i < T; i++)
			pthread_join(t[i], NULL);
	}
	return 0;
}
