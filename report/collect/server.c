/* server.c - see server.h. */
#include <errno.h>
#include <linux/futex.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/system.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/proc_stat.h"
#include "collect.h"
#include "ledger_find.h"
#include "model/ledger_map.h"
#include "process/process.h"
#include "roots/references.h"
#include "server.h"
#include "session_lock.h"
#include "settled.h"
#include "shim/server.h"
#include "watch.h"
#include "workers.h"

#define BACKLOG 128
#define COLLECTORS_MAX WORKERS_MOST
#define LEAVE_MOST 48u /* images and copies that outlive their processes: each takes memory */
#define NAMED_NS 10000000000ull
#define CALLER_MS 1000       /* a caller writes its request at once, or is not served */
#define SNAPSHOTS_MOST 500u  /* of one collector: what one of them may lose does not add up */
#define STAY_KIB (48l << 10) /* a collector that needed more memory does not stay */

struct serving {
	const char *folder;
	const struct collect_settings *settings;
	int listening, control;
	unsigned collectors;
	int settler; /* its process, and our end of its control pipe; 0, -1: there is none */
	int settler_control;
	int orphan; /* see send_orphan; 0: it was reaped, -1: it could not be made */
	struct workers workers;
	bool knows_cxx; /* libstdc++'s symbols have been read */
};

int server_open(struct server *s, const char *folder)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	size_t bytes = strlen(folder);

	*s = (struct server){ .listening = -1, .control = -1 };
	if (bytes + 1 >= sizeof(name.sun_path))
		return -1;
	memcpy(name.sun_path + 1, folder, bytes);
	s->listening = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listening < 0)
		return -1;
	if (!bind(s->listening, (struct sockaddr *)&name,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + bytes))
		&& !listen(s->listening, BACKLOG))
		return 0;
	close(s->listening);
	s->listening = -1;
	return -1;
}

/* --- one request -------------------------------------------------------------------- */

static bool is_same_pid_namespace(int pid)
{
	struct stat here, there;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	return !stat("/proc/self/ns/pid", &here) && !stat(path, &there) && here.st_dev == there.st_dev
		&& here.st_ino == there.st_ino;
}

/* The program behind a connection: the parent of the clone that called (shim/server.h), or 0. The caller
 * waits for our answer, so its number is still its own. */
static int find_program(int connection, const struct server_request *r, int *user)
{
	struct ucred caller;
	socklen_t bytes = sizeof(caller);
	struct proc_stat s;

	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &caller, &bytes) || caller.pid <= 0)
		return 0;
	if (proc_stat_read(caller.pid, 0, &s) != 1 || s.parent <= 1 || s.parent != r->pid)
		return 0;
	*user = (int)caller.uid;
	return is_same_pid_namespace(s.parent) ? s.parent : 0;
}

static bool read_request(int connection, struct server_request *r)
{
	struct pollfd p = { .fd = connection, .events = POLLIN };

	if (poll(&p, 1, CALLER_MS) <= 0 || recv(connection, r, sizeof(*r), 0) != sizeof(*r))
		return false;
	r->ledger[sizeof(r->ledger) - 1] = '\0';
	return r->magic == SERVER_MAGIC && ledger_find_is_name(r->ledger);
}

/* The program repeats our number in its ledger when it waits for us. */
static bool wait_named(const char *ledger, int pid, struct tide_error *e)
{
	uint64_t limit = clock_ns() + NAMED_NS;
	struct ledger_map map;
	bool named;

	if (ledger_map_open(&map, ledger, e))
		return false;
	for (;;) {
		uint32_t *word = (uint32_t *)&map.header->collector_pid;
		uint32_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE);
		struct timespec pause = { 0, 10000000 };

		named = now == (uint32_t)getpid();
		if (named || clock_ns() > limit || !process_lives(pid))
			break;
		syscall(SYS_futex, word, FUTEX_WAIT, now, &pause, NULL, 0);
	}
	ledger_map_close(&map);
	if (!named)
		error_set(e, EXIT_UNMEASURED, "process %d does not wait for its snapshot||", pid);
	return named;
}

