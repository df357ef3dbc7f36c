/* source_root.c - see source_root.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/error.h"
#include "source_root.h"

struct known_file {
	char *file, *relative;
	UT_hash_handle hh;
};

struct source_root {
	char **folders; /* as given and, where it differs, resolved; no slash at the end */
	size_t count;
	struct known_file *known;
};

static void add_folder(struct source_root *r, const char *folder)
{
	size_t n = strlen(folder);

	while (n > 1 && folder[n - 1] == '/')
		n--;
	for (size_t i = 0; i < r->count; i++)
		if (strlen(r->folders[i]) == n && memcmp(r->folders[i], folder, n) == 0)
			return;
	*ARRAY_APPEND(r->folders, r->count) = alloc_printf("%.*s", (int)n, folder);
}

struct source_root *source_root_new(const char *const *folders, size_t count)
{
	struct source_root *r = alloc_zeroed(1, sizeof(*r));

	for (size_t i = 0; i < count; i++) {
		char *resolved;

		if (!folders[i] || !*folders[i])
			continue;
		resolved = realpath(folders[i], NULL);
		if (folders[i][0] == '/')
			add_folder(r, folders[i]);
		if (resolved)
			add_folder(r, resolved);
		free(resolved);
	}
	return r;
}

void source_root_free(struct source_root *r)
{
	struct known_file *k, *next;

	if (!r)
		return;
	HASH_ITER(hh, r->known, k, next)
	{
		HASH_DEL(r->known, k);
		free(k->file);
		free(k->relative);
		free(k);
	}
	for (size_t i = 0; i < r->count; i++)
		free(r->folders[i]);
	free(r->folders);
	free(r);
}

static const char *strip_folder(const char *folder, const char *file)
{
	size_t n = strlen(folder);

	if (n == 1) /* "/" */
		return file[0] == '/' && file[1] ? file + 1 : NULL;
	return strncmp(file, folder, n) == 0 && file[n] == '/' && file[n + 1] ? file + n + 1 : NULL;
}

static bool has_file(const char *folder, const char *end)
{
	char *path = alloc_printf("%s/%s", folder, end);
	struct stat st;
	bool found = stat(path, &st) == 0 && S_ISREG(st.st_mode);

	free(path);
	return found;
}

/* Headers and libraries of the system have no copy in anybody's tree; a file
 * there of the same name is another file. */
static bool is_of_the_system(const char *file)
{
	return strncmp(file, "/usr/", 5) == 0 || strncmp(file, "/rustc/", 7) == 0 || file[0] == '<';
}

/* Folder by folder the front of the path is taken off. A relative path is
 * relative to the top of the build, so only the whole of it counts. */
static const char *find_longest_end(const struct source_root *r, const char *file)
{
	const char *end = file;

	if (is_of_the_system(file) || strstr(file, "../"))
		return NULL;
	while (strncmp(end, "./", 2) == 0)
		end += 2;
	for (bool relative = *end != '/'; end && *end; end = strchr(end, '/')) {
		while (*end == '/')
			end++;
		for (size_t i = 0; *end && i < r->count; i++)
			if (has_file(r->folders[i], end))
				return end;
		if (relative)
			break;
	}
	return NULL;
}

const char *source_root_relative(struct source_root *r, const char *file)
{
	const char *relative = NULL;
	struct known_file *k;

	if (!r || !file || !*file || r->count == 0)
		return NULL;
	HASH_FIND_STR(r->known, file, k);
	if (k)
		return k->relative;
	for (size_t i = 0; i < r->count && !relative; i++)
		relative = strip_folder(r->folders[i], file);
	if (!relative)
		relative = find_longest_end(r, file);
	k = alloc_bytes(sizeof(*k));
	k->file = alloc_string(file);
	k->relative = relative ? alloc_string(relative) : NULL;
	HASH_ADD_KEYPTR(hh, r->known, k->file, strlen(k->file), k);
	return k->relative;
}

const char *source_root_path(struct source_root *r, const char *file)
{
	const char *relative = source_root_relative(r, file);

	return relative ? relative : file;
}
