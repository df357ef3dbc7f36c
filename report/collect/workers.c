/* workers.c - see workers.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "workers.h"

enum { READY, NEWS }; /* what a collector says */

static void drop(struct workers *w, unsigned i)
{
	close(w->list[i].socket);
	w->list[i] = w->list[--w->count];
}

int workers_add(struct workers *w)
{
	int pair[2];

	if (w->count == WORKERS_MOST || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	w->list[w->count++] = (struct worker){ .socket = pair[0] };
	return pair[1];
}

void workers_made(struct workers *w, int pid)
{
	if (pid > 0)
		w->list[w->count - 1].pid = pid;
	else
		drop(w, w->count - 1);
}

/* The room of one descriptor in a message, aligned as the kernel wants it. */
union attached {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static bool send_connection(int socket, int connection, enum collect_leaving leaving)
{
	char word = (char)leaving;
	struct iovec data = { &word, 1 };
	union attached a = { 0 };
	struct msghdr m = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = a.bytes, .msg_controllen = sizeof(a.bytes)
	};

	a.header = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS
	};
	memcpy(CMSG_DATA(&a.header), &connection, sizeof(connection));
	return sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

bool workers_give(struct workers *w, int connection, enum collect_leaving leaving)
{
	/* The one that worked last has its pages at hand. */
	for (unsigned i = w->count; i-- > 0;) {
		if (!w->list[i].idle)
			continue;
		if (send_connection(w->list[i].socket, connection, leaving)) {
			w->list[i].idle = false;
			return true;
		}
		drop(w, i);
	}
	return false;
}

unsigned workers_poll(const struct workers *w, struct pollfd *p)
{
	for (unsigned i = 0; i < w->count; i++)
		p[i] = (struct pollfd){ .fd = w->list[i].socket, .events = POLLIN };
	return w->count;
}

static unsigned count_idle(const struct workers *w)
{
	unsigned idle = 0;

	for (unsigned i = 0; i < w->count; i++)
		idle += w->list[i].idle;
	return idle;
}

void workers_look(struct workers *w, const struct pollfd *p)
{
	/* Backwards: what takes the place of a dropped one has been looked at. */
	for (unsigned i = w->count; i-- > 0;) {
		char word;

		if (!p[i].revents)
			continue;
		if (recv(w->list[i].socket, &word, 1, MSG_DONTWAIT) != 1)
			drop(w, i);
		else if (word == NEWS)
			w->news = true;
		else if (count_idle(w) >= WORKERS_IDLE)
			drop(w, i);
		else
			w->list[i].idle = true;
	}
}

void workers_end(struct workers *w)
{
	while (w->count) {
		const struct worker last = w->list[w->count - 1];

		drop(w, w->count - 1);
		while (last.idle && waitpid(last.pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

void workers_close(struct workers *w)
{
	while (w->count)
		drop(w, w->count - 1);
}

void workers_tell(int socket)
{
	char word = NEWS;

	(void)!send(socket, &word, 1, MSG_NOSIGNAL);
}

int workers_next(int socket, enum collect_leaving *leaving)
{
	char word = READY;
	struct iovec data = { &word, 1 };
	union attached a = { 0 };
	struct msghdr m = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = a.bytes, .msg_controllen = sizeof(a.bytes)
	};
	struct cmsghdr *first;
	ssize_t got;
	int connection;

	if (send(socket, &word, 1, MSG_NOSIGNAL) != 1)
		return -1;
	while ((got = recvmsg(socket, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	first = got == 1 ? CMSG_FIRSTHDR(&m) : NULL;
	if (!first || first->cmsg_type != SCM_RIGHTS || first->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&connection, CMSG_DATA(first), sizeof(connection));
	*leaving = word;
	return connection;
}