/* --- which process takes in orphans ------------------------------------------------------------ */

/* An image that outlives its process is given to init, or to a process above that has asked for orphans. Not all
 * that run as process 1 of a container wait for what they are given: an orphan of our own is sent ahead. Only
 * when we have seen its end is it certain that images leave no zombies. */
static int send_orphan(void)
{
	int32_t pid = -1;
	int numbers[2];
	pid_t child;

	if (pipe2(numbers, O_CLOEXEC))
		return -1;
	child = fork();
	if (!child) {
		pid_t parent = getpid();

		pid = fork();
		if (pid) {
			(void)!write(numbers[1], &pid, sizeof(pid));
			_exit(EXIT_FINE);
		}
		while (getppid() == parent) {
			struct timespec pause = { 0, 1000000 };

			nanosleep(&pause, NULL);
		}
		_exit(EXIT_FINE);
	}
	close(numbers[1]);
	if (child < 0 || read(numbers[0], &pid, sizeof(pid)) != sizeof(pid))
		pid = -1;
	close(numbers[0]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return pid;
}

/* Does a program of the run take in orphans (shim/server.h)? It would get processes that it does not
 * know. */
static bool takes_orphans(const struct serving *v)
{
	char *path = alloc_printf("%s/" SERVER_REAPER, v->folder);
	bool takes = !access(path, F_OK);

	free(path);
	return takes;
}

/* May this process make another snapshot? Not after one of a process that belongs to somebody else, who could
 * have harmed it. The caller of one that failed waits for our end. */
static bool may_stay(int user)
{
	struct rusage used;

	return user == (int)geteuid() && !getrusage(RUSAGE_SELF, &used) && used.ru_maxrss < STAY_KIB;
}

static int take_snapshot(const struct serving *v, enum collect_leaving leaving,
	const struct server_request *r, const char *ledger, int pid, struct tide_error *e)
{
	struct collect c = { .ledger = ledger,
		.pid = pid,
		.settings = v->settings,
		.served = true,
		.reason = r->reason,
		.flags = r->flags & ~(uint32_t)REQUEST_FLAG_QUERY,
		.serial = r->serial,
		.leaving = leaving == LEAVING_IMAGE && takes_orphans(v) ? LEAVING_COPY : leaving };
	int result = wait_named(ledger, pid, e) ? collect_snapshot(&c, e) : -1;

	free(c.written);
	return result;
}

/* A ledger for a program that runs as another user than we, and cannot make a file in our folder: it gets the
 * descriptor of one. */
static void give_ledger(const struct serving *v, int connection, const struct server_request *r)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct server_reply reply = { 0 };
	struct iovec part = { &reply, sizeof(reply) };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	uint64_t bytes = (uint64_t)r->serial * LEDGER_PAGE;
	int fd = -1;

	if (!bytes || bytes > SERVER_LEDGER_BYTES)
		return;
	for (unsigned n = 1; n <= SERVER_LEDGER_MOST && fd < 0; n++) {
		char *path = alloc_printf("%s/%d.%u.ledger", v->folder, r->pid, n);

		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		reply.collector = (int32_t)n;
		if (fd >= 0 && ftruncate(fd, (off_t)bytes)) {
			unlink(path);
			close(fd);
			fd = -1;
			n = SERVER_LEDGER_MOST;
		}
		free(path);
	}
	if (fd < 0)
		return;
	control.head = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS
	};
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	sendmsg(connection, &message, MSG_NOSIGNAL);
	close(fd);
}

/* In the collector's process: its number is the caller's answer. `user`: of the caller, when a snapshot was made;
 * else -1. */
