/* path.h - parts of a file's name. */
#ifndef TIDEMARK_PATH_H
#define TIDEMARK_PATH_H

#include <string.h>

/* What follows the last slash; all of `path` when there is none. Points into `path`. */
static inline const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

#endif
