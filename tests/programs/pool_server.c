/* A server with a pool of threads, each of which comes to have an arena of its own. It listens on the Unix socket
 * that its argument names; a connection may send these lines, each of which has one line as its answer:
 *
 *   work N   allocates N requests of many sizes, and one session for every 20 of them, which stays
 *   trim     calls malloc_trim(0); says how many bytes of anonymous memory came back
 *   logout   frees all sessions, and then as trim
 *   end      ends the server
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define POOL 8
#define SESSIONS 100000
#define REQUESTS 20000

static int server;
static char *session[SESSIONS];
static int session_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static long anonymous(void)
{
	char text[4096];
	int fd = open("/proc/self/smaps_rollup", O_RDONLY);
	long n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	return strtol(strstr(text, "Anonymous:") + 10, NULL, 10) * 1024;
}

__attribute__((noinline, noipa)) static char *new_session(void) { return memset(malloc(312), 1, 312); }

static void work(int count)
{
	char *request[REQUESTS];
	unsigned random = (unsigned)count;

	if (count > REQUESTS)
		count = REQUESTS;
	for (int i = 0; i < count; i++) {
		size_t bytes;

		random = random * 1103515245 + 12345;
		bytes = 40 + (random >> 16) % 3000;
		request[i] = memset(malloc(bytes), 2, bytes);
		if (i % 20)
			continue;
		pthread_mutex_lock(&lock);
		if (session_count < SESSIONS)
			session[session_count++] = new_session();
		pthread_mutex_unlock(&lock);
	}
	for (int i = 0; i < count; i++)
		free(request[i]);
}

static long trim(int logout)
{
	long before;

	anonymous();
	before = anonymous();
	pthread_mutex_lock(&lock);
	while (logout && session_count)
		free(session[--session_count]);
	pthread_mutex_unlock(&lock);
	malloc_trim(0);
	return before - anonymous();
}

static void serve(int connection)
{
	char line[100];
	long n;

	while ((n = read(connection, line, sizeof(line) - 1)) > 0) {
		int length;

		line[n] = 0;
		if (!strncmp(line, "work ", 5)) {
			work(atoi(line + 5));
			length = snprintf(line, sizeof(line), "done\n");
		} else if (!strncmp(line, "end", 3)) {
			_exit(0);
		} else {
			length = snprintf(line, sizeof(line), "%ld\n", trim(!strncmp(line, "logout", 6)));
		}
		if (write(connection, line, (size_t)length) != length)
			break;
	}
	close(connection);
}

static void *wait_for_clients(void *none)
{
	for (;;) {
		int connection = accept(server, NULL, NULL);

		if (connection < 0)
			return none;
		serve(connection);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	pthread_t thread;

	server = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", argc > 1 ? argv[1] : "pool.socket");
	if (server < 0 || bind(server, (struct sockaddr *)&name, sizeof(name)) || listen(server, POOL)) {
		perror(name.sun_path);
		return 2;
	}
	for (int i = 1; i < POOL; i++) {
		if (pthread_create(&thread, NULL, wait_for_clients, NULL))
			return 2;
		pthread_setname_np(thread, "pool");
	}
	wait_for_clients(NULL);
	return 0;
}
