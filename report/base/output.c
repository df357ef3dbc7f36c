/* output.c - see output.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "alloc.h"
#include "output.h"

mode_t output_mode(const char *const *inputs, size_t count)
{
	mode_t mode = 0666;
	struct stat st;

	for (size_t i = 0; i < count; i++)
		if (!stat(inputs[i], &st))
			mode &= st.st_mode;
	return mode | 0600;
}

static mode_t read_umask(void)
{
	mode_t mask = umask(077);

	umask(mask);
	return mask;
}

int output_temporary(const char *path, char **name)
{
	const char *slash = strrchr(path, '/');
	int fd, why;

	/* Without the name of `path`, which may already be as long as a name can be. */
	*name = alloc_printf("%.*s.tidemark-XXXXXX.part", slash ? (int)(slash + 1 - path) : 0, path);
	fd = mkostemps(*name, strlen(".part"), O_CLOEXEC);
	if (fd < 0) {
		why = errno;
		free(*name);
		*name = NULL;
		errno = why;
	}
	return fd;
}

int output_open(struct output *o, const char *path, mode_t mode, struct tide_error *e)
{
	struct stat st;
	int fd;

	*o = (struct output){ .path = path };
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		o->file = fopen(path, "we");
	} else {
		fd = output_temporary(path, &o->temporary);
		if (fd >= 0 && fchmod(fd, mode & ~read_umask() & 0777)) {
			close(fd);
			unlink(o->temporary);
			fd = -1;
		}
		o->file = fd >= 0 ? fdopen(fd, "w") : NULL;
	}
	if (o->file)
		return 0;
	free(o->temporary);
	return error_set(
		e, EXIT_UNMEASURED, "cannot write %s|%s|choose another place with -o", path, strerror(errno));
}

int output_close(struct output *o, int failed, struct tide_error *e)
{
	bool broken = ferror(o->file);

	errno = 0;
	if ((fclose(o->file) || broken) && !failed)
		failed = error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|check the free space", o->path,
			strerror(errno ? errno : EIO));
	if (!failed && o->temporary && rename(o->temporary, o->path))
		failed = error_set(e, EXIT_UNMEASURED, "cannot write %s|%s|choose another place with -o",
			o->path, strerror(errno));
	if (failed && o->temporary)
		unlink(o->temporary);
	free(o->temporary);
	*o = (struct output){ 0 };
	return failed;
}
