/* foreign.c - allocators other than glibc's: foreign.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/path.h"
#include "foreign.h"
#include "symbol/elf_probe.h"
#include "symbol/symbol_sysroot.h"

static bool is_glibc(const char *base)
{
	return !strncmp(base, "libc.so", 7) || !strncmp(base, "libc-2.", 7) || !strncmp(base, "ld-linux", 8)
		|| !strncmp(base, "ld-2.", 5) || !strncmp(base, "libtidemark", 11);
}

static bool was_seen_before(const struct remote *m, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (m->mappings[k].executable && m->mappings[k].inode == m->mappings[i].inode
			&& m->mappings[k].device == m->mappings[i].device)
			return true;
	return false;
}

static void judge_module(struct foreign *f, const struct elf_probe *p, const char *path, bool program)
{
	const char *name = p->sanitizer ? p->sanitizer : p->inner_allocator;

	if (program)
		f->is_static = p->elf && p->is_static;
	/* A static program defines glibc's malloc itself. */
	if (f->name || !((p->own_malloc && !(program && p->is_static && !name)) || (program && name)))
		return;
	f->name = alloc_string(name ? name : program ? "a malloc of its own" : "another malloc");
	f->path = alloc_string(path);
}

void foreign_find(struct foreign *f, const struct remote *m, int pid, const char *exe)
{
	char link[64], target[4096];
	ssize_t n;

	*f = (struct foreign){ 0 };
	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	if (pid) {
		n = readlink(link, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = 0;
		exe = target;
	}
	for (size_t i = 0; i < m->mapping_count; i++) {
		const struct remote_mapping *p = &m->mappings[i];
		bool program = !strcmp(p->path, exe);
		struct elf_probe probe = { 0 };
		char *path;

		f->is_musl |= strstr(p->path, "musl")
			&& (!strncmp(path_base(p->path), "ld-", 3)
				|| !strncmp(path_base(p->path), "libc.", 5));
		if (!p->executable || p->path[0] != '/' || is_glibc(path_base(p->path))
			|| was_seen_before(m, i))
			continue;
		path = pid && program ? alloc_string(link) : symbol_sysroot_path(p->path);
		elf_probe_file(path, &probe);
		judge_module(f, &probe, p->path, program);
		elf_probe_free(&probe);
		free(path);
	}
}

const char *foreign_doubt(const struct foreign *f, bool walked)
{
	if (walked)
		return f->is_static
			? "the program is static: its thread-local data and its allocator's lists are not told apart from "
			  "the rest"
			: "";
	if (f->is_musl)
		return "the process has musl for its libc, whose heap is not walked";
	return f->is_static ? "the program is static, and a heap of glibc was not found in it"
			    : "a heap of glibc was not found in the process";
}

void foreign_free(struct foreign *f)
{
	free(f->name);
	free(f->path);
	*f = (struct foreign){ 0 };
}