static int serve(const struct serving *v, int connection, enum collect_leaving leaving, int *user)
{
	struct server_request r;
	struct server_reply reply = { .collector = getpid() };
	struct tide_error e = { 0 };
	char *ledger;
	int pid, result, caller;

	*user = -1;
	if (!read_request(connection, &r) || !(pid = find_program(connection, &r, &caller)))
		return EXIT_UNMEASURED;
	if (r.kind == SERVER_LEDGER) {
		give_ledger(v, connection, &r);
		close(connection);
		return EXIT_FINE;
	}
	ledger = alloc_printf("%s/%s", v->folder, r.ledger);
	if (session_lock_hold(ledger)) {
		free(ledger);
		return EXIT_UNMEASURED;
	}
	send(connection, &reply, sizeof(reply), MSG_NOSIGNAL);
	close(connection);
	if (r.kind == SERVER_WATCH)
		result = watch_process(ledger, pid, v->settings, &e);
	else
		result = take_snapshot(v, leaving, &r, ledger, pid, &e);
	free(ledger);
	if (result)
		error_print(&e);
	else if (r.kind != SERVER_WATCH)
		*user = caller;
	return result ? EXIT_UNMEASURED : EXIT_FINE;
}

/* --- the loop ------------------------------------------------------------------------ */

static void reap(struct serving *v, int options)
{
	pid_t pid;

	while ((v->collectors || v->settler) && (pid = waitpid(-1, NULL, options)) > 0)
		if (pid == v->settler)
			v->settler = 0;
		else
			v->collectors--;
}

static void start_settler(struct serving *v)
{
	int control[2];

	v->settler_control = -1;
	if (pipe2(control, O_CLOEXEC))
		return;
	v->settler = fork();
	if (!v->settler) {
		close(control[1]);
		close(v->listening);
		close(v->control);
		settled_run(v->folder, v->settings, control[0]);
		_exit(EXIT_FINE);
	}
	close(control[0]);
	v->settler_control = control[1];
	if (v->settler < 0)
		v->settler = 0;
}

static void end_settler(struct serving *v)
{
	if (v->settler_control >= 0)
		close(v->settler_control);
	while (v->settler > 0 && waitpid(v->settler, NULL, 0) < 0 && errno == EINTR)
		;
}

static int __attribute__((noreturn))
work(const struct serving *v, int connection, enum collect_leaving leaving, int socket)
{
	int result = EXIT_FINE, user = 0;

	for (unsigned i = 0; i < SNAPSHOTS_MOST && connection >= 0; i++) {
		result = serve(v, connection, leaving, &user);
		session_lock_drop();
		if (socket >= 0 && !v->knows_cxx && references_met_cxx())
			workers_tell(socket);
		if (socket < 0 || user < 0 || !may_stay(user))
			break;
		connection = workers_next(socket, &leaving);
	}
	_exit(result);
}

static void accept_one(struct serving *v)
{
	int connection = accept4(v->listening, NULL, NULL, SOCK_CLOEXEC);
	enum collect_leaving leaving;
	pid_t child;
	int socket;

	if (connection < 0)
		return;
	if (v->orphan > 0 && kill(v->orphan, 0) && errno == ESRCH)
		v->orphan = 0;
	leaving = v->collectors >= LEAVE_MOST ? LEAVING_NOT : v->orphan ? LEAVING_COPY : LEAVING_IMAGE;
	if (workers_give(&v->workers, connection, leaving)) {
		close(connection);
		return;
	}
	socket = v->collectors < COLLECTORS_MAX ? workers_add(&v->workers) : -1;
	child = v->collectors < COLLECTORS_MAX ? fork() : -1;
	if (!child) {
		signal(SIGCHLD, SIG_DFL);
		close(v->listening);
		close(v->control);
		close(v->settler_control);
		workers_close(&v->workers);
		work(v, connection, leaving, socket);
	}
	v->collectors += child > 0;
	if (socket >= 0) {
		workers_made(&v->workers, child);
		close(socket);
	}
	close(connection); /* a caller without an answer is refused */
}

static void ignore_signal(int number) { (void)number; }

