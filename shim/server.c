/* server.c - see server.h. */
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include "child.h"
#include "config.h"
#include "raw.h"
#include "server.h"
#include "spawn.h"
#include "state.h"
#include "text.h"

#define ANSWER_SECONDS 5 /* how long to wait for a busy server */

static struct call {
	struct server_request request;
	int32_t collector;
	void *ledger;  /* mapped by the clone: the memory is shared, the descriptor is not */
	uint32_t done; /* futex */
} call;

static bool is_trusted(long fd)
{
	struct ucred peer = { 0 };
	socklen_t bytes = sizeof peer;

	return !raw_failed(raw5(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes))
		&& (peer.uid == 0 || (state.ledger && peer.uid == state.ledger->uid));
}

static long connect_server(void)
{
	struct timeval limit = { ANSWER_SECONDS, 0 };
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	unsigned bytes = 0;
	long fd;

	/* The first byte of an abstract name is 0. */
	for (; config.session[bytes] && bytes + 1 < sizeof name.sun_path; bytes++)
		name.sun_path[bytes + 1] = config.session[bytes];
	if (config.session[bytes])
		return -1;
	fd = raw3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (raw_failed(fd))
		return fd;
	raw5(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	raw5(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (raw_failed(raw3(SYS_connect, fd, &name, offsetof(struct sockaddr_un, sun_path) + 1 + bytes)))
		return -1;
	return is_trusted(fd) ? fd : -1;
}

static void receive_ledger(long fd, struct server_reply *reply)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec part = { reply, sizeof *reply };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};
	int file;

	if (raw3(SYS_recvmsg, fd, &message, MSG_CMSG_CLOEXEC) != (long)sizeof *reply || reply->collector <= 0
		|| message.msg_controllen < CMSG_LEN(sizeof(int)) || control.head.cmsg_level != SOL_SOCKET
		|| control.head.cmsg_type != SCM_RIGHTS)
		return;
	__builtin_memcpy(&file, CMSG_DATA(&control.head), sizeof file);
	call.ledger = raw_mmap(NULL, (uint64_t)call.request.serial * LEDGER_PAGE, PROT_NONE,
		MAP_SHARED | MAP_NORESERVE, file, 0);
	if (call.ledger)
		call.collector = reply->collector;
}

/* Runs in the clone, which shares only our memory. Its exit closes the socket. */
static void run_call(void *unused)
{
	struct server_reply reply = { 0 };
	long fd = connect_server();

	(void)unused;
	if (fd < 0
		|| raw6(SYS_sendto, fd, &call.request, sizeof call.request, MSG_NOSIGNAL, 0, 0)
			!= (long)sizeof call.request)
		;
	else if (call.request.kind == SERVER_LEDGER)
		receive_ledger(fd, &reply);
	else if (raw6(SYS_recvfrom, fd, &reply, sizeof reply, 0, 0, 0) == (long)sizeof reply)
		call.collector = reply.collector;
	__atomic_store_n(&call.done, 1, __ATOMIC_RELEASE);
	raw6(SYS_futex, &call.done, FUTEX_WAKE, INT_MAX, 0, 0, 0);
	raw_end(0);
}

static bool is_call_done(void) { return __atomic_load_n(&call.done, __ATOMIC_ACQUIRE); }

static bool name_ledger(const char *path)
{
	const char *base = path;
	unsigned i = 0;

	for (const char *s = path; *s; s++)
		if (*s == '/')
			base = s + 1;
	for (; base[i] && i + 1 < sizeof call.request.ledger; i++)
		call.request.ledger[i] = base[i];
	call.request.ledger[i] = 0;
	return i && !base[i];
}

/* Has the call made by a clone; the answer is in `call`. */
static void make_call(void)
{
	struct timespec pause = { 0, 10000000 };
	long pid = spawn_clone(run_call, NULL);

	if (pid < 0)
		return;
	child_made((int32_t)pid);
	/* The clone runs on a static stack, so it must have ended before the stack is used again. If waiting
	 * is refused, its last store serves instead, for as long as the call can take. */
	long got;
	while ((got = raw4(SYS_wait4, pid, 0, __WALL | (is_call_done() ? 0 : WNOHANG), 0)) == 0)
		raw6(SYS_futex, &call.done, FUTEX_WAIT, 0, &pause, 0, 0);
	for (unsigned i = 0; got != pid && i < 500 && !is_call_done() && raw2(SYS_kill, pid, 0) == 0; i++)
		raw6(SYS_futex, &call.done, FUTEX_WAIT, 0, &pause, 0, 0);
	child_over((int32_t)pid);
}

int32_t server_ask(
	enum server_kind kind, const char *ledger, uint32_t reason, uint32_t flags, uint32_t serial)
{
	if (!config.session[0] || !ledger[0])
		return 0;
	call = (struct call){ .request = { SERVER_MAGIC, kind, (int32_t)raw0(SYS_getpid), reason, flags,
				      serial, { 0 } } };
	if (!name_ledger(ledger))
		return 0;
	make_call();
	return call.collector;
}

void *server_ledger(const char *path, uint64_t bytes, uint32_t *number)
{
	uint64_t all = ~0ull, before;

	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, 8);
	*number = (uint32_t)server_ask(SERVER_LEDGER, path, 0, 0, (uint32_t)(bytes / LEDGER_PAGE));
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
	return *number ? call.ledger : NULL;
}

void server_note_reaper(void)
{
	char path[512], *at = path, *end = path + sizeof path;

	if (!config.session[0] || state.no_syscalls)
		return;
	text_append(&at, end, config.session);
	text_append(&at, end, "/" SERVER_REAPER);
	long fd = raw4(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (!raw_failed(fd))
		raw1(SYS_close, fd);
}
