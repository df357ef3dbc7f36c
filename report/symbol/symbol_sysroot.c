/* symbol_sysroot.c - see symbol_sysroot.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/ordinary.h"
#include "symbol_sysroot.h"

static char *sysroot;
static int sysroot_fd = -1;

int symbol_sysroot_set(const char *folder, struct tide_error *e)
{
	/* Not by its name: /proc/PID/root is a link that only the kernel can follow. */
	int fd = folder ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1, probe;

	if (folder && fd < 0)
		return error_set(e, EXIT_USAGE,
			"cannot look for files below %s|%s|name the root of a container, or a copy of it",
			folder, strerror(errno));
	probe = folder ? ordinary_open_below(fd, "/") : -1;
	if (folder && probe < 0 && errno == ENOSYS) {
		close(fd);
		return error_set(e, EXIT_USAGE,
			"cannot look for files below %s|this needs Linux 5.6 or newer|symbolize in the container",
			folder);
	}
	if (probe >= 0)
		close(probe);
	if (sysroot_fd >= 0)
		close(sysroot_fd);
	free(sysroot);
	sysroot = folder ? alloc_string(folder) : NULL;
	sysroot_fd = fd;
	return 0;
}

bool symbol_sysroot_is_set(void) { return sysroot != NULL; }

int symbol_sysroot_open(const char *path)
{
	return sysroot ? ordinary_open_below(sysroot_fd, path) : ordinary_open(path);
}

char *symbol_sysroot_path(const char *path)
{
	return sysroot ? alloc_printf("%s%s", sysroot, path) : alloc_string(path);
}
