/* exec in all its forms, and the environment that goes with it.
 * snapshots[empty_environment]: any
 */
#include "hostile.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void chain(void)
{
	char *left = getenv("HOSTILE_LEFT");
	int n = left ? atoi(left) : 15;
	exercise(100);
	printf("%d ", n);
	fflush(stdout);
	if (n == 0)
		return;
	char text[16];
	snprintf(text, sizeof(text), "%d", n - 1);
	setenv("HOSTILE_LEFT", text, 1);
	execl("/proc/self/exe", "execs", "chain", (char *)NULL);
	CHECK(0);
}

static void empty_environment(void)
{
	char *arguments[] = { "sh", "-c", "echo from an empty environment", NULL }, *nothing[] = { NULL };
	exercise(100);
	execve("/bin/sh", arguments, nothing);
	CHECK(0);
}

/* A failed exec leaves everything as it was. */
static void failing(void)
{
	char *arguments[] = { "x", NULL };
	for (int i = 0; i < 20; i++) {
		void *p = malloc(100);
		errno = 0;
		CHECK(execv("/there/is/no/such", arguments) == -1 && errno == ENOENT);
		errno = 0;
		CHECK(execv("/etc", arguments) == -1 && errno == EACCES);
		free(p);
		exercise(50);
	}
}

static void *from_thread(void *unused)
{
	exercise(20);
	execl("/bin/echo", "echo", "from a thread", (char *)NULL);
	return unused;
}
static void in_thread(void)
{
	pthread_t t;
	pthread_create(&t, NULL, from_thread, NULL);
	for (;;)
		exercise(10);
}

static void by_descriptor(void)
{
	int f = open("/bin/echo", O_RDONLY | O_CLOEXEC);
	char *arguments[] = { "echo", "by descriptor", NULL };
	exercise(20);
	fexecve(f, arguments, environ);
	CHECK(0);
}

static void script(void)
{
	FILE *f = fopen("hostile-script", "w");
	CHECK(f);
	fprintf(f, "#!/bin/sh\necho a script \"$1\"\nexec 3>&-\nexit 0\n");
	fclose(f);
	CHECK(!system("chmod 755 hostile-script"));
	execl("./hostile-script", "./hostile-script", "argument", (char *)NULL);
	CHECK(0);
}

/* A snapshot every 50 ms that is asked for finds no event here for up to 100 ms: exec
 * comes in between, and the one who asked must not take the new program for the old. */
static void while_asked(int raw)
{
	char *left = getenv("HOSTILE_LEFT"), text[16];
	int n = left ? atoi(left) : 6;
	char *arguments[] = { "execs", raw ? "while_asked_raw" : "while_asked_plain", NULL };
	usleep(60000 + (useconds_t)n * 10000);
	printf("%d ", n);
	fflush(stdout);
	if (n == 0)
		return;
	snprintf(text, sizeof(text), "%d", n - 1);
	setenv("HOSTILE_LEFT", text, 1);
	if (raw)
		syscall(SYS_execve, "/proc/self/exe", arguments, environ);
	else
		execv("/proc/self/exe", arguments);
	CHECK(0);
}
static void while_asked_plain(void) { while_asked(0); }
static void while_asked_raw(void) { while_asked(1); }

/* A thread that does not stop in time because it is in exec takes the number of the first. */
static void *waits_and_execs(void *unused)
{
	char *arguments[] = { "sleep", "0.2", NULL };
	usleep(100000);
	execv("/bin/sleep", arguments);
	return unused;
}
static void while_asked_thread(void)
{
	pthread_t t[4];
	pthread_create(&t[0], NULL, waits_and_execs, NULL);
	for (int i = 1; i < 4; i++)
		pthread_create(&t[i], NULL, (void *(*)(void *))pause, NULL);
	pthread_exit(NULL);
}

static void shells(void)
{
	CHECK(system("exit 3") == 3 << 8);
	FILE *f = popen("echo hello; kill -9 $$", "r");
	char text[64] = "";
	CHECK(f && fgets(text, sizeof(text), f) && !strcmp(text, "hello\n"));
	CHECK(WTERMSIG(pclose(f)) == 9);
}

/* The program's own preloads are its own: they are still first in line, and come through exec. */
static void preload_kept(void)
{
	setenv("LD_PRELOAD_NOT_OURS", "x", 1);
	CHECK(!system("test \"$LD_PRELOAD_NOT_OURS\" = x"));
	unsetenv("LD_PRELOAD");
	CHECK(!system("test -z \"$LD_PRELOAD\""));
	clearenv();
	setenv("PATH", "/bin:/usr/bin", 1);
	exercise(50);
	CHECK(!system("true"));
}

MAIN(CASE(chain), CASE(empty_environment), CASE(failing), CASE(in_thread), CASE(by_descriptor), CASE(script), CASE(shells),
	CASE(while_asked_plain), CASE(while_asked_raw), CASE(while_asked_thread), CASE(preload_kept))
