/* Descriptors: none is left behind, and any may be closed or replaced.
 */
#include "hostile.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#ifndef SYS_close_range
#define SYS_close_range 436 /* Linux 5.9, newer than the headers of glibc 2.31 */
#endif

static int first_free(void)
{
	int f = open("/dev/null", O_RDONLY);
	CHECK(f >= 0);
	close(f);
	return f;
}

static void none_open(void)
{
	DIR *d = opendir("/proc/self/fd");
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
			printf("%s ", e->d_name);
	closedir(d);
	printf("\nfirst free %d\n", first_free());
	for (int i = 0; i < 40; i++) {
		exercise(100);
		usleep(3000);
		CHECK(first_free() == 3);
	}
}

static void close_all(void)
{
	int out = dup(1);
	CHECK(dup2(out, 700) == 700);
	syscall(SYS_close_range, 0, 699, 0);
	for (int i = 0; i < 300; i++)
		exercise(50);
	CHECK(open("/dev/null", O_RDONLY) == 0);
	CHECK(dup2(700, 1) == 1);
	close(700);
	exercise(300);
}

static void close_early(void)
{
	close(0), close(1), close(2);
	exercise(1000);
	pid_t child = fork();
	if (!child) {
		exercise(100);
		_exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	_exit(0);
}

static void none_at_start(void)
{
	if (!getenv("HOSTILE_AGAIN")) {
		setenv("HOSTILE_AGAIN", "1", 1);
		close(0), close(2);
		execl("/proc/self/exe", "descriptors", "none_at_start", (char *)NULL);
	}
	exercise(1000);
	CHECK(open("/dev/null", O_RDWR) == 0);
	CHECK(open("/dev/null", O_RDWR) == 2);
	exercise(1000);
}

static void replaced(void)
{
	int f = open("/dev/null", O_RDWR);
	for (int i = 3; i < 200; i++)
		if (i != f)
			CHECK(dup2(f, i) == i);
	exercise(1000);
	CHECK(write(150, "x", 1) == 1);
	for (int i = 3; i < 200; i++) {
		struct stat a, b;
		CHECK(!fstat(i, &a) && !stat("/dev/null", &b) && a.st_rdev == b.st_rdev);
	}
}

static void no_more(void)
{
	struct rlimit l = { 3, 3 };
	CHECK(!setrlimit(RLIMIT_NOFILE, &l));
	errno = 0;
	CHECK(open("/dev/null", O_RDONLY) == -1 && errno == EMFILE);
	exercise(2000);
}

static void only_error(void)
{
	struct rlimit l = { 0, 0 };
	CHECK(!setrlimit(RLIMIT_NOFILE, &l));
	exercise(2000);
}

static void standard_input(void)
{
	char text[100];
	int lines = 0;
	while (fgets(text, sizeof(text), stdin))
		lines++;
	printf("%d lines\n", lines);
}

/* Offsets, flags and locks of what was inherited stay. */
static void folder_kept(void)
{
	char a[4096], b[4096];
	CHECK(getcwd(a, sizeof(a)));
	exercise(500);
	CHECK(getcwd(b, sizeof(b)) && !strcmp(a, b));
	CHECK(!chdir("/"));
	exercise(500);
	mode_t m = umask(022);
	printf("umask %o flags %x\n", m, fcntl(1, F_GETFD));
}

MAIN(CASE(none_open), CASE(close_all), CASE(close_early), CASE(none_at_start), CASE(replaced), CASE(no_more), CASE(only_error),
	CASE(standard_input), CASE(folder_kept))
