/* Places where little is allowed: chroot, another user, seccomp, not dumpable.
 * needs: root
 * snapshots[nothing_mounted]: any
 */
#include "hostile.h"
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "../../shim/tidemark.h"

static void dropped(void)
{
	void *before = malloc(100);
	CHECK(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534));
	exercise(2000);
	free(before);
}

static void in_chroot(void)
{
	mkdir("hostile-root", 0755);
	CHECK(!chroot("hostile-root") && !chdir("/"));
	exercise(2000);
	pid_t child = fork();
	if (!child) {
		exercise(200);
		_exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && !status);
}

static void chroot_and_dropped(void)
{
	mkdir("hostile-root", 0755);
	CHECK(!chroot("hostile-root") && !chdir("/"));
	CHECK(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534));
	exercise(2000);
}

static void not_dumpable(void)
{
	CHECK(!prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
	exercise(2000);
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	CHECK(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534));
	exercise(500);
}

static void strict(void)
{
	/* brk is not allowed either: everything the heap needs is there already. */
	free(malloc(100000));
	CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0));
	for (int i = 0; i < 100; i++)
		free(malloc((size_t)i * 8));
	if (write(1, "still here\n", 11) != 11)
		syscall(SYS_exit, 1);
	syscall(SYS_exit, 0);
}

#define ALLOW(n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (n), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
static void filter_but(unsigned otherwise, int more, int still)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_read), ALLOW(SYS_write), ALLOW(SYS_exit_group), ALLOW(SYS_exit), ALLOW(SYS_brk), ALLOW(SYS_mmap),
		ALLOW(SYS_munmap), ALLOW(SYS_mremap), ALLOW(SYS_rt_sigreturn), ALLOW(SYS_newfstatat), ALLOW(SYS_futex),
		ALLOW(more), ALLOW(still),
		BPF_STMT(BPF_RET | BPF_K, otherwise),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };
	exercise(100);
	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
}

static void filter(unsigned otherwise) { filter_but(otherwise, SYS_read, SYS_read); }

static void after_filter(void)
{
	exercise(3000);
	static void *p[30000];
	for (int i = 0; i < 30000; i++)
		p[i] = malloc(100 + (size_t)i % 50);
	for (int i = 0; i < 30000; i++)
		free(p[i]);
	if (write(1, "still here\n", 11) != 11)
		_exit(1);
	_exit(0);
}
static void filter_kills(void) { filter(SECCOMP_RET_KILL_PROCESS); after_filter(); }
static void filter_refuses(void) { filter(SECCOMP_RET_ERRNO | EPERM); after_filter(); }
static void filter_traps(void) { filter(SECCOMP_RET_TRAP); after_filter(); }

/* A child inherits the filter; a snapshot has nothing of it. */
static void fork_under_filter(void)
{
	filter_but(SECCOMP_RET_KILL_PROCESS, SYS_clone, SYS_wait4);
	int status = 0;
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (!child) {
		exercise(500);
		_exit(3);
	}
	CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3);
	after_filter();
}

/* The program's own questions have no answer there, or one that needs no system call. */
static void asks_under_filter(void)
{
	static char *volatile block;
	block = malloc(300);
	filter(SECCOMP_RET_KILL_PROCESS);
	tide_mark("filtered");
	tide_count(0);
	tide_blocks(0, NULL, NULL);
	tide_size_of(block);
	tide_refcount(block);
	struct tide_collected found;
	tide_collect(&found);
	tide_overhead();
	tide_snapshot("filtered.tide");
	tide_reset_peak();
	tide_clear();
	after_filter();
}

static void *filtered_thread(void *unused)
{
	filter(SECCOMP_RET_KILL_THREAD);
	exercise(500);
	syscall(SYS_exit, 0);
	return unused;
}
static void filter_of_one_thread(void)
{
	pthread_t t;
	CHECK(!pthread_create(&t, NULL, filtered_thread, NULL));
	pthread_join(t, NULL);
	exercise(500);
}

/* No /proc and no /dev/shm to work with. */
static void nothing_mounted(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/proc", "tmpfs", 0, "size=4k") || mount("tmpfs", "/dev", "tmpfs", 0, "size=4k")) {
		printf("done nothing_mounted\n");
		exit(0);
	}
	exercise(2000);
	execl("/bin/echo", "echo", "done", "nothing_mounted", (char *)NULL);
	CHECK(0);
}

static void name_spaces(void)
{
	if (!unshare(CLONE_NEWPID | CLONE_NEWNS)) {
		pid_t child = fork();
		if (!child) {
			if (getpid() != 1)
				_exit(3);
			exercise(500);
			_exit(0);
		}
		int status;
		CHECK(waitpid(child, &status, 0) == child && !status);
	}
}

MAIN(CASE(dropped), CASE(in_chroot), CASE(chroot_and_dropped), CASE(not_dumpable), CASE(strict), CASE(filter_kills),
	CASE(filter_refuses), CASE(filter_traps), CASE(fork_under_filter),
	CASE(asks_under_filter), CASE(filter_of_one_thread), CASE(nothing_mounted), CASE(name_spaces))
