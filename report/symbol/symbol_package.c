/* symbol_package.c - see symbol_package.h. */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/alloc.h"
#include "symbol_package.h"

#define LIST_MOST_BYTES ((off_t)64 << 20)

/* Is one of its lines `path`? */
static bool has_line(const char *text, size_t bytes, const char *path)
{
	size_t length = strlen(path);
	const char *at = text, *found;

	while ((found = memmem(at, bytes - (size_t)(at - text), path, length))) {
		const char *end = found + length;

		if ((found == text || found[-1] == '\n') && (end == text + bytes || *end == '\n'))
			return true;
		at = found + 1;
	}
	return false;
}

static bool has_file(int folder, const char *list, const char *path, const char *other)
{
	int fd = openat(folder, list, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool found = false;
	struct stat st;
	void *text;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= LIST_MOST_BYTES) {
		text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (text != MAP_FAILED) {
			found = has_line(text, (size_t)st.st_size, path)
				|| has_line(text, (size_t)st.st_size, other);
			munmap(text, (size_t)st.st_size);
		}
	}
	close(fd);
	return found;
}

char *symbol_package_debug(const char *lists, const char *path)
{
	DIR *folder = *path == '/' ? opendir(lists) : NULL;
	struct dirent *entry;
	char *other, *package = NULL;

	if (!folder)
		return NULL;
	/* Packages of before the merge of /usr still list files by their old place. */
	other = strncmp(path, "/usr/", 5) ? alloc_printf("/usr%s", path) : alloc_string(path + 4);
	while (!package && (entry = readdir(folder))) {
		char *end = strrchr(entry->d_name, '.');

		if (!end || strcmp(end, ".list") || !has_file(dirfd(folder), entry->d_name, path, other))
			continue;
		*end = '\0';
		package = alloc_printf("%.*s-dbgsym", (int)strcspn(entry->d_name, ":"), entry->d_name);
	}
	free(other);
	closedir(folder);
	return package;
}