/* A pipe that a library of this process has opened for itself, as the libunwind of a preloaded tcmalloc does to
 * try addresses. What came through exec has no FD_CLOEXEC, and pipes of the command block. */
static bool is_of_library(int fd)
{
	int flags = fcntl(fd, F_GETFD);
	struct stat st;

	return flags >= 0 && (flags & FD_CLOEXEC) && (fcntl(fd, F_GETFL) & O_NONBLOCK) && !fstat(fd, &st)
		&& S_ISFIFO(st.st_mode);
}

#define LIBRARY_DESCRIPTORS 256 /* those of libraries are among the first */

/* The server keeps no stream of its caller open, and the limits of a shell are not meant for it. */
static void stand_apart(struct serving *v)
{
	static const int limits[] = { RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_STACK, RLIMIT_NOFILE,
		RLIMIT_CPU };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), end;

	setpgid(0, 0);
	prctl(PR_SET_NAME, "tidemark");
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit l;

		if (!getrlimit(limits[i], &l)) {
			l.rlim_cur = l.rlim_max;
			setrlimit(limits[i], &l);
		}
	}
	for (int i = 0; null >= 0 && i < (v->settings->verbose ? 2 : 3); i++)
		dup2(null, i);
	/* Two descriptors are kept, under the lowest numbers. */
	v->listening = fcntl(v->listening, F_DUPFD_CLOEXEC, 3);
	v->control = fcntl(v->control, F_DUPFD_CLOEXEC, 3);
	end = (v->listening > v->control ? v->listening : v->control) + 1;
	if (end < LIBRARY_DESCRIPTORS)
		end = LIBRARY_DESCRIPTORS;
	for (int i = 3; i < end; i++)
		if (i != v->listening && i != v->control && !is_of_library(i))
			close(i);
	syscall(SYS_close_range, end, ~0u, 0);
}

static void __attribute__((noreturn)) run_server(struct serving *v)
{
	struct sigaction wake = { .sa_handler = ignore_signal };
	struct pollfd p[2 + WORKERS_MOST];
	sigset_t none, child;

	stand_apart(v);
	start_settler(v);
	references_prepare();
	v->orphan = send_orphan();
	p[0] = (struct pollfd){ .fd = v->listening, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = v->control, .events = POLLIN };
	sigaction(SIGCHLD, &wake, NULL);
	sigemptyset(&none);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_SETMASK, &child, NULL);
	/* Closed without a message: `run` has ended, for whatever reason. */
	while (!(p[1].revents & (POLLHUP | POLLIN))) {
		nfds_t workers = workers_poll(&v->workers, p + 2);

		if (ppoll(p, 2 + workers, NULL, &none) > 0) {
			workers_look(&v->workers, p + 2);
			if (v->workers.news && !v->knows_cxx)
				references_prepare_cxx();
			v->knows_cxx |= v->workers.news;
			if (p[0].revents & POLLIN)
				accept_one(v);
		}
		reap(v, WNOHANG);
	}
	workers_end(&v->workers);
	close(v->listening);
	sigprocmask(SIG_SETMASK, &none, NULL);
	end_settler(v);
	_exit(EXIT_FINE);
}

void server_start(struct server *s, const char *folder, const struct collect_settings *settings)
{
	struct serving v = { .folder = folder, .settings = settings, .listening = s->listening };
	int control[2];

	if (s->listening < 0)
		return;
	if (!pipe2(control, O_CLOEXEC)) {
		v.control = control[0];
		s->control = control[1];
		fflush(NULL);
		s->pid = fork();
		if (!s->pid) {
			close(control[1]);
			run_server(&v);
		}
		close(control[0]);
	}
	close(s->listening);
	s->listening = -1;
	if (s->pid < 0)
		s->pid = 0;
}

void server_stop(struct server *s)
{
	if (s->listening >= 0)
		close(s->listening);
	if (s->control >= 0)
		close(s->control);
	while (s->pid > 0 && waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*s = (struct server){ .listening = -1, .control = -1 };
}
