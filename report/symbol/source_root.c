/* source_root.c - see source_root.h. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/error.h"
#include "base/index.h"
#include "source_root.h"

struct known_file {
	char *file, *relative;
};

struct source_root {
	char **folders; /* as given and, where it differs, resolved; no slash at the end */
	size_t count;
	struct known_file *known;
	size_t known_count, known_capacity;
	struct index known_index; /* by the name of the file */
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
	if (!r)
		return;
	for (size_t i = 0; i < r->known_count; i++) {
		free(r->known[i].file);
		free(r->known[i].relative);
	}
	free(r->known);
	index_free(&r->known_index);
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
	struct known_file k;
	uint64_t hash;

	if (!r || !file || !*file || r->count == 0)
		return NULL;
	hash = XXH3_64bits(file, strlen(file));
	INDEX_EACH(&r->known_index, hash, probe)
	if (!strcmp(r->known[probe.number].file, file))
		return r->known[probe.number].relative;
	for (size_t i = 0; i < r->count && !relative; i++)
		relative = strip_folder(r->folders[i], file);
	if (!relative)
		relative = find_longest_end(r, file);
	k = (struct known_file){ alloc_string(file), relative ? alloc_string(relative) : NULL };
	index_add(&r->known_index, hash, (uint32_t)r->known_count);
	*ARRAY_ADD(r->known, r->known_count, r->known_capacity) = k;
	return k.relative;
}

const char *source_root_path(struct source_root *r, const char *file)
{
	const char *relative = source_root_relative(r, file);

	return relative ? relative : file;
}
