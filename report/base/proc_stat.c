/* proc_stat.c - see proc_stat.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "proc_stat.h"

static int missing(int pid) { return kill(pid, 0) && errno == ESRCH ? 0 : -1; }

int proc_stat_read(int pid, int tid, struct proc_stat *s)
{
	char path[64], line[1024], *at;
	unsigned long long start;
	ssize_t bytes;
	int fd;

	*s = (struct proc_stat){ .threads = 1, .exit_signal = -1, .processor = -1 };
	if (pid <= 0)
		return 0;
	if (tid)
		snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	else
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH ? missing(tid ? tid : pid) : -1;
	bytes = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (bytes <= 0)
		return missing(tid ? tid : pid);
	line[bytes] = '\0';
	at = strrchr(line, ')');
	/* Field 3 is the state, 9 the flags, 20 the number of threads, 22 the start, 38 the exit signal, 39 the processor. */
	if (!at || sscanf(at + 1, " %c %d %d %d", &s->state, &s->parent, &s->group, &s->session) != 4)
		return missing(tid ? tid : pid);
	if (sscanf(at + 1,
		    " %*c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d %llu %*u %*d %*u"
		    " %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %d %d",
		    &s->flags, &s->threads, &start, &s->exit_signal, &s->processor)
		>= 3)
		s->start_ticks = start;
	return 1;
}
