/* ordinary.c - see ordinary.h. */
#include "ordinary.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "system.h"

/* Their files claim to be regular, but /proc/kmsg and trace_pipe are emptied by those who read them. */
static bool is_kernels(int fd)
{
	static const long kernels[] = { PROC_SUPER_MAGIC, SYSFS_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,
		SECURITYFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, SELINUX_MAGIC, EFIVARFS_MAGIC,
		PSTOREFS_MAGIC, 0x62656570 /* configfs */, 0x65735543 /* FUSE's control files */ };
	struct statfs s;

	if (fstatfs(fd, &s))
		return false;
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		if (s.f_type == kernels[i])
			return true;
	return false;
}

/* Of a descriptor with O_PATH. Without /proc by its name, if it has one: then the file is compared. */
static int open_again(int named, const struct stat *is, const char *path)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	char link[32];
	struct stat now;
	int fd;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", named);
	fd = open(link, flags);
	if (fd >= 0 || errno != ENOENT || !path)
		return fd;
	fd = open(path, flags);
	if (fd >= 0 && (fstat(fd, &now) || now.st_dev != is->st_dev || now.st_ino != is->st_ino)) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

static int open_named(int named, const char *path)
{
	int fd = -1, error;
	struct stat is;

	if (named < 0)
		return -1;
	if (fstat(named, &is) == 0) {
		if (S_ISREG(is.st_mode) && !is_kernels(named))
			fd = open_again(named, &is, path);
		else
			errno = EINVAL;
	}
	error = errno;
	close(named);
	errno = error;
	return fd;
}

int ordinary_open(const char *path) { return open_named(open(path, O_PATH | O_CLOEXEC), path); }

int ordinary_open_below(int folder, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };

	return open_named((int)syscall(SYS_openat2, folder, path, &how, sizeof(how)), NULL);
}
