/* doctor_program.c - what this program allows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doctor.h"
#include "elf_libraries.h"
#include "base/alloc.h"
#include "base/error.h"

#define NAMES_SHOWN 4u

/* "a, b, c and 5 more" */
struct names {
	char text[512];
	size_t count;
};

static void add_name(struct names *n, const char *path)
{
	const char *base = strrchr(path, '/');
	size_t used = strlen(n->text);

	if (n->count++ < NAMES_SHOWN)
		snprintf(n->text + used, sizeof(n->text) - used, "%s%.100s", used ? ", " : "",
			base ? base + 1 : path);
}

static const char *end_names(struct names *n)
{
	size_t used = strlen(n->text);

	if (n->count > NAMES_SHOWN)
		snprintf(n->text + used, sizeof(n->text) - used, " and %zu more", n->count - NAMES_SHOWN);
	return n->text;
}

static void check_names(struct doctor *d, const struct elf_probe *program, char *const *library, size_t count)
{
	struct names bare = { .count = 0 }, unwalkable = { .count = 0 };
	bool without_gil = program->without_gil;
	char *debug = elf_probe_debug_file(program, NULL);
	bool fetched = getenv("DEBUGINFOD_URLS") && *getenv("DEBUGINFOD_URLS");

	if (debug)
		doctor_say(d, "debug-info", DOCTOR_OK, "%s has debug information: functions, files and lines",
			program->path);
	else if (fetched && *program->build_id)
		doctor_say(d, "debug-info", DOCTOR_OK,
			"`tidemark symbolize` looks for the debug information of %s by its build id",
			program->path);
	else
		doctor_say(d, "debug-info", DOCTOR_WARNING,
			"%s has no debug information%s|compile it with -g, or install its "
			"-dbgsym package, or set DEBUGINFOD_URLS for `tidemark symbolize`",
			program->path,
			program->symbols ? ": functions, but no files, lines and inlined calls"
					 : ", and no symbol table: most of its functions will have no names");
	free(debug);
	if (!program->unwind_table)
		add_name(&unwalkable, program->path);
	for (size_t i = 0; i < count; i++) {
		struct elf_probe p;

		elf_probe_file(library[i], &p);
		without_gil |= p.without_gil;
		if (p.elf) {
			debug = elf_probe_debug_file(&p, NULL);
			if (!debug && !p.symbols && !(fetched && *p.build_id))
				add_name(&bare, library[i]);
			if (!p.unwind_table)
				add_name(&unwalkable, library[i]);
			free(debug);
		}
		elf_probe_free(&p);
	}
	if (without_gil)
		doctor_say(d, "python", DOCTOR_OK,
			"its CPython runs without the GIL: stacks have functions and lines of Python, but `types`, "
			"`leaks` and the limit `refleaks` do not count references to objects");
	if (bare.count)
		doctor_say(d, "library-debug-info", DOCTOR_OK,
			"%zu of its %zu libraries have exported names only: %s", bare.count, count,
			end_names(&bare));
	if (unwalkable.count)
		doctor_say(d, "unwind", DOCTOR_WARNING,
			"no unwind table in %s: stacks may end there|compile without "
			"-fno-asynchronous-unwind-tables, or with -fno-omit-frame-pointer",
			end_names(&unwalkable));
}

/* A program may come with a loader of its own. It is not run here, and whether it takes the library is open. */
static void check_loader(struct doctor *d, const struct elf_probe *program)
{
	struct elf_probe self;
	struct tide_error e;
	struct stat own, other;

	if (!elf_probe("/proc/self/exe", &self, &e) && self.loader && !stat(self.loader, &own)
		&& (stat(program->loader, &other) || own.st_dev != other.st_dev
			|| own.st_ino != other.st_ino))
		doctor_say(d, "loader", DOCTOR_WARNING,
			"its loader is %s, not the system's %s|the program and the libraries it brings may not "
			"take libtidemark.so; `tidemark run` shows it",
			program->loader, self.loader);
	elf_probe_free(&self);
	if (program->audit)
		doctor_say(d, "audit", DOCTOR_WARNING,
			"it names %s, which the loader runs before the program|what an auditing library allocates "
			"is not seen",
			program->audit);
}

/* Says what blind.h would say of its snapshots: a profile of another heap than the program's is a wrong one. */
static void check_allocator(struct doctor *d, const struct elf_probe *p)
{
	if (p->linked_allocator)
		doctor_say(d, "allocator", DOCTOR_WARNING,
			"it uses %s: allocations are recorded as always, but not how that allocator lays them "
			"out|its own statistics show its fragmentation",
			p->linked_allocator);
	if (p->inner_allocator)
		doctor_say(d, "allocator", DOCTOR_PROBLEM,
			"%s is linked inside, and what the program allocates by its own functions is not seen|"
			"build the program without it; `gate` (blind = allow) and `run --allow-blind` accept "
			"such a profile",
			p->inner_allocator);
	if (p->go)
		doctor_say(d, "allocator", DOCTOR_PROBLEM,
			"it is written in Go, whose heap is its own: only what C code in it allocates is "
			"seen|use runtime/pprof for the Go part; `gate` (blind = allow) and `run --allow-blind` "
			"accept such a profile");
}

void doctor_program(struct doctor *d, const char *program)
{
	struct elf_probe p;
	struct tide_error e;
	struct elf_libraries l;

	if (elf_probe(program, &p, &e)) {
		doctor_say(d, "program", DOCTOR_PROBLEM, "%s: %s|%s", e.what, e.why, e.hint);
		elf_probe_free(&p);
		return;
	}
	if (p.script)
		doctor_say(d, "script", DOCTOR_OK,
			"%s is a script: what runs is %s, and programs that it starts", p.script, p.path);
	if (elf_probe_obstacle(&p)) {
		char *line = alloc_string(elf_probe_obstacle(&p)), *hint = strrchr(line, ';');

		if (hint)
			*hint++ = 0;
		while (hint && *hint == ' ')
			hint++;
		doctor_say(d, "program", DOCTOR_PROBLEM, "%s|%s", line, hint ? hint : "");
		free(line);
		elf_probe_free(&p);
		return;
	}
	elf_libraries_find(&p, &l);
	if (l.missing)
		doctor_say(d, "program", DOCTOR_PROBLEM,
			"%s cannot start: %s, which %s needs, was not found|install the package that has it, or "
			"name its folder in LD_LIBRARY_PATH",
			p.path, l.missing, strcmp(l.wanted_by, p.path) ? l.wanted_by : "it");
	else
		doctor_say(d, "program", DOCTOR_OK, "%s is dynamically linked, 64 bits, glibc", p.path);
	check_loader(d, &p);
	check_allocator(d, &p);
	check_names(d, &p, l.path, l.count);
	elf_libraries_free(&l);
	elf_probe_free(&p);
}
